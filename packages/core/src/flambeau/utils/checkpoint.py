"""Checkpoints of a computation: parts of a network keep nothing for backward, and are computed once more when backward needs it.

Without re-entry (`use_reentrant=False`) a part is recorded as usual, but what its nodes keep are places; the first one that is asked for
runs the part again and fills them all. With re-entry the part is one node, whose backward runs it again with a graph of its own.
"""
from __future__ import annotations

from contextlib import contextmanager, nullcontext
from warnings import warn
from weakref import ref

import flambeau

from .. import context
from ..amp.state import put
from ..autograd import Function, backward, enable_grad, no_grad
from ..autograd.engine import restore, running
from ..autograd.graph import saved_tensors_hooks
from ..casting import state as autocast
from ..record import saved
from ..tensor import Tensor, plain, version_cell
from .selective import CheckpointPolicy, SelectiveCheckpointContext, create_selective_checkpoint_contexts

__all__ = ["CheckpointError", "CheckpointPolicy", "SelectiveCheckpointContext", "checkpoint", "checkpoint_sequential",
           "create_selective_checkpoint_contexts", "noop_context_fn", "set_checkpoint_debug_enabled", "set_checkpoint_early_stop"]


class CheckpointError(RuntimeError):
    """The computation went another way the second time."""


class _Switches:
    early_stop: bool | None = None
    debug: bool | None = None


def noop_context_fn():
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_early_stop(enable: bool):
    """Whether computing again stops as soon as all that backward needs is there; it does, unless this says no."""
    before, _Switches.early_stop = _Switches.early_stop, enable
    try:
        yield
    finally:
        _Switches.early_stop = before


@contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None):
    """Whether errors of `checkpoint` tell which tensors were kept, in order; overrides its argument `debug`."""
    before, _Switches.debug = _Switches.debug, enabled
    try:
        yield
    finally:
        _Switches.debug = before


def checkpoint(
    function, *args, use_reentrant: bool | None = None, context_fn=noop_context_fn, determinism_check: str = "default", debug: bool = False,
    early_stop: bool = True, preserve_rng_state: bool = True, **kwargs,
):
    """function(*args, **kwargs), computed again in backward instead of keeping what backward needs.

    preserve_rng_state  random numbers are the same the second time
    context_fn          gives two contexts, for the first and for the second computation (`create_selective_checkpoint_contexts`)
    determinism_check   "default": CheckpointError where shapes, dtypes or the number of kept tensors differ the second time; "none"

    >>> x = flambeau.ones(2, requires_grad=True)
    >>> flambeau.utils.checkpoint.checkpoint(lambda x: x.exp().sin(), x, use_reentrant=False).sum().backward()
    """
    if use_reentrant is None:
        warn("flambeau.utils.checkpoint: the use_reentrant parameter should be passed explicitly. use_reentrant=False is recommended; "
             "left out, it is True.", stacklevel=2)
        use_reentrant = True
    if use_reentrant:
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ('default', 'none'), but got {determinism_check}")
    forward_context, again_context = context_fn()
    if not context.is_grad_enabled():
        with forward_context:
            return function(*args, **kwargs)
    early = early_stop if _Switches.early_stop is None else _Switches.early_stop
    show = debug if _Switches.debug is None else _Switches.debug
    frame = _Frame(function, args, kwargs, again_context, preserve_rng_state, determinism_check, early, show)
    with saved_tensors_hooks(frame.pack, _unpack), forward_context:
        return function(*args, **kwargs)


class _Place:
    """What a node keeps instead of a tensor: its number among those that the part keeps."""

    __slots__ = ("frame", "index", "value", "run", "__weakref__")

    def __init__(self, frame, index: int):
        self.frame, self.index, self.value, self.run = frame, index, None, None


class _Enough(Exception):
    """All that backward needs has been computed."""


