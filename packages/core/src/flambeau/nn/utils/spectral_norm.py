"""A weight divided by its largest singular value, the older way: by a hook before each call."""

from __future__ import annotations

from typing import Any

import flambeau

from ...autograd import no_grad
from ...tensor import Parameter, Tensor
from ..functional import normalize
from ..uninitialized import is_lazy
from .hooked import hooks_of, pop_hook

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The hook: sets weight = weight_orig / (u · weight_orig v), u and v being followed by power iteration in training."""

    _version = 1

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight with the axis of outputs first, and all others as one."""
        return weight.movedim(self.dim, 0).flatten(1)

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Tensor:
        """The weight of now, after a step of power iteration if asked for."""
        weight, u, v = (getattr(module, self.name + suffix) for suffix in ("_orig", "_u", "_v"))
        matrix = self.matrix(weight)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.T @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
            u, v = u.clone(), v.clone()  # a backward to come must not see the next call's writes
        return weight / flambeau.dot(u, matrix @ v)

    def __call__(self, module: Any, _inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None) -> Any:
    """Put <name>_orig, and buffers <name>_u and <name>_v, in the weight's place. Returns the module.

    `parametrizations.spectral_norm` does the same and can be copied and cached: prefer it. dim is the axis of outputs: 0, but 1 for
    transposed convolutions. Raises RuntimeError when the weight is normalised so already. Source: Miyato et al. (2018).

    >>> list(nn.utils.spectral_norm(nn.Linear(2, 3)).state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if any(hook.name == name for _, hook in hooks_of(module, SpectralNorm)):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook, weight = SpectralNorm(name, n_power_iterations, dim, eps), module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError("The module passed to `spectral_norm` can't have uninitialized parameters. Call the lazy module once before")
    rows, columns = hook.matrix(weight.detach()).shape
    u = normalize(weight.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
    v = normalize(weight.new_empty(columns).normal_(0, 1), dim=0, eps=eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)

    def note_version(_module: Any, _state: Any, _prefix: str, local_metadata: Any) -> None:
        local_metadata.setdefault("spectral_norm", {})[name + ".version"] = SpectralNorm._version

    module.register_state_dict_post_hook(note_version)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight an ordinary parameter again. Returns the module; raises ValueError when it is not normalised."""
    hook = pop_hook(module, SpectralNorm, name)
    if hook is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    with no_grad():
        weight = hook.compute_weight(module, False)
    for attribute in (name, name + "_u", name + "_v", name + "_orig"):
        delattr(module, attribute)
    module.register_parameter(name, Parameter(weight.detach()))
    return module
