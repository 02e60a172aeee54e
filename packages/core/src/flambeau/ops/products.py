"""Products of vectors and matrices beyond matmul: short compositions of it."""
from __future__ import annotations

from itertools import pairwise
from math import prod

from ..casting import listed
from ..dtype import FLOAT, bfloat16, bool_, float16, promote_types, word
from ..numpy_names import numpy_names
from ..spelling import older
from ..tensor import Tensor, check_dim
from .border import roll
from .complex import conj
from .create import eye, ones, tensor
from .elimination import LinAlgError
from .inverse import linalg_inv_ex, linalg_solve_ex
from .join import cat
from .linalg import check_factors, check_kinds, check_vectors, dot, matmul, outer, scaled
from .outs import given
from .view import diagonal as diagonal_of
from .view import movedim, reshape, unsqueeze


# ---- of vectors
@listed
def vdot(input, other, *, out=None):
    """Inner product of two vectors, the first conjugated.  (n), (n) -> ()"""
    check_vectors(input, other)
    return given(dot(conj(input), other), out, "vdot")


@listed
def inner(input, other, *, out=None):
    """Products summed over the last axes.  (*a, n), (*b, n) -> (*a, *b)"""
    if input.ndim == 0 or other.ndim == 0:
        return given(input * other, out, "inner")
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} "
                           f"and {list(other.shape)}")
    return given(tensordot(input, other, ([-1], [-1])), out, "inner")


@listed
def vecdot(x, y, *, dim: int = -1, out=None):
    """Inner products along `dim`, x conjugated.  (*, n, *), (*, n, *) -> (*, *), broadcast"""
    for v in (x, y):
        if v.dtype.category < FLOAT:
            raise RuntimeError(f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {v.dtype.name}")
    return given((conj(x) * y).sum(dim), out, "linalg.vecdot")


def cross_along(input, other, *, dim: int = -1, out=None):
    """Cross products along `dim`, which has three places.  (*, 3, *), (*, 3, *) -> (*, 3, *), broadcast

    >>> flambeau.linalg.cross(flambeau.tensor([1.0, 0.0, 0.0]), flambeau.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    d = check_dim(dim, input.ndim)
    if input.shape[d] != 3 or other.shape[d] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[d]} and {other.shape[d]}")
    return given(roll(input, -1, d) * roll(other, -2, d) - roll(input, -2, d) * roll(other, -1, d), out, "linalg.cross")


@numpy_names
@listed
def cross(input, other, dim: int | None = None, *, out=None):
    """Cross products along `dim`, the first axis of three places unless told.  (*, 3, *), (*, 3, *) -> (*, 3, *)"""
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(f"no dimension of size 3 in input, got shape {list(input.shape)}")
    return cross_along(input, other, dim=dim, out=out)


def vander(x, N: int | None = None):
    """Powers 0 … N - 1 of each element, N = n unless told.  (*, n) -> (*, n, N)

    >>> flambeau.linalg.vander(flambeau.tensor([2, 3])).tolist()
    [[1, 2], [1, 3]]
    """
    x = reshape(x, 1) if x.ndim == 0 else x
    N = x.shape[-1] if N is None else N
    if N <= 1:
        raise RuntimeError(f"N must be greater than 1. Got {N}")
    powers = unsqueeze(x, -1).expand(*x.shape, N - 1).cumprod(-1)
    return cat([powers[..., :1] * 0 + 1, powers], -1)


# ---- of matrices
def kron(input, other, *, out=None):
    """Blocks b, each scaled by an element of a.  (*n), (*m) -> (*n m)"""
    rank = max(input.ndim, other.ndim)
    m, n = ((1,) * (rank - x.ndim) + tuple(x.shape) for x in (input, other))
    left = reshape(input, *(e for s in m for e in (s, 1))) if rank else input
    right = reshape(other, *(e for s in n for e in (1, s))) if rank else other
    y = left * right
    return given(reshape(y, *(s * t for s, t in zip(m, n, strict=True))) if rank else y, out, "kron")


@listed
def tensordot(a, b, dims=2, out=None):
    """Products summed over pairs of axes: the last of a with the first of b, `dims` many, or the axes that dims names for each.

    >>> flambeau.tensordot(flambeau.ones(2, 3, 4), flambeau.ones(3, 4, 5)).shape
    flambeau.Size([2, 5])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims = (range(a.ndim - dims, a.ndim), range(dims))
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError(f"both dimension lists should have same length, got {first} and {second}")
    first, second = [check_dim(d, a.ndim) for d in first], [check_dim(d, b.ndim) for d in second]
    for i, j in zip(first, second, strict=True):
        if a.shape[i] != b.shape[j]:
            if 1 not in (a.shape[i], b.shape[j]):
                raise RuntimeError(f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                                   f"{b.shape[j]} in dim {j}")
            a, b = (a.sum(i, keepdim=True, dtype=a.dtype), b) if b.shape[j] == 1 else (a, b.sum(j, keepdim=True, dtype=b.dtype))
    rows, columns = [d for d in range(a.ndim) if d not in first], [d for d in range(b.ndim) if d not in second]
    k = prod(a.shape[d] for d in first)
    shape = (*(a.shape[d] for d in rows), *(b.shape[d] for d in columns))
    left = a.permute(*rows, *first).reshape(prod(a.shape[d] for d in rows), k)
    right = b.permute(*second, *columns).reshape(k, prod(b.shape[d] for d in columns))
    return given(reshape(matmul(left, right), shape), out, "tensordot")


@older(3, "beta", "alpha")
@listed
def addmv(input, mat, vec, *, beta=1, alpha=1, out=None):
    """β input + α (mat vec).  (n) broadcast, (n, m), (m) -> (n)"""
    if mat.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    check_kinds("addmv input tensors must have the same dtype, but got {0}, {1}, and {2}", input, mat, vec)
    return given(scaled(input, matmul(mat, vec), beta, alpha), out, "addmv")


@older(3, "beta", "alpha")
@listed
def addr(input, vec1, vec2, *, beta=1, alpha=1, out=None):
    """β input + α (vec1 vec2ᵀ).  (n, m) broadcast, (n), (m) -> (n, m)"""
    if vec1.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"addr: Expected 1-D arguments, but got {vec1.ndim}-D and {vec2.ndim}-D")
    check_factors(promote_types(promote_types(vec1.dtype, vec2.dtype), input.dtype), beta=beta, alpha=alpha)
    if input.dtype in (float16, bfloat16):
        beta, alpha = (tensor(v, dtype=input.dtype, device=input.device) for v in (beta, alpha))  # every step is rounded, as PyTorch's are
        product = outer(vec1 * alpha, vec2)
        return given(product if beta == 0 else input.expand(product.shape) * beta + product, out, "addr")
    product = outer(vec1, vec2)
    if product.dtype is bool_ and input.dtype is bool_:
        beta, alpha = bool(beta), bool(alpha)
        return given(input.expand(product.shape) & beta | product & alpha, out, "addr")
    return given(scaled(input.expand(product.shape), product, beta, alpha), out, "addr")


