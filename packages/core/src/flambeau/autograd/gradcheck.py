"""Checks of gradients against finite differences: backward, forward mode, batches of gradients, and their derivatives."""
from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from warnings import warn

import numpy as np

from ..context import enable_grad
from ..dtype import FLOAT, complex128, float64
from ..func.jvp import jvp
from ..func.level import lift_for_grad, stack
from ..func.vmap import vmap
from ..layout import strided
from ..ops.complex import view_as_complex, view_as_real
from ..ops.random import rand
from ..tensor import Tensor, plain
from .gradients import grad


class GradcheckError(RuntimeError):
    """A gradient and its finite differences disagree."""


def _outputs(result):
    found = [y for y in ((result,) if isinstance(result, Tensor) else result) if isinstance(y, Tensor) and y.dtype.category >= FLOAT]
    if any(y.layout is not strided for y in found):
        raise ValueError("Sparse output is not supported at gradcheck yet. Please call to_dense(masked_grad=...) on the output of fn for "
                         "gradcheck, or use flambeau.sparse.as_sparse_gradcheck.")
    return found


def _of_values(function, inputs, masked: bool | None):
    """The function and its inputs with the values of sparse tensors in place of these; not `masked`: with those of all places."""
    places = {i: x.detach().full() if not masked else x.detach().once() for i, x in enumerate(inputs)
              if isinstance(x, Tensor) and x.layout is not strided}
    if not places:
        return function, inputs
    values = [places[i].entries.clone().requires_grad_(x.requires_grad) if i in places else x for i, x in enumerate(inputs)]
    return lambda *given: function(*(places[i].with_values(x) if i in places else x for i, x in enumerate(given))), values


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


def _check_inputs(inputs) -> None:
    xs = _differentiable(inputs)
    if not xs:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
    for i, x in enumerate(inputs):
        if not (isinstance(x, Tensor) and x.requires_grad):
            continue
        if x.dtype is not float64 and x.dtype is not complex128:
            warn(f"Input #{i} requires gradient and is not a double precision floating point or complex. This check will likely fail if "
                 "all the inputs are not of double precision floating point or complex.", stacklevel=4)
        if x.array.size and any(s == 0 and n > 1 for s, n in zip(x.array.strides, x.array.shape, strict=True)):
            raise RuntimeError(f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping "
                               "to be able to compute the numerical gradients correctly. You should call .contiguous on the input "
                               "before passing it to gradcheck.")


# ---- tables
def _values(function, inputs) -> list:
    """The outputs' numbers, recorded as any call is: which outputs a function has may depend on what requires a gradient."""
    return [y.array.astype(np.float64).reshape(-1).copy() for y in _outputs(function(*inputs))]


def numerical_jacobian(function, inputs, x: Tensor, eps: float):
    """For each output, the table of d output / d x by central differences: rows the elements of x."""
    rows: list = []
    array = x.array
    for at in np.ndindex(array.shape):
        kept = array[at].copy()
        array[at] = kept + eps
        high = _values(function, inputs)
        array[at] = kept - eps
        low = _values(function, inputs)
        array[at] = kept
        rows.append([(h - lo) / (2 * eps) for h, lo in zip(high, low, strict=True)])
    sizes = [v.size for v in _values(function, inputs)]
    return [np.stack([r[k] for r in rows]) if rows else np.zeros((0, n)) for k, n in enumerate(sizes)]


def analytical_jacobian(function, inputs, xs, create_graph=False):
    """tables[output][input]: rows the elements of the input, columns those of the output."""
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


def forward_jacobian(function, inputs, xs, batched: bool = False):
    """The same tables by forward mode, a row at a time; `batched`: the rows of an input in one vmap."""
    plain_inputs = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
    places = [next(i for i, y in enumerate(inputs) if y is x) for x in xs]
    sizes = [y.numel() for y in _outputs(function(*plain_inputs))]
    tables = [[np.zeros((x.numel(), n)) for x in xs] for n in sizes]
    for i, (x, place) in enumerate(zip(xs, places, strict=True)):

        def along(tangent, place=place):
            def of(value):
                return tuple(_outputs(function(*plain_inputs[:place], value, *plain_inputs[place + 1:])))

            return jvp(of, (plain_inputs[place],), (tangent,))[1]

        unit = plain(np.eye(x.numel(), dtype=x.array.dtype).reshape(-1, *x.shape))
        if batched and x.numel():
            columns = vmap(along)(unit)
            for k, c in enumerate(columns):
                tables[k][i][:] = c.detach().array.reshape(x.numel(), -1)
        else:
            for j in range(x.numel()):
                for k, t in enumerate(along(unit[j])):
                    tables[k][i][j] = t.detach().array.reshape(-1)
    return tables


def _compare(found, numerical, rtol: float, atol: float, how: str) -> None:
    for k, row in enumerate(found):
        for i, a in enumerate(row):
            n = numerical[i][k].reshape(a.shape)
            if not np.allclose(a, n, rtol, atol, equal_nan=True):
                raise GradcheckError(f"Jacobian mismatch for output {k} with respect to input {i},\nnumerical:\n{n}\n{how}:\n{a}")