class _World:
    """The random numbers to come, the modes that see every call, and what autocast casts to."""

    def __init__(self, preserve: bool):
        self.state = flambeau.get_rng_state() if preserve else None
        self.casts = dict(autocast.__dict__.get("enabled", ()))
        self.modes = tuple(m for m in context.modes if getattr(m, "instead", None) is None)

    @contextmanager
    def again(self):
        here = flambeau.get_rng_state() if self.state is not None else None
        casts = dict(autocast.__dict__.get("enabled", ()))
        if casts != self.casts:
            put(self.casts)
        missing = [m for m in self.modes if m not in context.modes]
        for m in missing:
            context.push_mode(m)
        try:
            if self.state is not None:
                flambeau.set_rng_state(self.state)
            yield
        finally:
            for m in missing:
                context.pop_mode(m)
            if casts != self.casts:
                put(casts)
            if here is not None:
                flambeau.set_rng_state(here)


class _Frame:
    """One checkpointed call: how to do it again, and the places that wait for what it keeps."""

    def __init__(self, function, args, kwargs, again_context, preserve, determinism_check, early_stop, debug):
        self.function, self.again_context, self.check, self.early_stop = function, again_context, determinism_check, early_stop
        self.debug = debug
        self.world = _World(preserve)
        names = list(kwargs)
        self.names = names
        # kept as a node keeps its inputs: a checkpoint around this one packs them too, and a write to them is noticed
        self.given = [(saved(a), a.requires_grad) if isinstance(a, Tensor) and a.process is None else (None, a)
                      for a in (*args, *kwargs.values())]
        self.places: list = []
        self.kinds: list = []
        self.name = getattr(function, "__name__", type(function).__name__)

    def pack(self, x: Tensor) -> _Place:
        place = _Place(self, len(self.places))
        self.places.append(ref(place))
        self.kinds.append(_kind(x))
        return place

    def arguments(self):
        values = []
        for entry, extra in self.given:
            if entry is None:
                values.append(extra)
            else:
                x = restore(entry, None, self).detach()
                values.append(x.requires_grad_() if extra else x)
        n = len(values) - len(self.names)
        return values[:n], dict(zip(self.names, values[n:], strict=True))

    def fill(self, run) -> None:
        """Do the call again; each place gets its tensor."""
        seen: list = []

        def keep(x: Tensor):
            i = len(seen)
            seen.append(_kind(x))
            place = self.places[i]() if i < len(self.places) else None
            if place is not None:
                place.value, place.run = x, run
            if self.early_stop and len(seen) == len(self.places):
                raise _Enough
            return _share(x)

        args, kwargs = self.arguments()
        try:
            with self.world.again(), enable_grad(), saved_tensors_hooks(keep, lambda x: x), self.again_context:
                self.function(*args, **kwargs)
        except _Enough:
            pass
        if self.check != "none":
            self._compare(seen)

    def _compare(self, seen: list) -> None:
        if len(seen) != len(self.kinds):
            raise CheckpointError(
                "flambeau.utils.checkpoint: A different number of tensors was saved during the original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(self.kinds)}\nNumber of tensors saved during recomputation: {len(seen)}."
                f"{self._told(seen)}"
            )
        wrong = [(i, a, b) for i, (a, b) in enumerate(zip(self.kinds, seen, strict=True)) if a != b]
        if wrong:
            lines = "".join(f"tensor at position {i}:\nsaved metadata: {a}\nrecomputed metadata: {b}\n" for i, a, b in wrong)
            raise CheckpointError("flambeau.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                                  f"during the forward pass.\n{lines}{self._told(seen)}")

    def _told(self, seen) -> str:
        return f"\nKept in {self.name}, first: {self.kinds}; again: {seen}" if self.debug else ""


def _kind(x: Tensor) -> dict:
    return {"shape": tuple(x.shape), "dtype": x.dtype, "device": x.device}


def _share(x: Tensor) -> Tensor:
    out = plain(x.array)
    out.cell = version_cell(x)
    return out


def _unpack(place: _Place) -> Tensor:
    run = running.now
    if place.value is None or place.run is not run or run is None:
        place.frame.fill(run)
    if place.value is None:
        raise CheckpointError(f"flambeau.utils.checkpoint: computing {place.frame.name} again stopped before tensor {place.index} of "
                              f"{len(place.frame.kinds)} that backward needs. Does it take the same way each time?")
    value, place.value, place.run = place.value, None, None
    return value


# ---- with re-entry
class CheckpointFunction(Function):
    """The node that a part is with re-entry: `apply(function, preserve_rng_state, *args)`."""

    @staticmethod
    def forward(ctx, function, preserve, *args):
        ctx.run, ctx.world = function, _World(preserve)
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.args = [None if isinstance(a, Tensor) else a for a in args]
        ctx.asked = [isinstance(a, Tensor) and a.requires_grad for a in args]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        with no_grad():
            return function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if running.now is not None and running.now.on_path is not None:
            raise RuntimeError("When use_reentrant=True, flambeau.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                               "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                               ".backward() without passing the `inputs` argument.")
        args = list(ctx.args)
        for i, x in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[i] = x.detach().requires_grad_(ctx.asked[i])
        with ctx.world.again(), enable_grad():
            result = ctx.run(*args)
        outs = [result] if isinstance(result, Tensor) else list(result)
        pairs = [(y, g) for y, g in zip(outs, grads, strict=True) if isinstance(y, Tensor) and y.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([y for y, _ in pairs], [g for _, g in pairs])
        return (None, None, *(a.grad if isinstance(a, Tensor) else None for a in args))


def checkpoint_sequential(functions, segments: int, input, use_reentrant: bool | None = None, **kwargs):
    """A chain of modules cut into `segments` parts, each but the last a checkpoint.

    >>> net = flambeau.nn.Sequential(flambeau.nn.Linear(2, 2), flambeau.nn.ReLU(), flambeau.nn.Linear(2, 2))
    >>> flambeau.utils.checkpoint.checkpoint_sequential(net, 2, flambeau.ones(1, 2), use_reentrant=False).shape
    flambeau.Size([1, 2])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    if use_reentrant is None:
        warn("flambeau.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly. "
             "use_reentrant=False is recommended; left out, it is True.", stacklevel=2)
        use_reentrant = True
    steps = list(functions.children()) if isinstance(functions, flambeau.nn.Sequential) else list(functions)

    def part(start: int, stop: int):
        def forward(x):
            for step in steps[start:stop]:
                x = step(x)
            return x

        return forward

    length, start = len(steps) // segments, 0
    for _ in range(segments - 1):
        input = checkpoint(part(start, start + length), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
        start += length
    return part(start, len(steps))(input)


# ---- helpers under PyTorch's names
def detach_variable(inputs: tuple) -> tuple:
    """The tensors among some inputs without their history; those that asked for a gradient do so again.  RuntimeError for no tuple."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs)


def get_device_states(*args) -> tuple[list[int], list[Tensor]]:
    """The GPUs that tensors among args are on, and the states of their random numbers."""
    places = sorted({x.get_device() for x in args if isinstance(x, Tensor) and x.device.type == "cuda"})
    return places, [flambeau.cuda.get_rng_state(place) for place in places]


def set_device_states(devices, states, *, device_type: str | None = None) -> None:
    """Give GPUs the states that `get_device_states` found.  RuntimeError for devices that have none of their own."""
    if device_type not in (None, "cuda", "cpu", "meta"):
        raise RuntimeError(f"expected device_type as 'cuda', got {device_type!r}")
    for place, state in zip(devices, states, strict=True):
        flambeau.cuda.set_rng_state(state, place)


def check_backward_validity(inputs) -> None:
    """A warning where no input asks for a gradient."""
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        warn("None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=2)
