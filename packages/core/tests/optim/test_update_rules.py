"""Where 20 steps end, held against tables that PyTorch 2.13 gave; and what a step does to memory, versions and dtypes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau.optim import SGD, Adam, AdamW, update
from flambeau.optim.adam import adam, adam_amsgrad
from flambeau.optim.sgd import sgd_momentum

ENDS = [
    (SGD, {}, [0.9957362, -2.3499115, 2.3503292]),
    (SGD, {"momentum": 0.9}, [0.6513617, -4.1778145, -0.6726188]),
    (SGD, {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}, [0.5585579, -2.6017818, 0.1304326]),
    (SGD, {"momentum": 0.9, "nesterov": True, "maximize": True}, [1.3180383, 0.3099436, 6.9550271]),
    (Adam, {}, [0.8462687, -2.4893425, 2.3427572]),
    (Adam, {"weight_decay": 0.1, "betas": (0.8, 0.95)}, [0.7386084, -2.2345436, 2.2288458]),
    (Adam, {"amsgrad": True, "maximize": True}, [1.1537315, -1.510675, 3.6572256]),
    (Adam, {"weight_decay": 0.1, "decoupled_weight_decay": True}, [0.7625825, -2.2721343, 2.0877149]),
    (AdamW, {}, [0.8375259, -2.4667127, 2.3160982]),
    (AdamW, {"weight_decay": 0.3, "amsgrad": True}, [0.6180358, -1.8933306, 1.6480811]),
]
KINDS = [(SGD, {"momentum": 0.9}), (Adam, {"weight_decay": 0.1}), (AdamW, {"amsgrad": True})]


def walk(p, kind, options, steps=20):
    optimizer = kind([p], lr=0.05, **options)
    j = np.arange(p.numel()).reshape(p.shape) % 3
    for i in range(steps):
        p.grad = flambeau.tensor(np.sin(i + j) + 0.3 * j).to(dtype=p.dtype)
        optimizer.step()
    return p.detach()


def start(*shape, dtype=None):
    values = np.array([1.0, -2.0, 3.0])[np.arange(math.prod(shape)) % 3].reshape(shape)
    return flambeau.tensor(values, dtype=dtype or flambeau.float32, requires_grad=True)


@pytest.fixture(params=["body", "kernel"])
def tolerance(request, monkeypatch):
    """Run by the body alone, as where there is no compiler, or by kernels alone, which may keep more digits."""
    monkeypatch.setattr(update, "kernels", {})
    if request.param == "body":
        monkeypatch.setattr(update, "fuse", lambda *_, **__: None)
    yield 0.0 if request.param == "body" else 3e-6
    built = {key[0].__name__: kernel is not None for key, kernel in update.kernels.items()}
    if request.param == "kernel" and not all(built.values()):
        pytest.skip(f"no C compiler builds kernels here: {built}")


@pytest.mark.parametrize(("kind", "options", "end"), ENDS)
def test_twenty_steps_end_where_pytorchs_do(kind, options, end, tolerance):
    assert np.abs(walk(start(3), kind, options).numpy() - end).max() < 1e-6
    exact = walk(start(3, dtype=flambeau.float64), kind, options)
    assert exact.dtype == flambeau.float64 and np.abs(exact.numpy() - end).max() < 3e-6  # the tables are of float32


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_blocks_and_strides_change_nothing(kind, options, tolerance):
    end = walk(start(3), kind, options).numpy()
    assert np.abs(walk(start(update.BLOCK + 100, 3), kind, options).numpy() - end).max() <= tolerance
    columns = flambeau.tensor(np.broadcast_to(start(3).detach().numpy(), (50, 3)).T.copy()).T.detach().requires_grad_()
    assert not columns.is_contiguous()
    array = columns.array
    assert np.abs(walk(columns, kind, options).numpy() - end).max() <= tolerance and columns.array is array


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_gradient_laid_out_differently(kind, options, tolerance):
    a, b = start(300, 200), start(300, 200)
    values = np.random.default_rng(0).standard_normal((200, 300)).astype(np.float32)
    a.grad, b.grad = flambeau.tensor(values).T, flambeau.tensor(np.ascontiguousarray(values.T))
    for p in (a, b):
        kind([p], lr=0.1, **options).step()
    assert np.abs(a.detach().numpy() - b.detach().numpy()).max() <= tolerance


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_scalars_and_empty_tensors(kind, options, tolerance):
    assert abs(walk(start(), kind, options).item() - walk(start(3), kind, options)[0].item()) < 1e-6
    assert walk(start(0, 3), kind, options).shape == (0, 3)


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_keeps_its_dtype(kind, options, dtype):
    eps = {} if kind is SGD else {"eps": 1e-4}
    half = walk(start(3, dtype=getattr(flambeau, dtype)), kind, options | eps)
    assert half.dtype == getattr(flambeau, dtype)
    assert np.abs(half.to(dtype=flambeau.float32).numpy() - walk(start(3), kind, options | eps).numpy()).max() < 0.2


def test_complex_parameters_are_pairs(tolerance):
    z = flambeau.tensor([1 + 2j, -1j], dtype=flambeau.complex64, requires_grad=True)
    pair = flambeau.tensor([[1.0, 2.0], [0.0, -1.0]], requires_grad=True)
    gradients = flambeau.tensor([1 - 1j, 2 + 0.5j], dtype=flambeau.complex64), flambeau.tensor([[1.0, -1.0], [2.0, 0.5]])
    for p, gradient in zip((z, pair), gradients):
        optimizer = Adam([p], lr=0.1)
        for _ in range(3):
            p.grad = gradient
            optimizer.step()
    assert np.allclose(z.detach().numpy().view(np.float32).reshape(2, 2), pair.detach().numpy())


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_step_writes_in_place_and_backward_sees_it(kind, options):
    p = start(3)
    array = p.array
    loss = (p * p).sum()
    optimizer = kind([p], lr=0.1, **options)
    p.grad = flambeau.ones(3)
    before = p._version
    optimizer.step()
    assert p.array is array and p._version == before + 1 and p.grad.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_parameters_without_gradient_are_left_alone():
    p, q = start(3), start(3)
    optimizer = AdamW([p, q], lr=0.1)
    p.grad = flambeau.ones(3)
    optimizer.step()
    assert q.tolist() == [1, -2, 3] and q not in optimizer.state and len(optimizer.state_dict()["state"]) == 1


def test_a_gradient_that_does_not_fit():
    p = start(3)
    p.grad = flambeau.ones(3)
    p.data = flambeau.ones(4)
    with pytest.raises(RuntimeError, match=r"expected a gradient of float32 \(4,\) like its parameter, got float32 \(3,\)"):
        SGD([p]).step()


def test_a_network_learns():
    flambeau.manual_seed(0)
    x = flambeau.randn(64, 3)
    y = x @ flambeau.tensor([[1.0], [-2.0], [0.5]]) + 0.3
    for make in (lambda p: SGD(p, lr=0.1, momentum=0.9), lambda p: AdamW(p, lr=0.1, weight_decay=0.0)):
        w, b = flambeau.zeros(3, 1, requires_grad=True), flambeau.zeros(1, requires_grad=True)
        optimizer = make([w, b])

        def closure(w=w, b=b, optimizer=optimizer):
            optimizer.zero_grad()
            loss = ((x @ w + b - y) ** 2).mean()
            loss.backward()
            return loss

        with flambeau.no_grad():  # the closure records all the same
            losses = [optimizer.step(closure).item() for _ in range(200)]
        assert losses[-1] < 1e-4 * losses[0] and abs(b.item() - 0.3) < 0.01


@pytest.mark.parametrize("rule", [adam, adam_amsgrad, sgd_momentum])
def test_rules_are_pure_where_arrays_are(rule):
    """On values that cannot be written the rule gives the same results: what tracing a kernel relies on."""
    rng = np.random.default_rng(0)
    state = {adam: 2, adam_amsgrad: 3, sgd_momentum: 1}[rule]
    arrays = [rng.random(5) for _ in range(2 + state)]
    if rule is sgd_momentum:
        rest, flags = (0.1, 0.01, 0.9, 1.0), {"maximize": True, "decaying": True, "nesterov": True}
    else:
        rest, flags = (0.1, 0.9, 0.1, 0.99, 0.01, 1e-8, 0.01), {"maximize": False, "coupled": True, "decoupled": True}
    values = [[type(a[i])(a[i]) for a in arrays] for i in range(5)]  # NumPy scalars: immutable
    one_by_one = np.array([rule(np, *v, *rest, **flags) for v in values]).T
    assert np.allclose(np.array(rule(np, *arrays, *rest, **flags)), one_by_one, rtol=1e-14)
