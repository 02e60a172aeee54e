"""Convolution against its definition, and its gradients against the transpose of the forward."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from flambeau.backends import native
from flambeau.backends.conv import conv_backward_input, conv_backward_weight, conv_forward, conv_output_size


@pytest.fixture(autouse=True, params=["C", "NumPy"])
def without_compiler(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(native, "_library", lambda: None)


# (N, groups, C/groups, O/groups), size, kernel, stride, padding, dilation
CASES = [
    ((2, 1, 3, 4), (7,), (3,), (1,), (1,), (1,)),
    ((2, 2, 1, 2), (8,), (3,), (2,), (0,), (2,)),
    ((3, 1, 2, 3), (5, 6), (3, 2), (1, 1), (1, 0), (1, 1)),
    ((2, 1, 2, 3), (6, 7), (3, 3), (2, 3), (2, 1), (2, 1)),
    ((2, 3, 1, 1), (6, 6), (3, 3), (1, 1), (1, 1), (1, 1)),
    ((2, 2, 2, 1), (5, 5), (1, 1), (2, 2), (0, 0), (1, 1)),
    ((1, 1, 3, 2), (4, 4), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((2, 1, 2, 2), (4, 5, 3), (2, 3, 1), (1, 2, 1), (1, 1, 0), (1, 1, 1)),
    ((0, 1, 2, 3), (5, 5), (3, 3), (1, 1), (0, 0), (1, 1)),
    ((70, 1, 8, 16), (8, 8), (3, 3), (1, 1), (1, 1), (1, 1)),  # several blocks
]


def by_definition(x, w, stride, padding, dilation, groups):
    out = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    y = np.zeros((len(x), len(w), *out), x.dtype)
    c, o = x.shape[1] // groups, len(w) // groups
    for offset in product(*map(range, w.shape[2:])):
        at = tuple(slice(k * d, k * d + (m - 1) * t + 1, t) for k, d, m, t in zip(offset, dilation, out, stride, strict=True))
        window = padded[(..., *at)]
        for g in range(groups):
            part = np.einsum("nc...,oc->no...", window[:, g * c : (g + 1) * c], w[(slice(g * o, (g + 1) * o), slice(None), *offset)])
            y[:, g * o : (g + 1) * o] += part
    return y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_conv_follows_its_definition_and_gradients_are_its_transpose(case, dtype):
    (n, groups, c, o), size, kernel, *geometry = case
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, groups * c, *size)).astype(dtype)
    w = rng.standard_normal((groups * o, c, *kernel)).astype(dtype)
    y = conv_forward(x, w, *geometry, groups)
    tolerance = 1e-4 if dtype == np.float32 else 1e-11
    assert y.dtype == dtype
    np.testing.assert_allclose(y, by_definition(x, w, *geometry, groups), rtol=tolerance, atol=tolerance)

    g = rng.standard_normal(y.shape).astype(dtype)
    gx = conv_backward_input(g, w, x.shape, *geometry, groups)
    gw = conv_backward_weight(g, x, w.shape, *geometry, groups)
    assert (gx.shape, gw.shape, gx.dtype, gw.dtype) == (x.shape, w.shape, dtype, dtype)
    inner = np.vdot(g, y)
    scale = 1 + np.abs(g * y).sum()
    assert abs(np.vdot(gx, x) - inner) < tolerance * scale
    assert abs(np.vdot(gw, w) - inner) < tolerance * scale


def test_strided_views_are_read_in_place():
    x = np.random.default_rng(1).standard_normal((6, 4, 2, 3)).transpose(2, 3, 0, 1)  # channels and batch last in memory
    w = np.random.default_rng(2).standard_normal((3, 3, 3, 3))[::-1]
    expected = conv_forward(np.ascontiguousarray(x), np.ascontiguousarray(w), (1, 1), (1, 1), (1, 1))
    np.testing.assert_allclose(conv_forward(x, w, (1, 1), (1, 1), (1, 1)), expected, rtol=1e-12)


def test_the_same_call_gives_the_same_bits():
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((9, 16, 14, 14)).astype("f4"), rng.standard_normal((8, 16, 3, 3)).astype("f4")
    first, second = (conv_forward(x, w, (1, 1), (1, 1), (1, 1)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(
    ("x", "w", "options", "message"),
    [
        ((1, 4, 5, 5), (2, 3, 3, 3), {}, r"expected weight of shape \(out, in/groups, \*kernel\) = \(2, 4/1, 3, 3\)"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, "groups that divide the 3 output channels"),
        ((1, 4, 5, 5), (3, 4, 3), {}, "equal rank"),
        ((1, 4, 2, 2), (3, 4, 3, 3), {}, "Kernel size can't be greater than actual input size"),
        ((1, 4, 5, 5), (3, 4, 3, 3), {"stride": (0, 1)}, "non-positive stride is not supported"),
        ((1, 4, 5, 5), (3, 4, 3, 3), {"padding": (-1, 0)}, "negative padding is not supported"),
        ((1, 4, 5, 5), (3, 4, 3, 3), {"dilation": (1,)}, "dilation with 2 values"),
    ],
)
def test_bad_input_is_told_what_was_expected(x, w, options, message):
    options = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1} | options
    with pytest.raises(RuntimeError, match=message):
        conv_forward(np.zeros(x), np.zeros(w), **options)


def test_a_gradient_of_another_shape_is_refused():
    geometry = ((1, 1), (0, 0), (1, 1), 1)
    with pytest.raises(RuntimeError, match=r"gradient of the output's shape \(2, 3, 3, 3\)"):
        conv_backward_input(np.zeros((2, 3, 4, 4)), np.zeros((3, 1, 3, 3)), (2, 1, 5, 5), *geometry)
    with pytest.raises(RuntimeError, match=r"gradient of the output's shape \(2, 3, 3, 3\)"):
        conv_backward_weight(np.zeros((2, 4, 3, 3)), np.zeros((2, 1, 5, 5)), (3, 1, 3, 3), *geometry)


def test_inputs_whose_strides_are_no_whole_elements():
    records = np.zeros((2, 3, 6), np.dtype([("flag", "u1"), ("value", "f4")]))
    records["value"] = np.random.default_rng(4).standard_normal(records.shape)
    w = np.ones((2, 3, 3), np.float32)
    expected = conv_forward(records["value"].copy(), w, (1,), (0,), (1,))
    np.testing.assert_array_equal(conv_forward(records["value"], w, (1,), (0,), (1,)), expected)


@pytest.mark.parametrize("geometry", [((1, 1), (0, 0), (1, 1)), ((2, 1), (3, 1), (1, 2))], ids=str)
def test_blocks_of_rows_of_one_large_image(geometry, monkeypatch):
    monkeypatch.setattr("flambeau.backends.conv.BLOCK_BYTES", 4000)
    monkeypatch.setattr("flambeau.backends.conv.LARGEST", 1)
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((2, 3, 17, 19)), rng.standard_normal((4, 3, 3, 3))
    y = conv_forward(x, w, *geometry)
    np.testing.assert_allclose(y, by_definition(x, w, *geometry, 1), atol=1e-12)
    g = rng.standard_normal(y.shape)
    inner = np.vdot(g, y)
    assert np.vdot(conv_backward_input(g, w, x.shape, *geometry), x) == pytest.approx(inner, abs=1e-9)
    assert np.vdot(conv_backward_weight(g, x, w.shape, *geometry), w) == pytest.approx(inner, abs=1e-9)
