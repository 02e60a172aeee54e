"""vmap: a batched tensor hides an axis of its value, and `batching.py` does each op for all places of that axis at once."""
from __future__ import annotations

from ..dispatch import by_body, run
from ..tensor import Size, Tensor, check_dim
from .batching import BY_KIND, RULES
from .level import Wrapper, entered
from .pytree import tree_flatten, tree_unflatten


class Batched(Wrapper):
    """A tensor with a hidden axis `bdim` (None: the same for every place)."""

    bdim: int | None

    @classmethod
    def make(cls, value: Tensor, bdim: int | None, level: int):
        out = object.__new__(cls)
        out.value, out.bdim, out.level = value, bdim, level
        return out

    @classmethod
    def constant(cls, x: Tensor, level: int):
        return cls.make(x, None, level)

    def untracked(self, value=None):
        return Batched.make(self.value if value is None else value, self.bdim, self.level)

    @property
    def shape(self) -> Size:
        shape = self.value.shape
        return shape if self.bdim is None else Size((*shape[:self.bdim], *shape[self.bdim + 1:]))

    @staticmethod
    def rule(card, inputs, attrs, level: int):
        """The result for every place, by the rule of the card or of its kind."""
        raw = [_front(x, level) for x in inputs]
        hidden = [h for _, h in raw]
        values = [v for v, _ in raw]
        if not any(hidden):
            inner = run(card, values if card.variadic else tuple(values), attrs)
            return tuple(Batched.constant(r, level) for r in inner) if isinstance(inner, tuple) else Batched.constant(inner, level)
        if card.kind == "composite" and card.vmap is None and card.name not in RULES:
            return by_body(card, inputs, attrs)
        n = next(v.shape[0] for v, h in raw if h)
        rule = card.vmap or RULES.get(card.name) or BY_KIND[card.kind]
        result = rule(card, values, hidden, attrs, n)
        if isinstance(result, tuple):
            return tuple(Batched.make(r, 0, level) for r in result)
        return Batched.make(result, 0, level)

    def overwrite(self, result):
        if result.shape != self.shape:
            raise RuntimeError(f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(result.shape)}")
        value, hidden = _front(result, self.level)
        if hidden and self.bdim is None:
            raise RuntimeError("vmap: a tensor without the mapped axis cannot be written to with one that has it: clone or expand it first")
        target = self.value if self.bdim is None else self.value.movedim(self.bdim, 0)
        target.copy_(value)
        if result.node is not None or self.node is not None:
            self.node = result.node
        return self


def _front(x, level: int):
    """(value, whether it is batched at this level), the hidden axis in front."""
    if not (isinstance(x, Batched) and x.level == level):
        return x, False
    if x.bdim is None:
        return x.value, False
    return (x.value if x.bdim == 0 else x.value.movedim(x.bdim, 0)), True


# ---------------------------------------------------------------- the transform
def vmap(func, in_dims=0, out_dims=0, randomness: str = "error", *, chunk_size: int | None = None):
    """`func` for every place of an axis of its inputs at once.

    in_dims   the axis of each input (an int, None for the same everywhere, or a structure like the arguments)
    out_dims  where the axis is put in each output
    chunk_size  at most this many places at once, to bound memory

    >>> flambeau.func.vmap(flambeau.dot)(flambeau.ones(3, 2), flambeau.ones(3, 2))
    tensor([2., 2., 2.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    def mapped(*args, **kwargs):
        leaves, spec = tree_flatten(args)
        dims = _in_dims(in_dims, args, spec)
        sizes = {leaf.shape[check_dim(d, leaf.ndim)] for leaf, d in zip(leaves, dims, strict=True) if d is not None}
        if not sizes:
            raise ValueError("vmap: at least one input must be mapped over: in_dims are None everywhere, or there is no tensor")
        if len(sizes) > 1:
            raise ValueError(
                f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)} "
                "for the mapped dimension"
            )
        n = sizes.pop()
        if chunk_size is not None and n > chunk_size:
            return _in_chunks(func, leaves, spec, dims, out_dims, n, chunk_size, kwargs)
        return _at_once(func, leaves, spec, dims, out_dims, n, kwargs)

    return mapped


def _in_dims(in_dims, args, spec) -> list:
    if isinstance(in_dims, int) or in_dims is None:
        leaves, _ = tree_flatten(args)
        return [in_dims if isinstance(x, Tensor) else None for x in leaves]
    if not isinstance(in_dims, tuple | list) or len(in_dims) != len(args):
        raise ValueError(
            f"vmap: expected `in_dims` to be int or a tuple with one entry for each of the {len(args)} arguments, got {in_dims}"
        )
    dims: list = []
    for d, a in zip(in_dims, args, strict=True):
        leaves, _ = tree_flatten(a)
        if isinstance(d, int) or d is None:
            for x in leaves:
                if d is not None and not isinstance(x, Tensor):
                    raise ValueError(
                        f"vmap: Got in_dim={d} for an input of type {type(x).__name__}; only tensors can be mapped over: use in_dim=None"
                    )
                dims.append(d)
        else:
            flat, _ = tree_flatten(d)
            if len(flat) != len(leaves):
                raise ValueError(f"vmap: in_dims {d} is not compatible with the structure of the input, which has {len(leaves)} leaves")
            dims += flat
    return dims


def _at_once(func, leaves, spec, dims, out_dims, n, kwargs):
    with entered(Batched) as level:
        wrapped = [x if d is None else Batched.make(x, check_dim(d, x.ndim), level) for x, d in zip(leaves, dims, strict=True)]
        result = func(*tree_unflatten(wrapped, spec), **kwargs)
        outs, out_spec = tree_flatten(result)
        placed = _out_dims(out_dims, outs)
        return tree_unflatten([_out(y, d, level, n) for y, d in zip(outs, placed, strict=True)], out_spec)


def _out_dims(out_dims, outs) -> list:
    if isinstance(out_dims, int) or out_dims is None:
        return [out_dims] * len(outs)
    flat = list(tree_flatten(out_dims)[0])
    if len(flat) != len(outs):
        raise ValueError(f"vmap: out_dims {out_dims} is not compatible with the structure of the outputs, which have {len(outs)} leaves")
    return flat


def _out(y, dim, level: int, n: int):
    if not isinstance(y, Tensor):
        raise ValueError(f"vmap: the function must only return Tensors, got type {type(y).__name__}")
    value, hidden = _front(y, level)
    if dim is None:
        if hidden:
            raise ValueError("vmap: out_dims is None for an output that differs from place to place")
        return value
    if not hidden:
        value = value.expand(n, *value.shape)
    return value.movedim(0, dim) if dim else value


def _in_chunks(func, leaves, spec, dims, out_dims, n, size, kwargs):
    from ..ops.join import cat

    parts = []
    for start in range(0, n, size):
        length = min(size, n - start)
        cut = [x if d is None else x.narrow(d, start, length) for x, d in zip(leaves, dims, strict=True)]
        parts.append(tree_flatten(_at_once(func, cut, spec, dims, out_dims, length, kwargs)))
    out_spec = parts[0][1]
    placed = _out_dims(out_dims, parts[0][0])
    return tree_unflatten(
        [column[0] if d is None else cat(list(column), d) for d, *column in zip(placed, *(p[0] for p in parts), strict=True)], out_spec
    )


