"""vmap: one rule a kind.  A batched tensor hides an axis of its value; a rule does the op for all places of that axis at once.

Rules get the card, the inputs with their hidden axis moved to the front, and the attrs; they return the result with the axis in front.
"""
from __future__ import annotations

from ..dispatch import by_body, run
from ..ops.create import arange
from ..ops.join import stack as pile
from ..promote import result_type
from ..tensor import Size, Tensor, check_dim
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


# ---------------------------------------------------------------- rules by kind
def _do(card, values, attrs):
    return run(card, values if card.variadic else tuple(values), attrs)


def _pad_rank(value, rank: int):
    """Ones put in behind the hidden axis until there are `rank` axes behind it."""
    missing = rank - (value.ndim - 1)
    return value.reshape(value.shape[0], *(1,) * missing, *value.shape[1:]) if missing else value


def elementwise(card, values, hidden, attrs, n):
    logical = [_Shape(v, h) for v, h in zip(values, hidden, strict=True)]
    rank = max(s.ndim for s in logical)
    if card.promote in ("same", "float", "bool"):
        values = _promoted(values, hidden)
    return _do(card, [_pad_rank(v, rank) if h else v for v, h in zip(values, hidden, strict=True)], attrs)


class _Shape:
    def __init__(self, value, hidden):
        self.ndim = (value.ndim if isinstance(value, Tensor) else 0) - bool(hidden)


def _promoted(values, hidden):
    """A hidden axis must not make a 0-d tensor strong: dtypes are decided as without it."""
    kinds = {v.dtype for v in values if isinstance(v, Tensor)}
    if len(kinds) < 2:
        return values
    target = result_type(
        *((v.select(0, 0) if v.shape[0] else v.new_zeros(v.shape[1:])) if h else v for v, h in zip(values, hidden, strict=True))
    )
    return [v.to(target) if isinstance(v, Tensor) else v for v in values]


def _shift_dims(attrs, ndim: int):
    dim = attrs.get("dim")
    if dim is None:
        return tuple(range(1, ndim + 1))
    if isinstance(dim, int):
        return check_dim(dim, ndim) + 1
    return tuple(check_dim(d, ndim) + 1 for d in dim) or tuple(range(1, ndim + 1))


def fold(card, values, hidden, attrs, n):
    """Reductions and scans: the axes move up by one."""
    x, ndim = values[0], values[0].ndim - 1
    if ndim == 0:  # every place holds a scalar
        out = run(card, (x.unsqueeze(-1),), attrs | {"dim": 1} | ({"keepdim": False} if "keepdim" in attrs else {}))
        return out if out.ndim == 1 else out.squeeze(-1)
    if attrs.get("dim", 0) is None and card.name in ("argmax", "argmin", "prod"):
        out = run(card, (x.reshape(n, -1),), attrs | {"dim": 1, "keepdim": False})
        return out.reshape(n, *(1,) * ndim) if attrs.get("keepdim") else out
    return run(card, (x,), attrs | {"dim": _shift_dims(attrs, ndim)})


def leading(card, values, hidden, attrs, n):
    """Products of matrices: the hidden axis leads."""
    rank = max(_Shape(v, h).ndim for v, h in zip(values, hidden, strict=True))
    return _do(card, [_pad_rank(v, rank) if h else v for v, h in zip(values, hidden, strict=True)], attrs)


def loop(card, values, hidden, attrs, n):
    """One place after the other: for ops that have no faster rule."""
    rows = [_do(card, [v.select(0, i) if h else v for v, h in zip(values, hidden, strict=True)], attrs) for i in range(n)]
    if not rows:
        raise RuntimeError(f"vmap over {card.name} needs at least one place, got an axis of size 0")
    return tuple(pile(column) for column in zip(*rows, strict=True)) if isinstance(rows[0], tuple) else pile(rows)


BY_KIND = {
    "elementwise": elementwise,
    "reduction": fold,
    "scan": fold,
    "contraction": leading,
    "composite": loop,
    "opaque": loop,
    "index": loop,
    "view": loop,
    "window": loop,
    "random": loop,
}


# ---------------------------------------------------------------- rules by card
def _attr(change):
    """A rule that only changes the attrs: `change(attrs, ndim, n)`, ndim without the hidden axis."""
    def rule(card, values, hidden, attrs, n):
        x = values[0]
        return run(card, (x, *values[1:]), attrs | change(attrs, x.ndim - 1, n, x))
    return rule


