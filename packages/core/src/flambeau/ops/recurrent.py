"""Recurrent layers, one op a layer and direction: a loop over time on arrays, whose backward is written by hand.

Rows are packed: step t holds the first sizes[t] sequences of the batch, and the rows of all steps lie one after the other. A batch of
equal lengths is the same with equal sizes. A sequence's state leaves the loop when the sequence ends (or enters it, in reverse).
Backward is a card of its own; differentiating it once more runs its body on tensors.
"""
from __future__ import annotations

from itertools import accumulate

from ..backends import recurrent as native
from ..define import op
from ..fused import Native


def steps_of(sizes, reverse: bool) -> list[tuple[int, int]]:
    """The first row and the number of rows of each step, in the order in which they are taken."""
    steps = list(zip(accumulate(sizes, initial=0), sizes, strict=False))
    return steps[::-1] if reverse else steps


def _scan(xp, first, steps, step):
    """Carry `first`, a state of one row a sequence, through the steps.  -> the state of every sequence at its end

    Sequences that have ended leave the state; those that only begin bring their rows of `first`.
    """
    n = steps[0][1]
    state, ended = [s[:n] for s in first], []
    for start, rows in steps:
        if rows < n:
            ended.append([s[rows:] for s in state])
            state = [s[:rows] for s in state]
        elif rows > n:
            state = [xp.concat([s, f[n:rows]], axis=0) for s, f in zip(state, first, strict=True)]
        n = rows
        state = step(state, start, rows)
    for tail in reversed(ended):
        state = [xp.concat([s, t], axis=0) for s, t in zip(state, tail, strict=True)]
    return state


def _in_order(xp, rows: dict):
    parts = [rows[start] for start in sorted(rows)]
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)


def _before(xp, first, rows, steps):
    """For each row the state before it: the row of the step taken before, or the sequence's row of `first`."""
    parts, last, n = {}, None, 0
    for start, size in steps:
        kept = min(n, size)
        pieces = ([] if not kept else [rows[last:last + kept]]) + ([] if kept == size else [first[kept:size]])
        parts[start] = pieces[0] if len(pieces) == 1 else xp.concat(pieces, axis=0)
        last, n = start, size
    return _in_order(xp, parts)


def _turned(xp, w):
    return xp.swapaxes(w, -1, -2)


def _affine(xp, x, w, *biases):
    y = xp.matmul(x, _turned(xp, w))
    for b in biases:
        if b is not None:
            y = y + b
    return y


def _sigmoid(xp, a):
    return xp.tanh(a * 0.5) * 0.5 + 0.5


def _filled(xp, g, like):
    return xp.zeros_like(like) if g is None else g


def _weights(xp, da, x, before, w_ih, b_ih, dh=None):
    """What the pre-activations' gradient sends to x, w_ih, w_hh and the biases if there are any.

    `dh` is the hidden side's, where it differs.
    """
    dh = da if dh is None else dh
    biases = () if b_ih is None else (xp.sum(da, axis=0), xp.sum(dh, axis=0))
    return xp.matmul(da, w_ih), xp.matmul(_turned(xp, da), x), xp.matmul(_turned(xp, dh), before), *biases


def _in_places(grads, n: int, b_ih, *w_hr):
    """Gradients in the places of a layer's inputs: n first ones, two biases, the projection; None where there is no such input."""
    biases = (None, None) if b_ih is None else grads[n:n + 2]
    return (*grads[:n], *biases, *[None if w is None else grads[-1] for w in w_hr])


def _samples_of(gates: int, states: int, projections=(None,)):
    def samples(make):
        for sizes, reverse, bias in (((2, 2, 2), False, True), ((3, 2, 1), True, False), ((3, 1), False, True)):
            for narrow in projections:
                out = narrow or 2
                first = [make((sizes[0], out), -1.0, 1.0), make((sizes[0], 2), -1.0, 1.0)][:states]
                weights = [make((gates * 2, 3), -1.0, 1.0), make((gates * 2, out), -1.0, 1.0)]
                biases = [make((gates * 2,), -1.0, 1.0) if bias else None for _ in range(2)]
                last = [] if states == 1 else [None if narrow is None else make((narrow, 2), -1.0, 1.0)]
                yield (make((sum(sizes), 3), -1.0, 1.0), *first, *weights, *biases, *last), {"sizes": sizes, "reverse": reverse}

    return samples


def _samples_back(gates: int, states: int, layer: str, kept: tuple[int, ...], drawn: int, projections=(None,)):
    """Samples of the backward card: gradients of the first `drawn` results, the results at `kept`, then the layer's own inputs."""

    def samples(make):
        for inputs, attrs in _samples_of(gates, states, projections)(make):
            results = globals()[layer](*inputs, **attrs)
            grads = [make(tuple(r.shape), -1.0, 1.0) if i < drawn else None for i, r in enumerate(results)]
            x, *first = inputs[:1 + states]
            w_ih, w_hh, b_ih, _, *rest = inputs[1 + states:]
            yield (*grads, *[results[i].detach() for i in kept], x, *first, w_ih, w_hh, b_ih, *rest), attrs

    return samples


