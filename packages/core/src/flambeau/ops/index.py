"""Indexing: reading and writing at computed places.  Repeated places add up in a fixed order, so results never vary between runs."""
from __future__ import annotations

import numpy as np

from .. import context
from ..backends import network
from ..casting import listed
from ..context import grad
from ..define import op
from ..dispatch import run
from ..dtype import can_cast, word
from ..fast import seen
from ..fused import Native
from ..layout import strided
from ..numpy_names import numpy_names
from ..op import CARDS
from ..overriding import ask, overriding
from ..record import record
from ..tensor import Tensor, check_dim, plain, version_cell
from ..write import check_places, check_writable, write, wrote
from .keys import NO_AXES, split_key
from .view import ALL, SLICE, part, ready, reshape

INT64, BOOL = np.dtype(np.int64), np.dtype(np.bool_)


# ---- x[…]
def _spec(inputs, spec):
    """The index with its tensors put back into their places (True marks one)."""
    arrays = iter(inputs)
    return tuple(next(arrays) if s is True else s for s in spec)


def _index_samples(make):
    rows = np.array([2, 0, 2])
    yield ([make((4, 3), -1.0, 1.0), make.index(rows)],), {"spec": (True,)}
    yield ([make((2, 4, 3), -1.0, 1.0), make.index(rows), make.index(rows)],), {"spec": (slice(None), True, True)}
    yield ([make((4, 2, 3), -1.0, 1.0), make.index(rows), make.index(rows)],), {"spec": (True, slice(None), True)}


@op("index", variadic=True, samples=_index_samples, linear=True,
    vjp=lambda g, _y, _xs, spec: (run(CARDS["unindex"], [g, *_xs[1:]], {"shape": _xs[0].shape, "spec": spec}), *(None for _ in _xs[1:])))
def index(xp, tensors, spec):
    """Elements at places given by integer tensors.  [(*), (k), …] -> (k, *)"""
    return _in_order(tensors[0][_spec(tensors[1:], spec)])


def _in_order(array):
    """What NumPy found, which lays whole axes before the places, in order."""
    return array if type(array) is not np.ndarray or array.flags.c_contiguous else np.ascontiguousarray(array)


def _unindex_samples(make):
    yield ([make((3, 3), -1.0, 1.0), make.index(np.array([2, 0, 2]))],), {"shape": (4, 3), "spec": (True,)}


@op("index", variadic=True, samples=_unindex_samples, linear=True,
    vjp=lambda g, _y, _xs, shape, spec: (run(CARDS["index"], [g, *_xs[1:]], {"spec": spec}), *(None for _ in _xs[1:])))
def unindex(xp, tensors, shape, spec):
    """Zeros of `shape` with values added at the places: what `index` does, the other way round."""
    return xp.scatter_add(tuple(shape), tensors[0].dtype, _spec(tensors[1:], spec), tensors[0])


def _put_samples(make):
    yield ([make((4, 3), -1.0, 1.0), make((2, 3), -1.0, 1.0), make.index(np.array([2, 0]))],), {"spec": (True,), "accumulate": False}
    yield ([make((4, 3), -1.0, 1.0), make((3, 3), -1.0, 1.0), make.index(np.array([2, 0, 2]))],), {"spec": (True,), "accumulate": True}


def _put_back(g, xs, spec, accumulate):
    taken = run(CARDS["index"], [g, *xs[2:]], {"spec": spec})
    kept = g if accumulate else run(CARDS["put"], [g, taken * 0, *xs[2:]], {"spec": spec, "accumulate": False})
    return (kept, taken, *(None for _ in xs[2:]))


@op(
    "index",
    variadic=True,
    samples=_put_samples,
    linear=True,
    vjp=lambda g, _y, _xs, spec, accumulate=False: _put_back(g, _xs, spec, accumulate),
)
def put(xp, tensors, spec, accumulate=False):
    """A copy with values written, or added, at places given by integer tensors.  [(*), (k, *), (k), …] -> (*)"""
    x, values, places = tensors[0], tensors[1], _spec(tensors[2:], spec)
    if accumulate:
        taken = x[places]
        return x + xp.scatter_add(x.shape, x.dtype, places, xp.broadcast_to(values, taken.shape))
    out = x.copy()
    out[places] = values
    return out


