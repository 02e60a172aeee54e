"""Inverses, solutions and determinants as `flambeau.linalg` offers them: arguments checked, then the card."""
from __future__ import annotations

from ..casting import listed
from ..dtype import FLOAT, bfloat16, bool_, float16, int32
from ..return_types import kind
from ..tensor import Tensor
from .create import arange, eye, zeros_like
from .decomposition import linalg_cholesky_ex
from .elementwise import log, where
from .elimination import LinAlgError
from .inverse import exponential, linalg_det, linalg_inv_ex, linalg_slogdet, linalg_solve_ex, triangular
from .linalg import matmul
from .masks import tril, triu
from .outs import give, given
from .view import diagonal, unsqueeze

CholeskyEx, InvEx, SolveEx = kind("linalg_cholesky_ex"), kind("linalg_inv_ex"), kind("linalg_solve_ex")
Slogdet = kind("linalg_slogdet")


# ---- checks
def check(name: str, A, square: bool = False, low: bool = False,
          few: str = "The input tensor A must have at least 2 dimensions"):
    """RuntimeError unless A is a matrix, or a batch of them, of single or double precision (or half, when `low`)."""
    if not isinstance(A, Tensor):
        raise TypeError(f"{name}(): argument must be Tensor, not {type(A).__name__}")
    if A.ndim < 2:
        raise RuntimeError(f"{name}: {few}, got shape {list(A.shape)}")
    if A.dtype.category < FLOAT:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {A.dtype.name}: convert it with .float()")
    if A.dtype in (float16, bfloat16) and not low:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {A.dtype.name}: convert it with .float()")
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} matrices")


def check_pair(name: str, A, B):
    if A.dtype is not B.dtype:
        raise RuntimeError(f"{name}: Expected A and B to have the same dtype, but found {A.dtype.name} and {B.dtype.name}")


def fail(name: str, info, text: str):
    """LinAlgError when `info` names a matrix for which the method failed."""
    if info.process is not None or info.is_meta:
        return  # inside a transform values are not to be looked at
    bad = info.array.reshape(-1)
    if bad.any():
        place = int(bad.astype(bool).argmax())
        where = f"(Batch element {place}): " if info.ndim else ""
        raise LinAlgError(f"{name}: {where}{text.format(k=int(bad[place]))}")


SINGULAR = "The diagonal element {k} is zero, the inversion could not be completed because the input matrix is singular."
UNSOLVED = "The solver failed because the input matrix is singular."
INDEFINITE = ("The factorization could not be completed because the input is not positive-definite "
              "(the leading minor of order {k} is not positive-definite).")


def from_triangle(A, upper: bool):
    """The Hermitian matrix that one triangle of A tells. The gradient goes to both triangles in equal parts, as PyTorch's does."""
    one = triu(A) if upper else tril(A)
    full = one + (triu(A, 1) if upper else tril(A, -1)).mH
    return full if A.process is None and not A.requires_grad else A + (full - A).detach()


def unread(A):
    """Zeros like A, with a gradient of zeros for A."""
    return where(zeros_like(A, dtype=bool_), A, 0.0)


# ---- Cholesky
@listed
def cholesky_ex(A, *, upper: bool = False, check_errors: bool = False, out=None):
    """`cholesky` with, instead of an error, the order of the block that is not positive definite.  (*, n, n) -> L (*, n, n), info (*)"""
    name = "linalg.cholesky_ex"
    check(name, A, square=True)
    factor, info = linalg_cholesky_ex(from_triangle(A, upper))
    if check_errors:
        fail(name, info, INDEFINITE)
    return give(CholeskyEx(factor.mH if upper else factor, info), out, name)


