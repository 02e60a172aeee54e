"""Looking rows up in a table, and writing classes as rows."""

from __future__ import annotations

from numpy import int64

import flambeau

from ...autograd import no_grad
from ...context import is_grad_enabled
from ...ops.index import embedding as embedding_card
from ...ops.index import extremes as least_and_greatest
from ...ops.view import ready
from ...tensor import Tensor, plain
from .sizes import extremes

__all__ = ["embedding", "one_hot"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` that `input` names.  (*) of integers, (V, D) -> (*, D)

    padding_idx's row gets no gradient. With max_norm the rows looked up are first scaled down to it, in place.
    Raises IndexError for an index outside of 0 .. V - 1, RuntimeError for an input that is not int32 or int64.
    """
    if padding_idx is max_norm is None and not scale_grad_by_freq and not sparse:
        places, table = ready(input), ready(weight)
        if places is not None and table is not None and table.ndim == 2 and places.size and places.dtype == int64:
            low, high = least_and_greatest(places)
            if 0 <= low <= high < table.shape[0]:
                return embedding_card(weight, input) if weight.node is not None else plain(table.take(places, 0))
    if input.dtype not in (flambeau.int64, flambeau.int32):
        raise RuntimeError(f"embedding(): Expected tensor for argument 'indices' to have scalar types Long or Int, got {input.dtype}")
    if weight.dim() != 2:
        raise RuntimeError(f"embedding(): 'weight' must be 2-D, got shape {tuple(weight.shape)}")
    rows = weight.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError(f"Padding_idx must be within num_embeddings: got {padding_idx} for {rows} rows")
        padding_idx %= rows
    if max_norm is not None:
        _clip_rows(weight, input, max_norm, norm_type)
    found = extremes(input)
    if found is not None and not 0 <= found[0] <= found[1] < rows:
        wrong = found[0] if found[0] < 0 else found[1]
        raise IndexError(f"index out of range in self: expected indices in 0 .. {rows - 1} for a table of {rows} rows, got {wrong}")
    if sparse and weight.requires_grad and is_grad_enabled():
        from .rows import SparseRows

        rows_found = SparseRows.apply(weight, input, padding_idx)
    else:
        rows_found = embedding_card(weight, input, padding_idx=padding_idx)
    if not scale_grad_by_freq or not rows_found.requires_grad:
        return rows_found
    often = flambeau.bincount(input.reshape(-1), minlength=rows)[input].unsqueeze(-1)
    still = rows_found.detach()
    return still + (rows_found - still) / often  # the same values; the gradient is shared among a row's lookups


def _clip_rows(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    with no_grad():
        used = input.reshape(-1)
        rows = weight.detach()[used]
        norms = rows.norm(norm_type, dim=1, keepdim=True)
        weight[used] = flambeau.where(norms > max_norm, rows * (max_norm / (norms + 1e-7)), rows)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A one in the place of each class, else zeros.  (*) of int64 -> (*, num_classes)

    num_classes defaults to the largest class and one. Raises RuntimeError for a class outside of 0 .. num_classes - 1.

    >>> F.one_hot(flambeau.tensor([2, 0]))
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    if tensor.dtype != flambeau.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return flambeau.empty(*tensor.shape, num_classes, dtype=flambeau.int64, device=tensor.device)
    if num_classes > 0 and not tensor.visible():  # which classes there are is not to be seen
        return (tensor.unsqueeze(-1) == flambeau.arange(num_classes, device=tensor.device)).to(flambeau.int64)
    lowest, highest = int(tensor.min()), int(tensor.max())
    if lowest < 0:
        raise RuntimeError(f"Class values must be non-negative, got {lowest}")
    if num_classes == -1:
        num_classes = highest + 1
    elif num_classes < 1:
        raise RuntimeError(f"num_classes should be positive, got {num_classes}")
    elif highest >= num_classes:
        raise RuntimeError(f"Class values must be smaller than num_classes: got {highest} for {num_classes} classes")
    return (tensor.unsqueeze(-1) == flambeau.arange(num_classes, device=tensor.device)).to(flambeau.int64)
