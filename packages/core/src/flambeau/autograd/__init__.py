"""Gradients: `backward`, `grad`, hooks, `Function`, forward mode, and checks against finite differences."""
from __future__ import annotations

from importlib import import_module

from ..aliases import alias
from ..context import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from . import function, graph
from .anomaly import detect_anomaly, set_detect_anomaly, set_multithreading_enabled
from .function import Function
from .gradients import backward, grad

__all__ = ["Function", "Variable", "backward", "detect_anomaly", "enable_grad", "forward_ad", "function", "functional", "grad", "gradcheck",
           "gradgradcheck", "graph", "inference_mode", "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
           "set_multithreading_enabled", "profiler", "profiler_util"]  # fmt: skip

# These stand on the transforms of `func`, which stand on this package: read when they are named.
_LATER = {"profiler": None, "profiler_util": None, **dict.fromkeys(("DeviceType", "ProfilerActivity", "kineto_available"), "profiler_util"),
          "grad_mode": None, "anomaly_mode": None, "Variable": "variable", "variable": None,
          "gradcheck": "gradcheck", "gradgradcheck": "gradcheck", "forward_ad": None, "functional": None}


def __getattr__(name: str):
    if name not in _LATER:
        raise AttributeError(f"module 'flambeau.autograd' has no attribute '{name}'")
    found = import_module(f"{__name__}.{_LATER[name] or name}")
    globals()[name] = getattr(found, name) if _LATER[name] else found
    return globals()[name]


alias(__name__, {
    "anomaly_mode": "autograd: detect_anomaly set_detect_anomaly",
    "grad_mode": "autograd: enable_grad inference_mode no_grad set_grad_enabled set_multithreading_enabled",
})
