"""Special functions that NumPy lacks, on NumPy arrays: SciPy's, imported when first called.

Where SciPy is missing, the error function's family is computed here, to the same precision and some twenty times as slowly; the others
raise an error that says what to install. Compiled kernels have their own spellings of them.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ..dtype import bfloat16

# Rational approximations after W. J. Cody, Mathematics of Computation 23 (1969), good to 1e-16: erf near 0, exp(x²)·erfc(x) further out.
_NEAR = ((1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
         (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3))
_MIDDLE = ((2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
            8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
           (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
            4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3))
_FAR = ((1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
         6.58749161529837803e-4),
        (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3))
_ONE_OVER_SQRT_PI, _HALF_ROOT = 5.6418958354775628695e-1, 0.5**0.5


def _ratio(coefficients, x):
    top, bottom = (np.polyval(c, x) for c in coefficients)
    return top / bottom


def erfc_scaled_positive(x: np.ndarray) -> np.ndarray:
    """exp(x²)·erfc(x) for x ≥ 0.46875."""
    middle = _ratio(_MIDDLE, np.minimum(x, 4.0))
    far_x = np.maximum(x, 4.0)
    z = 1.0 / (far_x * far_x)
    far = (_ONE_OVER_SQRT_PI - z * _ratio(_FAR, z)) / far_x
    return np.where(x <= 4.0, middle, far)


def _as(x, result):
    """The result in the dtype of x, where that is a floating one."""
    return result if x.dtype.kind in "biu" else result.astype(x.dtype)


def erf(x: np.ndarray) -> np.ndarray:
    """The error function."""
    return special("erf")(x)


def own_erf(x: np.ndarray) -> np.ndarray:
    """The error function, to the dtype's precision."""
    x = np.asarray(x)
    wide = x.astype(np.float64)
    size = np.abs(wide)
    near = wide * _ratio(_NEAR, np.minimum(size, 0.5) ** 2)
    outer = np.clip(size, 0.46875, 6.0)
    far = 1.0 - np.exp(-outer * outer) * erfc_scaled_positive(outer)
    result = np.where(size <= 0.46875, near, np.copysign(far, wide))
    return _as(x, np.where(np.isnan(wide), wide, result))


def own_erfcx(x: np.ndarray) -> np.ndarray:
    """exp(x²)·erfc(x), to the dtype's precision."""
    x = np.asarray(x)
    wide = x.astype(np.float64)
    outer = np.maximum(wide, 0.46875)
    inner = np.minimum(wide, 0.46875)
    near = np.exp(inner * inner) * np.where(inner < -0.46875, 1.0 + own_erf(-inner), 1.0 - own_erf(inner))
    result = np.where(wide > 0.46875, erfc_scaled_positive(outer), near)
    return _as(x, np.where(np.isnan(wide), wide, result))


def own_erfc(x: np.ndarray) -> np.ndarray:
    """1 - own_erf(x), exact far from 0 too."""
    x = np.asarray(x)
    wide = x.astype(np.float64)
    outer = np.clip(wide, 0.46875, 30.0)
    head = np.trunc(outer * 16.0) / 16.0  # x² = head² + (x - head)(x + head): the first term is exact
    tail = np.exp(-head * head) * np.exp(-(outer - head) * (outer + head)) * erfc_scaled_positive(outer)
    result = np.where(wide > 0.46875, tail, 1.0 - own_erf(wide))
    return _as(x, np.where(np.isnan(wide), wide, result))


def own_ndtr(x: np.ndarray) -> np.ndarray:
    """The chance that a standard normal number is at most x."""
    return 0.5 * own_erfc(x * -_HALF_ROOT)


def own_log_ndtr(x: np.ndarray) -> np.ndarray:
    """log(ndtr(x)), exact far below 0 too."""
    t = x * _HALF_ROOT
    low = np.log(0.5 * own_erfcx(np.maximum(-t, 0.0))) - t * t
    return np.where(t < -1.0, low, np.log1p(-0.5 * own_erfc(np.maximum(t, -1.0))))


OWN = {"erf": own_erf, "erfc": own_erfc, "erfcx": own_erfcx, "ndtr": own_ndtr, "log_ndtr": own_log_ndtr}


@cache
def special(name: str) -> Callable:
    """The special function that SciPy calls `name`.  ModuleNotFoundError where it needs SciPy, and SciPy is not installed."""
    try:
        import scipy.special
    except ModuleNotFoundError:
        if name in OWN:
            return OWN[name]
        raise ModuleNotFoundError(f"{name} on the CPU needs SciPy, which is not installed: pip install 'flambeau[scipy]'",
                                  name="scipy") from None
    function = getattr(scipy.special, name)

    def call(*arrays):
        try:
            return function(*arrays)
        except TypeError:  # SciPy knows no bfloat16
            if not any(getattr(a, "dtype", None) == bfloat16.numpy for a in arrays):
                raise
            return function(*(np.asarray(a, np.float32) for a in arrays))

    return call
