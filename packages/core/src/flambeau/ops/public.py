"""The functions that `flambeau.*` offers, gathered from the files that define them."""
from __future__ import annotations

from ..op import CARDS
from ..overriding.asking import published
from ..write import taking_out
from . import (
    arithmetic,
    border,
    create,
    elementwise,
    index,
    join,
    kin,
    later,
    linalg,
    masks,
    random,
    reduction,
    scan,
    sort,
    special,
    splits,
    view,
)
from . import complex as complexes

_PUBLIC = (
    (
        elementwise,
        "neg reciprocal square abs sign sgn pow fmod remainder floor_divide maximum minimum exp exp2 expm1 log log2 log10 "
        "log1p logaddexp sqrt "
        "rsqrt hypot sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sigmoid relu erf floor ceil trunc frac eq ne lt le "
        "gt ge isnan isinf isfinite logical_not logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor "
        "bitwise_not where lerp",
    ),
    (
        border,
        "add sub mul div multiply divide true_divide subtract rsub addcmul addcdiv clamp clip clamp_min clamp_max round var "
        "std var_mean std_mean "
        "norm count_nonzero dist tile repeat_interleave swapaxes roll equal isclose allclose",
    ),
    (kin, "clone"),
    (reduction, "sum mean amax amin any all prod logsumexp argmax argmin"),
    (
        view,
        "reshape flatten unflatten permute transpose t movedim squeeze unsqueeze select narrow diagonal "
        "flip broadcast_shapes "
        "broadcast_tensors",
    ),
    (splits, "split chunk unbind"),
    (index, "index_select index_add gather scatter_add"),
    (masks, "masked_fill masked_select nonzero tril triu"),
    (join, "cat stack"),
    (linalg, "matmul mm bmm mv dot outer addmm baddbmm einsum"),
    (complexes, "complex polar real imag conj resolve_conj angle view_as_real view_as_complex"),
    (scan, "cumsum cumprod"),
    (special, "erfc erfinv lgamma digamma polygamma mvlgamma sinc logit i0 xlogy igamma igammac"),
    (
        arithmetic,
        "copysign nextafter ldexp frexp heaviside float_power fmax fmin gcd lcm logaddexp2 logcumsumexp rad2deg deg2rad "
        "signbit isposinf isneginf isreal positive nan_to_num bitwise_left_shift bitwise_right_shift fill resolve_neg "
        "conj_physical is_nonzero scalar_tensor fix arcsinh arccosh arctanh",
    ),
    (sort, "sort topk max min argsort unique"),
    (border, "softmax log_softmax"),
    (
        create,
        "tensor as_tensor from_numpy frombuffer zeros ones empty full zeros_like ones_like empty_like full_like arange "
        "linspace logspace eye meshgrid",
    ),
    (random, "rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial"),
)
__all__ = [name for _, names in _PUBLIC for name in names.split()]
globals().update({name: getattr(module, name) for module, names in _PUBLIC for name in names.split()})
# those that write into their first argument, as the methods of the same names do
_WRITERS = (
    "abs acos acosh asin asinh atan atanh ceil clamp cos cosh deg2rad erf erfc exp exp2 expm1 floor frac gcd i0 lcm log log10 log1p log2 "
    "logit nan_to_num neg rad2deg reciprocal relu round rsqrt sigmoid sin sinc sinh sqrt square tan tanh trunc xlogy"
).split()
globals().update({name + "_": CARDS[name].inplace for name in _WRITERS})
fill_, zero_, ldexp_, conj_physical_ = border.fill_, border.zero_, arithmetic.ldexp_, arithmetic.conj_physical_
__all__ += [*(name + "_" for name in _WRITERS), "fill_", "zero_", "ldexp_", "conj_physical_"]
absolute, negative, concat, concatenate = elementwise.abs, elementwise.neg, join.cat, join.cat
arcsin, arccos, arctan, arctan2 = elementwise.asin, elementwise.acos, elementwise.atan, elementwise.atan2
greater, greater_equal, less, less_equal, not_equal = elementwise.gt, elementwise.ge, elementwise.lt, elementwise.le, elementwise.ne
__all__ += [
    "absolute",
    "arccos",
    "arcsin",
    "arctan",
    "arctan2",
    "concat",
    "concatenate",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "negative",
    "not_equal",
]
# other names of those that write
_SAME = {"arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctanh": "atanh", "clip": "clamp",
         "fix": "trunc", "negative": "neg"}  # fmt: skip
globals().update({same + "_": CARDS[name].inplace for same, name in _SAME.items()})


def clamp_min_(input, min):
    """input with `min` written where it is less."""
    return input.clamp_min_(min)


def clamp_max_(input, max):
    """input with `max` written where it is greater."""
    return input.clamp_max_(max)


__all__ += [*(same + "_" for same in _SAME), "clamp_min_", "clamp_max_"]
globals().update({name: taking_out(globals()[name], name in later.APART) for name in later.OUT if name in globals()})
ger = globals()["outer"]
__all__ += ["ger"]

# one op each, which asks by itself, and called so often that a look at their arguments would tell
_SPARED = "add sub mul div multiply divide true_divide subtract matmul cat concat concatenate stack where broadcast_shapes".split()
_MAKERS = {name for _, names in _PUBLIC[-2:] for name in names.split()} - {name for name in __all__ if name.endswith("_like")}
published(__all__, globals(), {*_SPARED, *_MAKERS - {"normal", "bernoulli", "multinomial", "meshgrid"}}, "flambeau")