@older(3, "beta", "alpha")
@listed
def addbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None):
    """β input + α Σ batch1 batch2, summed over the first axis.  (n, m) broadcast, (b, n, k), (b, k, m) -> (n, m)"""
    if batch1.ndim != 3 or batch2.ndim != 3:
        raise RuntimeError(f"batch1 must be a 3D tensor and batch2 too, got {batch1.ndim}D and {batch2.ndim}D")
    check_kinds("self and mat2 must have the same dtype, but got {0} and {2}", input, batch1, batch2)
    if input.dtype in (float16, bfloat16):
        total = input.float() * beta if beta else input.float().new_zeros(input.shape)
        for one, two in zip(batch1.float(), batch2.float(), strict=True):  # every sum is rounded, as PyTorch's are
            total = (total + matmul(one, two) * alpha).to(input.dtype).float()
        return given(total.to(input.dtype), out, "addbmm")
    return given(scaled(input, tensordot(batch1, batch2, ([0, 2], [0, 1])), beta, alpha), out, "addbmm")


@listed
def multi_dot(tensors, *, out=None):
    """The product of several matrices, in the order that costs least; the ends may be vectors.  -> (n, m)

    >>> flambeau.linalg.multi_dot([flambeau.ones(2, 3), flambeau.ones(3, 4), flambeau.ones(4)]).shape
    flambeau.Size([2])
    """
    xs = list(tensors)
    if len(xs) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(xs)}")
    for i, x in enumerate(xs):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(xs) - 1)):
            place = "the first tensor" if i == 0 else "the last tensor" if i == len(xs) - 1 else f"tensor {i}"
            raise RuntimeError(f"multi_dot(): {place} must be {'1D or ' if i in (0, len(xs) - 1) else ''}2D but got {x.ndim}D")
        if x.dtype is not xs[0].dtype:
            raise RuntimeError(f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {word(xs[0].dtype)} and tensor {i} "
                               f"{word(x.dtype)}")
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = unsqueeze(xs[0], 0) if row else xs[0]
    xs[-1] = unsqueeze(xs[-1], 1) if column else xs[-1]
    for i, (a, b) in enumerate(pairwise(xs)):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a.shape)} and {list(b.shape)} cannot be multiplied")
    y = _cheapest(xs)
    y = y.squeeze(0) if row else y
    return given(y.squeeze(-1) if column else y, out, "multi_dot")


