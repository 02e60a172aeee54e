"""Tensor: an array, and where it came from.  What it can do is added by `ops/methods.py`, one line a method."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from . import context
from .device import CPU, device
from .dtype import BY_NUMPY, COMPLEX, FLOAT, dtype
from .fields import Fields, new, of_class, slots_of
from .layout import contiguous_format, follows, packed, strided
from .size import SIZES, Size
from .tape import Leaf, Node, Pick

if TYPE_CHECKING:
    from .hints import Methods
else:
    Methods = object




class Tensor(Fields, Methods):
    """An array with a history.

    array   the values: a NumPy array on the CPU, a CuPy array on a GPU
    node    how it was made, None where no gradient is asked for: `requires_grad` is "has a node"
    base    the tensor that this one is a view of; `source` the (tensor, card, attrs) that made the view, and a fourth where the
            view may not be written to with a graph: the function that gave several views, or the mode it was made in
    cell    [version]: counts writes; views share it, so backward sees a write whichever of them made it
    views   weak references to the views of this base, which a recorded write must bring up to date
    """

    _grad: Tensor | None = None
    _backward_hooks: dict | None = None
    process: Any = None  # how a subclass wants an op done; plain tensors and simple subclasses have no wish
    level = 0
    is_sparse = is_sparse_csr = False
    function_rule: Any = None  # how a subclass wants an autograd.Function done
    keeps_type = False  # whether results of ops on it take its type: so with users' subclasses
    subclassed: Any = None  # what is done with a user's subclass when it is made; overriding/members.py puts it here
    __array_priority__ = 1000

    def __init_subclass__(cls, **options) -> None:
        super().__init_subclass__(**options)
        if cls.__module__.partition(".")[0] != "flambeau":
            cls.keeps_type = True
            cls.subclassed(cls)

    # ---- what it is
    @property
    def shape(self) -> Size:
        return SIZES[self.array.shape]

    @property
    def dtype(self) -> dtype:
        return BY_NUMPY[self.array.dtype]

    @property
    def device(self) -> device:
        return CPU if type(self.array) is np.ndarray else _elsewhere(self.array)

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def itemsize(self) -> int:
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    def size(self, dim: int | None = None):
        return self.shape if dim is None else self.array.shape[check_dim(dim, self.array.ndim)]

    def dim(self) -> int:
        return self.array.ndim

    ndimension = dim

    def numel(self) -> int:
        return self.array.size

    nelement = numel

    def element_size(self) -> int:
        return self.array.itemsize

    def stride(self, dim: int | None = None):
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        if 0 in strides and 1 in self.array.shape:  # NumPy's new axes have a stride of 0, PyTorch's that of all that follows
            shape, told = self.array.shape, [*strides, 1]
            for axis in reversed(range(len(shape))):
                if shape[axis] == 1 and not strides[axis]:
                    told[axis] = told[axis + 1] * (shape[axis + 1] if axis + 1 < len(shape) else 1)
            strides = tuple(told[:-1])
        if 0 in self.array.shape and self.array.flags.c_contiguous:
            strides = packed(self.array.shape)  # where NumPy's are of no use
        return strides if dim is None else strides[check_dim(dim, len(strides))]

    def data_ptr(self) -> int:
        if type(self.array) is np.ndarray:
            return self.array.ctypes.data if self.array.size else 0
        return 0 if self.is_meta else self.array.data.ptr

    def is_contiguous(self, memory_format=contiguous_format) -> bool:
        if memory_format is contiguous_format:
            return self.array.flags.c_contiguous
        return follows(self.shape, self.stride(), memory_format)

    const_data_ptr = data_ptr
    name = None  # the name of a tensor in PyTorch's compiled programs

    @property
    def layout(self):
        return strided

    def is_floating_point(self) -> bool:
        return self.dtype.category == FLOAT

    def is_complex(self) -> bool:
        return self.dtype.category == COMPLEX

    @property
    def is_cuda(self) -> bool:
        return type(self.array) is not np.ndarray and not isinstance(self.array, np.ndarray)

    @property
    def is_meta(self) -> bool:
        """Whether it has a shape and a dtype alone: `device="meta"`."""
        return type(self.array) is not np.ndarray and isinstance(self.array, np.ndarray)

    def get_device(self) -> int:
        return -1 if isinstance(self.array, np.ndarray) else self.array.device.id

    # ---- the graph
    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for gradients of this tensor, or stop asking.  RuntimeError for integers and for results of recorded ops."""
        if requires_grad:
            if self.node is None:
                kind = self.dtype
                if kind.category < FLOAT:
                    raise RuntimeError(f"only Tensors of floating point and complex dtype can require gradients, got {kind}")
                self.node = Leaf(self, self.shape, kind)
        elif self.node is not None:
            if not self.node.is_leaf:
                raise RuntimeError("you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                                   "subgraph that doesn't require differentiation use var_no_grad = var.detach().")
            self.node = None
        return self

    @property
    def is_leaf(self) -> bool:
        return self.node is None or self.node.is_leaf

    @property
    def grad_fn(self) -> Node | None:
        node = self.node
        if node is None or node.is_leaf:
            return None
        return node.parents[0] if type(node) is Pick else node

    @property
    def retains_grad(self) -> bool:
        """Whether the gradient of this tensor, which is not a leaf, will be kept in `.grad`."""
        node = self.node
        return node is not None and node.hooks is not None and node.hooks.retained is not None

    @property
    def output_nr(self) -> int:
        return self.node.index if type(self.node) is Pick else 0

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward added up here; None before the first."""
        g = self._grad
        if g is None and not self.is_leaf and not self.retains_grad:
            from warnings import warn

            warn("The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated "
                 "during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use .retain_grad() "
                 "on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor instead.",
                 stacklevel=2)
        return g

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape:
                raise RuntimeError(f"assigned grad has data of a different size: expected {tuple(self.shape)}, got {tuple(value.shape)}")
            if value.dtype is not self.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: expected {self.dtype}, got {value.dtype}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def _version(self) -> int:
        return self.cell[0] if self.cell else 0

    def is_inference(self) -> bool:
        """Whether it was made in `inference_mode`."""
        return False

    def detach(self) -> Tensor:
        """The same values without a history; memory and version are shared."""
        out = plain(self.array)
        out.cell = version_cell(self)
        return of_class(out, type(self)) if self.keeps_type and self.process is None else out

    def visible(self) -> bool:
        """Whether Python may look at the values: on meta there are none."""
        return not self.is_meta

    def view_of_self(self) -> Tensor:
        """The same memory and history as another object, which shares the count of writes."""
        out = plain(self.array)
        out.cell, out.node = version_cell(self), self.node
        return out

    def detach_(self) -> Tensor:
        if self.base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.node = None
        return self

    @property
    def data(self) -> Tensor:
        return plain(self.array)

    @data.setter
    def data(self, value: Tensor) -> None:
        if self.node is not None and value.dtype.category < FLOAT:
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        self.array = value.array
        if self.node is not None:  # gradients to come are of the new shape and dtype
            self.node.shape, self.node.dtype = value.shape, value.dtype

    def _is_view(self) -> bool:
        return self.base is not None

    @property
    def _base(self) -> Tensor | None:
        return self.base

    # ---- out of Flambeau
    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as a NumPy array that shares this tensor's memory."""
        if force:
            return np.asarray(self.detach().cpu().array)
        if self.node is not None and context.grad.enabled:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if type(self.array) is not np.ndarray:
            if self.is_meta:
                raise TypeError("can't convert meta device type tensor to numpy: it has a shape and a dtype, and no values")
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        return self.array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        """What NumPy's functions make of a tensor is a tensor; truth values are told as uint8, as in PyTorch."""
        array = np.asarray(array)
        return plain(array.astype(np.uint8) if array.dtype == np.bool_ else array)

    def item(self):
        """The value of a one-element tensor as a Python number."""
        if self.array.size != 1:
            raise RuntimeError(f"a Tensor with {self.array.size} elements cannot be converted to Scalar")
        value = self.array.item()
        return float(value) if self.dtype.category == FLOAT else value

    def tolist(self):
        if self.dtype.itemsize <= 2 and self.dtype.category == FLOAT:
            return self.array.astype(np.float64).tolist()
        return self.array.tolist()

    def __bool__(self) -> bool:
        if self.array.size != 1:
            if self.array.size == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.array.item())

    def __float__(self) -> float:
        if self.dtype.category == FLOAT and self.array.size == 1:
            return float(self.array.item())
        return float(self._alone(real=True))

    def __int__(self) -> int:
        return int(self._alone(real=True))

    def __complex__(self) -> complex:
        return complex(self._alone())

    def _alone(self, real: bool = False):
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        value = self.item()
        if real and isinstance(value, complex):
            if value.imag:
                raise RuntimeError(f"value cannot be converted to a real number without overflow: {value}")
            return value.real
        return value

    def __index__(self) -> int:
        if self.dtype.category >= FLOAT or self.array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.array.item())

    def __len__(self) -> int:
        if self.array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if type(self) is Tensor and self.array.ndim == 0 and not self.is_meta:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __deepcopy__(self, memo: dict) -> Tensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.")
        out = memo[id(self)] = of_class(plain(_copied(self.array, memo)), type(self))
        for told in _told(self):
            from copy import deepcopy

            attributes, slots = deepcopy(told, memo)
            vars(out).update(attributes)
            for name, value in slots.items():
                setattr(out, name, value)
        if self.node is not None:
            out.requires_grad_()
        if self._grad is not None:
            out._grad = self._grad.__deepcopy__(memo)
        return out

    def __reduce_ex__(self, protocol):
        told = _told(self)
        if self.is_meta:
            return (_rebuild_meta, (type(self), tuple(self.shape), self.stride(), self.dtype, self.requires_grad), *told)
        array = np.asarray(self.detach().cpu().array)
        root = _root(array)
        if root is array:
            return (_rebuild, (type(self), array, self.requires_grad), *told)
        at = array.ctypes.data - root.ctypes.data
        return (_rebuild_part, (type(self), root, array.dtype, at, array.shape, array.strides, self.requires_grad), *told)


