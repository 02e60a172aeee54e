"""Times of small programs: `Timer` measures, `Measurement` says how sure it is, `Compare` sets several beside each other."""

from flambeau.utils.benchmark.compare import Compare
from flambeau.utils.benchmark.measurement import Measurement, TaskSpec
from flambeau.utils.benchmark.timer import Timer

__all__ = ["Compare", "Measurement", "TaskSpec", "Timer"]