def getitem(x: Tensor, key) -> Tensor:
    """x[key], with every form of key that PyTorch takes; ints, slices and None give views."""
    array = ready(x)
    if array is not None:
        kind = type(key)
        try:
            if kind is Tensor:
                found = _taken(x, array, key)
                if found is not None:
                    return found
            elif kind is int:
                return seen(x, array[key, ...], SLICE, {"index": (key, ...)})
            elif kind is not tuple:
                if key is None or key is ... or kind is slice and _plain_slice(key):
                    return seen(x, array[key], SLICE, {"index": (key,)})
            else:
                for p in key:
                    t = type(p)
                    if t is not int and p is not None and p is not ... and not (t is slice and _plain_slice(p)):
                        found = _taken_among(x, array, key)
                        if found is not None:
                            return found
                        break
                else:
                    dots = sum(p is ... for p in key)
                    if dots < 2:
                        key = key if dots else (*key, ...)
                        return seen(x, array[key], SLICE, {"index": key})
        except IndexError as error:
            raise (IndexError(NO_AXES) if kind is int and not array.ndim else _reworded(error)) from None
    try:
        basic, advanced = split_key(x, key)
    except (IndexError, TypeError):
        found = overriding((x, *(key if type(key) is tuple else (key,))))
        if found:  # a key of a type that has a protocol
            return ask(Tensor.__getitem__, found, (x, key), {})
        raise
    out = _basic(x, basic) if basic is not None else x
    if advanced is None:
        return out if basic is not None else x.view_as(x)
    tensors, spec = advanced
    try:
        return run(CARDS["index"], [out, *tensors], {"spec": spec})
    except IndexError as error:
        raise _reworded(error, places=True) from None


def _untracked(x) -> bool:
    return not grad.enabled or (x.node is None and (x.base is None or x.base.node is None))


def _is_plain(key) -> bool:
    """Whether a key is made of ints, slices, None and the ellipsis alone."""
    for p in key if type(key) is tuple else (key,):
        t = type(p)
        if t is not int and p is not None and p is not ... and not (t is slice and _plain_slice(p)):
            return False
    return True


def _plain_slice(s: slice) -> bool:
    """Whether NumPy reads a slice as PyTorch does, and now: bounds that are plain numbers, and no step back."""
    start, stop, step = s.start, s.stop, s.step
    if step is not None and (type(step) is not int or step <= 0):
        return False
    return (start is None or type(start) is int) and (stop is None or type(stop) is int)


def _taken(x, array, key):
    """x[key] for one tensor of places or one mask; None where there is more to see to."""
    places = key.array
    if type(places) is not np.ndarray or not places.ndim or not array.ndim:
        return None
    if places.dtype is BOOL and places.shape == array.shape[: places.ndim]:
        if x.node is None or not grad.enabled:
            return plain(array[places])
        tensors = [plain(p) for p in places.nonzero()]
        return _recorded(plain(array[places]), [x, *tensors], (True,) * len(tensors))
    if places.dtype is INT64:
        out = plain(array[places])
        return out if x.node is None or not grad.enabled else _recorded(out, [x, key], (True,))
    return None


def _recorded(out, inputs, spec):
    out.node = record(CARDS["index"], out, inputs, {"spec": spec}, (inputs[0].node, *(None,) * (len(inputs) - 1)))
    return out


