"""Length and direction of a weight trained apart, the older way: by a hook before each call."""

from __future__ import annotations

from typing import Any

from ...tensor import Parameter
from ..uninitialized import is_lazy
from .hooked import hooks_of, pop_hook
from .parametrizations import norm_except

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


class WeightNorm:
    """The hook: sets weight = g v / |v|."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Any:
        """The weight of now."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / norm_except(v, self.dim))

    def __call__(self, module: Any, _inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Put <name>_g (the norms, over all axes but dim) and <name>_v (the directions) in the weight's place. Returns the module.

    `parametrizations.weight_norm` does the same and can be copied, cached and assigned to: prefer it.
    Raises RuntimeError when the weight is normalised so already. Source: Salimans and Kingma (2016).

    >>> sorted(dict(nn.utils.weight_norm(nn.Linear(2, 3)).named_parameters()))
    ['bias', 'weight_g', 'weight_v']
    """
    if any(hook.name == name for _, hook in hooks_of(module, WeightNorm)):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook, weight = WeightNorm(name, dim), getattr(module, name)
    if is_lazy(weight):
        raise ValueError("The module passed to `weight_norm` can't have uninitialized parameters. Call the lazy module once before")
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(norm_except(weight.detach(), hook.dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight an ordinary parameter again. Returns the module; raises ValueError when it is not normalised."""
    hook = pop_hook(module, WeightNorm, name)
    if hook is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    weight = hook.compute_weight(module)
    for attribute in (name, name + "_g", name + "_v"):
        delattr(module, attribute)
    module.register_parameter(name, Parameter(weight.detach()))
    return module
