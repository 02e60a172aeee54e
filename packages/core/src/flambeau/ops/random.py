"""Random tensors: PyTorch's numbers from the same seed (bits to numbers: `flambeau.random`)."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from .. import context, front
from ..dtype import COMPLEX, FLOAT, as_dtype, bool_, dtype, float32, int64, word
from ..layout import contiguous_format, order_in_memory, preserve_format, strided
from ..limits import finfo
from ..promote import result_type
from ..random import Generator, default_generator, maps
from ..tensor import Tensor, noted, plain, version_cell
from ..write import check_places
from .border import without_slope
from .create import _kind, empty_like
from .view import sizes

MISSING: Any = object()  # an argument that was not given, where None has a meaning


def _source(generator: Generator | None, where=None) -> Any:
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"expected a flambeau.Generator or None, got {type(generator).__name__}")
    if maps.levels:
        places_apart()  # raises where randomness is an error
    if where is not None or context.default_device is not None:
        from .create import _namespace

        xp = _namespace(where)[0]
        if xp is not np and xp.device_type == "meta":
            return xp.Silent()
    return generator or default_generator()


# ---- inside vmap (func/vmap.py puts a level into `maps` that knows its size and what the user said about randomness)
def places_apart() -> tuple:
    """The vmaps whose places draw apart, outermost first.  RuntimeError where one of them allows no random numbers."""
    for level in maps.levels:
        if level.randomness == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness "
                "flags on vmap or perform the randomness operation out of vmap"
            )
    return tuple(level for level in maps.levels if level.randomness == "different")


def hide(made: Tensor) -> Tensor:
    """The leading axes that `_shape` put before the user's, as the hidden axes of the vmaps."""
    for level in places_apart() if maps.levels else ():
        made = level.hide(made)
    return made


def bare(x: Tensor) -> Tensor:
    """A parameter of a random function as a plain tensor, an axis in front for each vmap whose places draw apart."""
    for level in reversed(maps.levels):
        x = level.bare(x)
    while x.process is not None:  # a tangent does not move what is drawn
        x = x.value
    return x.detach()


class suspended:
    """Draw as if no vmap ran."""

    def __enter__(self):
        self.levels, maps.levels = maps.levels, ()

    def __exit__(self, *_exc):
        maps.levels = self.levels


def fills(function: Callable) -> Callable:
    """A function that fills its tensor with random numbers: a transform's tensor takes a draw for all of its places."""

    @wraps(function)
    def call(input, *args, **kwargs):
        if not maps.levels and input.process is None:
            check_places(input, ())
            return function(input, *args, **kwargs)
        for level in places_apart():
            if not level.holds(input):
                raise RuntimeError(
                    "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same randomness. "
                    "Fill a tensor made like a batched one (empty_like, new_empty), or call the function that makes a new tensor."
                )
        args = tuple(bare(a) if isinstance(a, Tensor) else a for a in args)
        kwargs = {k: bare(v) if isinstance(v, Tensor) else v for k, v in kwargs.items()}
        shape = _grown(input.shape)
        args = tuple(_spread(a, shape) if isinstance(a, Tensor) else a for a in args)
        with suspended():
            if input.process is None:
                return function(input, *args, **kwargs)
            drawn = function(plain(np.empty(shape, input.dtype.numpy))._to_device(input.device), *args, **kwargs)
        return input.copy_(hide(drawn))

    return call


def _spread(p: Tensor, shape) -> Tensor:
    """Ones behind p's hidden axes, so that it broadcasts against what is filled."""
    ahead = len(places_apart())
    return p.reshape(*p.shape[:ahead], *(1,) * (len(shape) - p.ndim), *p.shape[ahead:])


def maps_over(function: Callable) -> Callable:
    """A function of a tensor of parameters (probabilities, rates): it sees the plain tensor, with the places that draw apart in front."""

    @wraps(function)
    def call(input, *args, **kwargs):
        if not maps.levels and input.process is None:
            return function(input, *args, **kwargs)
        places_apart()
        input = bare(input)
        args = tuple(bare(a) if isinstance(a, Tensor) else a for a in args)
        kwargs = {k: bare(v) if isinstance(v, Tensor) and k != "out" else v for k, v in kwargs.items()}
        with suspended():
            drawn = function(input, *args, **kwargs)
        return hide(drawn)

    return call


