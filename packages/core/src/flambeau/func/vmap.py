"""vmap: a batched tensor hides an axis of its value, and `batching.py` does each op for all places of that axis at once."""
from __future__ import annotations

from functools import wraps

from ..dispatch import by_body, run
from ..fields import new
from ..random import get_rng_state, maps, set_rng_state
from ..tensor import Size, Tensor
from .batching import BY_KIND, RULES
from .level import Wrapper, entered
from .pytree import broadcast_prefix, tree_flatten, tree_unflatten


class Batched(Wrapper):
    """A tensor with a hidden axis `bdim` (None: the same for every place)."""

    bdim: int | None

    @classmethod
    def make(cls, value: Tensor, bdim: int | None, level: int):
        out = new(cls)
        out.value, out.bdim, out.level = value, bdim, level
        return out

    @classmethod
    def constant(cls, x: Tensor, level: int):
        return cls.make(x, None, level)

    def untracked(self, value=None):
        return Batched.make(self.value if value is None else value, self.bdim, self.level)

    @property
    def array(self):
        if self.bdim is None:  # the same everywhere: its numbers may be looked at
            return self.value.array
        return super().array

    @property
    def shape(self) -> Size:
        value, b = self.value, self.bdim
        shape = value.array.shape if type(value) is Tensor else tuple(value.shape)
        return Size(shape if b is None else shape[1:] if b == 0 else shape[:b] + shape[b + 1:])

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

    def put(self, result):
        value, hidden = _front(result, self.level)
        if hidden and self.bdim is None:
            _same_everywhere()
        (self.value if self.bdim is None else self.value.movedim(self.bdim, 0)).copy_(value)

    def adopts(self, x):
        return _same_everywhere() if self.bdim is not None else super().adopts(x)

    def visible(self) -> bool:
        return self.bdim is None and super().visible()

    def like(self, shape, make):
        if self.bdim is None:
            return super().like(shape, make)
        whole = (self.value.shape[self.bdim], *shape)
        return Batched.make(self.value.like(whole, make) if isinstance(self.value, Wrapper) else make(whole), 0, self.level)


def _same_everywhere():
    raise RuntimeError(
        "vmap: the inplace operation is not possible because a tensor that is the same in every place would have to take values that "
        "differ from place to place. Use the out-of-place operation, or write into a tensor made like a mapped one (zeros_like, new_zeros)"
    )


def _front(x, level: int):
    """(value, whether it is batched at this level), the hidden axis in front."""
    if not (isinstance(x, Batched) and x.level == level):
        return x, False
    if x.bdim is None:
        return x.value, False
    return (x.value if x.bdim == 0 else x.value.movedim(x.bdim, 0)), True


class Places:
    """What random functions ask of a running vmap (`ops/random.py`): how many places, drawing alike or apart, and how a draw is hidden."""

    def __init__(self, level: int, n: int, randomness: str):
        self.level, self.n, self.randomness = level, n, randomness

    def hide(self, drawn: Tensor) -> Tensor:
        return Batched.make(drawn, 0, self.level)

    def bare(self, x: Tensor) -> Tensor:
        """x without this level: its hidden axis in front where places draw apart.  RuntimeError where they draw alike, but differ."""
        x = _below(x, self.level)
        value, hidden = _front(x, self.level)
        if self.randomness == "different":
            return value if hidden else value.expand(self.n, *value.shape)
        if hidden:
            raise RuntimeError(
                "Vmap does not currently support same randomness with a batched tensor input: the places would draw by different "
                "probabilities. Use randomness='different'."
            )
        return value

    def holds(self, x) -> bool:
        """Whether x has this level's hidden axis."""
        x = _below(x, self.level)
        return isinstance(x, Batched) and x.level == self.level and x.bdim is not None


def _below(x, level: int):
    """x as the transform at `level` sees it: without the tangents of those inside."""
    while isinstance(x, Wrapper) and x.level > level:
        x = x.value
    return x


