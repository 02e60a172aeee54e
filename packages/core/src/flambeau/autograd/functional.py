"""Products with Jacobians and Hessians, and these themselves, of functions of tensors or tuples of them.

`flambeau.func` has the same by transforms that nest; these take PyTorch's older arguments: `create_graph` where the answer is to be
differentiated on, `strict` where an answer that is zero because nothing depends on it should be an error.
"""
from __future__ import annotations

from ..context import enable_grad
from ..func.grad import jacfwd, jacrev
from ..func.level import lift_for_grad, zero_leaf
from ..ops.create import zeros_like
from ..tensor import Tensor
from .gradients import grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


# ---------------------------------------------------------------- what goes in and comes out
def _tuple(x, what: str, function: str) -> tuple[bool, tuple]:
    single = not isinstance(x, tuple)
    parts = (x,) if single else x
    for i, part in enumerate(parts):
        if not isinstance(part, Tensor):
            which = f"the given {what} has type" if single else f"the value at index {i} has type"
            raise TypeError(f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but {which} {type(part)}.")
    return not single, parts


def _started(inputs: tuple, create_graph: bool) -> tuple:
    """Where gradients are asked for: the inputs themselves as views, or, where no graph outside is wanted, new leaves."""
    return tuple(lift_for_grad(x if create_graph else x.detach()) for x in inputs)


def _settled(x, create_graph: bool, many: bool | tuple[bool, bool]):
    """A tuple of answers as the caller's arguments were given: single ones bare; without a graph unless one is wanted."""
    outer, inner = many if isinstance(many, tuple) else (many, None)
    parts = tuple(_settled(p, create_graph, inner) if inner is not None else p if create_graph else p.detach() for p in x)
    return parts if outer else parts[0]


def _check_tracked(outputs, message: str, strict: bool) -> None:
    for i, y in enumerate(outputs):
        if strict and not y.requires_grad:
            raise RuntimeError(message.format(i=i))


UNTRACKED = ("Output {i} of the user-provided function does not require gradients. The outputs must be computed in a differentiable manner "
             "from the input when running in strict mode.")
FLAT = ("While computing the hessian, found that the jacobian of the user-provided function with respect to input {i} is independent of "
        "the input. This is not allowed in strict mode. You should ensure that your function is twice differentiable and that the jacobian "
        "depends on the inputs (this would be violated by a linear function for example).")
STILL = ("The gradient with respect to input {i} is independent of the inputs of the user-provided function. This is not allowed in strict "
         "mode.")
ABSENT = {
    "back": "The output of the user-provided function is independent of input {i}. This is not allowed in strict mode.",
    "forward": "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using the double backward "
               "trick to compute forward mode gradients. This is not allowed in strict mode.",
    "double": "The jacobian of the user-provided function is independent of input {i}. This is not allowed in strict mode.",
    "double forward": "The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. This is not allowed in "
                      "strict mode as it prevents from using the double backward trick to replace forward mode AD.",
}


def _filled(grads, like, strict: bool, create_graph: bool, stage: str) -> tuple:
    """Zeros for what nothing depends on; RuntimeError instead where `strict`."""
    filled = []
    for i, (g, x) in enumerate(zip(grads, like, strict=True)):
        if strict and g is None:
            raise RuntimeError(ABSENT[stage].format(i=i))
        if strict and create_graph and not g.requires_grad:
            word = "hessian" if stage.startswith("double") else "jacobian"
            raise RuntimeError(f"The {word} of the user-provided function is independent of input {i}. This is not allowed in strict mode "
                               "when create_graph=True.")
        filled.append(zeros_like(x) if g is None else g)
    return tuple(filled)


def _gradients(outputs, inputs, seeds=None, create_graph: bool = False, **options) -> tuple:
    """`grad`, where outputs without a history have no part in it; None for inputs that nothing depends on."""
    pairs = [(y, s) for y, s in zip(outputs, seeds or (None,) * len(outputs), strict=True) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    return grad([y for y, _ in pairs], inputs, [s for _, s in pairs], create_graph=create_graph, allow_unused=True, **options)


def _vector(v, like: tuple, many: bool, single: str, what: str) -> tuple:
    """The vector of a product, of the shapes of `like`; ones where it is not given and there is one element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {single} a single Tensor with a single element.")
        return (like[0].detach() * 0 + 1,)
    v_many, v = _tuple(v, "v", what)
    v = tuple(x.detach() if not x.requires_grad else x for x in v)
    if len(v) != len(like):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (x, y) in enumerate(zip(v, like, strict=True)):
        if x.shape != y.shape:
            entry = f"Entry {i} in " if v_many else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {y.shape} but got {x.shape}.")
    return v


# ---------------------------------------------------------------- products
def vjp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(*inputs), v · J).  v has the shapes of the outputs; it may be left out for a single number.

    >>> flambeau.autograd.functional.vjp(lambda x: x * x, flambeau.tensor([1.0, 2.0]), flambeau.ones(2))[1]
    tensor([2., 4.])
    """
    with enable_grad():
        many_in, inputs = _tuple(inputs, "inputs", "vjp")
        inputs = _started(inputs, create_graph)
        many_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "vjp")
        _check_tracked(outputs, UNTRACKED, strict)
        v = _vector(v, outputs, many_out, "the user-provided function returns", "vjp")
    with enable_grad():
        grads = _filled(_gradients(outputs, inputs, v, create_graph), inputs, strict, create_graph, "back")
    return _settled(outputs, create_graph, many_out), _settled(grads, create_graph, many_in)


def jvp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(*inputs), J · v).  v has the shapes of the inputs; it may be left out for a single number.

    >>> flambeau.autograd.functional.jvp(lambda x: x * x, flambeau.tensor([1.0, 2.0]), flambeau.ones(2))[1]
    tensor([2., 4.])
    """
    with enable_grad():
        many_in, inputs = _tuple(inputs, "inputs", "jvp")
        inputs = _started(inputs, create_graph)
        v = _vector(v, inputs, many_in, "the input to the user-provided function is", "jvp")
        many_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "jvp")
        _check_tracked(outputs, UNTRACKED, strict)
        # v·J is linear in the seeds: its derivative along v is J·v
        seeds = tuple(zero_leaf(y) for y in outputs)
        back = _gradients(outputs, inputs, seeds, create_graph=True)
        if strict and any(g is None for g in back):
            raise RuntimeError(ABSENT["back"].format(i=back.index(None)))
        _check_tracked([g for g in back if g is not None], STILL, strict)
        moved = _filled(_gradients(back, seeds, v, create_graph), outputs, strict, create_graph, "forward")
    return _settled(outputs, create_graph, many_out), _settled(moved, create_graph, many_out)


def _one_number(function: str, result):
    many, outputs = _tuple(result, "outputs of the user-provided function", function)
    if many:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return outputs


def _second(func, inputs, v, strict: bool, create_graph: bool, function: str):
    """The value and the gradient, ready to be differentiated again."""
    many, inputs = _tuple(inputs, "inputs", function)
    inputs = _started(inputs, create_graph)
    v = _vector(v, inputs, many, "the input to the user-provided function is", function)
    outputs = _one_number(function, func(*inputs))
    _check_tracked(outputs, UNTRACKED, strict)
    slopes = _gradients(outputs, inputs, create_graph=True)
    if strict and any(g is None for g in slopes):
        raise RuntimeError(ABSENT["back"].format(i=next(i for i, g in enumerate(slopes) if g is None)))
    _check_tracked([g for g in slopes if g is not None], FLAT, strict)
    return many, inputs, v, outputs, slopes


def vhp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(*inputs), v · H) of a function of one number: a second backward, quicker than `hvp`."""
    with enable_grad():
        many, inputs, v, outputs, slopes = _second(func, inputs, v, strict, create_graph, "vhp")
        slopes = _filled(slopes, inputs, strict, True, "back")
        product = _filled(_gradients(slopes, inputs, v, create_graph), inputs, strict, create_graph, "double")
    return _settled(outputs, create_graph, False), _settled(product, create_graph, many)


