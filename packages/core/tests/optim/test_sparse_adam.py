"""Adam at a few places: the same as Adam where all are named."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.optim import Adam, SparseAdam
from flambeau.optim.sparse_adam import move


def test_a_step_at_all_places_is_adams():
    flambeau.manual_seed(0)
    p = flambeau.randn(4, 3, requires_grad=True)
    q = p.detach().clone().requires_grad_()
    dense, sparse = Adam([q], lr=0.1, eps=1e-12), SparseAdam([p], lr=0.1, eps=1e-12)
    state = {"step": 0, "exp_avg": flambeau.zeros(4, 3), "exp_avg_sq": flambeau.zeros(4, 3)}
    for _ in range(5):
        q.grad = flambeau.randn(4, 3)
        dense.step()
        state["step"] += 1
        with flambeau.no_grad():
            move(p, (flambeau.tensor([2, 0, 3, 1]),), q.grad[[2, 0, 3, 1]], state, sparse.param_groups[0])
    assert flambeau.allclose(p, q, atol=1e-6)


def test_other_places_stay():
    p = flambeau.ones(3, 2, requires_grad=True)
    state = {"step": 1, "exp_avg": flambeau.zeros(3, 2), "exp_avg_sq": flambeau.zeros(3, 2)}
    with flambeau.no_grad():
        move(p, (flambeau.tensor([1]),), flambeau.ones(1, 2), state, SparseAdam([p], lr=0.1).param_groups[0])
    assert [round(x, 4) for x in p[:, 0].tolist()] == [1.0, 0.9, 1.0] and state["exp_avg"][0].tolist() == [0, 0]


def test_what_it_refuses():
    p = flambeau.ones(2, requires_grad=True)
    p.grad = flambeau.ones(2)
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        SparseAdam([p]).step()
    for options in ({"lr": 0.0}, {"eps": 0.0}, {"betas": (1.0, 0.9)}):
        with pytest.raises(ValueError, match="Invalid"):
            SparseAdam([p], **options)
    with pytest.raises(ValueError, match="Complex params at indices"):
        SparseAdam([flambeau.ones(2, dtype=flambeau.complex64)])


def test_sparse_gradients():
    if not hasattr(flambeau, "sparse_coo_tensor"):
        pytest.skip("there are no sparse tensors yet")
    p = flambeau.ones(4, 2, requires_grad=True)
    p.grad = flambeau.sparse_coo_tensor([[1, 3, 1]], [[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]], (4, 2))
    SparseAdam([p], lr=0.1).step()
    assert [round(x, 4) for x in p[:, 0].tolist()] == [1.0, 0.9, 1.0, 0.9]
