"""Layers against PyTorch: the same seed gives the same weights and input, hence the same outputs and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import nn

# name, arguments, keyword arguments, shape of the input, then what PyTorch 2.13 printed for seed 0: the first, middle and last value
# of the output and of the input's gradient, and the sum of squares of the parameters' gradients. The input is drawn after the weights;
# the loss is the sum of the output times a ramp from -1 to 1.
CASES = [
    ("Linear", (6, 3), {}, (4, 6), [-0.927191, -0.163717, -0.323543], [0.257869, -0.179765, 0.248967], 72.9939),
    (
        "Conv1d",
        (4, 6, 3),
        {"stride": 2, "padding": 1, "groups": 2},
        (2, 4, 9),
        [-0.258274, -0.576216, -0.894356],
        [-0.309111, -0.0321734, -0.554203],
        214.803,
    ),
    ("Conv2d", (3, 4, 3), {}, (2, 3, 6, 5), [-1.00299, -0.0301605, 0.373501], [0.0296326, 0.150951, -0.22744], 625.115),
    (
        "Conv2d",
        (3, 3, (2, 3)),
        {"padding": "same", "groups": 3, "bias": False},
        (2, 3, 6, 5),
        [-0.382646, 0.43529, -0.243455],
        [-0.21598, 0.00117226, -0.0558697],
        277.022,
    ),
    (
        "Conv2d",
        (2, 3, 3),
        {"padding": 1, "padding_mode": "reflect", "dilation": 1},
        (1, 2, 5, 5),
        [0.76867, 0.320581, -0.190027],
        [0.230048, 0.376749, 0.17308],
        1370.56,
    ),
    (
        "Conv3d",
        (2, 2, 2),
        {"padding": 1, "stride": 2},
        (1, 2, 3, 4, 5),
        [-0.259394, -0.200009, -0.0222539],
        [-0.192877, -0.00308946, -0.0585607],
        279.397,
    ),
    ("BatchNorm1d", (3,), {}, (4, 3), [1.46659, -0.179426, 1.39307], [0.0717812, 0.240987, -0.0346424], 12.7454),
    ("BatchNorm2d", (3,), {}, (2, 3, 4, 4), [-1.10785, -0.69427, 0.721225], [-0.488975, 0.390514, 0.735111], 246.351),
    (
        "BatchNorm2d",
        (3,),
        {"momentum": None, "affine": False},
        (2, 3, 4, 4),
        [-1.10785, -0.69427, 0.721225],
        [-0.488975, 0.390514, 0.735111],
        0,
    ),
    ("LayerNorm", (6,), {}, (3, 6), [-0.831844, -0.624538, 0.473549], [-0.272331, 0.0338849, 0.397363], 12.1402),
    ("LayerNorm", ((2, 6),), {"bias": False}, (3, 2, 6), [-0.896474, 0.447016, 0.0173867], [-0.315457, 0.0284477, 0.290109], 4.78744),
    ("RMSNorm", (6,), {"eps": 1e-06}, (3, 6), [-1.0967, -0.196683, 1.05731], [-0.710627, 0.0611206, 0.409754], 8.84485),
    ("GroupNorm", (2, 4), {}, (2, 4, 3), [-1.13055, -0.601496, -1.63716], [-0.0789052, -0.314432, -0.00720096], 27.5419),
    ("InstanceNorm2d", (3,), {"affine": True}, (2, 3, 4, 4), [-1.10966, -0.791885, 0.711468], [-0.122492, -0.126189, 0.173922], 233.133),
    ("LocalResponseNorm", (3,), {}, (2, 4, 3), [-1.1258, 0.166455, -2.31571], [-0.999882, 0.0434784, 0.999641], 0),
    ("Dropout", (0.3,), {}, (3, 4), [2.20142, 0.57621, 0.260052], [-1.42857, 0.12987, 1.42857], 0),
    ("Dropout2d", (0.5,), {}, (2, 3, 2, 2), [-2.25168, 0, -0], [-2, 0, 0], 0),
    ("AlphaDropout", (0.3,), {}, (3, 4), [1.78082, 0.801355, 0.610817], [-0.860953, 0.0782684, 0.860953], 0),
    ("ReLU", (), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("GELU", (), {}, (3, 4), [1.44598, 0.264859, 0.104165], [-1.12587, 0.0731813, 0.643652], 0),
    ("GELU", (), {"approximate": "tanh"}, (3, 4), [1.44577, 0.264851, 0.104165], [-1.12618, 0.0731747, 0.643644], 0),
    ("SiLU", (), {}, (3, 4), [1.26918, 0.241803, 0.0992798], [-1.04748, 0.0633032, 0.590518], 0),
    ("Mish", (), {}, (3, 4), [1.448, 0.291835, 0.119679], [-1.08822, 0.0762502, 0.713813], 0),
    ("ELU", (0.7,), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("SELU", (), {}, (3, 4), [1.61913, 0.423797, 0.191266], [-1.0507, 0.0955182, 1.0507], 0),
    ("CELU", (0.7,), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("LeakyReLU", (0.2,), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("PReLU", (4,), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0.820218),
    ("Softplus", (2.0, 1.0), {}, (3, 4), [1.541, 0.587862, 0.445831], [-1, 0.0628549, 0.590026], 0),
    ("Hardtanh", (-0.5, 0.6), {}, (3, 4), [0.6, 0.403347, 0.182036], [0, 0.0909091, 1], 0),
    ("ReLU6", (), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("Hardswish", (), {}, (3, 4), [1.16628, 0.228788, 0.0965411], [-1.01367, 0.0576772, 0.560679], 0),
    ("Hardsigmoid", (), {}, (3, 4), [0.756833, 0.567224, 0.530339], [-0.166667, 0.0151515, 0.166667], 0),
    ("Sigmoid", (), {}, (3, 4), [0.823609, 0.599492, 0.545384], [-0.145277, 0.0218274, 0.24794], 0),
    ("Tanh", (), {}, (3, 4), [0.912288, 0.382809, 0.180052], [-0.167731, 0.077587, 0.967581], 0),
    ("LogSigmoid", (), {}, (3, 4), [-0.194059, -0.511673, -0.606265], [-0.176391, 0.0364099, 0.454616], 0),
    ("Softsign", (), {}, (3, 4), [0.606454, 0.287418, 0.154002], [-0.154879, 0.0461612, 0.715712], 0),
    ("Tanhshrink", (), {}, (3, 4), [0.628708, 0.0205379, 0.00198443], [-0.832269, 0.0133221, 0.0324187], 0),
    ("Softshrink", (0.3,), {}, (3, 4), [1.241, 0.103347, 0], [-1, 0.0909091, 0], 0),
    ("Hardshrink", (0.3,), {}, (3, 4), [1.541, 0.403347, 0], [-1, 0.0909091, 0], 0),
    ("Threshold", (0.1, 2.0), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("GLU", (), {}, (3, 4), [0.156675, -0.976289, -0.219977], [-0.101671, 0.0520791, -0.100005], 0),
    ("RReLU", (), {}, (3, 4), [1.541, 0.403347, 0.182036], [-1, 0.0909091, 1], 0),
    ("Softmax", (), {"dim": 1}, (3, 4), [0.640182, 0.340681, 0.41289], [-0.100038, -0.0195785, 0.0865078], 0),
    ("LogSoftmax", (), {"dim": 0}, (3, 4), [-0.162736, -0.36707, -1.48131], [-0.304697, -0.0980259, 0.813995], 0),
    ("Softmin", (), {"dim": 1}, (3, 4), [0.0195458, 0.0823959, 0.134462], [0.00671742, -0.0176136, -0.043255], 0),
    ("MaxPool1d", (2,), {}, (1, 2, 6), [1.541, 0.838026, 0.182036], [-1, 0, 1], 0),
    ("MaxPool2d", (3,), {"stride": 2, "padding": 1}, (1, 2, 6, 5), [0.692009, 0.946298, 0.919971], [0, 0.0588235, 0], 0),
    ("MaxPool2d", (2,), {"dilation": 2, "ceil_mode": True}, (1, 2, 6, 5), [0.349983, 0.946298, 0.445512], [0, 0.0909091, 0], 0),
    (
        "AvgPool2d",
        (3,),
        {"stride": 2, "padding": 1},
        (1, 2, 6, 5),
        [-0.211356, 0.0878591, -0.0419019],
        [-0.111111, 0.00653595, 0.111111],
        0,
    ),
    ("AvgPool2d", (2,), {"padding": 1, "count_include_pad": False}, (1, 2, 6, 5), [-1.12584, 0.946298, -0.489758], [-1, 0.0434782, 0.5], 0),
    (
        "AvgPool2d",
        (3,),
        {"stride": 2, "padding": 1, "ceil_mode": True, "divisor_override": 4},
        (1, 2, 6, 6),
        [-1.17736, 0.0787367, 0.159545],
        [-0.25, 0.00806452, 0.83871],
        0,
    ),
    ("AdaptiveAvgPool2d", ((3, 2),), {}, (1, 2, 5, 5), [-0.711334, -0.181063, 0.285333], [-0.166667, 0.0151515, 0.166667], 0),
    ("AdaptiveMaxPool2d", ((2, 3),), {}, (1, 2, 5, 6), [1.23766, 0.946298, 0.507334], [0, 0.0909091, 0], 0),
    ("LPPool1d", (2, 3), {}, (1, 2, 7), [2.68475, 1.17571, 1.05972], [-0.573981, 0.237593, 0], 0),
    (
        "TransformerEncoderLayer",
        (4, 2, 8),
        {"dropout": 0.0},
        (3, 2, 4),
        [-1.02318, -0.673878, -1.47849],
        [-0.0715944, -0.1226, 0.070076],
        12.8499,
    ),
    (
        "TransformerEncoderLayer",
        (4, 2, 8),
        {"dropout": 0.0, "norm_first": True, "activation": "gelu", "batch_first": True},
        (3, 2, 4),
        [0.156793, -1.3856, -1.82465],
        [-0.954705, 0.0333409, 1.19332],
        29.155,
    ),
]


def three(values: np.ndarray) -> list[float]:
    flat = values.ravel()
    return [float(flat[0]), float(flat[flat.size // 2]), float(flat[-1])]


@pytest.mark.parametrize(("name", "args", "kwargs", "shape", "output", "gradient", "squares"), CASES)
def test_layer_gives_pytorchs_numbers(name, args, kwargs, shape, output, gradient, squares):
    flambeau.manual_seed(0)
    module = getattr(nn, name)(*args, **kwargs)
    x = flambeau.randn(shape).requires_grad_()
    y = module(x)
    (y * flambeau.linspace(-1, 1, y.numel()).reshape(y.shape)).sum().backward()
    np.testing.assert_allclose(three(y.detach().numpy()), output, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(three(x.grad.numpy()), gradient, rtol=1e-4, atol=2e-5)
    found = sum(float(p.grad.double().square().sum()) for p in module.parameters() if p.grad is not None)
    np.testing.assert_allclose(found, squares, rtol=1e-4, atol=1e-10)


def test_embedding_trains_every_row_but_the_padding():
    flambeau.manual_seed(0)
    table = nn.Embedding(4, 2, padding_idx=1)
    np.testing.assert_allclose(table.weight.detach().numpy()[[0, 1]], [[1.5409961, -0.2934289], [0, 0]], rtol=1e-6)
    table(flambeau.tensor([[0, 1], [3, 3]])).sum().backward()
    assert table.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0], [2, 2]]


def test_embedding_scales_the_rows_it_reads_down_to_max_norm():
    table = nn.Embedding.from_pretrained(flambeau.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]]), max_norm=1.0)
    assert not table.weight.requires_grad
    np.testing.assert_allclose(table(flambeau.tensor([0, 1, 0])).numpy(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-6)
    assert table.weight[2].tolist() == [6.0, 8.0]


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_follows_the_statistics_of_its_batches(momentum):
    norm = nn.BatchNorm1d(2, momentum=momentum)
    batches = [flambeau.tensor([[0.0, 1.0], [2.0, 5.0]]), flambeau.tensor([[4.0, 1.0], [4.0, 3.0]])]
    mean, var = np.zeros(2), np.ones(2)
    for i, batch in enumerate(batches):
        share = momentum or 1 / (i + 1)
        norm(batch)
        mean = (1 - share) * mean + share * batch.numpy().mean(0)
        var = (1 - share) * var + share * batch.numpy().var(0, ddof=1)
    np.testing.assert_allclose(norm.running_mean.numpy(), mean, rtol=1e-6)
    np.testing.assert_allclose(norm.running_var.numpy(), var, rtol=1e-6)
    assert norm.num_batches_tracked.item() == 2
    norm.eval()
    expected = (batches[0].numpy() - mean) / np.sqrt(var + 1e-5)
    np.testing.assert_allclose(norm(batches[0]).detach().numpy(), expected, rtol=1e-5)
    assert norm.num_batches_tracked.item() == 2


def test_dropout_is_off_in_evaluation_and_keeps_the_mean_in_training():
    flambeau.manual_seed(0)
    x = flambeau.ones(10_000)
    drop = nn.Dropout(0.25)
    kept = drop(x)
    assert set(np.unique(kept.numpy()).tolist()) == {0.0, float(np.float32(1) / np.float32(0.75))}
    assert abs(float(kept.mean()) - 1) < 0.02
    assert drop.eval()(x) is x
    assert nn.Dropout(1.0)(x).sum() == 0


def test_whole_channels_are_dropped_together():
    flambeau.manual_seed(0)
    planes = nn.Dropout2d(0.5)(flambeau.ones(4, 8, 3, 3)).numpy().reshape(32, 9)
    assert (planes.min(1) == planes.max(1)).all()
    assert 0 < (planes[:, 0] == 0).sum() < 32


@pytest.mark.parametrize(
    ("build", "printed"),
    [
        (lambda: nn.Linear(2, 3, bias=False), "Linear(in_features=2, out_features=3, bias=False)"),
        (lambda: nn.Conv2d(3, 6, (3, 5), 2, 1, groups=3), "Conv2d(3, 6, kernel_size=(3, 5), stride=(2, 2), padding=(1, 1), groups=3)"),
        (
            lambda: nn.Conv1d(2, 2, 3, padding="same", bias=False, padding_mode="circular"),
            "Conv1d(2, 2, kernel_size=(3,), stride=(1,), padding=same, bias=False, padding_mode=circular)",
        ),
        (lambda: nn.BatchNorm2d(3), "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"),
        (lambda: nn.LayerNorm((2, 3)), "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True)"),
        (lambda: nn.Embedding(5, 2, padding_idx=-1), "Embedding(5, 2, padding_idx=4)"),
        (lambda: nn.Dropout(0.1), "Dropout(p=0.1, inplace=False)"),
        (lambda: nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (lambda: nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (lambda: nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (lambda: nn.Flatten(), "Flatten(start_dim=1, end_dim=-1)"),
        (lambda: nn.CrossEntropyLoss(), "CrossEntropyLoss()"),
    ],
)
def test_layers_print_as_pytorchs_do(build, printed):
    assert repr(build()) == printed


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible by groups, got in_channels=3"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible by groups"),
        (lambda: nn.Conv2d(3, 3, 3, groups=0), ValueError, "positive"),
        (lambda: nn.Conv2d(3, 3, (3, 3, 3)), RuntimeError, "kernel_size must either be a single int, or a tuple of two ints"),
        (lambda: nn.Conv2d(3, 3, 2.5), TypeError, "kernel_size must either be a single int"),
        (lambda: nn.Conv2d(3, 3, 3, padding="full"), ValueError, "'valid', 'same'"),
        (lambda: nn.Conv2d(3, 3, 3, stride=2, padding="same"), ValueError, "strided"),
        (lambda: nn.Conv2d(3, 3, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of"),
        (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), AssertionError, "within num_embeddings"),
        (lambda: nn.GroupNorm(3, 4), ValueError, r"num_channels \(4\) must be divisible by num_groups \(3\)"),
        (lambda: nn.Bilinear(0, 1, 1), ValueError, "in1_features must be > 0"),
        (lambda: nn.Hardtanh(1.0, 1.0), AssertionError, "max_val must be larger"),
        (lambda: nn.MultiheadAttention(5, 2), AssertionError, "embed_dim must be divisible by num_heads"),
        (lambda: nn.Unflatten("C", (2, 2)), TypeError, "must be an int"),
        (lambda: nn.TripletMarginLoss(margin=0), ValueError, "margin"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "p == 1 and p == 2"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), RuntimeError, "relu/gelu"),
    ],
)
def test_bad_arguments_of_a_layer_are_named(make, error, says):
    with pytest.raises(error, match=says):
        make()


@pytest.mark.parametrize(
    ("module", "shape", "error", "says"),
    [
        (nn.Linear(3, 2), (4, 5), RuntimeError, r"expected input of shape \(\*, 3\).*got \(4, 5\)"),
        (nn.Conv2d(3, 2, 3), (1, 4, 8, 8), RuntimeError, "to have 3 channels, but got 4 channels"),
        (nn.Conv2d(3, 2, 3), (8, 8), RuntimeError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d"),
        (nn.Conv2d(3, 2, 3), (1, 3, 2, 2), RuntimeError, "Kernel size"),
        (nn.BatchNorm2d(3), (2, 3), ValueError, r"expected 4D input \(got 2D input\)"),
        (nn.BatchNorm1d(3), (1, 3), ValueError, "more than 1 value per channel"),
        (nn.BatchNorm1d(3), (2, 4), RuntimeError, "running_mean should contain 4 elements not 3"),
        (nn.LayerNorm(3), (2, 4), RuntimeError, r"expected input with shape \[\*, 3\], but got input of size\[2, 4\]"),
        (nn.GroupNorm(2, 4), (2, 6), RuntimeError, "weight should contain 6 elements not 4"),
        (nn.InstanceNorm2d(3), (2, 3, 1, 1), ValueError, "more than 1 spatial element"),
        (nn.MaxPool2d(2), (4, 4), RuntimeError, "3D or 4D"),
        (nn.MaxPool2d(2, padding=2), (1, 1, 4, 4), RuntimeError, "at most half"),
        (nn.MaxPool2d(3), (1, 1, 2, 2), RuntimeError, "window"),
        (nn.AdaptiveAvgPool2d(2), (4, 4), ValueError, "at least 3"),
        (nn.GLU(), (2, 3), RuntimeError, "must be even"),
        (nn.PReLU(3), (2, 4), RuntimeError, "1 or 4"),
        (nn.Unflatten(1, (2, 2)), (3, 5), RuntimeError, "multiply up"),
    ],
)
def test_bad_input_of_a_layer_is_named(module, shape, error, says):
    with pytest.raises(error, match=says):
        module(flambeau.zeros(shape))


@pytest.mark.parametrize("wrong", [[-1], [4]])
def test_embedding_refuses_rows_that_it_does_not_have(wrong):
    with pytest.raises(IndexError, match="out of range.*4 rows"):
        nn.Embedding(4, 2)(flambeau.tensor(wrong))


def test_embedding_refuses_floats():
    with pytest.raises(RuntimeError, match="Long or Int"):
        nn.Embedding(4, 2)(flambeau.zeros(2))


def test_rms_norm_takes_its_eps_from_the_dtype():
    tiny = nn.RMSNorm(2)(flambeau.tensor([1e-4, -1e-4]))
    np.testing.assert_allclose(tiny.detach().numpy(), np.array([1e-4, -1e-4]) / np.sqrt(1e-8 + np.finfo(np.float32).eps), rtol=1e-5)