# ---------------------------------------------------------------- the transform
def vmap(func, in_dims=0, out_dims=0, randomness: str = "error", *, chunk_size: int | None = None):
    """`func` for every place of an axis of its inputs at once.

    in_dims     the axis of each input (an int, None for the same everywhere, or a structure like the arguments or the top of it)
    out_dims    where the axis is put in each output; None for outputs that are the same everywhere
    randomness  what random functions do inside: "error", "different" numbers in each place, or the "same"
    chunk_size  at most this many places at once, to bound memory

    Values cannot be looked at inside (item, bool, nonzero, boolean masks): RuntimeError. ValueError for dims that do not fit the arguments.

    >>> flambeau.func.vmap(flambeau.dot)(flambeau.ones(3, 2), flambeau.ones(3, 2))
    tensor([2., 2., 2.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and not (isinstance(chunk_size, int) and chunk_size >= 1):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func)
    def mapped(*args, **kwargs):
        told = _Told(getattr(func, "__name__", repr(func)), in_dims, out_dims, randomness)
        leaves, spec = tree_flatten(args)
        dims = told.dims_of(args, leaves, spec)
        n = _places(leaves, dims)
        if chunk_size is not None and n > chunk_size:
            return _in_chunks(func, leaves, spec, dims, told, n, chunk_size, kwargs)
        return _at_once(func, leaves, spec, dims, told, n, kwargs)

    return mapped


def _places(leaves, dims) -> int:
    sizes = {leaf.shape[d] for leaf, d in zip(leaves, dims, strict=True) if d is not None}
    if not sizes:
        raise ValueError("vmap: at least one input must be mapped over: in_dims are None everywhere, or there is no tensor")
    if len(sizes) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)} for the mapped dimension"
        )
    return sizes.pop()


class _Told:
    """What the user told vmap, and how its complaints begin."""

    def __init__(self, name: str, in_dims, out_dims, randomness: str):
        self.name, self.in_dims, self.out_dims, self.randomness = name, in_dims, out_dims, randomness

    def dims_of(self, args, leaves, spec) -> list:
        """The axis of each leaf, counted from the front."""
        told, head = self.in_dims, f"vmap({self.name}, in_dims={self.in_dims}, ...)(<inputs>): "
        if not isinstance(told, int | tuple):
            raise ValueError(
                f"{head}expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: {type(told)}."
            )
        if not args:
            raise ValueError(f"vmap({self.name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or the function takes none.")
        given = broadcast_prefix(told, spec, lambda d: d is None)
        if given is None:
            raise ValueError(f"{head}in_dims is not compatible with the structure of `inputs`, which is {spec}.")
        return [self._dim(d, x, head) for d, x in zip(given, leaves, strict=True)]

    @staticmethod
    def _dim(d, x, head: str) -> int | None:
        if d is None:
            return None
        if not isinstance(d, int) or isinstance(d, bool):
            raise ValueError(f"{head}Got in_dim={d} for an input but in_dim must be either an integer dimension or None.")
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{head}Got in_dim={d} for an input but the input is of type {type(x)}. We cannot vmap over non-Tensor arguments, please "
                "use None as the respective in_dim"
            )
        if not -x.ndim <= d < x.ndim:
            raise ValueError(
                f"{head}Got in_dim={d} for some input, but that input is a Tensor of dimensionality {x.ndim} so expected in_dim to satisfy "
                f"-{x.ndim} <= in_dim < {x.ndim}."
            )
        return d % x.ndim

    def places_of(self, outs: list, spec) -> list:
        """Where each output has its axis."""
        told = self.out_dims
        if spec.is_leaf() and isinstance(told, tuple) and len(told) == 1:
            told = told[0]
        given = broadcast_prefix(told, spec, lambda d: d is None)
        if given is None:
            raise ValueError(
                f"vmap({self.name}, ..., out_dims={self.out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`, "
                f"which is {spec}."
            )
        for d in given:
            if d is not None and (not isinstance(d, int) or isinstance(d, bool)):
                raise ValueError(
                    f"vmap({self.name}, ..., out_dims={self.out_dims}): `out_dims` must be an int, None, or a structure of them like the "
                    f"outputs, got {type(d).__name__}."
                )
        return given

    def out(self, y, dim: int | None, level: int, n: int):
        """An output as it leaves the transform."""
        if not isinstance(y, Tensor):
            if dim is None:
                return y
            raise ValueError(
                f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type {type(y)}. Did you mean to set out_dims= to "
                "None for output?"
            )
        value, hidden = _front(y, level)
        if dim is None:
            if hidden:
                raise ValueError(
                    f"vmap({self.name}, ...): out_dims is None for an output that differs from place to place; it needs an axis to go to"
                )
            return value
        if not -value.ndim - (not hidden) <= dim < value.ndim + (not hidden):
            raise IndexError(f"vmap({self.name}, ...): out_dims has {dim} for an output of shape {tuple(y.shape)}: there is no such axis")
        if not hidden:
            value = value.expand(n, *value.shape)
        return value.movedim(0, dim) if dim else value


def _at_once(func, leaves, spec, dims, told: _Told, n: int, kwargs):
    with entered(Batched) as level:
        around = maps.levels
        maps.levels = (*around, Places(level, n, told.randomness))
        try:
            wrapped = [x if d is None else Batched.make(x, d, level) for x, d in zip(leaves, dims, strict=True)]
            result = func(*tree_unflatten(wrapped, spec), **kwargs)
        finally:
            maps.levels = around
        outs, out_spec = tree_flatten(result)
        return tree_unflatten([told.out(y, d, level, n) for y, d in zip(outs, told.places_of(outs, out_spec), strict=True)], out_spec)


def _in_chunks(func, leaves, spec, dims, told: _Told, n: int, size: int, kwargs):
    from ..ops.join import cat

    state = get_rng_state() if told.randomness == "same" else None
    parts = []
    for start in range(0, n, size):
        if state is not None:  # every chunk draws what the first one drew
            set_rng_state(state)
        length = min(size, n - start)
        cut = [x if d is None else x.narrow(d, start, length) for x, d in zip(leaves, dims, strict=True)]
        parts.append(tree_flatten(_at_once(func, cut, spec, dims, told, length, kwargs)))
    out_spec = parts[0][1]
    places = told.places_of(parts[0][0], out_spec)
    return tree_unflatten(
        [column[0] if d is None else cat(list(column), d) for d, *column in zip(places, *(p[0] for p in parts), strict=True)], out_spec
    )
