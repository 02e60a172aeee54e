"""Times of small programs: `Timer` measures, `Measurement` says how sure it is, `Compare` sets several beside each other."""

from flambeau.utils.benchmark.compare import Colorize, Compare
from flambeau.utils.benchmark.counts import CallgrindStats, FunctionCount, FunctionCounts
from flambeau.utils.benchmark.fuzzer import FuzzedParameter, FuzzedTensor, Fuzzer, ParameterAlias
from flambeau.utils.benchmark.measurement import (
    Measurement,
    TaskSpec,
    ordered_unique,
    select_unit,
    set_torch_threads,
    trim_sigfig,
    unit_to_english,
)
from flambeau.utils.benchmark.sparse_fuzzer import FuzzedSparseTensor
from flambeau.utils.benchmark.timer import CopyIfCallgrind, Language, Timer, timer

__all__ = ["CallgrindStats", "Colorize", "Compare", "CopyIfCallgrind", "FunctionCount", "FunctionCounts", "FuzzedParameter",
           "FuzzedSparseTensor", "FuzzedTensor", "Fuzzer", "Language",
           "Measurement", "ParameterAlias", "TaskSpec", "Timer", "ordered_unique", "select_unit", "set_torch_threads", "timer",
           "trim_sigfig", "unit_to_english"]  # fmt: skip
