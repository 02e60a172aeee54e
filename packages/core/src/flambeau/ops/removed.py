"""Functions that PyTorch has taken out: their names say what to call now, so that a program of old is quickly brought up to date."""
from __future__ import annotations

_NOW = {"eig": "linalg.eig(A), which gives complex eigenvalues and eigenvectors", "symeig": "linalg.eigh(A)", "solve": "linalg.solve(A, B)",
        "lstsq": "linalg.lstsq(A, B)", "matrix_rank": "linalg.matrix_rank(A)"}  # fmt: skip


def _gone(name: str, now: str):
    def call(*args, **kwargs):
        raise RuntimeError(f"{name}: This function was deprecated since version 1.9 and is now removed. Use flambeau.{now}.")

    call.__name__, call.__doc__ = name, f"Removed: RuntimeError. Use flambeau.{now}."
    return call


eig, symeig, solve, lstsq, matrix_rank = (_gone(name, now) for name, now in _NOW.items())
