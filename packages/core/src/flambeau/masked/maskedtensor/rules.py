"""What is done with masked tensors, by the name of the function or method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau
from flambeau.overriding import Disabled
from flambeau.tensor import Tensor

from .. import reductions
from .core import MaskedTensor, made, same_places

UNARY = frozenset(
    """abs absolute acos arccos acosh arccosh angle asin arcsin asinh arcsinh atan arctan atanh arctanh bitwise_not ceil clamp clip
    conj_physical cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac lgamma log log10 log1p log2 logit i0 isnan
    nan_to_num neg negative positive pow rad2deg reciprocal round rsqrt sigmoid sign sgn signbit sin sinc sinh sqrt square tan tanh trunc
    logical_not relu""".split())  # fmt: skip
BINARY = frozenset(
    """add atan2 arctan2 bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift div divide floor_divide fmod logaddexp
    logaddexp2 mul multiply nextafter remainder sub subtract true_divide eq ne le ge greater greater_equal gt less_equal lt less maximum
    minimum fmax fmin not_equal""".split())  # fmt: skip
REDUCTIONS = frozenset("sum mean amin amax argmin argmax prod all any norm var std logsumexp median".split())
ALONG = frozenset("softmax log_softmax cumsum cumprod".split())
# done with the data and with the mask alike
PASSED = frozenset(
    """select transpose split t getitem index expand view reshape unsqueeze unfold cat concat concatenate stack squeeze permute flatten
    unflatten chunk unbind narrow movedim moveaxis swapaxes swapdims flip diagonal view_as reshape_as expand_as broadcast_to contiguous
    adjoint ravel tile repeat roll index_select gather T mT pile view_as_shape im2col col2im fold""".split())  # fmt: skip
CASTS = frozenset("to half float double bool char short int long cpu cuda type".split())
WRITERS = frozenset("logaddexp logaddexp2 fmin minimum maximum fmax angle positive signbit isnan".split())  # without an in-place form


def answer(func: Callable, args: tuple, kwargs: dict) -> Any:
    """The function's result for arguments of which one is masked.  TypeError for functions without a rule."""
    name = getattr(func, "__name__", None)
    if name == "__get__":
        name, func = _property(func)
    rule = RULES.get(name or "")
    if rule is not None:
        return rule(func, *args, **kwargs)
    if name in UNARY:
        return _unary(func, args, kwargs)
    if name in BINARY:
        return _binary(func, args, kwargs)
    plain = name[:-1] if name and name.endswith("_") else ""
    if plain and plain not in WRITERS and (plain in UNARY or plain in BINARY):
        return (_unary if plain in UNARY else _binary)(func, args, kwargs, inplace=True)
    if name in REDUCTIONS:
        return _reduced(name, *args, **kwargs)
    if name in ALONG:
        return _along(name, *args, **kwargs)
    if name in PASSED:
        return _passed(func, args, kwargs)
    if name in CASTS:
        with Disabled():
            return made(func(args[0]._masked_data, *args[1:], **kwargs), _moved(args[0]._masked_mask, args[0], name, args[1:], kwargs))
    raise TypeError(f"{name} is not implemented for MaskedTensor, for it is not known what the mask would mean: use get_data() or "
                    "to_tensor(value)")  # fmt: skip


def _property(getter: Any) -> tuple[str, Callable]:
    field = getter.__self__
    name = next((n for n, v in vars(Tensor).items() if v is field), "")
    return name, field.__get__


def _moved(mask: Any, x: Any, name: str, args: tuple, kwargs: dict) -> Any:
    """The mask on the device that the data went to."""
    device = kwargs.get("device") or next((a for a in args if isinstance(a, flambeau.device | str)), None)
    return getattr(mask, name)() if name in ("cpu", "cuda") else mask if device is None else mask.to(device)


def _parts(x: Any, part: str) -> Any:
    """Data, or masks, instead of masked tensors, inside of lists too."""
    if isinstance(x, MaskedTensor):
        return getattr(x, part)
    return type(x)(_parts(v, part) for v in x) if type(x) in (list, tuple) else x


def _seen(x: Any) -> Any:
    return x.values() if x.layout is not flambeau.strided else x


# ---- element by element
def _unary(func: Callable, args: tuple, kwargs: dict, inplace: bool = False) -> Any:
    x, *rest = args
    if any(isinstance(a, Tensor) for a in (*rest, *kwargs.values())):
        raise TypeError("MaskedTensor unary ops do not support additional Tensor arguments")
    if not kwargs.keys() <= {"min", "max", "exponent", "nan", "posinf", "neginf", "eps"}:
        raise ValueError("MaskedTensor unary ops require that len(kwargs) == 0.")
    return _elementwise(func, x, rest, kwargs, inplace)


