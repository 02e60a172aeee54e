"""How conversions and loading change a module's parameters: what `flambeau.__future__` sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ..overriding import ask, overriding
from ..tensor import Parameter, Tensor
from ..utils.swapping import swap_tensors

HOW = {"overwrite": False, "swap": False}


def converted(parameter: Any, fn: Callable[[Tensor], Tensor], place: str) -> Any:
    """The parameter with `fn` of its data and of its gradient's, as `flambeau.__future__` says: the same object, or a new one."""
    new = fn(parameter)
    grad, parameter.grad = parameter.grad, None
    if HOW["swap"]:
        kept = parameter
        try:
            swap_tensors(parameter, Parameter(new, requires_grad=parameter.requires_grad))
        except RuntimeError as error:
            parameter.grad = grad
            raise RuntimeError(f"_apply(): Couldn't swap {place}") from error
    elif HOW["overwrite"]:
        parameter.grad = grad
        kept = Parameter(new, requires_grad=parameter.requires_grad)
    else:
        kept = parameter
        kept.data = new.data  # a lazy parameter gives a lazy one
    if grad is not None:
        new = fn(grad).requires_grad_(grad.requires_grad)
        if HOW["overwrite"] or HOW["swap"]:
            grad = new
        else:
            grad.data = new
        kept.grad = grad
    return kept


def swap_loaded(tensor: Tensor, value: Tensor, assign: bool) -> None:
    """Swap a parameter or buffer with what `module_load` makes of a loaded value: a subclass's `__torch_function__` has a say in it."""
    asked = overriding((tensor, value))
    load, args = cast(Any, Tensor).module_load, (tensor, value)
    new = ask(load, asked, args, {"assign": assign}) if asked else load(*args, assign=assign)
    if new is value or new is tensor:
        raise RuntimeError("module_load returned one of self or other, please .detach() the result if returning one of the inputs in "
                           "module_load")
    if isinstance(tensor, Parameter):
        wanted = tensor.requires_grad
        new = new.requires_grad_(wanted) if isinstance(new, Parameter) else Parameter(new, requires_grad=wanted)
    swap_tensors(tensor, new)