def hvp(func, inputs, v=None, create_graph: bool = False, strict: bool = False):
    """(func(*inputs), H · v) of a function of one number.

    >>> flambeau.autograd.functional.hvp(lambda x: (x**3).sum(), flambeau.tensor([1.0, 2.0]), flambeau.ones(2))[1]
    tensor([ 6., 12.])
    """
    with enable_grad():
        many, inputs, v, outputs, slopes = _second(func, inputs, v, strict, create_graph, "hvp")
        seeds = tuple(zero_leaf(x) for x in inputs)
        back = _gradients(slopes, inputs, seeds, create_graph=True)
        _check_tracked([g for g in back if g is not None], STILL, strict)
        product = _filled(_gradients(back, seeds, v, create_graph), inputs, strict, create_graph, "double forward")
    return _settled(outputs, create_graph, False), _settled(product, create_graph, many)


# ---------------------------------------------------------------- matrices
STRATEGIES = ("forward-mode", "reverse-mode")


def _check_strategy(strategy: str, vectorize: bool, create_graph: bool = False) -> None:
    if strategy not in STRATEGIES:
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than inputs, '
            '"forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError('jacobian: `create_graph=True` and `strategy="forward-mode"` are not supported together: use '
                                      '`strategy="reverse-mode"`, or flambeau.func.jacfwd')
        if not vectorize:
            raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for "
                                      "`vectorize=True`.")


