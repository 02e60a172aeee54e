"""Where the time and the memory of a program go: `profile` records every op, forward and backward, while it is on."""

from flambeau.profiler import itt
from flambeau.profiler.events import EventList, FunctionEvent, FunctionEventAvg
from flambeau.profiler.kinds import DeviceType, ProfilerActivity, kineto_available, supported_activities
from flambeau.profiler.plan import ProfilerAction, schedule, tensorboard_trace_handler
from flambeau.profiler.profile import ExecutionTraceObserver, _KinetoProfile, profile
from flambeau.profiler.recorder import record_function
from flambeau.profiler.recording import _ExperimentalConfig

__all__ = ["DeviceType", "EventList", "ExecutionTraceObserver", "FunctionEvent", "FunctionEventAvg", "ProfilerAction", "ProfilerActivity",
           "itt", "kineto_available", "profile", "record_function", "schedule", "supported_activities",
           "tensorboard_trace_handler"]  # fmt: skip
