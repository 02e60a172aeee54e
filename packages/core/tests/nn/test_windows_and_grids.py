"""Transposed convolution, patches, unpooling, fractional pooling, grids, bags, CTC and rarer losses: laws that need no oracle."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.nn import functional as F

RNG = np.random.default_rng(5)


def draw(*shape):
    return flambeau.from_numpy(RNG.standard_normal(shape))


@pytest.mark.parametrize(("axes", "stride", "padding", "more", "groups", "dilation"), [
    (1, 1, 0, 0, 1, 1), (1, 2, 1, 1, 2, 1), (2, 2, 1, 0, 2, 1), (2, 1, 0, 0, 1, 2), (2, 1, 1, 1, 1, 2), (3, 2, 1, 1, 1, 1),
])
def test_transposed_convolution_is_the_gradient_of_convolution(axes, stride, padding, more, groups, dilation):
    x, w = draw(2, 4, *(4,) * axes), draw(4, 3, *(3,) * axes)
    y = getattr(F, f"conv_transpose{axes}d")(x, w, None, stride, padding, more, groups, dilation)
    image = y.detach().clone().requires_grad_()
    back = getattr(F, f"conv{axes}d")(image, w, None, stride, padding, dilation, groups)
    back = back[(slice(None), slice(None), *(slice(0, 4),) * axes)]
    (g,) = flambeau.autograd.grad(back, image, x)
    np.testing.assert_allclose(y.numpy(), g.numpy(), atol=1e-12)


def test_fold_undoes_unfold_up_to_counts():
    x = draw(2, 3, 5, 6)
    kernel = {"kernel_size": (2, 3), "dilation": 1, "padding": (1, 0), "stride": (1, 2)}
    counts = F.fold(F.unfold(flambeau.ones_like(x), **kernel), (5, 6), **kernel)
    np.testing.assert_allclose((F.fold(F.unfold(x, **kernel), (5, 6), **kernel) / counts.clamp(min=1)).numpy()[..., :5],
                               (x * (counts > 0)).numpy()[..., :5], atol=1e-12)
    assert flambeau.autograd.gradcheck(lambda t: F.unfold(t, 2), (draw(1, 2, 3, 3).requires_grad_(),))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpooling_puts_maxima_back(axes):
    x = draw(2, 3, *(6,) * axes)
    y, places = getattr(F, f"max_pool{axes}d")(x, 2, return_indices=True)
    back = getattr(F, f"max_unpool{axes}d")(y, places, 2)
    assert back.shape == x.shape and ((back == 0) | (back == x)).all() and flambeau.equal(back.sum(), y.sum()) or \
        np.isclose(float(back.sum()), float(y.sum()))


@pytest.mark.parametrize("axes", [2, 3])
def test_fractional_windows_are_inside_and_reach_the_edge(axes):
    x = draw(1, 2, *(9,) * axes)
    y, places = getattr(F, f"fractional_max_pool{axes}d")(x, 2, output_size=(5,) * axes, return_indices=True)
    assert y.shape == (1, 2, *(5,) * axes)
    assert flambeau.equal(x.flatten(2).gather(2, places.flatten(2)), y.flatten(2))


def test_adaptive_maxima_of_uneven_windows():
    x = draw(2, 3, 7)
    y, places = F.adaptive_max_pool1d(x, 3, return_indices=True)
    expected = np.stack([x.numpy()[..., a:b].max(-1) for a, b in ((0, 3), (2, 5), (4, 7))], -1)
    np.testing.assert_array_equal(y.numpy(), expected)
    np.testing.assert_array_equal(np.take_along_axis(x.numpy(), places.numpy(), -1), expected)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("aligned", [True, False])
def test_the_identity_grid_reads_the_image(mode, padding, aligned):
    x = draw(2, 3, 4, 5)
    grid = F.affine_grid(flambeau.eye(2, 3, dtype=flambeau.float64).expand(2, 2, 3), (2, 3, 4, 5), align_corners=aligned)
    np.testing.assert_allclose(F.grid_sample(x, grid, mode, padding, aligned).numpy(), x.numpy(), atol=1e-10)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_gradients_of_grids(padding):
    x, grid = draw(1, 2, 3, 4).requires_grad_(), (draw(1, 2, 3, 2) * 0.7 + 0.013).requires_grad_()
    for mode in ("bilinear", "bicubic"):
        assert flambeau.autograd.gradcheck(lambda a, b, m=mode: F.grid_sample(a, b, m, padding, False), (x, grid), atol=1e-4)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_are_reduced_lookups(mode):
    table = draw(7, 4).requires_grad_()
    items, offsets = flambeau.tensor([1, 2, 4, 5, 4, 3, 2, 6]), flambeau.tensor([0, 3, 3, 6])
    bags = F.embedding_bag(items, table, offsets, mode=mode)
    rows = table.detach().numpy()[items.numpy()]
    fold = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    expected = [fold(rows[a:b], 0) if b > a else np.zeros(4) for a, b in ((0, 3), (3, 3), (3, 6), (6, 8))]
    np.testing.assert_allclose(bags.detach().numpy(), expected, atol=1e-12)
    assert flambeau.autograd.gradcheck(lambda t: F.embedding_bag(items, t, offsets, mode=mode), (table,))
    np.testing.assert_allclose(F.embedding_bag(items.reshape(2, 4), table, mode=mode).detach().numpy(),
                               [fold(rows[:4], 0), fold(rows[4:], 0)], atol=1e-12)


def test_ctc_is_the_sum_over_alignments():
    from itertools import product

    log_probs = draw(4, 1, 3).log_softmax(-1)
    target = [1, 2]
    total = 0.0
    for path in product(range(3), repeat=4):
        merged = [c for i, c in enumerate(path) if c and (i == 0 or c != path[i - 1])]
        total += np.exp(sum(float(log_probs[t, 0, c]) for t, c in enumerate(path))) if merged == target else 0.0
    loss = F.ctc_loss(log_probs, flambeau.tensor([target]), [4], [2], reduction="none")
    assert np.isclose(float(loss), -np.log(total))
    scores = draw(4, 1, 3).requires_grad_()
    assert flambeau.autograd.gradcheck(lambda t: F.ctc_loss(t.log_softmax(-1), flambeau.tensor([target]), [4], [2]), (scores,))


def test_ctc_where_the_input_is_too_short():
    x = draw(1, 1, 3).log_softmax(-1)
    assert float(F.ctc_loss(x, flambeau.tensor([[1, 2]]), [1], [2])) == float("inf")
    assert float(F.ctc_loss(x, flambeau.tensor([[1, 2]]), [1], [2], zero_infinity=True)) == 0.0


def test_multilabel_margin():
    loss = F.multilabel_margin_loss(flambeau.tensor([[0.1, 0.2, 0.4, 0.8]]), flambeau.tensor([[3, 0, -1, 1]]))
    assert np.isclose(float(loss), 0.25 * ((1 - (0.1 - 0.2)) + (1 - (0.1 - 0.4)) + (1 - (0.8 - 0.2)) + (1 - (0.8 - 0.4))))


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: F.conv_transpose1d(draw(1, 2, 3), draw(3, 2, 2)), RuntimeError, "channels"),
    (lambda: F.conv_transpose1d(draw(1, 2, 3), draw(2, 2, 2), output_padding=1), RuntimeError, "output padding"),
    (lambda: F.conv2d(draw(1, 1, 3, 3), draw(1, 1, 2, 2).float()), RuntimeError, "should be the same"),
    (lambda: F.unfold(draw(2, 3), 2), RuntimeError, "Expected 3D or 4D"),
    (lambda: F.unfold(draw(1, 1, 2, 2), 3), RuntimeError, "at least one"),
    (lambda: F.fold(draw(1, 3, 4), (3, 3), 2), RuntimeError, "divisible"),
    (lambda: F.fold(draw(1, 4, 3), (3, 3), 2), RuntimeError, "sliding blocks"),
    (lambda: F.max_unpool1d(draw(1, 1, 2), flambeau.tensor([[[0, 9]]]), 2), RuntimeError, "invalid max index"),
    (lambda: F.max_unpool1d(draw(1, 1, 2), flambeau.tensor([[[0, 1]]]), 2, output_size=(9,)), ValueError, "invalid output_size"),
    (lambda: F.fractional_max_pool2d(draw(1, 1, 4, 4), 2), ValueError, "output_size"),
    (lambda: F.fractional_max_pool2d(draw(1, 1, 4, 4), 3, output_size=4), RuntimeError, "too large"),
    (lambda: F.grid_sample(draw(1, 1, 2, 2), draw(1, 1, 1, 2), "cubic"), ValueError, "mode"),
    (lambda: F.grid_sample(draw(1, 1, 2, 2, 2), draw(1, 1, 1, 1, 3), "bicubic", align_corners=True), RuntimeError, "4D"),
    (lambda: F.embedding_bag(flambeau.tensor([1]), draw(2, 2)), ValueError, "offsets"),
    (lambda: F.embedding_bag(flambeau.tensor([[1]]), draw(2, 2), mode="best"), ValueError, "mode"),
    (lambda: F.ctc_loss(draw(3, 1, 2), flambeau.tensor([[1]]), [4], [1]), RuntimeError, "input_lengths"),
    (lambda: F.ctc_loss(draw(3, 1, 2), flambeau.tensor([[1]]), [3], [1], blank=2), RuntimeError, "blank"),
    (lambda: F.channel_shuffle(draw(1, 3, 2), 2), RuntimeError, "divisible"),
    (lambda: F.adaptive_max_pool2d(draw(2, 2), (1, 1)), ValueError, "at least 3"),
    (lambda: F.triplet_margin_loss(draw(1, 2), draw(1, 2), draw(1, 2), margin=0), ValueError, "greater than 0"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


ANTIALIASED = [  # of arange(7.0) ** 2, as PyTorch 2.13 printed them
    ("bilinear", 3, [1.2857, 9.9412, 27.0]), ("bilinear", 5, [0.3333, 2.6667, 9.3636, 20.0, 32.3333]),
    ("bilinear", 9, [0.0, 0.6667, 2.3333, 5.1111, 9.0, 14.4444, 21.0, 28.6667, 36.0]), ("bicubic", 3, [0.6774, 9.3639, 28.0645]),
    ("bicubic", 5, [0.128, 2.4969, 8.9875, 19.7143, 33.2907]),
    ("bicubic", 9, [-0.0473, 0.4643, 2.0864, 4.9383, 9.0, 14.2716, 20.7531, 29.1786, 36.5207]),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "n", "expected"), ANTIALIASED)
def test_antialias(mode, n, expected):
    x = (flambeau.arange(7.0) ** 2).reshape(1, 1, 1, 7).requires_grad_()
    y = F.interpolate(x, (1, n), mode=mode, antialias=True)
    np.testing.assert_allclose(y.detach().numpy().reshape(-1), expected, atol=1e-4)
    y.sum().backward()
    assert x.grad.sum().item() == pytest.approx(n, rel=1e-5)


@pytest.mark.parametrize(("mode", "antialias", "expected"), [
    ("bilinear", False, [3, 32, 106, 223]), ("bilinear", True, [4, 34, 111, 212]), ("bicubic", False, [1, 33, 103, 228]),
    ("bicubic", True, [2, 31, 108, 220]),
])  # fmt: skip
def test_bytes_stay_bytes(mode, antialias, expected):
    y = (flambeau.arange(7) ** 2 * 7 % 256).to(flambeau.uint8).reshape(1, 1, 1, 7)
    assert F.interpolate(y, (1, 4), mode=mode, antialias=antialias).reshape(-1).tolist() == expected


def test_antialias_is_for_images_alone():
    with pytest.raises(ValueError, match="Anti-alias option is restricted"):
        F.interpolate(flambeau.zeros(1, 1, 4), 2, mode="linear", antialias=True)
    with pytest.raises(ValueError, match="Anti-alias option is restricted"):
        F.interpolate(flambeau.zeros(1, 1, 4, 4), 2, antialias=True)


def test_fractional_pooling_of_empty_batches_and_too_few_samples():
    pool = lambda x, samples: F.fractional_max_pool2d(x, 2, output_size=(1, 1), _random_samples=samples)
    assert pool(flambeau.zeros(0, 3, 5, 5), flambeau.zeros(0, 3, 2)).shape == (0, 3, 1, 1)
    assert F.fractional_max_pool2d(flambeau.zeros(1, 3, 5, 5), 2, output_size=(0, 1)).shape == (1, 3, 0, 1)
    with pytest.raises(RuntimeError, match=r"Expect _random_samples.size\(0\)"):
        pool(flambeau.zeros(1, 3, 5, 5), flambeau.zeros(0, 3, 2))


def test_adaptive_pools_refuse_what_no_memory_holds_and_integers():
    with pytest.raises(RuntimeError, match="more than memory can hold"):
        F.adaptive_max_pool1d(flambeau.zeros(2, 2, 2), 0x3FFFFFFFFFFFFFFF)
    with pytest.raises(NotImplementedError, match="not implemented for"):
        F.adaptive_avg_pool2d(flambeau.zeros(1, 4, 4, dtype=flambeau.int64), 2)
    assert F.adaptive_avg_pool1d(flambeau.zeros(0, 10), 5).shape == (0, 5)
    with pytest.raises(RuntimeError, match="non-zero size for non-batch dimensions"):
        F.adaptive_max_pool2d(flambeau.zeros(1, 2, 0, 4), 3)
