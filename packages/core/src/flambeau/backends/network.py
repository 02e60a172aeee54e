"""Cards of networks that C does whole on the CPU, where their many small steps would each cost a call. None: the card's body runs."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np
from numpy._core import umath

from .native import flat_loop, loop

__all__ = ["batch_norm_eval", "batch_norm_train", "clamp", "gather", "mean_cross_entropy", "move", "scalar", "topk", "triangle", "var"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
clip: np.ufunc = vars(umath)["clip"]  # np.clip without its Python
LARGE = 1 << 12  # elements from which NumPy's exponential, which works on sixteen at once, makes up for its many calls


@lru_cache(256)
def _sizes(shape: tuple[int, ...]) -> np.ndarray:
    return np.array([shape[0], shape[1], prod(shape[2:])], np.int64)


@lru_cache(64)
def _neutral(channels: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(channels, kind), np.zeros(channels, kind)


def batch_norm_train(x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float):
    kind, channels = x.dtype, x.shape[1]
    if kind not in FLOATS or not x.size:
        return None
    if weight is None or bias is None:
        one, zero = _neutral(channels, kind.char)
        weight, bias = one if weight is None else weight, zero if bias is None else bias
    run = flat_loop("batch_norm", "TqTTT->TTT", "pgcc.pcc")
    each = (channels,)
    return (run and run(x, _sizes(x.shape), weight, bias, scalar(eps, kind.char), x.shape, each, each)) or None


@lru_cache(256)
def scalar(value: float, kind: str) -> np.ndarray:
    return np.array(value, kind)


@lru_cache(64)
def _shares(kept: float, taken: float, kind: str) -> np.ndarray:
    return np.array([kept, taken], kind)


def move(running: np.ndarray, batch: np.ndarray, kept: float, taken: float) -> bool:
    """running = running * kept + batch * taken, in place; False where C does not do it."""
    run = flat_loop("move", "TTT->T", "ccsc") if running.dtype in FLOATS else None
    return run is not None and run(running, batch, _shares(kept, taken, running.dtype.char), running)


def batch_norm_eval(x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float):
    kind, channels = x.dtype, x.shape[1]
    if kind not in FLOATS or not x.size:
        return None
    if weight is None or bias is None:
        one, zero = _neutral(channels, kind.char)
        weight, bias = one if weight is None else weight, zero if bias is None else bias
    run = flat_loop("batch_norm_eval", "TqTTTTT->T", "pgcccc.p")
    if run is None or len(mean) != channels:
        return None
    y = run(x, _sizes(x.shape), mean, var, weight, bias, scalar(eps, kind.char), x.shape)
    return None if y is False else y


def mean_cross_entropy(x: np.ndarray, target: np.ndarray):
    """None also where a target is no class: whoever asked tells so."""
    if x.ndim != 2 or target.shape != x.shape[:1] or not 0 < x.size < LARGE:
        return None
    run = flat_loop("cross_entropy", "Tq->Tq", "pn..")
    found = run is not None and run(x, target, (), ())
    return found[0] if found and not found[1] else None


def clamp(x: np.ndarray, min, max):
    """One pass of NumPy's own `clip` loop; a NaN among the numbers or the bounds comes through, as in the body."""
    if x.dtype not in FLOATS or not isinstance(min, (int, float)) or not isinstance(max, (int, float)):
        return None
    return clip(x, min, max)


@lru_cache(256)
def _axis(shape: tuple[int, ...], places: tuple[int, ...], dim: int) -> np.ndarray | None:
    if not shape or len(shape) != len(places) or shape[:dim] + shape[dim + 1 :] != places[:dim] + places[dim + 1 :]:
        return None
    return np.array([prod(shape[:dim]), shape[dim], prod(shape[dim + 1 :]), places[dim]], np.int64)


def gather(x: np.ndarray, places: np.ndarray, dim: int):
    """None also where a place lies outside: whoever asked tells so."""
    sizes = _axis(x.shape, places.shape, dim) if x.dtype in FLOATS and places.dtype == np.int64 else None
    run = None if sizes is None else flat_loop("gather_flat", "Tqq->Tq", "pqgqb")
    if run is None:
        return None
    found = run(x, places, sizes, places.shape, ())
    return found[0] if found and not found[1] else None


@lru_cache(256)
def _matrix(shape: tuple[int, ...], diagonal: int, upper: bool) -> np.ndarray:
    return np.array([prod(shape[:-2]), shape[-2], shape[-1], diagonal, upper], np.int64)


def triangle(x: np.ndarray, diagonal: int, upper: bool):
    run = flat_loop("triangle", "Tq->T", "pgp") if x.dtype in FLOATS and type(diagonal) is int and x.ndim > 1 else None
    if run is None:
        return None
    return run(x, _matrix(x.shape, diagonal, upper), x.shape)


def topk(x: np.ndarray, k: int, dim: int, largest: bool):
    """Values and places along an axis that is there; for a small k or a short axis, where insertion beats sorting."""
    if x.dtype not in FLOATS or (k > 16 and x.shape[dim] > 64):
        return None
    last = dim == x.ndim - 1
    run = flat_loop("topk", "Tq->Tq", "n.kk", True) if last else loop("topk", "Tq->Tq", "(n),()->(k),(k)")
    if run is None:
        return None
    shape = (*x.shape[:dim], k, *x.shape[dim + 1 :])
    if last:
        return run(x, GREATEST if largest else LEAST, shape, shape)
    values, places = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    run(x, largest, values, places, axes=[(dim,), (), (dim,), (dim,)])
    return values, places


GREATEST, LEAST = np.array(1, np.int64), np.array(0, np.int64)


def var(x: np.ndarray, dim, correction, keepdim: bool):
    if x.dtype not in FLOATS or not 0 < x.size < LARGE or (dim is not None and type(dim) is not int) or not x.ndim:
        return None
    run = loop("variance", "TT->T", "(n),()->()")
    if run is None:
        return None
    if dim is None:
        return flat_loop("variance", "TT->T", "n..")(x, scalar(correction, x.dtype.char), (1,) * x.ndim if keepdim else ())
    if dim == -1 or dim == x.ndim - 1:
        shape = (*x.shape[:-1], 1) if keepdim else x.shape[:-1]
        return flat_loop("variance", "TT->T", "n.1", True)(x, scalar(correction, x.dtype.char), shape)
    made = run(x, correction, axes=[(dim,), (), ()], signature=SIGNATURES[x.dtype])
    return np.expand_dims(made, dim) if keepdim else made


SIGNATURES = {FLOATS[0]: "ff->f", FLOATS[1]: "dd->d"}