def jacobian(func, inputs, create_graph: bool = False, strict: bool = False, vectorize: bool = False, strategy: str = "reverse-mode"):
    """The Jacobian: for each output, for each input, a tensor.  (out), (in) -> (*out, *in); tuples where func has them.

    vectorize  all rows at once, by vmap
    strategy   "reverse-mode", a row an output, or "forward-mode", a column an input (with `vectorize`)

    >>> flambeau.autograd.functional.jacobian(lambda x: x * x, flambeau.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy(strategy, vectorize, create_graph)
    many_in, inputs = _tuple(inputs, "inputs", "jacobian")
    if strategy == "forward-mode":
        if strict:
            raise RuntimeError('jacobian: `strict=True` and `strategy="forward-mode"` are not supported together: choose one of them')
        return _by_columns(func, inputs, many_in)
    with enable_grad():
        inputs = _started(inputs, create_graph)
        many_out, outputs = _tuple(func(*inputs), "outputs of the user-provided function", "jacobian")
        _check_tracked(outputs, UNTRACKED, strict)
        if vectorize and strict:
            raise RuntimeError("jacobian: `strict=True` and `vectorized=True` are not supported together. Please either set `strict=False` "
                               "or `vectorize=False`.")
        rows = _rows_at_once if vectorize else _rows
        table = tuple(rows(y, i, inputs, create_graph, strict) for i, y in enumerate(outputs))
    return _settled(table, create_graph, (many_out, many_in))


def _by_columns(func, inputs: tuple, many_in: bool):
    seen = []

    def checked(*xs):
        many, outputs = _tuple(func(*xs), "outputs of the user-provided function", "jacobian")
        seen.append(many)
        return outputs

    table = jacfwd(checked, argnums=tuple(range(len(inputs))))(*(x.detach() for x in inputs))
    return _settled(table, False, (seen[0], many_in))


def _rows(y, i: int, inputs: tuple, create_graph: bool, strict: bool) -> tuple:
    from ..ops.join import stack

    rows: list[list] = [[] for _ in inputs]
    for place in y.reshape(-1):
        for j, (g, x) in enumerate(zip(_gradients((place,), inputs, create_graph=create_graph, retain_graph=True), inputs, strict=True)):
            if strict and g is None:
                raise RuntimeError(
                    f"Output {i} of the user-provided function is independent of input {j}. This is not allowed in strict mode."
                )
            if strict and create_graph and not g.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function is independent of input {j}. This is not allowed in strict mode when "
                    "create_graph=True."
                )
            rows[j].append(zeros_like(x) if g is None else g)
    return tuple(
        stack(row).reshape(*y.shape, *x.shape) if row else x.new_zeros(*y.shape, *x.shape) for row, x in zip(rows, inputs, strict=True)
    )


def _rows_at_once(y, i: int, inputs: tuple, create_graph: bool, strict: bool) -> tuple:
    from ..ops.create import eye

    basis = eye(y.numel(), dtype=y.dtype, device=y.device).reshape(-1, *y.shape)
    grads = _gradients((y,), inputs, (basis,), create_graph=create_graph, retain_graph=True, is_grads_batched=True)
    return tuple(
        x.new_zeros(*y.shape, *x.shape) if g is None else g.reshape(*y.shape, *x.shape) for g, x in zip(grads, inputs, strict=True)
    )


def hessian(func, inputs, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode"):
    """Second derivatives of a function of one number: for each pair of inputs a tensor.  (in) -> (*in, *in)

    >>> flambeau.autograd.functional.hessian(lambda x: (x**3).sum(), flambeau.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    if outer_jacobian_strategy not in STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    many, inputs = _tuple(inputs, "inputs", "hessian")

    def number(*xs):
        return _one_number("hessian", func(*xs))[0].squeeze()

    if outer_jacobian_strategy == "forward-mode":
        _check_strategy(outer_jacobian_strategy, vectorize, create_graph)
        places = tuple(range(len(inputs)))
        if strict:
            raise RuntimeError('hessian: `strict=True` and `outer_jacobian_strategy="forward-mode"` are not supported together')
        table = jacfwd(jacrev(number, argnums=places), argnums=places)(*(x.detach() for x in inputs))
        return _settled(table, False, (many, many))

    def slopes(*xs):
        found = jacobian(number, xs, create_graph=True)
        _check_tracked(found, FLAT, strict)
        return found

    table = jacobian(slopes, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize)
    return _settled(table, True, (many, many)) if not many else table