def _grown(shape) -> tuple:
    return (*(level.n for level in places_apart()), *shape) if maps.levels else tuple(shape)


def _finish(array, shape, device, requires_grad, out=None) -> Tensor:
    made = plain(array.reshape(shape))
    if device is None:
        device = context.default_device
    if device is not None:
        made = made._to_device(device)
    if maps.levels:
        made = hide(made)
    if out is not None:
        from ..write import into
        return into(out, made, "out")
    if context.unusual:
        noted(made)
    return made.requires_grad_() if requires_grad else made


def _float(dtype, what):
    dtype = as_dtype(dtype or context.get_default_dtype())
    if dtype.category != FLOAT:
        raise NotImplementedError(f'"{what}" not implemented for \'{word(dtype)}\': expected a floating dtype')
    return dtype


def _random_type(dtype, what):
    dtype = as_dtype(dtype or context.get_default_dtype())
    return dtype if dtype.category == COMPLEX else _float(dtype, what)


def _shape(size):
    shape = sizes(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    if maps.levels:
        shape = _grown(shape)
    return shape, prod(shape)


def rand(*lengths, size=None, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False,
         pin_memory=False) -> Tensor:
    """Uniform numbers in [0, 1).  -> size

    >>> _ = flambeau.manual_seed(0)
    >>> flambeau.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    size = lengths if size is None else (size,)
    if generator is out is dtype is layout is device is None and not maps.levels and size and type(size[0]) is int and min(size) >= 0 \
            and context.default_device is None:
        kind, source = context.get_default_dtype(), default_generator()
        if kind is float32 and front.module is not None:
            made = plain(source.shaped(size, False))
        else:
            made = plain(source.uniform(prod(size), kind.numpy).reshape(size))
        if context.unusual:
            noted(made)
        return made.requires_grad_() if requires_grad else made
    (shape, n), dtype = _shape(size), _random_type(_kind(dtype, out), "rand")
    if dtype.category == COMPLEX:  # real and imaginary parts by turns
        parts = _source(generator, device).uniform(2 * n, dtype.to_real().numpy)
        return _finish(parts.view(dtype.numpy), shape, device, requires_grad, out)
    return _finish(_source(generator, device).uniform(n, dtype.numpy), shape, device, requires_grad, out)


def randn(*lengths, size=None, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False,
          pin_memory=False) -> Tensor:
    """Standard normal numbers.  -> size"""
    size = lengths if size is None else (size,)
    if generator is out is dtype is layout is device is None and not maps.levels and size and type(size[0]) is int and min(size) >= 0 \
            and context.default_device is None:
        kind, n = context.get_default_dtype(), prod(size)
        if kind is float32 and n >= 16 and front.module is not None and not context.unusual:
            made = plain(default_generator().shaped(size, True))
            return made.requires_grad_() if requires_grad else made
        return _finish(default_generator().normal(n, kind.numpy), size, None, requires_grad)
    (shape, n), dtype = _shape(size), _random_type(_kind(dtype, out), "randn")
    if dtype.category == COMPLEX:  # each part with half of the variance
        parts = _source(generator, device).normal(2 * n, dtype.to_real().numpy) * dtype.to_real().numpy.type(0.5**0.5)
        return _finish(parts.view(dtype.numpy), shape, device, requires_grad, out)
    return _finish(_source(generator, device).normal(n, dtype.numpy), shape, device, requires_grad, out)


def randint(
    low=None, high=None, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """Integers in [low, high); `randint(high, size)` begins at 0.  -> size"""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low = 0 if low is None else low
    if high is None or size is None:
        raise TypeError("randint() received an invalid combination of arguments: expected randint(high, size) or randint(low, high, size)")
    shape, n = _shape((size,))
    dtype = _kind(dtype, out, int64)
    _check_bounds(dtype, int(low), int(high))
    return _finish(_source(generator, device).below(n, int(low), int(high)).astype(dtype.numpy), shape, device, requires_grad, out)


def randperm(n: int, *, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """0 … n-1 in random order.  -> (n)"""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    source, shape = _source(generator, device), _grown((n,))
    orders = source.permutation(n)
    if len(shape) > 1:  # an order for each place; the outermost vmap's places follow each other
        more = [source.permutation(n) for _ in range(prod(shape[:-1]) - 1)]
        orders = np.stack([orders, *more]).reshape(*shape[-2::-1], n).transpose(*range(len(shape) - 2, -1, -1), len(shape) - 1)
    dtype = _kind(dtype, out, int64)
    greatest = 1 + _limits(dtype)[2]
    if n > greatest:
        raise RuntimeError(f"n cannot be greater than {greatest} for {dtype.name} type, got {n}")
    if out is not None and out.numel() == n:
        shape = out.shape
    return _finish(orders.astype(dtype.numpy), shape, device, requires_grad, out)


def _alike(whole, fill, input, dtype, device, requires_grad, generator, layout, memory_format) -> Tensor:
    """A tensor like the input: of numbers that `whole` makes, or where its memory has another order, that `fill` writes into it."""
    if input.process is not None and strided not in (input.layout, layout):
        like = rand_like if whole is rand else randn_like
        return input.drawn(like, layout, dtype=dtype, device=device, requires_grad=requires_grad, generator=generator)
    if _lies(input, memory_format):
        return whole(input.shape, dtype=dtype or input.dtype, device=input.device if device is None else device,
                     requires_grad=requires_grad, generator=generator)
    made = empty_like(input, dtype=dtype, device=device, memory_format=memory_format)
    return fill(made, generator=generator).requires_grad_(requires_grad)


def _lies(input: Tensor, memory_format) -> bool:
    """Whether a tensor like this one is contiguous."""
    follows = memory_format is None or memory_format is preserve_format
    return memory_format is contiguous_format or follows and (input.process is not None or input.is_contiguous())


def rand_like(input, *, dtype=None, device=None, requires_grad=False, generator=None, layout=None,
              pin_memory=False, memory_format=None) -> Tensor:
    """Uniform numbers in [0, 1) of x's shape, dtype and memory format."""
    return _alike(rand, uniform_, input, dtype, device, requires_grad, generator, layout, memory_format)


def randn_like(input, *, dtype=None, device=None, requires_grad=False, generator=None, layout=None,
               pin_memory=False, memory_format=None) -> Tensor:
    """Standard normal numbers of x's shape, dtype and memory format."""
    return _alike(randn, normal_, input, dtype, device, requires_grad, generator, layout, memory_format)


def randint_like(input, low, high=None, *, dtype=None, device=None, requires_grad=False, generator=None, layout=None,
                 pin_memory=False, memory_format=None) -> Tensor:
    """Integers in [low, high) of x's shape, dtype and memory format."""
    low, high = (0, low) if high is None else (low, high)
    if not _lies(input, memory_format):
        made = empty_like(input, dtype=dtype, device=device, memory_format=memory_format)
        return random_(made, low, high, generator=generator).requires_grad_(requires_grad)
    return randint(low, high, input.shape, dtype=dtype or input.dtype, device=input.device if device is None else device,
                   requires_grad=requires_grad, generator=generator)


# ---- written into a tensor
def in_memory_order(target, values):
    """The values in the target's shape, one after the other as its elements lie in memory: so PyTorch draws for a transposed tensor."""
    if values.ndim > 1 or target.flags.c_contiguous or target.ndim < 2:
        return values.reshape(target.shape)
    order = order_in_memory(target)
    return values.reshape([target.shape[axis] for axis in order]).transpose([order.index(axis) for axis in range(target.ndim)])


def _write(x: Tensor, values) -> Tensor:
    from ..write import check_writable, rebase, wrote

    wrote(x)
    if context.grad.enabled and (x.node is not None or (x.base is not None and x.base.node is not None)):
        check_writable(x)
        rebase(x, None)
    target: Any = x.array
    values = in_memory_order(target, np.asarray(values) if isinstance(values, np.generic) else values)
    if isinstance(target, np.ndarray):
        target[...] = values
    else:
        target.set(values.astype(target.dtype))
    version_cell(x)[0] += 1
    return x


@fills
def uniform_(x: Tensor, from_: float = 0.0, to: float = 1.0, *, generator=None, **bounds) -> Tensor:
    """Fill x with uniform numbers in [from, to)."""
    low: Any = bounds.pop("from", from_)
    high: Any = to
    if x.is_complex():
        from .complex import view_as_real

        uniform_(view_as_real(x), low, high, generator=generator)
        return x
    _float(x.dtype, "uniform_")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    limit = float(finfo(x.dtype).max)
    for name, bound in (("from", low), ("to", high)):
        if not -limit <= bound <= limit:
            raise RuntimeError(f"{name} is out of bounds for {x.dtype.name}: got {bound}")
    if high - low > limit:
        raise RuntimeError(f"uniform_ expects to-from <= {limit}, the greatest {x.dtype.name}, but found to={high} and from={low}")
    kind = x.array.dtype
    wide = kind if kind.itemsize >= 4 else np.dtype(np.float32)
    u = _source(generator, x.device).uniform(x.numel(), wide)
    low, high = wide.type(low), wide.type(high)
    if wide == np.float32:  # PyTorch multiplies and adds in one step, rounding once: so does double precision, rounded at the end
        values = (u.astype(np.float64) * np.float64(high - low) + np.float64(low)).astype(wide).astype(kind)
    else:
        values = _fused(u, high - low, low)
    return _write(x, np.where(values == kind.type(high), kind.type(low), values))  # what was rounded up to the open end


def _fused(u, span, low):
    """u · span + low, rounded once: the roundings of the product (Dekker) and of the sum (Knuth) are added at the end."""
    product = u * span
    if not abs(span) < 1e290:  # the splitting of so great a number overflows
        return _fused(u, span * 2.0**-64, low * 2.0**-64) * 2.0**64
    split = lambda v: (t := v * 134217729.0) - (t - v)
    u_high, span_high = split(u), split(span)
    u_low, span_low = u - u_high, span - span_high
    rest = ((u_high * span_high - product) + u_high * span_low + u_low * span_high) + u_low * span_low
    total = product + low
    part = total - product
    return total + (((product - (total - part)) + (low - part)) + rest)


@fills
def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator=None) -> Tensor:
    """Fill x with normal numbers."""
    if x.is_complex():  # each part with half of the variance
        from .complex import view_as_real

        normal_(view_as_real(x), mean, std / 2**0.5, generator=generator)
        return x
    _float(x.dtype, "normal_")
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return _write(x, _normal(_source(generator, x.device), x.numel(), x.array.dtype, mean, std, not x.is_contiguous()))


