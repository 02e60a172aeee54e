"""`functional_call` under its older name (`flambeau.func.functional_call` is the current one)."""
from __future__ import annotations

from typing import Any
from warnings import warn

from ...func.stateless import functional_call as _call

__all__ = ["functional_call"]


def functional_call(module, parameters_and_buffers, args=None, kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True,
                    strict: bool = False):
    """The module's output with other parameters and buffers. Warns: `flambeau.func.functional_call` is the one to use."""
    warn("`flambeau.nn.utils.stateless.functional_call` is deprecated. Please use `flambeau.func.functional_call` instead.",
         FutureWarning, stacklevel=2)
    return _call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
