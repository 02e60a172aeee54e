"""Recurrent layers: RNN, LSTM and GRU."""

from __future__ import annotations

import warnings
from math import sqrt
from numbers import Number
from typing import Any

import flambeau

from .. import context
from ..ops.recurrent import gru_layer, lstm_layer, rnn_layer
from ..tensor import Parameter, Tensor
from . import functional as F
from . import init
from .module import Module
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: weights by layer and direction, packed sequences, dropout between layers.

    Layer k has weight_ih_lk (gates H, inputs), weight_hh_lk (gates H, outputs), bias_ih_lk, bias_hh_lk and, with proj_size, weight_hr_lk
    (proj_size, H); those of the backward direction end in _reverse. All start uniform in ±1/√H.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if not isinstance(dropout, Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout should be a number in range [0, 1], the probability of an element being zeroed, got {dropout!r}")
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, "
                f"but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        _check_types(bias=(bias, bool), batch_first=(batch_first, bool), input_size=(input_size, int), hidden_size=(hidden_size, int))
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if size <= 0:
                raise ValueError(f"{name} must be greater than zero, got {size}")
        if not 0 <= proj_size < hidden_size:
            wrong = "should be a positive integer or zero to disable projections" if proj_size < 0 else "has to be smaller than hidden_size"
            raise ValueError(f"proj_size {wrong}, got {proj_size}")
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}; there are {', '.join(_GATES)}")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        rows, directions, out = _GATES[mode] * hidden_size, 2 if bidirectional else 1, proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:directions]:
                wide = input_size if layer == 0 else out * directions
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, wide), "weight_hh": (rows, out)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = {kind: f"{kind}_l{layer}{suffix}" for kind in shapes}
                for kind, name in names.items():
                    setattr(self, name, Parameter(flambeau.empty(shapes[kind], device=device, dtype=dtype)))
                self._all_weights.append(list(names.values()))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        bound = 1.0 / sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: the weights need no common memory here. PyTorch's scripts call it."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False), ("dropout", 0.0),
                            ("bidirectional", False)):
            value = getattr(self, name)
            if value != usual:
                text += f", {name}={value}"
        return text

    # Running -------------------------------------------------------------------------------------------------------

    @property
    def _state_sizes(self) -> tuple[int, ...]:
        """The width of each tensor of the state."""
        return (self.hidden_size,)

    def _layer(self, x: Tensor, state: list[Tensor], weights: list[Any], sizes: tuple[int, ...], reverse: bool) -> tuple[Tensor, ...]:
        """One layer in one direction: the outputs, then the last state."""
        w_ih, w_hh, *biases = weights
        b_ih, b_hh = biases or (None, None)
        if self.mode == "GRU":
            return gru_layer(x, state[0], w_ih, w_hh, b_ih, b_hh, sizes=sizes, reverse=reverse)[:2]
        relu = self.mode == "RNN_RELU"
        return rnn_layer(x, state[0], w_ih, w_hh, b_ih, b_hh, sizes=sizes, reverse=reverse, relu=relu)

    def _run(self, x: Tensor, states: list[Tensor], sizes: tuple[int, ...]) -> tuple[Tensor, list[Tensor]]:
        """All layers on packed rows.  (R, input), (layers directions, N, H) -> (R, directions H), (layers directions, N, H)"""
        directions = 2 if self.bidirectional else 1
        weights, ends = self.all_weights, []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = F.dropout(x, self.dropout, True)
            outputs = []
            for way in range(directions):
                i = layer * directions + way
                y, *end = self._layer(x, [s[i] for s in states], weights[i], sizes, way == 1)
                outputs.append(y)
                ends.append(end)
            x = outputs[0] if directions == 1 else flambeau.cat(outputs, -1)
        return x, [flambeau.stack(part) if len(part) > 1 else part[0].unsqueeze(0) for part in zip(*ends, strict=True)]

    def _start(self, input: Tensor, batch: int) -> list[Tensor]:
        layers = self.num_layers * (2 if self.bidirectional else 1)
        return [flambeau.zeros(layers, batch, size, dtype=input.dtype, device=input.device) for size in self._state_sizes]

    def _state_list(self, hx: Any) -> list[Tensor]:
        return [hx]

    def _check_state(self, states: list[Tensor], batch: int) -> None:
        layers = self.num_layers * (2 if self.bidirectional else 1)
        for k, (state, size) in enumerate(zip(states, self._state_sizes, strict=True)):
            expected = (layers, batch, size)
            if tuple(state.shape) != expected:
                which = f"hidden[{k}]" if len(self._state_sizes) > 1 else "hidden"
                raise RuntimeError(f"Expected {which} size {expected}, got {list(state.shape)}")

    def _check_input(self, input: Tensor) -> None:
        weight = self.all_weights[0][0]
        if input.dtype != weight.dtype and not context.modes:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D tensor instead")
        batched = input.dim() == 3
        states = None if hx is None else self._state_list(hx)
        if states is not None and any(s.dim() != input.dim() for s in states):
            found = ", ".join(f"{s.dim()}-D" for s in states)
            kind = "batched" if batched else "unbatched"
            raise RuntimeError(f"For {kind} {input.dim()}-D input, hx should also be {input.dim()}-D but got {found} tensors")
        if not batched:
            input = input.unsqueeze(1)
            states = None if states is None else [s.unsqueeze(1) for s in states]
        elif self.batch_first:
            input = input.transpose(0, 1)
        length, batch, _ = input.shape
        self._check_input(input)
        if length == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        states = self._start(input, batch) if states is None else states
        self._check_state(states, batch)
        output, ends = self._run(input.reshape(length * batch, input.shape[2]), states, (batch,) * length)
        output = output.reshape(length, batch, output.shape[1])
        if not batched:
            return output.squeeze(1), self._as_state([e.squeeze(1) for e in ends])
        return (output.transpose(0, 1) if self.batch_first else output), self._as_state(ends)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> Any:
        data, batch_sizes, order, back = input
        if data.dim() != 2:
            raise RuntimeError(f"input must have 2 dimensions, got {data.dim()}")
        sizes = tuple(batch_sizes.tolist())
        self._check_input(data)
        states = self._start(data, sizes[0]) if hx is None else self._state_list(hx)
        if hx is not None:
            self._check_state(states, sizes[0])
            if order is not None:
                states = [s.index_select(1, order) for s in states]
        output, ends = self._run(data, states, sizes)
        if back is not None:
            ends = [e.index_select(1, back) for e in ends]
        return PackedSequence(output, batch_sizes, order, back), self._as_state(ends)

    def _as_state(self, ends: list[Tensor]) -> Any:
        return ends[0]


