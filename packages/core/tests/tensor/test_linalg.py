"""Linear algebra: what factorisations promise, what goes wrong with which error, gradients that the laws cannot see."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import linalg
from flambeau.autograd import gradcheck, gradgradcheck

float64, complex128 = flambeau.float64, flambeau.complex128


def numbers(*shape, dtype=float64, seed=3):
    draw = np.random.default_rng(seed)
    x = draw.standard_normal(shape)
    return flambeau.from_numpy(np.asarray(x + 1j * draw.standard_normal(shape) if dtype is complex128 else x).astype(dtype.numpy))


def close(a, b, tolerance=1e-10):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)


def eye(n):
    return flambeau.eye(n, dtype=float64)


both = pytest.mark.parametrize("dtype", [float64, complex128], ids=str)


# ---- what each factorisation promises
@both
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 3, 3), (0, 3), (2, 0, 0)], ids=str)
def test_products_of_factors(shape, dtype):
    A = numbers(*shape, dtype=dtype)
    k = min(shape[-2:])
    Q, R = linalg.qr(A)
    close(Q @ R, A)
    close(Q.mH @ Q, (eye(k) + 0 * Q.mH @ Q).to(dtype))
    close(R, R.triu())
    assert linalg.qr(A, "complete").Q.shape[-1] == shape[-2]
    assert linalg.qr(A, "r").Q.numel() == 0
    U, S, Vh = linalg.svd(A, full_matrices=False)
    close(U * S.to(dtype).unsqueeze(-2) @ Vh, A)
    close(linalg.svdvals(A), S)
    P, L, U = linalg.lu(A)
    close(P.to(dtype) @ L @ U, A)
    close(L, L.tril())
    close(linalg.pinv(A) @ A @ linalg.pinv(A), linalg.pinv(A))


def test_lu_of_a_large_matrix_goes_by_panels():
    A = numbers(100, 70)
    factor, pivots, info = linalg.lu_factor_ex(A)
    P, L, U = flambeau.lu_unpack(factor, pivots)
    close(P @ L @ U, A)
    assert pivots.dtype is flambeau.int32 and int(info) == 0 and float(L.abs().max()) == 1.0


@both
def test_eigenvalues(dtype):
    A = numbers(2, 4, 4, dtype=dtype)
    H = A + A.mH
    values, vectors = linalg.eigh(H)
    close(H @ vectors, vectors * values.to(dtype).unsqueeze(-2))
    close(linalg.eigvalsh(H, "U"), values)
    only_lower = H.tril()
    close(linalg.eigh(only_lower).eigenvalues, values)
    values, vectors = linalg.eig(A)
    assert values.dtype is complex128
    close(A.to(complex128) @ vectors, vectors * values.unsqueeze(-2))
    assert np.allclose(np.sort_complex(linalg.eigvals(A).numpy()), np.sort_complex(values.numpy()))


@both
def test_cholesky_and_solutions(dtype):
    A = numbers(2, 3, 3, dtype=dtype)
    S, B = A @ A.mH + eye(3).to(dtype), numbers(2, 3, 2, dtype=dtype, seed=5)
    L = linalg.cholesky(S)
    close(L @ L.mH, S)
    close(linalg.cholesky(S, upper=True), L.mH)
    close(S @ flambeau.cholesky_solve(B, L), B)
    close(S @ flambeau.cholesky_inverse(L.mH.contiguous(), upper=True), (eye(3) + 0 * S).to(dtype))
    close(A @ linalg.solve(A, B), B)
    close(linalg.solve(A, B.mT, left=False) @ A, B.mT)
    close((A @ linalg.solve(A, B[..., 0]).unsqueeze(-1)).squeeze(-1), B[..., 0])
    for upper in (False, True):
        T = A.triu() if upper else A.tril()
        close(T @ linalg.solve_triangular(A, B, upper=upper), B)
        close(linalg.solve_triangular(A, B.mT, upper=upper, left=False) @ T, B.mT)
    factor, pivots = linalg.lu_factor(A)
    close(A @ linalg.lu_solve(factor, pivots, B), B)
    close(A.mH @ linalg.lu_solve(factor, pivots, B, adjoint=True), B)
    close(linalg.lu_solve(factor, pivots, B.mT, left=False) @ A, B.mT)


def test_ldl():
    pytest.importorskip("scipy", reason="LDL is SciPy's")
    A, B = numbers(2, 4, 4), numbers(2, 4, 3, seed=8)
    S = A + A.mT
    close(S @ linalg.ldl_solve(*linalg.ldl_factor(S), B), B)


def test_singular_triangle_gives_inf():
    x = linalg.solve_triangular(flambeau.tensor([[1.0, 1.0], [0.0, 0.0]]), flambeau.ones(2, 1), upper=True)
    assert x.tolist() == [[-flambeau.inf], [flambeau.inf]]


@both
def test_determinants(dtype):
    A = numbers(2, 3, 3, dtype=dtype)
    sign, size = linalg.slogdet(A)
    close(sign * size.exp().to(dtype), linalg.det(A))
    close(linalg.det(linalg.inv(A)) * linalg.det(A), flambeau.ones(2, dtype=dtype))
    close(flambeau.logdet(A @ A.mH), 2 * size.to(dtype))


def test_functions_of_matrices():
    turn = flambeau.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=float64)
    close(flambeau.matrix_exp(turn * flambeau.pi), -eye(2))
    spin = (numbers(2, 3, 3) - numbers(2, 3, 3).mT) * flambeau.tensor([0.1, 30.0], dtype=float64).reshape(2, 1, 1)
    close(flambeau.matrix_exp(spin) @ flambeau.matrix_exp(spin).mT, eye(3).expand(2, 3, 3))
    close(linalg.matrix_power(turn, 4), eye(2))
    close(linalg.matrix_power(turn, -1), turn.T)
    close(linalg.matrix_power(turn, 0), eye(2))


def test_norms_and_condition():
    A = numbers(2, 3, 4)
    n = A.numpy()
    for p in ("fro", "nuc", 1, -1, 2, -2, flambeau.inf, -flambeau.inf):
        close(linalg.matrix_norm(A, p), flambeau.tensor([np.linalg.norm(a, p) for a in n], dtype=float64))
        assert linalg.matrix_norm(A, p, dim=(0, 2), keepdim=True).shape == (1, 3, 1)
    for p in (0, 0.5, 1, 2, 3, flambeau.inf, -flambeau.inf):
        close(linalg.vector_norm(A, p, dim=1), flambeau.from_numpy(np.linalg.norm(n, p, axis=1)))
    close(linalg.cond(A[:, :, :3]), flambeau.from_numpy(np.linalg.cond(n[:, :, :3])))
    assert linalg.cond(flambeau.ones(2, 2), 1).item() == flambeau.inf
    zero = flambeau.zeros(3, requires_grad=True)
    linalg.vector_norm(zero, 3).backward()
    assert zero.grad.tolist() == [0, 0, 0]


def test_rank_and_least_squares():
    thin = numbers(5, 2) @ numbers(2, 4, seed=9)
    assert linalg.matrix_rank(thin).item() == 2 and linalg.matrix_rank(thin, atol=1e3).item() == 0
    A, b = numbers(5, 3), numbers(5, seed=4)
    found = linalg.lstsq(A, b, driver="gelsd")
    solution, residuals, rank, s = np.linalg.lstsq(A.numpy(), b.numpy(), rcond=None)
    np.testing.assert_allclose(found.solution.numpy(), solution)
    np.testing.assert_allclose(found.residuals.numpy(), residuals)
    assert int(found.rank) == rank
    np.testing.assert_allclose(found.singular_values.numpy(), s)


def test_low_rank():
    flambeau.manual_seed(0)
    A = numbers(30, 4) @ numbers(4, 20, seed=9)
    U, S, V = flambeau.svd_lowrank(A, q=6)
    close(U * S @ V.T, A)
    assert flambeau.pca_lowrank(A)[1].shape == (6,)
    with pytest.raises(ValueError, match="not greater than min"):
        flambeau.pca_lowrank(A, q=50)


@both
def test_reflections(dtype):
    A, C = numbers(4, 3, dtype=dtype), numbers(4, 4, dtype=dtype, seed=2)
    a, tau = flambeau.geqrf(A)
    Q = linalg.householder_product(a, tau)
    close(Q @ a[:3].triu(), A)
    whole = flambeau.ormqr(a, tau, eye(4).to(dtype))
    close(whole[:, :3], Q)
    close(flambeau.ormqr(a, tau, C, transpose=True), whole.mH @ C)
    close(flambeau.ormqr(a, tau, C, left=False), C @ whole)


def test_products():
    a, b = numbers(2, 3), numbers(4, 2, seed=4)
    np.testing.assert_allclose(flambeau.kron(a, b).numpy(), np.kron(a.numpy(), b.numpy()))
    np.testing.assert_allclose(flambeau.inner(a, a).numpy(), np.inner(a.numpy(), a.numpy()))
    np.testing.assert_allclose(flambeau.cross(a, a.flip(0)).numpy(), np.cross(a.numpy(), a.flip(0).numpy()))
    close(linalg.multi_dot([b, a, a.T, b.T]), b @ a @ a.T @ b.T)
    z = numbers(3, dtype=complex128)
    np.testing.assert_allclose(flambeau.vdot(z, z).numpy(), np.vdot(z.numpy(), z.numpy()))
    T = numbers(2, 3, 6)
    close(flambeau.tensordot(linalg.tensorinv(T, ind=2), numbers(2, 3, seed=1)), linalg.tensorsolve(T, numbers(2, 3, seed=1)))
    close(flambeau.cdist(a, a), flambeau.from_numpy(np.linalg.norm(a.numpy()[:, None] - a.numpy()[None], axis=-1)))
    assert flambeau.pdist(b).shape == (6,)
    assert linalg.vector_norm(flambeau.renorm(a * 100, 2, 0, 5.0), dim=1).max() <= 5.0


# ---- gradients
def test_gradients_of_singular_matrices():
    A = flambeau.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=float64, requires_grad=True)
    linalg.det(A).backward()
    close(A.grad, flambeau.tensor([[4.0, -2.0], [-2.0, 1.0]], dtype=float64))


@pytest.mark.parametrize(
    "call",
    [
        lambda A: linalg.lu(A)[1:],
        lambda A: linalg.qr(A),
        lambda A: linalg.svd(A).U.abs(),
        lambda A: linalg.eigh(A + A.mT).eigenvectors.abs(),
        lambda A: linalg.cholesky(A @ A.mT),
        lambda A: linalg.householder_product(A, A[0] * 0.1),
        lambda A: linalg.cond(A, "fro"),
        lambda A: linalg.norm(A, "nuc"),
        lambda A: linalg.multi_dot([A, A, A]),
        lambda A: linalg.lstsq(A, A[:, 0]).solution,
        lambda A: flambeau.kron(A, A[0]),
    ],
)
def test_gradients_of_compositions(call):
    A = (numbers(3, 3) * 0.3 + flambeau.diag(flambeau.tensor([1.0, 2.0, 3.5], dtype=float64))).requires_grad_()
    assert gradcheck(call, (A,), atol=1e-5)
    assert gradgradcheck(call, (A,), atol=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        linalg.inv,
        linalg.det,
        lambda A: linalg.slogdet(A).logabsdet,
        lambda A: linalg.svd(A).S,
        lambda A: linalg.svd(A).U.abs(),
        lambda A: linalg.eigh(A + A.mH).eigenvectors.abs(),
        lambda A: linalg.eigvals(A).abs(),
        lambda A: linalg.qr(A).R.abs(),
        lambda A: linalg.cholesky(A @ A.mH).abs(),
        lambda A: linalg.lu(A).U,
        lambda A: linalg.pinv(A[:, :2]),
        lambda A: linalg.solve_triangular(A, A, upper=False),
        lambda A: linalg.vector_norm(A, 3),
        flambeau.matrix_exp,
    ],
)
def test_gradients_of_complex_matrices(call):
    A = (numbers(3, 3, dtype=complex128) * 0.3 + flambeau.diag(flambeau.tensor([1.0, 2.0, 3.5], dtype=float64))).requires_grad_()
    assert gradcheck(call, (A,), atol=1e-5)


@pytest.mark.parametrize("call", [linalg.inv, linalg.cholesky, lambda S: linalg.eigh(S)[1], lambda S: linalg.lu(S).L, linalg.pinv])
def test_inside_transforms(call):
    A = numbers(3, 3)
    S = A @ A.mT + 2 * eye(3)
    close(flambeau.func.jacrev(call)(S), flambeau.func.jacfwd(call)(S), 1e-8)
    both = flambeau.stack([S, S + eye(3)])
    close(flambeau.func.vmap(call)(both), flambeau.stack([call(S), call(S + eye(3))]))


# ---- bad input
def test_error_is_a_runtime_error():
    assert issubclass(linalg.LinAlgError, RuntimeError)


@pytest.mark.parametrize("call", ["cholesky", "inv", "det", "slogdet", "eigh", "eigvals", "eig", "cholesky_ex", "inv_ex", "eigvalsh"])
def test_square_matrices_are_asked_for(call):
    with pytest.raises(RuntimeError, match="must be batches of square matrices, but they are 2 by 3"):
        getattr(linalg, call)(flambeau.ones(2, 3))
    with pytest.raises(RuntimeError, match="must have at least 2 dimensions"):
        getattr(linalg, call)(flambeau.ones(2))
    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input. Got int64"):
        getattr(linalg, call)(flambeau.ones(2, 2, dtype=flambeau.int64))
    with pytest.raises(RuntimeError, match="Low precision dtypes not supported. Got float16"):
        getattr(linalg, call)(flambeau.ones(2, 2, dtype=flambeau.float16))


def test_singular_and_indefinite():
    bad = flambeau.stack([flambeau.eye(2), flambeau.tensor([[1.0, 2.0], [2.0, 4.0]])])
    with pytest.raises(linalg.LinAlgError, match=r"linalg.inv: \(Batch element 1\): The diagonal element 2 is zero"):
        linalg.inv(bad)
    with pytest.raises(linalg.LinAlgError, match=r"linalg.solve: \(Batch element 1\): .*singular"):
        linalg.solve(bad, flambeau.ones(2, 2, 1))
    with pytest.raises(linalg.LinAlgError, match="leading minor of order 2 is not positive-definite"):
        linalg.cholesky(-bad[:1] + 2 * flambeau.diag(flambeau.tensor([1.0, 0.0])))
    inverse, info = linalg.inv_ex(bad)
    assert info.tolist() == [0, 2] and inverse[0].tolist() == [[1, 0], [0, 1]]
    assert linalg.cholesky_ex(bad).info.tolist() == [0, 2] and linalg.lu_factor_ex(bad).info.tolist() == [0, 2]
    with pytest.raises(linalg.LinAlgError, match="is zero"):
        linalg.lu_factor(bad)
    with pytest.raises(linalg.LinAlgError, match="converge"):
        linalg.svd(flambeau.full((2, 2), flambeau.nan))


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda A: linalg.solve(A, flambeau.ones(3, 1)), RuntimeError, "Incompatible shapes of A and B"),
        (lambda A: linalg.solve(A, flambeau.ones(2).double()), RuntimeError, "same dtype"),
        (lambda A: linalg.qr(A, "full"), RuntimeError, "unrecognized mode 'full'"),
        (lambda A: linalg.eigh(A, "X"), RuntimeError, "'L' or 'U'"),
        (lambda A: linalg.matrix_norm(A, 3), RuntimeError, "Order 3 not supported"),
        (lambda A: linalg.matrix_norm(A, "fro", (0, 0)), RuntimeError, "dims must be different"),
        (lambda A: linalg.matrix_norm(A, "fro", (0, 2)), IndexError, "out of range"),
        (lambda A: linalg.norm(A.unsqueeze(0), 2), RuntimeError, "must be 1D or 2D"),
        (lambda A: linalg.cross(A, A), RuntimeError, "must have length 3"),
        (lambda A: flambeau.cross(A, A), RuntimeError, "no dimension of size 3"),
        (lambda A: linalg.multi_dot([A]), RuntimeError, "at least 2 tensors"),
        (lambda A: linalg.multi_dot([A, flambeau.ones(3, 2)]), RuntimeError, "cannot be multiplied"),
        (lambda A: linalg.lstsq(A, A, driver="x"), RuntimeError, "driver"),
        (lambda A: linalg.lu(A, pivot=False), RuntimeError, "without pivoting is not implemented"),
        (lambda A: linalg.tensorinv(A, 0), RuntimeError, "strictly positive"),
        (lambda A: linalg.eig(A / 0), RuntimeError, "infs or NaNs"),
        (lambda A: flambeau.tensordot(A, flambeau.ones(3, 3), 1), RuntimeError, "contracted dimensions need to match"),
        (lambda A: flambeau.cdist(A, flambeau.ones(2, 3)), RuntimeError, "same number of columns"),
        (lambda A: flambeau.renorm(A, 2, 0, -1.0), RuntimeError, "maxnorm to be >= 0"),
        (lambda A: linalg.qr(A.new_ones(3, 2).requires_grad_(), "complete").Q.sum().backward(), RuntimeError, "not differentiable"),
        (lambda A: linalg.inv([[1.0]]), TypeError, "must be Tensor"),
    ],
)
def test_bad_arguments(call, error, words):
    with pytest.raises(error, match=words):
        call(flambeau.eye(2))


def test_out():
    out = flambeau.empty(0)
    assert linalg.inv(flambeau.eye(2) * 2, out=out) is out and out.tolist() == [[0.5, 0], [0, 0.5]]
    Q, R = flambeau.empty(0), flambeau.empty(0)
    assert linalg.qr(flambeau.eye(2), out=(Q, R)).R is R and Q.shape == (2, 2)


# ---- out=, factors, equations as PyTorch has them
A3, V3 = flambeau.eye(3, dtype=flambeau.float64) * 2, flambeau.ones(3, dtype=flambeau.float64)


@pytest.mark.parametrize("call, held", [
    (lambda out: flambeau.linalg.inv(A3, out=out), None), (lambda out: flambeau.linalg.det(A3, out=out), None),
    (lambda out: flambeau.linalg.solve(A3, V3, out=out), None), (lambda out: flambeau.linalg.cond(A3, out=out), flambeau.complex128),
    (lambda out: flambeau.linalg.pinv(A3, out=out), flambeau.complex128), (lambda out: flambeau.cholesky(A3, out=out), flambeau.complex128),
])  # fmt: skip
def test_out_has_the_dtype_of_the_result(call, held):
    expected = call(None)
    assert flambeau.equal(call(flambeau.empty(0, dtype=flambeau.float64)), expected)
    words = "but got result with dtype Int" if held else "Expected out tensor to have dtype double, but got int instead"
    with pytest.raises(RuntimeError, match=words):
        call(flambeau.empty(0, dtype=flambeau.int32))
    if held:
        assert flambeau.equal(call(flambeau.empty(0, dtype=held)).real, expected)


@pytest.mark.parametrize("name, x, a, b", [("addmm", (2, 2), (2, 2), (2, 2)), ("addmv", (2,), (2, 2), (2,)), ("addr", (2, 2), (2,), (2,)),
                                           ("addbmm", (2, 2), (1, 2, 2), (1, 2, 2)), ("baddbmm", (1, 2, 2), (1, 2, 2), (1, 2, 2))])
def test_beta_zero_does_not_look_at_the_first_tensor(name, x, a, b):
    x = flambeau.full(x, float("nan"), requires_grad=True)
    y = getattr(flambeau, name)(x, flambeau.ones(a), flambeau.ones(b), beta=0)
    assert (y == (1.0 if name == "addr" else 2.0)).all()
    y.sum().backward()
    assert (x.grad == 0).all()
    if name != "addr":
        with pytest.raises(RuntimeError, match="dtype"):
            getattr(flambeau, name)(x.detach().double(), flambeau.ones(a), flambeau.ones(b))


def test_addr_takes_no_factor_that_changes_the_dtype():
    m, v = flambeau.ones(2, 2, dtype=flambeau.int32), flambeau.ones(2, dtype=flambeau.int32)
    with pytest.raises(RuntimeError, match="argument alpha must not be a floating point number"):
        flambeau.addr(m, v, v, alpha=1.5)
    with pytest.raises(RuntimeError, match="Boolean beta only supported"):
        flambeau.addr(m, v, v, beta=True)


def test_equations_of_numbers():
    a, b = flambeau.arange(6.0).reshape(2, 3), flambeau.arange(12.0).reshape(3, 4)
    assert flambeau.equal(flambeau.einsum(a, [0, 1], b, [1, 2], [0, 2]), a @ b)
    assert flambeau.equal(flambeau.einsum(a, [..., 1], b, [1, 2]), a @ b)
    assert flambeau.einsum("ii", flambeau.ones(3, 3)).item() == 3.0
    with pytest.raises(ValueError, match="not within the valid range"):
        flambeau.einsum(a, [0, 52])


@pytest.mark.parametrize("equation, words", [
    ("a.b", "not part of any ellipsis"), ("1b", "invalid subscript given at index 0"), ("a", "does not match the number of dimensions"),
    ("ab,bc", "fewer operands"), ("ab->aa", "more than once in the output"), ("ab->c", "does not appear in the equation"),
    ("aa", "repeated for operand 0 but the sizes don't match"), ("abc...", "is more than the number of dimensions"),
])
def test_equations_that_do_not_fit(equation, words):
    with pytest.raises(RuntimeError, match=words):
        flambeau.einsum(equation, flambeau.ones(2, 3))


def test_older_arguments_by_place():
    assert flambeau.equal(flambeau.cholesky(A3, True), flambeau.linalg.cholesky(A3))
    assert flambeau.linalg.matrix_rank(A3, 0.1, True).item() == 3
    with pytest.raises(RuntimeError, match="between 1 and LU.size"):
        flambeau.lu_unpack(A3, flambeau.zeros(3, dtype=flambeau.int32))
    with pytest.raises(flambeau.linalg.LinAlgError, match="diagonal element 2 is zero"):
        flambeau.cholesky_inverse(flambeau.tensor([[1.0, 0.0], [1.0, 0.0]]))


def test_halves_are_multiplied_and_not_factored():
    half = flambeau.tensor([[2.0, 1.0], [0.0, 1.0]], dtype=flambeau.bfloat16)
    assert flambeau.linalg.matrix_power(half, 3).tolist() == [[8.0, 7.0], [0.0, 1.0]]
    assert flambeau.linalg.matrix_norm(half).dtype is flambeau.bfloat16
    for call in (lambda: flambeau.linalg.matrix_power(half, -1), *(lambda p=p: flambeau.linalg.norm(half, p) for p in (2, -2, "nuc"))):
        with pytest.raises(RuntimeError, match="Low precision dtypes not supported"):
            call()
