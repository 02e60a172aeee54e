"""Questions about tensors, PyTorch's old names of types, and functions that are others under a second name."""
from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from .. import context
from ..dtype import COMPLEX, FLOAT, dtype, float64, int64
from ..tensor import Tensor, tensors_only
from .create import arange, full
from .join import cat, stack


# ---- questions
def is_tensor(obj: Any) -> bool:
    """Whether obj is a Tensor.

    >>> flambeau.is_tensor(flambeau.ones(2)), flambeau.is_tensor([1.0])
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Whether obj is the memory of tensors."""
    from .storage import TypedStorage, UntypedStorage

    return isinstance(obj, UntypedStorage | TypedStorage)


def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers."""
    tensors_only("is_complex", input=input)
    return input.dtype.category == COMPLEX


def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are real numbers in floating point."""
    tensors_only("is_floating_point", input=input)
    return input.dtype.category == FLOAT


def is_signed(input: Tensor) -> bool:
    """Whether the dtype holds numbers below zero."""
    return input.dtype.name != "bool" and not input.dtype.name.startswith("uint")


def is_conj(input: Tensor) -> bool:
    """Whether the memory holds the conjugate of what is seen: never here, conj() writes its result."""
    tensors_only("is_conj", input=input)
    return False


def is_neg(input: Tensor) -> bool:
    """Whether the memory holds the negative of what is seen: never here."""
    tensors_only("is_neg", input=input)
    return False


def is_distributed(input: Tensor) -> bool:
    """Whether the tensor is one of many processes' (of PyTorch's old interface): never."""
    tensors_only("is_distributed", input=input)
    return False


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return input.shape == other.shape


def numel(input: Tensor) -> int:
    """The number of elements.  (*) -> int

    >>> flambeau.numel(flambeau.zeros(2, 3))
    6
    """
    tensors_only("numel", input=input)
    return input.numel()


def get_device(input: Tensor) -> int:
    """The index of the GPU that holds the tensor; -1 on the CPU."""
    return input.device.index or 0 if input.is_cuda else -1


def typename(obj: Any) -> str:
    """The name of a tensor's type ('flambeau.FloatTensor'), or of any other object's class with its module.

    >>> flambeau.typename(flambeau.ones(1))
    'flambeau.FloatTensor'
    """
    if isinstance(obj, Tensor):
        return type_name(obj)
    kind = obj if isinstance(obj, type) else type(obj)
    module = "" if kind.__module__ in ("builtins", "__builtin__", None) else kind.__module__ + "."
    return module + (obj.__qualname__ if hasattr(obj, "__qualname__") else kind.__qualname__)


# ---- PyTorch's old names of types
OLD_NAMES = {"float32": "FloatTensor", "float64": "DoubleTensor", "float16": "HalfTensor", "bfloat16": "BFloat16Tensor",
             "uint8": "ByteTensor", "int8": "CharTensor", "int16": "ShortTensor", "int32": "IntTensor", "int64": "LongTensor",
             "bool": "BoolTensor", "complex64": "ComplexFloatTensor", "complex128": "ComplexDoubleTensor", "uint16": "UInt16Tensor",
             "uint32": "UInt32Tensor", "uint64": "UInt64Tensor"}  # fmt: skip


def type_name(x: Tensor) -> str:
    """'flambeau.FloatTensor', 'flambeau.cuda.FloatTensor' and so on."""
    place = "" if x.device.type == "cpu" else x.device.type + "."
    return f"flambeau.{place}{OLD_NAMES.get(x.dtype.name, x.dtype.name)}"


