"""How far to go along a direction: where the loss has fallen enough and the slope is nearly flat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flambeau.tensor import Tensor

ENOUGH, FLAT = 1e-4, 0.9  # parts of the first slope: how much the loss must fall, how steep it may still be
STRETCH = 10.0  # how much farther the next guess may be
EDGE = 0.1  # a guess nearer than this part of the bracket to its ends makes little progress


@dataclass
class Point:
    """A distance, its loss, its gradient, and the slope along the direction."""

    t: Any
    loss: float
    g: Tensor
    slope: Any


def strong_wolfe(
    evaluate: Callable[[Any], tuple[float, Tensor]], t: Any, d: Tensor, loss: float, g: Tensor, slope: Any, tolerance: float, most: int
) -> tuple[float, Tensor, Any, int]:
    """Loss, gradient and distance of a point on the way along d that meets the strong Wolfe conditions, and how often it evaluated.

    Source: Nocedal, Wright 2006, Numerical optimization, algorithms 3.5 and 3.6, with cubic guesses.
    """

    def at(t: Any) -> Point:
        loss, g = evaluate(t)
        return Point(t, loss, g.clone(), g.dot(d))

    start = Point(0, loss, g.clone(), slope)
    too_high = lambda p: p.loss > start.loss + ENOUGH * p.t * start.slope
    flat = lambda p: abs(p.slope) <= -FLAT * start.slope

    before, here, tried, searched = start, at(t), 1, 0
    bracket: tuple[Point, Point] | None = None
    while searched < most:  # farther and farther, until a minimum must lie between two points
        if too_high(here) or (searched > 1 and here.loss >= before.loss):
            bracket = before, here
        elif flat(here):
            return here.loss, here.g, here.t, tried
        elif here.slope >= 0:
            bracket = before, here
        if bracket:
            break
        bounds = here.t + 0.01 * (here.t - before.t), here.t * STRETCH
        before, here = here, at(cubic_minimum(before, here, bounds))
        tried, searched = tried + 1, searched + 1
    ends = list(bracket or (start, here))
    low = 0 if ends[0].loss <= ends[1].loss else 1
    span, stuck = d.abs().max(), False
    while bracket and searched < most and abs(ends[1].t - ends[0].t) * span >= tolerance:  # narrower and narrower
        t, stuck = keep_off_the_ends(cubic_minimum(ends[0], ends[1]), ends, stuck)
        new = at(t)
        tried, searched = tried + 1, searched + 1
        if too_high(new) or new.loss >= ends[low].loss:
            ends[1 - low] = new
            low = 0 if ends[0].loss <= ends[1].loss else 1
            continue
        if not flat(new) and new.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = new
        if flat(new):
            break
    best = ends[low]
    return best.loss, best.g, best.t, tried


def keep_off_the_ends(t: Any, ends: list[Point], stuck: bool) -> tuple[Any, bool]:
    """A guess near an end of the bracket is taken once; the second time in a row it moves inwards."""
    near, far = min(p.t for p in ends), max(p.t for p in ends)
    margin = EDGE * (far - near)
    if min(far - t, t - near) >= margin:
        return t, False
    if stuck or t >= far or t <= near:
        return (far - margin if abs(t - far) < abs(t - near) else near + margin), False
    return t, True


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """Where the cubic through both points, with their slopes, is least, within the bounds (by default between them)."""
    low, high = bounds or ((a.t, b.t) if a.t <= b.t else (b.t, a.t))
    middle = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = middle**2 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2.0
    root = square.sqrt()
    if a.t <= b.t:
        t = b.t - (b.t - a.t) * ((b.slope + root - middle) / (b.slope - a.slope + 2 * root))
    else:
        t = a.t - (a.t - b.t) * ((a.slope + root - middle) / (a.slope - b.slope + 2 * root))
    return min(max(t, low), high)
