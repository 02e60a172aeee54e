"""NumPy's matrix products: the kernels that OpenBLAS uses, and its threads.

OpenBLAS picks its kernels by processor model, and gives AVX2 ones to AMD models newer than itself though they have AVX-512: half their
speed (measured: 220 against 410 GFLOP/s on two cores). `choose_blas` has it pick again. Zen 4, which it knows, runs 200 either way.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np

__all__ = ["choose_blas", "get_blas_threads", "set_blas_threads"]

WANTED = "SKYLAKEX"
SLOWER = (b"Haswell", b"Zen", b"HASWELL", b"ZEN")


@cache
def _library():
    """The OpenBLAS that NumPy's wheel carries, or None for a NumPy that was built on something else."""
    import ctypes

    beside = os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "numpy.libs")  # pathlib would be a tenth of `import flambeau`
    found = sorted(name for name in os.listdir(beside) if name.startswith("libscipy_openblas")) if os.path.isdir(beside) else []
    try:
        return ctypes.CDLL(os.path.join(beside, found[0])) if found else None
    except OSError:
        return None


def _function(name: str):
    """`scipy_openblas_<name>` in the library, whichever integer width its names end in; None where it is missing."""
    library = _library()
    for spelling in (f"scipy_openblas_{name}64_", f"scipy_openblas_{name}"):
        if library is not None and hasattr(library, spelling):
            return getattr(library, spelling)
    return None


def core_name() -> bytes | None:
    """The processor that OpenBLAS runs kernels for."""
    function = _function("get_corename")
    if function is None:
        return None
    import ctypes

    function.restype = ctypes.c_char_p
    return function()


def _amd_with_avx512() -> bool:
    try:
        with open("/proc/cpuinfo", "rb") as f:
            first = f.read(4096)  # the first processor's entry
    except OSError:
        return False
    words = set(first.split())
    return b"AuthenticAMD" in words and {b"avx512f", b"avx512bw", b"avx512dq", b"avx512vl"} <= words


def choose_blas() -> str:
    """Has OpenBLAS use its AVX-512 kernels where it missed them, and says what was done.

    A setting of the user's own (OPENBLAS_CORETYPE) stands. Takes 0.3 ms; never raises.
    """
    if "OPENBLAS_CORETYPE" in os.environ:
        return "the user chose OPENBLAS_CORETYPE"
    name = core_name()
    if name is None:
        return "NumPy does not run on a bundled OpenBLAS"
    if name not in SLOWER or not _amd_with_avx512():
        return f"OpenBLAS chose {name.decode()}"
    return f"OpenBLAS runs kernels for {_switch(WANTED)} instead of {name.decode()}"


def _switch(core: str) -> str:
    """Has the loaded OpenBLAS read its setting again; goes back when a product then comes out wrong. Returns what it settled on."""
    import ctypes

    library, before = _library(), core_name()
    if before is None or not all(hasattr(library, f"gotoblas_dynamic_{step}") for step in ("quit", "init")):
        return (before or b"another library").decode()
    process = ctypes.CDLL(None)
    for wanted in (core.encode(), before):
        process.setenv(b"OPENBLAS_CORETYPE", wanted, 1)  # OpenBLAS reads the process's environment, not Python's copy
        library.gotoblas_dynamic_quit()
        library.gotoblas_dynamic_init()
        process.unsetenv(b"OPENBLAS_CORETYPE")
        if _multiplies():
            break
    return (core_name() or before).decode()


def _multiplies() -> bool:
    """Whether products of small integers are exact, as they are in any order of summation."""
    a, b = (np.arange(70 * 90) % 7 - 3).reshape(70, 90), (np.arange(90 * 50) % 5 - 2).reshape(90, 50)
    exact = np.einsum("ij,jk->ik", a, b)
    return all(np.array_equal(a.astype(dtype) @ b.astype(dtype), exact) for dtype in (np.float32, np.float64))


def get_blas_threads() -> int | None:
    """Threads that NumPy's matrix products use; None where that cannot be asked."""
    function = _function("get_num_threads")
    return None if function is None else int(function())


def set_blas_threads(count: int) -> None:
    """Sets them, where that can be set."""
    function = _function("set_num_threads")
    if function is not None:
        function(int(count))