def _normal(source: Generator, n: int, kind, mean: float, std: float, singly: bool = False):
    """A few numbers are scaled in double precision, a block of them in its own."""
    z = source.normal_wide(n, kind, singly)
    wide = z.dtype
    return (z * wide.type(std) + wide.type(mean)).astype(kind)


def normal(mean=0.0, std=1.0, size=None, *, generator=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False,
           out=None) -> Tensor:
    """Normal numbers of the given mean and standard deviation: numbers with a size, or tensors."""
    if size is not None:
        shape, n = _shape((size,))
        dtype = _float(dtype, "normal")
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        return _finish(_normal(_source(generator, device), n, dtype.numpy, mean, std), shape, device, requires_grad, out)
    from .view import broadcast_shapes
    for level in maps.levels:
        for v in (mean, std):
            if isinstance(v, Tensor) and level.randomness == "same":
                level.bare(v)  # raises where the places differ
    shape = broadcast_shapes(*(v.shape for v in (mean, std) if isinstance(v, Tensor)))
    where = (mean if isinstance(mean, Tensor) else std).device
    z = randn(shape, dtype=result_type(mean, std), device=where, generator=generator)
    if isinstance(std, Tensor) and std.process is None and std.numel() and not std.is_meta and not bool((std >= 0).all()):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    mid, spread = (v.detach() if isinstance(v, Tensor) else v for v in (mean, std))
    result = without_slope(z * spread + mid, mean, std)
    if out is not None:
        from ..write import into
        return into(out, result, "normal")
    return result