def _taken_among(x, array, key):
    """x[:, places], with whole axes and tensors of places in any order; None for other keys."""
    spec, arrays, tensors = list[slice | bool](), list[slice | np.ndarray](), [x]
    for p in key:
        if type(p) is Tensor and type(p.array) is np.ndarray and p.array.dtype is INT64 and p.array.ndim:
            spec.append(True)
            arrays.append(p.array)
            tensors.append(p)
        elif type(p) is slice and p == ALL:
            spec.append(p)
            arrays.append(p)
        else:
            return None
    if len(key) > array.ndim:
        return None
    out = plain(_in_order(array[tuple(arrays)]))
    return out if x.node is None or not grad.enabled else _recorded(out, tensors, tuple(spec))


def _basic(x, key):
    try:
        return part(x, key)
    except IndexError as error:
        raise _reworded(error) from None


def _reworded(error: IndexError, places: bool = False) -> IndexError:
    text = str(error).replace("for axis", "for dimension")
    if places and text.endswith("with size 0"):
        return IndexError("index is out of bounds for dimension with size 0")
    if "too many indices" in text and "-dimensional" in text:  # … array is 2-dimensional, but 3 were indexed
        return IndexError(f"too many indices for tensor of dimension {text.split('-dimensional')[0].split()[-1]}")
    return IndexError(text)


def setitem(x: Tensor, key, value) -> None:
    """x[key] = value."""
    array = ready(x)
    if array is not None and _untracked(x) and _is_plain(key):
        kind = type(value)
        try:
            if kind is float or kind is int:
                if array.dtype.kind == "f":
                    array[key] = value
                    version_cell(x)[0] += 1
                    return
            elif kind is Tensor and (value.node is None or not grad.enabled):
                source = value.array
                apart = type(source) is np.ndarray and (source.base is None or not np.may_share_memory(array, source))
                if apart and source.dtype is array.dtype:
                    array[key] = source
                    version_cell(x)[0] += 1
                    return
        except (ValueError, IndexError, OverflowError):
            pass  # told in PyTorch's words below
    try:
        _assign(x, key, value)
    except (IndexError, TypeError):
        found = overriding((x, *(key if type(key) is tuple else (key,)), value))
        if not found:
            raise
        ask(Tensor.__setitem__, found, (x, key, value), {})


def _assign(x: Tensor, key, value) -> None:
    basic, advanced = split_key(x, key)
    place = x if basic is None else _basic(x, basic)
    if advanced is None:
        if not isinstance(value, Tensor):
            _fill_from(place, value)
            return
        while value.ndim > place.ndim and value.shape[0] == 1:
            value = value[0]
        # one element of the tensor itself may be spread over others, as in x[0] = x[0, 0]
        place.copy_(value.expand(place.shape) if value.ndim < place.ndim and value.numel() == 1 else value)
        return
    tensors, spec = advanced
    if isinstance(value, Tensor):
        while value.ndim > 1 and value.shape[0] == 1:
            value = value[0]
    _put_into(place, tensors, spec, value, False)


def delitem(x: Tensor, key) -> None:
    raise TypeError("a tensor's elements can't be deleted: its shape is fixed")


def _fill_from(place, value):
    from .create import as_tensor
    place.copy_(as_tensor(value, dtype=place.dtype, device=place.device))


def _put_into(x: Tensor, tensors, spec, value, accumulate: bool) -> Tensor:
    from .create import as_tensor
    if not isinstance(value, Tensor):
        value = as_tensor(value, dtype=x.dtype, device=x.device)
    if value.dtype is not x.dtype:
        if value.ndim or not can_cast(value.dtype, x.dtype):
            _check_fits(x, tensors, spec, value)
            raise RuntimeError(f"Index put requires the source and destination dtypes match, got {word(x.dtype)} for the destination and "
                               f"{word(value.dtype)} for the source.")
        value = value.to(x.dtype)
    tracked = grad.enabled and (x.node is not None or value.node is not None or (x.base is not None and x.base.node is not None))
    check_places(x, (value, *tensors), False, True)
    wrote(x)
    try:
        inside = any(t.process is not None for t in (x, value, *tensors))  # of a transform: x may be of an outer one, or of none
        if tracked or accumulate or inside or type(x.array) is not np.ndarray or context.unusual:
            if tracked:
                check_writable(x)
            return write(x, run(CARDS["put"], [x, value, *tensors], {"spec": spec, "accumulate": accumulate}), "index_put")
        x.array[_spec([t.array for t in tensors], spec)] = value.array
    except IndexError as error:
        raise _reworded(error) from None
    except ValueError:
        _check_fits(x, tensors, spec, value)
        if not x.array.flags.writeable:  # expanded
            return write(x, run(CARDS["put"], [x, value, *tensors], {"spec": spec, "accumulate": False}), "index_put")
        raise
    version_cell(x)[0] += 1
    return x


