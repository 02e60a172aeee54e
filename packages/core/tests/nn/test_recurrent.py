"""Recurrent layers: PyTorch's numbers, packing against one sequence at a time, and what is refused."""
from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import flambeau
from flambeau import nn
from flambeau.backends import recurrent as native
from flambeau.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

# printed by PyTorch 2.13 for `run` below: outputs, states, |gradients| of the input, of weight_hh_l0 and of bias_ih_l0
PYTORCH = [
    ("RNN", {}, [-10.04178, -1.44425, 10.31021, 28.37907, 18.35876]),
    ("RNN", {"nonlinearity": "relu"}, [1.57918, 0.56366, 4.42785, 0.67475, 5.43543]),
    ("GRU", {}, [-1.94201, -1.51866, 5.50697, 5.21518, 12.10457]),
    ("LSTM", {}, [-0.94679, 0.19448, 0.69927, 7.52593, 3.54382, 9.33208]),
    ("LSTM", {"proj_size": 2}, [0.25315, 0.04963, 0.94757, 4.22164, 0.8985, 6.0313]),
    ("GRU", {"bidirectional": True, "num_layers": 2}, [-4.98614, 2.07871, 5.70105, 3.25531, 6.31711]),
    ("LSTM", {"bidirectional": True, "num_layers": 2, "dropout": 0.5}, [-1.53928, -2.15038, -5.32493, 8.25254, 4.05405, 9.61248]),
]


def states_of(h):
    return h if isinstance(h, tuple) else (h,)


def run(name, options):
    flambeau.manual_seed(3)
    layer = getattr(nn, name)(3, 4, **options)
    x = flambeau.randn(5, 2, 3, requires_grad=True)
    out, h = layer(pack_padded_sequence(x, [5, 3]))
    ((out.data**2).sum() + sum(t.sum() for t in states_of(h))).backward()
    sums = (out.data.sum(), *(t.sum() for t in states_of(h)), x.grad.abs().sum(), layer.weight_hh_l0.grad.abs().sum())
    return [v.item() for v in (*sums, layer.bias_ih_l0.grad.abs().sum())]


@pytest.mark.parametrize(("name", "options", "expected"), PYTORCH)
def test_same_numbers_as_pytorch(name, options, expected):
    np.testing.assert_allclose(run(name, options), expected, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("name", "options", "expected"), PYTORCH[2:5])
def test_without_a_compiler_numpy_runs_the_steps(name, options, expected, monkeypatch):
    monkeypatch.setattr("flambeau.kernels.fuse", lambda *_args, **_options: None)
    native._kernel.cache_clear()
    try:
        np.testing.assert_allclose(run(name, options), expected, rtol=1e-4, atol=2e-5)
    finally:
        native._kernel.cache_clear()


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_a_packed_batch_is_each_sequence_alone(name):
    flambeau.manual_seed(0)
    layer = getattr(nn, name)(3, 4, 2, bidirectional=True, batch_first=True).double()
    sequences = [flambeau.randn(n, 3, dtype=flambeau.float64) for n in (2, 5, 1, 5)]
    out, h = layer(pack_sequence(sequences, enforce_sorted=False))
    for i, (sequence, row) in enumerate(zip(sequences, unpack_sequence(out))):
        alone, last = layer(sequence)
        flambeau.testing.assert_close(row, alone)
        for a, b in zip(states_of(h), states_of(last)):
            flambeau.testing.assert_close(a[:, i], b)


@pytest.mark.parametrize(("kind", "cell"), [("RNN", "RNNCell"), ("GRU", "GRUCell"), ("LSTM", "LSTMCell")])
def test_a_layer_is_its_cell_step_by_step(kind, cell):
    flambeau.manual_seed(0)
    layer, step = getattr(nn, kind)(3, 4), getattr(nn, cell)(3, 4)
    step.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x, state = flambeau.randn(5, 2, 3), None
    outputs, last = layer(x)
    for t in range(5):
        state = step(x[t], state)
        flambeau.testing.assert_close(states_of(state)[0], outputs[t])
    flambeau.testing.assert_close(states_of(state), tuple(s[0] for s in states_of(last)))


def test_second_derivatives_exist():
    flambeau.manual_seed(0)
    layer = nn.LSTM(2, 3, proj_size=2).double()
    x = flambeau.randn(3, 2, 2, dtype=flambeau.float64, requires_grad=True)
    assert flambeau.autograd.gradgradcheck(lambda x: layer(x)[0], (x,))


def test_vmap_of_grad_gives_each_examples_gradient():
    flambeau.manual_seed(0)
    layer = nn.GRU(2, 3)
    weights = {name: value.detach() for name, value in layer.named_parameters()}
    xs = flambeau.randn(4, 5, 2)

    def loss(w, x):
        return flambeau.func.functional_call(layer, w, (x,))[0].square().sum()

    every = flambeau.func.vmap(flambeau.func.grad(loss), in_dims=(None, 0))(weights, xs)
    for i in range(4):
        alone = flambeau.func.grad(loss)(weights, xs[i])
        for name in weights:
            flambeau.testing.assert_close(every[name][i], alone[name])