class Parameter(Tensor):
    """A tensor that a module registers as its own when it is assigned to an attribute.

    >>> flambeau.nn.Parameter(flambeau.zeros(2)).requires_grad
    True
    """

    keeps_type = False

    def __init_subclass__(cls, **options) -> None:
        """Results of ops on parameters are no parameters."""

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True):
        out = plain(np.empty(0, context.get_default_dtype().numpy) if data is None else data.array)
        return of_class(out, cls).requires_grad_(requires_grad)

    def __repr__(self, *, tensor_contents=None) -> str:
        return "Parameter containing:\n" + super().__repr__()


class InferenceTensor(Tensor):
    """A tensor made in `inference_mode`: it has no version and takes no part in a graph.  Being of another type it goes the slow road."""

    def __new__(cls, *args, **kwargs):
        return new(cls)

    def is_inference(self) -> bool:
        return True

    @property
    def _version(self) -> int:
        raise RuntimeError("Inference tensors do not track version counter.")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if requires_grad and not context.grad.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        return super().requires_grad_(requires_grad)

    def detach(self) -> Tensor:
        out = super().detach()
        out.__class__ = InferenceTensor
        return out

    def __reduce_ex__(self, protocol):
        rebuild, (_, *arguments), *told = super().__reduce_ex__(protocol)
        return (rebuild, (Tensor, *arguments), *told)