def _elementwise(func: Callable, x: Any, rest: Any, kwargs: dict, inplace: bool) -> Any:
    data = x._masked_data
    with Disabled():
        result = func(_seen(data), *rest, **kwargs)
    if inplace:
        return x
    return made(data.with_values(result) if x.is_sparse else result, x._masked_mask)


def _binary(func: Callable, args: tuple, kwargs: dict, inplace: bool = False) -> Any:
    if kwargs:
        raise ValueError("len(kwargs) must equal 0")
    a, b, *rest = args
    if any(isinstance(x, Tensor) for x in rest):
        raise TypeError("MaskedTensor binary ops do not support Tensor arguments aside from the lhs and rhs")
    masks = [x._masked_mask for x in (a, b) if isinstance(x, MaskedTensor)]
    if len(masks) == 2 and not _match(*masks):
        raise ValueError("Input masks must match: fill what is hidden with to_tensor(value) first.")
    data = [_parts(x, "_masked_data") for x in (a, b)]
    sparse = next((d for d in data if isinstance(d, Tensor) and d.layout is not flambeau.strided), None)
    if sparse is not None:
        if any(isinstance(d, Tensor) and not same_places(d, sparse) for d in data if isinstance(d, Tensor) and d.layout is sparse.layout):
            raise ValueError(f"{'sparse_coo' if sparse.layout is flambeau.sparse_coo else 'sparse_csr'} indices must match.")
        data = [_seen(d) if isinstance(d, Tensor) else d for d in data]
    with Disabled():
        result: Any = func(*data, *rest)
    if inplace:
        return a
    if sparse is not None:
        return made(sparse.with_values(result), masks[0])
    return made(result, masks[0].expand(result.shape))