def as_type(x: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type; with a dtype, or an old name such as 'flambeau.LongTensor', the tensor as that dtype."""
    if dtype is None:
        return type_name(x)
    if isinstance(dtype, str):
        from ..dtype import BY_NAME

        by_old = {old: BY_NAME[name] for name, old in OLD_NAMES.items()}
        last = dtype.rpartition(".")[2]
        if last not in by_old:
            raise ValueError(f"invalid type: {dtype!r}")
        return x.to(by_old[last])
    if dtype is Tensor:
        return x.to(context.get_default_dtype())
    return x.to(dtype.dtype if isinstance(dtype, _OfType) else dtype)


# ---- other names and forms
def moveaxis(input: Tensor, source, destination) -> Tensor:
    """`movedim` under NumPy's name."""
    return input.movedim(source, destination)


def detach(input: Tensor) -> Tensor:
    """The values without their history, in the same memory.  (*) -> (*)"""
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """The tensor itself without its history."""
    return input.detach_()


def index_put_(input: Tensor, indices, values: Tensor, accumulate: bool = False) -> Tensor:
    """`Tensor.index_put_`."""
    return input.index_put_(indices, values, accumulate)


def addmv_(input: Tensor, mat: Tensor, vec: Tensor, *, beta=1, alpha=1) -> Tensor:
    """`Tensor.addmv_`."""
    return input.addmv_(mat, vec, beta=beta, alpha=alpha)


def unsafe_split_with_sizes(input: Tensor, split_sizes, dim: int = 0) -> tuple[Tensor, ...]:
    """`split_with_sizes`, whose parts PyTorch does not count as views."""
    return input.split_with_sizes(split_sizes, dim)


def select_copy(input: Tensor, dim: int, index: int) -> Tensor:
    """`select` with memory of its own.  (*, n, *) -> (*)"""
    return input.select(dim, index).clone()


def slice_copy(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """input[start:end:step] along an axis, with memory of its own.  (*, n, *) -> (*, k, *)"""
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    dim = dim % input.ndim
    return input[(slice(None),) * dim + (slice(start, end, step),)].clone()


def split_copy(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`split` into parts with memory of their own."""
    return tuple(part.clone() for part in input.split(split_size, dim))


def detach_copy(input: Tensor) -> Tensor:
    """The values without their history, in memory of their own.  (*) -> (*)"""
    return input.detach().clone()


def view_as_real_copy(input: Tensor) -> Tensor:
    """Real and imaginary parts along a new last axis, in memory of their own.  (*) -> (*, 2)"""
    from .complex import view_as_real

    return view_as_real(input).clone()


def view_as_complex_copy(input: Tensor) -> Tensor:
    """Complex numbers of pairs, in memory of their own.  (*, 2) -> (*)"""
    from .complex import view_as_complex

    return view_as_complex(input).clone()


def frobenius_norm(input: Tensor, dim, keepdim: bool = False) -> Tensor:
    """√Σ|x|² along axes.  (*) -> (*)"""
    return input.norm(2, dim, keepdim)


def nuclear_norm(input: Tensor, dim=None, keepdim: bool = False) -> Tensor:
    """The sum of singular values.  (*, a, b) -> (*)"""
    from .norms import matrix_norm

    if dim is None and input.ndim != 2:
        raise RuntimeError(f"Expected a tensor with 2 dimensions, but got a tensor with {input.ndim} dimensions instead.")
    return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of x in columns, the highest first.  (n) -> (n, N)

    >>> flambeau.vander(flambeau.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    n = len(x) if N is None else N
    if n < 0:
        raise RuntimeError("N must be non-negative.")
    if x.dtype.name == "bool" or x.dtype.category < FLOAT:
        x = x.long()
    if not n:
        return x.new_empty(len(x), 0)
    columns = [x.new_ones(len(x))]
    for _ in np.arange(n - 1):
        columns.append(columns[-1] * x)
    return stack(columns if increasing else columns[::-1], 1)


def closed_range(start, end=None, step=1, *, dtype=None, layout=None, device=None, requires_grad: bool = False) -> Tensor:
    """Numbers from start to end, which belongs to them: the old form of `arange`.  -> (⌊(end − start) / step⌋ + 1)"""
    from warnings import warn

    warn("flambeau.range is deprecated, as torch.range is: its end is included. Use flambeau.arange, which works as Python's range.",
         UserWarning, stacklevel=2)
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = int((end - start) / step) + 1
    floats = any(isinstance(v, float) for v in (start, step))
    whole = arange(count, dtype=float64 if floats else int64) * step + start  # counted in doubles, rounded once
    value = whole.to(context.get_default_dtype() if dtype is None else dtype)
    value = value if device is None else value.to(device)
    return value.requires_grad_() if requires_grad else value


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The places of nonzero elements, as many rows as `size`: cut, or filled up.  (*) -> (size, axes)"""
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = input.nonzero()[:size]
    rest = full((size - len(found), input.ndim), fill_value, dtype=int64, device=input.device)
    return cat([found, rest])


# ---- numbers that PyTorch's tracers follow: plain numbers here
def sym_int(a) -> int:
    """int(a), toward zero."""
    return int(a)


def sym_float(a) -> float:
    """float(a)."""
    return float(a)


def sym_not(a) -> bool:
    """not a."""
    return not a


def sym_max(a, b):
    """The greater; a float where one of both is."""
    return float(max(a, b)) if isinstance(a, float) or isinstance(b, float) else max(a, b)


def sym_min(a, b):
    """The lesser; a float where one of both is."""
    return float(min(a, b)) if isinstance(a, float) or isinstance(b, float) else min(a, b)


def sym_sum(args):
    """The sum of numbers."""
    total = 0
    for number in args:
        total += number
    return total


def sym_ite(b: bool, t, f):
    """t where b, else f."""
    return t if b else f


def sym_sqrt(a) -> float:
    """√a."""
    return sqrt(a)


def cond(pred, true_fn, false_fn, operands=()):
    """true_fn(*operands) where pred holds, false_fn(*operands) where it does not."""
    if not isinstance(pred, (bool, Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(cond_fn, body_fn, carried_inputs):
    """carried_inputs sent through body_fn for as long as cond_fn holds."""
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        carried = body_fn(*carried)
        carried = tuple(carried) if isinstance(carried, (list, tuple)) else (carried,)
    return carried


# ---- the old types: LongTensor([1, 2]), isinstance(x, flambeau.FloatTensor)
class _OfType(type):
    dtype: dtype

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.device.type == "cpu" and x.dtype is cls.dtype

    def __call__(cls, *args):
        from .create import empty, tensor

        if len(args) == 1 and not isinstance(args[0], int):
            source = args[0]
            if isinstance(source, Tensor):
                if source.dtype is not cls.dtype:
                    raise TypeError(f"expected {cls.dtype} tensor, got {source.dtype}: use .to({cls.dtype})")
                return source.detach()
            if hasattr(source, "untyped"):  # a storage
                return source._over(cls.dtype)
            return empty(tuple(source), dtype=cls.dtype) if source.__class__.__name__ == "Size" else tensor(source, dtype=cls.dtype)
        return empty(args or (0,), dtype=cls.dtype)


class OldType(metaclass=_OfType):
    """PyTorch's old name of the tensors of one dtype on the CPU."""

    dtype: dtype


def old_type(name: str):
    """The old type of this name, such as FloatTensor."""
    from ..dtype import BY_NAME

    kind = next(BY_NAME[new] for new, old in OLD_NAMES.items() if old == name)
    made = _OfType(name, (OldType,), {"dtype": kind, "__doc__": f"The old name of tensors of {kind}: make them, ask for them."})
    made.__module__ = "flambeau"
    return made


def _old(name: str):
    made = old_type(name)
    globals()[name] = made
    return made


def __getattr__(name: str):
    if name in OLD_NAMES.values():
        return _old(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