InferenceTensor.__name__ = InferenceTensor.__qualname__ = "Tensor"


def inference(made):
    """What was just made in inference mode, as inference tensors; views of normal tensors stay normal."""
    for x in made if isinstance(made, tuple | list) else (made,):
        if type(x) is Tensor and (x.base is None or type(x.base) is InferenceTensor):
            x.__class__ = InferenceTensor
        elif type(x) is Tensor and x.source is not None and len(x.source) == 3:
            x.source = (*x.source, "inference mode")
    return made


def noted(x):
    """A tensor that is made while `context.unusual`: for inference only in inference mode, and shown to modes with a `made(x)`."""
    for mode in context.modes:
        if hasattr(mode, "made"):
            mode.made(x)
    return inference(x) if context.grad.inference else x


# Tensors that the fast paths and the recorder treat alike; any other subclass is asked how it wants an op done.
PLAIN = frozenset({Tensor, Parameter})


def _elsewhere(array) -> device:
    """The device of an array that is not NumPy's own."""
    return device("meta") if isinstance(array, np.ndarray) else device("cuda", array.device.id)


def usual(array: np.ndarray) -> np.ndarray:
    """The array with its dtype as the object that every array has: pickle and `newbyteorder` make an equal one of their own."""
    kind = BY_NUMPY[array.dtype].numpy
    return array if array.dtype is kind else array.view(kind)


def plain(array: np.ndarray) -> Tensor:
    """A tensor around an array, without a copy or a history."""
    return new(Tensor, array)


