"""What a tensor can do: each op as a method, one line each."""
from __future__ import annotations

import numpy as np

from .. import context, dispatch, fields, overriding
from ..autograd import backward
from ..fast import operator, reflected
from ..layout import strided
from ..op import CARDS
from ..overriding import protocol
from ..printing import to_string
from ..tensor import Size, Tensor
from . import (
    arithmetic,
    border,
    convert,
    create,
    elementwise,
    frames,
    index,
    kin,
    later,
    linalg,
    masks,
    namespace,
    reduction,
    scan,
    sort,
    special,
    splits,
    view,
)
from . import complex as complexes
from . import random as draws
from . import transfer as _transfer  # noqa: F401  (defines the card that `.to(device)` runs)

dispatch.tensors = namespace.tensors  # what the body of a composite runs on, where it is differentiated, batched or traced


def _new(cls, data=(), *sizes, dtype=None, device=None):
    if sizes or isinstance(data, int) or type(data) is Size:
        made = create.empty(*(data if type(data) is Size else (data, *sizes)), dtype=dtype, device=device)
    elif hasattr(data, "untyped"):  # a storage
        made = data._over(dtype or context.get_default_dtype())
    else:
        made = data.detach() if isinstance(data, Tensor) else create.tensor(data, dtype=dtype or context.get_default_dtype(), device=device)
    return fields.of_class(made, cls)


