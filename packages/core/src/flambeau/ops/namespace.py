"""The namespace of tensors: Flambeau's ops under the array API's names.  A body that runs on it is differentiated, batched, traced."""
from __future__ import annotations

from types import SimpleNamespace

from ..fast import operator
from . import create, elementwise, index, join, linalg, masks, nn, reduction, sort, view


def _folding(call):
    def fold(x, axis=None, keepdims=False):
        return call(x, axis, keepdims)

    return fold


def _take_along_axis(x, indices, axis):
    return index.gather(x, axis, indices)


tensors = SimpleNamespace(
    **{
        name: operator(getattr(elementwise, name))  # NumPy's take numbers too
        for name in (
            "exp exp2 expm1 log log2 log10 log1p logaddexp sqrt sin cos tan sinh cosh tanh hypot floor ceil trunc sign "
            "square reciprocal maximum minimum "
            "isnan isinf isfinite logical_not logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor where "
            "abs remainder floor_divide "
            "fmod erf"
        ).split()
    },
    absolute=operator(elementwise.abs),
    negative=operator(elementwise.neg),
    add=operator(elementwise.add),
    subtract=operator(elementwise.sub),
    multiply=operator(elementwise.mul),
    divide=operator(elementwise.div),
    true_divide=operator(elementwise.div),
    power=operator(elementwise.pow),
    pow=operator(elementwise.pow),
    rint=operator(elementwise.round),
    round=operator(elementwise.round),
    asin=operator(elementwise.asin),
    arcsin=operator(elementwise.asin),
    acos=operator(elementwise.acos),
    arccos=operator(elementwise.acos),
    atan=operator(elementwise.atan),
    arctan=operator(elementwise.atan),
    atan2=elementwise.atan2,
    arctan2=elementwise.atan2,
    arcsinh=operator(elementwise.asinh),
    arccosh=operator(elementwise.acosh),
    arctanh=operator(elementwise.atanh),
    asinh=operator(elementwise.asinh),
    acosh=operator(elementwise.acosh),
    atanh=operator(elementwise.atanh),
    invert=operator(elementwise.bitwise_not),
    equal=operator(elementwise.eq),
    not_equal=operator(elementwise.ne),
    less=operator(elementwise.lt),
    less_equal=operator(elementwise.le),
    greater=operator(elementwise.gt),
    greater_equal=operator(elementwise.ge),
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
    tril=masks.tril,
    triu=masks.triu,
    zeros_like=create.zeros_like,
    ones_like=create.ones_like,
    asarray=create.as_tensor,
    sort=lambda x, axis=-1: sort.sort(x, axis)[0],
    softmax=nn.softmax,
)