def _check_types(**given: tuple[Any, type]) -> None:
    for name, (value, kind) in given.items():
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")


class RNN(RNNBase):
    """h = tanh(W x + b + U h + c), step by step.  (L, N, input), (D layers, N, H) -> (L, N, D H), (D layers, N, H)

    With batch_first (N, L, ·), without a batch (L, ·); a PackedSequence gives one back. D is 2 when bidirectional. The state defaults
    to zeros. nonlinearity may be "relu"; dropout acts between layers, in training. Raises RuntimeError when shapes do not fit.

    >>> outputs, last = nn.RNN(10, 20, 2)(flambeau.zeros(5, 3, 10))
    >>> outputs.shape, last.shape
    (flambeau.Size([5, 3, 20]), flambeau.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        _no_projection(kwargs)
        self.nonlinearity = nonlinearity
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype)


class GRU(RNNBase):
    """Gates r and z decide how much of the old state stays: h = (1 - z) n + z h.  (L, N, input), (D layers, N, H) -> (L, N, D H), (D layers, N, H)

    r = σ(W x + U h), z = σ(W x + U h), n = tanh(W x + b + r (U h + c)). Arguments as for RNN.

    Source: Cho et al. (2014).
    """  # noqa: E501

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        _no_projection(kwargs)
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device=device, dtype=dtype)


def _no_projection(kwargs: dict[str, Any]) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if kwargs:
        raise TypeError(f"got an unexpected keyword argument '{next(iter(kwargs))}'")


class LSTM(RNNBase):
    """A cell c that gates i, f and o open and close.  (L, N, input), ((D layers, N, H), (D layers, N, H)) -> (L, N, D H), (h, c)

    i, f, o = σ(W x + U h), g = tanh(W x + U h), c = f c + i g, h = o tanh(c). With proj_size the outputs are h times weight_hr.T,
    that wide. Other arguments as for RNN.

    >>> outputs, (h, c) = nn.LSTM(10, 20, batch_first=True, bidirectional=True)(flambeau.zeros(3, 5, 10))
    >>> outputs.shape, h.shape, c.shape
    (flambeau.Size([3, 5, 40]), flambeau.Size([2, 3, 20]), flambeau.Size([2, 3, 20]))

    Source: Hochreiter and Schmidhuber (1997).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype)

    @property
    def _state_sizes(self) -> tuple[int, ...]:
        return (self.proj_size or self.hidden_size, self.hidden_size)

    def _state_list(self, hx: Any) -> list[Tensor]:
        return list(hx)

    def _layer(self, x: Tensor, state: list[Tensor], weights: list[Any], sizes: tuple[int, ...], reverse: bool) -> tuple[Tensor, ...]:
        w_ih, w_hh, *rest = weights
        w_hr = rest.pop() if self.proj_size else None
        b_ih, b_hh = rest or (None, None)
        return lstm_layer(x, *state, w_ih, w_hh, b_ih, b_hh, w_hr, sizes=sizes, reverse=reverse)[:3]

    def _as_state(self, ends: list[Tensor]) -> Any:
        return tuple(ends)
