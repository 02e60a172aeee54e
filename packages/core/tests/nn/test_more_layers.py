"""Paddings, resizing, distances, the adaptive softmax and the linear loss: PyTorch's numbers, laws, and what is refused."""
from __future__ import annotations

import warnings

import numpy as np
import pytest

import flambeau
from flambeau import nn
from flambeau.nn import functional as F


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    ("kind", "mode", "numpy_mode"),
    [("Zero", "constant", "constant"), ("Reflection", "reflect", "reflect"), ("Replication", "replicate", "edge"),
     ("Circular", "circular", "wrap")],
)
def test_paddings_are_numpys(axes, kind, mode, numpy_mode):
    layer = getattr(nn, f"{kind}Pad{axes}d")(1)
    x = flambeau.arange(2 * 3**axes).reshape(1, 2, *[3] * axes).float()
    expected = np.pad(x.numpy(), [(0, 0), (0, 0), *[(1, 1)] * axes], mode=numpy_mode)
    np.testing.assert_array_equal(layer(x).numpy(), expected)
    assert repr(layer) == f"{kind}Pad{axes}d({(1,) * (2 * axes)})"


def test_constant_padding_says_its_value():
    layer = nn.ConstantPad2d((1, 0, 0, -1), 3.5)
    assert repr(layer) == "ConstantPad2d(padding=(1, 0, 0, -1), value=3.5)"
    assert layer(flambeau.zeros(1, 2, 1)).tolist() == [[[3.5, 0.0]]]


def test_paddings_that_do_not_fit():
    with pytest.raises(ValueError, match="4, two for each axis"):
        nn.ZeroPad2d((1, 2, 3))
    with pytest.raises(ValueError, match=r"expected 3D or 4D input \(got 2D input\)"):
        nn.CircularPad2d(1)(flambeau.zeros(2, 2))


def test_resizing():
    x = flambeau.arange(4.0).reshape(1, 1, 2, 2)
    assert nn.UpsamplingNearest2d(scale_factor=2)(x)[0, 0, 0].tolist() == [0, 0, 1, 1]
    flambeau.testing.assert_close(nn.UpsamplingBilinear2d((3, 3))(x)[0, 0, 1], flambeau.tensor([1.0, 1.5, 2.0]))
    assert repr(nn.Upsample(scale_factor=(2, 3), mode="bilinear")) == "Upsample(scale_factor=(2.0, 3.0), mode='bilinear')"
    assert repr(nn.Upsample(size=4)) == "Upsample(size=4, mode='nearest')"
    y = flambeau.randn(2, 8, 3, 3)
    flambeau.testing.assert_close(nn.PixelUnshuffle(2)(nn.PixelShuffle(2)(y)), y)


def test_distances():
    x, y = flambeau.tensor([[3.0, 4.0]]), flambeau.tensor([[0.0, 0.0]])
    assert nn.PairwiseDistance(eps=0)(x, y).tolist() == [5]
    assert nn.CosineSimilarity()(x, 2 * x).item() == pytest.approx(1)


# printed by PyTorch 2.13 for the same seed
ADAPTIVE = [-1.8821, -4.1337, -4.4489, -2.5457, -4.5015, -1.1406]


def adaptive():
    flambeau.manual_seed(0)
    return nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10], div_value=2.0), flambeau.randn(6, 16), flambeau.tensor([0, 7, 19, 3, 12, 4])


def test_adaptive_softmax_is_pytorchs():
    model, x, target = adaptive()
    output, loss = model(x, target)
    np.testing.assert_allclose(output.detach().numpy(), ADAPTIVE, atol=1e-4)
    assert loss.item() == pytest.approx(3.1087, abs=1e-4)
    assert model.predict(x).tolist() == [4, 2, 4, 4, 1, 4]


def test_adaptive_softmax_is_one_distribution():
    model, x, target = adaptive()
    every = model.log_prob(x)
    flambeau.testing.assert_close(every.exp().sum(1), flambeau.ones(6))
    flambeau.testing.assert_close(every.gather(1, target[:, None])[:, 0], model(x, target).output)
    assert every.argmax(1).shape == (6,)
    flambeau.testing.assert_close(model(x[0], target[0]).output, every[0, target[0]])