def _as_subclass(x, cls):
    """The same memory and history as an object of `cls`, a subclass of Tensor."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise RuntimeError(f"Creating a Tensor subclass from a class that does not inherit from Tensor is not possible: {cls!r}")
    return fields.of_class(x.view_of_self(), cls)


def _make_subclass(cls, data, require_grad=False):
    made = _as_subclass(data.detach(), cls)
    return made.requires_grad_() if require_grad else made


Tensor.__new__ = staticmethod(_new)
Tensor.as_subclass = _as_subclass
Tensor._make_subclass = staticmethod(_make_subclass)
Tensor.__flambeau_function__ = Tensor.__torch_function__ = classmethod(overriding.default)
Tensor.__repr__ = lambda x, *, tensor_contents=None: to_string(x)

# ---- operators
def _matmul(x, y, multiply=linalg.matmul, known=Tensor):
    if type(y) is known or isinstance(y, known) or protocol(type(y)) is not None:
        return multiply(x, y)
    return NotImplemented


Tensor.__add__ = operator(elementwise.add)
Tensor.__radd__ = reflected(elementwise.add)
Tensor.__sub__ = operator(elementwise.sub)
Tensor.__rsub__ = reflected(elementwise.sub)
Tensor.__mul__ = operator(elementwise.mul)
Tensor.__rmul__ = reflected(elementwise.mul)
Tensor.__truediv__ = operator(elementwise.div)
Tensor.__rtruediv__ = Tensor.__rdiv__ = reflected(elementwise.div)
Tensor.__floordiv__ = operator(elementwise.floor_divide)
Tensor.__rfloordiv__ = reflected(elementwise.floor_divide)
Tensor.__mod__ = operator(elementwise.remainder)
Tensor.__rmod__ = reflected(elementwise.remainder)
Tensor.__pow__ = operator(elementwise.pow)
Tensor.__rpow__ = reflected(elementwise.pow)
Tensor.__matmul__ = _matmul
Tensor.__rmatmul__ = lambda x, y: _matmul(x, y, lambda x, y: linalg.matmul(y, x))
Tensor.__neg__ = elementwise.neg
Tensor.__pos__ = lambda x: x
Tensor.__abs__ = elementwise.abs
Tensor.__invert__ = lambda x: elementwise.logical_not(x) if x.dtype.name == "bool" else elementwise.bitwise_not(x)
Tensor.__and__ = operator(elementwise.bitwise_and)
Tensor.__rand__ = reflected(elementwise.bitwise_and)
Tensor.__or__ = operator(elementwise.bitwise_or)
Tensor.__ror__ = reflected(elementwise.bitwise_or)
Tensor.__xor__ = operator(elementwise.bitwise_xor)
Tensor.__rxor__ = reflected(elementwise.bitwise_xor)
Tensor.__lshift__ = operator(arithmetic.bitwise_left_shift)
Tensor.__rlshift__ = reflected(arithmetic.bitwise_left_shift)
Tensor.__rshift__ = operator(arithmetic.bitwise_right_shift)
Tensor.__rrshift__ = reflected(arithmetic.bitwise_right_shift)
Tensor.__lt__ = operator(elementwise.lt)
Tensor.__le__ = operator(elementwise.le)
Tensor.__gt__ = operator(elementwise.gt)
Tensor.__ge__ = operator(elementwise.ge)
Tensor.__getitem__ = index.getitem
Tensor.__setitem__ = index.setitem
Tensor.__delitem__ = index.delitem


def _comparison(call):
    def compare(x, y):
        if isinstance(y, Tensor | int | float | complex | np.generic):
            return call(x, y)
        return call(x, create.from_numpy(y)) if isinstance(y, np.ndarray) else NotImplemented

    return compare


_equal, _unequal = _comparison(elementwise.eq), _comparison(elementwise.ne)


def _contains(x, value):
    if not isinstance(value, Tensor | int | float | complex | np.generic):
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value)}.")
    return bool((x == value).any())


Tensor.__eq__ = _equal
Tensor.__ne__ = _unequal
Tensor.__iter__ = lambda x: iter(splits.unbind(x)) if x.ndim else _no_iteration()
Tensor.__contains__ = _contains


def _no_iteration():
    raise TypeError("iteration over a 0-d tensor")


KNOWN = (Tensor, int, float, complex, np.generic)  # what operators know


def _augmented(name):
    write = CARDS[name].inplace

    def update(x, y):
        if type(y) is Tensor or isinstance(y, KNOWN) or protocol(type(y)) is not None:
            return write(x, y)
        return NotImplemented

    return update


for _operator, _name in {"iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "ifloordiv": "floor_divide", "imod": "remainder",
                         "ipow": "pow", "iand": "bitwise_and", "ior": "bitwise_or", "ixor": "bitwise_xor",
                         "ilshift": "bitwise_left_shift", "irshift": "bitwise_right_shift"}.items():
    setattr(Tensor, f"__{_operator}__", _augmented(_name))

# ---- one method a card, and its in-place form
_NO_WRITES = frozenset("clone cast gelu_erf gelu_tanh isnan isinf isposinf isneginf signbit".split())  # in place PyTorch has none
for _name, _card in list(CARDS.items()):
    if _card.call is not None and not _card.variadic and _card.kind not in ("view", "window") and not hasattr(Tensor, _name):
        setattr(Tensor, _name, _card.call)
    if _card.inplace is not None and _card.kind == "elementwise" and _name not in _NO_WRITES:
        setattr(Tensor, _name + "_", _card.inplace)

# ---- methods whose arguments PyTorch spells in its own way
for _module, _names in (
    (
        view,
        "reshape flatten unflatten permute transpose t movedim squeeze unsqueeze expand sum_to_size select narrow "
        "diagonal flip",
    ),
    (splits, "chunk unbind"),
    (index, "index_select index_add gather scatter_add index_put_"),
    (masks, "masked_fill masked_select nonzero tril triu"),
    (linalg, "matmul mm bmm mv dot outer addmm baddbmm"),
    (reduction, "sum mean amax amin any all prod logsumexp argmax argmin"),
    (scan, "cumsum cumprod"),
    (special, "mvlgamma mvlgamma_"),
    (
        arithmetic,
        "copysign nextafter ldexp frexp heaviside float_power fmax fmin gcd lcm logaddexp2 logcumsumexp rad2deg deg2rad "
        "signbit isposinf isneginf isreal positive nan_to_num bitwise_left_shift bitwise_right_shift fill resolve_neg "
        "conj_physical is_nonzero fix arcsinh arccosh arctanh heaviside_ ldexp_ conj_physical_ cumsum_ cumprod_ "
        "float_power_",
    ),
    (complexes, "conj resolve_conj angle"),
    (frames, "unfold"),
    (sort, "sort topk max min argsort unique"),
    (draws, "uniform_ normal_ bernoulli_ random_ bernoulli multinomial"),
    (convert, "to contiguous view_dtype _to_device"),
    (border, "softmax log_softmax"),
    (
        border,
        "add sub mul div multiply divide true_divide subtract rsub add_ sub_ mul_ div_ addcmul addcdiv addcmul_ addcdiv_ "
        "clamp clip clamp_min "
        "clamp_max round var std var_mean std_mean norm count_nonzero dist view_as reshape_as expand_as repeat tile "
        "repeat_interleave swapaxes "
        "roll equal isclose allclose copy_ fill_ zero_ masked_fill_ scatter_add_ index_add_ tril_ triu_",
    ),
    (
        kin,
        "new_zeros new_ones new_empty new_full new_tensor clone type_as cpu cuda register_hook register_post_accumulate_grad_hook "
        "retain_grad",
    ),
):
    for _name in _names.split():
        setattr(Tensor, _name, getattr(_module, _name))

Tensor.view = view.view_as_shape
for _name, _cast in kin.CASTERS.items():
    setattr(Tensor, _name, _cast)
Tensor.T = property(view.turned)
Tensor.mT = property(lambda x: view.flipped(x, "mT"))
Tensor.mH = property(lambda x: complexes.conj(view.flipped(x, "mH")))
Tensor.H = property(lambda x: complexes.conj(view.flipped(x, "H")))
Tensor.real = property(complexes.real, lambda x, value: complexes.real(x).copy_(create.as_tensor(value)))
Tensor.imag = property(complexes.imag, lambda x, value: complexes.imag(x).copy_(create.as_tensor(value)))
Tensor.absolute = elementwise.abs
Tensor.negative = elementwise.neg
Tensor.arccos, Tensor.arcsin, Tensor.arctan, Tensor.arctan2 = elementwise.acos, elementwise.asin, elementwise.atan, elementwise.atan2
Tensor.greater, Tensor.greater_equal, Tensor.less, Tensor.less_equal = elementwise.gt, elementwise.ge, elementwise.lt, elementwise.le
Tensor.not_equal = elementwise.ne
Tensor.fix_ = CARDS["trunc"].inplace
Tensor.arcsinh_, Tensor.arccosh_, Tensor.arctanh_ = (CARDS[n].inplace for n in ("asinh", "acosh", "atanh"))
Tensor.ger = linalg.outer
for _name in later.METHODS:
    setattr(Tensor, _name, later.method(_name))


def _dlpack(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    return later.exchange().dlpack(self, stream, max_version, dl_device, copy)


def _array_namespace(self, /, *, api_version=None):
    return later.exchange().array_namespace(self, api_version)


def _to_device(self, device, /, *, stream=None):
    return self.to(device)


for _name, _call in (("__dlpack__", _dlpack), ("__array_namespace__", _array_namespace), ("to_device", _to_device),
                     ("__dlpack_device__", lambda self: later.exchange().dlpack_device(self))):
    setattr(Tensor, _name, _call)
Tensor.clip_ = CARDS["clamp"].inplace
Tensor.__reversed__ = lambda x: x.flip(0) if x.ndim else x
Tensor.__div__, Tensor.__idiv__ = Tensor.__truediv__, Tensor.__itruediv__
Tensor.__nonzero__, Tensor.__long__ = Tensor.__bool__, Tensor.__int__
Tensor.sparse_dim, Tensor.dense_dim = lambda x: 0, lambda x: x.ndim
Tensor.dequantize = lambda x: x.float()
Tensor._is_all_true, Tensor._is_any_true = lambda x: reduction.all(x), lambda x: reduction.any(x)


def _refused(name: str, kind: str):
    def call(self):
        if self.layout is not strided:  # by its name in Tensor, of a sparse one
            return getattr(type(self), name)(self)
        raise RuntimeError(f"{name} expected {kind} tensor layout but got Strided")

    call.__name__, call.__doc__ = name, f"Of a {kind} tensor; RuntimeError for others."
    return call


for _kind, _names in (("sparse coordinate", "indices coalesce is_coalesced"), ("sparse", "values"),
                      ("sparse row compressed", "crow_indices col_indices"), ("sparse column compressed", "ccol_indices row_indices")):
    for _name in _names.split():
        setattr(Tensor, _name, _refused(_name, _kind))
from . import written  # noqa: E402, F401 (in-place forms of the methods above)

Tensor.split = splits.split_method
Tensor.where = lambda x, condition, other: elementwise.where(condition, x, other)
Tensor.backward = lambda x, gradient=None, retain_graph=None, create_graph=False, inputs=None: backward(
    x, None if gradient is None else (gradient,), retain_graph, create_graph, inputs=inputs)
Tensor.is_cpu = property(lambda x: x.device.type == "cpu")
for _name in ("ipu maia mkldnn mps mtia nested quantized vulkan xla xpu").split():  # kinds of tensors and devices that are not here
    setattr(Tensor, "is_" + _name, False)


def _elsewhere(path: str, name: str):
    """A method that is a function outside of `ops`."""

    def call(self, *args, **kwargs):
        from importlib import import_module

        return getattr(import_module("flambeau." + path), name)(self, *args, **kwargs)

    call.__name__, call.__doc__ = name, f"See `flambeau.{name}`."
    return call


for _path, _names in (("spectral", "stft istft"), ("nn.functional", "hardshrink prelu"), ("linalg", "matrix_exp")):
    for _name in _names.split():
        setattr(Tensor, _name, _elsewhere(_path, _name))
