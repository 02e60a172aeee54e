"""The card: all that Flambeau knows of an op.  Everything else (eager, gradients, transforms, kernels, tests) reads it."""
from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any

KINDS = ("elementwise", "reduction", "scan", "contraction", "view", "index", "window", "random", "composite", "opaque")
CARDS: dict[str, Card] = {}
# what asks which of two is greater: complex numbers have no order
ORDERED = frozenset("lt le gt ge maximum minimum fmax fmin amax amin max_along min_along argmax argmin argsort clamp running_place sign "
                    "unique_values heaviside".split())


class Card:
    """An op, described once.

    name     PyTorch's name
    kind     one of KINDS: decides vmap, jvp and the kernel's form
    body     `body(xp, *inputs, **attrs)`, written against an array namespace
    vjp      None (no gradient), one formula an input, or one joint formula that returns a gradient for each input.
             A formula takes (g, y, *inputs, **attrs); of an input whose name starts with _ only shape and dtype are kept
    inputs   how many leading arguments are tensors; the first is a sequence of tensors when `variadic`
    promote  "same": inputs are promoted together · "float": and integers become the default float · "bool": promoted, result bool ·
             "rest": all but the first · None: untouched
    c        the scalar C spelling of an elementwise op
    jvp      None (derived by kind), or `jvp(tangents, y, *inputs, **attrs)`
    back     None, or the vjp once more on the CPU's bare arrays, for a backward that is not recorded: one formula an input, which takes
             (g, y, *inputs, **attrs) as those of vjp do (what is not kept is a node: it has a shape), or one joint formula
    vmap     None (derived by kind), or a rule of its own
    fused    None, or a `fused.Fused`: how the body becomes one kernel on the CPU
    holomorphic  False when the op, on complex numbers, has no complex derivative (abs): its formula then sees its inputs as they are;
             every other formula sees them conjugated, which makes g · f'(x) the gradient g · conj(f'(x))
    samples  makes sample inputs for the laws: `samples(make) -> iterable of (inputs, attrs)`
    """

    __slots__ = ("name", "kind", "body", "vjp", "joint", "keeps", "inputs", "attrs", "variadic", "promote", "c", "jvp", "vmap",
                 "samples", "doc", "linear", "holomorphic", "numpy", "outputs", "fused", "names", "widens", "call", "inplace", "back",
                 "keeps_all", "recorder", "reflected", "operator")

    def __init__(self, name: str, kind: str, body: Callable, *, vjp=None, inputs=None, variadic=False, promote=None, c=None, jvp=None,
                 vmap=None, samples=None, doc=None, linear=False, holomorphic=True, numpy=None,
                 outputs=1, fused=None, back=None):
        if kind not in KINDS:
            raise ValueError(f"card {name}: kind must be one of {', '.join(KINDS)}, got {kind!r}")
        if name in CARDS:
            raise ValueError(f"card {name}: an op of this name exists; names are unique")
        code = body.__code__
        names = code.co_varnames[1:code.co_argcount]
        defaults = body.__defaults__ or ()
        self.name, self.kind, self.body, self.doc = name, intern(kind), body, doc or body.__doc__
        self.inputs = len(names) - len(defaults) if inputs is None else inputs
        if code.co_flags & 0x04 and inputs is None:
            raise ValueError(f"card {name}: a body with *args must say how many inputs it has")
        self.attrs = dict(zip(names[len(names) - len(defaults):], defaults, strict=True)) if defaults else {}
        for given in names[:self.inputs]:
            self.attrs.pop(given, None)
        self.attrs |= body.__kwdefaults__ or {}
        self.names = names
        self.variadic, self.promote, self.c, self.jvp, self.vmap = variadic, promote, c, jvp, vmap
        self.samples, self.linear, self.holomorphic, self.numpy, self.outputs, self.fused = (
            samples,
            linear,
            holomorphic,
            numpy,
            outputs,
            fused,
        )
        self.joint = callable(vjp) and (self.inputs > 1 or variadic)
        self.vjp = (vjp,) if callable(vjp) and not self.joint else vjp
        self.keeps = self._keeps()
        self.keeps_all = tuple(map(any, zip(*self.keeps, strict=True)))  # what is kept where every input has a gradient
        self.back = back
        self.call: Any = None
        self.recorder: Any = None
        self.reflected: Any = None
        self.operator: Any = None  # the call that an operator of Python makes: NotImplemented for what it does not know
        self.inplace: Any = None
        self.widens = kind in ("elementwise", "reduction", "scan", "contraction", "window", "composite") and name not in ("clone", "cast")
        CARDS[name] = self

    def _keeps(self) -> tuple[tuple[bool, ...], ...]:
        """For each formula, which of (y, *inputs) it names: only those outlive the forward call."""
        if self.vjp is None:
            return ()
        formulas: Any = (self.vjp,) if self.joint else self.vjp
        kept = []
        for formula in formulas:
            if formula is None:
                kept.append((False,) * (1 + self.inputs))
                continue
            code = formula.__code__
            names = code.co_varnames[1:code.co_argcount]
            row = [not n.startswith("_") for n in names[:1 + self.inputs]]
            kept.append(tuple(row) + (False,) * (1 + self.inputs - len(row)))
        return tuple(kept) * (self.inputs if self.joint else 1)

    def __repr__(self) -> str:
        return f"<card {self.name}: {self.kind}>"
