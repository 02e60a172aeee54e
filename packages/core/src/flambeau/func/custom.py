"""`autograd.Function` under transforms: its own vmap and jvp, or the rule that vmap can make of its forward and backward."""
from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd.function import Function, FunctionCtx, _record, call, complete
from ..context import grad as mode
from ..tensor import Tensor
from .jvp import Dual
from .level import entered
from .vmap import Batched, _front


class VmapInfo(NamedTuple):
    """What a Function's `vmap` is told: how many places there are, and what randomness is to do."""

    batch_size: int
    randomness: str


def batched(cls, args, kwargs):
    """A Function for all places at once."""
    level = max(a.level for a in args if isinstance(a, Batched))
    values = [a.value if _at(a, level) else a for a in args]
    dims = tuple(a.bdim if _at(a, level) else None for a in args)
    n = next((v.shape[d] for v, d in zip(values, dims, strict=True) if d is not None), None)
    own = "vmap" in {name for c in cls.__mro__ for name in vars(c)}
    if own and cls.generate_vmap_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an "
                           "overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the overridden "
                           "vmap staticmethod to avoid ambiguity.")
    if n is None:
        result = cls.apply(*values, **kwargs)
        return _recorded(cls, args, kwargs, _wrapped(result, None, level), level)
    if own:
        result, out_dims = cls.vmap(VmapInfo(n, "error"), dims, *values, **kwargs)
        return _recorded(cls, args, kwargs, _wrapped(result, out_dims, level), level)
    if not cls.generate_vmap_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and implement the "
                           "vmap staticmethod or set generate_vmap_rule=True.")
    lifted = _lifted(cls, dims, kwargs)
    result = lifted.apply(*values)
    return _recorded(cls, args, kwargs, _wrapped(result, lifted.out_dims, level), level)


def _at(a, level: int) -> bool:
    return isinstance(a, Batched) and a.level == level


def _wrapped(result, dims, level: int):
    if isinstance(result, Tensor):
        return Batched.make(result, dims, level)
    dims = dims if isinstance(dims, tuple | list) else [dims] * len(result)
    return tuple(Batched.make(y, d, level) if isinstance(y, Tensor) else y for y, d in zip(result, dims, strict=True))


def _recorded(cls, args, kwargs, result, level: int):
    """The call's node at this level, where a gradient is asked for inside of it."""
    inputs = [a for a in args if isinstance(a, Tensor)]
    if not mode.enabled or not any(x.node is not None for x in inputs):
        return result
    ctx = FunctionCtx(cls)
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
    _set_up(cls, ctx, args, result)
    outs = [result] if isinstance(result, Tensor) else list(result)
    _record(ctx, args, inputs, outs)
    return result


def _set_up(cls, ctx, args, result) -> None:
    if not hasattr(cls, "setup_context"):
        raise RuntimeError(f"In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must "
                           f"override the setup_context staticmethod: {cls.__name__} has a forward(ctx, ...) only.")
    cls.setup_context(ctx, complete(cls.forward, args, {}), result)


