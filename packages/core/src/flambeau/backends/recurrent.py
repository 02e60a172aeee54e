"""Recurrent layers on NumPy's arrays: the bodies of `ops/recurrent.py` with every step written into its place.

A step is one matrix product and one kernel, which is fused from the functions below; without a compiler they run on NumPy.
None: the arrays are not plain floats of one dtype, and the card's body runs.
"""
from __future__ import annotations

from functools import cache
from itertools import accumulate

import numpy as np

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn", "rnn_backward"]

Steps = list[tuple[int, int]]


@cache
def _kernel(body, inputs: int, outputs: int):
    """`body` as an elementwise ufunc."""
    from ..kernels import fuse

    made = fuse(body, ",".join(["()"] * inputs) + "->" + ",".join(["()"] * outputs), name=body.__name__.strip("_"))
    if made is not None:
        return made.ufunc

    def on_numpy(*arrays, out):
        for place, result in zip(out, body(np, *arrays), strict=True):
            place[...] = result

    return on_numpy


def _plain(*arrays) -> bool:
    kind = next(a.dtype for a in arrays if a is not None)
    return kind.char in "fd" and all(a is None or a.dtype is kind or a.dtype == kind for a in arrays)


def _steps(sizes, reverse: bool) -> Steps:
    steps = list(zip(accumulate(sizes, initial=0), sizes, strict=False))
    return steps[::-1] if reverse else steps


def _affine(x, w, *biases):
    y = np.matmul(x, w.T)
    given = [b for b in biases if b is not None]
    if given:
        y += given[0] if len(given) == 1 else given[0] + given[1]
    return y


def _states(steps: Steps, first, rows):
    """The states before each step, as views where the same sequences go on."""
    last = n = 0
    for start, size in steps:
        if n == 0:
            yield [f[:size] for f in first]
        elif size <= n:
            yield [r[last:last + size] for r in rows]
        else:
            yield [np.concatenate([r[last:last + n], f[n:size]]) for r, f in zip(rows, first, strict=True)]
        last, n = start, size


def _before(first, rows, steps: Steps):
    """For each row the state before it: the row of the step taken before, or the sequence's row of `first`."""
    out = np.empty((len(rows), first.shape[1]), first.dtype)
    for (start, size), (state,) in zip(steps, _states(steps, (first,), (rows,)), strict=True):
        out[start:start + size] = state
    return out


def _last(first, rows, steps: Steps):
    """The state of each sequence after its last step."""
    out = np.empty_like(first)
    for start, size in steps:
        out[:size] = rows[start:start + size]
    return out


def _carry(steps: Steps, *ends):
    """Backward through the steps: (first row, rows, the carried gradients of these rows), which are changed in place."""
    for start, n in reversed(steps):
        yield start, n, [e[:n] for e in ends]


def _start(g, like):
    return np.zeros_like(like) if g is None else g.copy()


def _sum_up(da, dh, x, before, w_ih, b_ih):
    biases: tuple = ()
    if b_ih is not None:
        total = da.sum(0)
        biases = (total, total.copy() if da is dh else dh.sum(0))
    return np.matmul(da, w_ih), np.matmul(da.T, x), np.matmul(dh.T, before), *biases


def _parts(a, n: int):
    k = a.shape[1] // n
    return [a[:, j * k:(j + 1) * k] for j in range(n)]


def _sigmoid(xp, a):
    return xp.tanh(a * 0.5) * 0.5 + 0.5


# ---- LSTM: gates are input, forget, new, output
def _lstm_step(xp, ui, uf, un, uo, ai, af, an, ao, c):
    i, f, new, o = _sigmoid(xp, ui + ai), _sigmoid(xp, uf + af), xp.tanh(un + an), _sigmoid(xp, uo + ao)
    c = f * c + i * new
    return i, f, new, o, c, o * xp.tanh(c)


def _lstm_step_back(xp, dh, dc, i, f, new, o, c, c_before):
    t = xp.tanh(c)
    dc = dc + dh * o * (1 - t * t)
    return (dc * new * i * (1 - i), dc * c_before * f * (1 - f), dc * i * (1 - new * new), dh * t * o * (1 - o), dc * f)


def lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, sizes, reverse):
    if not _plain(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr):
        return None
    k, kind = c0.shape[1], x.dtype
    step = _kernel(_lstm_step, 9, 6)
    gates, w = _affine(x, w_ih, b_ih, b_hh), np.ascontiguousarray(w_hh.T)
    y, cells = np.empty((len(x), h0.shape[1]), kind), np.empty((len(x), k), kind)
    room, wide = np.empty((sizes[0], 4 * k), kind), np.empty((sizes[0], k), kind)
    steps = _steps(sizes, reverse)
    for (start, n), (h, c) in zip(steps, _states(steps, (h0, c0), (y, cells)), strict=True):
        rows = slice(start, start + n)
        each, row = _parts(gates[rows], 4), y[rows]
        hidden = row if w_hr is None else wide[:n]
        step(*each, *_parts(np.matmul(h, w, out=room[:n]), 4), c, out=(*each, cells[rows], hidden))
        if w_hr is not None:
            np.matmul(hidden, w_hr.T, out=row)
    return y, _last(h0, y, steps), _last(c0, cells, steps), gates, cells


