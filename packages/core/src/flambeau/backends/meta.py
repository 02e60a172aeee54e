"""Arrays without values: a shape, a dtype and strides over memory that is reserved and never filled.

A `Hollow` is a NumPy array over address space that the system has promised and not given (pages of zeros, read-only), so that every view of
NumPy is a view here too, with its true strides. What would compute is answered from shapes: a ufunc runs on arrays of one element to learn
its dtype. A function without a rule here runs on a stand-in, an identity or ones of the true shape, as long as that is small.
"""
from __future__ import annotations

import builtins
import math
import mmap
import sys
from functools import cache
from typing import Any

import numpy as np

from .conv import conv_output_size
from .numpy import erf, on_host, special
from .pool import pool_output_size

__all__ = ["device_type", "erf", "on_host", "special"]
device_type = "meta"
RESERVED = 1 << 46  # bytes: the largest tensor on meta
SMALL = 1 << 22  # elements: the largest stand-in


_next = [0]


@cache
def _region() -> np.ndarray:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    try:
        return np.frombuffer(mmap.mmap(-1, RESERVED, prot=mmap.PROT_READ, flags=flags), np.uint8)
    except OSError as error:
        raise RuntimeError(f"tensors on meta need {RESERVED >> 40} TiB of address space (no memory), which the system refuses: {error}") \
            from None


def hollow(shape, kind, strides=None) -> Hollow:
    """An array of this shape and dtype that has no values."""
    if isinstance(shape, int):
        shape = (shape,)
    kind = np.dtype(kind)
    size = math.prod(shape) * kind.itemsize
    if size > RESERVED:
        raise RuntimeError(f"a tensor of {math.prod(shape)} elements is beyond what meta holds ({RESERVED} bytes)")
    at = _next[0] if _next[0] + size <= RESERVED else 0  # a place of its own: what shares memory is a view
    _next[0] = at + (size + 63 & ~63)
    return np.ndarray.__new__(Hollow, shape, kind, _region(), at, strides)


def _no_value(what: str):
    def refuse(self, *_args, **_kwargs):
        raise RuntimeError(f"Tensor.{what} cannot be called on meta tensors: they have a shape and a dtype, and no values")
    return refuse


class _Place:
    id = None


class Hollow(np.ndarray):
    """A NumPy array that is never read."""

    device = _Place()

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if ufunc is np.matmul or ufunc.signature is not None or method not in ("__call__", "reduce", "accumulate"):
            made = _matmul(*inputs) if ufunc is np.matmul else _by_stand_in(getattr(ufunc, method), inputs, options)
        elif method == "__call__":
            options.pop("where", None)
            ones = [_one(x) for x in inputs]
            made = _spread(ufunc(*ones, **options), np.broadcast_shapes(*(x.shape for x in inputs if isinstance(x, np.ndarray))), inputs)
        else:
            x = inputs[0]
            axis = inputs[1] if len(inputs) > 1 else options.get("axis", 0)
            kind = getattr(ufunc, method)(np.ones((1,), x.dtype), dtype=options.get("dtype")).dtype
            if method == "reduce":
                made = hollow(reduced_shape(x.shape, axis, options.get("keepdims", False), ufunc.identity), kind)
            else:
                made = hollow(x.shape, kind)
        if out is None or out[0] is None:
            return made
        if out[0].shape != getattr(made, "shape", ()):
            raise ValueError(f"non-broadcastable output operand with shape {out[0].shape} doesn't match the broadcast shape {made.shape}")
        return out[0]

    def __array_function__(self, func, types, args, kwargs):
        rule = _RULES.get(func)
        if rule is not None:
            return rule(*args, **kwargs)
        if func in _VIEWS:
            return _as_hollow(super().__array_function__(func, types, args, kwargs))
        return _by_stand_in(func, args, kwargs)

    def __getitem__(self, key):
        parts = key if type(key) is tuple else (key,)
        if all(p is None or p is Ellipsis or isinstance(p, slice) or type(p) is int for p in parts):
            got = super().__getitem__(key)
            return got if isinstance(got, Hollow) else hollow((), self.dtype)
        return hollow(indexed_shape(self.shape, parts), self.dtype)

    def __setitem__(self, key, value):
        shape = self[key].shape
        np.broadcast_shapes(shape, np.shape(value))  # ValueError where it does not fit

    def reshape(self, *shape, order="C", copy=None):
        shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape
        try:
            return super().reshape(shape, order=order, copy=False)
        except ValueError:
            proxy = np.broadcast_to(np.zeros((), np.bool_), self.shape)
            return hollow(proxy.reshape(shape).shape, self.dtype)  # in other memory; ValueError where the sizes differ

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        return self if not copy and self.dtype == dtype else _spread(np.ones((1,) * self.ndim, dtype), self.shape, (self,))

    def copy(self, order="C"):
        return hollow(self.shape, self.dtype)

    def ravel(self, order="C"):
        return self.reshape(-1)

    def flatten(self, order="C"):
        return hollow((self.size,), self.dtype)

    def argmax(self, axis=None, out=None, *, keepdims=False):
        return hollow(reduced_shape(self.shape, axis, keepdims, None), np.int64)

    argmin = argmax

    def argsort(self, axis=-1, kind=None, order=None, *, stable=None):
        return hollow(self.shape, np.int64)

    def cumsum(self, axis=None, dtype=None, out=None):
        return np.add.accumulate(self, axis=axis, dtype=dtype)

    def cumprod(self, axis=None, dtype=None, out=None):
        return np.multiply.accumulate(self, axis=axis, dtype=dtype)

    def take(self, indices, axis=None, out=None, mode="raise"):
        shape = np.shape(indices)
        return hollow(shape if axis is None else (*self.shape[:axis % self.ndim], *shape, *self.shape[axis % self.ndim + 1:]), self.dtype)

    def conj(self):
        return hollow(self.shape, self.dtype)

    conjugate = conj

    def dot(self, other, out=None):
        return _dot(self, other)

    def fill(self, value):
        pass

    def repeat(self, repeats, axis=None):
        return _by_stand_in(np.repeat, (self, repeats, axis), {})

    def sort(self, axis=-1, kind=None, order=None, *, stable=None):
        pass

    item, tolist, __bool__, nonzero, tobytes = (_no_value(w) for w in ("item()", "tolist()", "__bool__()", "nonzero()", "tobytes()"))
    __int__ = __float__ = __complex__ = __index__ = item


