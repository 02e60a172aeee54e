"""lobpcg, against eigh."""
import pytest

import flambeau
from flambeau.testing import assert_close


def symmetric(m=12, *batch, dtype=flambeau.float64, seed=0):
    _ = flambeau.manual_seed(seed)
    x = flambeau.randn(*batch, m, m, dtype=dtype)
    return x @ x.mT / m + flambeau.arange(float(m), dtype=dtype).diag()


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_eigenpairs(largest, batch):
    A = symmetric(12, *batch)
    values, vectors = flambeau.lobpcg(A, k=3, largest=largest, niter=-1, tol=1e-10)
    wanted = flambeau.linalg.eigvalsh(A)
    assert_close(values, wanted.flip(-1)[..., :3] if largest else wanted[..., :3])
    assert_close(A @ vectors, vectors * values.unsqueeze(-2), atol=1e-6, rtol=1e-6)
    assert_close(vectors.mT @ vectors, flambeau.eye(3, dtype=A.dtype).expand(*batch, 3, 3))


def test_general_sparse_and_started():
    A, B = symmetric(), symmetric(seed=1)
    values, vectors = flambeau.lobpcg(A, k=2, B=B, niter=-1, tol=1e-10)
    assert_close(values, flambeau.linalg.eigvals(flambeau.linalg.solve(B, A)).real.sort(descending=True).values[:2])
    assert_close(vectors.mT @ B @ vectors, flambeau.eye(2, dtype=A.dtype))
    rows = flambeau.ones(3, 40).double() * flambeau.tensor([[2.0], [-1.0], [-1.0]])
    tri = flambeau.sparse.spdiags(rows, flambeau.tensor([0, 1, -1]), (40, 40))
    found, _ = flambeau.lobpcg(tri, k=2, largest=False, niter=-1)
    exact = 2 - 2 * (flambeau.arange(1.0, 3.0).double() * flambeau.pi / 41).cos()
    assert_close(found, exact, atol=1e-6, rtol=1e-5)
    start = flambeau.linalg.eigh(A).eigenvectors[:, -2:]
    assert_close(flambeau.lobpcg(A, X=start, niter=0)[0], flambeau.linalg.eigvalsh(A).flip(0)[:2])
    guess = flambeau.lobpcg(A, k=1, largest=False, iK=flambeau.linalg.inv(A), niter=6)[0]
    plain = flambeau.lobpcg(A, k=1, largest=False, niter=6)[0]
    exact = flambeau.linalg.eigvalsh(A)[:1]
    assert abs(guess - exact) < 1e-4 < abs(plain - exact)


def test_gradients_are_those_of_eigh():
    A, weight = symmetric().requires_grad_(), symmetric(seed=2)[:, :2].square()
    values, vectors = flambeau.lobpcg(A, k=2, niter=-1, tol=1e-12)
    (values.square().sum() + (vectors.square() * weight).sum()).backward()
    B = A.detach().clone().requires_grad_()
    e, v = flambeau.linalg.eigh((B + B.mT) / 2)
    (e.flip(0)[:2].square().sum() + (v.flip(1)[:, :2].square() * weight).sum()).backward()
    assert_close(A.grad, B.grad, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("call", "kind"), [
    (lambda a: flambeau.lobpcg(a, k=5), ValueError), (lambda a: flambeau.lobpcg(a, k=0), ValueError),
    (lambda a: flambeau.lobpcg(a[:8], k=1), ValueError), (lambda a: flambeau.lobpcg(a, method="other"), ValueError),
    (lambda a: flambeau.lobpcg(a, tracker=print), NotImplementedError), (lambda a: flambeau.lobpcg(a.long()), NotImplementedError),
    (lambda a: flambeau.lobpcg(a.requires_grad_(), B=flambeau.eye(12).double()), NotImplementedError),
    (lambda a: flambeau.lobpcg(a, X=flambeau.ones(12, 2).double()), RuntimeError)])
def test_what_is_refused(call, kind):
    with pytest.raises(kind):
        call(symmetric())
