"""The named tuples that functions with several results give back: `flambeau.return_types.max`, `flambeau.return_types.linalg_qr`.

Each is made when it is first asked for, because a class takes 0.1 ms.
"""
from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any

FIELDS = {
    **dict.fromkeys(("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian", "sort", "topk"), "values indices"),
    **dict.fromkeys(("histogram", "histogramdd"), "hist bin_edges"),
    **dict.fromkeys(("linalg_qr", "qr"), "Q R"),
    **dict.fromkeys(("linalg_lu", "lu_unpack"), "P L U"),
    **dict.fromkeys(("linalg_slogdet", "slogdet"), "sign logabsdet"),
    **dict.fromkeys(("linalg_eig", "linalg_eigh"), "eigenvalues eigenvectors"),
    "aminmax": "min max", "frexp": "mantissa exponent", "geqrf": "a tau", "linalg_cholesky_ex": "L info", "linalg_inv_ex": "inverse info",
    "linalg_ldl_factor": "LD pivots", "linalg_ldl_factor_ex": "LD pivots info", "linalg_lstsq": "solution residuals rank singular_values",
    "linalg_lu_factor": "LU pivots", "linalg_lu_factor_ex": "LU pivots info", "linalg_solve_ex": "result info", "linalg_svd": "U S Vh",
    "svd": "U S V", "triangular_solve": "solution cloned_coefficient",
}  # fmt: skip


@cache
def kind(name: str) -> Any:
    """The named tuple of this name, printed as PyTorch prints it: a line a field.

    >>> flambeau.return_types.kind("aminmax")(1, 2)
    flambeau.return_types.aminmax(
    min=1,
    max=2)
    """
    def text(self) -> str:
        return f"flambeau.return_types.{name}(\n" + ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self)) + ")"

    base: Any = namedtuple(name, FIELDS[name])  # type: ignore[misc]  # a name that is not spelled out here
    return type(name, (base,), {"__slots__": (), "__repr__": text, "__module__": __name__, "__doc__": base.__doc__})


# functions with out= have a class of their own in PyTorch, of the same fields; here both are one
OUT = frozenset(f"{name}_out" for name in FIELDS if name not in ("linalg_eig", "histogramdd", "qr", "svd", "slogdet")) | {
    "linalg_eig_out", "qr_out", "svd_out", "slogdet_out"}


def pytree_register_structseq(cls: type) -> None:
    """Named tuples are taken apart by `utils.pytree` as they are: there is nothing to register."""
    if not (issubclass(cls, tuple) and hasattr(cls, "_fields")):
        raise TypeError(f"expected a class of named tuples, got {cls!r}")


def __getattr__(name: str) -> Any:
    if name in FIELDS:
        return kind(name)
    if name in OUT:
        return kind(name.removesuffix("_out"))
    if name == "all_return_types":
        return [kind(each) for each in FIELDS]
    raise AttributeError(f"module 'flambeau.return_types' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*FIELDS, *OUT, "all_return_types", "pytree_register_structseq"})
