"""From an op's body to one kernel.

    body on symbols (loops.py) -> graph -> program (lower.py, program.py) -> C (emit.py, c.py, prelude.h)
         -> library (build.py) -> ufunc (gufunc.py)

`interpret.py` runs a program in Python and defines what it means; `cuda.py` prints it for a GPU. `fuse` is the way in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .program import NotLowerable, Program

__all__ = ["Kernel", "NotLowerable", "explain", "fuse", "lower_all"]

FLOATS = ("float32", "float64")


class Kernel:
    """A body as a NumPy ufunc, with what it was made from.

    `ufunc` is NumPy's own object: call it directly where the arrays' last axis is the core axis. Calling the kernel itself also
    takes `axis`, and refuses dtypes that it was not built for (NumPy would cast them, and give another dtype than the body).
    """

    def __init__(self, programs: tuple[Program, ...], ufunc: np.ufunc, source: str, many: dict[np.dtype, Callable] | None = None):
        self.programs, self.ufunc, self.source, self.many = programs, ufunc, source, many or {}
        self.dtypes = frozenset(tuple(o.dtype for o in p.inputs) for p in programs)

    def __call__(self, *arrays, axis: int = -1, out=None):
        dtypes = tuple(a.dtype for a in arrays)
        if dtypes not in self.dtypes:
            built = " or ".join(sorted("(" + ", ".join(map(str, d)) + ")" for d in self.dtypes))
            raise TypeError(f"kernel {self.programs[0].name}: expected dtypes {built}, got ({', '.join(map(str, dtypes))})")
        options: dict = {} if out is None else {"out": out}
        if axis != -1:
            options["axes"] = [(axis,) if o.core else () for o in (*self.programs[0].inputs, *self.programs[0].outputs)]
        return self.ufunc(*arrays, **options)

    def explain(self) -> str:
        """The C, each function under the program that it was printed from; without the prelude that all kernels share."""
        from .c import prelude

        return self.source.removeprefix(prelude()).strip()

    def __repr__(self) -> str:
        return f"<kernel {self.programs[0].name}: {self.programs[0].signature}>"


def lower_all(
    body: Callable, signature: str, dtypes: Sequence = FLOATS, attrs: dict | None = None, outputs: Sequence = (), name: str | None = None,
    numbers: int = 0,
) -> tuple[Program, ...]:  # fmt: skip
    """The body's programs, one for each of `dtypes`.  Raises NotLowerable."""
    from .lower import lower, parse_signature

    rows, results = (
        [(d,) * len(side) if isinstance(d, (str, type, np.dtype)) else d for d in given]
        for given, side in zip((dtypes, outputs), parse_signature(signature), strict=True)
    )
    results = results or [()] * len(rows)
    name = name or body.__name__
    return tuple(
        lower(name, body, signature, tuple(map(np.dtype, row)), attrs or {}, tuple(map(np.dtype, result)), numbers)
        for row, result in zip(rows, results, strict=True)
    )


def fuse(
    body: Callable, signature: str, dtypes: Sequence = FLOATS, attrs: dict | None = None, outputs: Sequence = (), name: str | None = None,
    numbers: int = 0, over: Sequence[int] = (),
) -> Kernel | None:  # fmt: skip
    """One kernel for `body(xp, *arrays, **attrs)`, or None where it cannot be had: the caller then runs the body on NumPy.

    signature  as a gufunc's: `()` elementwise; `(n)` along the core axis, which is last and which the body calls axis -1; `(1)` reduced
               over it with keepdims; and `()` beside core dimensions is one value a row
    dtypes     one loop for each: a dtype for all inputs, or a tuple with one for each input
    attrs      what the body takes beside arrays; it is fixed in the kernel
    outputs    dtypes to cast the results to, like `dtypes`; by default what the body gives
    numbers    of an elementwise signature, how many of the last inputs are mostly one number for all elements (a learning rate): read once
    over       the inputs that the outputs are to be written over: the kernel then has `many`, one call for many sets of arrays (many.py)

    Builds at the call (0.2 s, or 1 ms from the disk cache). Never raises for what the body does or the machine lacks: `explain` tells why.

    >>> def softmax(xp, x):
    ...     e = xp.exp(x - xp.max(x, axis=-1, keepdims=True))
    ...     return e / xp.sum(e, axis=-1, keepdims=True)
    >>> kernel = fuse(softmax, "(n)->(n)")
    >>> kernel is None or np.allclose(kernel(np.zeros((2, 4), np.float32)), 0.25)
    True
    """
    from .build import build, log
    from .c import c_source, loop_name
    from .gufunc import make_ufunc
    from .many import many_calls, many_source

    try:
        programs = lower_all(body, signature, dtypes, attrs, outputs, name, numbers)
    except NotLowerable as reason:
        log.debug("%s is not one kernel: %s", name or body.__name__, reason)
        return None
    source = c_source(programs) + (many_source(programs) if over else "")
    library = build(source)
    if library is None:
        return None
    loops = [getattr(library, loop_name(i)) for i in range(len(programs))]
    ufunc = make_ufunc(programs, loops, programs[0].name, (body.__doc__ or "").strip())
    return Kernel(programs, ufunc, source, many_calls(library, programs, over) if over else None)


def explain(body: Callable, signature: str, dtypes: Sequence = FLOATS, attrs: dict | None = None, outputs: Sequence = ()) -> str:
    """The kernel's program and C; or why there is none.

    >>> def running(xp, x): return xp.cumsum(x, axis=-1)
    >>> explain(running, "(n)->(n)")
    "running is not one kernel: loops have no function 'cumsum'"
    """
    from .build import why_not
    from .c import c_source

    try:
        source = c_source(lower_all(body, signature, dtypes, attrs, outputs))
    except NotLowerable as reason:
        return f"{body.__name__} is not one kernel: {reason}"
    kernel = fuse(body, signature, dtypes, attrs, outputs)
    return kernel.explain() if kernel else f"{body.__name__} was not built: {why_not(source)}"
