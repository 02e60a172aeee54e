"""Factorisations, rank and least squares as `flambeau.linalg` offers them: arguments checked, then the card."""
from __future__ import annotations

from ..casting import listed
from ..dtype import int64
from ..return_types import kind
from ..tensor import Tensor
from .create import empty, eye
from .decomposition import (
    linalg_eig,
    linalg_eigh,
    linalg_eigvals,
    linalg_eigvalsh,
    linalg_lu_factor_ex,
    linalg_qr,
    linalg_svd,
    linalg_svdvals,
    places_of,
    real_part,
    reflections,
)
from .elementwise import isfinite
from .index import gather
from .inverse import linalg_pinv, linalg_rank, triangular
from .linalg import matmul
from .masks import tril, triu
from .matrix import check, check_pair, check_system, fail, from_triangle, is_vector
from .outs import give, given
from .products import reflected
from .view import narrow, unsqueeze

QR, SVD = kind("linalg_qr"), kind("linalg_svd")
Eigh, Eig = kind("linalg_eigh"), kind("linalg_eig")
LU, LUFactor, LUFactorEx = kind("linalg_lu"), kind("linalg_lu_factor"), kind("linalg_lu_factor_ex")
LUUnpack, Lstsq = kind("lu_unpack"), kind("linalg_lstsq")


# ---- orthogonal
@listed
def qr(A, mode: str = "reduced", *, out=None):
    """A = Q R: orthonormal columns, then an upper triangle.  (*, m, n) -> Q (*, m, k), R (*, k, n)

    mode  "reduced": k = min(m, n) · "complete": k = m · "r": R alone, Q is empty

    >>> Q, R = flambeau.linalg.qr(flambeau.ones(3, 2)); Q.shape, R.shape
    (flambeau.Size([3, 2]), flambeau.Size([2, 2]))
    """
    check("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    return give(QR(*linalg_qr(A, mode=mode)), out, "linalg.qr")


OldQR, OldSVD, Geqrf = kind("qr"), kind("svd"), kind("geqrf")


@listed
def old_qr(input, some: bool = True, *, out=None):
    """`linalg.qr` by its older name: reduced when `some`, else complete."""
    return give(OldQR(*qr(input, "reduced" if some else "complete")), out, "qr")


@listed
def svd(A, full_matrices: bool = True, *, driver: str | None = None, out=None):
    """A = U diag(S) Vh, S from the largest down.  (*, m, n) -> U (*, m, k), S (*, min(m, n)), Vh (*, k, n)

    The gradient holds where no two singular values are equal, and of U and Vh only for losses that do not see their signs or phases.
    """
    check("linalg.svd", A)
    if driver is not None:
        raise RuntimeError("linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.")
    return give(SVD(*linalg_svd(A, full_matrices=full_matrices)), out, "linalg.svd")


@listed
def old_svd(input, some: bool = True, compute_uv: bool = True, *, out=None):
    """input = U diag(S) Vᴴ, by the older name: gives V, not Vᴴ, and zeros for U and V unless `compute_uv`."""
    check("svd", input)
    if not compute_uv:
        m, n = input.shape[-2:]
        return give(OldSVD(input.new_zeros(*input.shape[:-2], m, m), svdvals(input), input.new_zeros(*input.shape[:-2], n, n)), out, "svd")
    u, s, vh = linalg_svd(input, full_matrices=not some)
    return give(OldSVD(u, s, vh.mH), out, "svd")


@listed
def svdvals(A, *, driver: str | None = None, out=None):
    """Singular values, from the largest down.  (*, m, n) -> (*, min(m, n))"""
    check("linalg.svdvals", A)
    if driver is not None:
        raise RuntimeError("linalg.svdvals: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.")
    return given(linalg_svdvals(A), out, "linalg.svdvals")


# ---- eigenvalues
def _upper(UPLO: str, name: str) -> bool:
    if str(UPLO).upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO} ({name})")
    return str(UPLO).upper() == "U"


@listed
def eigh(A, UPLO: str = "L", *, out=None):
    """Eigenvalues, rising, and orthonormal eigenvectors of a Hermitian matrix; one triangle is read.  (*, n, n) -> (*, n), (*, n, n)"""
    check("linalg.eigh", A, square=True)
    return give(Eigh(*linalg_eigh(from_triangle(A, _upper(UPLO, "linalg.eigh")))), out, "linalg.eigh")


