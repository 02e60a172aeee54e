"""Rows gathered into groups: the arithmetic of message passing."""

from __future__ import annotations

import flambeau
from flambeau import Tensor


def scatter(src: Tensor, index: Tensor, dim: int = 0, dim_size: int | None = None, reduce: str = "sum") -> Tensor:
    """Entries of `src` along `dim` with the same `index` made one.  (*, n, *), (n,) -> (*, dim_size, *)

    reduce: "sum" or "add", "mean", "max", "min". A group without entries is 0; the mean of integers is a float.
    dim_size defaults to one more than the largest index.
    The gradient of max and min goes to the first entry that holds it.
    Raises ValueError for an index that does not match `src`, or an unknown reduction; IndexError for an index beyond dim_size.

    >>> scatter(flambeau.tensor([1.0, 2.0, 4.0]), flambeau.tensor([0, 2, 2]))
    tensor([1., 0., 6.])
    """
    dim = dim + src.dim() if dim < 0 else dim
    if index.dim() != 1 or not 0 <= dim < src.dim() or index.shape[0] != src.shape[dim]:
        shapes = f"index {tuple(index.shape)} and src {tuple(src.shape)}"
        raise ValueError(f"expected index of shape (n,) and src with n entries along dim {dim}, got {shapes}")
    size = list(src.shape)
    size[dim] = (int(index.max()) + 1 if index.numel() else 0) if dim_size is None else dim_size
    place = {"dtype": src.dtype, "device": src.device}
    zeros = flambeau.zeros(size, **place)
    if reduce in ("sum", "add"):
        return zeros.index_add(dim, index, src)
    if reduce == "mean":
        count = flambeau.zeros(size[dim], **place).index_add(0, index, flambeau.ones(len(index), **place))
        total = zeros.index_add(dim, index, src)
        count = count.clamp(min=1).reshape([-1] + [1] * (src.dim() - dim - 1))
        return total / count
    if reduce in ("max", "min"):
        places, groups = _first_of_group(src.detach(), index, dim, size[dim], reduce == "max")
        return zeros.index_add(dim, groups, src.gather(dim, places))
    raise ValueError(f"expected reduce to be sum, add, mean, max or min, got {reduce!r}")


def _first_of_group(src: Tensor, index: Tensor, dim: int, size: int, largest: bool) -> tuple[Tensor, Tensor]:
    """Where along `dim` each group's extreme first stands, and which groups have entries.  (*, n, *), (n,) -> (*, k, *), (k,)

    Entries are ordered by value, then, keeping that order, by group. NaN counts as more extreme than any number.
    """
    rising = src if largest else -src if src.is_floating_point() else ~src
    by_value = rising.argsort(dim, descending=True, stable=True)
    lanes = index.reshape([-1] + [1] * (src.dim() - dim - 1)).expand(src.shape)
    by_group = lanes.gather(dim, by_value).argsort(dim, stable=True)
    count = flambeau.zeros(size, dtype=flambeau.int64, device=src.device).index_add(0, index, flambeau.ones_like(index))
    groups = (count > 0).nonzero().flatten()
    starts = (count.cumsum(0) - count)[groups]
    return by_value.gather(dim, by_group.index_select(dim, starts)), groups