def _one(x):
    return np.ones((1,) * x.ndim, x.dtype) if isinstance(x, np.ndarray) else x


def indexed_shape(shape, parts) -> tuple:
    """The shape of NumPy's advanced indexing; a mask's result depends on its values."""
    for p in parts:
        if getattr(p, "dtype", None) == np.bool_:
            _no_value("nonzero()")(p)
    used = builtins.sum(p is not None and p is not Ellipsis for p in parts)
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    parts = [*parts[:at], *[slice(None)] * (len(shape) - used), *parts[at + 1:]]
    sizes, kept, places, d = [], [], [], 0
    for i, p in enumerate(parts):
        if p is None:
            kept.append(1)
        elif isinstance(p, slice):
            kept.append(len(range(*p.indices(shape[d]))))
        else:
            sizes.append(np.shape(p))
            places.append((i, len(kept)))
        d += p is not None
    first, last = places[0], places[-1]
    ahead = first[1] if last[0] - first[0] == len(places) - 1 else 0  # index arrays apart from each other: their axes come first
    return (*kept[:ahead], *np.broadcast_shapes(*sizes), *kept[ahead:])


def _spread(sample, shape, inputs=()):
    """Arrays as `sample` (of one element each) says, in this shape; in the axis order of a lone dense input, as NumPy lays it out."""
    if isinstance(sample, tuple):
        return tuple(_spread(s, shape, inputs) for s in sample)
    kind = np.asarray(sample).dtype
    same = [x for x in inputs if isinstance(x, np.ndarray) and x.ndim and x.shape == shape]
    if same and not same[0].flags.c_contiguous and len({x.strides for x in same}) == 1 and 0 not in shape:
        order = sorted(range(len(shape)), key=lambda d: (-abs(same[0].strides[d]), d))
        strides, step = [0] * len(shape), kind.itemsize
        for d in reversed(order):
            strides[d], step = step, step * shape[d]
        return hollow(shape, kind, tuple(strides))
    return hollow(shape, kind)


def reduced_shape(shape, axis, keepdims: bool, identity=0) -> tuple:
    """What is left of a shape when axes are folded.  IndexError and ValueError as NumPy's."""
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int | np.integer) else axis
    gone = {np.lib.array_utils.normalize_axis_index(a, len(shape)) for a in axes} if shape else set()
    if identity is None and builtins.any(shape[d] == 0 for d in gone) and 0 not in [n for d, n in enumerate(shape) if d not in gone]:
        raise ValueError("zero-size array to reduction operation which has no identity")
    return tuple(1 if d in gone else n for d, n in enumerate(shape) if keepdims or d not in gone)


def _matmul(a, b):
    m, n = a.shape, b.shape
    if m[-1] != n[-2 if b.ndim > 1 else 0]:
        raise ValueError(f"matmul: Input operand 1 has a mismatch in its core dimension 0 (size {n[-2 if b.ndim > 1 else 0]} is different "
                         f"from {m[-1]})")
    shape = np.broadcast_shapes(m[:-2], n[:-2]) + m[-2:-1] + (n[-1:] if b.ndim > 1 else ())
    return hollow(shape, np.result_type(a.dtype, b.dtype))


