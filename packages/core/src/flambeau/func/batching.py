"""How each kind of op is done for all places of a hidden axis at once.

A rule gets the card, the inputs with their hidden axis moved to the front, which of them have one, the attrs, and its length n;
it returns the result with the axis in front. An op of a user's without a rule for its kind is looped over.
"""
from __future__ import annotations

from ..dispatch import run
from ..ops.create import arange
from ..ops.join import stack as pile
from ..promote import result_type
from ..tensor import Tensor, check_dim


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
        return run(card, (x, *values[1:]), attrs | change(attrs, x.ndim - 1, n))
    return rule


def _view(card, values, hidden, attrs, n):
    shape = {"shape": (n, *attrs["shape"])}
    try:
        return run(card, values, shape)
    except ValueError:  # the hidden axis lies in between: it was not the first
        return run(card, (values[0].contiguous(),), shape)


def _expand(card, values, hidden, attrs, n):
    return run(card, (_pad_rank(values[0], len(attrs["shape"])),), {"shape": (n, *attrs["shape"])})


def _all(values, hidden, n):
    """Every tensor with the hidden axis in front, those without it expanded."""
    return [v if h or not isinstance(v, Tensor) else v.expand(n, *v.shape) for v, h in zip(values, hidden, strict=True)]


def _concat(card, values, hidden, attrs, n):
    return run(card, _all(values, hidden, n), attrs | {"dim": attrs["dim"] + 1})


def _along(card, values, hidden, attrs, n):
    """gather and scatter: the axis moves up, everything gets the hidden one."""
    scalars = [isinstance(v, Tensor) and _Shape(v, h).ndim == 0 for v, h in zip(values, hidden, strict=True)]
    if any(scalars):  # counts as one element
        values = [v.unsqueeze(-1) if one else v for v, one in zip(values, scalars, strict=True)]
        shape = {"shape": attrs["shape"] or (1,)} if "shape" in attrs else {}
        out = _along(card, values, hidden, attrs | {"dim": 0} | shape, n)
        return out.reshape(n) if all(scalars) or attrs.get("shape") == () else out
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


def _with_rows(places, hidden, n, like):
    """Integer tensors of one logical rank behind an arange that names the hidden axis, and that rank."""
    rank = max(_Shape(p, h).ndim for p, h in zip(places, hidden, strict=True))
    rows = arange(n, device=like.device).reshape(n, *(1,) * rank)
    return [rows, *(_pad_rank(p, rank) if h else p for p, h in zip(places, hidden, strict=True))], rank


def _as_placed(g, spec, rank: int):
    """The axes that places give, put behind the hidden one: there they go when the hidden axis is named by an arange."""
    at = [i for i, s in enumerate(spec) if s is True]
    if not (at[0] and rank and at == list(range(at[0], at[-1] + 1))):
        return g
    return g.movedim(tuple(range(1 + at[0], 1 + at[0] + rank)), tuple(range(1, rank + 1)))


def _unindex(card, values, hidden, attrs, n):
    g, places, spec = values[0], values[1:], attrs["spec"]
    places, rank = _with_rows(places, hidden[1:], n, g)
    g = g if hidden[0] else g.expand(n, *g.shape)
    return run(card, [_as_placed(g, spec, rank), *places], {"shape": (n, *attrs["shape"]), "spec": (True, *spec)})


def _put(card, values, hidden, attrs, n):
    x, value, places, spec = values[0], values[1], values[2:], attrs["spec"]
    places, rank = _with_rows(places, hidden[2:], n, x)
    x = x if hidden[0] else x.expand(n, *x.shape)
    whole = rank + x.ndim - 1 - spec.count(True)
    if isinstance(value, Tensor):
        value = _as_placed(_pad_rank(value if hidden[1] else value.unsqueeze(0), whole), spec, rank)
    return run(card, [x, value, *places], attrs | {"spec": (True, *spec)})


def _view_write(card, values, hidden, attrs, n):
    base, value = values
    if any(step.name not in VIEWS for step, _ in attrs["steps"]):
        return loop(card, values, hidden, attrs, n)
    place = base = base if hidden[0] else base.expand(n, *base.shape)
    steps = []
    for step, own in attrs["steps"]:
        own = own | VIEWS[step.name](own, place.ndim - 1, n)
        steps.append((step, own))
        place = run(step, (place,), own)
    return run(card, (base, _pad_rank(value, place.ndim - 1) if hidden[1] else value), {"steps": tuple(steps)})


