from __future__ import annotations

import threading
import warnings

import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import context, nn
from flambeau.amp import autocast, custom_bwd, custom_fwd, is_autocast_available

BF, F32 = flambeau.bfloat16, flambeau.float32


@pytest.fixture(autouse=True)
def nothing_stays_on():
    yield
    assert not context.unusual and context.modes == [] and not flambeau.is_autocast_enabled("cpu")


def product():
    x = flambeau.ones(2, 2)
    return (x @ x).dtype


def test_nested_and_switched_off():
    assert product() is F32
    with autocast("cpu"):
        assert product() is BF and flambeau.is_autocast_enabled("cpu") and not flambeau.is_autocast_enabled()
        with autocast("cpu", enabled=False):
            assert product() is F32
            with autocast("cpu", dtype=flambeau.float16):
                assert product() is flambeau.float16 and flambeau.get_autocast_dtype("cpu") is flambeau.float16
            assert product() is F32
        assert product() is BF and flambeau.get_autocast_dtype("cpu") is BF
        if not flambeau.cuda.is_available():
            with pytest.warns(UserWarning, match="CUDA is not available"), autocast("cuda"):
                assert product() is BF and not flambeau.is_autocast_enabled("cuda")
    assert product() is F32


def test_after_an_error_it_is_off():
    with pytest.raises(ZeroDivisionError), autocast("cpu"):
        raise ZeroDivisionError
    with pytest.raises(RuntimeError), autocast("cpu"):
        flambeau.ones(2, 3) @ flambeau.ones(2, 3)
    assert product() is F32


def test_decorator():
    @autocast("cpu")
    def f(depth):
        return product() if depth == 0 else f(depth - 1)

    assert f(2) is BF and product() is F32 and f.__name__ == "f"
    assert autocast("cpu", enabled=False)(product)() is F32
    with pytest.raises(TypeError, match="requires a callable, but got"):
        autocast("cpu")(flambeau.ones(1))


def test_each_thread_has_its_own():
    found = []
    with autocast("cpu"):
        thread = threading.Thread(target=lambda: found.append(product()))
        thread.start()
        thread.join()
        assert product() is BF
    assert found == [F32]


def test_wrong_arguments():
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        autocast(flambeau.device("cpu"))
    with pytest.raises(RuntimeError, match="unsupported autocast device_type 'tpu'"):
        autocast("tpu")
    with pytest.warns(UserWarning, match="not supported. Disabling autocast"):
        a = autocast("cpu", dtype=flambeau.float64)
    with a:
        assert product() is F32
    assert is_autocast_available("cpu") and is_autocast_available("cuda") and not is_autocast_available("tpu")


def test_gradients_come_in_the_weights_dtype():
    flambeau.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3))
    x, y = flambeau.randn(5, 4), flambeau.tensor([0, 1, 2, 0, 1])
    plain = F.cross_entropy(net(x), y)
    plain.backward()
    expected = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    with autocast("cpu"):
        out = net(x)
        loss = F.cross_entropy(out, y)
    assert out.dtype is BF and loss.dtype is F32 and abs(loss.item() - plain.item()) < 0.02
    loss.backward()
    for p, g in zip(net.parameters(), expected):
        assert p.grad.dtype is F32 and float((p.grad - g).abs().max()) < 0.02


def test_a_convolution_an_lstm_and_attention():
    flambeau.manual_seed(0)
    with autocast("cpu"):
        assert nn.Conv2d(2, 3, 3)(flambeau.ones(1, 2, 5, 5)).dtype is BF
        assert nn.BatchNorm2d(3)(flambeau.ones(1, 3, 5, 5)).dtype is F32
        attention = nn.MultiheadAttention(4, 2)
        x = flambeau.randn(3, 1, 4)
        assert attention(x, x, x)[0].dtype is BF


def casts(make):
    """How many casts of weights the calls in `make` ask for."""
    from flambeau.op import CARDS

    seen = []

    class Watch:
        def before(self, card, inputs, attrs):
            if card is CARDS["cast"] and getattr(inputs[0], "requires_grad", False):
                seen.append(card)
            return inputs, attrs

    watch = Watch()
    context.push_mode(watch)
    try:
        make()
    finally:
        context.pop_mode(watch)
    return len(seen)


def test_weights_are_cast_once():
    layer, x = nn.Linear(2, 2, bias=False), flambeau.ones(1, 2)

    def twice(**options):
        with autocast("cpu", **options):
            layer(x)
            layer(x)

    assert casts(twice) == 1 and casts(lambda: twice(cache_enabled=False)) == 2

    def written():
        with autocast("cpu"):
            before = layer(x)
            with flambeau.no_grad():
                layer.weight.mul_(2)
            after = layer(x)
            assert float(abs(after - 2 * before).max()) < 1e-2, "a weight that was written to is cast again"

    written()

    def cleared():
        with autocast("cpu"):
            layer(x)
            flambeau.clear_autocast_cache()
            layer(x)

    assert casts(cleared) == 2

    def without_graph_first():
        with autocast("cpu"):
            with flambeau.no_grad():
                layer(x)
            layer(x).sum().backward()

    without_graph_first()
    assert layer.weight.grad is not None


def test_float64_integers_and_complex_stay():
    with autocast("cpu"):
        x = flambeau.ones(2, 2)
        assert (x.double() @ x.double()).dtype is flambeau.float64
        assert (x.long() @ x.long()).dtype is flambeau.int64
        z = flambeau.ones(2, 2, dtype=flambeau.complex64)
        assert (z @ z).dtype is flambeau.complex64