def _expand(card, values, hidden, attrs, n):
    return run(card, (_pad_rank(values[0], len(attrs["shape"])),), {"shape": (n, *attrs["shape"])})


def _all(values, hidden, n):
    """Every tensor with the hidden axis in front, those without it expanded."""
    return [v if h or not isinstance(v, Tensor) else v.expand(n, *v.shape) for v, h in zip(values, hidden, strict=True)]


def _concat(card, values, hidden, attrs, n):
    return run(card, _all(values, hidden, n), attrs | {"dim": attrs["dim"] + 1})


def _along(card, values, hidden, attrs, n):
    """gather and scatter: the axis moves up, everything gets the hidden one."""
    more = {"shape": (n, *attrs["shape"])} if "shape" in attrs else {}
    return run(card, tuple(_all(values, hidden, n)), attrs | {"dim": attrs["dim"] + 1} | more)


def _linear(card, values, hidden, attrs, n):
    x, weight, bias = values
    if not hidden[1] and not hidden[2]:
        return run(card, (x, weight, bias), attrs)
    x, weight = _all([x, weight], hidden[:2], n)
    flat = x.ndim == 2
    rows = x.unsqueeze(1) if flat else x.reshape(n, -1, x.shape[-1])
    y = rows @ weight.transpose(1, 2)
    if bias is not None:
        y = y + (bias.unsqueeze(1) if hidden[2] else bias)
    return y.squeeze(1) if flat else y.reshape(*x.shape[:-1], y.shape[-1])


def _einsum(card, values, hidden, attrs, n):
    terms, result = attrs["equation"].split("->")
    letter = next(c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in attrs["equation"])
    terms = ",".join(letter + t if h else t for t, h in zip(terms.split(","), hidden, strict=True))
    return run(card, values, {"equation": f"{terms}->{letter}{result}"})


def _index(card, values, hidden, attrs, n):
    """Places in the hidden axis are named by an arange; the axes that the places give go where they go without it."""
    x, places, spec = values[0], values[1:], attrs["spec"]
    rank = max(_Shape(p, h).ndim for p, h in zip(places, hidden[1:], strict=True))
    places = [_pad_rank(p, rank) if h else p for p, h in zip(places, hidden[1:], strict=True)]
    at = [i for i, s in enumerate(spec) if s is True]
    together = at == list(range(at[0], at[-1] + 1))
    if hidden[0]:
        rows = arange(n, device=x.device).reshape(n, *(1,) * rank)
        out = run(card, [x, rows, *places], {"spec": (True, *spec)})
        return out.movedim(tuple(range(1, rank + 1)), tuple(range(1 + at[0], 1 + at[0] + rank))) if together and at[0] and rank else out
    out = run(card, [x, *places], attrs)
    return out.movedim(at[0] if together else 0, 0)


def _embedding(card, values, hidden, attrs, n):
    weight, index = values
    if not hidden[0]:
        return run(card, (weight, index), attrs)
    rows = weight.shape[1]
    index = index if hidden[1] else index.expand(n, *index.shape)
    index = index + (arange(n, device=index.device) * rows).reshape(n, *(1,) * (index.ndim - 1))
    return run(card, (weight.reshape(-1, weight.shape[-1]), index), attrs | {"padding_idx": None})


def _embedding_back(card, values, hidden, attrs, n):
    g, index = _all(values, hidden, n)
    rows, padding = attrs["n"], attrs.get("padding_idx")
    index = index + (arange(n, device=index.device) * rows).reshape(n, *(1,) * (index.ndim - 1))
    out = run(card, (g, index), {"n": n * rows, "padding_idx": None}).reshape(n, rows, g.shape[-1])
    return out if padding is None else out * (arange(rows, device=out.device) != padding).unsqueeze(-1)


# convolution: an input's hidden axis folds into N; a weight's makes more groups
def _fold_n(x):
    return x.reshape(-1, *x.shape[2:])


def _fold_c(x):
    """(B, N, C, …) -> (N, B·C, …)"""
    return x.movedim(0, 1).reshape(x.shape[1], -1, *x.shape[3:])


def _unfold_c(y, n):
    """(N, B·C, …) -> (B, N, C, …)"""
    return y.reshape(y.shape[0], n, -1, *y.shape[2:]).movedim(1, 0)