def test_copies_and_pickles_are_independent():
    layer = nn.LSTM(2, 3, 2)
    x = flambeau.randn(4, 1, 2)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301
        flambeau.testing.assert_close(other(x), layer(x))
        other.weight_hh_l1.data.zero_()
        assert layer.weight_hh_l1.abs().sum() > 0
        assert other.all_weights[1][1] is other.weight_hh_l1


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nn.LSTM(3, 4, dropout=1.5), ValueError),
        (lambda: nn.LSTM(3, 4, dropout=True), ValueError),
        (lambda: nn.LSTM(3, 0), ValueError),
        (lambda: nn.LSTM(3, 4, 0), ValueError),
        (lambda: nn.LSTM(3.0, 4), TypeError),
        (lambda: nn.LSTM(3, 4, bias="yes"), TypeError),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError),
        (lambda: nn.GRU(3, 4, proj_size=2), ValueError),
        (lambda: nn.RNN(3, 4, nonlinearity="elu"), ValueError),
        (lambda: nn.LSTM(3, 4)(flambeau.zeros(3)), ValueError),
        (lambda: nn.LSTM(3, 4)(flambeau.zeros(2, 2, 5)), RuntimeError),
        (lambda: nn.LSTM(3, 4)(flambeau.zeros(0, 2, 3)), RuntimeError),
        (lambda: nn.LSTM(3, 4)(flambeau.zeros(2, 2, 3).double()), ValueError),
        (lambda: nn.GRU(3, 4)(flambeau.zeros(2, 2, 3), flambeau.zeros(1, 3, 4)), RuntimeError),
        (lambda: nn.GRU(3, 4)(flambeau.zeros(2, 2, 3), flambeau.zeros(1, 4)), RuntimeError),
        (lambda: nn.GRUCell(3, 4)(flambeau.zeros(2, 5)), RuntimeError),
        (lambda: nn.GRUCell(3, 4)(flambeau.zeros(2, 3), flambeau.zeros(3, 4)), RuntimeError),
        (lambda: nn.RNNCell(3, 4)(flambeau.zeros(2, 2, 3)), ValueError),
    ],
)
def test_mistakes_are_named(make, error):
    with pytest.raises(error):
        make()


def test_dropout_of_one_layer_is_warned_about():
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.LSTM(3, 4, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.LSTM(3, 4, 2, dropout=0.5)


# Packing -----------------------------------------------------------------------------------------------------------


def test_packing_and_padding_are_inverse():
    sequences = [flambeau.tensor(v) for v in ([1, 2], [3, 4, 5], [6])]
    packed = pack_sequence(sequences, enforce_sorted=False)
    assert packed.data.tolist() == [3, 1, 6, 4, 2, 5]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices.tolist() == [1, 0, 2]
    block, lengths = pad_packed_sequence(packed, batch_first=True, padding_value=-1, total_length=4)
    assert block.tolist() == [[1, 2, -1, -1], [3, 4, 5, -1], [6, -1, -1, -1]]
    assert lengths.tolist() == [2, 3, 1]
    assert [s.tolist() for s in unpack_sequence(packed)] == [s.tolist() for s in sequences]
    assert [s.tolist() for s in unpad_sequence(block, lengths, batch_first=True)] == [s.tolist() for s in sequences]


def test_padding_on_the_left():
    rows = pad_sequence([flambeau.ones(1), flambeau.ones(3)], batch_first=True, padding_value=9, padding_side="left")
    assert rows.tolist() == [[9, 9, 1], [1, 1, 1]]


def test_gradients_reach_what_was_packed_and_no_padding():
    x = flambeau.ones(3, 2, requires_grad=True)
    pack_padded_sequence(x, [3, 1]).data.sum().backward()
    assert x.grad.tolist() == [[1, 1], [1, 0], [1, 0]]


def test_a_packed_sequence_moves_as_a_whole():
    packed = pack_sequence([flambeau.ones(1), flambeau.ones(2)], enforce_sorted=False)
    assert packed.double().data.dtype == flambeau.float64
    assert packed.to("cpu") is packed
    assert invert_permutation(None) is None
    assert PackedSequence((packed.data, packed.batch_sizes)).sorted_indices is None


@pytest.mark.parametrize(
    ("lengths", "message"),
    [([1, 2], "decreasing"), ([2, 0], "greater than 0"), ([2], "batch_size"), ([9, 1], "at most 3"), ([[2, 1]], "1D CPU")],
)
def test_lengths_that_cannot_be(lengths, message):
    with pytest.raises(RuntimeError, match=message):
        pack_padded_sequence(flambeau.zeros(3, 2), lengths)


def test_more_packing_mistakes():
    packed = pack_sequence([flambeau.ones(2)])
    with pytest.raises(ValueError, match="total_length"):
        pad_packed_sequence(packed, total_length=1)
    with pytest.raises(RuntimeError, match="iterable"):
        pad_sequence(3)
    with pytest.raises(RuntimeError, match="empty"):
        pad_sequence([])
    with pytest.raises(RuntimeError, match="left or right"):
        pad_sequence([flambeau.ones(1)], padding_side="top")
    with pytest.raises(RuntimeError, match="shape"):
        pad_sequence([flambeau.ones(1, 2), flambeau.ones(1, 3)])