def _cheapest(xs):
    """Multiplies a chain where it costs least.  Source: Godbole (1973), "On efficient computation of matrix chain products"."""
    sizes = [xs[0].shape[0], *(x.shape[1] for x in xs)]
    cost: dict = {(i, i): (0, i) for i in range(len(xs))}
    for length in range(1, len(xs)):
        for i in range(len(xs) - length):
            j = i + length
            cost[i, j] = min((cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i, j):
        if i == j:
            return xs[i]
        k = cost[i, j][1]
        return matmul(product(i, k), product(k + 1, j))

    return product(0, len(xs) - 1)


@listed
def chain_matmul(*matrices, out=None):
    """`multi_dot` of the arguments."""
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    given = list(matrices[0]) if len(matrices) == 1 and isinstance(matrices[0], list | tuple) else list(matrices)
    if len(given) == 1 and given[0].ndim != 2:
        raise RuntimeError(f"chain_matmul(): Tensor 0 must be 2D, but got {given[0].ndim}D: multi_dot takes vectors too")
    return given[0].clone() if len(given) == 1 else multi_dot(given, out=out)


def diagonal(A, *, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """The diagonal of matrices, as a view.  (*, n, m) -> (*, min(n, m))"""
    return diagonal_of(A, offset, dim1, dim2)


# ---- tensors as matrices
@listed
def tensorsolve(A, B, dims=None, *, out=None):
    """X with tensordot(A, X, X.ndim) = B.  (*b, *x), (*b) -> (*x)   `dims`: axes of A that are moved to its end first"""
    if dims is not None:
        A = movedim(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = tuple(A.shape[B.ndim:])
    n = prod(shape)
    if n != prod(A.shape[:B.ndim]):
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
                           f"but got {n} != {prod(A.shape[:B.ndim])}")
    if n != B.numel():
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == other.numel(), but got "
                           f"{n} != {B.numel()}")
    x, info = linalg_solve_ex(reshape(A, n, n), reshape(B, n, 1))
    if info.visible() and info.item():
        raise LinAlgError(f"linalg.tensorsolve: A as a matrix of {n} rows is singular: the solver failed")
    return given(reshape(x, shape), out, "tensorsolve")


@listed
def tensorinv(A, ind: int = 2, *, out=None):
    """The inverse for tensordot over the first `ind` axes.  (*a, *b) -> (*b, *a)"""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', got {ind}")
    front, back = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if prod(front) != prod(back):
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
                           f"{prod(back)} != {prod(front)}")
    y, info = linalg_inv_ex(reshape(A, prod(front), prod(back)))
    if info.visible() and info.item():
        raise LinAlgError(f"linalg.tensorinv: The diagonal element {info.item()} is zero: A as a matrix of {prod(front)} rows is singular")
    return given(reshape(y, back + front), out, "tensorinv")


@listed
def householder_product(A, tau, *, out=None):
    """The first n columns of H₁ H₂ …, where Hᵢ = I - τᵢ vᵢ vᵢᴴ and vᵢ is column i of A below its diagonal, with 1 on it.

    (*, m, n), (*, k) -> (*, m, n)
    """
    name = "linalg.householder_product"
    if A.ndim < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions, got shape {list(A.shape)}")
    m, n = A.shape[-2:]
    for first, second, a, b in (("input.shape[-2]", "input.shape[-1]", m, n), ("input.shape[-1]", "tau.shape[-1]", n, tau.shape[-1])):
        if a < b:
            raise RuntimeError(f"{name}: {first} must be greater than or equal to {second}, got {a} and {b}")
    if A.dtype is not tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype.name} does not match input dtype {A.dtype.name}")
    if tau.shape[:-1] != A.shape[:-2]:
        raise RuntimeError(f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}")
    start = eye(m, n, dtype=A.dtype, device=A.device).expand(A.shape) + (0 if tau.shape[-1] else A * 0)
    return given(reflected(A, tau, start, backwards=True), out, name)


def reflected(A, tau, C, backwards: bool = False, adjoint: bool = False):
    """Reflections applied to C: from the last to the first when `backwards` (that is H₁ H₂ … C), else from the first on."""
    k = tau.shape[-1]
    for i in reversed(range(k)) if backwards else range(k):
        head = ones(*A.shape[:-2], 1, dtype=A.dtype, device=A.device)
        v = unsqueeze(cat([head, A[..., i + 1:, i]], -1), -1)  # (*, m - i, 1)
        t = unsqueeze(unsqueeze(tau[..., i], -1), -1)
        low = C[..., i:, :]
        low = low - (conj(t) if adjoint else t) * (v @ (v.mH @ low))
        C = cat([C[..., :i, :], low], -2) if i else low
    return C