def _check_fits(x, tensors, spec, value) -> None:
    shape = run(CARDS["index"], [x.detach(), *tensors], {"spec": spec}).shape
    if value.ndim > len(shape) or any(n not in (1, m) for n, m in zip(reversed(value.shape), reversed(shape))):
        raise RuntimeError(f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of shape "
                           f"{list(shape)}")


def index_put_(x: Tensor, indices, values, accumulate: bool = False) -> Tensor:
    """x[indices] = values, or += with repeated places adding up."""
    _, places = split_key(x, tuple(indices))
    if places is None:
        raise RuntimeError("index_put_: expected at least one tensor of places, got none")
    tensors, spec = places
    return _put_into(x, tensors, spec, values, accumulate)


def _check_range(index, n: int) -> None:
    """Places count from 0 here: a negative one is an error, not the end."""
    if type(index) is Tensor and index.array.size:
        low, high = extremes(index.array)
        if not 0 <= low <= high < n:
            if not n:
                raise RuntimeError(f"self indexing axis dim should be positive, got an axis of 0 and places {low} … {high}")
            raise IndexError(f"index out of range in self: expected places in [0, {n - 1}], got {low} … {high}")


def extremes(places) -> tuple[int, int]:
    """The least and the greatest of an array of integers that is not empty; a few are looked at quicker in Python."""
    if type(places) is not np.ndarray and isinstance(places, np.ndarray):
        return 0, 0  # on meta, where no index can be wrong
    if places.size <= 32:
        few = places.reshape(-1).tolist()
        return min(few), max(few)
    return int(places.min()), int(places.max())


@numpy_names
def index_select(input, dim: int, index):
    """The slices of axis `dim` at the places in `index`.  (*, n, *), (k) -> (*, k, *)"""
    array = ready(input)
    if array is not None and type(index) is Tensor and type(dim) is int and -array.ndim <= dim < array.ndim:
        places = index.array
        if type(places) is np.ndarray and places.dtype is INT64 and places.ndim == 1:
            n = array.shape[dim]
            _check_range(index, n)
            out = plain(array.take(places, dim))
            if input.node is None or not grad.enabled:
                return out
            return _recorded(out, [input, index], (ALL,) * (dim if dim >= 0 else dim + array.ndim) + (True,))
    if input.process is not None and input.layout is not strided:
        return input.index_select(dim, index)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"index_select(): Expected dtype int32 or int64 for index, got {word(index.dtype)}")
    dim = check_dim(dim, input.ndim)
    if input.ndim == 0:
        return input.clone()
    _check_range(index, input.shape[dim])
    return getitem(input, (slice(None),) * dim + (reshape(index, -1),))


