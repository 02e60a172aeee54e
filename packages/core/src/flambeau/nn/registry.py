"""Where a module keeps what it owns.

Parameters, buffers and children live in the instance's own `__dict__`, like any other attribute, so that `self.weight`
costs a plain attribute read (20 ns; a `__getattr__` hook costs 400). What makes them parameters is that their names
stand in one of three dicts of names. `module._parameters` and its two sisters are live mapping views of that one store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from inspect import signature
from typing import Any

from ..tensor import Parameter, Tensor
from .hooks import HookDict, RemovableHandle
from .parameter import Buffer

__all__ = ["Owned", "Registry"]


# hooks that see every member that any module registers; they are few, and mostly none
_registering: dict[str, HookDict] = {"parameter": HookDict(), "buffer": HookDict(), "module": HookDict()}


def _seen(kind: str, module: Any, name: str, member: Any) -> Any:
    for hook in list(_registering[kind].values()):
        replaced = hook(module, name, member)
        member = member if replaced is None else replaced
    return member


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, parameter)` whenever a module registers a parameter; what it returns, if not None, takes its place."""
    return _registering["parameter"].add(hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` whenever a module registers a buffer; what it returns, if not None, takes its place."""
    return _registering["buffer"].add(hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, child)` whenever a module registers a child; what it returns, if not None, takes its place."""
    return _registering["module"].add(hook)


class Owned(MutableMapping[str, Any]):
    """The attributes of one module whose names are in `names`, as a mapping that writes through."""

    __slots__ = ("names", "store")

    def __init__(self, store: dict[str, Any], names: dict[str, None]) -> None:
        self.store = store
        self.names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return self.store[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.names[name] = None
        self.store[name] = value

    def __delitem__(self, name: str) -> None:
        del self.names[name]
        del self.store[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return repr(dict(self))


class Registry:
    """What `Module` is built on: attributes that know whether they are a parameter, a buffer or a child."""

    _parameter_names: dict[str, None]
    _buffer_names: dict[str, None]
    _module_names: dict[str, None]
    _non_persistent_buffers_set: set[str]

    call_super_init = False  # whether __init__ goes on to the next class in line, with its arguments: for mixins that come later

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            told = f"got an unexpected keyword argument '{next(iter(kwargs))}'" if kwargs else \
                f"takes 1 positional argument but {len(args) + 1} were given"
            raise TypeError(f"{type(self).__name__}.__init__() {told}")
        store = self.__dict__
        store["_parameter_names"] = {}
        store["_buffer_names"] = {}
        store["_module_names"] = {}
        store["_non_persistent_buffers_set"] = set()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over another module's attributes: a shallow copy shares the members but has name dicts of its own."""
        self.__dict__.update(state)
        for names in ("_parameter_names", "_buffer_names", "_module_names", "_non_persistent_buffers_set"):
            self.__dict__[names] = self.__dict__[names].copy()

    @property
    def _parameters(self) -> Owned:
        return Owned(self.__dict__, self._parameter_names)

    @property
    def _buffers(self) -> Owned:
        return Owned(self.__dict__, self._buffer_names)

    @property
    def _modules(self) -> Owned:
        return Owned(self.__dict__, self._module_names)

    def __setattr__(self, name: str, value: Any) -> None:
        store = self.__dict__
        if "_parameter_names" not in store:
            if isinstance(value, (Parameter, Registry)):
                kind = "parameters" if isinstance(value, Parameter) else "module"
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call: call super().__init__() first")
            object.__setattr__(self, name, value)
        elif isinstance(value, Parameter):
            if name not in self._parameter_names:  # an existing name keeps its place in the order
                self._disown(name)
            self.register_parameter(name, value)
        elif isinstance(value, Registry):
            if name not in self._module_names:
                self._disown(name)
            if _registering["module"]:
                value = _seen("module", self, name, value)
            self._module_names[name] = None
            store[name] = value
        elif name in self._parameter_names:
            _expect_none(value, name, "parameter", "Parameter")
            store[name] = None
        elif name in self._module_names:
            _expect_none(value, name, "child module", "Module")
            store[name] = None
        elif name in self._buffer_names:
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"cannot assign '{_type_name(value)}' as buffer '{name}' (flambeau.Tensor or None expected)")
            if isinstance(value, Buffer):
                self._adopt(name, value)
            store[name] = value
        elif isinstance(value, Buffer):
            self._adopt(name, value)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for names in (self._parameter_names, self._buffer_names, self._module_names):
            names.pop(name, None)
        self._non_persistent_buffers_set.discard(name)
        object.__delattr__(self, name)

    def __getattr__(self, name: str) -> Any:
        # Reached when the usual look-up failed, or when a subclass's own __getattr__ asks its parent first.
        try:
            return self.__dict__[name]
        except KeyError:
            hint = "" if "_parameter_names" in self.__dict__ else " (Module.__init__() has not been called)"
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{hint}", name=name, obj=self) from None

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`, which is then also an attribute; None reserves the name."""
        self._check_name(name, "parameter", self._parameter_names)
        if param is not None:
            if not isinstance(param, Parameter):
                given = _type_name(param)
                raise TypeError(f"cannot assign '{given}' object to parameter '{name}' (flambeau.nn.Parameter or None required)")
            if not param.is_leaf:
                raise ValueError(
                    f"cannot assign non-leaf Tensor to parameter '{name}': a parameter must be created, not computed; "
                    "compute the value in forward() instead"
                )
        if _registering["parameter"]:
            param = _seen("parameter", self, name, param)
        self._parameter_names[name] = None
        self.__dict__[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that moves with the module and is saved with it (unless `persistent` is False) but not trained."""
        self._check_name(name, "buffer", self._buffer_names)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' (flambeau.Tensor or None required)")
        if _registering["buffer"]:
            tensor = _seen("buffer", self, name, tensor)
        self._buffer_names[name] = None
        self.__dict__[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Any) -> None:
        """Add a child under `name`, which is then also an attribute; None reserves the name."""
        if module is not None and not isinstance(module, Registry):
            raise TypeError(f"{_type_name(module)} is not a Module subclass: child '{name}' must be a Module or None")
        self._check_name(name, "module", self._module_names)
        if _registering["module"]:
            module = _seen("module", self, name, module)
        self._module_names[name] = None
        self.__dict__[name] = module

    register_module = add_module

    def _check_name(self, name: str, kind: str, names: dict[str, None]) -> None:
        if "_parameter_names" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call: call super().__init__() first")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: "{name}"')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in names:
            raise KeyError(f"attribute '{name}' already exists")

    def _adopt(self, name: str, buffer: Any) -> None:
        if "persistent" in signature(self.register_buffer).parameters:
            self.register_buffer(name, buffer, buffer.persistent)
        elif buffer.persistent:  # a subclass's own, of two arguments
            self.register_buffer(name, buffer)
        else:
            raise RuntimeError("Registering a non-persistent buffer on a Module subclass that implements register_buffer() without the "
                               "persistent argument is not allowed.")

    def _disown(self, name: str) -> None:
        """Forget whatever `name` was, so that it can become another kind of member."""
        for names in (self._parameter_names, self._buffer_names, self._module_names):
            names.pop(name, None)
        self._non_persistent_buffers_set.discard(name)
        self.__dict__.pop(name, None)


def _expect_none(value: Any, name: str, kind: str, wanted: str) -> None:
    if value is not None:
        raise TypeError(f"cannot assign '{_type_name(value)}' as {kind} '{name}' (flambeau.nn.{wanted} or None expected)")


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
