"""From tokens to tensors, step by step, as torchtext's: each step takes one list, or a batch as a list of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F

from .vocab import Vocab

T = TypeVar("T")


def _is_batch(items: Sequence[Any]) -> bool:
    """Whether `items` is a list of lists; raises TypeError when it is neither that nor a list of tokens or ids."""
    if not isinstance(items, (list, tuple)):
        raise TypeError(f"expected a list of tokens or ids, or a list of such lists, got {type(items).__name__}")
    kinds = {isinstance(item, (list, tuple)) for item in items}
    if len(kinds) > 1:
        raise TypeError("expected either a list of tokens or ids, or a list of such lists, got both in one list")
    return kinds == {True}


class VocabTransform(nn.Module):
    """Tokens to their indices.

    >>> VocabTransform(Vocab(["a", "b"]))([["b", "a"], ["b"]])
    [[1, 0], [1]]
    """

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        self.vocab = vocab

    def forward(self, tokens: Sequence[Any]) -> list[Any]:
        return [self.vocab(t) for t in tokens] if _is_batch(tokens) else self.vocab(tokens)


class Truncate(nn.Module):
    """At most the first `max_seq_len` items.

    >>> Truncate(2)([[1, 2, 3], [4]])
    [[1, 2], [4]]
    """

    def __init__(self, max_seq_len: int) -> None:
        super().__init__()
        if max_seq_len < 0:
            raise ValueError(f"expected max_seq_len of 0 or more, got {max_seq_len}")
        self.max_seq_len = max_seq_len

    def forward(self, items: Sequence[Any]) -> list[Any]:
        return [list(i[: self.max_seq_len]) for i in items] if _is_batch(items) else list(items[: self.max_seq_len])


class AddToken(nn.Module):
    """One token or id more, at the beginning or at the end.

    >>> AddToken("<eos>", begin=False)(["so", "it", "goes"])
    ['so', 'it', 'goes', '<eos>']
    """

    def __init__(self, token: int | str, begin: bool = True) -> None:
        super().__init__()
        self.token, self.begin = token, begin

    def forward(self, items: Sequence[Any]) -> list[Any]:
        return [self._add(i) for i in items] if _is_batch(items) else self._add(items)

    def _add(self, items: Sequence[Any]) -> list[Any]:
        return [self.token, *items] if self.begin else [*items, self.token]


class ToTensor(nn.Module):
    """Ids to a tensor. A batch: (N, longest), filled up on the right by `padding_value`; without one all must have the same length.

    >>> ToTensor(padding_value=0)([[1, 2, 3], [4]])
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """

    def __init__(self, padding_value: int | None = None, dtype: flambeau.dtype = flambeau.int64) -> None:
        super().__init__()
        self.padding_value, self.dtype = padding_value, dtype

    def forward(self, ids: Sequence[Any]) -> Tensor:
        if not _is_batch(ids):
            return flambeau.tensor(list(ids), dtype=self.dtype)
        longest = max(len(row) for row in ids)
        if self.padding_value is None and any(len(row) != longest for row in ids):
            raise ValueError(f"expected lists of one length, got {sorted({len(row) for row in ids})}; give ToTensor a padding_value")
        return flambeau.tensor([[*row, *[self.padding_value] * (longest - len(row))] for row in ids], dtype=self.dtype)


class Sequential(nn.Sequential):
    """One transform after another.

    >>> Sequential(Truncate(2), AddToken(9), ToTensor())([1, 2, 3])
    tensor([9, 1, 2])
    """


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Tensors of different lengths as one, the shorter filled up.  N × (L, *) -> (longest, N, *), or (N, longest, *) if batch_first

    Gradients flow through it. Raises RuntimeError when there is none, ValueError for another padding_side than "right" and "left".

    >>> pad_sequence([flambeau.tensor([1, 2]), flambeau.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not sequences:
        raise RuntimeError("expected at least one tensor to pad, got an empty list")
    if padding_side not in ("right", "left"):
        raise ValueError(f"expected padding_side 'right' or 'left', got {padding_side!r}")
    longest = max(len(s) for s in sequences)
    padded = []
    for s in sequences:
        gap = longest - len(s)
        pads = [0, 0] * (s.ndim - 1) + ([0, gap] if padding_side == "right" else [gap, 0])  # the last axis comes first
        padded.append(F.pad(s, pads, value=padding_value) if gap else s)
    return flambeau.stack(padded, 0 if batch_first else 1)