@listed
def cholesky(input, *, upper: bool = False, out=None):
    """Lower triangular L with A = L Lᴴ, or, when `upper`, its adjoint.  (*, n, n) -> (*, n, n)

    LinAlgError for a matrix that is not positive definite. Only one triangle of A is read.

    >>> flambeau.linalg.cholesky(flambeau.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    check("linalg.cholesky", input, square=True)
    factor, info = cholesky_ex(input, upper=upper)
    fail("linalg.cholesky", info, INDEFINITE)
    return given(factor, out, "linalg.cholesky")


@listed
def old_cholesky(input, upper: bool = False, *, out=None):
    """`linalg.cholesky` by its older name, which takes `upper` by place."""
    return given(cholesky(input, upper=upper), out, "cholesky")


@listed
def cholesky_solve(input, input2, upper: bool = False, *, out=None):
    """X with A X = B, A = L Lᴴ (Lᴴ L when `upper`).  (*, n, k), (*, n, n) -> (*, n, k)"""
    for n, x in (("b", input), ("u", input2)):
        if x.ndim < 2:
            raise RuntimeError(f"{n} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    check("cholesky_solve", input2, square=True)
    if input.shape[-2] != input2.shape[-1]:
        raise RuntimeError(f"Incompatible matrix sizes for cholesky_solve: each A matrix is {input2.shape[-1]} by {input2.shape[-1]} "
                           f"but each b matrix is {input.shape[-2]} by {input.shape[-1]}")
    low = input2.mH if upper else input2
    if input2.requires_grad or input2.process is not None:  # PyTorch's gradient fills both triangles of L
        low = low + (tril(low) - low).detach()
        return given(linalg_solve_ex(matmul(low, low.mH), input)[0], out, "cholesky_solve")
    return given(triangular(low.mH, triangular(low, input, upper=False), upper=True), out, "cholesky_solve")


@listed
def cholesky_inverse(input, upper: bool = False, *, out=None):
    """The inverse of A, from its Cholesky factor.  (*, n, n) -> (*, n, n)"""
    check("cholesky_inverse", input, square=True)
    zero = (diagonal(input.detach(), 0, -2, -1) == 0).to(int32)
    place = (zero * arange(1, input.shape[-1] + 1, device=input.device)).amax(-1) if input.numel() else zero.sum()
    fail("cholesky_inverse", place, SINGULAR)
    one = eye(input.shape[-1], dtype=input.dtype, device=input.device).expand(input.shape)
    return given(cholesky_solve(one, input, upper), out, "cholesky_inverse")


# ---- inverse and solution
@listed
def inv_ex(A, *, check_errors: bool = False, out=None):
    """`inv` with, instead of an error, the place of the first zero pivot (0: none).  (*, n, n) -> inverse (*, n, n), info (*)"""
    check("linalg.inv_ex", A, square=True)
    result = InvEx(*linalg_inv_ex(A))
    if check_errors:
        fail("linalg.inv_ex", result.info, SINGULAR)
    return give(result, out, "linalg.inv_ex")


@listed
def inv(A, *, out=None):
    """The inverse.  (*, n, n) -> (*, n, n)   LinAlgError for a singular matrix.

    >>> flambeau.linalg.inv(flambeau.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check("linalg.inv", A, square=True)
    y, info = linalg_inv_ex(A)
    fail("linalg.inv", info, SINGULAR)
    return given(y, out, "linalg.inv")


def is_vector(A, B) -> bool:
    return B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])


def check_system(name: str, A, B, left: bool):
    check_pair(name, A, B)
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
                           f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})")


def solve_ex(A, B, *, left: bool = True, check_errors: bool = False, out=None, _name: str = "linalg.solve_ex"):
    """`solve` with, instead of an error, the place of the first zero pivot (0: none).  -> result, info"""
    check(_name, A, square=True)
    vector = is_vector(A, B)
    if vector and not left:
        raise RuntimeError(f"{_name}: Vector broadcasting of the left hand side is not supported for left=False. In this case, "
                           f"{_name.replace('_ex', '')} is equivalent to B / A.squeeze(-1)")
    b = unsqueeze(B, -1) if vector else B
    check_system(_name, A, b, left)
    x, info = linalg_solve_ex(A, b) if left else linalg_solve_ex(A.mT, b.mT)
    if check_errors:
        fail(_name, info, UNSOLVED)
    x = x.squeeze(-1) if vector else x if left else x.mT
    return give(SolveEx(x, info), out, _name)