def _argsort(card, values, hidden, attrs, n):
    x, dim = values[0], check_dim(attrs["dim"], values[0].ndim - 1)
    return run(card, (x if x.ndim > 1 else x.unsqueeze(1),), attrs | {"dim": dim + 1}).reshape(x.shape)


def _pick_class(card, values, hidden, attrs, n):
    x, target = _all(values, hidden, n)
    return run(card, (_fold_n(x), target.reshape(-1)), attrs).reshape(target.shape)


def _search_rows(card, values, hidden, attrs, n):
    rows, sought = values
    if not hidden[0] and rows.ndim == 1:
        return run(card, (rows, sought), attrs)
    rows, sought = _all(values, hidden, n)
    return run(card, (rows, sought.reshape(n, -1) if rows.ndim == 2 else sought), attrs).reshape(sought.shape)


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
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def _fold_c(x):
    """(B, N, C, …) -> (N, B·C, …)"""
    return x.movedim(0, 1).reshape(x.shape[1], x.shape[0] * x.shape[2], *x.shape[3:])


def _unfold_c(y, n):
    """(N, B·C, …) -> (B, N, C, …)"""
    return y.reshape(y.shape[0], n, y.shape[1] // n, *y.shape[2:]).movedim(1, 0)


def _conv(card, values, hidden, attrs, n):
    x, w, b = values
    if not hidden[1] and not hidden[2]:
        y = run(card, (_fold_n(x), w, b), attrs)
        return y.reshape(n, y.shape[0] // n, *y.shape[1:])
    x, w = _all([x, w], hidden[:2], n)
    y = _unfold_c(run(card, (_fold_c(x), _fold_n(w), None), attrs | {"groups": attrs["groups"] * n}), n)
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
        (_fold_c(g), _fold_n(w)),
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



# views: how the attrs change
VIEWS = {
    "view": lambda a, ndim, n: {"shape": (n, *a["shape"])},
    "permute": lambda a, ndim, n: {"dims": (0, *(d + (d >= 0) for d in a["dims"]))},
    "swap": lambda a, ndim, n: {"dim0": a["dim0"] + 1, "dim1": a["dim1"] + 1},
    "squeeze": lambda a, ndim, n: {"dims": tuple(d + 1 for d in a["dims"])},
    "unsqueeze": lambda a, ndim, n: {"dim": a["dim"] + 1},
    "slice": lambda a, ndim, n: {"index": (slice(None), *a["index"])},
    "diagonal": lambda a, ndim, n: {"dim1": a["dim1"] + 1, "dim2": a["dim2"] + 1},
    "unfold": lambda a, ndim, n: {"dim": a["dim"] + 1},
    "view_as_real": lambda a, ndim, n: {},
    "view_as_complex": lambda a, ndim, n: {},
}
RULES = {
    **{name: _attr(change) for name, change in VIEWS.items()},
    "view": _view,
    "expand": _expand,
    "unslice": _attr(lambda a, ndim, n: {"index": (slice(None), *a["index"]), "shape": (n, *a["shape"])}),
    "flip": _attr(
        lambda a, ndim, n: {
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
    "argsort": _argsort,
    "linear": _linear,
    "einsum_of": _einsum,
    "conv": _conv,
    "conv_input": _conv_input,
    "conv_weight": _conv_weight,
    "max_pool": _pool,
    "max_pool_back": _pool,
    "avg_pool": _pool,
    "avg_pool_back": _pool,
    "constant_pad": _attr(lambda a, ndim, n: {"pads": ((0, 0), *a["pads"])}),
    "var": fold,
    "l2_norm": fold,
    "nonzero_rows": _depends_on_values,
    "unique_values": _depends_on_values,
    "angle": elementwise,
    "complex_of": elementwise,
    "mode_place": _same,
    "running_place": _same,
    "overlap_add": _same,
    "view_write": _view_write,
    "put": _put,
    "unindex": _unindex,
    "pick_class": _pick_class,
    "scatter_extreme": _along,
    "scatter_product": _along,
    "search_rows": _search_rows,
}
