"""Where 20 steps end, held against tables that PyTorch 2.13 gave; and what a step does to memory, versions and dtypes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau.kernels import many
from flambeau.optim import ASGD, SGD, Adadelta, Adafactor, Adagrad, Adam, Adamax, AdamW, NAdam, RAdam, RMSprop, Rprop, update
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
    (NAdam, {}, [0.9548376, -2.3560393, 2.4423046]),
    (NAdam, {"weight_decay": 0.1, "momentum_decay": 0.01}, [0.8164657, -2.1703007, 2.3412199]),
    (NAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}, [0.9432931, -1.470397, 3.2484243]),
    (RAdam, {}, [0.913291, -2.2156024, 2.7739928]),
    (RAdam, {"weight_decay": 0.1, "betas": (0.8, 0.9)}, [0.8461553, -2.1832073, 2.4094656]),
    (RAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}, [0.8248671, -2.0075645, 2.505451]),
    (Adamax, {}, [0.8888297, -2.35922, 2.5794621]),
    (Adamax, {"weight_decay": 0.1, "maximize": True}, [0.9773439, -1.5604339, 3.2760108]),
    (Adadelta, {}, [1.0000035, -2.0010285, 2.9983883]),
    (Adadelta, {"rho": 0.8, "weight_decay": 0.1, "maximize": True}, [0.9995816, -1.9989259, 3.0008073]),
    (Adagrad, {}, [0.9551026, -2.1653199, 2.7632797]),
    (Adagrad, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2}, [0.9257135, -2.0750778, 2.8215003]),
    (RMSprop, {}, [0.5580069, -3.6780787, 0.5861475]),
    (RMSprop, {"centered": True, "weight_decay": 0.1}, [0.0876996, -2.7267723, 0.3065299]),
    (RMSprop, {"centered": True, "momentum": 0.5, "maximize": True}, [1.9723397, 1.2018691, 7.6180406]),
    (RMSprop, {"momentum": 0.9, "alpha": 0.9}, [-0.4991393, -6.0494323, -2.5151939]),
    (Rprop, {}, [0.871349, -2.2085128, 2.7416935]),
    (Rprop, {"etas": (0.3, 1.5), "step_sizes": (0.001, 0.2), "maximize": True}, [1.1782365, -1.7517096, 3.2448771]),
    (ASGD, {}, [0.9956375, -2.3496814, 2.3500824]),
    (ASGD, {"lambd": 0.1, "t0": 5, "weight_decay": 0.1}, [0.824154, -1.9537265, 1.8949654]),
]
KINDS = [
    (SGD, {"momentum": 0.9}), (Adam, {"weight_decay": 0.1}), (AdamW, {"amsgrad": True}), (NAdam, {"weight_decay": 0.1}), (Adamax, {}),
    (RMSprop, {"centered": True, "momentum": 0.5}), (Rprop, {"etas": (0.3, 1.5)}), (ASGD, {"t0": 3}),
]  # fmt: skip


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
def test_twenty_steps_end_where_pytorchs_do(kind, options, end, monkeypatch):
    monkeypatch.setattr(update, "kernels", {})
    monkeypatch.setattr(update, "fuse", lambda *_, **__: None)
    assert np.abs(walk(start(3), kind, options).numpy() - end).max() < 1e-6


@pytest.mark.parametrize(("kind", "options", "end"), {row[0]: row for row in ENDS}.values())  # a kernel of each kind: they are compiled
def test_kernels_end_where_pytorchs_do(kind, options, end):
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
    eps = {} if kind in (SGD, Rprop, ASGD) else {"eps": 1e-4}
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


def test_all_sorts_of_parameters_step_together(tolerance):
    """One call takes the plain ones; strided, read-only, complex, half and double ones beside them end as they do alone."""
    make = lambda: [
        start(3), start(40, 30).T.detach().requires_grad_(), start(3, dtype=flambeau.float64), start(3, dtype=flambeau.bfloat16),
        start(3, dtype=flambeau.complex64), start(), start(0), start(5, 3),
    ]  # fmt: skip
    together, alone = make(), make()
    for p in (*together, *alone):
        p.grad = (p.detach() * 0.5).clone()
    together[0].grad = flambeau.stack([together[0].grad] * 2, 1)[:, 0]  # a gradient with strides
    optimizers = [Adam(together, lr=0.1), *(Adam([p], lr=0.1) for p in alone)]
    for optimizer in optimizers * 3:
        optimizer.step()
    for p, q in zip(together, alone):
        a, b = (x.detach().to(dtype=flambeau.complex64).numpy() for x in (p, q))
        assert p.dtype == q.dtype and np.abs(a - b).max(initial=0) <= tolerance


def test_a_parameter_given_twice_steps_twice():
    p = start(3)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = SGD([p, p], lr=0.1)
    p.grad = flambeau.ones(3)
    optimizer.step()
    assert np.allclose(p.tolist(), [0.8, -2.2, 2.8])


def test_what_cannot_be_written_is_refused():
    array = np.ones(3, np.float32)
    p = flambeau.from_numpy(array).requires_grad_()
    p.grad = flambeau.ones(3)
    array.flags.writeable = False
    p.array.flags.writeable = False
    with pytest.raises((ValueError, RuntimeError), match="read-only|not writeable|can't write"):
        SGD([p], lr=0.1).step()
    assert array.tolist() == [1, 1, 1]


def test_arrays_are_read_where_numpy_puts_them():
    assert many.layout_holds()  # CPython of 64 bits, which all of our machines have


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


@pytest.mark.parametrize(("kind", "options", "end"), ENDS)
def test_a_recorded_step_is_the_same_step(kind, options, end):
    leaf = start(3, dtype=flambeau.float64)
    p = leaf * 1.0
    walked = walk(p, kind, options | {"differentiable": True})
    assert np.abs(walked.numpy() - end).max() < 3e-6 and p.grad_fn is not None
    p.sum().backward()
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("kind", [SGD, Adam, NAdam, Adamax, Adadelta, RMSprop, Adagrad, RAdam])
def test_gradients_go_through_steps(kind):
    """d(weights after three steps)/d(scale of the gradients), against differences."""

    def end(scale, **flags):
        p = flambeau.tensor([1.0, -2.0], dtype=flambeau.float64, requires_grad=True)
        p = p * 1.0 if flags else p
        optimizer = kind([p], lr=0.1, weight_decay=0.1, **flags, **({"momentum": 0.9} if kind is SGD else {}))
        for i in range(3):
            p.grad = scale * flambeau.tensor([0.5 + i, -0.3 * i + 1], dtype=flambeau.float64)
            optimizer.step()
        return (p * p).sum()

    scale = flambeau.tensor(0.7, dtype=flambeau.float64, requires_grad=True)
    end(scale, differentiable=True).backward()
    near = (end(flambeau.tensor(0.7 + 1e-6, dtype=flambeau.float64)) - end(flambeau.tensor(0.7 - 1e-6, dtype=flambeau.float64))) / 2e-6
    assert abs(scale.grad.item() - near.item()) < 1e-5 * max(1.0, abs(near.item()))


def test_a_learning_rate_has_a_gradient():
    lr = flambeau.tensor(0.1, requires_grad=True)
    p = flambeau.ones(2, requires_grad=True) * 1.0
    optimizer = SGD([p], lr=lr, differentiable=True)
    p.grad = flambeau.tensor([2.0, 3.0])
    optimizer.step()
    p.sum().backward()
    assert lr.grad.item() == -5.0


def test_nadams_product_of_momenta_has_a_gradient():
    """gradcheck, whose outputs here are only those that require one."""
    names = "exp_avg", "exp_avg_sq", "mu_product"

    def step(p, g, *values):
        p = p.clone()
        p.grad = g
        optimizer = NAdam([p], lr=0.9, differentiable=True)
        optimizer.state[p].update(dict(zip(names, [v.clone() for v in values])), step=flambeau.tensor(10.0))
        optimizer.step()
        return (p, *[v for v in optimizer.state[p].values() if v.requires_grad])

    flambeau.manual_seed(0)
    given = [flambeau.rand(*size, dtype=flambeau.float64, requires_grad=True) for size in ((3,), (3,), (3,), (3,), ())]
    assert len(step(*given)) == 4
    assert flambeau.autograd.gradcheck(step, given)


@pytest.mark.parametrize("kind", [Adam, AdamW, NAdam, RAdam, Adamax, Adadelta, RMSprop, Rprop, ASGD])
def test_capturable_is_for_gpus(kind):
    p = start(3)
    p.grad = flambeau.ones(3)
    with pytest.raises(AssertionError, match="on a GPU"):
        kind([p], capturable=True).step()


def test_matrices_of_two_moments():
    def end(options):
        p = flambeau.tensor([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]], requires_grad=True)
        optimizer = Adafactor([p], lr=0.05, **options)
        j = np.arange(6).reshape(2, 3)
        for i in range(20):
            p.grad = flambeau.tensor(np.sin(i + j) + 0.3 * j).float()
            optimizer.step()
        assert [optimizer.state[p][name].shape for name in ("row_var", "col_var")] == [(2, 1), (1, 3)]
        return p.detach().numpy()

    assert np.allclose(end({}), [[0.986878, -2.643509, 1.949708], [-0.785511, -1.105428, -2.466391]], atol=3e-6)
    expected = [[0.924014, -1.172176, 3.73752], [1.685259, 1.525078, 0.503877]]
    assert np.allclose(end({"weight_decay": 0.1, "maximize": True}), expected, atol=3e-6)
    for options, expected in (({}, [0.9540998, -2.6370084, 1.8586175]), ({"d": 2.0, "weight_decay": 0.1, "beta2_decay": -0.5},
                              [0.8913994, -2.4515367, 1.5895815])):  # fmt: skip
        assert np.abs(walk(start(3), Adafactor, options).numpy() - expected).max() < 3e-6


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
