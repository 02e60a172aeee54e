"""Tensors on meta: shapes, dtypes and strides of any size, no values.  (That each card agrees with the CPU is a law: laws/test_meta.py.)"""
from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import nn

META = flambeau.device("meta")


@pytest.fixture
def vast():
    return flambeau.empty(1 << 20, 1 << 20, device="meta")  # 4 TiB, were there values


def test_no_memory_is_needed(vast):
    n = 1 << 20
    assert (vast + 1).shape == (vast @ vast.T).shape == flambeau.einsum("ij,kj->ik", vast, vast).shape == (n, n)
    assert flambeau.cat([vast, vast]).shape == (2 * n, n)
    assert vast.sum(0).shape == vast.argmax(1).shape == vast.var(1).shape == (n,)
    assert vast.softmax(-1).cumsum(0).sort()[1].dtype is flambeau.int64
    assert flambeau.rand(n, n, device="meta").shape == flambeau.randn_like(vast).shape == (n, n)
    assert flambeau.arange(1 << 40, device=META).shape == (1 << 40,)
    assert vast.add_(1).masked_fill_(vast > 0, 1).zero_() is not None


def test_strides_are_those_of_views(vast):
    assert vast.t().stride() == vast.t().exp().stride() == (1, 1 << 20)
    assert vast[:, None, 3:9].stride() == (1 << 20, 0, 1) or vast[:, None, 3:9].stride(0) == 1 << 20
    assert vast.t().contiguous().stride() == (1 << 20, 1)
    assert vast[0].expand(5, -1).stride() == (0, 1)
    assert vast[0]._base is vast and vast.t().reshape(-1)._base is None


@pytest.mark.parametrize("ask", [lambda x: x.nonzero(), lambda x: bool(x[0, 0]), lambda x: x.masked_select(x > 0), lambda x: x[0, 0].item(),
                                 lambda x: x[0, :2].tolist(), lambda x: x[x > 0], lambda x: float(x[0, 0])])
def test_what_depends_on_values_is_an_error(vast, ask):
    with pytest.raises(RuntimeError, match="meta"):
        ask(vast)


def test_no_way_out_but_new_memory(vast):
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        vast[:2, :2].cpu()
    with pytest.raises(TypeError, match="meta"):
        vast.numpy()
    with pytest.raises(RuntimeError, match="same device"):
        vast[:2, :2] + flambeau.ones(2, 2)
    assert (vast[:2, :2] + flambeau.tensor(1.0)).device == META
    assert flambeau.empty_like(vast[:2, :2], device="cpu").device.type == "cpu"
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        vast @ vast[:2]


def test_identity_of_a_tensor_on_meta(vast):
    assert vast.is_meta and not vast.is_cuda and vast.get_device() == -1 and vast.data_ptr() == 0
    assert repr(vast) == "tensor(..., device='meta', size=(1048576, 1048576))"
    for twin in (pickle.loads(pickle.dumps(vast.t())),  # noqa: S301
                 copy.deepcopy(vast).t()):
        assert (twin.shape, twin.stride(), twin.device) == (vast.t().shape, vast.t().stride(), META)


def test_a_network_is_made_and_trained_without_values():
    state = flambeau.get_rng_state()
    with META:
        net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Linear(8 * 16 * 16, 10), nn.LayerNorm(10), nn.Dropout(0.5))
    assert flambeau.equal(state, flambeau.get_rng_state())  # and no random number is spent
    loss = nn.functional.cross_entropy(net(flambeau.randn(2, 3, 32, 32, device=META)), flambeau.zeros(2, dtype=flambeau.int64, device=META))
    loss.backward()
    assert loss.shape == () and all(p.is_meta and p.grad.is_meta and p.grad.shape == p.shape for p in net.parameters())
    flambeau.optim.SGD(net.parameters(), 0.1, momentum=0.9).step()
    net.to_empty(device="cpu")
    assert all(type(p) is nn.Parameter and p.device.type == "cpu" for p in net.parameters())
    assert net.to("meta")[0].weight.is_meta


