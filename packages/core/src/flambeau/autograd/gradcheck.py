"""Checks of gradients against finite differences."""
from __future__ import annotations

from itertools import product

from ..context import enable_grad, no_grad
from ..dtype import FLOAT
from ..ops.complex import view_as_complex, view_as_real
from ..tensor import Tensor
from .gradients import grad


class GradcheckError(RuntimeError):
    """A gradient and its finite differences disagree."""


def _outputs(result):
    return [y for y in ((result,) if isinstance(result, Tensor) else result) if isinstance(y, Tensor) and y.dtype.category >= FLOAT]


def _differentiable(inputs):
    return [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]


def _real_only(function, inputs):
    """The function and its inputs with pairs of reals for complex numbers: gradients of both are the same numbers."""
    places = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.is_complex() and x.requires_grad]
    pairs = [view_as_real(x.detach()).clone().requires_grad_() if i in places else x for i, x in enumerate(inputs)]

    def on_reals(*given):
        result = function(*(view_as_complex(x) if i in places else x for i, x in enumerate(given)))
        outs = (result,) if isinstance(result, Tensor) else result
        outs = [view_as_real(y) if isinstance(y, Tensor) and y.is_complex() else y for y in outs]
        return outs[0] if isinstance(result, Tensor) else tuple(outs)

    return on_reals, pairs


def numerical_jacobian(function, inputs, x: Tensor, eps: float):
    """For each output, the table of d output / d x by central differences: rows the elements of x."""
    import numpy as np

    rows: list = []
    flat = x.array.reshape(-1)
    if not np.shares_memory(flat, x.array) and x.numel():
        raise ValueError("gradcheck: expected contiguous inputs, since their elements are changed one by one")
    with no_grad():
        for i in range(flat.size):
            kept = flat[i].copy()
            flat[i] = kept + eps
            high = [y.array.astype(np.float64).copy() for y in _outputs(function(*inputs))]
            flat[i] = kept - eps
            low = [y.array.astype(np.float64).copy() for y in _outputs(function(*inputs))]
            flat[i] = kept
            rows.append([((h - lo) / (2 * eps)).reshape(-1) for h, lo in zip(high, low, strict=True)])
    n = len(_outputs(function(*inputs)))
    return [np.stack([r[k] for r in rows]) if rows else np.zeros((0, 0)) for k in range(n)]


def analytical_jacobian(function, inputs, xs, create_graph=False):
    """tables[output][input]: rows the elements of the input, columns those of the output."""
    import numpy as np

    outputs = _outputs(function(*inputs))
    tables = []
    for y in outputs:
        tables.append([np.zeros((x.numel(), y.numel())) for x in xs])
        if not y.requires_grad:
            continue
        for j in range(y.numel()):
            seed = y.detach().new_zeros(y.shape)
            seed.array.reshape(-1)[j] = 1
            for table, g in zip(tables[-1], grad(y, xs, seed, retain_graph=True, allow_unused=True), strict=True):
                if g is not None:
                    table[:, j] = g.detach().array.reshape(-1)
    return tables


def gradcheck(
    func,
    inputs,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` (float64) agree with finite differences.

    Raises GradcheckError, a RuntimeError, where they don't, or gives False with raise_exception=False.

    >>> x = flambeau.rand(3, dtype=flambeau.float64, requires_grad=True)
    >>> flambeau.autograd.gradcheck(flambeau.exp, (x,))
    True
    """
    import numpy as np

    func, inputs = _real_only(func, (inputs,) if isinstance(inputs, Tensor) else tuple(inputs))
    xs = _differentiable(inputs)
    if not xs:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    numerical = [numerical_jacobian(func, inputs, x, eps) for x in xs]
    analytical = analytical_jacobian(func, inputs, xs)
    for k, i in product(range(len(analytical)), range(len(xs))):
        a, n = analytical[k][i], numerical[i][k].reshape(analytical[k][i].shape)
        if not np.allclose(a, n, rtol, atol, equal_nan=True):
            if not raise_exception:
                return False
            raise GradcheckError(f"Jacobian mismatch for output {k} with respect to input {i},\nnumerical:\n{n}\nanalytical:\n{a}")
    return True


def gradgradcheck(
    func,
    inputs,
    grad_outputs=None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    **_same_as_gradcheck,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with finite differences."""
    from ..ops.random import rand

    func, inputs = _real_only(func, (inputs,) if isinstance(inputs, Tensor) else tuple(inputs))
    outputs = [y for y in _outputs(func(*inputs)) if y.requires_grad]
    if grad_outputs is None:
        seeds = [(rand(y.shape, dtype=y.dtype) + 0.5).requires_grad_() for y in outputs]
    else:
        given = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
        seeds = [view_as_real(s.detach()).clone().requires_grad_() if s.is_complex() else s for s in given]
    n = len(seeds)

    @enable_grad()
    def gradients(*given):
        seeds, inputs = given[:n], given[n:]
        xs = _differentiable(inputs)
        ys = [y for y in _outputs(func(*inputs)) if y.requires_grad]
        return tuple(g for g in grad(ys, xs, seeds, create_graph=True, allow_unused=True) if g is not None and g.requires_grad)

    return gradcheck(gradients, (*seeds, *inputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)
