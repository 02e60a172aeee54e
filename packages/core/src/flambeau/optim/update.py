"""How an update rule is applied to parameters: in place, on the arrays themselves.

A rule is one small function, `rule(xp, p, g, *state, *numbers, **flags) -> (p, *state)`, written against an array namespace.
Traced once for its flags, it is one kernel a step. Where there is no kernel (other dtypes, a GPU, no compiler) the same body runs on
the arrays, and its augmented assignments write in place. Numbers may change with every step and come ready, in double precision:
a kernel would compute 1 - 0.999 in the parameter's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

import flambeau
from flambeau.backends import namespace
from flambeau.kernels import Kernel, fuse
from flambeau.tensor import Tensor, plain

BLOCK = 32768  # elements: the temporaries of a body then stay in the cache (20 ms for 10 M parameters, 39 ms with 4096)
FUSED = (np.dtype(np.float32), np.dtype(np.float64))

Rule = Callable[..., tuple[Any, ...]]
Flags = tuple[tuple[str, Any], ...]
kernels: dict[tuple[Any, ...], Kernel | None] = {}  # by rule and flags; None where none can be had


def apply(
    rule: Rule, members: Sequence[tuple[Tensor, dict[str, Any]]], names: Sequence[str], numbers: tuple[float, ...], flags: Flags
) -> None:
    """Change each parameter and what `names` says of its state by `rule`, with its gradient: the plain ones in one call."""
    written = [[p for p, _ in members], *[[state[name] for _, state in members] for name in names]]
    columns = [[x.array for x in tensors] for tensors in written]
    columns.insert(1, [p._grad.array for p in written[0]])
    first = columns[0][0]
    rest: Sequence[int] = range(len(members))
    if type(first) is np.ndarray and len(set(map(id, columns[0]))) == len(members):  # twice the same is one after the other
        kernel = kernel_for(rule, first.dtype, len(written), len(numbers), flags)
        if kernel is not None and first.dtype in kernel.many:
            rest = kernel.many[first.dtype](columns, numbers)
    for i in rest:
        apply_one(rule, [column[i] for column in columns], numbers, flags)
    for tensors in written:
        for x in tensors:
            cell = x.cell
            if cell is not None:  # whoever saved the tensor for backward has made one
                cell[0] += 1


def apply_one(rule: Rule, arrays: Sequence[Any], numbers: tuple[float, ...], flags: Flags) -> None:
    """The rule on (parameter, gradient, *state) of any dtype, layout and device."""
    array, gradient, *state = arrays
    if gradient.dtype != array.dtype or gradient.shape != array.shape:
        raise RuntimeError(f"expected a gradient of {array.dtype} {array.shape} like its parameter, got {gradient.dtype} {gradient.shape}")
    written = (array, *state)
    if array.dtype.kind == "c":  # complex numbers are pairs of real ones to every rule
        gradient, written = as_real(gradient), tuple(map(as_real, written))
    kernel = kernel_for(rule, written[0].dtype, len(written), len(numbers), flags) if type(array) is np.ndarray else None
    if kernel is not None:
        kernel.ufunc(written[0], gradient, *written[1:], *as_arrays(numbers, written[0].dtype.char), out=written)
    else:
        run(rule, written, gradient, numbers, dict(flags))


@lru_cache(maxsize=16)
def as_arrays(numbers: tuple[float, ...], dtype: str) -> tuple[np.ndarray, ...]:
    """0-d arrays, which a ufunc takes at half the cost of Python's numbers; a group's parameters mostly share them."""
    return tuple(np.array(number, dtype) for number in numbers)


def kernel_for(rule: Rule, dtype: np.dtype[Any], written: int, numbers: int, flags: Flags) -> Kernel | None:
    """The rule as one kernel, built at its first use (what is computed may not hang on what ran before); None where there is none."""
    if dtype not in FUSED:
        return None
    key = rule, flags
    if key not in kernels:
        signature = ",".join(["()"] * (written + 1 + numbers)) + "->" + ",".join(["()"] * written)
        over = (0, *range(2, written + 1))  # all but the gradient
        kernels[key] = fuse(rule, signature, attrs=dict(flags), numbers=numbers, over=over)
    return kernels[key]


def run(rule: Rule, written: tuple[Any, ...], gradient: Any, numbers: tuple[float, ...], flags: dict[str, Any]) -> None:
    """The body itself, in blocks that fit the cache where the arrays' memory allows it."""
    xp = namespace(written[0])
    if type(written[0]) is np.ndarray and written[0].size > BLOCK and all(a.flags.c_contiguous for a in written):
        flat, g = [a.reshape(-1) for a in written], np.ascontiguousarray(gradient).reshape(-1)
        for begin in range(0, g.size, BLOCK):
            block = slice(begin, begin + BLOCK)
            run(rule, tuple(a[block] for a in flat), g[block], numbers, flags)
        return
    for target, result in zip(written, rule(xp, written[0], gradient, *written[1:], *numbers, **flags)):
        if result is not target:  # not written in place
            target[...] = result


def record(rule: Rule, parameter: Tensor, state: Sequence[Tensor], numbers: tuple[Any, ...], flags: Flags) -> list[Tensor]:
    """The rule on tensors: the parameter is changed in place, and the new state returned, with their graph."""
    from flambeau.ops.namespace import tensors

    given: list[Any] = [parameter, parameter.grad, *state]
    if parameter.is_complex():
        given = [flambeau.view_as_real(x) for x in given]
    p, g, *rest = given
    # copies: the rule writes into them, and what this step saves for backward must not change with the next
    result = rule(tensors, p.clone(), g, *[s.clone() for s in rest], *numbers, **dict(flags))
    if parameter.is_complex():
        result = tuple(flambeau.view_as_complex(x) for x in result)
    parameter.copy_(result[0])
    return list(result[1:])


def as_real(array: Any) -> Any:
    """The same memory with a last axis of (real, imaginary)."""
    pairs = array[..., None].view(array.real.dtype)
    assert pairs.base is not None
    return pairs


def zeros_like(parameter: Tensor) -> Tensor:
    """State of the parameter's shape and dtype."""
    return plain(namespace(parameter.array).zeros_like(parameter.array))


def full_like(parameter: Tensor, value: complex) -> Tensor:
    return plain(namespace(parameter.array).full_like(parameter.array, value))


def counter(value: float = 0.0) -> Tensor:
    """A count of steps, or another number that state keeps; float32 as in PyTorch's state_dicts."""
    return plain(np.full((), value, np.float64 if flambeau.get_default_dtype() is flambeau.float64 else np.float32))


def count(step: Tensor) -> float:
    """The next step's number."""
    array = step.array
    n = float(array.item()) + 1.0
    array[()] = n  # 0.04 µs; `fill` takes NumPy 0.1, `+= 1` 2
    return n