def test_default_device():
    with flambeau.device("meta") as where:
        made = [flambeau.ones(2), flambeau.rand(2), flambeau.arange(3), flambeau.tensor([1.0]), flambeau.full((2,), 3.0), flambeau.eye(2)]
        assert flambeau.get_default_device() == where
        with flambeau.device("cpu"):
            assert flambeau.zeros(1).device.type == "cpu"
        assert flambeau.ones(1, device="cpu").device.type == "cpu"
    assert all(x.device == META for x in made)
    flambeau.set_default_device("meta")
    try:
        assert flambeau.ones(1).is_meta
    finally:
        flambeau.set_default_device(None)
    assert flambeau.ones(1).device.type == "cpu"


def test_transforms_take_shapes_too():
    x = flambeau.ones(3, 4, device=META)
    assert flambeau.vmap(lambda row: row.sum())(x).shape == (3,)
    assert flambeau.func.grad(lambda v: (v * v).sum())(x).shape == (3, 4)


X = flambeau.tensor([[4.0, 1.0, 2.0], [1.0, 3.0, 0.0], [2.0, 0.0, 5.0]])
HALVES, PLACES, MASK = flambeau.full((3, 3), 0.5), flambeau.tensor([[0, 2, 1]]), X > 1
# functions that look at values on the CPU, and must not on meta
LOOK_AT_VALUES = {
    "median": lambda x, h, p, m: x.median(), "median of rows": lambda x, h, p, m: x.median(1),
    "isin": lambda x, h, p, m: flambeau.isin(x, h),
    "masked_scatter": lambda x, h, p, m: x.masked_scatter(m, h), "histc": lambda x, h, p, m: flambeau.histc(x, 7),
    "bernoulli": lambda x, h, p, m: flambeau.bernoulli(h), "bernoulli_": lambda x, h, p, m: x.clone().bernoulli_(h),
    "multinomial": lambda x, h, p, m: flambeau.multinomial(h, 2), "log_normal_": lambda x, h, p, m: x.clone().log_normal_(),
    "one_hot": lambda x, h, p, m: nn.functional.one_hot(p, 4), "take": lambda x, h, p, m: flambeau.take(x, p),
    "repeat_interleave": lambda x, h, p, m: flambeau.repeat_interleave(x[0], p[0], output_size=3),
    "scatter_reduce": lambda x, h, p, m: x.scatter_reduce(0, p, h[:1], "amax", include_self=False),
    "index_reduce": lambda x, h, p, m: x.index_reduce(0, p[0], h, "prod"),
    "key of the CPU": lambda x, h, p, m: x[flambeau.tensor([0, 2])],
    "linspace": lambda x, h, p, m: flambeau.linspace(x[0, 0], h[0, 0], 5),
    "rrelu": lambda x, h, p, m: nn.functional.rrelu(x, training=True),
    "binary_cross_entropy": lambda x, h, p, m: nn.functional.binary_cross_entropy(h, h),
    "multilabel_margin_loss": lambda x, h, p, m: nn.functional.multilabel_margin_loss(x[:1], p),
    "adaptive_max_pool2d": lambda x, h, p, m: nn.functional.adaptive_max_pool2d(x[None], 2, return_indices=True),
    "fractional_max_pool2d": lambda x, h, p, m: nn.functional.fractional_max_pool2d(x[None], 2, output_size=2),
    "cholesky": lambda x, h, p, m: flambeau.linalg.cholesky(x), "inv": lambda x, h, p, m: flambeau.linalg.inv(x),
    "solve": lambda x, h, p, m: flambeau.linalg.solve(x, h), "eig": lambda x, h, p, m: flambeau.linalg.eig(x),
    "lu_factor": lambda x, h, p, m: flambeau.linalg.lu_factor(x), "ldl_factor": lambda x, h, p, m: flambeau.linalg.ldl_factor(x),
    "matrix_power": lambda x, h, p, m: flambeau.linalg.matrix_power(x, -2),
    "tensorinv": lambda x, h, p, m: flambeau.linalg.tensorinv(x, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LOOK_AT_VALUES))
def test_functions_that_look_at_values_know_the_shape_without(name):
    if name == "ldl_factor":
        pytest.importorskip("scipy", reason="LDLᵀ is SciPy's")
    given = (X, HALVES, PLACES, MASK)
    here, there = LOOK_AT_VALUES[name](*given), LOOK_AT_VALUES[name](*(v.to(META) for v in given))
    for x, y in zip(*(v if isinstance(v, tuple) else (v,) for v in (here, there)), strict=True):
        assert (y.shape, y.dtype, y.device) == (x.shape, x.dtype, META)
