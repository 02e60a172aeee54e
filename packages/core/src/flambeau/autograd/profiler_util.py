"""What profilers record, under PyTorch's path: events, lists of them, rows of sums."""
from __future__ import annotations

from ..profiler.events import EventList, FormattedTimesMixin, FunctionEvent, FunctionEventAvg, Interval, Kernel
from ..profiler.kinds import DeviceType, ProfilerActivity, kineto_available

__all__ = ["DeviceType", "EventList", "FormattedTimesMixin", "FunctionEvent", "FunctionEventAvg", "Interval", "Kernel", "ProfilerActivity",
           "kineto_available"]  # fmt: skip
