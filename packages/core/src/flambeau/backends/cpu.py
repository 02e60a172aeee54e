"""The CPU that kernels are built for."""
from __future__ import annotations

from numpy._core._multiarray_umath import __cpu_features__ as _features


def get_cpu_capability() -> str:
    """The widest vectors that the processor has: 'AVX512', 'AVX2', 'NEON' or 'DEFAULT'.

    >>> flambeau.backends.cpu.get_cpu_capability() in ("AVX512", "AVX2", "NEON", "DEFAULT")
    True
    """
    found = (("AVX512", "AVX512_SKX"), ("AVX2", "AVX2"), ("NEON", "NEON"))
    return next((name for name, feature in found if _features.get(feature)), "DEFAULT")