@numpy_names
def index_add(input, dim: int, index, source, *, alpha=1):
    """input with `source`'s slices added at the places in `index` of axis `dim`.  (*, n, *), (k), (*, k, *) -> (*, n, *)"""
    dim = check_dim(dim, input.ndim)
    if input.ndim == 0:
        if source.ndim > 1:
            raise RuntimeError("source tensor shape must match self tensor shape, excluding the specified dimension. "
                               f"Got self.shape = [] source.shape = {list(source.shape)}")
        return reshape(index_add(reshape(input, 1), 0, index, reshape(source, -1), alpha=alpha))
    if index.ndim > 1 or (source.ndim and source.shape[dim] != index.numel()):
        raise RuntimeError(f"index_add_(): {index.numel()} indices do not fit source.size({dim}) = {source.shape[dim]}")
    rest, given = list(input.shape), list(source.shape)
    if source.ndim:
        del rest[dim], given[dim]
        if rest != given:
            raise RuntimeError(f"index_add_(): source of shape {tuple(source.shape)} must match {tuple(input.shape)} but in axis {dim}")
    _check_range(index, input.shape[dim] if input.ndim else 1)
    if source.dtype is not input.dtype:
        raise RuntimeError(f"index_add_(): self ({word(input.dtype)}) and source ({word(source.dtype)}) must have the same scalar type")
    return run(
        CARDS["put"], [input, source if alpha == 1 else source * alpha, index], {"spec": (slice(None),) * dim + (True,), "accumulate": True}
    )


# ---- one place for each element: gather and scatter
def _along(xp, index, dim):
    """Index arrays that say, for each element of `index`, its place in every axis."""
    if index.ndim == 2:
        n = index.shape[1 - dim]
        return (xp.arange(n)[:, None], index) if dim else (index, xp.arange(n))
    grid = [xp.arange(n).reshape((1,) * i + (n,) + (1,) * (index.ndim - i - 1)) for i, n in enumerate(index.shape)]
    grid[dim] = index
    return tuple(grid)


def _gather_samples(make):
    yield (make((3, 4), -1.0, 1.0), make.index(np.array([[0, 3], [1, 1], [2, 0]]))), {"dim": 1}
    yield (make((3, 4), -1.0, 1.0), make.index(np.array([[0, 2, 2]]))), {"dim": 0}


@op("index", samples=_gather_samples, linear=True,
    vjp=(lambda g, _y, _x, index, dim: run(CARDS["scatter_sum"], (g, index), {"dim": dim, "shape": _x.shape}), None), inputs=2,
    fused=Native(network.gather))
def gather_places(xp, x, index, dim):
    """y[i, j] = x[i, index[i, j]] for dim 1, and likewise along any axis.  (*, n, *), (*, k, *) -> (*, k, *)"""
    return x[_along(xp, index, dim)] if x.ndim else xp.broadcast_to(x, index.shape).copy()


@op(
    "index",
    samples=lambda make: [((make((3, 2), -1.0, 1.0), make.index(np.array([[0, 3], [1, 1], [2, 0]]))), {"dim": 1, "shape": (3, 4)})],
    linear=True,
    vjp=(lambda g, _y, _x, index, dim, shape: run(CARDS["gather_places"], (g, index), {"dim": dim}), None),
    inputs=2,
)
def scatter_sum(xp, x, index, dim, shape):
    """Zeros of `shape` with x[i, j] added at [i, index[i, j]] for dim 1, and likewise along any axis."""
    if len(shape) == 0:
        return x.sum().reshape(())
    return xp.scatter_add(tuple(shape), x.dtype, _along(xp, index, dim), x[tuple(slice(0, n) for n in index.shape)])


def _check_places(what, x, dim, index):
    if index.dtype.name not in ("int64", "int32", "uint8"):
        raise RuntimeError(f"{what}(): Expected dtype int64 for index, got {word(index.dtype)}")
    if max(index.ndim, 1) != max(x.ndim, 1) and index.numel():
        raise RuntimeError(f"Index tensor must have the same number of dimensions as input tensor ({what}: {index.ndim} and {x.ndim})")
    n = x.shape[dim] if x.ndim else 1
    for d in range(index.ndim):
        if d != dim and d < x.ndim and index.shape[d] > x.shape[d]:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(index.shape)} to be no larger than self {list(x.shape)} "
                f"apart from dimension {dim}"
            )
    if type(index) is Tensor and index.array.size:
        low, high = extremes(index.array)
        if low < 0 or high >= n:
            raise RuntimeError(f"index {low if low < 0 else high} is out of bounds for dimension {dim} with size {n}")