@listed
def eigvalsh(A, UPLO: str = "L", *, out=None):
    """Eigenvalues of a Hermitian matrix, rising.  (*, n, n) -> (*, n)"""
    check("linalg.eigvalsh", A, square=True)
    return given(linalg_eigvalsh(from_triangle(A, _upper(UPLO, "linalg.eigvalsh"))), out, "linalg.eigvalsh")


def _check_finite(name: str, A):
    if A.process is None and A.visible() and not bool(isfinite(A).all()):
        raise RuntimeError(f"torch.{name}: input tensor should not contain infs or NaNs.")


@listed
def eig(A, *, out=None):
    """Eigenvalues and eigenvectors of length 1, both complex, in no order.  (*, n, n) -> (*, n), (*, n, n)"""
    check("linalg.eig", A, square=True)
    _check_finite("linalg.eig", A)
    return give(Eig(*linalg_eig(A)), out, "linalg.eig")


@listed
def eigvals(A, *, out=None):
    """Eigenvalues, complex, in no order.  (*, n, n) -> (*, n)"""
    check("linalg.eigvals", A, square=True)
    _check_finite("linalg.eigvals", A)
    return given(linalg_eig(A)[0] if A.requires_grad or A.process is not None else linalg_eigvals(A), out, "linalg.eigvals")


# ---- rank, pseudo-inverse, least squares
def _tolerance(A, t, name: str = "rcond"):
    """A number as it is, a tensor with one value for each matrix."""
    if not isinstance(t, Tensor):
        return t
    if t.is_complex():
        raise RuntimeError(f"linalg.pinv: {name} tensor of complex type is not supported")
    t = real_part(t).to(A.dtype.to_real())
    return t.expand(A.shape[:-2]) if t.ndim < A.ndim - 2 else t


@listed
def pinv(A, *, atol=None, rtol=None, hermitian: bool = False, out=None, rcond=None):
    """The pseudo-inverse. Singular values up to max(atol, rtol · largest) count as zero.  (*, m, n) -> (*, n, m)

    rtol is ε · max(m, n) unless it, or an atol above 0, is given.
    """
    check("linalg.pinv", A, square=hermitian, few="expected a tensor with 2 or more dimensions of floating types")
    atol, rtol = _tolerance(A, atol, "atol"), _tolerance(A, rcond, "rcond") if rtol is None else _tolerance(A, rtol, "rtol")
    return given(linalg_pinv(A, atol, rtol, hermitian=bool(hermitian)), out, "linalg.pinv")


@listed
def pinverse(input, rcond: float = 1e-15):
    """The pseudo-inverse; singular values up to rcond · largest count as zero.  (*, m, n) -> (*, n, m)"""
    return pinv(input, rtol=rcond)


@listed
def matrix_rank(A, tol=None, hermitian: bool = False, *, atol=None, rtol=None, out=None):
    """How many singular values are above max(atol, rtol · largest).  (*, m, n) -> (*), int64"""
    check("linalg.matrix_rank", A, square=hermitian)
    atol, rtol = (tol, 0.0) if tol is not None else (atol, rtol)
    A = A.detach()
    if A.numel() == 0:
        return given(empty(A.shape[:-2], dtype=int64, device=A.device).zero_(), out, "linalg.matrix_rank")
    A = from_triangle(A, False) if hermitian else A
    return given(linalg_rank(A, _tolerance(A, atol, "atol"), _tolerance(A, rtol, "rtol")), out, "linalg.matrix_rank")


