"""Sequences of unequal lengths: padded to a block, or packed without padding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Self

import flambeau

from ...tensor import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """The steps of several sequences without padding: first all first elements, then all second ones …, longest sequence first.

    `data` (sum of the lengths, *) has `batch_sizes[t]` rows for step t. `sorted_indices` says where the sequences stood before they
    were sorted by length, `unsorted_indices` undoes it; both are None where they came sorted. Made by `pack_padded_sequence` or
    `pack_sequence`; recurrent layers take and return it.
    """

    __slots__ = ()

    def __new__(
        cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None, unsorted_indices: Tensor | None = None
    ) -> Self:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("PackedSequence without batch_sizes expects data to be the pair (data, batch_sizes)")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError("batch_sizes should always be on CPU: let pack_sequence and pack_padded_sequence make PackedSequences")
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Tensor, move: Callable[[Tensor], Tensor]) -> Self:
        indices = [None if i is None else move(i) for i in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move or cast the data as `Tensor.to` does; the indices move along, batch_sizes stay on the CPU."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else self._with(data, lambda i: i.to(data.device))

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """Move to the GPU."""
        data = self.data.cuda(*args, **kwargs)
        return self if data is self.data else self._with(data, lambda i: i.to(data.device))

    def cpu(self, *args: Any, **kwargs: Any) -> Self:
        """Move to the CPU."""
        return self.to("cpu")

    def pin_memory(self) -> Self:
        """Data and indices in pinned memory."""
        return self._with(self.data.pin_memory(), lambda i: i.pin_memory())

    def double(self) -> Self:
        """Cast the data to float64."""
        return self.to(flambeau.float64)

    def float(self) -> Self:
        """Cast the data to float32."""
        return self.to(flambeau.float32)

    def half(self) -> Self:
        """Cast the data to float16."""
        return self.to(flambeau.float16)

    def long(self) -> Self:
        """Cast the data to int64."""
        return self.to(flambeau.int64)

    def int(self) -> Self:
        """Cast the data to int32."""
        return self.to(flambeau.int32)

    def short(self) -> Self:
        """Cast the data to int16."""
        return self.to(flambeau.int16)

    def char(self) -> Self:
        """Cast the data to int8."""
        return self.to(flambeau.int8)

    def byte(self) -> Self:
        """Cast the data to uint8."""
        return self.to(flambeau.uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data is in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`.  (n) -> (n); None of None

    >>> nn.utils.rnn.invert_permutation(flambeau.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Leave the padding out.  (L, N, *) or with batch_first (N, L, *), lengths (N) -> PackedSequence

    With enforce_sorted the longest sequence must come first; without, they are sorted here and put back by `pad_packed_sequence`.
    Raises RuntimeError for lengths that are unsorted, not positive, longer than the padded sequence, or not one a sequence.

    >>> padded = flambeau.tensor([[1, 2, 0], [3, 0, 0], [4, 5, 6]])
    >>> nn.utils.rnn.pack_padded_sequence(padded, [2, 1, 3], batch_first=True, enforce_sorted=False).data
    tensor([4, 1, 3, 5, 2, 6])
    """
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    long = lengths.to(flambeau.int64) if isinstance(lengths, Tensor) else flambeau.as_tensor(lengths, dtype=flambeau.int64)
    if long.dim() != 1 or long.device.type != "cpu":
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {long.dim()}D {long.device} {long.dtype}")
    order = None
    axis = 0 if batch_first else 1
    if not enforce_sorted:
        long, order = long.sort(descending=True, stable=True)
        order = order.to(input.device)
        input = input.index_select(axis, order)
    sizes = _batch_sizes(long.tolist(), input.shape[axis], input.shape[1 - axis])
    rows = input.transpose(0, 1) if batch_first else input  # (L, N, *)
    n = rows.shape[1]
    places = [t * n + i for t, size in enumerate(sizes) for i in range(size)]
    flat = rows.reshape(-1, *rows.shape[2:])
    data = flat.index_select(0, flambeau.tensor(places, dtype=flambeau.int64, device=input.device))
    return PackedSequence(data, flambeau.tensor(sizes, dtype=flambeau.int64), order)


def _batch_sizes(lengths: list[int], batch: int, longest: int) -> list[int]:
    """How many of the sequences, longest first, have a step t."""
    if len(lengths) != batch:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={batch})")
    if not lengths:
        raise RuntimeError("Cannot pack empty tensors.")
    if min(lengths) <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if any(a < b for a, b in pairwise(lengths)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
            "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement."
        )
    if lengths[0] > longest:
        raise RuntimeError(f"Expected lengths of at most {longest}, the padded length, but got {lengths[0]}")
    return [sum(length > t for length in lengths) for t in range(lengths[0])]


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Undo `pack_padded_sequence`: the block and the lengths.  PackedSequence -> (L, N, *), (N)

    The sequences stand where they stood before packing. total_length pads to more than the longest: data parallel scripts need that.
    Raises ValueError when it is shorter than the longest.
    """
    sizes = sequence.batch_sizes.tolist()
    if total_length is not None and total_length < len(sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(sizes)}"
        )
    data, n = sequence.data, sizes[0]
    long = len(sizes) if total_length is None else total_length
    starts = list(accumulate(sizes, initial=0))
    spare = starts[-1]  # one row of padding after the data
    places = [starts[t] + i if t < len(sizes) and i < sizes[t] else spare for t in range(long) for i in range(n)]
    rows = flambeau.cat([data, flambeau.full((1, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)])
    block = rows.index_select(0, flambeau.tensor(places, dtype=flambeau.int64, device=data.device)).reshape(long, n, *data.shape[1:])
    lengths = flambeau.tensor([sum(size > i for size in sizes) for i in range(n)], dtype=flambeau.int64)
    if batch_first:
        block = block.transpose(0, 1)
    back = sequence.unsorted_indices
    if back is None:
        return block, lengths
    return block.index_select(0 if batch_first else 1, back), lengths[back.cpu()]


def pad_sequence(
    sequences: Iterable[Tensor] | Tensor, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences of unequal lengths as one block.  [(L_i, *)] -> (L, N, *), or with batch_first (N, L, *)

    >>> nn.utils.rnn.pad_sequence([flambeau.tensor([1, 2]), flambeau.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    every = list(sequences)
    if not every:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest, trailing = max(s.shape[0] for s in every), every[0].shape[1:]
    rows = []
    for s in every:
        if s.shape[1:] != trailing:
            raise RuntimeError(f"pad_sequence: expected sequences (L, *{tuple(trailing)}), got one of shape {tuple(s.shape)}")
        missing = longest - s.shape[0]
        if missing:
            more = flambeau.full((missing, *trailing), padding_value, dtype=s.dtype, device=s.device)
            s = flambeau.cat([more, s] if padding_side == "left" else [s, more])
        rows.append(s)
    return flambeau.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a block, each as long as it was.  (L, N, *), (N) -> [(L_i, *)]"""
    block = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(block, lengths.tolist(), strict=True)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences of unequal lengths, packed.  [(L_i, *)] -> PackedSequence

    >>> nn.utils.rnn.pack_sequence([flambeau.tensor([1, 2, 3]), flambeau.tensor([4, 5]), flambeau.tensor([6])]).data
    tensor([1, 4, 6, 2, 5, 3])
    """
    lengths = [s.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a PackedSequence.  PackedSequence -> [(L_i, *)]"""
    block, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(block, lengths, batch_first=True)