_OURS = {*Tensor.__annotations__, "level", "is_sparse", "is_sparse_csr", "keeps_type"}


def _told(x: Tensor) -> tuple:
    """What the user wrote on the tensor: (), or one pair of attributes and of what is in slots, as `copy` and `pickle` set it."""
    told = {name: value for name, value in vars(x).items() if name not in _OURS}
    slots = slots_of(x)
    return ((told, slots),) if told or slots else ()


def _root(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one is a part of; itself where that is not a dense one of NumPy's."""
    root = array
    while type(root.base) is np.ndarray:
        root = root.base
    inside = array.ctypes.data >= root.ctypes.data and (root.flags.c_contiguous or root.flags.f_contiguous)
    return root if inside else array


def _copied(array, memo: dict):
    """A copy of the same strides in a copy of the whole memory: what shared memory does so again, within one deepcopy."""
    if type(array) is not np.ndarray:
        return array.copy()
    root = _root(array)
    key = ("memory", root.ctypes.data, root.nbytes)  # a storage sees the same bytes by an array of its own
    if key not in memo:
        memo[key] = root, root.copy(order="K")  # the root is kept, that its address is nobody else's
    copy = memo[key][1]
    if root is array and (copy.dtype, copy.shape, copy.strides) == (array.dtype, array.shape, array.strides):
        return copy
    return _part(copy, array.dtype, array.ctypes.data - root.ctypes.data, array.shape, array.strides)


def _part(root: np.ndarray, kind: np.dtype, at: int, shape: tuple, strides: tuple) -> np.ndarray:
    if not root.nbytes:
        return np.empty(shape, kind)
    octets = np.ndarray((root.nbytes,), np.uint8, root if root.flags.c_contiguous else root.T)
    return np.ndarray(shape, kind, octets, at, strides)


def _rebuild_part(cls: type, root: np.ndarray, kind: np.dtype, at: int, shape: tuple, strides: tuple, requires_grad: bool) -> Tensor:
    return _rebuild(cls, _part(root, kind, at, shape, strides), requires_grad)


def _rebuild(cls: type, array: np.ndarray, requires_grad: bool) -> Tensor:
    return of_class(plain(usual(array)), cls).requires_grad_(requires_grad)


def _rebuild_meta(cls: type, shape: tuple, stride: tuple, kind: dtype, requires_grad: bool) -> Tensor:
    from .backends.meta import hollow

    return _rebuild(cls, hollow(shape, kind.numpy, tuple(s * kind.itemsize for s in stride)), requires_grad)


def is_inference(input: Tensor) -> bool:
    """Whether a tensor was made in `inference_mode`."""
    return input.is_inference()


def version_cell(x: Tensor) -> list:
    """The cell that counts writes to x's memory."""
    cell = x.cell
    if cell is None:
        cell = x.cell = [0]
    return cell


def add_view(x: Tensor, array, card, attrs: dict) -> Tensor:
    """A tensor over `array`, which shares x's memory: it joins x's family (base, version cell, list of views)."""
    out = new(Tensor, array)
    base = x.base
    if base is None:
        base = x
    out.base = base
    out.source = (x, card, attrs)
    cell = base.cell
    if cell is None:
        cell = base.cell = [0]
    out.cell = cell
    views = base.views
    if views is None:
        views = base.views = [8]
    views.append(ref(out))
    if len(views) > views[0]:
        drop_dead(base)
    return out


def drop_dead(base: Tensor) -> None:
    """Forget the views that are gone; the list is looked at again when it has doubled."""
    alive = [r for r in (base.views or [0])[1:] if r() is not None]
    base.views = [2 * len(alive) + 8, *alive]


def live_views(base: Tensor) -> list[Tensor]:
    return [v for v in (r() for r in (base.views or [0])[1:]) if v is not None]


def tensors_only(what: str, **given) -> None:
    """TypeError where one of the named arguments, told in the order of the call, is no tensor."""
    for position, (name, x) in enumerate(given.items(), 1):
        if not isinstance(x, Tensor):
            raise TypeError(f"{what}(): argument '{name}' (position {position}) must be Tensor, not {type(x).__name__}")


def check_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front.  IndexError in PyTorch's words when there is no such axis."""
    bound = max(ndim, 1)
    try:
        within = -bound <= dim < bound
    except TypeError:
        raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}") from None
    if not within:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {dim})")
    return dim + bound if dim < 0 else dim
