"""Losses against the numbers that PyTorch 2.13 prints for seed 0, their reductions, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import flambeau
from flambeau import nn

F = nn.functional
WEIGHT = [1.0, 2.0, 0.5, 3.0]


@pytest.fixture
def drawn():
    """Scores, classes, probabilities and numbers, drawn in the order in which the expected values were."""
    flambeau.manual_seed(0)
    x, p, y = flambeau.randn(3, 4), flambeau.rand(3, 4), flambeau.randn(3, 4)
    return x, flambeau.tensor([1, 3, 0]), p, y


def close(found, expected):
    np.testing.assert_allclose(np.ravel(found.detach().numpy()), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1.569476]),
        ({"weight": WEIGHT}, [1.378852]),
        ({"weight": WEIGHT, "reduction": "sum"}, [8.273115]),
        ({"ignore_index": 3}, [2.033148]),
        ({"label_smoothing": 0.2}, [1.610194]),
        ({"label_smoothing": 0.2, "weight": WEIGHT}, [1.355945]),
        ({"label_smoothing": 0.2, "weight": WEIGHT, "ignore_index": 3, "reduction": "none"}, [4.215958, 0.0, 1.839251]),
    ],
)
def test_cross_entropy(drawn, options, expected):
    x, classes, _, _ = drawn
    options = {name: flambeau.tensor(v) if name == "weight" else v for name, v in options.items()}
    close(F.cross_entropy(x, classes, **options), expected)
    close(nn.CrossEntropyLoss(**options)(x, classes), expected)


def test_cross_entropy_with_shares_of_classes(drawn):
    x, _, p, _ = drawn
    shares = p / p.sum(1, keepdim=True)
    close(F.cross_entropy(x, shares), [1.91425])
    close(F.cross_entropy(x, shares, weight=flambeau.tensor(WEIGHT), label_smoothing=0.1, reduction="sum"), [7.167579])


def test_cross_entropy_over_places(drawn):
    x, _, _, _ = drawn
    close(F.cross_entropy(x.reshape(1, 4, 3), flambeau.tensor([[1, 3, -100]])), [1.776342])
    close(F.cross_entropy(x[0], flambeau.tensor(1)), [F.cross_entropy(x[:1], flambeau.tensor([1])).item()])


def test_nll_loss(drawn):
    x, classes, _, _ = drawn
    close(F.nll_loss(x.log_softmax(1), classes, flambeau.tensor(WEIGHT), reduction="none"), [4.560856, 1.92639, 1.785868])


def test_nothing_but_ignored_targets_has_no_mean(drawn):
    x, _, _, _ = drawn
    assert math.isnan(F.cross_entropy(x, flambeau.full((3,), -100)).item())
    assert F.cross_entropy(x, flambeau.full((3,), -100), reduction="sum").item() == 0


def test_the_gradient_of_cross_entropy_is_the_difference_of_probabilities(drawn):
    x, classes, _, _ = drawn
    x.requires_grad_()
    F.cross_entropy(x, classes).backward()
    expected = x.detach().softmax(1).numpy()
    expected[np.arange(3), classes.numpy()] -= 1
    np.testing.assert_allclose(x.grad.numpy(), expected / 3, rtol=1e-5, atol=1e-7)


LOSSES = [
    ("mse_loss", "MSELoss", "xy", [2.112595, 25.351137]),
    ("l1_loss", "L1Loss", "xy", [1.196346, 14.356156]),
    ("smooth_l1_loss", "SmoothL1Loss", "xy", [0.767707, 9.212479]),
    ("huber_loss", "HuberLoss", "xy", [0.767707, 9.212479]),
    ("binary_cross_entropy", "BCELoss", "pb", [0.779087, 9.349039]),
    ("binary_cross_entropy_with_logits", "BCEWithLogitsLoss", "xb", [0.919057, 11.02868]),
    ("kl_div", "KLDivLoss", "xq", [-0.193106, -2.317269]),
    ("poisson_nll_loss", "PoissonNLLLoss", "xp", [1.358541, 16.302486]),
    ("gaussian_nll_loss", "GaussianNLLLoss", "xyp", [3.898244, 46.778923]),
    ("hinge_embedding_loss", "HingeEmbeddingLoss", "xs", [0.331544, 3.978526]),
    ("margin_ranking_loss", "MarginRankingLoss", "xys", [1.130744, 13.568923]),
    ("soft_margin_loss", "SoftMarginLoss", "xs", [0.919057, 11.02868]),
    ("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss", "xb", [0.919057, 2.75717]),
    ("multi_margin_loss", "MultiMarginLoss", "xt", [0.80012, 2.400359]),
    ("cosine_embedding_loss", "CosineEmbeddingLoss", "xyr", [0.641785, 1.925354]),
    ("triplet_margin_loss", "TripletMarginLoss", "xyp", [1.366668, 4.100005]),
]


@pytest.mark.parametrize(("function", "module", "arguments", "expected"), LOSSES)
def test_losses_give_pytorchs_numbers(drawn, function, module, arguments, expected):
    x, t, p, y = drawn
    b = (y > 0).float()
    s = b * 2 - 1
    given = {"x": x, "t": t, "p": p, "y": y, "b": b, "s": s, "q": p / p.sum(1, keepdim=True), "r": s[:, 0]}
    values = [given[name] for name in arguments]
    for reduction, value in zip(("mean", "sum"), expected, strict=True):
        close(getattr(F, function)(*values, reduction=reduction), [value])
        close(getattr(nn, module)(reduction=reduction)(*values), [value])
    each = getattr(F, function)(*values, reduction="none")
    close(each.sum(), [expected[1]])


def test_batchmean_divides_by_the_batch(drawn):
    x, _, p, _ = drawn
    close(F.kl_div(x, p, reduction="batchmean"), [F.kl_div(x, p, reduction="sum").item() / 3])
    close(F.kl_div(x, p.log(), reduction="sum", log_target=True), [F.kl_div(x, p, reduction="sum").item()])


def test_certain_probabilities_have_finite_loss_and_slope():
    p = flambeau.tensor([0.0, 1.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, flambeau.tensor([0.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0, 0, 100]
    loss.sum().backward()
    assert p.grad.isfinite().all()
    logits = flambeau.tensor([-1000.0, 1000.0, 1000.0])
    assert F.binary_cross_entropy_with_logits(logits, flambeau.tensor([0.0, 1.0, 0.0]), reduction="none").tolist() == [0, 0, 1000]


def test_shapes_that_differ_are_broadcast_with_a_warning():
    with pytest.warns(UserWarning, match=r"target size \(.*4, 1.*\) that is different to the input size \(.*4.*\)"):
        assert F.mse_loss(flambeau.zeros(4), flambeau.ones(4, 1)).item() == 1


def test_the_older_flags_name_a_reduction():
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    assert F.mse_loss(flambeau.zeros(2), flambeau.ones(2), reduce=False).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.tensor([0, 3])), IndexError, "Target 3 is out of bounds.*0 .. 2"),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.tensor([0, -1])), IndexError, "Target -1 is out of bounds"),
        (
            lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.tensor([0])),
            ValueError,
            r"batch_size \(2\) to match target batch_size \(1\)",
        ),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3, 4), flambeau.tensor([0, 1])), RuntimeError, r"expected target of shape \(2, 4\)"),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.zeros(2)), RuntimeError, "class indices must be integers"),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.zeros(2, dtype=flambeau.bool)), RuntimeError, "expected scalar type Long"),
        (lambda: F.cross_entropy(flambeau.tensor(1.0), flambeau.tensor(0)), RuntimeError, "got a scalar"),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.tensor([0, 1]), flambeau.ones(2)), RuntimeError, "all 3 classes"),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.tensor([0, 1]), label_smoothing=2), RuntimeError, "between 0.0 and 1.0"),
        (lambda: F.cross_entropy(flambeau.zeros(2, 3), flambeau.zeros(2, 3), ignore_index=1), RuntimeError, "floating point target"),
        (lambda: F.nll_loss(flambeau.zeros(2, 3), flambeau.tensor([0, 1]), reduction="avg"), ValueError, "avg is not a valid value"),
        (lambda: F.binary_cross_entropy(flambeau.tensor([1.5]), flambeau.ones(1)), RuntimeError, "between 0 and 1"),
        (lambda: F.binary_cross_entropy(flambeau.zeros(2), flambeau.zeros(3)), ValueError, "arget size .*3.* input size .*2"),
        (lambda: F.binary_cross_entropy_with_logits(flambeau.zeros(2), flambeau.zeros(3)), ValueError, "arget size .*3.* input size .*2"),
        (lambda: F.smooth_l1_loss(flambeau.zeros(2), flambeau.zeros(2), beta=-1), RuntimeError, "negative values for beta"),
        (lambda: F.huber_loss(flambeau.zeros(2), flambeau.zeros(2), delta=0), RuntimeError, "non-positive values for delta"),
        (lambda: F.gaussian_nll_loss(flambeau.zeros(2), flambeau.zeros(2), flambeau.tensor([1.0, -1.0])), ValueError, "negative"),
        (lambda: F.gaussian_nll_loss(flambeau.zeros(2), flambeau.zeros(2), flambeau.ones(3)), ValueError, "incorrect size"),
        (lambda: F.multi_margin_loss(flambeau.zeros(2, 3), flambeau.tensor([0, 1]), p=3), ValueError, "p == 1 and p == 2"),
        (lambda: F.margin_ranking_loss(flambeau.zeros(2), flambeau.zeros(2, 1), flambeau.ones(2)), RuntimeError, "same dimension"),
        (lambda: F.cosine_embedding_loss(*[flambeau.zeros(2, 3)] * 2, flambeau.ones(2, 1)), RuntimeError, "0D or 1D target"),
    ],
)
def test_bad_input_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
