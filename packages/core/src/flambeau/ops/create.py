"""Making tensors: from data, of one value, of ranges."""
from __future__ import annotations

import math

import numpy as np

from .. import context, front
from ..device import CPU, device
from ..dtype import FLOAT, INT, as_dtype, bool_, dtype, int64
from ..dtype import float64 as _DOUBLE
from ..dtype import from_numpy as dtype_of
from ..layout import order_in_memory, order_of, preserve_format, strided
from ..promote import result_type
from ..tensor import Size, Tensor, noted, plain, usual
from . import later
from .view import sizes

_Device, _DType = device, dtype  # the parameters `device` and `dtype` below hide the classes

def _namespace(where):
    """The array namespace of a device, and the device."""
    if where is None:
        where = context.default_device
        if where is None:
            return np, CPU
    where = device(where)
    if where.type == "cpu":
        return np, where
    if where.type == "meta":
        from ..backends import meta

        return meta, where
    from ..backends import cupy

    return cupy.on(where), where


def _made(array, requires_grad: bool) -> Tensor:
    out = plain(array)
    if context.unusual:
        noted(out)
    return out.requires_grad_() if requires_grad else out


def _check_layout(layout, pin_memory) -> None:
    if layout is not None and layout is not strided:
        raise RuntimeError(f"layout {layout} is not there for this function: zeros, empty and the sparse constructors give sparse tensors")
    if pin_memory:
        raise RuntimeError("pin_memory=True needs a GPU build: there is none on the CPU")


def fitting(value, wanted: dtype):
    """A number as one of `wanted`'s: a whole one that is too large is a RuntimeError, a negative one of unsigned integers wraps around."""
    if type(value) is not int or wanted.category != INT:
        return value
    info = np.iinfo(wanted.numpy)
    if not (-info.max if info.min == 0 else info.min) <= value <= info.max:
        raise RuntimeError(f"value cannot be converted to type {wanted.name} without overflow")
    return value % (info.max + 1) if value < 0 and info.min == 0 else value


def _filled(shape, value, wanted: dtype, where, requires_grad: bool) -> Tensor:
    if any(s < 0 for s in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    xp, _ = _namespace(where)
    wanted = as_dtype(wanted)
    if math.prod(shape) * wanted.itemsize >= 1 << 63:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(shape)}")
    value = fitting(value, wanted)
    array = (
        xp.empty(shape, wanted.numpy)
        if value is None
        else xp.zeros(shape, wanted.numpy)
        if value == 0
        else xp.full(shape, value, wanted.numpy)
    )
    if value is None and context.deterministic["on"] and xp is np:
        _mark(array, wanted)
    return _made(array, requires_grad)


def _mark(array, kind: dtype) -> None:
    """NaN, or the greatest whole number, in memory that nobody wrote to: a program that reads it gives the same answer each time."""
    if context.deterministic["fill"]:
        nothing = complex(math.nan, math.nan) if kind.category > FLOAT else math.nan
        array[...] = nothing if kind.category >= FLOAT else True if kind.name == "bool" else np.iinfo(kind.numpy).max