def lstm_backward(gy, gh, gc, ggates, gcells, y, gates, cells, x, h0, c0, w_ih, w_hh, b_ih, w_hr, sizes, reverse):
    if ggates is not None or gcells is not None or not _plain(gy, gh, gc, y, gates, cells, x, h0, c0, w_ih, w_hh, w_hr):
        return None
    k = c0.shape[1]
    step = _kernel(_lstm_step_back, 8, 5)
    steps = _steps(sizes, reverse)
    befores = list(_states(steps, (c0,), (cells,)))
    da = np.empty_like(gates)
    dhidden = None if w_hr is None else np.empty_like(y)
    for start, n, (dh, dc) in _carry(steps, dh0 := _start(gh, h0), dc0 := _start(gc, c0)):
        rows = slice(start, start + n)
        if gy is not None:
            dh += gy[rows]
        through = dh
        if dhidden is not None:
            dhidden[rows] = dh
            through = np.matmul(dh, w_hr)
        step(through, dc, *_parts(gates[rows], 4), cells[rows], befores.pop()[0], out=(*_parts(da[rows], 4), dc))
        np.matmul(da[rows], w_hh, out=dh)
    sums = _sum_up(da, da, x, _before(h0, y, steps), w_ih, b_ih)
    projection = () if dhidden is None else (np.matmul(dhidden.T, gates[:, 3 * k:] * np.tanh(cells)),)
    return sums[0], dh0, dc0, *sums[1:], *projection


# ---- GRU: gates are reset, update, new; `inner` is what reset is multiplied with
def _gru_step(xp, ur, uz, un, ar, az, an, h):
    r, z = _sigmoid(xp, ur + ar), _sigmoid(xp, uz + az)
    new = xp.tanh(un + r * an)
    return r, z, new, an + 0, new + z * (h - new)


def _gru_step_back(xp, dh, r, z, new, inner, h):
    dn = dh * (1 - z) * (1 - new * new)
    dr, dz = dn * inner * r * (1 - r), dh * (h - new) * z * (1 - z)
    return dr, dz, dn, dr + 0, dz + 0, dn * r, dh * z


def gru(x, h0, w_ih, w_hh, b_ih, b_hh, sizes, reverse):
    if not _plain(x, h0, w_ih, w_hh, b_ih, b_hh):
        return None
    k, kind = h0.shape[1], x.dtype
    step = _kernel(_gru_step, 7, 5)
    u, w = _affine(x, w_ih, b_ih), np.ascontiguousarray(w_hh.T)
    y, gates, room = np.empty((len(x), k), kind), np.empty((len(x), 4 * k), kind), np.empty((sizes[0], 3 * k), kind)
    steps = _steps(sizes, reverse)
    for (start, n), (h,) in zip(steps, _states(steps, (h0,), (y,)), strict=True):
        rows = slice(start, start + n)
        a = np.matmul(h, w, out=room[:n])
        if b_hh is not None:
            a += b_hh
        step(*_parts(u[rows], 3), *_parts(a, 3), h, out=(*_parts(gates[rows], 4), y[rows]))
    return y, _last(h0, y, steps), gates


def gru_backward(gy, gh, ggates, y, gates, x, h0, w_ih, w_hh, b_ih, sizes, reverse):
    if ggates is not None or not _plain(gy, gh, y, gates, x, h0, w_ih, w_hh):
        return None
    k, kind = h0.shape[1], x.dtype
    step = _kernel(_gru_step_back, 6, 7)
    steps = _steps(sizes, reverse)
    before = _before(h0, y, steps)
    da, db = np.empty((len(x), 3 * k), kind), np.empty((len(x), 3 * k), kind)
    room = np.empty((sizes[0], k), kind)
    for start, n, (dh,) in _carry(steps, dh0 := _start(gh, h0)):
        rows = slice(start, start + n)
        if gy is not None:
            dh += gy[rows]
        step(dh, *_parts(gates[rows], 4), before[rows], out=(*_parts(da[rows], 3), *_parts(db[rows], 3), dh))
        dh += np.matmul(db[rows], w_hh, out=room[:n])
    sums = _sum_up(da, db, x, before, w_ih, b_ih)
    return sums[0], dh0, *sums[1:]


# ---- plain
def rnn(x, h0, w_ih, w_hh, b_ih, b_hh, sizes, reverse, relu=False):
    if not _plain(x, h0, w_ih, w_hh, b_ih, b_hh):
        return None
    y, w = _affine(x, w_ih, b_ih, b_hh), np.ascontiguousarray(w_hh.T)
    room = np.empty((sizes[0], y.shape[1]), y.dtype)
    steps = _steps(sizes, reverse)
    for (start, n), (h,) in zip(steps, _states(steps, (h0,), (y,)), strict=True):
        row = y[start:start + n]
        row += np.matmul(h, w, out=room[:n])
        if relu:
            np.maximum(row, 0, out=row)
        else:
            np.tanh(row, out=row)
    return y, _last(h0, y, steps)


def rnn_backward(gy, gh, y, x, h0, w_ih, w_hh, b_ih, sizes, reverse, relu=False):
    if not _plain(gy, gh, y, x, h0, w_ih, w_hh):
        return None
    steps = _steps(sizes, reverse)
    slopes = (y > 0).astype(y.dtype) if relu else 1 - y * y
    for start, n, (dh,) in _carry(steps, dh0 := _start(gh, h0)):
        rows = slice(start, start + n)
        if gy is not None:
            dh += gy[rows]
        slopes[rows] *= dh
        np.matmul(slopes[rows], w_hh, out=dh)
    sums = _sum_up(slopes, slopes, x, _before(h0, y, steps), w_ih, b_ih)
    return sums[0], dh0, *sums[1:]
