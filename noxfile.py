"""Every command of the project. `uv run nox` runs lint, types, isolated and tests; `uv run nox -s NAME` one of them.

Sessions without an environment of their own run in the workspace's, which `uv run` has just brought up to date.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "types", "isolated", "tests"]
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = True

PACKAGES = {path.parent.name: path.parent for path in sorted(Path("packages").glob("*/pyproject.toml"))}
OPDB = Path("../shared/parity/opdb.py")

# One thread a worker: two workers on two cores, and BLAS threads that spin beside each other cost more than they give.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
WORKERS = ["-n", "2", "--dist", "worksteal"]


def distribution(package: str) -> str:
    return "flambeau" if package == "core" else f"flambeau-{package}"


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Ruff, over everything."""
    session.run("ruff", "check", *session.posargs)


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """mypy, over the packages' sources."""
    session.run("mypy", *session.posargs)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Everything but the slow tests: the packages', their docstrings, the cross-package ones."""
    session.run("pytest", *WORKERS, "-m", "not slow", *session.posargs, env=ONE_THREAD)


@nox.session(venv_backend="none")
def slow(session: nox.Session) -> None:
    """The slow tests alone, one after the other, with all cores each."""
    session.run("pytest", "-m", "slow", "--durations=20", *session.posargs)


@nox.session(venv_backend="none")
def gpu(session: nox.Session) -> None:
    """The tests that need an NVIDIA GPU; fails when there is none."""
    session.run("python", "-c", "import cupy; cupy.cuda.runtime.getDeviceCount()")
    session.run("pytest", "-m", "gpu", *session.posargs)


@nox.session
@nox.parametrize("package", list(PACKAGES))
def isolated(session: nox.Session, package: str) -> None:
    """Each package as a wheel, alone with what it asks for, against its own tests; core's without `front.c`, on the closures of fast.py."""
    install_wheels(session, package)
    session.run("python", "tests/check_isolation.py", distribution(package))
    run_own_tests(session, package, FLAMBEAU_FRONT="0" if package == "core" else "1")


@nox.session
@nox.parametrize("package", list(PACKAGES))
def lowest(session: nox.Session, package: str) -> None:
    """The same against the oldest versions that each pyproject.toml allows."""
    install_wheels(session, package, "--resolution", "lowest-direct")
    run_own_tests(session, package)


def install_wheels(session: nox.Session, package: str, *options: str) -> None:
    wheels = Path(session.create_tmp())
    for old in wheels.glob("*.whl"):
        old.unlink()
    for name in dict.fromkeys(("core", package)):
        session.run_install("uv", "build", "--quiet", "--wheel", "--package", distribution(name), "--out-dir", str(wheels), external=True)
    group = f"{PACKAGES[package] / 'pyproject.toml'}:dev"
    session.run_install("uv", "pip", "install", "--quiet", *options, *map(str, wheels.glob("*.whl")), "--group", group, external=True)


def run_own_tests(session: nox.Session, package: str, **environment: str) -> None:
    session.run("pytest", "-q", "-m", "not slow", *session.posargs, str(PACKAGES[package] / "tests"), env=ONE_THREAD | environment)


@nox.session(venv_backend="venv")
def parity(session: nox.Session) -> None:
    """PyTorch's operator database with its error inputs, on PyTorch and Flambeau. Needs ../shared/parity; arguments go to opdb.py."""
    if not OPDB.exists():
        session.skip(f"{OPDB} is not there")
    session.install("torch==2.13.0", "expecttest", "scipy", "-e", "packages/core")
    session.run("python", "tests/parity/operators.py", str(OPDB), "--errors-at-least", "90", *session.posargs)


@nox.session(venv_backend="venv")
def parity_nn(session: nox.Session) -> None:
    """PyTorch's databases of modules and of optimizers, autocast, checkpoints and distributions, on PyTorch and Flambeau.

    Needs ../shared/parity; arguments go to the first two programs.
    """
    if not OPDB.exists():
        session.skip(f"{OPDB} is not there")
    session.install("torch==2.13.0", "expecttest", "scipy", "-e", "packages/core")
    session.run("python", "tests/parity/modules.py", str(OPDB), "--at-least", "98", *session.posargs)
    session.run("python", "tests/parity/optimizers.py", "--at-least", "95", *session.posargs)
    session.run("python", "tests/parity/autocast.py", str(OPDB))
    session.run("python", "tests/parity/checkpoints.py")
    session.run("python", "tests/parity/distributions.py")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """The benchmarks: import time, and the cost of a call. Compares with PyTorch where it can be imported."""
    for program in ("import_time.py", "small_ops.py"):
        session.run("python", f"benchmarks/{program}", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as HTML in docs/_build; a warning is an error."""
    sync = ["uv", "sync", "--quiet", "--group", "docs", "--no-default-groups"]
    session.run_install(*sync, env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location}, external=True)
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", os.path.join("docs", "_build"), *session.posargs)