@fills
def bernoulli_(x: Tensor, p=0.5, *, generator=None) -> Tensor:
    """Fill x with ones of probability p (a number or a tensor), zeros else."""
    if x.is_meta:
        return _write(x, x.array)
    if isinstance(p, Tensor):
        chance: Any = np.broadcast_to(p.detach().cpu().array, x.array.shape)
        low, high = (float(chance.min()), float(chance.max())) if chance.size else (0.0, 0.0)
    else:
        chance = low = high = float(p)
    if not (low >= 0 and high <= 1):
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p if not isinstance(p, Tensor) else (low, high)}")
    kind = np.float32 if isinstance(p, Tensor) and chance.dtype != np.float64 else np.float64
    u = in_memory_order(x.array, _source(generator, x.device).uniform(x.numel(), kind))
    return _write(x, (u < chance).astype(x.array.dtype))


@maps_over
def bernoulli(input: Tensor, p=None, *, generator=None, out=None) -> Tensor:
    """Ones with the probability that input holds (or p), zeros else.  (*) -> (*)"""
    made = input.detach().clone() if input.is_meta else plain(np.empty(input.shape, input.dtype.numpy))
    bernoulli_(made, input if p is None else p, generator=generator)
    made = made._to_device(input.device)
    if out is not None:
        from ..write import into
        return into(out, made.to(out.dtype), "bernoulli")
    return without_slope(made, input)