def _stand_in(x, whole: int = 0):
    """Real values in the place of none: factorisations find an identity, indices find place 0 (LAPACK, which counts from 1, place 1)."""
    if isinstance(x, Hollow):
        if x.size > SMALL:
            raise RuntimeError(f"this operation has no rule for shapes alone, and {tuple(x.shape)} is too large to try it on")
        if x.dtype.kind not in "fcV" or x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            return np.full(x.shape, 1 if x.dtype.kind in "fcV" else whole, x.dtype)
        return np.broadcast_to(np.eye(x.shape[-1]).astype(x.dtype), x.shape).copy()
    if isinstance(x, list | tuple):
        return type(x)([_stand_in(v, whole) for v in x])
    return x


def _as_hollow(x):
    if isinstance(x, tuple | list):
        return tuple(_as_hollow(v) for v in x)
    if isinstance(x, Hollow) or not isinstance(x, np.ndarray | np.generic):
        return x
    if isinstance(x, np.ndarray) and x.size and np.may_share_memory(x, _region()):
        return x.view(Hollow)
    return hollow(x.shape, x.dtype)


def _by_stand_in(function, args, kwargs):
    try:
        given = [_stand_in(a) for a in args], {k: _stand_in(v) for k, v in kwargs.items()}
    except RuntimeError as error:
        raise RuntimeError(f"{getattr(function, '__name__', function)}: {error}") from None
    return _as_hollow(function(*given[0], **given[1]))


# ---- rules of NumPy's functions
def _where(condition, x, y):
    shape = np.broadcast_shapes(*(np.shape(v) for v in (condition, x, y)))
    return hollow(shape, np.where(True, *(_one(v) for v in (x, y))).dtype)


