"""assert_close: equal up to tolerances that the dtypes decide; what differs is told with its place and by how much."""
from __future__ import annotations

import cmath
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import flambeau

# dtype -> (rtol, atol); every other dtype is compared exactly
TOLERANCES = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}
LEGACY = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}
NUMBERS = (int, float, complex, np.number)
BOOLEANS = (bool, np.bool_)


def _tolerances(*dtypes, table=TOLERANCES) -> tuple[float, float]:
    """The loosest of the dtypes' tolerances."""
    rows = [(0.0, 0.0) if d is None else table.get(d.name, (0.0, 0.0)) for d in dtypes]
    return max(r for r, _ in rows), max(a for _, a in rows)


class _Options(NamedTuple):
    """The arguments of assert_close, which hold for every pair below."""

    allow_subclasses: bool
    rtol: float | None
    atol: float | None
    equal_nan: bool
    check_device: bool
    check_dtype: bool
    check_layout: bool
    check_stride: bool


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Nothing where |actual - expected| <= atol + rtol · |expected| everywhere; AssertionError that tells what differs otherwise.

    Tensors, what `as_tensor` takes, Python numbers, booleans, None, and sequences and mappings of these. Tolerances, both or neither,
    follow the dtypes: float16 (1e-3, 1e-5), bfloat16 (1.6e-2, 1e-5), float32 (1.3e-6, 1e-5), float64 (1e-7, 1e-7), others 0.
    `msg` replaces the message, or makes another of it. TypeError for values that cannot be compared with each other.

    >>> flambeau.testing.assert_close(flambeau.tensor([1.0, 2.0]), flambeau.tensor([1.0, 3.0]))
    Traceback (most recent call last):
    AssertionError: Tensor-likes are not close!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 1.0 at index (1,) (up to 1e-05 allowed)
    Greatest relative difference: 0.3333333432674408 at index (1,) (up to 1.3e-06 allowed)
    """
    __tracebackhide__ = True
    if (rtol is None) != (atol is None):
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {'rtol' if rtol is None else 'atol'}.")
    options = _Options(allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride)
    pairs: list = []
    _pair(actual, expected, (), pairs, options)
    for compare, a, b, path in pairs:  # every pair was found comparable before the first is compared
        told = compare(a, b, options)
        if told is not None:
            told += _where(path)
            raise AssertionError(told if msg is None else msg(told) if callable(msg) else msg) from None


def _where(path: tuple) -> str:
    return f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in path)}" if path else ""


def _pair(actual, expected, path: tuple, pairs: list, options) -> None:
    """Take containers apart side by side."""
    if _is(Sequence, actual, expected):
        if len(actual) != len(expected):
            raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{_where(path)}")
        for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
            _pair(a, b, (*path, i), pairs, options)
    elif _is(Mapping, actual, expected):
        missing, additional = set(expected) - set(actual), set(actual) - set(expected)
        if missing or additional:
            raise AssertionError(
                f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {_sorted(missing)}\n"
                f"Additional keys in the actual mapping: {_sorted(additional)}{_where(path)}"
            )
        for key in _sorted(actual):
            _pair(actual[key], expected[key], (*path, key), pairs, options)
    else:
        pairs.append((*_comparable(actual, expected, path, options), path))


def _is(kind, actual, expected) -> bool:
    return all(isinstance(x, kind) and not isinstance(x, str | bytes) for x in (actual, expected))


def _sorted(keys) -> list:
    try:
        return sorted(keys)
    except TypeError:  # keys of several types keep their order
        return list(keys)


def _comparable(actual, expected, path, options):
    """How the two are compared, and both as that wants them."""
    if actual is None or expected is None:
        return _nones, actual, expected
    if isinstance(actual, BOOLEANS) and isinstance(expected, BOOLEANS):
        return _booleans, bool(actual), bool(expected)
    if isinstance(actual, NUMBERS) and isinstance(expected, NUMBERS):
        return _numbers, *(x.item() if isinstance(x, np.generic) else x for x in (actual, expected))
    related = isinstance(actual, type(expected)) or isinstance(expected, type(actual))
    if related and (options.allow_subclasses or type(actual) is type(expected)):
        try:
            return _tensors, *(x if isinstance(x, flambeau.Tensor) else flambeau.as_tensor(x) for x in (actual, expected))
        except (TypeError, ValueError, RuntimeError):  # not a tensor's data: said below
            pass
    raise TypeError(
        f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.{_where(path)}"
    )


# ---------------------------------------------------------------- pairs: None where they agree, else what differs
def _nones(actual, expected, options) -> str | None:
    return None if actual is expected else f"None mismatch: {actual} is not {expected}"


def _booleans(actual, expected, options) -> str | None:
    return None if actual is expected else f"Booleans mismatch: {actual} is not {expected}"


def _numbers(actual, expected, options) -> str | None:
    if options.check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    kinds = {float: flambeau.float64, complex: flambeau.complex128}
    return _scalars(actual, expected, _chosen(options, kinds.get(type(actual)), kinds.get(type(expected))), options.equal_nan)


def _chosen(options, *dtypes) -> tuple[float, float]:
    return _tolerances(*dtypes) if options.rtol is None else (options.rtol, options.atol)


def _scalars(actual, expected, tolerances, equal_nan) -> str | None:
    rtol, atol = tolerances
    if actual == expected or (equal_nan and cmath.isnan(actual) and cmath.isnan(expected)):
        return None
    difference = abs(actual - expected)
    if cmath.isfinite(actual) and cmath.isfinite(expected) and difference <= atol + rtol * abs(expected):
        return None
    relative = difference / abs(expected) if expected != 0 else float("nan" if difference != difference else "inf")
    equality = rtol == atol == 0
    return (
        f"Scalars are not {'equal' if equality else 'close'}!\n\nExpected {expected} but got {actual}.\n"
        f"Absolute difference: {difference}{'' if equality else f' (up to {atol} allowed)'}\n"
        f"Relative difference: {relative}{'' if equality else f' (up to {rtol} allowed)'}"
    )


def _attributes(actual, expected, options) -> str | None:
    """What the tensors should have in common before their values are looked at."""
    checks: list[tuple[str, Any, Any, bool]] = [
        ("shape", actual.shape, expected.shape, True),
        ("layout", getattr(actual, "layout", None), getattr(expected, "layout", None), options.check_layout),
        ("device", actual.device, expected.device, options.check_device),
        ("dtype", actual.dtype, expected.dtype, options.check_dtype),
    ]
    for name, a, b, asked in checks:
        if asked and a != b:
            return f"The values for attribute '{name}' do not match: {a} != {b}."
    if options.check_stride and actual.stride() != expected.stride():
        return f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}."
    return None


def _tensors(actual, expected, options) -> str | None:
    different = _attributes(actual, expected, options)
    if different is not None:
        return different
    if actual.layout is not flambeau.strided or expected.layout is not flambeau.strided:
        return _sparse(actual, expected, options)
    rtol, atol = tolerances = _chosen(options, actual.dtype, expected.dtype)
    truths = (actual, expected) if actual.dtype is expected.dtype is flambeau.bool else None
    actual, expected = _alike(actual.detach(), expected.detach())
    matches = flambeau.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    if bool(matches.all()):
        return None
    if not actual.shape:
        a, b = truths or (actual, expected)
        return _scalars(a.item(), b.item(), tolerances, options.equal_nan)
    off = (actual - expected).abs().masked_fill(matches, 0)
    relative = (off / expected.abs()).masked_fill(matches, 0)
    wrong, total = int((~matches).sum()), matches.numel()
    equality = rtol == atol == 0
    return (
        f"Tensor-likes are not {'equal' if equality else 'close'}!\n\n"
        f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})\n"
        f"Greatest absolute difference: {_greatest(off)}{'' if equality else f' (up to {atol} allowed)'}\n"
        f"Greatest relative difference: {_greatest(relative)}{'' if equality else f' (up to {rtol} allowed)'}"
    )


def _sparse(actual, expected, options) -> str | None:
    """Places, which must be equal, then values; tensors of two layouts as dense ones."""
    if actual.layout is not expected.layout:
        return _tensors(actual.to_dense(), expected.to_dense(), options)
    if actual.is_sparse and actual.is_coalesced() != expected.is_coalesced():
        actual, expected = actual.coalesce(), expected.coalesce()
    counts = actual._nnz(), expected._nnz()
    if counts[0] != counts[1]:
        return f"The number of specified values in sparse tensors does not match: {counts[0]} != {counts[1]}"
    for what, a, b in zip(("first", "second"), actual.places, expected.places, strict=False):
        told = _tensors(a, b, options._replace(rtol=0, atol=0, check_dtype=False))
        if told is not None:
            return f"The {what} indices of sparse tensors differ: {told}"
    told = _tensors(actual._values(), expected._values(), options)
    return None if told is None else f"The values of sparse tensors differ: {told}"


def _greatest(x) -> str:
    """The greatest value (a nan, where there is one) and its place."""
    flat = x.reshape(-1)
    unordered = flat != flat
    place = int((unordered.to(flambeau.int64) if bool(unordered.any()) else flat).argmax())
    return f"{flat[place].item()} at index {tuple(int(i) for i in np.unravel_index(place, tuple(x.shape)))}"


def _alike(actual, expected):
    """Both on one device and in one dtype; small integers are widened, so that differences do not wrap around."""
    if actual.device != expected.device:
        actual, expected = actual.cpu(), expected.cpu()
    kind = flambeau.promote_types(actual.dtype, expected.dtype)
    if kind.category < 2 and kind is not flambeau.uint64:
        kind = flambeau.int64
    return actual.to(kind), expected.to(kind)


def assert_allclose(actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
                    msg: str = "") -> None:
    """The older form of `assert_close`: looser tolerances, dtypes may differ.  Deprecated, here and in PyTorch."""
    __tracebackhide__ = True
    warnings.warn("assert_allclose is deprecated: use flambeau.testing.assert_close instead", FutureWarning, stacklevel=2)
    if not isinstance(actual, flambeau.Tensor):
        actual = flambeau.tensor(actual)
    if not isinstance(expected, flambeau.Tensor):
        expected = flambeau.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = _tolerances(actual.dtype, expected.dtype, table=LEGACY)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)