# ---- the fast way: one random direction
def _compare_fast(function, inputs, xs, eps, rtol, atol, forward: bool, backward: bool) -> None:
    draw = np.random.RandomState(0)
    outputs = _outputs(function(*inputs))
    weights = [draw.rand(y.numel()) + 0.1 for y in outputs]
    plain_inputs = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
    for i, x in enumerate(xs):
        u = np.asarray(draw.rand(*x.shape)) + 0.1
        u = np.asarray(u / max(np.sqrt((u**2).sum()), 1e-30), x.array.dtype)
        kept = x.array.copy()
        x.array[...] = kept + eps * u
        high = _values(function, inputs)
        x.array[...] = kept - eps * u
        low = _values(function, inputs)
        x.array[...] = kept
        place = next(j for j, y in enumerate(inputs) if y is x)
        tangents = None
        if forward:
            tangents = jvp(lambda v, place=place: tuple(_outputs(function(*plain_inputs[:place], v, *plain_inputs[place + 1:]))),
                           (plain_inputs[place],), (plain(u),))[1]
        for k, (y, w) in enumerate(zip(outputs, weights, strict=True)):
            w = w / max(np.sqrt((w**2).sum()), 1e-30)
            numerical = float(((high[k] - low[k]) / (2 * eps)) @ w) if w.size else 0.0
            slack = atol * max(float(np.abs(w).sum() * np.abs(u).sum()), 1.0)
            found = {}
            if backward:
                seed = plain(w.reshape(tuple(y.shape)).astype(y.array.dtype))
                g = grad(y, x, seed, retain_graph=True, allow_unused=True)[0] if y.requires_grad else None
                found["analytical"] = 0.0 if g is None else float((g.detach().array * u).sum())
            if tangents is not None:
                found["forward"] = float(tangents[k].detach().array.reshape(-1) @ w) if w.size else 0.0
            for how, a in found.items():
                if not np.allclose(a, numerical, rtol, slack, equal_nan=True):
                    raise GradcheckError(f"Jacobian mismatch for output {k} with respect to input {i} along one random direction "
                                         f"(fast_mode),\nnumerical: {numerical}\n{how}: {a}")


# ---- other checks
def _check_same_twice(function, inputs, xs, first, tolerance: float) -> None:
    again = analytical_jacobian(function, inputs, xs)
    for row, other in zip(first, again, strict=True):
        for a, b in zip(row, other, strict=True):
            if a.size and np.nanmax(np.abs(a - b)) > tolerance:
                raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                                     "gives different values, although analytical gradient matches numerical gradient. The tolerance for "
                                     f"nondeterminism was {tolerance}.")


def _check_undefined(function, inputs, xs) -> None:
    """A gradient that is not there means zero: for each output alone, and with zeros for the others."""
    outputs = [y for y in _outputs(function(*inputs)) if y.requires_grad]
    for k, y in enumerate(outputs if len(outputs) > 1 else ()):
        seed = rand(y.shape, dtype=y.dtype)
        seeds = [seed if j == k else z.detach() * 0 for j, z in enumerate(outputs)]
        try:
            alone = grad(y, xs, seed, retain_graph=True, allow_unused=True)
        except Exception as error:
            raise GradcheckError("Expected backward function to handle undefined output grads, but with only the gradient of output "
                                 f"{k} given it raised {type(error).__name__}: {error}") from error
        full = grad(outputs, xs, seeds, retain_graph=True, allow_unused=True)
        for i, (a, b) in enumerate(zip(alone, full, strict=True)):
            a, b = (np.zeros(xs[i].shape) if g is None else g.detach().array for g in (a, b))
            if not np.allclose(a, b, equal_nan=True):
                raise GradcheckError(f"Expected undefined output grads to mean zeros, but the gradient of input {i} differs with only the "
                                     f"gradient of output {k} given")


def _check_dtypes(function, inputs, xs) -> None:
    for y in _outputs(function(*inputs)):
        if not y.requires_grad:
            continue
        for x, g in zip(xs, grad(y, xs, rand(y.shape, dtype=y.dtype), retain_graph=True, allow_unused=True), strict=True):
            if g is not None and g.dtype is not x.dtype:
                raise GradcheckError(f"grad is of dtype {g.dtype}, but its input of {x.dtype}")


def _check_batched(function, inputs, xs) -> None:
    for k, y in enumerate(_outputs(function(*inputs))):
        if not y.requires_grad:
            continue
        seeds = rand((2, *y.shape), dtype=y.dtype)
        one_by_one = [grad(y, xs, seeds[j], retain_graph=True, allow_unused=True) for j in range(2)]
        try:
            at_once = grad(y, xs, seeds, retain_graph=True, allow_unused=True, is_grads_batched=True)
        except RuntimeError as error:
            raise GradcheckError(f"While computing batched gradients, got: {error}") from error
        for i, batch in enumerate(at_once):
            for j in range(2):
                a, b = (None if g is None else g.detach().array for g in (one_by_one[j][i], None if batch is None else batch[j]))
                zero = np.zeros(xs[i].shape)
                if not np.allclose(zero if a is None else a, zero if b is None else b, equal_nan=True):
                    raise GradcheckError(f"For output {k} and input {i}: batched gradients differ from those computed one by one")