@listed
def lstsq(A, B, rcond=None, *, driver: str | None = None):
    """X that makes ‖A X - B‖ smallest, and the smallest X of these.  (*, m, n), (*, m, k) -> (*, n, k) and more

    driver  "gelsy" (default), "gels" (A of full rank), "gelsd", "gelss": decides, as in LAPACK, which of the other results are given
    """
    name = "linalg.lstsq"
    check(name, A, few="input must have at least 2 dimensions")
    driver = driver or "gelsy"
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver!r}")
    if B.ndim < 1:
        raise RuntimeError(f"{name}: other must have at least 1 dimension, got {B.ndim}")
    check_pair(name, A, B)
    vector = is_vector(A, B)
    b = unsqueeze(B, -1) if vector else B
    if b.shape[-2] != A.shape[-2]:
        raise RuntimeError(f"{name}: input.size(-2) should match other.size(-{1 if vector else 2}), got {A.shape[-2]} and {b.shape[-2]}")
    m, n = A.shape[-2:]
    rtol = rcond
    if driver == "gels" or rcond is None or rcond < 0 or (driver == "gelsd" and rcond >= 1):
        rtol = None  # as the precision asks for
    if rtol is not None and driver == "gelsy":
        rtol = rtol * (1 - 1e-7)  # which keeps what is as large as the limit
    solution = matmul(linalg_pinv(A, None, _tolerance(A, rtol)), b)
    blank = empty(0, dtype=int64 if driver == "gels" else A.dtype.to_real(), device=A.device)
    rank = blank if driver == "gels" else linalg_rank(A.detach(), None, _tolerance(A, rtol))
    full = driver == "gels" or not rank.visible() or bool((rank == n).all())
    residuals = empty(0, dtype=A.dtype.to_real(), device=A.device)
    if m > n and full and driver != "gelsy":
        residuals = ((matmul(A, solution) - b).abs() ** 2).sum(-2)
    s = linalg_svdvals(A.detach()) if driver in ("gelsd", "gelss") else empty(0, dtype=A.dtype.to_real(), device=A.device)
    return Lstsq(solution.squeeze(-1) if vector else solution, residuals, rank, s)


# ---- LU
def _check_pivot(name: str, pivot: bool):
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")


def lu_factor_ex(A, *, pivot: bool = True, check_errors: bool = False, out=None, _name: str = "linalg.lu_factor_ex"):
    """`lu_factor` with, instead of an error, the place of the first zero pivot (0: none).  -> LU, pivots, info"""
    check(_name, A)
    _check_pivot(_name, pivot)
    result = LUFactorEx(*linalg_lu_factor_ex(A))
    if check_errors:
        fail(_name, result.info, "U[{k},{k}] is zero and using it on lu_solve would result in a division by zero.")
    return give(result, out, _name)


def lu_factor(A, *, pivot: bool = True, out=None):
    """P ᵀA = L U in one matrix, and the exchanges of rows, counted from 1.  (*, m, n) -> LU (*, m, n), pivots (*, min(m, n)) int32"""
    name = "linalg.lu_factor"
    factor, pivots, info = lu_factor_ex(A, pivot=pivot, _name=name)
    fail(name, info, "U[{k},{k}] is zero and using it on lu_solve would result in a division by zero.")
    return give(LUFactor(factor, pivots), out, name)


def _check_places(name: str, pivots, m: int):
    """RuntimeError for exchanges with a row that is not there."""
    if pivots.process is None and pivots.visible() and pivots.numel() and not bool(((pivots >= 1) & (pivots <= m)).all()):
        raise RuntimeError(f"Pivots given to {name} must all be greater or equal to 1 and smaller or equal to LU.size(-2): between 1 and "
                           f"LU.size(-2). They go from {int(pivots.min())} to {int(pivots.max())}, and the matrix has {m} rows")


def lu_unpack(LU_data, LU_pivots, unpack_data: bool = True, unpack_pivots: bool = True, *, out=None):
    """P, L and U from what `lu_factor` gives; what is not asked for is empty.  (*, m, n) -> (*, m, m), (*, m, k), (*, k, n)"""
    check("lu_unpack", LU_data)
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    nothing = empty(0, dtype=LU_data.dtype, device=LU_data.device)
    P, L, U = nothing, nothing, nothing
    if unpack_data:
        one = eye(m, k, dtype=LU_data.dtype, device=LU_data.device)
        L, U = tril(narrow(LU_data, -1, 0, k), -1) + one, triu(narrow(LU_data, -2, 0, k))
    if unpack_pivots:
        if LU_pivots.dtype.name != "int32":
            raise RuntimeError(f"lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype, got "
                               f"{LU_pivots.dtype.name}")
        _check_places("lu_unpack", LU_pivots, m)
        places = places_of(LU_pivots, m)
        one = eye(m, dtype=LU_data.dtype, device=LU_data.device).expand(*places.shape[:-1], m, m)
        P = gather(one, -1, unsqueeze(places, -2).expand(one.shape))
    return give(LUUnpack(P, L, U), out, "lu_unpack")


