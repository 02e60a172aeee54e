"""OpenMP, by which generated kernels share their loops among threads."""
from __future__ import annotations

_ASK = """int flambeau_has_openmp(void) {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}
"""


def is_available() -> bool:
    """Whether kernels share loops among threads: there is a compiler, and it has OpenMP."""
    from ..kernels.build import build

    library = build(_ASK)
    return library is not None and bool(library.flambeau_has_openmp())