def gradcheck(
    func: Callable,
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
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` (float64) agree with finite differences.

    nondet_tol           how far two runs of backward may differ
    check_undefined_grad  whether backward takes a missing gradient of an output for zero
    check_batched_grad   whether gradients under vmap are those computed one by one; check_batched_forward_grad: tangents too
    check_forward_ad     forward mode too; check_backward_ad=False leaves backward out
    fast_mode            one random direction instead of the whole Jacobian
    masked               whether only the places that a sparse input stores may change; else all do

    Raises GradcheckError, a RuntimeError, where they don't, or gives False with raise_exception=False.

    >>> x = flambeau.rand(3, dtype=flambeau.float64, requires_grad=True)
    >>> flambeau.autograd.gradcheck(flambeau.exp, (x,))
    True
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    func, given = _of_values(func, (inputs,) if isinstance(inputs, Tensor) else tuple(inputs), masked)
    _check_inputs(given)
    func, inputs = _real_only(func, given)
    xs = _differentiable(inputs)
    try:
        if fast_mode:
            _compare_fast(func, inputs, xs, eps, rtol, atol, check_forward_ad, check_backward_ad)
            analytical = None
        else:
            numerical = [numerical_jacobian(func, inputs, x, eps) for x in xs]
            analytical = analytical_jacobian(func, inputs, xs) if check_backward_ad else None
            if analytical is not None:
                _compare(analytical, numerical, rtol, atol, "analytical")
            if check_forward_ad:
                _compare(forward_jacobian(func, inputs, xs), numerical, rtol, atol, "forward")
            if check_batched_forward_grad:
                _compare(forward_jacobian(func, inputs, xs, batched=True), numerical, rtol, atol, "batched forward")
        if check_backward_ad:
            _check_same_twice(func, inputs, xs, analytical if analytical is not None else analytical_jacobian(func, inputs, xs), nondet_tol)
            if check_undefined_grad:
                _check_undefined(func, inputs, xs)
            if check_grad_dtypes:
                _check_dtypes(func, inputs, xs)
            if check_batched_grad:
                _check_batched(func, inputs, xs)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable,
    inputs,
    grad_outputs=None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with finite differences; arguments as in `gradcheck`.

    check_fwd_over_rev  the gradient differentiated in forward mode too; check_rev_over_rev=False leaves backward out

    >>> x = flambeau.rand(3, dtype=flambeau.float64, requires_grad=True)
    >>> flambeau.autograd.gradgradcheck(flambeau.exp, (x,))
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    func, given = _of_values(func, (inputs,) if isinstance(inputs, Tensor) else tuple(inputs), masked)
    _check_inputs(given)
    func, inputs = _real_only(func, given)
    outputs = [y for y in _outputs(func(*inputs)) if y.requires_grad]
    if grad_outputs is None:
        seeds = [_seed(y, gen_non_contig_grad_outputs) for y in outputs]
    else:
        chosen = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
        seeds = [view_as_real(s.detach()).clone().requires_grad_() if s.is_complex() else s for s in chosen]
    n = len(seeds)

    @enable_grad()
    def gradients(*given):
        seeds, inputs = given[:n], list(given[n:])
        for i in asked:  # a forward check brings inputs of a level, without a graph of their own
            if stack.levels:
                inputs[i] = lift_for_grad(inputs[i])
            elif not inputs[i].requires_grad:
                inputs[i] = inputs[i].detach().requires_grad_()
        xs = [inputs[i] for i in asked]
        ys = [y for y in _outputs(func(*inputs)) if y.requires_grad]
        found = grad(ys, xs, seeds, create_graph=True, allow_unused=True)
        return tuple(g for g, is_there in zip(found, there, strict=True) if is_there)

    asked = [i for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    there = [True] * len(asked)
    with enable_grad():
        first = grad([y for y in _outputs(func(*inputs)) if y.requires_grad], [inputs[i] for i in asked], seeds, create_graph=True,
                     allow_unused=True)
    there = [g is not None and g.requires_grad for g in first]
    if not any(there):  # a linear function of nothing: its gradient does not move
        return True
    return gradcheck(gradients, (*seeds, *inputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
                     check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode, masked=masked)


def _seed(y: Tensor, spread: bool) -> Tensor:
    if not spread or not y.ndim:
        return (rand(y.shape, dtype=y.dtype) + 0.5).requires_grad_()
    wide = rand((*y.shape, 2), dtype=y.dtype) + 0.5
    return wide.select(-1, 0).detach().requires_grad_()


class _Module(ModuleType):
    """`flambeau.autograd.gradcheck` is this module once somebody imported it by name; it is the function too."""

    def __call__(self, *args, **kwargs):
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Module
