"""Fast paths: one closure an op, of fixed arity, made once.

A closure asks for nothing but `type(x) is Tensor` (or Parameter) and equal dtypes, calls NumPy's own ufunc, and wraps the result.
Numbers, mixed dtypes, GPUs, subclasses (batched, dual, traced), modes and errors take the slow road, `dispatch.run`.
"""
from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any
from weakref import ref

import numpy as np

from . import context, front
from .backends import numpy as cpu
from .context import grad
from .dispatch import run, run_one
from .dtype import BY_NUMPY, FLOAT, spelled, word
from .fields import new
from .front import BINARY, INPLACE, REDUCED, REFLECTED, UNARY, before
from .numpy_names import numpy_names
from .op import CARDS, ORDERED, Card
from .overriding import protocol
from .record import NO_ATTRS, NOTHING, record, recorder
from .tape import Node
from .tensor import PLAIN, Parameter, Tensor, check_dim, drop_dead, version_cell
from .write import check_apart, check_places, into, run_inplace

ndarray = np.ndarray
F16, F32, F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
BOOL, U8 = np.dtype(np.bool_), np.dtype(np.uint8)


NUMBERS = (int, float, complex, np.generic)
# functions of two tensors: those whose first argument may be a number, and those where neither may be
NUMBER_FIRST = frozenset("pow float_power remainder bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift xlogy "
                         "xlog1py zeta add sub mul div floor_divide hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l "
                         "legendre_polynomial_p chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v "
                         "chebyshev_polynomial_w shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u "
                         "shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w".split())
SECOND = {"pow": "exponent", "float_power": "exponent", "heaviside": "values"} | {
    name: "n" for name in NUMBER_FIRST if "polynomial" in name}  # what PyTorch calls the second argument, where not `other`
TENSORS_ONLY = frozenset("atan2 maximum minimum logaddexp logical_and logical_or logical_xor hypot".split())


def unary(card: Card, checked: bool):
    """x -> card(x).  `checked`: the result's dtype must be the input's, or the slow road promotes (exp of integers)."""
    ufunc = card.numpy
    rec = recorder(card) if card.vjp else None
    ordered = card.name in ORDERED

    def call(input, *, out=None):
        kind = type(input)
        if (kind is Tensor or kind is Parameter) and out is None and not context.unusual:
            a = input.array
            if type(a) is ndarray and not (ordered and a.dtype.kind == "c"):
                try:
                    r = ufunc(a)
                except RuntimeWarning:
                    return run(card, (input,), NO_ATTRS)
                except TypeError:
                    return finish(card, (input,), NO_ATTRS, None)
                if type(r) is not ndarray:
                    r = np.asarray(r)
                if not checked or r.dtype is a.dtype:
                    y = new(Tensor, r)
                    node = input.node
                    if node is None or rec is None or not grad.enabled:
                        return y
                    return rec(y, node, input, NO_ATTRS)
        return finish(card, (input,), NO_ATTRS, out)

    return named(call, card, UNARY, ufunc, checked)


def binary(card: Card, checked: bool):
    """x, y -> card(x, y): tensors of one dtype, or a tensor and a number that leaves its dtype alone."""
    operator, reflected = _binary(card, checked, offer, True)
    card.operator = named(operator, card, BINARY, card.numpy, checked, True)
    card.reflected = named(reflected, card, REFLECTED, card.numpy, checked)
    numbers = card.name not in TENSORS_ONLY
    slow = numbers_alone if card.name == "floor_divide" else finish if card.name in NUMBER_FIRST else asked
    function, _ = _binary(card, checked, slow, numbers)
    return named(function, card, BINARY, card.numpy, checked, numbers)


def asked(card: Card, inputs, attrs: dict, out):
    """The slow road of a function: a number where PyTorch asks for a tensor is a TypeError."""
    for position, x in enumerate(inputs):
        if isinstance(x, NUMBERS) and (position == 0 or card.name in TENSORS_ONLY):
            raise TypeError(f"{card.name}(): argument '{('input', 'other')[position]}' (position {position + 1}) must be Tensor, "
                            f"not {type(x).__name__}")
    return finish(card, inputs, attrs, out)