@numpy_names
def gather(input, dim: int, index, *, sparse_grad: bool = False):
    """y[i, j] = input[i, index[i, j]] for dim 1, and likewise along any axis.  (*, n, *), (*, k, *) -> (*, k, *)"""
    array, places = ready(input), ready(index)
    if array is not None and places is not None and array.ndim and places.size and type(dim) is int:
        at = check_dim(dim, array.ndim)
        made = network.gather(array, places, at)
        if made is not None:
            return gathered(input, made, index, at)
    dim = check_dim(dim, input.ndim)
    _check_places("gather", input, dim, index)
    if not index.numel():
        return reshape(reshape(input, -1)[:0], *index.shape)
    if not input.ndim:
        return reshape(gather(reshape(input, 1), 0, reshape(index, -1)), *index.shape)
    if not index.ndim:
        return reshape(gather(input, dim, reshape(index, 1)))
    if index.dtype.itemsize < 8:
        index = index.long()
    return run(GATHER, (input, index), {"dim": dim})


GATHER = CARDS["gather_places"]


def gathered(x, made, index, dim: int):
    """What was gathered, as a tensor that knows it."""
    out = plain(made)
    if x.node is not None and grad.enabled:
        out.node = record(GATHER, out, (x, index), {"dim": dim}, (x.node, None))
    return out


def untouched(input, src):
    """A copy of what nothing is written into; src, which went nowhere, gets a gradient of zeros."""
    return input + reshape(src, -1)[:0].sum(dtype=input.dtype) if isinstance(src, Tensor) and src.requires_grad else input.clone()


@numpy_names
@listed
def scatter_add(input, dim: int, index, src):
    """With src[i, j] added at [i, index[i, j]] for dim 1, and likewise along any axis.  (*, n, *), (*, k, *), (*, k, *) -> (*, n, *)"""
    dim = check_dim(dim, input.ndim)
    if not index.ndim and input.ndim == 1:
        index, src = reshape(index, 1), reshape(src, 1)
    _check_places("scatter_add", input, dim, index)
    if src.dtype is not input.dtype:
        raise RuntimeError(f"scatter(): Expected self.dtype to be equal to src.dtype, got {word(input.dtype)} and {word(src.dtype)}")
    if not index.numel():
        return untouched(input, src)
    total = input + run(CARDS["scatter_sum"], (src, index), {"dim": dim, "shape": tuple(input.shape)})
    return total if total.dtype is input.dtype else total.to(input.dtype)


def _embedding_samples(make):
    yield (make((5, 3), -1.0, 1.0), make.index(np.array([[0, 4], [4, 1]]))), {"padding_idx": None}


@op(
    "index",
    samples=_embedding_samples,
    linear=True,
    inputs=2,
    vjp=(
        lambda g, _y, _w, index, padding_idx=None: run(CARDS["embedding_back"], (g, index), {"n": _w.shape[0], "padding_idx": padding_idx}),
        None,
    ),
)
def embedding(xp, weight, index, padding_idx=None):
    """Rows of a table; the row `padding_idx` gets no gradient.  (n, d), (*) -> (*, d)"""
    return xp.take(weight, index, axis=0)


@op("index", linear=True, inputs=2,
    samples=lambda make: [((make((2, 3), -1.0, 1.0), make.index(np.array([0, 4]))), {"n": 5, "padding_idx": None})],
    vjp=(lambda g, _y, _g, index, n, padding_idx=None: run(CARDS["embedding"], (g, index), {"padding_idx": None}) if padding_idx is None
         else run(CARDS["embedding"], (g, index), {"padding_idx": None}) * (index != padding_idx).unsqueeze(-1), None))
def embedding_back(xp, g, index, n, padding_idx=None):
    """Rows of a gradient added up where their table rows are.  (*, d), (*) -> (n, d)"""
    out = xp.scatter_add((n, g.shape[-1]), g.dtype, (index.reshape(-1),), g.reshape(-1, g.shape[-1]))
    if padding_idx is not None:
        out[padding_idx] = 0
    return out
