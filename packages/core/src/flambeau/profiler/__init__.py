"""Where the time and the memory of a program go: `profile` records every op, forward and backward, while it is on."""

from flambeau.profiler.events import EventList, FunctionEvent
from flambeau.profiler.profile import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = ["EventList", "FunctionEvent", "ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule",
           "supported_activities", "tensorboard_trace_handler"]  # fmt: skip