def numbers_alone(card: Card, inputs, attrs: dict, out):
    """The slow road of a function that takes two numbers, too."""
    first, second = inputs
    if type(first) in (bool, int, float) and type(second) in (bool, int, float):
        first = new(Tensor, np.asarray(first, context.get_default_dtype().numpy if type(first) is float else None))
    return finish(card, (first, second), attrs, out)


def offer(card: Card, inputs, attrs: dict, out):
    """The slow road of an operator: what is no tensor and no number gets its turn, as Python's rules for operators have it."""
    for x in inputs:
        if not isinstance(x, Tensor | int | float | complex | np.generic) and protocol(type(x)) is None:
            return NotImplemented
    return finish(card, inputs, attrs, out)


def _binary(card: Card, checked: bool, finish, numbers: bool):
    ufunc = card.numpy
    if card.vjp:
        (out0, x0, y0), (out1, x1, y1) = card.keeps
    differentiable = card.vjp is not None
    ordered, elementwise = card.name in ORDERED, card.kind == "elementwise"

    def call(input, other, *, out=None):
        kind = type(input)
        if (kind is Tensor or kind is Parameter) and out is None and not context.unusual:
            a = input.array
            if type(a) is ndarray and not (ordered and a.dtype.kind == "c"):
                ty = type(other)
                if ty is Tensor or ty is Parameter:
                    b = other.array
                    if a.dtype is b.dtype and (elementwise or a.dtype is not F16):  # matrices of halves NumPy multiplies one by one
                        try:
                            r = ufunc(a, b)
                        except (RuntimeWarning, ValueError, TypeError):
                            return finish(card, (input, other), NO_ATTRS, None)
                        if type(r) is not ndarray:
                            if type(b) is not ndarray:
                                return run(card, (input, other), NO_ATTRS)
                            r = np.asarray(r)
                        if not checked or r.dtype is a.dtype:
                            z = new(Tensor, r)
                            m, n = input.node, other.node
                            if (m is None and n is None) or not differentiable or not grad.enabled:
                                return z
                            kx = ky = kz = None
                            if (x0 and m is not None) or (x1 and n is not None):
                                cell = input.cell
                                if cell is None:
                                    cell = input.cell = [0]
                                kx = (a, cell, cell[0])
                            if (y0 and m is not None) or (y1 and n is not None):
                                cell = other.cell
                                if cell is None:
                                    cell = other.cell = [0]
                                ky = (b, cell, cell[0])
                            if (out0 and m is not None) or (out1 and n is not None):
                                cell = z.cell = [0]
                                kz = (r, cell, 0)
                            z.node = Node(card, (m, n), (kz, kx, ky), NO_ATTRS, r.shape, BY_NUMPY[r.dtype])
                            return z
                elif numbers and (ty is float or ty is int) and a.dtype is not F16:
                    try:
                        r = ufunc(a, other)
                    except (RuntimeWarning, OverflowError, ValueError, TypeError):
                        return finish(card, (input, other), NO_ATTRS, None)
                    if type(r) is not ndarray:
                        r = np.asarray(r)
                    if not checked or r.dtype is a.dtype:
                        z = new(Tensor, r)
                        m = input.node
                        if m is None or not differentiable or not grad.enabled:
                            return z
                        kx = kz = None
                        if x0:
                            cell = input.cell
                            if cell is None:
                                cell = input.cell = [0]
                            kx = (a, cell, cell[0])
                        if out0:
                            cell = z.cell = [0]
                            kz = (r, cell, 0)
                        z.node = Node(card, (m, None), (kz, kx, other), NO_ATTRS, r.shape, BY_NUMPY[r.dtype])
                        return z
        return finish(card, (input, other), NO_ATTRS, out)

    second = SECOND.get(card.name)
    if second is not None:
        call.__code__ = call.__code__.replace(co_varnames=tuple(second if n == "other" else n for n in call.__code__.co_varnames))

    def number_first(input, other):
        """card(other, input), where Python asked the right operand."""
        kind, ty = type(input), type(other)
        if (ty is float or ty is int) and (kind is Tensor or kind is Parameter) and not context.unusual:
            a = input.array
            if type(a) is ndarray and a.dtype is not F16:  # a number beside halves keeps its own precision
                try:
                    r = ufunc(other, a)
                except (RuntimeWarning, OverflowError, ValueError, TypeError):
                    return run(card, (other, input), NO_ATTRS)
                if type(r) is not ndarray:
                    r = np.asarray(r)
                if not checked or r.dtype is a.dtype:
                    z = new(Tensor, r)
                    m = input.node
                    if m is not None and differentiable and grad.enabled:
                        z.node = record(card, z, (other, input), NO_ATTRS, (None, m))
                    return z
        if isinstance(input, NUMBERS):
            raise TypeError(f"{card.name}(): argument 'self' must be Tensor, not {kind.__name__}")
        if card.name == "div" and isinstance(other, NUMBERS) and input.dtype.category == FLOAT and input.dtype.itemsize == 2:
            return CARDS["mul"].operator(CARDS["reciprocal"].call(input), other)  # rounded twice, as PyTorch's operator is
        return call(other, input)

    return call, number_first