def tensor(data, *, dtype: dtype | None = None, device=None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor that copies `data`: a number, nested sequences of numbers or tensors, or an array.

    Python floats take the default dtype, ints int64.  ValueError for ragged sequences.

    >>> flambeau.tensor([[1, 2], [3, 4]]).shape
    flambeau.Size([2, 2])
    """
    if device is None:
        device = context.default_device
    if dtype is not None:
        dtype = as_dtype(dtype)
    if isinstance(data, Tensor):
        array = data.detach().array.copy()
        return _made(array if dtype is None else array.astype(dtype.numpy), requires_grad)._to_device(device)
    if isinstance(data, np.ndarray):
        array = from_numpy(data).array.copy()
    else:
        array = np.array(data) if isinstance(data, np.generic) else _from_python(data, dtype)
    if dtype is None:
        dtype_of(array.dtype)
    elif array.dtype != dtype.numpy:
        array = array.astype(dtype.numpy)
    return _made(np.ascontiguousarray(array).reshape(array.shape), requires_grad)._to_device(device)


def _from_python(data, wanted: dtype | None):
    if hasattr(data, "__array_interface__"):
        return np.array(data)
    if hasattr(data, "__dlpack__"):
        return np.from_dlpack(data).copy()
    if isinstance(data, memoryview | bytearray):
        data = list(data)
    if hasattr(data, "untyped"):  # a storage
        return data._over(wanted).array.copy()
    kinds: set = set()
    plain_data = _unpack(data, kinds, wanted)
    if wanted is None:
        if not kinds or float in kinds and complex not in kinds:
            wanted = context.get_default_dtype()
        elif complex in kinds:
            wanted = context.default_complex()
        else:
            tensors = [k for k in kinds if not isinstance(k, type)]
            wanted = int64 if int in kinds else bool_ if bool in kinds else tensors[0]
            for k in tensors:
                wanted = k if wanted in (int64, bool_) and k.category >= wanted.category else wanted
    try:
        if wanted.category < FLOAT:
            wide = np.int64 if wanted.numpy.kind == "u" and wanted.itemsize < 8 else wanted.numpy  # -1 is the greatest, as in C
            return np.array(plain_data, dtype=wide).astype(wanted.numpy)
        return np.array(plain_data, dtype=wanted.numpy)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            _check_rows(plain_data, wanted)
        raise
    except OverflowError:
        raise ValueError("Overflow when unpacking long long: an integer of the data does not fit in 64 bits") from None


def _unpack(data, kinds: set, wanted: dtype | None, nested: bool = False):
    """Nested data as plain numbers and lists, and the kinds of number met."""
    if isinstance(data, Tensor):
        kinds.add(data.dtype)
        return data.item() if nested and data.numel() == 1 else data.tolist()
    if isinstance(data, list | tuple | range):
        met = set(map(type, data))
        if met and met <= {bool, int, float, complex}:  # a row of plain numbers, perhaps a long one
            kinds |= met
            return list(data)
        if str in met and type(data[0]) is str:
            raise ValueError("too many dimensions 'str'")
        return [_unpack(d, kinds, wanted, True) for d in data]
    if isinstance(data, np.ndarray | np.generic):
        kinds.add(dtype_of(data.dtype))
        return data.tolist()
    if isinstance(data, bool | int | float | complex):
        kinds.add(type(data) if type(data) in (bool, int, float, complex) else float if isinstance(data, float) else int)
        return data
    if isinstance(data, str | bytes):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, dict):  # a deque, an array.array, one's own
        return _unpack(list(data) if hasattr(data, "__iter__") else [data[i] for i in range(len(data))], kinds, wanted, nested)
    if hasattr(data, "__float__") or hasattr(data, "__index__"):
        kinds.add(int if hasattr(data, "__index__") else float)
        return data.__index__() if hasattr(data, "__index__") else float(data)
    if wanted is None:
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    whole = f"'{type(data).__name__}' object cannot be interpreted as an integer"
    raise TypeError(whole if wanted.category == INT else f"must be real number, not {type(data).__name__}")


def _check_rows(data, wanted: dtype) -> None:
    """Say where nested lists are no table: the first elements tell the sizes, as they do in PyTorch."""
    sizes, first = [], data
    while isinstance(first, list):
        sizes.append(len(first))
        first = first[0] if first else None

    def look(x, dim: int) -> None:
        if dim == len(sizes):
            if isinstance(x, list):
                raise TypeError("'list' object cannot be interpreted as an integer" if wanted.category == INT
                                else "must be real number, not list")
        elif not isinstance(x, list):
            raise TypeError("not a sequence")
        elif len(x) != sizes[dim]:
            raise ValueError(f"expected sequence of length {sizes[dim]} at dim {dim} (got {len(x)})")
        else:
            for element in x:
                look(element, dim + 1)

    look(data, 0)


def as_tensor(data, dtype: dtype | None = None, device=None) -> Tensor:
    """A tensor that shares `data`'s memory where it can (tensors, arrays), and copies where it can't."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype, device=device)
    if isinstance(data, np.ndarray) and data.flags.writeable:
        return from_numpy(data).to(dtype=dtype, device=device)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor over a NumPy array's memory: writes are seen on both sides.  TypeError for dtypes without a counterpart."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if not ndarray.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. "
            "Conversion between byte orders is currently not supported."
        )
    dtype_of(ndarray.dtype)
    if not ndarray.flags.c_contiguous:
        if any(s < 0 for s in ndarray.strides):
            raise ValueError(
                "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently supported. "
                "(You can probably work around this by making a copy of your array with array.copy().)"
            )
        if any(s % ndarray.itemsize for s in ndarray.strides):
            raise ValueError("given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate it.")
    return plain(usual(ndarray if type(ndarray) is np.ndarray else ndarray.view(np.ndarray)))


