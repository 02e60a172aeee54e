"""Connectionist temporal classification: the probability of a target under all its alignments with a longer input.

Source: A. Graves et al., Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural networks, 2006.
A target of length S is widened to 2 S + 1 states, a blank around each label. `ctc` sums over paths through the states, forwards in time;
`ctc_back` does the same backwards and has the gradient from both. Time is a loop; batch and states are arrays.
"""
from __future__ import annotations

import numpy as np

from ..define import op
from ..dispatch import run
from ..op import CARDS

NEVER = -np.inf


def _states(xp, targets, blank: int):
    """Labels with blanks around them, and whether a state may be reached from two before it.  (N, S) -> (N, 2 S + 1) twice"""
    n, s = targets.shape
    states = xp.full((n, 2 * s + 1), blank, np.int64)
    states[:, 1::2] = targets
    skips = xp.zeros((n, 2 * s + 1), bool)
    if s:
        skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    return states, skips


def _add(xp, *terms):
    """log Σ exp, where all may be -inf."""
    top = terms[0]
    for t in terms[1:]:
        top = xp.maximum(top, t)
    safe = xp.where(top == NEVER, 0.0, top)
    total = sum(xp.exp(t - safe) for t in terms)
    return xp.log(xp.where(top == NEVER, 1.0, total)) + top


def _before(xp, row, by: int):
    """The row moved `by` states on."""
    return xp.concatenate([xp.full((row.shape[0], min(by, row.shape[1])), NEVER, row.dtype), row[:, :-by]], 1)[:, : row.shape[1]]


def _forward(xp, log_probs, targets, input_lengths, target_lengths, blank: int):
    """log of the sum over paths that have reached each state.  -> alpha (T, N, L), log probability of each state (T, N, L), total (N)"""
    t_max, n, _ = log_probs.shape
    states, skips = _states(xp, targets, blank)
    at = xp.take_along_axis(log_probs, xp.broadcast_to(states, (t_max, *states.shape)), -1)  # (T, N, L)
    count = states.shape[1]
    alpha = xp.full((t_max, n, count), NEVER, log_probs.dtype)
    beyond = xp.arange(count) > 2 * target_lengths[:, None]
    if t_max:
        alpha[0, :, :2] = at[0, :, :2]
        alpha[0] = xp.where(beyond, NEVER, alpha[0])
    for t in range(1, t_max):
        last = alpha[t - 1]
        two = xp.where(skips, _before(xp, last, 2), NEVER)
        alpha[t] = xp.where(beyond, NEVER, _add(xp, last, _before(xp, last, 1), two) + at[t])
    rows, ends = xp.arange(n), xp.maximum(input_lengths - 1, 0)
    final = 2 * target_lengths
    label = xp.where(target_lengths > 0, alpha[ends, rows, xp.maximum(final - 1, 0)], NEVER)
    total = _add(xp, alpha[ends, rows, final], label) if t_max else xp.zeros(n, log_probs.dtype)
    total = xp.where(input_lengths > 0, total, xp.where(target_lengths > 0, NEVER, 0.0).astype(log_probs.dtype))
    return alpha, at, total


def _samples(make):
    x = make((5, 2, 4), -1.0, 1.0).log_softmax(-1)
    labels, long, short = make.index([[1, 2], [3, 3]]), make.index([5, 5]), make.index([2, 1])
    yield (x, labels, long, short), {"blank": 0}


@op("opaque", inputs=4, promote=None, samples=_samples, vjp=(
    lambda g, _y, x, t, n, s, blank: run(CARDS["ctc_back"], (x, t, n, s), {"blank": blank}) * g.reshape(1, -1, 1), None, None, None))
def ctc(xp, log_probs, targets, input_lengths, target_lengths, blank):
    """-log of each target's probability.  (T, N, C) of log probabilities, (N, S), (N), (N) int64 -> (N)"""
    return -_forward(xp, log_probs, targets, input_lengths, target_lengths, blank)[2]


@op("opaque", inputs=4, promote=None, samples=_samples)
def ctc_back(xp, log_probs, targets, input_lengths, target_lengths, blank):
    """The gradient of `ctc` for its log probabilities.  -> (T, N, C)"""
    alpha, at, total = _forward(xp, log_probs, targets, input_lengths, target_lengths, blank)
    t_max, n, classes = log_probs.shape
    states, skips = _states(xp, targets, blank)
    count = states.shape[1]
    beta = xp.full((n, count), NEVER, log_probs.dtype)
    places = xp.arange(count)
    final = 2 * target_lengths[:, None]
    ends = (places == final) | ((places == final - 1) & (final > 0))
    seen = xp.full((t_max, n, classes), NEVER, log_probs.dtype)
    leaps = xp.concatenate([skips[:, 2:], xp.zeros((n, min(2, count)), bool)], 1)
    picks = states[:, :, None] == xp.arange(classes)  # (N, L, C)
    for t in reversed(range(t_max)):
        one = xp.concatenate([beta[:, 1:], xp.full((n, 1), NEVER, beta.dtype)], 1)
        two = xp.concatenate([beta[:, 2:], xp.full((n, min(2, count)), NEVER, beta.dtype)], 1)[:, :count]
        on = _add(xp, beta, one, xp.where(leaps, two, NEVER)) + at[t]
        begins = xp.where(ends, at[t], NEVER)
        is_last, inside = (input_lengths - 1 == t)[:, None], (t < input_lengths)[:, None]
        beta = xp.where(is_last, begins, xp.where(inside, on, NEVER)).astype(log_probs.dtype)
        both = alpha[t] + beta - at[t]  # each path through this state now, once
        top = xp.max(both, axis=1, keepdims=True)
        safe = xp.where(top == NEVER, 0.0, top)
        mass = xp.einsum("nl,nlc->nc", xp.exp(both - safe), picks.astype(log_probs.dtype))
        seen[t] = xp.where(mass > 0, xp.log(xp.where(mass > 0, mass, 1.0)) + safe, NEVER)
    within = (xp.arange(t_max)[:, None] < input_lengths)[:, :, None]
    known = xp.where(total == NEVER, 0.0, total)[:, None]
    grad = -xp.exp(seen - known)
    grad = xp.where((total == NEVER)[:, None], np.nan, grad)
    return xp.where(within, grad, 0.0).astype(log_probs.dtype)