def _lifted(cls, dims, kwargs):
    """The Function that does `cls` for every place: forward and backward of `cls`, each under vmap."""

    class Lifted(Function):
        out_dims: Any = None

        @staticmethod
        def forward(ctx, *values):
            with entered(Batched) as level:
                args = [v if d is None else Batched.make(v, d, level) for v, d in zip(values, dims, strict=True)]
                inner = FunctionCtx(cls)
                inner.needs_input_grad = ctx.needs_input_grad
                result = cls.forward(*args, **kwargs) if hasattr(cls, "setup_context") else cls.forward(inner, *args, **kwargs)
                if hasattr(cls, "setup_context"):
                    cls.setup_context(inner, tuple(args), result)
                outs = [_front(y, level) for y in ([result] if isinstance(result, Tensor) else result)]
                kept = [(None, False) if x is None else _front(x, level) for x in inner._saved]
            ctx.save_for_backward(*(v for v, _ in kept))
            ctx.set_materialize_grads(inner._materialize)
            ctx.inner, ctx.hidden, ctx.out_hidden = inner, [h for _, h in kept], [h for _, h in outs]
            Lifted.out_dims = [0 if h else None for _, h in outs]
            if isinstance(result, Tensor):
                Lifted.out_dims = Lifted.out_dims[0]
            values_out = [v for v, _ in outs]
            ctx.mark_non_differentiable(*(v for v, y in zip(values_out, [result] if isinstance(result, Tensor) else result, strict=True)
                                          if any(y is f for f in inner._flat)))
            return values_out[0] if isinstance(result, Tensor) else tuple(values_out)

        @staticmethod
        def backward(ctx, *grads):
            with entered(Batched) as level:
                inner = ctx.inner
                inner._saved = tuple(Batched.make(x, 0, level) if h else x for x, h in zip(ctx.saved_tensors, ctx.hidden, strict=True))
                given = [Batched.make(g, 0, level) if h and g is not None else g for g, h in zip(grads, ctx.out_hidden, strict=True)]
                result = cls.backward(inner, *given)
                inner._saved = ()
                result = result if isinstance(result, tuple | list) else (result,)
                answer: list[Any] = []
                for r, d in zip(result, dims, strict=False):
                    if r is None:
                        answer.append(None)
                        continue
                    value, hidden = _front(r, level)
                    answer.append((value.sum(0) if hidden else value) if d is None else value.movedim(0, d) if hidden
                                  else value.unsqueeze(d))
            return tuple(answer)

    Lifted.__name__ = f"Vmapped{cls.__name__}"
    return Lifted


def dual(cls, args, kwargs):
    """A Function with tangents, by its own jvp."""
    level = max(a.level for a in args if isinstance(a, Dual))
    values = tuple(a.value if isinstance(a, Dual) and a.level == level else a for a in args)
    tangents = [a.tangent if isinstance(a, Dual) and a.level == level else None for a in args]
    if all(t is None for t in tangents):
        result, _ = _below(cls, values, kwargs)
        single = isinstance(result, Tensor)
        still = [Dual.make(y, None, level) if isinstance(y, Tensor) else y for y in ((result,) if single else result)]
        return _recorded(cls, args, kwargs, still[0] if single else tuple(still), level)
    result, ctx = _below(cls, values, kwargs)
    shadow = FunctionCtx(cls)
    shadow.__dict__.update(ctx.__dict__)
    shadow._kept, shadow._saved = None, ()
    if ctx._materialize:
        tangents = [v.detach() * 0 if t is None and isinstance(v, Tensor) else t for v, t in zip(values, tangents, strict=True)]
    moved = cls.jvp(shadow, *tangents)
    single = isinstance(result, Tensor)
    moved = moved if isinstance(moved, tuple) else (moved,)
    outs = (result,) if single else result
    if len(outs) != len(moved):
        raise RuntimeError(f"{cls.__name__}.jvp returned {len(moved)} tangents, expected {len(outs)}: one for each output of forward")
    for y, t in zip(outs, moved, strict=True):
        if t is not None and tuple(t.shape) != tuple(y.shape):
            raise RuntimeError(f"{cls.__name__}.jvp returned a tangent of shape {tuple(t.shape)}, expected that of its "
                               f"output, {tuple(y.shape)}")
    wrapped = [Dual.make(y, t, level) if isinstance(y, Tensor) else y for y, t in zip(outs, moved, strict=True)]
    return _recorded(cls, args, kwargs, wrapped[0] if single else tuple(wrapped), level)


def _below(cls, values, kwargs):
    """The call on what is inside, with its history there, and a ctx for jvp."""
    if not any(isinstance(v, Tensor) and v.process is not None for v in values):
        return call(cls, values, kwargs)
    result = cls.apply(*values, **kwargs)
    ctx = FunctionCtx(cls)
    _set_up(cls, ctx, values, result)
    return result, ctx


Batched.function_rule = staticmethod(batched)
Dual.function_rule = staticmethod(dual)
