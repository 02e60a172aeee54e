"""Tensors of a module as functions of other tensors, which are what is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from ...autograd import no_grad
from ...tensor import Parameter, Tensor
from ..container import ModuleDict, ModuleList
from ..module import Module

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_caching = 0
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Inside this block each parametrized tensor is computed once: for modules that read a weight many times, such as cells in a loop."""
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


class ParametrizationList(ModuleList):
    """The functions that make one tensor, first to last, with the `original` (or original0, original1 …) that they start from."""

    original: Any
    is_tensor: bool

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        with no_grad():
            start = self._inverse(original)
        if isinstance(start, Tensor):
            self.is_tensor, parts = True, [start]
        elif isinstance(start, Sequence):
            self.is_tensor, parts = False, list(start)
            self.ntensors = len(parts)
        else:
            raise ValueError(f"'right_inverse' must return a Tensor or a Sequence of tensors, got {type(start).__name__}")
        if self.is_tensor:
            self._check_same(original, start, "right_inverse")
            if isinstance(original, Parameter) and start is not original:  # keep the object that an optimizer may hold
                original.data = start.data
            _register(self, "original", original if isinstance(original, Parameter) else start)
        for i, part in enumerate([] if self.is_tensor else parts):
            if not isinstance(part, Tensor):
                raise ValueError(f"'right_inverse' must return a Tensor or a Sequence of tensors, but element {i} is "
                                 f"of the sequence with type {type(part).__name__}")
            if isinstance(original, Parameter):
                part = Parameter(part.detach(), requires_grad=original.requires_grad)
            _register(self, f"original{i}", part)
        if not unsafe:
            with no_grad():
                self._check_same(original, self(), "forward")

    def _check_same(self, original: Tensor, made: Any, what: str) -> None:
        if self.unsafe:
            return
        if not isinstance(made, Tensor):
            raise ValueError(f"parametrization.{what} must return a tensor. Got: {type(made).__name__}")
        for name in ("dtype", "shape"):
            if getattr(made, name) != getattr(original, name):
                head = f"Registering a parametrization may not change the {name} of the tensor"
                if what == "right_inverse":
                    head = f"When `right_inverse` outputs one tensor, it may not change the {name}: it must have the same {name} as before"
                raise ValueError(
                    f"{head}, unless the `unsafe` flag is enabled: it is {getattr(original, name)}, and {what} gives {getattr(made, name)}"
                )

    def _inverse(self, value: Any) -> Any:
        for module in reversed(list(self)):
            if hasattr(module, "right_inverse"):
                try:
                    value = module.right_inverse(value)
                except NotImplementedError:  # a parametrization may say that it has none: the value itself is the start
                    continue
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor becomes `value`, by way of the parametrizations' own `right_inverse`."""
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            parts = [value] if self.is_tensor else list(value)
            for own, part in zip(self._originals(), parts, strict=True):
                if not self.unsafe and (own.shape != part.shape or own.dtype != part.dtype):
                    raise ValueError(
                        f"While assigning: right_inverse gives {part.dtype} of shape {tuple(part.shape)}, "
                        f"but the original is {own.dtype} of shape {tuple(own.shape)}"
                    )
                own.data = part.data

    def _originals(self) -> list[Tensor]:
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:
        first, *rest = list(self)
        made = first(*self._originals())
        for module in rest:
            made = module(made)
        return made


def _property(name: str) -> property:
    def get(self: Any) -> Any:
        made = self.parametrizations[name]
        if not _caching:
            return made()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = made()
        return _cache[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, put)


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    made = self.__new__(type(self))
    memo[id(self)] = made
    made.__setstate__(deepcopy(self.__dict__, memo))
    return made


def _getstate(_self: Any) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(): "
        "save model.state_dict(), and load it into a model that is parametrized in the same way"
    )


def _set_class(module: Module) -> None:
    """The class with a property for each parametrized tensor; without any, the module's first class."""
    base, names = type_before_parametrizations(module), list(module.parametrizations) if is_parametrized(module) else []
    if names:
        members = {name: _property(name) for name in names}
        kind = type(f"Parametrized{base.__name__}", (base,), {"__deepcopy__": _deepcopy, "__getstate__": _getstate, **members})
        kind._parametrized_from = base  # type: ignore[attr-defined]
        module.__class__ = kind
    else:
        module.__class__ = base


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """From now on `module.<tensor_name>` is parametrization(original); the original is what is trained and saved. Returns the module.

    A parametrization with `right_inverse` can be assigned to, and may start from several tensors. Several parametrizations of a tensor
    are applied in the order of registration. `unsafe` lets them change dtype and shape. The state_dict has
    parametrizations.<tensor_name>.original in the tensor's place.

    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = nn.Linear(3, 3)
    >>> _ = nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all()), [name for name, _ in layer.named_parameters()]
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        made: Any = module.parametrizations[tensor_name]
        if not unsafe:
            with no_grad():
                now = getattr(module, tensor_name)
                after = parametrization(now)
                made._check_same(now, after, "forward")
                if hasattr(parametrization, "right_inverse"):
                    made._check_same(now, parametrization.right_inverse(after), "right_inverse")
        made.append(parametrization)
        made.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        made.training = module.training
        delattr(module, tensor_name)
        if not is_parametrized(module):
            module.parametrizations = ModuleDict()
        module.parametrizations[tensor_name] = made
        _set_class(module)
    else:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'")
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module (or the one of this name) is parametrized."""
    every = module.__dict__.get("parametrizations")
    if not isinstance(every, ModuleDict):
        return False
    return len(every) > 0 if tensor_name is None else tensor_name in every


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make `tensor_name` an ordinary tensor again: with its value of now, or the original unless leave_parametrized. Returns the module."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    made: Any = module.parametrizations[tensor_name]
    if made.is_tensor:
        tensor = made.original
        if leave_parametrized:
            with no_grad():
                tensor.data = getattr(module, tensor_name).data
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        tensor = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors."
        )
    del module.parametrizations[tensor_name]
    _set_class(module)
    if not is_parametrized(module):
        del module.parametrizations
    _register(module, tensor_name, tensor)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before its first parametrization."""
    return getattr(type(module), "_parametrized_from", type(module))


def transfer_parametrizations_and_params(from_module: Module, to_module: Module, tensor_name: str | None = None) -> Module:
    """Give to_module the parametrizations of from_module (or those of one tensor) and the values that they start from."""
    if not is_parametrized(from_module):
        return to_module
    for name in [tensor_name] if tensor_name is not None else list(from_module.parametrizations):
        source: Any = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        for parametrization in source:
            register_parametrization(to_module, name, deepcopy(parametrization), unsafe=True)
        for own, given in zip(to_module.parametrizations[name]._originals(), source._originals(), strict=True):
            own.data = given.data.clone()
    return to_module
