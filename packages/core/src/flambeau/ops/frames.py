"""Overlapping frames of an axis, and their sum: each is the other's adjoint."""
from __future__ import annotations

from ..define import op
from ..fast import view_of
from ..tensor import check_dim
from .view import movedim, view


def _samples(make):
    yield (make((2, 7), -1.0, 1.0),), {"dim": 1, "size": 3, "step": 2}
    yield (make((5, 2), -1.0, 1.0),), {"dim": 0, "size": 2, "step": 3}


def _back(g, length, dim, step):
    return movedim(overlap_add(movedim(g, dim, -2), step=step, length=length), -1, dim)


UNFOLD = view("unfold", lambda g, _y, _x, dim, size, step: _back(g, _x.shape[dim], dim, step),
              lambda xp, x, dim, size, step: _frames(xp, x, dim, size, step), _samples,
              "Frames of `size` elements, one every `step`, in a new last axis.  (*, n, *) -> (*, frames, *, size)")


def _frames(xp, x, dim, size, step):
    count = (x.shape[dim] - size) // step + 1
    strides = list(x.strides)
    strides[dim] *= step
    shape = x.shape[:dim] + (count,) + x.shape[dim + 1:] + (size,)
    return xp.lib.stride_tricks.as_strided(x, shape, (*strides, x.strides[dim]))


def unfold(x, dimension: int, size: int, step: int):
    """Frames of `size` elements of an axis, one every `step`, in a new last axis, as a view.  (*, n, *) -> (*, frames, *, size)

    RuntimeError where the axis is shorter than a frame.

    >>> flambeau.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    if x.ndim == 0:
        return unfold(x.reshape(1), dimension, size, step)[0]
    dim = check_dim(dimension, x.ndim)
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > x.shape[dim]:
        raise RuntimeError(f"maximum size for tensor at dimension {dimension} is {x.shape[dim]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return view_of(UNFOLD, x, {"dim": dim, "size": size, "step": step})


@op("index", inputs=1, linear=True, samples=lambda make: [((make((2, 3, 5), -1.0, 1.0),), {"step": 2, "length": 10})],
    vjp=lambda g, _y, _x, step, length: view_of(UNFOLD, g, {"dim": g.ndim - 1, "size": _x.shape[-1], "step": step}))
def overlap_add(xp, frames, step, length):
    """Frames laid down one every `step` elements and summed.  (*, frames, size) -> (*, length)

    Frames are cut in pieces of one step, so that each sum takes all frames at once, in an order that does not vary.
    """
    count, size = frames.shape[-2:]
    lead = frames.shape[:-2]
    pieces = -(-size // step)
    out = xp.zeros((*lead, max(count + pieces - 1, -(-length // step)), step), frames.dtype)
    for i in range(pieces):
        piece = frames[..., i * step:(i + 1) * step]
        out[..., i:i + count, :piece.shape[-1]] += piece
    return xp.ascontiguousarray(out.reshape(*lead, -1)[..., :length])
