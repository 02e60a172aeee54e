"""Bessel functions beside those of `special`, and Airy's: the backend's own, by SciPy on the CPU."""
from __future__ import annotations

from ..define import elementwise
from .elementwise import cos, eq, where
from .special import _sinc, by_backend

bessel_j0 = by_backend("bessel_j0", lambda g, _y, x: -g * bessel_j1(x), library="j0", c="j0({0})",
                       doc="Bessel function of the first kind, of order 0.")
bessel_j1 = by_backend("bessel_j1", lambda g, y, x: g * (bessel_j0(x) - _over(y, x, 0.5)), library="j1", c="j1({0})",
                       doc="Bessel function of the first kind, of order 1.")
bessel_y0 = by_backend("bessel_y0", lambda g, _y, x: -g * bessel_y1(x), library="y0", c="y0({0})",
                       doc="Bessel function of the second kind, of order 0.")
bessel_y1 = by_backend("bessel_y1", lambda g, y, x: g * (bessel_y0(x) - y / x), library="y1", c="y1({0})",
                       doc="Bessel function of the second kind, of order 1.")
modified_bessel_k0 = by_backend("modified_bessel_k0", lambda g, _y, x: -g * modified_bessel_k1(x), library="k0",
                                doc="Modified Bessel function of the second kind, of order 0.")
modified_bessel_k1 = by_backend("modified_bessel_k1", lambda g, y, x: -g * (modified_bessel_k0(x) + y / x), library="k1",
                                doc="Modified Bessel function of the second kind, of order 1.")
scaled_modified_bessel_k0 = by_backend("scaled_modified_bessel_k0", lambda g, y, x: g * (y - scaled_modified_bessel_k1(x)),
                                       library="k0e", doc="exp(x) · modified_bessel_k0(x).")
scaled_modified_bessel_k1 = by_backend("scaled_modified_bessel_k1",
                                       lambda g, y, x: g * (y - scaled_modified_bessel_k0(x) - y / x), library="k1e",
                                       doc="exp(x) · modified_bessel_k1(x).")
spherical_bessel_j0 = elementwise("spherical_bessel_j0", lambda g, y, x: g * _over(cos(x) - y, x, 0.0),
                                  c="({0} == 0 ? 1 : sin({0}) / {0})",
                                  body=lambda xp, x: xp.where(xp.isinf(x), 0.0, _sinc(xp, x * 1.0)),
                                  domain=(-3.0, 3.0), doc="sin(x) / x, and 1 at 0.")
airy_ai = elementwise("airy_ai", body=lambda xp, x: xp.special("airy")(x)[0], c="", doc="Airy's function of the first kind.")


def _over(y, x, limit):
    """y / x, and its limit at 0."""
    zero = eq(x, 0)
    return where(zero, limit, y / where(zero, 1.0, x))