def reduced(card: Card, fold, anything: bool = False):
    """x, dim, keepdim -> card(x): `fold(array, axis, dtype, out, keepdims)` is a ufunc's own `reduce`.

    `anything`: it is right for every dtype but uint8, not for float32 and float64 alone.
    """
    rec = recorder(card) if card.vjp else None

    def call(input, dim=None, keepdim=False, *, dtype=None, out=None, axis=None, keepdims=None):
        kind = type(input)
        if (kind is Tensor or kind is Parameter) and (dim is None or type(dim) is int) and dtype is None and out is None and axis is None \
                and keepdims is None and not context.unusual:
            a = input.array
            if type(a) is ndarray and (a.dtype is F32 or a.dtype is F64 or (anything and a.dtype is not U8)):
                try:
                    r = fold(a, dim, None, None, keepdim)
                except (ValueError, TypeError, RuntimeWarning):
                    return slow(input, dim, keepdim)
                if type(r) is not ndarray:
                    r = np.asarray(r)
                y = new(Tensor, r)
                node = input.node
                if node is not None and rec is not None and grad.enabled:
                    return rec(y, node, input, {"dim": dim, "keepdim": keepdim})
                return y
        return slow(input, dim, keepdim, dtype, out, axis, keepdims)

    def slow(x, dim, keepdim, dtype=None, out=None, axis=None, keepdims=None):
        if not isinstance(x, Tensor):  # a type of its own, or an error
            return run(card, (x,), {"dim": dim, "keepdim": keepdim})
        if axis is not None:
            dim = axis
        if keepdims is not None:
            keepdim = keepdims
        if out is not None:
            check_reduced_out(card.name, dtype, out, anything)
        if dtype is not None:
            x = x.to(dtype)
        if dim is not None:
            if anything and isinstance(dim, list | tuple) and not dim:  # of each element alone
                x, dim = x.unsqueeze(0), 0
            dim = axes_of(dim, x)
        try:
            result = run(card, (x,), {"dim": dim, "keepdim": keepdim})
        except ValueError as error:
            raise explained(card, (x,), error, {"dim": dim}) from None
        if dtype is not None and result.dtype is not dtype:  # sums of small integers are wide, unless told
            result = result.to(dtype)
        if out is None:
            return result
        return into(out, result.to(out.dtype) if anything else result, card.name)

    return named(call, card, REDUCED, fold, numbers=anything)


def check_reduced_out(name: str, dtype, out, truth: bool):
    """RuntimeError unless `out` is of the dtype that was asked for; whether any and all are true, bool or uint8."""
    if truth and out.dtype.name not in ("bool", "uint8"):
        raise RuntimeError(f"{name} only supports bool tensor for result, got: {word(out.dtype)}")
    if dtype is not None and out.dtype is not dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {spelled(dtype)}, but got {spelled(out.dtype)} instead")


def axes_of(dim, x):
    """An axis or several, counted from the front; none for a scalar and for an empty list, which PyTorch takes for all."""
    if type(dim) is not int and hasattr(dim, "__index__"):
        dim = dim.__index__()
    if type(dim) is int:
        return check_dim(dim, x.ndim) if x.ndim else check_dim(dim, 0) or None
    if isinstance(dim, str) or not isinstance(dim, Iterable):
        raise TypeError(f"argument 'dim' must be int or tuple of ints, not {type(dim).__name__}")
    axes = tuple(check_dim(d, x.ndim) for d in dim)
    if len(set(axes)) < len(axes):
        raise RuntimeError(f"dim {axes[0]} appears multiple times in the list of dims")
    return axes if axes and x.ndim else None