def _match(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if a.layout is not flambeau.strided or b.layout is not flambeau.strided:
        return same_places(a, b) and bool((a.values() == b.values()).all())
    return a.dim() == b.dim() and bool((a == b).all())


# ---- along axes
def _reduced(name: str, x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None, **options: Any) -> Any:
    data, mask = x._masked_data, x._masked_mask
    if x.is_sparse:
        if dim is not None:
            raise TypeError(f"{name} along dim is not implemented for MaskedTensor with sparse data: use to_dense() first")
        if name in ("argmin", "argmax"):
            return _place(name, x)
        data, mask = data.values(), mask.values()
    if name in ("all", "any"):
        filled = data.masked_fill(~mask, name == "all")
        result = getattr(flambeau, name)(filled) if dim is None else getattr(flambeau, name)(filled, dim, keepdim)
    elif name == "norm":
        result = _norm(data, mask, dim, keepdim, dtype, **options)
    elif dim is None and name == "median":
        result = reductions.median(data.reshape(-1), 0, mask=mask.reshape(-1), dtype=dtype)
    else:
        result = getattr(reductions, name)(data, dim, keepdim=keepdim, dtype=dtype, mask=mask, **options)
    return made(result, _any(mask, dim, keepdim))


def _place(name: str, x: Any) -> Any:
    """Where the least or greatest element of sparse data lies, counted over the dense tensor."""
    values, mask = x._masked_data.values(), x._masked_mask.values()
    found = int(getattr(reductions, name)(values, mask=mask))
    flat = 0
    for places, extent in zip(x._masked_data.coordinates(), x.shape, strict=True):
        flat = flat * extent + int(places[found])
    return made(flambeau.tensor(flat, dtype=x.dtype, device=x.device), mask.any())


def _norm(data: Any, mask: Any, dim: Any, keepdim: bool, dtype: Any, p: Any = 2.0) -> Any:
    if isinstance(dim, float | str):  # norm(x, p)
        dim, p = None, dim
    return reductions.norm(data, 2.0 if p in ("fro", None) else p, dim, keepdim=keepdim, dtype=dtype, mask=mask)


def _any(mask: Any, dim: Any, keepdim: bool) -> Any:
    """Where something was in."""
    if dim is None:
        return mask.any()
    for d in sorted([dim] if isinstance(dim, int) else [d % mask.dim() for d in dim], reverse=True):
        mask = mask.any(d, keepdim)
    return mask


def _along(name: str, x: Any, dim: int, *args: Any, dtype: Any = None) -> Any:
    dtype = args[0] if args else dtype
    return made(getattr(reductions, name)(x._masked_data, dim, dtype=dtype, mask=x._masked_mask), x._masked_mask)


# ---- data and mask alike
def _passed(func: Callable, args: tuple, kwargs: dict) -> Any:
    with Disabled():
        data, mask = (func(*_parts(args, part), **kwargs) for part in ("_masked_data", "_masked_mask"))
    if isinstance(data, tuple | list):
        return type(data)(made(d, m) for d, m in zip(data, mask, strict=True))
    return made(data, mask)


def _where(func: Callable, *args: Any) -> Any:
    if len(args) != 3:
        raise ValueError("where of MaskedTensors takes a condition and two tensors")
    condition, x, y = args if getattr(args[0], "dtype", None) is flambeau.bool else (args[1], args[0], args[2])
    if isinstance(condition, MaskedTensor):
        raise ValueError("where expects a condition without a mask")
    masks = [a._masked_mask if isinstance(a, MaskedTensor) else flambeau.ones(condition.shape, dtype=flambeau.bool, device=condition.device)
             for a in (x, y)]  # fmt: skip
    return made(flambeau.where(condition, _parts(x, "_masked_data"), _parts(y, "_masked_data")), flambeau.where(condition, *masks))


def _like(func: Callable, x: Any, *args: Any, **kwargs: Any) -> Any:
    with Disabled():
        result = func(_seen(x._masked_data), *args, **kwargs)
    return made(x._masked_data.with_values(result) if x.is_sparse else result, x._masked_mask)


def _any_true(func: Callable, x: Any) -> Any:
    if x.dtype is not flambeau.bool:
        raise ValueError("_is_any_true: expected a boolean tensor")
    if x.is_sparse:
        raise ValueError("MaskedTensors with sparse data do not have _is_any_true")
    return made((x._masked_data & x._masked_mask).any(), flambeau.tensor(True))


# ---- layouts
def _to_dense(func: Callable, x: Any, *args: Any, **kwargs: Any) -> Any:
    return made(x._masked_data.to_dense(), x._masked_mask.to_dense()) if x.is_sparse else x


def _to_sparse(func: Callable, x: Any, *args: Any, **kwargs: Any) -> Any:
    if x.is_sparse_coo():
        return x
    dense = _to_dense(func, x)
    mask = dense._masked_mask.to_sparse_coo().coalesce()
    return made(dense._masked_data.sparse_mask(mask), mask)


def _to_sparse_csr(func: Callable, x: Any, *args: Any, **kwargs: Any) -> Any:
    if x.dim() != 2:
        raise ValueError(f"Only 2D tensors can be converted to the SparseCsr layout but got shape: {x.shape}")
    if x.is_sparse_csr():
        return x
    dense = _to_dense(func, x)
    mask = dense._masked_mask.to_sparse_csr()
    return made(dense._masked_data.sparse_mask(mask), mask)


def _refused(what: str) -> Callable:
    def rule(func: Callable, x: Any, *_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError(f".{what}() is not supported for tensor subclasses, got {type(x).__name__}: use get_data() or to_tensor(value)")

    return rule


def _copy(func: Callable, x: Any, source: Any, *args: Any) -> Any:
    if not (isinstance(x, MaskedTensor) and isinstance(source, MaskedTensor)) or not _match(x._masked_mask, source._masked_mask):
        raise ValueError("copy_ of a MaskedTensor takes one with the same mask")
    x._masked_data.copy_(source._masked_data)
    return x


def _dropout(func: Callable, x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return made(flambeau.nn.functional.dropout(x._masked_data, p, training, inplace), x._masked_mask)


RULES: dict[str, Callable] = {
    "where": _where, "_is_any_true": _any_true, "to_dense": _to_dense, "to_sparse": _to_sparse, "to_sparse_coo": _to_sparse,
    "to_sparse_csr": _to_sparse_csr, "tolist": _refused("tolist"), "numpy": _refused("numpy"), "copy_": _copy, "dropout": _dropout,
    "is_same_size": lambda func, x, other: x.shape == other.shape,
    "values": lambda func, x: made(x._masked_data.values(), _seen(x._masked_mask)),
    "indices": lambda func, x: x._masked_data.indices(),
    **dict.fromkeys(("ones_like", "zeros_like", "full_like", "empty_like", "rand_like", "randn_like"), _like),
}  # fmt: skip

MaskedTensor.answer = staticmethod(answer)
