"""Which blocks of the table of scores a mask lets through: PyTorch's `BlockMask`, and the functions that make one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import Parameter, signature
from itertools import product
from math import prod
from typing import Any

import flambeau

from ...func import vmap
from ...tensor import Tensor
from .. import functional as F
from .blocks import dense, ordered, turned, write_order

DEFAULT_BLOCK_SIZE = 128
PAIRS = (("kv_num_blocks", "kv_indices"), ("full_kv_num_blocks", "full_kv_indices"), ("q_num_blocks", "q_indices"),
         ("full_q_num_blocks", "full_q_indices"))  # fmt: skip
TENSORS = (*(name for pair in PAIRS for name in pair), "dq_write_order", "dq_write_order_full", "dq_kv_order")


# ---- functions of one score, run on all
def over_all_scores(function: Callable, scored: bool = False) -> Callable:
    """`function([score,] b, h, q_idx, kv_idx)` of (B, H, L, S) scores and of all places along each axis."""
    for axis in (3, 2, 1, 0):
        lead = (0,) if scored else ()
        function = vmap(function, in_dims=(*lead, *(0 if i == axis else None for i in range(4))))
    return function


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The mask_mod that lets everything through."""
    return batch.new_ones((), dtype=flambeau.bool)


def _sliced_mask_mod_error(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    raise RuntimeError("Cannot use mask_mod from a sliced BlockMask. When you slice a BlockMask using [], the mask_mod attribute is reset. "
                       "You must set it from the original BlockMask's mask_mod, moved by the offset of the slice.")  # fmt: skip


def or_masks(*mask_mods: Callable) -> Callable:
    """The mask_mod that lets through what one of these does.  RuntimeError for what is no function."""
    return _joined(mask_mods, False, lambda a, b: a | b)


def and_masks(*mask_mods: Callable) -> Callable:
    """The mask_mod that lets through what all of these do.  RuntimeError for what is no function."""
    return _joined(mask_mods, True, lambda a, b: a & b)


def _joined(mask_mods: tuple[Callable, ...], first: bool, join: Callable) -> Callable:
    if not all(callable(mod) for mod in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def mask(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_full((), first, dtype=flambeau.bool)
        for mod in mask_mods:
            result = join(result, mod(b, h, q_idx, kv_idx))
        return result

    mask.__name__ = "and_mask" if first else "or_mask"
    return mask


def _is_score_mod(function: Callable) -> bool:
    """Whether it takes a score first.  AssertionError for what takes neither five arguments nor four."""
    needed = [p for p in signature(function).parameters.values() if p.default is Parameter.empty]
    if len(needed) not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {len(needed)}")
    return len(needed) == 5


# ---- the mask
class BlockMask:
    """A mask by blocks of BLOCK_SIZE = (rows, columns) scores: which of each row's blocks hold anything, and which are full.

    seq_lengths               (L, S)
    kv_num_blocks, kv_indices how many blocks of a row are let through in part, and which: (B, H, rows), (B, H, rows, columns)
    full_kv_…                 those that are let through whole, so that mask_mod need not be asked; None where they are among the others
    q_num_blocks, q_indices   the same by columns
    mask_mod                  the function itself, which decides inside of blocks

    Raises AssertionError where one of a pair is missing, RuntimeError where kv_indices has less than two axes.
    """

    seq_lengths: tuple[int, int]
    kv_num_blocks: Tensor
    kv_indices: Tensor
    full_kv_num_blocks: Tensor | None
    full_kv_indices: Tensor | None
    q_num_blocks: Tensor | None
    q_indices: Tensor | None
    full_q_num_blocks: Tensor | None
    full_q_indices: Tensor | None
    dq_write_order: Tensor | None
    dq_write_order_full: Tensor | None
    dq_kv_order: Tensor | None

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None,
        full_kv_indices: Tensor | None,
        q_num_blocks: Tensor | None,
        q_indices: Tensor | None,
        full_q_num_blocks: Tensor | None,
        full_q_indices: Tensor | None,
        BLOCK_SIZE: tuple[int, int] = (DEFAULT_BLOCK_SIZE, DEFAULT_BLOCK_SIZE),
        mask_mod: Callable = noop_mask,
        *,
        dq_write_order: Tensor | None = None,
        dq_write_order_full: Tensor | None = None,
        dq_kv_order: Tensor | None = None,
        dq_kv_order_spt: bool | None = None,
    ) -> None:
        if kv_indices is None or kv_num_blocks is None:
            raise AssertionError("kv_num_blocks and kv_indices must be provided")
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        given = locals()
        for number, indices in PAIRS:
            if (given[number] is None) != (given[indices] is None):
                raise AssertionError(f"{number} and {indices} must be both provided or omitted")
        if dq_write_order_full is not None and dq_write_order is None:
            raise ValueError("dq_write_order_full requires dq_write_order")
        self.seq_lengths, self.BLOCK_SIZE, self.mask_mod, self.dq_kv_order_spt = seq_lengths, BLOCK_SIZE, mask_mod, dq_kv_order_spt
        for name in TENSORS:
            setattr(self, name, given[name])

    @classmethod
    def from_kv_blocks(
        cls,
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None,
        BLOCK_SIZE: int | tuple[int, int] = DEFAULT_BLOCK_SIZE,
        mask_mod: Callable | None = None,
        seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True,
        *,
        dq_write_order: Tensor | None = None,
        dq_write_order_full: Tensor | None = None,
        dq_kv_order: Tensor | bool | None = None,
    ) -> BlockMask:
        """A mask of which the blocks of each row are known; those of columns are found.  AssertionError where half of a pair is missing."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be both provided or omitted")
        if dq_kv_order is not None and not isinstance(dq_kv_order, bool | Tensor):
            raise ValueError("dq_kv_order must be a bool, Tensor, or None")
        none = (None, None)
        by_columns: Any = turned(kv_num_blocks, kv_indices) if compute_q_blocks else none
        full: Any = none
        if compute_q_blocks and full_kv_num_blocks is not None and full_kv_indices is not None:
            full = turned(full_kv_num_blocks, full_kv_indices)
        size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        lengths = (kv_indices.shape[-2] * size[0], kv_indices.shape[-1] * size[1]) if seq_lengths is None else seq_lengths
        pairs: tuple[Any, Any, Any, Any, Any, Any, Any, Any] = (
            kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *by_columns, *full)  # fmt: skip
        order: Any = dq_kv_order
        return cls(
            lengths, *pairs, BLOCK_SIZE=size, mask_mod=noop_mask if mask_mod is None else mask_mod, dq_write_order=dq_write_order,
            dq_write_order_full=dq_write_order_full, dq_kv_order=None if isinstance(order, bool) else order,
            dq_kv_order_spt=order if isinstance(order, bool) else None,
        )  # fmt: skip

    def as_tuple(self, flatten: bool = True) -> tuple:
        """All that it is made of: seq_lengths, the tensors, BLOCK_SIZE and mask_mod; pairs of ints one by one with flatten."""
        lengths, size = (self.seq_lengths, self.BLOCK_SIZE) if flatten else ((self.seq_lengths,), (self.BLOCK_SIZE,))
        return (*lengths, *(getattr(self, name) for name in TENSORS), self.dq_kv_order_spt, *size, self.mask_mod)

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, L, S)"""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many scores there are, seen or not."""
        return prod(self.shape)

    def sparsity(self) -> float:
        """How much of the table lies in blocks that are left out, in percent."""
        blocks = int(self.kv_num_blocks.sum()) + (0 if self.full_kv_num_blocks is None else int(self.full_kv_num_blocks.sum()))
        return 100 * (1 - blocks * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """1 for each block that holds anything.  -> (B, H, rows, columns)"""
        found = dense(self.kv_num_blocks, self.kv_indices, self.kv_indices.shape[-1])
        if self.full_kv_num_blocks is None or self.full_kv_indices is None:
            return found
        return found | dense(self.full_kv_num_blocks, self.full_kv_indices, self.full_kv_indices.shape[-1])

    def _full(self) -> tuple[Tensor, Tensor] | None:
        return None if self.full_kv_num_blocks is None or self.full_kv_indices is None else (self.full_kv_num_blocks, self.full_kv_indices)

    def _like(self, parts: Callable, mask_mod: Callable, lengths: tuple[int, int], what: str) -> BlockMask:
        """A mask whose pairs by rows are `parts` of these."""
        if self.dq_kv_order is not None:
            raise NotImplementedError(f"{what} BlockMask with tensor dq_kv_order is not supported: construct a new BlockMask")
        full = self._full()
        pairs: tuple[Any, Any, Any, Any] = (*parts(self.kv_num_blocks, self.kv_indices), *((None, None) if full is None else parts(*full)))
        made = BlockMask.from_kv_blocks(*pairs, self.BLOCK_SIZE, mask_mod, lengths, self.q_indices is not None)
        made.dq_kv_order_spt = self.dq_kv_order_spt
        if self.dq_write_order is not None:
            made.dq_write_order, made.dq_write_order_full = write_order(made, self.dq_kv_order_spt)
        return made

    def __getitem__(self, index: Any) -> BlockMask:
        """The mask of some batches, heads and rows of blocks; ints keep their axis.  Its mask_mod is to be set anew."""
        index = (*(index if isinstance(index, tuple) else (index,)), slice(None), slice(None), slice(None))[:3]
        sizes = self.kv_num_blocks.shape[:3]
        kept = tuple(_kept(i, n) if isinstance(i, int) else i for i, n in zip(index, sizes, strict=False))
        return self._like(lambda number, indices: (number[kept], indices[kept]), _sliced_mask_mod_error, self.seq_lengths, "Slicing")

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The upper left corner of the mask, for other lengths."""
        rows, columns = -(-new_q_len // self.BLOCK_SIZE[0]), -(-new_kv_len // self.BLOCK_SIZE[1])

        def corner(number: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
            return ordered(dense(number, indices, indices.shape[-1])[..., :rows, :columns])

        return self._like(corner, self.mask_mod, (new_q_len, new_kv_len), "Adjusting")

    def to(self, device: Any) -> BlockMask:
        """The mask with its tensors on a device."""
        moved: dict[str, Any] = {name: None if getattr(self, name) is None else getattr(self, name).to(device) for name in TENSORS}
        return BlockMask(self.seq_lengths, **moved, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod,
                         dq_kv_order_spt=self.dq_kv_order_spt)  # fmt: skip

    # ---- as text
    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture: █ for blocks let through, ░ where a square of the picture holds some, of at most grid_size squares (-1: all)."""
        table = self.to_dense()
        *lead, rows, columns = table.shape
        most = (rows, columns) if grid_size == -1 else (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        steps = max(1, -(-rows // most[0])), max(1, -(-columns // most[1]))
        pictures: list[str] = []
        for number, place in enumerate(product(*(range(n) for n in lead))):
            if number == limit:
                pictures += ["...", "To print out more, set BlockMask.to_string(limit=N)",
                             "You can also index (BlockMask[batch, head]) to choose a specific batch or head"]
                break
            pictures.append("\n".join([f"{place}", *_rows(table[place] if place else table, *steps), ""]))
        return "\n".join(pictures)

    def __str__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        shapes = [f"    {name}={None if getattr(self, name) is None else getattr(self, name).shape},\n" for pair in PAIRS for name in pair]
        name = getattr(self.mask_mod, "__name__", self.mask_mod)
        return (f"BlockMask(\n{''.join(shapes)}    BLOCK_SIZE={self.BLOCK_SIZE},\n    shape={self.shape},\n"
                f"    sparsity={self.sparsity():.2f}%,\n    mask_mod={name}\n)")  # fmt: skip


def _kept(i: int, n: int) -> slice:
    return slice(i + n, i + n + 1) if -n <= i < 0 else slice(i, i + 1)


def _rows(table: Tensor, down: int, across: int) -> Iterator[str]:
    for r in range(0, table.shape[0], down):
        shares = [table[r:r + down, c:c + across].float().mean().item() for c in range(0, table.shape[1], across)]
        yield "".join(("█" if share == 1 else " " if share == 0 else "░") * 2 for share in shares)


# ---- made from functions
def create_mask(mod_fn: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None) -> Tensor:
    """The whole table of a mask_mod, or where a score_mod does not give -inf.  -> (B, H, Q_LEN, KV_LEN)

    >>> from flambeau.nn.attention.flex_attention import create_mask
    >>> create_mask(lambda b, h, i, j: i >= j, None, None, 2, 2)
    tensor([[[[ True, False],
              [ True,  True]]]])
    """
    if device is None:  # PyTorch takes the accelerator, whatever the default device is; who has one is known above nn
        device = import_module("flambeau.accelerator").current_accelerator(check_available=True) or "cpu"
    shape = (1 if B is None else B, 1 if H is None else H, Q_LEN, KV_LEN)
    places = [flambeau.arange(n, device=device) for n in shape]
    if _is_score_mod(mod_fn):
        return ~over_all_scores(mod_fn, scored=True)(flambeau.zeros(shape, device=device), *places).isneginf()
    return over_all_scores(mod_fn)(*places)


def create_block_mask(
    mask_mod: Callable,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = DEFAULT_BLOCK_SIZE,
    _compile: bool = False,
    separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False,
    dq_kv_order: bool = True,
) -> BlockMask:
    """The blocks of a mask_mod.  B and H are 1 where None: one mask for all batches or heads.

    separate_full_blocks: whether blocks that are let through whole are told apart. compute_dq_write_order: tell for each block of a
    column how many of its row come before it, in falling order with dq_kv_order. AssertionError where mask_mod takes a score.

    >>> from flambeau.nn.attention.flex_attention import create_block_mask
    >>> create_block_mask(lambda b, h, i, j: i >= j, None, None, 256, 256).sparsity()
    25.0
    """
    if _is_score_mod(mask_mod):
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    if not isinstance(dq_kv_order, bool):
        raise ValueError("dq_kv_order must be a bool when using create_block_mask")
    rows, columns = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    mask = F.pad(mask, (0, -KV_LEN % columns, 0, -Q_LEN % rows))
    batch, heads, q, kv = mask.shape
    seen = mask.reshape(batch, heads, q // rows, rows, kv // columns, columns).sum((3, 5))  # (B, H, rows, columns)
    full = seen == rows * columns if separate_full_blocks else None
    some = seen > 0 if full is None else (seen > 0) & ~full
    pairs: tuple[Any, Any, Any, Any] = (*ordered(some), *((None, None) if full is None else ordered(full)))
    made = BlockMask.from_kv_blocks(*pairs, (rows, columns), mask_mod, (Q_LEN, KV_LEN))
    if compute_dq_write_order:
        made.dq_write_order, made.dq_write_order_full = write_order(made, dq_kv_order)
        made.dq_kv_order_spt = dq_kv_order
    return made
