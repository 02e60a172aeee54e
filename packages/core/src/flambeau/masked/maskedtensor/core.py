"""`MaskedTensor`: a tensor and the mask that says what of it counts.

Its history is that of its data, so gradients need no rules of their own. Every public function comes to `__flambeau_function__`, which does
what `rules.py` lists; anything else is a TypeError, for it is not known what the mask would mean.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from warnings import warn

import flambeau
from flambeau.dtype import FLOAT
from flambeau.fields import new
from flambeau.overriding.members import asked_about
from flambeau.tensor import Tensor

__all__ = ["MaskedTensor", "is_masked_tensor"]

LAYOUTS = (flambeau.strided, flambeau.sparse_coo, flambeau.sparse_csr)
DTYPES = tuple(getattr(flambeau, name) for name in "float16 float32 float64 bool int8 int16 int32 int64".split())


def _of_data(name: str) -> property:
    return property(lambda self: getattr(self._masked_data, name))


def _as_data(name: str) -> Any:
    def call(self, *args, **kwargs):
        return getattr(self._masked_data, name)(*args, **kwargs)

    call.__name__, call.__doc__ = name, f"`{name}` of the data."
    return call


class MaskedTensor(Tensor):
    """data with a mask, True where an element is in.  Made by `masked_tensor` and `as_masked_tensor`.

    Unary functions and those of two tensors with the same mask keep it; reductions leave out what it hides, and their result is hidden
    where nothing was in.

    >>> x = flambeau.masked.masked_tensor(flambeau.tensor([[1.0, 5.0], [7.0, 9.0]]), flambeau.tensor([[True, False], [False, False]]))
    >>> x.sum(1)
    MaskedTensor(
      [  1.0000,       --]
    )
    """

    _masked_data: Tensor
    _masked_mask: Tensor
    answer: Any = None  # what does functions; rules.py puts it here

    def __new__(cls, data: Any, mask: Any, requires_grad: bool = False) -> Any:
        data, mask = checked(data, mask)
        if requires_grad and data.dtype.category < FLOAT:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        if data.requires_grad:
            warn("It is not recommended to create a MaskedTensor with a tensor that requires_grad. To avoid this, you can use "
                 "data.detach().clone()", UserWarning, stacklevel=3)  # fmt: skip
        return made(data.detach().clone().requires_grad_(requires_grad), mask.clone())

    # ---- what it is: what its data is
    array, base, source, cell, views, node = map(_of_data, ("array", "base", "source", "cell", "views", "node"))
    shape, dtype, device, ndim, layout, itemsize, nbytes, is_cuda, is_meta, is_leaf, grad_fn, _version = map(
        _of_data, "shape dtype device ndim layout itemsize nbytes is_cuda is_meta is_leaf grad_fn _version".split())
    size, dim, ndimension, numel, nelement, element_size, stride, __len__, get_device, is_floating_point, is_complex = map(
        _as_data, "size dim ndimension numel nelement element_size stride __len__ get_device is_floating_point is_complex".split())
    backward, register_hook, retain_grad, data_ptr = map(_as_data, "backward register_hook retain_grad data_ptr".split())
    requires_grad = property(lambda self: self._masked_data.requires_grad, lambda self, on: self.requires_grad_(on))

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        self._masked_data.requires_grad_(requires_grad)
        return self

    def is_sparse_coo(self) -> bool:
        return self.layout is flambeau.sparse_coo

    def is_sparse_csr(self) -> bool:  # type: ignore[override]  # a method, as in PyTorch
        return self.layout is flambeau.sparse_csr

    @property
    def is_sparse(self) -> bool:  # type: ignore[override]
        return self.is_sparse_coo() or self.is_sparse_csr()

    @property
    def grad(self) -> Any:
        """The gradient of the data, under the same mask; None before the first backward."""
        g = self._masked_data.grad
        return None if g is None else made(g, self._masked_mask)

    @grad.setter
    def grad(self, value: Any) -> None:
        self._masked_data.grad = value.get_data() if isinstance(value, MaskedTensor) else value

    data = property(lambda self: made(self._masked_data.data, self._masked_mask))

    # ---- its parts
    def get_data(self) -> Tensor:
        """All elements, those that are hidden too, in the graph."""
        data = self._masked_data
        return data.view_as(data) if data.requires_grad and self.layout is flambeau.strided else data

    def get_mask(self) -> Tensor:
        """True where an element is in."""
        return self._masked_mask

    def to_tensor(self, value: Any) -> Tensor:
        """A plain tensor with `value` wherever an element is hidden.

        >>> flambeau.masked.masked_tensor(flambeau.tensor([1, 2]), flambeau.tensor([True, False])).to_tensor(0)
        tensor([1, 0])
        """
        return self.get_data().masked_fill(~self._masked_mask, value)

    # ---- ops
    @classmethod
    def __flambeau_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return cls.answer(func, args, kwargs or {})

    __torch_function__ = __flambeau_function__

    def process(self, card: Any, inputs: Any, attrs: Any) -> Any:
        raise TypeError(f"{card.name} is not there for MaskedTensor: use get_data() or to_tensor(value)")

    def like(self, shape: Any, fill: Any) -> Any:
        """What a `*_like` function makes of it: another tensor under the same mask."""
        return made(fill(tuple(shape)), self._masked_mask)

    def detach(self) -> Any:
        return made(self._masked_data.detach(), self._masked_mask)

    def clone(self, *, memory_format: Any = None) -> Any:
        return made(self._masked_data.clone(), self._masked_mask.clone())

    def is_contiguous(self, memory_format: Any = flambeau.contiguous_format) -> bool:
        self._only_dense("is_contiguous")
        return self._masked_data.is_contiguous(memory_format)

    def contiguous(self, memory_format: Any = flambeau.contiguous_format) -> Any:
        self._only_dense("contiguous")
        return made(self._masked_data.contiguous(memory_format=memory_format), self._masked_mask.contiguous())

    def _only_dense(self, name: str) -> None:
        if self.is_sparse:
            raise ValueError(f"MaskedTensors with sparse data do not have {name}")

    def item(self) -> Any:
        if not bool(self._masked_mask.all()):
            raise ValueError("the element of a MaskedTensor that is asked for is masked out: to_tensor(value) gives it one")
        return self._masked_data.item()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __hash__(self) -> int:
        return id(self)

    def __deepcopy__(self, memo: dict) -> Any:
        if id(self) not in memo:
            memo[id(self)] = made(deepcopy(self._masked_data, memo), self._masked_mask.clone())
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return made, (self._masked_data, self._masked_mask)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from .text import told

        return told(self)

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec)


def is_masked_tensor(obj: Any, /) -> bool:
    """Whether it is a MaskedTensor."""
    return isinstance(obj, MaskedTensor)


def made(data: Any, mask: Any) -> MaskedTensor:
    """A masked tensor around its parts, unchecked."""
    out = new(MaskedTensor)
    out._masked_data, out._masked_mask = data, mask
    return out


def checked(data: Any, mask: Any) -> tuple[Any, Any]:
    """Data and mask that go together.  TypeError or ValueError for others."""
    for name, x in (("data", data), ("mask", mask)):
        if is_masked_tensor(x) or not isinstance(x, Tensor):
            raise TypeError(f"{name} must be a Tensor")
    if data.layout is not mask.layout:
        raise TypeError("data and mask must have the same layout.")
    if data.layout not in LAYOUTS:
        raise TypeError(f"data layout of {data.layout} is not supported.")
    if mask.dtype is not flambeau.bool:
        raise TypeError("mask must have dtype bool.")
    if data.dtype not in DTYPES:
        raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
    if data.dim() != mask.dim():
        raise ValueError("data.dim() must equal mask.dim()")
    if data.size() != mask.size():
        raise ValueError("data.size() must equal mask.size()")
    if data.layout is not flambeau.strided:
        data, mask = _same_places(data, mask)
    return data, mask


def _same_places(data: Any, mask: Any) -> tuple[Any, Any]:
    if data.layout is flambeau.sparse_coo:
        data, mask = data.coalesce(), mask.coalesce()
    if data._nnz() != mask._nnz():
        data = data.to_dense().sparse_mask(mask)
    if not same_places(data, mask):
        what = "COO tensors but do not have the same indices." if data.layout is flambeau.sparse_coo else \
            "CSR tensors but do not share either crow or col indices."
        raise ValueError(f"data and mask are both sparse {what}")
    return data, mask


def same_places(a: Any, b: Any) -> bool:
    """Whether two sparse tensors name the same places."""
    return a.layout is b.layout and all(p.shape == q.shape and bool((p == q).all()) for p, q in zip(a.places, b.places, strict=True))


asked_about(MaskedTensor)