@fills
def random_(x: Tensor, from_=None, to=MISSING, *, generator=None) -> Tensor:
    """Fill x with integers in [from, to); without `to`, up to the dtype's greatest (for floats, what the mantissa holds).

    `random_(to)` begins at 0.
    """
    if to is MISSING:
        from_, to = (0, from_)
    low = from_ or 0
    if x.dtype.is_complex:
        raise NotImplementedError(f"random_ is not implemented for {x.dtype.name}")
    high = to if to is not None else _limits(x.dtype)[2] + 1
    _check_bounds(x.dtype, int(low), int(high))
    return _write(x, _source(generator, x.device).below(x.numel(), int(low), int(high)).astype(x.array.dtype))


DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def _limits(kind: dtype) -> tuple[int, int, int]:
    """The least and the greatest whole number of a dtype, and up to where it holds each of them."""
    if kind is bool_:
        return 0, 1, 1
    if kind.category == FLOAT:
        greatest = int(float(finfo(kind).max))
        return -greatest, greatest, 1 << DIGITS[kind.name]
    return int(np.iinfo(kind.numpy).min), int(np.iinfo(kind.numpy).max), int(np.iinfo(kind.numpy).max)


def _check_bounds(kind: dtype, low: int, high: int) -> None:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if kind.is_complex:
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    least, greatest, exact = _limits(kind)
    for what, bound in (("from", low), ("to - 1", high - 1)):
        if not least <= bound <= greatest:
            raise RuntimeError(f"{what} is out of bounds for {kind.name}")
        if kind.category == FLOAT and abs(bound) > exact:
            warnings.warn(f"{what} is out of bounds [-(2^{DIGITS[kind.name]}), 2^{DIGITS[kind.name]}]: {kind.name} does not hold every "
                          "whole number there", UserWarning, stacklevel=3)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator=None, out=None) -> Tensor:
    """Places drawn with the (unnormalised) probabilities in input's rows.  (n, c) -> (n, num_samples) int64"""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {input.ndim}")
    if input.dtype.category != FLOAT:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype.name}")
    if out is not None and out.dtype.name != "int64":
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.name}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > input.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if input.shape[-1] > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    made = _places(input, num_samples, replacement, generator=generator)
    if out is not None:
        from ..write import into
        return into(out, made, "multinomial")
    return made


@maps_over
def _places(x: Tensor, num_samples: int, replacement: bool, *, generator) -> Tensor:
    """(*, c) -> (*, num_samples)"""
    if x.is_meta:
        return x.detach()[..., :1].expand(*x.shape[:-1], num_samples).to(int64, copy=True)
    p = x.detach().cpu().array
    rows = p.reshape(-1, p.shape[-1])
    if not np.isfinite(rows).all() or (rows < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    wide = rows if rows.dtype.itemsize > 2 else rows.astype(np.float32)
    if (wide.sum(axis=1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    source = _source(generator)
    if replacement and num_samples > 1:
        sums = np.cumsum(wide, axis=1)
        sums /= sums[:, -1:]
        u = source.uniform(rows.shape[0] * num_samples, np.float64).reshape(rows.shape[0], num_samples)
        rows = [np.searchsorted(s, v, side="left") for s, v in zip(sums, u, strict=True)]
        picked = np.asarray(rows, np.int64).reshape(u.shape).clip(max=p.shape[-1] - 1)
    else:  # the greatest of p / Exponential(1) is a draw; the k greatest are k draws without replacement
        q = in_memory_order(p, -np.log1p(-source.uniform(rows.size, np.float64))).reshape(rows.shape)
        q = np.maximum(q, float(finfo(x.dtype).tiny)).astype(rows.dtype)
        order = np.argsort(-(rows / q).astype(wide.dtype), axis=1, kind="stable")
        picked = order[:, :num_samples]
    return _finish(np.ascontiguousarray(picked).astype(np.int64), (*p.shape[:-1], num_samples), x.device, False)