def chosen(card: Card):
    """condition, x, y -> where: a boolean tensor, and two tensors of one dtype or one and a number."""

    def call(condition, input=None, other=None, *, out=None):
        if type(condition) is Tensor and out is None and not context.unusual:
            c, a, b, m, n = condition.array, input, other, None, None
            t = type(input)
            if t is Tensor or t is Parameter:
                a, m = input.array, input.node
            t = type(other)
            if t is Tensor or t is Parameter:
                b, n = other.array, other.node
            kind = a.dtype if type(a) is ndarray else b.dtype if type(b) is ndarray else None
            fits = type(c) is ndarray and c.dtype is BOOL and kind is not None
            if fits and (type(b) is ndarray or type(b) is float) and (type(a) is ndarray or type(a) is float):
                try:
                    r = np.where(c, a, b)
                except (ValueError, TypeError):
                    return finish(card, (condition, input, other), NO_ATTRS, out)
                if r.dtype is kind:
                    z = new(Tensor, r)
                    if (m is not None or n is not None) and grad.enabled:
                        z.node = record(card, z, (condition, input, other), NO_ATTRS, (None, m, n))
                    return z
        if input is other is out is None and isinstance(condition, Tensor):
            return condition.nonzero(as_tuple=True)
        if isinstance(condition, Tensor) and condition.dtype.name not in ("bool", "uint8"):
            raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {word(condition.dtype)}")
        return finish(card, (condition, input, other), NO_ATTRS, out)

    return named(call, card)


SAME_OUT = frozenset("neg floor ceil trunc sgn sign frac bitwise_not conj_physical nan_to_num".split())  # no cast into their out=


def finish(card: Card, inputs, attrs: dict, out):
    """The slow road, and the result into `out` where one is given."""
    try:
        result = run(card, inputs, attrs)
    except (ValueError, TypeError, IndexError) as error:
        raise explained(card, inputs, error, attrs) from None
    if out is None:
        return result
    for place in out if isinstance(out, tuple) else (out,):
        check_apart(place, inputs, same=True)
    if card.name in SAME_OUT and out.dtype is not result.dtype:
        raise RuntimeError(f"Found dtype {out.dtype.name} but expected {result.dtype.name}")
    if isinstance(result, tuple):
        return tuple(into(o, r, card.name) for o, r in zip(out, result, strict=True))
    return into(out, result, card.name)


def explained(card: Card, inputs, error: Exception, attrs: dict = NO_ATTRS) -> Exception:
    """NumPy's complaint about shapes and axes in PyTorch's type and words."""
    if isinstance(error, IndexError) and type(attrs.get("dim")) is int and isinstance(inputs[0], Tensor):
        try:
            check_dim(attrs["dim"], inputs[0].ndim)
        except IndexError as better:
            return better
    shapes = [x.shape for x in inputs if isinstance(x, Tensor)]
    text, dim = str(error), attrs.get("dim")
    if shapes and prod(shapes[0]) == 0 and ("empty sequence" in text or "zero-size" in text or "no identity" in text):
        where = f" {dim} to have non-zero size." if dim is not None else " to be specified for input.numel() == 0. Specify the reduction " \
            "dim with the 'dim' argument."
        return (RuntimeError if dim is None and not card.name.startswith("arg") else IndexError)(
            f"{card.name}(): Expected reduction dim{where}")
    if "duplicate value" in text and isinstance(dim, tuple):
        axes = [check_dim(d, len(shapes[0])) for d in dim]
        return RuntimeError(f"dim {next(d for d in axes if axes.count(d) > 1)} appears multiple times in the list of dims")
    if isinstance(error, TypeError) and ("not supported for the input types" in text or "did not contain a loop" in text
                                         or "boolean subtract" in text):
        kinds = ", ".join(dict.fromkeys(f"'{word(x.dtype)}'" for x in inputs if isinstance(x, Tensor)))
        return NotImplementedError(f'"{card.name}" not implemented for {kinds}')
    if "boolean negative" in text:
        return RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
                            "`~` or `logical_not()` operator instead.")
    if "not enough values to unpack" in text and shapes and len(shapes[0]) < 2:
        return RuntimeError(f"{card.name}: input tensor must have at least 2 dimensions, got {len(shapes[0])}")
    if "broadcast" in text and len(shapes) >= 2:
        a, b = shapes[:2]
        for i in range(1, min(len(a), len(b)) + 1):
            if a[-i] != b[-i] and 1 not in (a[-i], b[-i]):
                return RuntimeError(f"The size of tensor a ({a[-i]}) must match the size of tensor b ({b[-i]}) at non-singleton dimension "
                                    f"{max(len(a), len(b)) - i} ({card.name} of shapes {tuple(a)} and {tuple(b)})")
    return error


