"""How many floating-point operations a call does, as PyTorch counts them: two for each product that is added up, biases not counted."""

from __future__ import annotations

from math import prod
from typing import Any

from flambeau import Tensor


def _matmul(inputs: Any, _attrs: dict[str, Any], out: Any) -> int:
    return 2 * out.numel() * inputs[0].shape[-1]  # dot and mv too, which PyTorch leaves out


def _linear(inputs: Any, _attrs: dict[str, Any], out: Any) -> int:
    return 2 * out.numel() * inputs[1].shape[-1]


def _conv(inputs: Any, _attrs: dict[str, Any], out: Any) -> int:
    return 2 * out.numel() * prod(inputs[1].shape[1:])


def _einsum(inputs: Any, attrs: dict[str, Any], _out: Any) -> int:
    """From left to right, two terms at a time, as PyTorch multiplies them."""
    left, _, result = attrs["equation"].partition("->")
    terms = left.split(",")
    extents = {c: n for term, x in zip(terms, inputs) for c, n in zip(term, x.shape)}
    total, have = 0, set(terms[0])
    for i, term in enumerate(terms[1:], 2):
        later = set("".join(terms[i:])) | set(result)
        shared = {c for c in have & set(term) if c not in later}
        kept = (have | set(term)) & later
        if shared:
            total += 2 * prod(extents[c] for c in kept | shared)
        have = kept
    return total


PRODUCTS = {"matmul": _matmul, "linear": _linear, "conv": _conv, "einsum_of": _einsum}


def _elements(inputs: Any, _attrs: dict[str, Any], _out: Any) -> int:
    """One for each element of the first tensor, before it is broadcast: so PyTorch counts add and mul."""
    return next(x.numel() for x in inputs if isinstance(x, Tensor))


PROFILED = {**PRODUCTS, "add": _elements, "mul": _elements}


def flops_of(card: Any, inputs: Any, attrs: dict[str, Any], out: Any) -> int:
    """What `with_flops` counts for a call: products of matrices, convolutions, add and mul; 0 for all else."""
    count = PROFILED.get(card.name)
    return 0 if count is None else count(inputs, attrs, out)


# ---- what `flambeau.utils.flop_counter` counts beside
def _conv_input(inputs: Any, _attrs: dict[str, Any], _out: Any) -> int:
    g, weight = inputs
    return 2 * g.numel() * prod(weight.shape[1:])


def _conv_weight(inputs: Any, attrs: dict[str, Any], _out: Any) -> int:
    return 2 * inputs[0].numel() * prod(attrs["shape"][1:])


def _attention(inputs: Any, _attrs: dict[str, Any], out: Any) -> int:
    q, k, v = inputs[:3]  # (n, *, L, E), (n, *, S, E), (n, *, S, Ev)
    return 2 * prod(out.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])


def _recurrent(*weights: int, times: int = 1) -> Any:
    """Every row of x meets every weight once; `weights` are their places among the inputs, or of names that begin with w_."""

    def count(inputs: Any, _attrs: dict[str, Any], _out: Any) -> int:
        x, *rest = (inputs[i] for i in weights)
        return 2 * times * x.shape[0] * sum(w.numel() for w in rest if w is not None)

    return count


COUNTED = {
    **PRODUCTS, "conv_input": _conv_input, "conv_weight": _conv_weight, "attention": _attention,
    "lstm_layer": _recurrent(0, 3, 4, 7), "gru_layer": _recurrent(0, 2, 3), "rnn_layer": _recurrent(0, 2, 3),
    "lstm_layer_backward": _recurrent(8, 11, 12, 14, times=2), "gru_layer_backward": _recurrent(5, 7, 8, times=2),
    "rnn_layer_backward": _recurrent(3, 5, 6, times=2),
}  # fmt: skip
