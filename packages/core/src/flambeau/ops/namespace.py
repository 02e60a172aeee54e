"""The namespace of tensors: Flambeau's ops under the array API's names.  A body that runs on it is differentiated, batched, traced."""
from __future__ import annotations

from types import SimpleNamespace

from . import create, elementwise, index, join, linalg, nn, reduction, sort, view


def _folding(call):
    def fold(x, axis=None, keepdims=False):
        return call(x, axis, keepdims)

    return fold


def _take_along_axis(x, indices, axis):
    return index.gather(x, axis, indices)


tensors = SimpleNamespace(
    **{
        name: getattr(elementwise, name)
        for name in (
            "exp exp2 expm1 log log2 log10 log1p logaddexp sqrt sin cos tan sinh cosh tanh hypot floor ceil trunc sign "
            "square reciprocal maximum minimum "
            "isnan isinf isfinite logical_not logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor where "
            "abs remainder floor_divide "
            "fmod erf"
        ).split()
    },
    absolute=elementwise.abs,
    negative=elementwise.neg,
    add=elementwise.add,
    subtract=elementwise.sub,
    multiply=elementwise.mul,
    divide=elementwise.div,
    true_divide=elementwise.div,
    power=elementwise.pow,
    pow=elementwise.pow,
    rint=elementwise.round,
    round=elementwise.round,
    asin=elementwise.asin,
    arcsin=elementwise.asin,
    acos=elementwise.acos,
    arccos=elementwise.acos,
    atan=elementwise.atan,
    arctan=elementwise.atan,
    atan2=elementwise.atan2,
    arctan2=elementwise.atan2,
    arcsinh=elementwise.asinh,
    arccosh=elementwise.acosh,
    arctanh=elementwise.atanh,
    asinh=elementwise.asinh,
    acosh=elementwise.acosh,
    atanh=elementwise.atanh,
    invert=elementwise.bitwise_not,
    equal=elementwise.eq,
    not_equal=elementwise.ne,
    less=elementwise.lt,
    less_equal=elementwise.le,
    greater=elementwise.gt,
    greater_equal=elementwise.ge,
    sum=_folding(reduction.sum),
    mean=_folding(reduction.mean),
    max=_folding(reduction.amax),
    supremum=_folding(reduction.amax),  # of symbols: none of them is empty
    min=_folding(reduction.amin),
    prod=_folding(reduction.prod),
    any=_folding(reduction.any),
    all=_folding(reduction.all),
    argmax=lambda x, axis=None, keepdims=False: reduction.argmax(x, axis, keepdims),
    argmin=lambda x, axis=None, keepdims=False: reduction.argmin(x, axis, keepdims),
    reshape=lambda x, shape: view.reshape(x, *shape),
    transpose=lambda x, axes: view.permute(x, *axes),
    expand_dims=lambda x, axis: view.unsqueeze(x, axis),
    squeeze=lambda x, axis=None: view.squeeze(x, axis),
    broadcast_to=lambda x, shape: view.expand(x, *shape),
    flip=lambda x, axis: view.flip(x, axis),
    concat=lambda xs, axis=0: join.cat(xs, axis),
    concatenate=lambda xs, axis=0: join.cat(xs, axis),
    stack=lambda xs, axis=0: join.stack(xs, axis),
    matmul=linalg.matmul,
    swapaxes=lambda x, a, b: view.transpose(x, a, b),
    arange=create.arange,
    einsum=lambda equation, *xs, optimize=True: linalg.einsum(equation, *xs),
    take_along_axis=_take_along_axis,
    take=lambda x, indices, axis: index.index_select(x, axis, indices),
    tril=index.tril,
    triu=index.triu,
    zeros_like=create.zeros_like,
    ones_like=create.ones_like,
    asarray=create.as_tensor,
    sort=lambda x, axis=-1: sort.sort(x, axis)[0],
    softmax=nn.softmax,
)
