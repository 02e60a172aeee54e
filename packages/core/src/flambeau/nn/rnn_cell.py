"""One step of a recurrent layer."""

from __future__ import annotations

from math import sqrt
from typing import Any

import flambeau

from ..casting import listed
from ..ops.recurrent import gru_layer, lstm_layer, rnn_layer
from ..tensor import Parameter, Tensor
from . import init
from .module import Module

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]

# autocast has other rules for a cell than for a layer
gru_cell, lstm_cell = listed(gru_layer, "gru_cell"), listed(lstm_layer, "lstm_cell")


class RNNCellBase(Module):
    """What the cells share: weight_ih (chunks H, input), weight_hh (chunks H, H) and two biases, uniform in ±1/√H."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(flambeau.empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(flambeau.empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(flambeau.empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        bound = 1.0 / sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _rows(self, input: Tensor, hx: Any, names: tuple[str, ...]) -> tuple[bool, Tensor, list[Tensor]]:
        """Whether there is a batch; the input and the state with one."""
        name = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        states = None if hx is None else list(hx) if isinstance(hx, (tuple, list)) else [hx]
        for which, state in zip(names, states or (), strict=False):
            if state.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.dim()}D instead")
        batched = input.dim() == 2
        rows = input if batched else input.unsqueeze(0)
        n, size = rows.shape[0], self.hidden_size
        if rows.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {rows.shape[1]} expected {self.input_size}")
        if states is None:
            states = [flambeau.zeros(n, size, dtype=input.dtype, device=input.device) for _ in names]
        elif not batched:
            states = [s.unsqueeze(0) for s in states]
        for which, state in zip(names, states, strict=True):
            if tuple(state.shape) != (n, size):
                part = which[3:4] or "0"
                if state.shape[1] != size:
                    raise RuntimeError(f"hidden{part} has inconsistent hidden_size: got {state.shape[1]}, expected {size}")
                raise RuntimeError(
                    f"Input batch size {n} doesn't match hidden{part} batch size {state.shape[0]}: expected {which} of shape "
                    f"{(n, size)} for input of shape {tuple(input.shape)}, got {tuple(state.shape)}"
                )
        return batched, rows, states

    @property
    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh


class RNNCell(RNNCellBase):
    """h = tanh(W x + b + U h + c).  (N, input), (N, H) -> (N, H), or without N

    nonlinearity may be "relu"; the state defaults to zeros.

    >>> nn.RNNCell(10, 20)(flambeau.zeros(3, 10)).shape
    flambeau.Size([3, 20])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}; select from 'tanh' or 'relu'")
        batched, rows, (h,) = self._rows(input, hx, ("hidden",))
        h = rnn_layer(rows, h, *self._weights, sizes=(rows.shape[0],), relu=self.nonlinearity == "relu")[0]
        return h if batched else h.squeeze(0)


class GRUCell(RNNCellBase):
    """One step of a GRU.  (N, input), (N, H) -> (N, H), or without N"""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        batched, rows, (h,) = self._rows(input, hx, ("hidden",))
        h = gru_cell(rows, h, *self._weights, sizes=(rows.shape[0],))[0]
        return h if batched else h.squeeze(0)


class LSTMCell(RNNCellBase):
    """One step of an LSTM.  (N, input), ((N, H), (N, H)) -> (N, H), (N, H), or without N"""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        batched, rows, (h, c) = self._rows(input, hx, ("hx[0]", "hx[1]"))
        _, h, c, *_ = lstm_cell(rows, h, c, *self._weights, sizes=(rows.shape[0],))
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))
