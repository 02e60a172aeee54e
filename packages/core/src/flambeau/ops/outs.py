"""`out=` of linear algebra: results are written into tensors of their own dtype, by a few functions into every dtype that holds them."""
from __future__ import annotations

from ..dtype import dtype, spelled, word
from ..write import into

# whose out may be of a wider dtype than the result
WIDER = frozenset("""linalg.pinv linalg.matrix_rank linalg.householder_product linalg.cond tensorsolve tensorinv cholesky cholesky_solve
cholesky_inverse geqrf linalg.matrix_power""".split())
PARTS = {"linalg.eig": ("eigenvalues", "eigenvectors"), "linalg.eigvals": ("eigenvalues",), "geqrf": ("a", "tau")}


def given(result, out, name: str, part: int = 0):
    """The result, written into `out` where there is one."""
    return result if out is None else into(check_out(result, out, name, part), result, name)


def check_out(result, out, name: str, part: int = 0):
    """RuntimeError unless `out` takes the result's dtype."""
    if name in WIDER or name in PARTS:
        if not _holds(out.dtype, result.dtype):
            label = f"torch.{name}" if name in PARTS or "householder" in name else name
            what = PARTS.get(name, ("result",))[part]
            raise RuntimeError(f"{label}: Expected {what} to be safely castable from {word(result.dtype)} dtype, but got {what} with dtype "
                               f"{word(out.dtype)}")
    elif out.dtype is not result.dtype and name not in ("kron", "outer", "addr"):
        have, wanted = spelled(out.dtype), spelled(result.dtype)
        if name == "multi_dot":
            raise RuntimeError(f"multi_dot(): expected out tensor to have dtype {wanted} but got {have}")
        raise RuntimeError(f"Expected out tensor to have dtype {wanted}, but got {have} instead")
    return out


def _holds(target: dtype, source: dtype) -> bool:
    return source.category <= target.category


def give(results, out, name: str):
    """Results, each written into its part of `out` where there is one."""
    if out is None:
        return results
    return type(results)(*(given(r, o, name, i) for i, (r, o) in enumerate(zip(results, out, strict=True))))
