"""Run a statement until its time is known."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau.utils.benchmark.measurement import Measurement, TaskSpec


def timer() -> float:
    """Seconds on the best clock; what a GPU was given to do is waited for."""
    import sys

    cupy = sys.modules.get("cupy")
    if cupy is not None and cupy.cuda.is_available():
        cupy.cuda.Device().synchronize()
    return timeit.default_timer()


class Timer:
    """Times a Python statement, on one thread unless told otherwise, after a warm-up.

    globals: the names that `stmt` and `setup` see, beside `flambeau`. label, sub_label, description, env: for `Compare`.

    >>> t = Timer("x + 1", globals={"x": flambeau.ones(4)})
    >>> t.timeit(10).number_per_run
    10
    """

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable[[], float] = timer,
                 globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
                 description: str | None = None, env: str | None = None, num_threads: int = 1, language: Any = "python",
                 ) -> None:  # fmt: skip
        if str(language).lower().rpartition(".")[2] not in ("python", "py"):
            raise ValueError(f"Timer times Python statements, got language={language!r}")
        if global_setup:
            raise ValueError("global_setup is for C++; write it into setup")
        for what, text in (("stmt", stmt), ("setup", setup)):
            if not isinstance(text, str):
                raise ValueError(f"Currently only a `str` {what} is supported, got {type(text).__name__}")
        if num_threads < 1:
            raise ValueError(f"expected num_threads >= 1, got {num_threads}")
        self._task_spec = TaskSpec(_plain(stmt), _plain(setup), "", label, sub_label, description, env, num_threads)
        names = {"flambeau": flambeau, **(globals or {})}
        self._timer = timeit.Timer(self._task_spec.stmt, self._task_spec.setup, timer, names)

    def _time(self, number: int) -> float:
        before = flambeau.get_num_threads()
        if before == self._task_spec.num_threads:
            return max(self._timer.timeit(number), 1e-9)
        flambeau.set_num_threads(self._task_spec.num_threads)
        try:
            return max(self._timer.timeit(number), 1e-9)
        finally:
            flambeau.set_num_threads(before)

    def timeit(self, number: int = 1000000) -> Measurement:
        """Run the statement `number` times in a row, after a hundredth of that to warm up."""
        if number < 1:
            raise ValueError(f"expected a number of runs of at least 1, got {number}")
        self._time(max(number // 100, 2))
        return Measurement(number, [self._time(number)], self._task_spec)

    def _block(self, min_run_time: float) -> int:
        """How many runs take a thousandth of `min_run_time`, and long enough for the clock to be a thousandth of it."""
        clock = min(self._timer.timeit(0) for _ in range(20))
        number = 1
        while True:
            took = self._time(number)
            if took >= min_run_time or (took >= min_run_time / 1000 and max(clock, 1e-9) <= took / 1000):
                return number
            number *= 10

    def blocked_autorange(self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2) -> Measurement:
        """Run blocks of many calls, each long enough for the clock, for `min_run_time` seconds at least.

        callback: called after each block as callback(calls in it, its seconds).
        """
        number = self._block(min_run_time)
        times: list[float] = []
        while not times or sum(times) < min_run_time:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self._task_spec)

    def adaptive_autorange(self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
                           callback: Callable[[int, float], Any] | None = None) -> Measurement:  # fmt: skip
        """Run blocks until the spread (iqr) is below `threshold` of the median, or `max_run_time` seconds are over."""
        number = self._block(0.05)
        times: list[float] = []
        while True:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
            spent = sum(times)
            sure = len(times) >= 4 and spent >= min_run_time and Measurement(number, times, self._task_spec).meets_confidence(threshold)
            if sure or spent >= max_run_time:
                return Measurement(number, times, self._task_spec)


def _plain(text: str) -> str:
    from inspect import cleandoc

    return cleandoc(text) if "\n" in text else text.strip()