@listed
def solve(A, B, *, left: bool = True, out=None):
    """X with A X = B, or X A = B when not `left`.  (*, n, n), (*, n, k) or (*, n) -> the shape of B, broadcast

    LinAlgError for a singular matrix.

    >>> flambeau.linalg.solve(flambeau.tensor([[2.0, 0.0], [0.0, 4.0]]), flambeau.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    x, info = solve_ex(A, B, left=left, _name="linalg.solve")
    fail("linalg.solve", info, UNSOLVED)
    return given(x, out, "linalg.solve")


def solve_triangular(A, B, *, upper: bool, left: bool = True, unitriangular: bool = False, out=None):
    """X with A X = B, or X A = B when not `left`, reading one triangle of A.  (*, n, n), (*, n, k) -> (*, n, k)

    A zero on the diagonal gives inf and nan, not an error. `unitriangular`: the diagonal counts as ones.
    """
    name = "linalg.solve_triangular"
    check(name, A, square=True)
    check(name, B)
    check_system(name, A, B, left)
    x = triangular(A, B, upper, unitriangular) if left else triangular(A.mT, B.mT, not upper, unitriangular).mT
    return given(x, out, name)


TriangularSolve = kind("triangular_solve")


@listed
def triangular_solve(input, A, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *, out=None):
    """X with A X = B (Aᵀ X = B when `transpose`), reading one triangle of A, and A.  (*, n, k), (*, n, n) -> (*, n, k), (*, n, n)"""
    check("triangular_solve", A, square=True)
    check("triangular_solve", input)
    if A.shape[-1] != input.shape[-2]:
        raise RuntimeError(f"triangular_solve: Incompatible matrix sizes: each A matrix is {A.shape[-1]} by {A.shape[-1]} "
                           f"but each b matrix is {input.shape[-2]} by {input.shape[-1]}")
    x = triangular(A.mT, input, not upper, unitriangular) if transpose else triangular(A, input, upper, unitriangular)
    return give(TriangularSolve(x, A.expand(*x.shape[:-2], *A.shape[-2:]).clone()), out, "triangular_solve")


# ---- determinants and powers
def det(A, *, out=None):
    """The determinant.  (*, n, n) -> (*)

    >>> flambeau.linalg.det(flambeau.tensor([[2.0, 0.0], [1.0, 3.0]]))
    tensor(6.)
    """
    check("linalg.det", A, square=True)
    return given(linalg_det(A), out, "linalg.det")


def slogdet(A, *, out=None):
    """The determinant's sign (phase, when complex), and the logarithm of its size.  (*, n, n) -> sign (*), logabsdet (*)"""
    check("linalg.slogdet", A, square=True)
    return give(Slogdet(*linalg_slogdet(A)), out, "linalg.slogdet")


def logdet(input):
    """The logarithm of the determinant: nan where that is negative, -inf where it is 0.  (*, n, n) -> (*)"""
    check("logdet", input, square=True)
    sign, size = linalg_slogdet(input)
    return size + log(sign)


def matrix_power(A, n: int, *, out=None):
    """A · A ⋯ n times; of the inverse when n < 0; the identity when n is 0.  (*, k, k) -> (*, k, k)"""
    check("linalg.matrix_power", A, square=True, low=True)
    if n == 0:
        return given(unread(A) + eye(A.shape[-1], dtype=A.dtype, device=A.device), out, "linalg.matrix_power")
    A, n = (inv(A), -n) if n < 0 else (A, n)
    y = None
    while True:
        if n & 1:
            y = A if y is None else matmul(y, A)
        n >>= 1
        if not n:
            return given(y.clone() if y is A else y, out, "linalg.matrix_power")
        A = matmul(A, A)


def matrix_exp(input):
    """The exponential, I + A + A²/2 + …  (*, n, n) -> (*, n, n)

    >>> flambeau.linalg.matrix_exp(flambeau.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    check("linalg.matrix_exp", input, square=True, low=True)
    return exponential(input)