@listed
def lu(A, *, pivot: bool = True, out=None):
    """A = P L U: a permutation, a lower triangle with ones on its diagonal, an upper one.  (*, m, n) -> (*, m, m), (*, m, k), (*, k, n)"""
    check("linalg.lu", A)
    _check_pivot("linalg.lu", pivot)
    factor, pivots, _ = linalg_lu_factor_ex(A)
    return give(LU(*lu_unpack(factor, pivots)), out, "linalg.lu")


@listed
def old_lu(A, pivot: bool = True, get_infos: bool = False, out=None):
    """`linalg.lu_factor_ex` by its older name: LU, pivots, and with `get_infos` info too."""
    result = lu_factor_ex(A, pivot=pivot, _name="lu")
    return give(result, out, "lu") if get_infos else give(LUFactor(*result[:2]), out, "lu")


@listed
def lu_solve(LU, pivots, B, *, left: bool = True, adjoint: bool = False, out=None):
    """X with A X = B from what `lu_factor` gives of A; X A = B when not `left`, Aᴴ for A when `adjoint`.  -> (*, n, k)"""
    name = "linalg.lu_solve"
    check(name, LU, square=True)
    check(name, B)
    check_system(name, LU, B, left)
    if pivots.dtype.name != "int32":
        raise RuntimeError(f"{name}: pivots should be a Tensor of scalar type int32, got {pivots.dtype.name}")
    if pivots.shape != LU.shape[:-1]:
        raise RuntimeError(f"{name}: Number of pivots per batch should be same as the dimension of the matrix, got {list(pivots.shape)}")
    if not left:  # X A = B says Aᴴ Xᴴ = Bᴴ
        return given(lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH, out, name)
    P = lu_unpack(LU.detach(), pivots, unpack_data=False)[0]
    if adjoint:
        x = matmul(P, triangular(LU.mH, triangular(LU.mH, B, upper=False), upper=True, unit=True))
    else:
        x = triangular(LU, triangular(LU, matmul(P.mT, B), upper=False, unit=True), upper=True)
    return given(x, out, name)


@listed
def old_lu_solve(input, LU_data, LU_pivots, *, out=None):
    """`linalg.lu_solve` by its older order of arguments."""
    return lu_solve(LU_data, LU_pivots, input, out=out)


# ---- reflections
@listed
def geqrf(input, *, out=None):
    """QR as LAPACK keeps it: R above, the reflections below the diagonal and their scales.  (*, m, n) -> a (*, m, n), tau (*, min(m, n))"""
    check("geqrf", input)
    return give(Geqrf(*reflections(input)), out, "geqrf")


@listed
def ormqr(A, tau, C, left: bool = True, transpose: bool = False, *, out=None):
    """Q C, or C Q when not `left`, with Qᴴ for Q when `transpose`; Q = H₁ H₂ … is told by A and tau.  -> the shape of C"""
    check("ormqr", A, few="input must have at least 2 dimensions")
    check("ormqr", C, few="other must have at least 2 dimensions")
    axis = -2 if left else -1
    for few, text in ((C.shape[axis] < tau.shape[-1], f"other.shape[{axis}] must be greater than or equal to tau.shape[-1]"),
                      (C.shape[axis] != A.shape[-2], f"other.shape[{axis}] must be equal to input.shape[-2]"),
                      (tau.shape[:-1] != A.shape[:-2], "Expected batch dimensions of tau to be equal to input.shape[:-2]"),
                      (C.shape[:-2] != A.shape[:-2], "Expected batch dimensions of other to be equal to input.shape[:-2]")):
        if few:
            raise RuntimeError(f"ormqr: {text}, got input {list(A.shape)}, tau {list(tau.shape)} and other {list(C.shape)}")
    if left:
        return given(reflected(A, tau, C, backwards=not transpose, adjoint=transpose), out, "ormqr")
    return given(reflected(A, tau, C.mH, backwards=transpose, adjoint=not transpose).mH, out, "ormqr")