def operator(call):
    """The function as an operator of Python."""
    card = getattr(call, "card", None)
    return call if card is None or card.operator is None else card.operator


def reflected(call):
    """The operator with its operands exchanged: what Python asks of the right one."""
    card = getattr(call, "card", None)
    if card is not None and card.reflected is not None:
        return card.reflected

    def swapped(x, y):
        return call(y, x)

    return swapped


def tracked(x, y=None) -> bool:
    """Whether a write to x, of y, has to be recorded."""
    return grad.enabled and (x.node is not None or (x.base is not None and x.base.node is not None)
                             or (isinstance(y, Tensor) and y.node is not None))


def inplace(card: Card, ufunc=None):
    """x.op_(…): NumPy's own `out=` where nothing is recorded, the slow road otherwise."""

    def call(input, *args, **attrs):
        if ufunc is not None and type(input) in PLAIN and len(args) == card.inputs - 1 and not attrs and not context.unusual:
            y: Any = args[0] if args else None
            a = input.array
            if type(a) is ndarray and a.dtype.kind in "fi" and not tracked(input, y):
                b = y.array if type(y) in PLAIN else y if (type(y) is float or type(y) is int) and a.dtype is not F16 else None
                if not args or (b is not None and (type(b) is not ndarray or (b.dtype is a.dtype and b.ndim <= a.ndim))):
                    if type(b) is ndarray and b is not a:
                        check_places(input, args)
                    try:
                        ufunc(a, b, out=a) if args else ufunc(a, out=a)
                    except RuntimeWarning:  # as an error it comes when all is written
                        version_cell(input)[0] += 1
                        return input
                    except (ValueError, TypeError, OverflowError):
                        return slow(input, args, attrs)
                    version_cell(input)[0] += 1
                    return input
        return slow(input, args, attrs)

    def slow(input, args, attrs):
        if not card.holomorphic and card.name == "abs" and input.is_complex():
            raise RuntimeError("In-place abs is not supported for complex tensors.")
        inputs, attrs = bind(card, (input, *args), attrs)
        if card.inputs == 1 and type(input) is Tensor and not context.unusual and not tracked(input):
            a = input.array
            if type(a) is ndarray and (a.dtype is F32 or a.dtype is F64) and a.flags.writeable:
                r = run_one(card, input, attrs).array
                if r.dtype is a.dtype and r.shape == a.shape:
                    a[...] = r
                    version_cell(input)[0] += 1
                    return input
        try:
            return run_inplace(card, inputs, attrs)
        except (ValueError, TypeError) as error:
            raise explained(card, inputs, error) from None

    call.__name__ = card.name + "_"
    call.__qualname__ = "Tensor." + call.__name__
    call.__doc__ = f"`{card.name}`, written into the tensor itself."
    card.inplace = call if ufunc is None else before(INPLACE, call, ufunc, card, numbers=card.inputs - 1)
    return card.inplace


# what PyTorch calls the first inputs of a function, whatever the body does
SPELLED: dict[int, tuple[str, ...]] = {0: ("input",), 1: ("other", "end", "mask")}


def too_many(card: Card, n: int) -> TypeError:
    return TypeError(f"{card.name}() takes at most {len(card.names)} positional arguments, but {n} were given")


