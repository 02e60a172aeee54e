"""The border functions that are more than a layer: in-place forms, padding, resizing, distances, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau import nn

F = nn.functional
IN_PLACE = ["relu", "relu6", "hardtanh", "leaky_relu", "elu", "celu", "selu", "silu", "mish", "hardsigmoid", "hardswish"]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_is_the_same_function_and_gradient(name):
    function = getattr(F, name)
    results = []
    for inplace in (False, True):
        x = flambeau.linspace(-4, 4, 9).requires_grad_()
        hidden = x * 1.5
        y = function(hidden, inplace=inplace)
        assert (y is hidden) == inplace
        y.square().sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)


@pytest.mark.parametrize("name", ["relu_", "leaky_relu_", "elu_", "celu_", "selu_", "hardtanh_"])
def test_names_with_a_line_below_write(name):
    x = flambeau.tensor([-2.0, 3.0])
    expected = getattr(F, name[:-1])(x.clone())
    assert getattr(F, name)(x) is x and x.tolist() == expected.tolist()
    assert F.threshold_(flambeau.tensor([0.0, 1.0]), 0.5, 7.0).tolist() == [7, 1]


def test_dropout_in_place_writes():
    flambeau.manual_seed(0)
    x = flambeau.ones(100)
    assert F.dropout(x, 0.5, inplace=True) is x and set(x.tolist()) == {0, 2}


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("constant", [9, 9, 1, 2, 3, 9]),
        ("reflect", [3, 2, 1, 2, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1]),
    ],
)
def test_pad(mode, row):
    x = flambeau.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    y = F.pad(x, (2, 1), mode, 9.0 if mode == "constant" else None)
    assert y.tolist() == [row]
    y.sum().backward()
    assert x.grad.tolist() == [[row.count(1), row.count(2), row.count(3)]]


def test_pad_counts_axes_from_the_last_and_crops_with_negative_numbers():
    x = flambeau.arange(6.0).reshape(1, 2, 3)
    assert F.pad(x, (0, 1, 1, 0)).tolist() == [[[0, 0, 0, 0], [0, 1, 2, 0], [3, 4, 5, 0]]]
    assert F.pad(x, (-1, 0, 0, -1)).tolist() == [[[1, 2]]]
    assert F.pad(x, (2, -1), "circular").tolist() == [[[0, 1, 0, 1], [3, 4, 3, 4]]]


def test_interpolate():
    x = flambeau.tensor([[[1.0, 2.0, 4.0]]])
    cases = [
        ({"size": 6}, [1, 1, 2, 2, 4, 4]),
        ({"scale_factor": 2, "mode": "nearest-exact"}, [1, 1, 2, 2, 4, 4]),
        ({"size": 2}, [1, 2]),
        ({"size": 2, "mode": "nearest-exact"}, [1, 4]),
        ({"size": 6, "mode": "linear"}, [1, 1.25, 1.75, 2.5, 3.5, 4]),
        ({"size": 5, "mode": "linear", "align_corners": True}, [1, 1.5, 2, 3, 4]),
        ({"size": 1, "mode": "area"}, [7 / 3]),
        ({"scale_factor": 1.5}, [1, 1, 2, 4]),
    ]
    for options, expected in cases:
        np.testing.assert_allclose(F.interpolate(x, **options).numpy().ravel(), expected, rtol=1e-6, err_msg=str(options))
    image = flambeau.arange(4.0).reshape(1, 1, 2, 2)
    np.testing.assert_allclose(F.interpolate(image, size=3, mode="bilinear").numpy()[0, 0], [[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]])


def test_pixels_and_channels_change_places():
    x = flambeau.arange(16.0).reshape(1, 4, 2, 2)
    assert F.pixel_shuffle(x, 2)[0, 0].tolist() == [[0, 4, 1, 5], [8, 12, 9, 13], [2, 6, 3, 7], [10, 14, 11, 15]]
    assert F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2).tolist() == x.tolist()


def test_conv_without_a_batch_and_with_same_padding():
    x, w = flambeau.randn(3, 6, 5), flambeau.randn(4, 3, 3, 2)
    np.testing.assert_allclose(F.conv2d(x, w).numpy(), F.conv2d(x.unsqueeze(0), w)[0].numpy(), rtol=1e-6)
    assert F.conv2d(x, w, padding="same").shape == (4, 6, 5)
    assert F.conv2d(x, w, padding="valid").shape == (4, 4, 4)


def test_adaptive_pools_cover_unevenly():
    x = flambeau.arange(5.0).reshape(1, 1, 5)
    assert F.adaptive_avg_pool1d(x, 3).flatten().tolist() == [0.5, 2, 3.5]
    assert F.adaptive_max_pool1d(x, 3).flatten().tolist() == [1, 3, 4]
    values, places = F.max_pool1d(x, 2, return_indices=True)
    assert values.flatten().tolist() == [1, 3] and places.flatten().tolist() == [1, 3]


def test_softmax_chooses_an_axis_when_none_is_given():
    assert F.softmax(flambeau.zeros(2, 4)).sum(1).tolist() == [1, 1]
    assert F.softmax(flambeau.zeros(2, 4, 3)).sum(0).tolist() == [[1] * 3] * 4
    flambeau.manual_seed(0)
    hard = F.gumbel_softmax(flambeau.zeros(5, 3), hard=True)
    assert sorted(set(hard.flatten().tolist())) == [0, 1] and hard.sum(1).tolist() == [1] * 5


def test_one_hot():
    assert F.one_hot(flambeau.tensor([1, 0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert F.one_hot(flambeau.zeros(2, 0, dtype=flambeau.int64), 3).shape == (2, 0, 3)


def test_linear_without_an_axis_of_outputs():
    assert F.linear(flambeau.ones(2, 3), flambeau.ones(3), flambeau.tensor(1.0)).tolist() == [4, 4]


ZEROS = flambeau.zeros


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: F.linear(ZEROS(2, 3), ZEROS(4, 5)), RuntimeError, r"expected input of shape \(\*, 5\).*got \(2, 3\)"),
        (lambda: F.linear(ZEROS(2, 3), ZEROS(4, 3), ZEROS(3)), RuntimeError, r"expected bias of shape \(4,\), got \(3,\)"),
        (lambda: F.linear(ZEROS(2, 3), ZEROS(1, 4, 3)), RuntimeError, r"weight of shape \(out, in\), got \(1, 4, 3\)"),
        (lambda: F.bilinear(ZEROS(2, 3), ZEROS(2, 4), ZEROS(5, 3, 3)), RuntimeError, r"\(out, 3, 4\), got \(5, 3, 3\)"),
        (lambda: F.bilinear(ZEROS(2, 3), ZEROS(1, 4), ZEROS(5, 3, 4)), RuntimeError, "do not match"),
        (lambda: F.conv2d(ZEROS(1, 3, 5, 5), ZEROS(4, 3, 3)), RuntimeError, r"\(out, in/groups, kH, kW\), got \(4, 3, 3\)"),
        (lambda: F.conv2d(ZEROS(1, 3, 5, 5), ZEROS(4, 3, 3, 3), ZEROS(3)), RuntimeError, "bias to be 1-dimensional with 4 elements"),
        (lambda: F.conv2d(ZEROS(1, 4, 5, 5), ZEROS(3, 2, 3, 3), groups=2), RuntimeError, "groups to divide the 3 output channels"),
        (lambda: F.conv2d(ZEROS(1, 4, 5, 5), ZEROS(3, 4, 3, 3), groups=0), RuntimeError, "non-positive groups"),
        (lambda: F.conv2d(ZEROS(1, 3, 5, 5), ZEROS(4, 3, 3, 3), stride=0), RuntimeError, "non-positive stride is not supported"),
        (lambda: F.conv2d(ZEROS(1, 3, 5, 5), ZEROS(4, 3, 3, 3), padding="all"), RuntimeError, "'valid' or 'same'"),
        (lambda: F.conv2d(ZEROS(1, 3, 5, 5), ZEROS(4, 3, 3, 3), padding="same", stride=2), RuntimeError, "strided"),
        (lambda: F.max_pool2d(ZEROS(1, 1, 4, 4), 0), RuntimeError, "kernel size must be at least 1"),
        (lambda: F.avg_pool2d(ZEROS(1, 1, 4, 4), 2, divisor_override=0), RuntimeError, "divisor must be not zero"),
        (lambda: F.adaptive_avg_pool2d(ZEROS(1, 1, 4, 4), (2, 2, 2)), RuntimeError, "output_size must be 2 numbers"),
        (lambda: F.pad(ZEROS(2), (1, 1, 1)), RuntimeError, "two numbers for each"),
        (lambda: F.pad(ZEROS(2), (1, 1, 1, 1)), RuntimeError, "up to 1 axes"),
        (lambda: F.pad(ZEROS(1, 3), (3, 0), "reflect"), RuntimeError, "less than the corresponding input dimension"),
        (lambda: F.pad(ZEROS(1, 3), (4, 0), "circular"), RuntimeError, "more than once"),
        (lambda: F.pad(ZEROS(3), (1, 0), "reflect"), NotImplementedError, "last 1, 2 or 3 axes"),
        (lambda: F.pad(ZEROS(1, 3), (1, 0), "mirror"), NotImplementedError, "Unrecognised padding mode 'mirror'"),
        (lambda: F.pad(ZEROS(1, 3), (1, 0), "reflect", 2.0), ValueError, "doesn't take in value"),
        (lambda: F.pad(ZEROS(3), (-2, -2)), RuntimeError, "negative output size"),
        (lambda: F.interpolate(ZEROS(1, 1, 3)), ValueError, "either size or scale_factor"),
        (lambda: F.interpolate(ZEROS(1, 1, 3), 2, 2), ValueError, "only one of"),
        (lambda: F.interpolate(ZEROS(1, 1, 3), (2, 2)), ValueError, "same number of spatial dimensions"),
        (lambda: F.interpolate(ZEROS(1, 1, 3), 2, mode="bilinear"), NotImplementedError, "bilinear mode needs 4D input"),
        (lambda: F.interpolate(ZEROS(1, 1, 3), 2, mode="cubic"), NotImplementedError, "unknown mode 'cubic'"),
        (lambda: F.interpolate(ZEROS(1, 1, 3), 2, align_corners=True), ValueError, "align_corners"),
        (lambda: F.interpolate(ZEROS(1, 1, 3), 0), RuntimeError, "greater than 0"),
        (lambda: F.interpolate(ZEROS(3, 3), 2), NotImplementedError, "Got 2D input"),
        (lambda: F.pixel_shuffle(ZEROS(3, 2, 2), 2), RuntimeError, "3 channels for factor 2"),
        (lambda: F.pixel_unshuffle(ZEROS(3, 3, 2), 2), RuntimeError, r"got \(3, 2\) for factor 2"),
        (lambda: F.one_hot(flambeau.tensor([-1])), RuntimeError, "non-negative, got -1"),
        (lambda: F.one_hot(flambeau.tensor([3]), 2), RuntimeError, "smaller than num_classes: got 3 for 2"),
        (lambda: F.one_hot(ZEROS(2)), RuntimeError, "only applicable to index tensor"),
        (lambda: F.one_hot(ZEROS(0, dtype=flambeau.int64)), RuntimeError, "empty tensor"),
        (lambda: F.embedding(flambeau.tensor([0]), ZEROS(3)), RuntimeError, "must be 2-D"),
        (lambda: F.gelu(ZEROS(1), "fast"), RuntimeError, "none or tanh, got 'fast'"),
        (lambda: F.hardtanh(ZEROS(1), 1.0, 0.0), ValueError, "min_val cannot be greater"),
        (lambda: F.softshrink(ZEROS(1), -1.0), RuntimeError, "greater or equal to 0"),
        (lambda: F.celu(ZEROS(1), 0.0), RuntimeError, "alpha cannot be 0"),
        (lambda: F.rrelu(ZEROS(1), 0.5, 0.2), RuntimeError, "Lower bound"),
        (lambda: F.dropout(ZEROS(1), -0.1), ValueError, "between 0 and 1, but got -0.1"),
        (lambda: F.dropout1d(ZEROS(2)), RuntimeError, "Expected 2D or 3D input, but received a 1D input"),
        (lambda: F.layer_norm(ZEROS(2), ()), RuntimeError, "at least 1-dimensional"),
        (lambda: F.layer_norm(ZEROS(2, 3), (3,), ZEROS(2)), RuntimeError, "same shape as normalized_shape"),
        (lambda: F.group_norm(ZEROS(2, 3), 2), RuntimeError, "divisible by num_groups"),
        (lambda: F.batch_norm(ZEROS(3), None, None, training=True), RuntimeError, r"shape \(N, C, \*\)"),
        (lambda: F.batch_norm(ZEROS(2, 3), None, None), RuntimeError, "evaluation mode"),
        (lambda: F.local_response_norm(ZEROS(2, 3), 2), ValueError, "3D or higher"),
    ],
)
def test_bad_input_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()