@pytest.mark.parametrize("cutoffs", [[], [0], [5, 5], [7, 5], [20], [1.5]])
def test_cutoffs_that_cannot_be(cutoffs):
    with pytest.raises(ValueError, match="cutoffs"):
        nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs)


@pytest.mark.parametrize("target", [[0, 20, 1, 1, 1, 1], [0, 1], [[1]], 3])
def test_targets_that_cannot_be(target):
    model, x, _ = adaptive()
    with pytest.raises(RuntimeError):
        model(x, flambeau.tensor(target))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_linear_loss_by_chunks_is_the_whole(reduction, weighted):
    flambeau.manual_seed(0)
    x, target = flambeau.randn(7, 3).double().requires_grad_(), flambeau.tensor([0, 1, 2, -100, 4, 3, 1])
    weight = flambeau.rand(5).double() if weighted else None
    results = []
    for options in (None, nn.LinearCrossEntropyOptions(batch_chunk_size=2), nn.LinearCrossEntropyOptions()):
        flambeau.manual_seed(1)
        loss = nn.LinearCrossEntropyLoss(3, 5, bias=True, weight=weight, reduction=reduction, options=options, dtype=flambeau.float64)
        value = loss(x, target)
        results.append([value, *flambeau.autograd.grad(value.sum(), [x, *loss.parameters()])])
    scores = F.linear(x, loss.linear.weight, loss.linear.bias)
    flambeau.testing.assert_close(results[0][0], F.cross_entropy(scores, target, weight, reduction=reduction))
    for other in results[1:]:
        flambeau.testing.assert_close(other, results[0])


def test_the_linear_loss_keeps_no_scores_by_chunks():
    x = flambeau.randn(64, 4, requires_grad=True)
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=8)
    sizes = []
    with flambeau.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        F.linear_cross_entropy(x, flambeau.randn(512, 4), flambeau.zeros(64, dtype=flambeau.int64), options=options)
    assert max(sizes, default=0) <= 512 * 8


def test_the_linear_loss_refuses():
    x, w, t = flambeau.zeros(2, 3), flambeau.zeros(4, 3), flambeau.tensor([0, 1])
    for bad in (
        lambda: F.linear_cross_entropy(x, flambeau.zeros(4, 2), t),
        lambda: F.linear_cross_entropy(x[None], w, t),
        lambda: F.linear_cross_entropy(x, flambeau.zeros(3), t),
        lambda: F.linear_cross_entropy(x, w, t, linear_bias=flambeau.zeros(3)),
        lambda: F.linear_cross_entropy(x[0], flambeau.zeros(4, 2, 3), t),
        lambda: F.linear_cross_entropy(x, w, flambeau.zeros(2, 4), ignore_index=1),
        lambda: nn.LinearCrossEntropyLoss(3, 4, weight=flambeau.ones(3)),
        lambda: nn.LinearCrossEntropyLoss(3, 4, label_smoothing=2.0),
    ):
        with pytest.raises(RuntimeError):
            bad()
    for wrong in ({"acc_policy": "best"}, {"chunking_method": "aspect_ratio:0"}, {"batch_chunk_size": 0}, {"acc_dtype": flambeau.int64}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            nn.LinearCrossEntropyOptions(**wrong)
    with pytest.warns(UserWarning, match="options are ignored"):
        F.linear_cross_entropy(x, w, t, label_smoothing=0.1, options=nn.LinearCrossEntropyOptions())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        F.linear_cross_entropy(x, w, t, options=nn.LinearCrossEntropyOptions())


def test_losses_refuse_as_pytorch():
    with pytest.raises(RuntimeError, match="batch size"):
        nn.MultiMarginLoss()(flambeau.zeros(5, 10), flambeau.zeros(3, dtype=flambeau.int64))
    with pytest.raises(RuntimeError, match="expected scalar type"):
        nn.NLLLoss(flambeau.ones(2).double())(flambeau.zeros(1, 2), flambeau.tensor([0]))
    with pytest.raises(TypeError, match="delta"):
        nn.HuberLoss(delta=1j)
    with pytest.raises(ValueError, match="incorrect size"):
        nn.GaussianNLLLoss()(flambeau.zeros(4, 3), flambeau.zeros(4, 3), flambeau.ones(1, 1))
    assert nn.GaussianNLLLoss()(flambeau.zeros(4, 3), flambeau.zeros(4, 3), flambeau.ones(1, 3)).item() == 0