def bind(card: Card, args: tuple, attrs: dict):
    """Split a call's arguments into the card's inputs and its attrs, by position and by name."""
    inputs = list(args[:card.inputs])
    for place, n in enumerate(card.names[len(inputs):card.inputs], len(inputs)):
        word = next((word for word in (n, *SPELLED.get(place, ()), SECOND.get(card.name)) if word in attrs), None)
        if word is not None:
            attrs = dict(attrs)
        inputs.append(None if word is None else attrs.pop(word))
    rest = args[card.inputs:]
    if rest:
        if len(args) > len(card.names) and not card.variadic:
            raise too_many(card, len(args))
        attrs = dict(zip(card.names[card.inputs:], rest, strict=False)) | attrs
    return tuple(inputs), card.attrs | attrs if attrs else card.attrs


def general(card: Card):
    """A function for a card of any form: `inputs` tensors first, then attrs by position or by name."""

    count, variadic, given, later = card.inputs, card.variadic, card.attrs, card.names[card.inputs:]
    if count == 1 and not variadic:
        return _general_one(card)

    def call(*args, out=None, **attrs):
        if len(args) > count and not attrs:
            if len(args) > count + len(later):
                raise too_many(card, len(args))
            inputs, attrs = args[:count], given | dict(zip(later, args[count:]))
        elif len(args) != count:
            inputs, attrs = bind(card, args, attrs)
        else:
            inputs, attrs = args, given | attrs if attrs else given
        return finish(card, inputs[0] if variadic else inputs, attrs, out)

    return named(call, card)


def _general_one(card: Card):
    given, later = card.attrs, card.names[1:]
    first = later[0] if len(later) == 1 else None

    def call(*args, out=None, **attrs):
        n = len(args)
        if out is not None or not n:
            inputs, attrs = bind(card, args, attrs)
            return finish(card, inputs, attrs, out)
        if n == 2 and first is not None and not attrs:
            attrs = {first: args[1]}
        else:
            if n > 1:
                if n > 1 + len(later):
                    raise too_many(card, n)
                attrs = dict(zip(later, args[1:], strict=False)) | attrs
            attrs = given | attrs if attrs else given
        try:
            return run_one(card, args[0], attrs)
        except (ValueError, TypeError, IndexError) as error:
            raise explained(card, args[:1], error, attrs) from None

    return named(call, card)


def named(call, card: Card, form: int | None = None, ufunc=None, checked: bool = False, numbers: int = 0):
    """The closure as the card's function, in C where its form is one that `front.c` knows."""
    call.__name__ = call.__qualname__ = card.name
    call.__module__ = "flambeau"  # where a pickle looks for it
    call.__doc__ = card.doc
    call.card = card
    if form is None and "dim" in card.names:
        call = numpy_names(call)
    if form is not None:
        call = before(form, call, ufunc, card, checked | 2 * (card.name in ORDERED) | 4 * (card.kind != "elementwise"), numbers)
    card.call = call
    return call


def seen(x, array, card: Card, attrs: dict):
    """A view of a plain tensor whose array is there already: `add_view`, and a node."""
    y = new(Tensor, array)
    base = x.base
    if base is None:
        base = x
    y.base = base
    y.source = (x, card, attrs)
    cell = base.cell
    if cell is None:
        cell = base.cell = [0]
    y.cell = cell
    views = base.views
    if views is None:
        base.views = [8, ref(y)]
    else:
        views.append(ref(y))
        if len(views) > views[0]:
            drop_dead(base)
    node = x.node
    if node is not None and grad.enabled:
        y.node = Node(card, (node,), NOTHING, attrs, array.shape, BY_NUMPY[array.dtype])
    return y


def view_of(card: Card, x, attrs: dict):
    """A view op on a tensor: no memory moves, the result joins x's family."""
    kind = type(x)
    if (kind is Tensor or kind is Parameter) and not context.unusual:
        a = x.array
        if type(a) is ndarray:
            return seen(x, card.body(cpu, a, **attrs), card, attrs)
    return run(card, (x,), attrs)


def ready(x):
    """x's NumPy array where a view of it can be taken at once: a plain tensor on the CPU, no mode that wants to see the call; else None."""
    kind = type(x)
    if (kind is Tensor or kind is Parameter) and not context.unusual:
        array = x.array
        if type(array) is ndarray:
            return array
    return None


if front.module is not None:
    ready, seen = front.module.ready, front.module.seen