def _concatenate(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    first = arrays[0]
    at = np.lib.array_utils.normalize_axis_index(axis, first.ndim)
    for a in arrays:
        if a.shape[:at] + a.shape[at + 1:] != first.shape[:at] + first.shape[at + 1:]:
            raise ValueError(f"all the array dimensions except for the concatenation axis must match, got {[x.shape for x in arrays]}")
    shape = (*first.shape[:at], builtins.sum(a.shape[at] for a in arrays), *first.shape[at + 1:])
    return hollow(shape, dtype or np.result_type(*(a.dtype for a in arrays)))


def _pad(x, width, mode="constant", **options):
    return hollow(tuple(n + a + b for n, (a, b) in zip(x.shape, width, strict=True)), x.dtype)


def _einsum(spec, *arrays, out=None, optimize=False, **options):
    terms, result = spec.replace(" ", "").split("->")
    sizes: dict = {}
    for term, a in zip(terms.split(","), arrays, strict=True):
        for letter, n in zip(term, a.shape, strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    return hollow(tuple(sizes[letter] for letter in result), np.result_type(*(a.dtype for a in arrays)))


def _dot(a, b, out=None):
    return _matmul(a, b) if builtins.min(a.ndim, b.ndim) > 0 and b.ndim < 3 else np.tensordot(a, b, (-1, -2))


def _same(x, *_args, **_kwargs):
    return hollow(x.shape, x.dtype)


def _like(x, *args, dtype=None, shape=None, **options):
    return hollow(x.shape if shape is None else shape, dtype or x.dtype)


_RULES: dict[Any, Any] = {np.dot: _dot, np.roll: _same, np.where: _where, np.concatenate: _concatenate, np.pad: _pad, np.einsum: _einsum,
    np.tril: _same, np.triu: _same, np.zeros_like: _like, np.ones_like: _like, np.empty_like: _like, np.full_like: _like, np.copy: _same,
    np.sort: _same}
_VIEWS = {np.may_share_memory, np.transpose, np.swapaxes, np.moveaxis, np.squeeze, np.expand_dims, np.broadcast_to, np.diagonal,
    np.reshape, np.flip, np.real, np.imag, np.stack, np.ravel, np.sum, np.prod, np.max, np.min, np.mean, np.any, np.all, np.argmax,
    np.argmin, np.argsort, np.cumsum, np.cumprod, np.take, np.shape, np.ndim, np.size, np.lib.stride_tricks.as_strided,
    np.lib.stride_tricks.sliding_window_view}


# ---- the namespace: NumPy's, with what makes arrays made hollow, and the contract of `base.py`
def __getattr__(name: str):
    return getattr(np, name)


def empty(shape, dtype=np.float64):
    return hollow(shape, dtype)


zeros = ones = empty


def full(shape, value, dtype=None):
    return hollow(shape, np.asarray(value).dtype if dtype is None else dtype)


def arange(start, stop=None, step=1, dtype=None):
    start, stop = (0, start) if stop is None else (start, stop)
    return hollow((builtins.max(math.ceil((stop - start) / step), 0),), dtype or np.result_type(start, stop, step))


def linspace(start, stop, num, dtype=np.float64):
    return hollow((num,), dtype)


def eye(n, m=None, k=0, dtype=np.float64):
    return hollow((n, n if m is None else m), dtype)


def asarray(x, dtype=None):
    return x if isinstance(x, Hollow) and dtype is None else x.astype(dtype, copy=False) if isinstance(x, Hollow) else np.asarray(x, dtype)


def is_array(x) -> bool:
    return isinstance(x, np.ndarray)


def scatter_add(shape, dtype, index, values):
    return hollow(tuple(shape), dtype)


def entries_product(values, dense, rows, cols, pointers, n):
    return hollow((n, dense.shape[1]), values.dtype)


def conv_forward(x, w, stride, padding, dilation, groups=1):
    if x.shape[1] != w.shape[1] * groups:
        raise RuntimeError(f"expected input with {w.shape[1] * groups} channels for weight of size {list(w.shape)} and groups={groups}, "
                           f"got {x.shape[1]} channels")
    return hollow((x.shape[0], w.shape[0], *conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)), x.dtype)


def conv_backward_input(g, w, input_shape, stride, padding, dilation, groups=1):
    return hollow(input_shape, g.dtype)


def conv_backward_weight(g, x, weight_shape, stride, padding, dilation, groups=1):
    return hollow(weight_shape, g.dtype)


def place(x):
    return 0, RESERVED // x.itemsize


def window(x, size, stride, offset):
    return hollow(size, x.dtype, [s * x.itemsize for s in stride])


def supremum(x, axis=None, keepdims=False):
    return np.sum(x, axis=axis, keepdims=keepdims)  # of the same shape and dtype, and there is one of nothing too


def max_pool_forward(x, kernel, stride, padding, dilation, ceil_mode=False):
    spatial = len(kernel)
    shape = x.shape[:-spatial] + tuple(pool_output_size(x.shape[-spatial:], kernel, stride, padding, dilation, ceil_mode))
    return hollow(shape, x.dtype), hollow(shape, np.int64)


def max_pool_backward(g, indices, input_shape, pooled=None):
    return hollow(input_shape, g.dtype)


def avg_pool_forward(x, kernel, stride, padding, ceil_mode=False, count_include_pad=True, divisor=None):
    spatial = len(kernel)
    out = pool_output_size(x.shape[-spatial:], kernel, stride, padding, (1,) * spatial, ceil_mode)
    return hollow(x.shape[:-spatial] + tuple(out), x.dtype)


def avg_pool_backward(g, input_shape, kernel, stride, padding, ceil_mode=False, count_include_pad=True, divisor=None):
    return hollow(input_shape, g.dtype)


class Silent:
    """A generator of numbers that nobody sees; it uses up none of the true generators' either."""

    def uniform(self, n: int, kind):
        return hollow((n,), kind)

    normal = normal_wide = uniform

    def below(self, n: int, low: int, high: int):
        return hollow((n,), np.int64)

    def permutation(self, n: int):
        return hollow((n,), np.int64)


# ---- a card's result
def infer(card, arrays, attrs: dict, cpu):
    """The shapes and dtypes of the card's results, as arrays without values; `cpu` is the namespace of what is tried on real arrays."""
    if card.kind == "elementwise":
        given = [_one(a) for a in arrays]
        shape = np.broadcast_shapes(*(a.shape for a in arrays if isinstance(a, np.ndarray)))
        made = card.body(cpu, *given, **attrs)
        return hollow(shape, made.dtype) if card.name == "clone" else _spread(made, shape, arrays)
    if card.kind == "opaque":
        if card.name == "transfer":
            return card.body(sys.modules[__name__], *arrays, **attrs)
        if card.name in ("scatter_extreme", "scatter_product"):
            return hollow(arrays[0].shape, arrays[0].dtype)
        if card.name == "argsort":
            return hollow(arrays[0].shape, np.int64)
        if card.name in ("nonzero_rows", "unique_values"):
            _no_value(card.name.partition("_")[0] + "()")(arrays[0])
        return _as_hollow(card.body(cpu, *[_stand_in(a, 1) for a in arrays], **attrs))
    here = sys.modules[__name__]
    return _as_hollow(card.body(here, arrays, **attrs) if card.variadic else card.body(here, *arrays, **attrs))