def frombuffer(buffer, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A vector over the memory of an object with the buffer protocol, such as a bytearray.  ValueError where it holds too little.

    >>> flambeau.frombuffer(bytearray([1, 0, 2, 0]), dtype=flambeau.int16)
    tensor([1, 2], dtype=flambeau.int16)
    """
    try:
        seen = memoryview(buffer)
        size = seen.nbytes
    except TypeError:
        raise ValueError(f"object does not implement Python buffer protocol: {type(buffer).__name__}") from None
    if not size or not count:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1")
    kind = as_dtype(dtype).numpy
    if count < 0 and (size - offset) % kind.itemsize:
        raise ValueError(f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a multiple of element size "
                         f"({kind.itemsize})")
    if count * kind.itemsize > size - offset:
        raise ValueError(f"requested buffer length ({count} * {kind.itemsize} bytes) after offset ({offset} bytes) must not be greater "
                         f"than actual buffer length ({size} bytes)")
    if seen.readonly:
        from warnings import warn

        warn("The given buffer is not writable. A tensor over it may not be written to: copy it, with bytearray(buffer) or clone().",
             UserWarning, stacklevel=2)
    return _made(np.frombuffer(buffer, kind, count, offset), requires_grad)


# ---- of one value
def _at_once(make, size, dtype):
    """A tensor of `make(shape, dtype)`; None where sizes need a second look."""
    shape = size[0] if len(size) == 1 else size
    kind = type(shape)
    if dtype is not None and type(dtype) is not _DType:
        return None
    if context.default_device is not None or kind is not int and kind is not tuple and kind is not Size:
        return None
    try:
        return _made(make(shape, (dtype or context.get_default_dtype()).numpy), False)
    except (ValueError, TypeError):
        return None  # told in PyTorch's words by who is asked next


def _ones(shape, kind):
    made = np.empty(shape, kind)
    made.fill(1)
    return made


def zeros(*lengths, size=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """Zeros.  -> size"""
    size = lengths if size is None else (size,)
    if out is None and layout is None and device is None and not pin_memory:
        made = _at_once(np.zeros, size, dtype)
        if made is not None:
            return made.requires_grad_() if requires_grad else made
    layout = out.layout if out is not None and layout is None else layout
    if layout is not None and layout is not strided:
        return _out(out, later.sparse_layouts().blank(sizes(size), _kind(dtype, out), layout, device, "zeros", requires_grad))
    _check_layout(layout, pin_memory)
    return _out(out, _filled(sizes(size), 0, _kind(dtype, out), device, requires_grad))


def ones(*lengths, size=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """Ones.  -> size"""
    size = lengths if size is None else (size,)
    if out is None and layout is None and device is None and not pin_memory:
        made = _at_once(_ones, size, dtype)
        if made is not None:
            return made.requires_grad_() if requires_grad else made
    _check_layout(layout, pin_memory)
    return _out(out, _filled(sizes(size), 1, _kind(dtype, out), device, requires_grad))


def empty(*lengths, size=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False,
          memory_format=None) -> Tensor:
    """Memory as it was found: write before you read.  -> size"""
    size = lengths if size is None else (size,)
    if out is None and layout is None and device is None and memory_format is None and not pin_memory and not context.deterministic["on"]:
        made = _at_once(np.empty, size, dtype)
        if made is not None:
            return made.requires_grad_() if requires_grad else made
    layout = out.layout if out is not None and layout is None else layout
    if layout is not None and layout is not strided:
        return _out(out, later.sparse_layouts().blank(sizes(size), _kind(dtype, out), layout, device, "empty", requires_grad))
    _check_layout(layout, pin_memory)
    made = _filled(sizes(size), None, _kind(dtype, out), device, requires_grad)
    if memory_format is preserve_format:
        raise RuntimeError("memory_format=preserve_format asks for a tensor to follow: use empty_like")
    return _out(out, made if memory_format is None else _like_in_memory(made, made, memory_format))


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """One value everywhere; its kind decides the dtype.  -> size"""
    kind = type(fill_value)
    if (kind is float or kind is int) and out is None and layout is None and device is None and not pin_memory and size is not None:
        if dtype is None:
            dtype = context.get_default_dtype() if kind is float else int64
        made = _at_once(np.empty, (size,), dtype) if kind is float or abs(fill_value) < 1 << 31 else None
        if made is not None and dtype.category >= FLOAT:
            made.array.fill(fill_value)
            return made.requires_grad_() if requires_grad else made
    _check_layout(layout, pin_memory)
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return _out(out, _filled(sizes((size,)), value, _kind(dtype, out, result_type(value)), device, requires_grad))


def _out(out: Tensor | None, made: Tensor) -> Tensor:
    if out is None:
        return made
    from ..write import into
    return into(out, made, "out") if not made.requires_grad else into(out, made.detach(), "out").requires_grad_()


def _out_counted(out: Tensor | None, made: Tensor) -> Tensor:
    """`_out` of numbers in a row, which a tensor of as many elements takes in its own shape."""
    return _out(out, made if out is None or out.numel() != made.numel() else made.reshape(out.shape))


def _kind(dtype, out: Tensor | None, default=None) -> dtype:
    """The dtype of what is made: asked for, or that of out=, or the default.  RuntimeError where the first two differ."""
    if dtype is not None:
        dtype = as_dtype(dtype)
        if out is not None and out.dtype is not dtype:
            raise RuntimeError(f"dtype {dtype.name} does not match dtype of out parameter ({out.dtype.name})")
        return dtype
    return out.dtype if out is not None else default or context.get_default_dtype()


def _like(x: Tensor, value, dtype, device, requires_grad, layout=None, pin_memory=False, memory_format=None) -> Tensor:
    if dtype is not None:
        dtype = as_dtype(dtype)
    if device is None and layout is None and memory_format is None and not pin_memory and type(x) is Tensor \
            and type(x.array) is np.ndarray and 0 not in x.array.strides:  # NumPy lays expanded axes innermost
        kind = x.array.dtype if dtype is None else dtype.numpy
        if value == 0 and x.array.flags.c_contiguous:
            return _made(np.zeros(x.array.shape, kind), requires_grad)
        array = np.empty_like(x.array, kind)
        if value is not None:
            array[...] = fitting(value, x.dtype if dtype is None else dtype)
        elif context.deterministic["on"]:
            _mark(array, x.dtype if dtype is None else dtype)
        return _made(array, requires_grad)
    if layout is not None and layout is not x.layout or x.layout is not strided:
        if memory_format is not None and layout is not strided:
            raise RuntimeError("memory format option is only supported by strided tensors")
        return later.sparse_layouts().alike(x, value, dtype, device, requires_grad, layout)
    _check_layout(layout, pin_memory)
    made = _filled_as(x, tuple(x.shape), value, dtype or x.dtype, x.device if device is None else device, requires_grad)
    return made if x.process is not None else _like_in_memory(x, made, memory_format)


def _like_in_memory(x: Tensor, made: Tensor, form) -> Tensor:
    """`made`, a new tensor, with its axes in memory as x's lie, or as the format says."""
    if form is None or form is preserve_format:
        order = order_in_memory(x.array)
    else:
        order = list(order_of(form, x.ndim))
    if order == list(range(x.ndim)):
        return made
    back = [order.index(i) for i in range(x.ndim)]
    laid = plain(made.array.transpose(order).copy("C").transpose(back))
    return laid.requires_grad_() if made.requires_grad else laid


def _filled_as(x: Tensor, shape, value, dtype, device, requires_grad) -> Tensor:
    """`_filled`, for every place of a vmap when x is mapped."""
    if x.process is None:
        return _filled(shape, value, dtype, device, requires_grad)
    value = 0 if value is None and x.layout is not strided else value  # a sparse tensor has no memory that could be found as it is
    made = x.like(tuple(shape), lambda whole: _filled(whole, value, dtype, device, False))
    return made.requires_grad_() if requires_grad else made


def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None) -> Tensor:
    """Zeros of x's shape, dtype and device."""
    return _like(input, 0, dtype, device, requires_grad, layout, pin_memory, memory_format)


def ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None) -> Tensor:
    """Ones of x's shape, dtype and device."""
    return _like(input, 1, dtype, device, requires_grad, layout, pin_memory, memory_format)


def empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None) -> Tensor:
    """Memory as it was found, of x's shape, dtype and device."""
    return _like(input, None, dtype, device, requires_grad, layout, pin_memory, memory_format)


def full_like(
    input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None
) -> Tensor:
    """One value everywhere, of x's shape, dtype and device."""
    return _like(input, fill_value, dtype, device, requires_grad, layout, pin_memory, memory_format)


# ---- ranges
def arange(start=None, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False,
           pin_memory=False) -> Tensor:
    """start, start + step, … below end.  -> (⌈(end - start) / step⌉)

    >>> flambeau.arange(1, 4)
    tensor([1, 2, 3])
    """
    if start is None:
        start = 0
    elif end is None:
        start, end = 0, start
    if type(start) is type(end) is type(step) is int and step > 0 and end >= start and dtype is out is layout is device is None \
            and context.default_device is None:
        return _made(np.arange(start, end, step, np.int64), requires_grad)
    start, end, step = (v.item() if isinstance(v, Tensor) else v for v in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if math.inf in (abs(start), abs(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    dtype = _kind(dtype, out, None if any(isinstance(v, float) for v in (start, end, step)) else int64)
    xp, _ = _namespace(device)
    n = math.ceil((end - start) / step)
    if dtype.category < FLOAT:
        array = (start + step * xp.arange(n)).astype(dtype.numpy)
    else:
        array = (start + xp.arange(n, dtype=np.float64) * step).astype(dtype.numpy)
    return _out_counted(out, _made(array, requires_grad))


NUMBER = (int, float)
RAMPS = (np.dtype(np.float32), np.dtype(np.float64))


def _ramp(start, end, steps: int, kind: np.dtype) -> np.ndarray:
    """PyTorch's numbers: counted in `kind` from the nearer end, with one rounding each."""
    if front.module is not None and kind in RAMPS:
        return front.module.ramp(start, end, steps, kind == np.float64)
    single = kind.type if kind == np.float32 else np.float64
    start, end = single(start), single(end)
    step, places = np.float64((end - start) / single(steps - 1)), np.arange(steps)
    return np.where(places < steps // 2, start + step * places, end - step * (steps - 1 - places)).astype(kind)


def linspace(start, end, steps: int, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """`steps` values at even distances from start to end, both included.  -> (steps)"""
    if type(start) in NUMBER and type(end) in NUMBER and type(steps) is int and steps > 1 and start != end \
            and out is dtype is device is context.default_device is None:
        return _made(_ramp(start, end, steps, context.get_default_dtype().numpy), requires_grad)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    if any(isinstance(v, Tensor) and v.process is None and v.is_meta for v in (start, end)):
        return _out(out, _filled((steps,), None, _kind(dtype, out), "meta", requires_grad))
    if any(isinstance(v, Tensor) and v.process is not None for v in (start, end)):
        return _between(start, end, steps).to(dtype or context.get_default_dtype())
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    xp, _ = _namespace(device)
    dtype = _kind_of_ends("linspace", dtype, out, start, end)
    if xp is np and steps > 1 and (dtype.numpy in RAMPS or dtype.category == INT):
        if dtype.category == INT:
            start, end = int(start), int(end)
        array = _ramp(start, end, steps, dtype.numpy if dtype.numpy in RAMPS else RAMPS[1])
    else:
        array = xp.linspace(start, end, steps, dtype=np.complex128 if dtype.is_complex else np.float64)
    return _out_counted(out, _made(array.astype(dtype.numpy), requires_grad))


def _kind_of_ends(name: str, dtype, out, start, end) -> dtype:
    """The dtype of numbers between start and end: complex where one of them is."""
    inferred = context.default_complex() if isinstance(start, complex) or isinstance(end, complex) else None
    kind = _kind(dtype, out, inferred)
    if inferred is not None and not kind.is_complex:
        raise RuntimeError(f"{name}(): inferred dtype {inferred.name} can't be safely cast to passed dtype {kind.name}")
    return kind


def _between(start, end, steps: int):
    """`linspace` of a transform's tensors, in double precision."""
    share = arange(steps).to(_DOUBLE) / max(steps - 1, 1)
    start, end = (v.to(_DOUBLE) if isinstance(v, Tensor) else v for v in (start, end))
    return start * (1 - share) + end * share


def logspace(start, end, steps: int, base: float = 10.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False,
             pin_memory=False) -> Tensor:
    """base**start … base**end, with exponents at even distances.  -> (steps)

    start and end are first rounded to dtype, as PyTorch's are: of whole numbers their fractions are lost.
    """
    if not isinstance(steps, int):
        raise TypeError(f"logspace(): argument 'steps' must be int, not {type(steps).__name__}")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    if any(isinstance(v, Tensor) and v.ndim for v in (start, end)):
        raise RuntimeError("logspace only supports 0-dimensional start and end tensors")
    if any(isinstance(v, Tensor) and v.process is None and v.is_meta for v in (start, end)):
        return _out(out, _filled((steps,), None, _kind(dtype, out), "meta", requires_grad))
    if any(isinstance(v, Tensor) and v.process is not None for v in (start, end)):
        return (float(base) ** _between(start, end, steps)).to(dtype or context.get_default_dtype())
    xp, _ = _namespace(device)
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    dtype = _kind_of_ends("logspace", dtype, out, start, end)
    start, end = (np.asarray(v).astype(dtype.numpy).item() for v in (start, end))
    exponents = xp.linspace(start, end, steps, dtype=np.result_type(np.float64, np.asarray(start), np.asarray(end)))
    array = xp.power(float(base), exponents)
    whole = array.astype(np.int64) if dtype.category < FLOAT else array  # NumPy's cast to a small kind of number may saturate
    return _out_counted(out, _made(whole.astype(dtype.numpy), requires_grad))


def eye(n: int, m: int | None = None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """Ones on the diagonal, zeros elsewhere.  -> (n, m)"""
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {min(n, m if m is not None else n)}")
    xp, _ = _namespace(device)
    return _out(out, _made(xp.eye(n, m, dtype=_kind(dtype, out).numpy), requires_grad))


def meshgrid(*tensors, indexing: str = "ij") -> tuple:
    """Grids of coordinates from vectors.  n vectors -> n tensors of shape (len₁, …, lenₙ)"""
    if len(tensors) == 1 and isinstance(tensors[0], list | tuple):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    n = len(tensors)
    if not n:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in tensors:
        if x.ndim > 1:
            raise RuntimeError(f"meshgrid: Expected 0D or 1D tensor in the tensor list but got one of shape {tuple(x.shape)}")
        for what in ("dtype", "device"):
            if getattr(x, what) != getattr(tensors[0], what):
                raise RuntimeError(f"meshgrid expects all tensors to have the same {what}")
    shape = tuple(x.numel() for x in tensors)
    grids = [x.reshape((1,) * i + (-1,) + (1,) * (n - i - 1)).expand(shape) for i, x in enumerate(tensors)]
    return tuple(g.transpose(0, 1) for g in grids) if indexing == "xy" and n > 1 else tuple(grids)
