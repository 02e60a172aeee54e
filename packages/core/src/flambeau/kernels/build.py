"""From C source to a loaded library: the system's compiler, and a cache on disk named by content.

A library is trusted code, so it is loaded from a directory that only its owner can write, or not at all. Building never raises: a machine
without a compiler, a read-only home or a compiler that fails gives None, and `why_not` says the reason.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from ..cache import check_owned, kernel_directory

__all__ = ["build", "build_extension", "cache_directory", "why_not"]

log = logging.getLogger("flambeau.kernels")
FLAGS = ("-O3", "-march=native", "-mprefer-vector-width=512", "-fno-math-errno", "-fno-trapping-math", "-fopenmp")
PLAINER = (("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd"), ("-O2",))  # for other compilers
ALWAYS = ("-std=gnu11", "-w", "-shared", "-fPIC")
TIMEOUT = 120  # seconds for one compilation
_reasons: dict[str, str] = {}  # of each source that could not be built, so that it is tried once


def build(source: str):
    """The source as a loaded `ctypes.CDLL`, from the cache or the compiler; None when it cannot be had.

    With FLAMBEAU_DEBUG at 4 or more the source is printed to stderr.
    """
    import ctypes

    if os.environ.get("FLAMBEAU_DEBUG", "").isdecimal() and int(os.environ["FLAMBEAU_DEBUG"]) >= 4:
        print(source, file=sys.stderr)
    key = hashlib.sha256(source.encode()).hexdigest()
    if key in _reasons:
        return None
    try:
        path = _library(source)
        _short_waits()
        try:
            return ctypes.CDLL(str(path))
        except OSError:  # a damaged file: one more try from the source
            path.unlink(missing_ok=True)
            return ctypes.CDLL(str(_library(source)))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _reasons[key] = str(error)
        log.debug("a kernel was not built, NumPy runs instead: %s", error)
        return None


def why_not(source: str) -> str | None:
    """Why this source could not be built; None when it was, or was never tried."""
    return _reasons.get(hashlib.sha256(source.encode()).hexdigest())


def build_extension(source: str, target: str) -> None:
    """Compiles a module of Python's, a C file that may use NumPy's headers, to `target` in the cache.  RuntimeError where that can't be."""
    import sysconfig

    import numpy as np

    if str(cache_directory()) != os.path.dirname(target):
        raise RuntimeError("there is no directory to keep libraries in")
    headers = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(headers, "Python.h")):
        raise RuntimeError(f"there is no Python.h in {headers}")
    try:
        _compile(Path(source).read_text(), _compiler(), Path(target), (("-O2", "-I", headers, "-I", np.get_include()),))
    except subprocess.SubprocessError as error:
        raise RuntimeError(str(error)) from None


def _library(source: str) -> Path:
    compiler = _compiler()
    directory = cache_directory()
    name = hashlib.sha256("\0".join([source, *compiler, *FLAGS, *ALWAYS, _machine()]).encode()).hexdigest()[:40]
    target = directory / f"{name}.so"
    if not target.exists():
        _compile(source, compiler, target)
    check_owned(target)
    return target


def _compile(source: str, compiler: tuple[str, ...], target: Path, choices=(FLAGS, *PLAINER)) -> None:
    """Writes the library under another name and renames it, so that whoever comes at the same time sees a whole file or none."""
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        code, made = Path(work, "kernel.c"), Path(work, "kernel.so")
        code.write_text(source)
        complaint = ""
        for flags in choices:
            command = [*compiler[:-1], *flags, *ALWAYS, "-o", str(made), str(code), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
            if done.returncode == 0:
                made.chmod(0o700)
                os.replace(made, target)
                return
            complaint = done.stderr
            log.debug("%s failed: %s", shlex.join(command), complaint)
    raise RuntimeError(f"the compiler {compiler[0]} failed: {complaint.strip()[:2000]}")


@cache
def _short_waits() -> None:
    """Loads the OpenMP runtime with waits that end soon, unless the user chose.

    Its workers spin for milliseconds after a parallel loop and keep the cores from OpenBLAS's threads: on two cores a kernel and a matrix
    product of 0.7 ms together took 8 ms in turn, and 0.9 with this. The runtime reads the variable once, when the first kernel loads it.
    """
    import ctypes

    if sys.platform != "linux" or any(name in os.environ for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")):
        return
    os.environ["GOMP_SPINCOUNT"] = "1000"
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError as error:
        log.debug("the compiler brings another OpenMP runtime, or none: %s", error)
    finally:
        del os.environ["GOMP_SPINCOUNT"]


@cache
def _compiler() -> tuple[str, ...]:
    """The compiler's command, and last what tells one version of it from another."""
    words = shlex.split(os.environ.get("CC", "cc")) or ["cc"]
    found = shutil.which(words[0])
    if found is None:
        raise RuntimeError(f"no C compiler: {words[0]!r} is not on the PATH (install gcc or clang, or set CC)")
    real = os.stat(os.path.realpath(found))
    return (found, *words[1:], f"{os.path.realpath(found)} {real.st_size} {real.st_mtime_ns}")


@cache
def _machine() -> str:
    """The processor's features: a library built for one is not for another that shares its home directory."""
    try:
        with open("/proc/cpuinfo") as f:
            features = next((line for line in f if line.startswith(("flags", "Features"))), "")
    except OSError:
        features = platform.processor()
    return f"{platform.machine()} {platform.system()} {features}"


@cache
def cache_directory() -> Path:
    """Where libraries are kept (`cache.kernel_directory`), made for its owner alone.

    One that others own or can write is refused; then, and when none can be made, this process builds in a directory of its own.
    """
    directory = Path(kernel_directory())
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_owned(directory)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise RuntimeError(f"{directory} cannot be written")
        return directory
    except (OSError, RuntimeError) as error:
        log.debug("the kernel cache is not used: %s", error)
    import atexit

    private = tempfile.mkdtemp(prefix="flambeau-")
    atexit.register(_remove, private, os.getpid())
    return Path(private)


def _remove(directory: str, owner: int) -> None:
    if os.getpid() == owner:  # a forked child leaves its parent's files
        shutil.rmtree(directory, ignore_errors=True)
