"""Run a statement until its time is known."""

from __future__ import annotations

import enum
import timeit
from collections.abc import Callable
from textwrap import dedent
from typing import Any, NoReturn

import flambeau
from flambeau.utils.benchmark.measurement import Measurement, TaskSpec, set_torch_threads


class Language(enum.Enum):
    """What a statement is written in.  `Timer` times Python alone."""

    PYTHON = 0
    CPP = 1


def timer() -> float:
    """Seconds on the best clock; what a GPU was given to do is waited for."""
    import sys

    cupy = sys.modules.get("cupy")
    if cupy is not None and cupy.cuda.is_available():
        cupy.cuda.Device().synchronize()
    return timeit.default_timer()


class CopyIfCallgrind:
    """A value of `globals` that PyTorch may send to Callgrind; `Timer` takes the value out."""

    def __init__(self, value: Any, *, setup: str | None = None) -> None:
        self.value, self.setup = value, setup

    @staticmethod
    def unwrap_all(globals: dict[str, Any]) -> dict[str, Any]:
        return {name: value.value if isinstance(value, CopyIfCallgrind) else value for name, value in globals.items()}


class Timer:
    """Times a Python statement, on one thread unless told otherwise, after a warm-up.

    globals: the names that `stmt` and `setup` see, beside `flambeau`, which is there as `torch` too.
    label, sub_label, description, env: for `Compare`.

    >>> t = Timer("x + 1", globals={"x": flambeau.ones(4)})
    >>> t.timeit(10).number_per_run
    10
    """

    _timer_cls: type[Any] = timeit.Timer

    def __init__(self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable[[], float] = timer,
                 globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
                 description: str | None = None, env: str | None = None, num_threads: int = 1, language: Language | str = Language.PYTHON,
                 ) -> None:  # fmt: skip
        if language is not Language.PYTHON and str(language).lower() not in ("python", "py"):
            raise ValueError(f"Timer times Python statements, got language={language!r}")
        if global_setup:
            raise ValueError("global_setup is for C++; write it into setup")
        for what, text in (("stmt", stmt), ("setup", setup)):
            if not isinstance(text, str):
                raise ValueError(f"Currently only a `str` {what} is supported, got {type(text).__name__}")
        if num_threads < 1:
            raise ValueError(f"expected num_threads >= 1, got {num_threads}")
        self._task_spec = TaskSpec(_plain(stmt), _plain(setup), "", label, sub_label, description, env, num_threads)
        names = {"flambeau": flambeau, "torch": flambeau, **CopyIfCallgrind.unwrap_all(globals or {})}
        self._timer = self._timer_cls(stmt=self._task_spec.stmt, setup=self._task_spec.setup, timer=timer, globals=names)

    def _time(self, number: int) -> float:
        """Seconds, never 0, so that they can divide."""
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number: int = 1000000) -> Measurement:
        """Run the statement `number` times in a row, after a hundredth of that to warm up."""
        if number < 1:
            raise ValueError(f"expected a number of runs of at least 1, got {number}")
        with set_torch_threads(self._task_spec.num_threads):
            self._time(max(number // 100, 2))
            return Measurement(number, [self._time(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> NoReturn:
        """Not there, in PyTorch either: NotImplementedError.  `blocked_autorange` repeats."""
        raise NotImplementedError("Timer.repeat is not there: use timeit, blocked_autorange or adaptive_autorange")

    def autorange(self, callback: Callable[[int, float], Any] | None = None) -> NoReturn:
        """Not there, in PyTorch either: NotImplementedError."""
        raise NotImplementedError("Timer.autorange is not there: see Timer.blocked_autorange")

    def _block(self, min_run_time: float) -> int:
        """How many runs take a thousandth of `min_run_time`, and so long that the clock itself is a ten-thousandth of it."""
        clock = sorted(self._time(0) for _ in range(5))[2]
        number = 1
        while number < 1 << 31:
            took = self._time(number)
            if took > min_run_time or (clock / took <= 1e-4 and took >= min_run_time / 1000):
                break
            number *= 10
        return number

    def _measure(self, number: int, enough: Callable[[Measurement, float], bool],
                 callback: Callable[[int, float], Any] | None) -> Measurement:  # fmt: skip
        times: list[float] = []
        while True:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
            measured = Measurement(number, times, self._task_spec)
            if enough(measured, sum(times)):
                return measured

    def blocked_autorange(self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2) -> Measurement:
        """Run blocks of many calls, each long enough for the clock, for `min_run_time` seconds at least.

        callback: called after each block as callback(calls in it, its seconds).
        """
        with set_torch_threads(self._task_spec.num_threads):
            return self._measure(self._block(min_run_time), lambda _, spent: spent >= min_run_time, callback)

    def adaptive_autorange(self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
                           callback: Callable[[int, float], Any] | None = None) -> Measurement:  # fmt: skip
        """Run blocks until the spread (iqr) is below `threshold` of the median, or `max_run_time` seconds are over."""

        def enough(m: Measurement, spent: float) -> bool:
            return spent >= max_run_time or (spent >= min_run_time and len(m.raw_times) > 3 and m.meets_confidence(threshold))

        with set_torch_threads(self._task_spec.num_threads):
            return self._measure(self._block(0.05), enough, callback)

    def collect_callgrind(self, number: int = 100, *, repeats: int | None = None, collect_baseline: bool = True,
                          retain_out_file: bool = False) -> NoReturn:  # fmt: skip
        """Not there: NotImplementedError.  Counts of machine instructions come from Valgrind, on an interpreter that is built for it."""
        raise NotImplementedError("collect_callgrind: instructions are not counted here; run the program under `valgrind "
                                  "--tool=callgrind`, or take times with blocked_autorange")


def _plain(text: str) -> str:
    """Without the indentation that it has in the source."""
    return dedent(text[1:] if text[:1] == "\n" else text).rstrip()