# ---- LSTM
@op(inputs=8, outputs=5, promote="same", samples=_samples_of(4, 2, (None, 1)), fused=Native(native.lstm),
    vjp=lambda g, y, x, h0, c0, w_ih, w_hh, b_ih, _b_hh, w_hr, sizes=(), reverse=False: _in_places(
        lstm_layer_backward(*g, y[0], y[3], y[4], x, h0, c0, w_ih, w_hh, b_ih, w_hr, sizes=sizes, reverse=reverse), 5, b_ih, w_hr))
def lstm_layer(xp, x, h0, c0, w_ih, w_hh, b_ih=None, b_hh=None, w_hr=None, sizes=(), reverse=False):
    """One direction of an LSTM.  (R, I), (N, P), (N, H), (4H, I), (4H, P), (4H), (4H), (P, H) -> (R, P), (N, P), (N, H), (R, 4H), (R, H)

    The results are the outputs, the last hidden and cell state, and what backward needs: gates (input, forget, new, output) and cells.
    """
    u = _affine(xp, x, w_ih, b_ih, b_hh)
    k = c0.shape[-1]
    gates, cells, hidden = {}, {}, {}

    def step(state, start, n):
        h, c = state
        a = u[start:start + n] + xp.matmul(h, _turned(xp, w_hh))
        i, f, new, o = _sigmoid(xp, a[:, :k]), _sigmoid(xp, a[:, k:2 * k]), xp.tanh(a[:, 2 * k:3 * k]), _sigmoid(xp, a[:, 3 * k:])
        c = f * c + i * new
        h = o * xp.tanh(c)
        if w_hr is not None:
            h = xp.matmul(h, _turned(xp, w_hr))
        gates[start], cells[start], hidden[start] = xp.concat([i, f, new, o], axis=-1), c, h
        return h, c

    h, c = _scan(xp, (h0, c0), steps_of(sizes, reverse), step)
    return _in_order(xp, hidden), h, c, _in_order(xp, gates), _in_order(xp, cells)


@op(inputs=15, outputs=8, promote="same", fused=Native(native.lstm_backward),
    samples=_samples_back(4, 2, "lstm_layer", (0, 3, 4), 3, (None, 1)))
def lstm_layer_backward(xp, gy, gh, gc, ggates, gcells, y, gates, cells, x, h0, c0, w_ih, w_hh, b_ih=None, w_hr=None, sizes=(),
                        reverse=False):
    """The gradients of an LSTM's inputs from those of its results."""
    k = c0.shape[-1]
    steps = steps_of(sizes, reverse)
    c_before = _before(xp, c0, cells, steps)
    da, dhidden = {}, {}

    def step(state, start, n):
        dh, dc = state
        rows = slice(start, start + n)
        i, f, new, o = gates[rows, :k], gates[rows, k:2 * k], gates[rows, 2 * k:3 * k], gates[rows, 3 * k:]
        if gy is not None:
            dh = dh + gy[rows]
        dhidden[start] = dh
        if w_hr is not None:
            dh = xp.matmul(dh, w_hr)
        if gcells is not None:
            dc = dc + gcells[rows]
        t = xp.tanh(cells[rows])
        do = dh * t
        dc = dc + dh * o * (1 - t * t)
        each = [dc * new, dc * c_before[rows], dc * i, do]
        if ggates is not None:
            each = [d + ggates[rows, j * k:(j + 1) * k] for j, d in enumerate(each)]
        di, df, dnew, do = each
        a = xp.concat([di * i * (1 - i), df * f * (1 - f), dnew * (1 - new * new), do * o * (1 - o)], axis=-1)
        da[start] = a
        return xp.matmul(a, w_hh), dc * f

    dh0, dc0 = _scan(xp, (_filled(xp, gh, h0), _filled(xp, gc, c0)), steps[::-1], step)
    dx, *weights = _weights(xp, _in_order(xp, da), x, _before(xp, h0, y, steps), w_ih, b_ih)
    if w_hr is not None:
        weights.append(xp.matmul(_turned(xp, _in_order(xp, dhidden)), gates[:, 3 * k:] * xp.tanh(cells)))
    return dx, dh0, dc0, *weights


# ---- GRU
@op(inputs=6, outputs=3, promote="same", samples=_samples_of(3, 1), fused=Native(native.gru),
    vjp=lambda g, y, x, h0, w_ih, w_hh, b_ih, _b_hh, sizes=(), reverse=False: _in_places(
        gru_layer_backward(*g, y[0], y[2], x, h0, w_ih, w_hh, b_ih, sizes=sizes, reverse=reverse), 4, b_ih))