def _conv(card, values, hidden, attrs, n):
    x, w, b = values
    if not hidden[1] and not hidden[2]:
        y = run(card, (_fold_n(x), w, b), attrs)
        return y.reshape(n, -1, *y.shape[1:])
    x, w = _all([x, w], hidden[:2], n)
    y = _unfold_c(run(card, (_fold_c(x), w.reshape(-1, *w.shape[2:]), None), attrs | {"groups": attrs["groups"] * n}), n)
    return y if b is None else y + (b if hidden[2] else b.expand(n, *b.shape)).reshape(n, 1, -1, *(1,) * (y.ndim - 3))


def _conv_input(card, values, hidden, attrs, n):
    g, w = values
    shape = attrs["shape"]
    if not hidden[1]:
        y = run(card, (_fold_n(g), w), attrs | {"shape": (n * shape[0], *shape[1:])})
        return y.reshape(n, *shape)
    g, w = _all(values, hidden, n)
    y = run(
        card,
        (_fold_c(g), w.reshape(-1, *w.shape[2:])),
        attrs | {"groups": attrs["groups"] * n, "shape": (shape[0], n * shape[1], *shape[2:])},
    )
    return _unfold_c(y, n)


def _conv_weight(card, values, hidden, attrs, n):
    g, x = _all(values, hidden, n)
    shape = attrs["shape"]
    w = run(card, (_fold_c(g), _fold_c(x)), attrs | {"groups": attrs["groups"] * n, "shape": (n * shape[0], *shape[1:])})
    return w.reshape(n, *shape)


def _pool(card, values, hidden, attrs, n):
    """Windows see each image alone: the hidden axis folds into N."""
    folded = [_fold_n(v) for v in _all(values, hidden, n)]
    if "shape" in attrs:
        attrs = attrs | {"shape": (n * attrs["shape"][0], *attrs["shape"][1:])}
    result = run(card, tuple(folded), attrs)
    split = lambda r: r.reshape(n, -1, *r.shape[1:])
    return tuple(split(r) for r in result) if isinstance(result, tuple) else split(result)


def _same(card, values, hidden, attrs, n):
    return run(card, tuple(values), attrs)


def _depends_on_values(card, values, hidden, attrs, n):
    raise RuntimeError(
        f"vmap: {card.name} is not possible here: the shape of its result depends on values, which differ from place to place. "
        "Use flambeau.where, or a mask."
    )



RULES = {
    "view": _attr(lambda a, ndim, n, x: {"shape": (n, *a["shape"])}),
    "permute": _attr(lambda a, ndim, n, x: {"dims": (0, *(d + 1 for d in a["dims"]))}),
    "swap": _attr(lambda a, ndim, n, x: {"dim0": a["dim0"] + 1, "dim1": a["dim1"] + 1}),
    "squeeze": _attr(lambda a, ndim, n, x: {"dims": tuple(d + 1 for d in a["dims"])}),
    "unsqueeze": _attr(lambda a, ndim, n, x: {"dim": a["dim"] + 1}),
    "expand": _expand,
    "slice": _attr(lambda a, ndim, n, x: {"index": (slice(None), *a["index"])}),
    "unslice": _attr(lambda a, ndim, n, x: {"index": (slice(None), *a["index"]), "shape": (n, *a["shape"])}),
    "diagonal": _attr(lambda a, ndim, n, x: {"dim1": a["dim1"] + 1, "dim2": a["dim2"] + 1}),
    "flip": _attr(
        lambda a, ndim, n, x: {
            "dims": tuple(check_dim(d, ndim) + 1 for d in (a["dims"] if isinstance(a["dims"], tuple | list) else (a["dims"],)))
        }
    ),
    "concat": _concat,
    "pile": _concat,
    "gather_places": _along,
    "scatter_sum": _along,
    "index": _index,
    "embedding": _embedding,
    "embedding_back": _embedding_back,
    "tril": _same,
    "triu": _same,
    "transfer": _same,
    "argsort": _attr(lambda a, ndim, n, x: {"dim": check_dim(a["dim"], ndim) + 1}),
    "nonzero_rows": _depends_on_values,
    "linear": _linear,
    "einsum_of": _einsum,
    "conv": _conv,
    "conv_input": _conv_input,
    "conv_weight": _conv_weight,
    "max_pool": _pool,
    "max_pool_back": _pool,
    "avg_pool": _pool,
    "avg_pool_back": _pool,
    "constant_pad": _attr(lambda a, ndim, n, x: {"pads": ((0, 0), *a["pads"])}),
    "var": fold,
    "l2_norm": fold,
}


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