def test_transforms_see_it():
    x = flambeau.ones(3, 2, 2)
    with autocast("cpu"):
        assert flambeau.vmap(lambda a: a @ a)(x).dtype is BF
        grad = flambeau.func.grad(lambda a: (a @ a).float().sum())(x[0])
    assert grad.dtype is F32 and grad.tolist() == [[4, 4], [4, 4]]


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_a_checkpoint_is_computed_again_as_the_first_time(use_reentrant):
    from flambeau.utils.checkpoint import checkpoint

    layer, seen = nn.Linear(3, 3), []

    def part(x):
        y = layer(x)
        seen.append(y.dtype)
        return F.gelu(y)

    def grad(first, second):
        layer.zero_grad()
        with autocast("cpu", enabled=first):
            y = checkpoint(part, flambeau.ones(2, 3, requires_grad=True), use_reentrant=use_reentrant)
        with autocast("cpu", enabled=second):
            y.float().sum().backward()
        return layer.weight.grad.clone()

    plain = grad(False, True)
    assert seen == [F32, F32]
    cast = grad(True, False)
    assert seen == [F32, F32, BF, BF] and 0 < float((cast - plain).abs().max()) < 0.02


def test_inference_mode_goes_with_it():
    with flambeau.inference_mode(), autocast("cpu"):
        y = flambeau.ones(2, 2) @ flambeau.ones(2, 2)
    assert y.is_inference() and y.dtype is BF


def test_by_hand():
    flambeau.set_autocast_enabled("cpu", True)
    try:
        assert product() is BF and flambeau.is_autocast_cpu_enabled()
        flambeau.set_autocast_dtype("cpu", flambeau.float16)
        assert product() is flambeau.float16 and flambeau.get_autocast_cpu_dtype() is flambeau.float16
    finally:
        flambeau.set_autocast_dtype("cpu", BF)
        flambeau.set_autocast_enabled("cpu", False)
    assert flambeau.get_autocast_dtype("cuda") is flambeau.float16 and flambeau.get_autocast_gpu_dtype() is flambeau.float16
    assert flambeau.is_autocast_cache_enabled()


class Half(flambeau.autograd.Function):
    @staticmethod
    @custom_fwd(device_type="cpu")
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        ctx.seen = (a @ b).dtype
        return a @ b

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        Half.backward_ran = (flambeau.ones(1, 1) @ flambeau.ones(1, 1)).dtype
        return g @ b.t(), a.t() @ g


class Full(flambeau.autograd.Function):
    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=flambeau.float32)
    def forward(ctx, a, note):
        assert note == {"k": [1]}
        Full.forward_ran = a.dtype, (a @ a).dtype
        return a * 2

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, g):
        Full.backward_ran = (flambeau.ones(1, 1) @ flambeau.ones(1, 1)).dtype
        return g * 2, None


def test_custom_functions():
    a = flambeau.ones(2, 2, requires_grad=True)
    with autocast("cpu"):
        y = Half.apply(a, a)
    y.sum().backward()
    assert y.dtype is BF and Half.backward_ran is BF and a.grad.tolist() == [[4, 4], [4, 4]]
    with autocast("cpu"):
        z = Full.apply(flambeau.ones(2, 2, dtype=BF, requires_grad=True), {"k": [1]})
    z.sum().backward()
    assert Full.forward_ran == (F32, F32) and Full.backward_ran is F32
    Full.apply(flambeau.ones(2, 2, dtype=BF, requires_grad=True), {"k": [1]}).sum().backward()
    assert Full.forward_ran == (BF, BF)  # without autocast nothing is cast
    with pytest.raises(ValueError, match="of type `str`"):
        custom_fwd(device_type=3)


def test_what_cuda_refuses_the_cpu_does():
    with autocast("cpu"), warnings.catch_warnings():
        assert F.binary_cross_entropy(flambeau.full((2,), 0.5), flambeau.ones(2)).dtype is F32


MODULES = """
LSTM(4, 5)  3 2 4  -        bfloat16 | GRU(4, 5)  3 2 4  float32  bfloat16 | RNN(4, 5)  3 2 4  bfloat16 bfloat16
LSTMCell(4, 5)  2 4  float32  bfloat16 | GRUCell(4, 5)  2 4  float32  bfloat16 | RNNCell(4, 5)  2 4  bfloat16 bfloat16
TransformerEncoderLayer(4, 2, 8)  3 2 4  float32  bfloat16 | Conv2d(2, 3, 3)  1 2 5 5  bfloat16 bfloat16
Linear(4, 5)  3 4  bfloat16 bfloat16
BatchNorm1d(4)  3 4  float32  bfloat16 | GroupNorm(2, 4)  3 4  float32  bfloat16 | RMSNorm(4)  3 4  float32  bfloat16
LayerNorm(4)  3 4  float32  bfloat16 | InstanceNorm1d(4, affine=True)  2 4 3  float32  bfloat16 | PReLU()  3 4  bfloat16 bfloat16
AvgPool3d(2)  1 2 4 4 4  float32  float32 | AdaptiveAvgPool2d(2)  1 2 4 4  float32  bfloat16 | ReflectionPad2d(1)  1 2 4 4  float32  float32
"""


@pytest.mark.parametrize("row", [row.strip() for line in MODULES.strip().splitlines() for row in line.split("|")])
def test_modules_dtypes_are_pytorchs(row):
    """The dtype of a module's first result for float32 and for bfloat16 input, its weights float32; - where PyTorch fails."""
    module, shape, kinds = (part.strip() for part in row.replace("  ", "\n", 2).split("\n"))
    made = eval(module, vars(nn))  # noqa: S307 (the table's own text)
    for dtype, expected in zip((F32, BF), kinds.split()):
        for training in (True, False):
            with autocast("cpu"):
                result = made.train(training)(flambeau.ones(*map(int, shape.split())).to(dtype))
            assert expected in ("-", (result[0] if isinstance(result, tuple) else result).dtype.name)