def gru_layer(xp, x, h0, w_ih, w_hh, b_ih=None, b_hh=None, sizes=(), reverse=False):
    """One direction of a GRU.  (R, I), (N, H), (3H, I), (3H, H), (3H), (3H) -> (R, H), (N, H), (R, 4H)

    The results are the outputs, the last state, and what backward needs: gates (reset, update, new) and what reset is multiplied with.
    """
    u = _affine(xp, x, w_ih, b_ih)
    k = h0.shape[-1]
    gates, hidden = {}, {}

    def step(state, start, n):
        h, = state
        a, b = u[start:start + n], _affine(xp, h, w_hh, b_hh)
        r, z = _sigmoid(xp, a[:, :k] + b[:, :k]), _sigmoid(xp, a[:, k:2 * k] + b[:, k:2 * k])
        new = xp.tanh(a[:, 2 * k:] + r * b[:, 2 * k:])
        h = new + z * (h - new)
        gates[start], hidden[start] = xp.concat([r, z, new, b[:, 2 * k:]], axis=-1), h
        return (h,)

    h, = _scan(xp, (h0,), steps_of(sizes, reverse), step)
    return _in_order(xp, hidden), h, _in_order(xp, gates)


@op(inputs=10, outputs=6, promote="same", fused=Native(native.gru_backward),
    samples=_samples_back(3, 1, "gru_layer", (0, 2), 2))
def gru_layer_backward(xp, gy, gh, ggates, y, gates, x, h0, w_ih, w_hh, b_ih=None, sizes=(), reverse=False):
    """The gradients of a GRU's inputs from those of its results."""
    k = h0.shape[-1]
    steps = steps_of(sizes, reverse)
    before = _before(xp, h0, y, steps)
    da, db = {}, {}

    def step(state, start, n):
        dh, = state
        rows = slice(start, start + n)
        r, z, new, inner = gates[rows, :k], gates[rows, k:2 * k], gates[rows, 2 * k:3 * k], gates[rows, 3 * k:]
        if gy is not None:
            dh = dh + gy[rows]
        dnew, dz = dh * (1 - z), dh * (before[rows] - new)
        more = None if ggates is None else [ggates[rows, j * k:(j + 1) * k] for j in range(4)]
        if more is not None:
            dnew, dz = dnew + more[2], dz + more[1]
        dn = dnew * (1 - new * new)
        dr = dn * inner
        dinner = dn * r
        if more is not None:
            dr, dinner = dr + more[0], dinner + more[3]
        shared = [dr * r * (1 - r), dz * z * (1 - z)]
        da[start], db[start] = xp.concat([*shared, dn], axis=-1), xp.concat([*shared, dinner], axis=-1)
        return (dh * z + xp.matmul(db[start], w_hh),)

    dh0, = _scan(xp, (_filled(xp, gh, h0),), steps[::-1], step)
    dx, *weights = _weights(xp, _in_order(xp, da), x, before, w_ih, b_ih, _in_order(xp, db))
    return dx, dh0, *weights


# ---- plain
@op(inputs=6, outputs=2, promote="same", samples=_samples_of(1, 1), fused=Native(native.rnn),
    vjp=lambda g, y, x, h0, w_ih, w_hh, b_ih, _b_hh, sizes=(), reverse=False, relu=False: _in_places(
        rnn_layer_backward(*g, y[0], x, h0, w_ih, w_hh, b_ih, sizes=sizes, reverse=reverse, relu=relu), 4, b_ih))
def rnn_layer(xp, x, h0, w_ih, w_hh, b_ih=None, b_hh=None, sizes=(), reverse=False, relu=False):
    """One direction of a plain recurrent layer.  (R, I), (N, H), (H, I), (H, H), (H), (H) -> (R, H), (N, H)"""
    u = _affine(xp, x, w_ih, b_ih, b_hh)
    hidden = {}

    def step(state, start, n):
        a = u[start:start + n] + xp.matmul(state[0], _turned(xp, w_hh))
        hidden[start] = xp.maximum(a, 0) if relu else xp.tanh(a)
        return (hidden[start],)

    h, = _scan(xp, (h0,), steps_of(sizes, reverse), step)
    return _in_order(xp, hidden), h


@op(inputs=8, outputs=6, promote="same", fused=Native(native.rnn_backward),
    samples=_samples_back(1, 1, "rnn_layer", (0,), 2))
def rnn_layer_backward(xp, gy, gh, y, x, h0, w_ih, w_hh, b_ih=None, sizes=(), reverse=False, relu=False):
    """The gradients of a plain recurrent layer's inputs from those of its results."""
    steps = steps_of(sizes, reverse)
    da = {}

    def step(state, start, n):
        dh, = state
        rows = slice(start, start + n)
        if gy is not None:
            dh = dh + gy[rows]
        da[start] = xp.where(y[rows] > 0, dh, 0.0) if relu else dh * (1 - y[rows] * y[rows])
        return (xp.matmul(da[start], w_hh),)

    dh0, = _scan(xp, (_filled(xp, gh, h0),), steps[::-1], step)
    dx, *weights = _weights(xp, _in_order(xp, da), x, _before(xp, h0, y, steps), w_ih, b_ih)
    return dx, dh0, *weights
