"""A module's state as a flat dict of tensors, and back."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import Any
from warnings import warn

from ..autograd import no_grad
from ..tensor import Parameter, Tensor
from .conversion import HOW, swap_loaded
from .hooks import Hooked, StateHooks
from .parameter import Buffer
from .registry import Registry
from .uninitialized import is_lazy

__all__ = ["IncompatibleKeys", "Stateful"]

_EXTRA_STATE = "_extra_state"
_NO_HOOKS = StateHooks()


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found: names the module has and the dict lacks, and the other way round."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"

    __str__ = __repr__


class StateDict(OrderedDict[str, Any]):
    """An ordered dict that can carry `_metadata`: the version of every module, by prefix."""

    _metadata: OrderedDict[str, Any]

    def __repr__(self) -> str:
        return f"OrderedDict({list(self.items())!r})"


class Stateful(Registry, Hooked):
    """The part of Module that saves and loads."""

    _version = 1

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """Every parameter and persistent buffer of this module and its children, by dotted name.

        The tensors are the module's own memory, detached (with `keep_vars` the parameters themselves).

        >>> list(nn.Sequential(nn.Linear(2, 3)).state_dict())
        ['0.weight', '0.bias']
        """
        if destination is None:
            destination = StateDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        hooks = self._state_hooks or _NO_HOOKS
        for hook in list(hooks.before_save.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for _key, hook, in_place in hooks.after_save.marked():
            replaced = hook(self, destination, prefix, local_metadata)
            if replaced is not None:
                if in_place:
                    raise RuntimeError("state_dict post-hook must return None: change the state_dict in place")
                destination = replaced
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put this module's own state, without its children's, into `destination`. Subclasses may extend it."""
        for name, tensor in self._own_state():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def _own_state(self) -> list[tuple[str, Tensor]]:
        store, skip = self.__dict__, self._non_persistent_buffers_set
        names = [*self._parameter_names, *(name for name in self._buffer_names if name not in skip)]
        return [(name, store[name]) for name in names if store[name] is not None]

    def get_extra_state(self) -> Any:
        """State besides tensors, to be saved with them; a subclass that defines it defines `set_extra_state` too."""
        raise RuntimeError(f"{type(self).__name__} has no extra state: define get_extra_state and set_extra_state to give it one")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__} has no extra state: define get_extra_state and set_extra_state to give it one")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> IncompatibleKeys:
        """Copy the tensors of `state_dict` into this module's (with `assign`, adopt them instead).

        Raises TypeError when it is no mapping; RuntimeError, listing everything that is wrong, when shapes differ or,
        if `strict`, when names are missing or unexpected.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}")
        metadata = getattr(state_dict, "_metadata", None) or {}
        state = OrderedDict(state_dict)
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []

        _load(self, state, "", (metadata, assign, missing, unexpected, errors))
        if strict:
            complaints = (("Missing", missing), ("Unexpected", unexpected))
            errors[:0] = [f"{what} key(s) in state_dict: {_quoted(keys)}. " for what, keys in complaints if keys]
        if errors:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors))
        return IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own state, without its children's. Subclasses extend it to read what older versions saved."""
        for _key, hook, with_module in (self._state_hooks or _NO_HOOKS).before_load.marked():
            owner = (self,) if with_module else ()
            hook(*owner, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        own = self._own_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, tensor in own:
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
            else:
                self._load_one(name, tensor, key, state_dict[key], assign, error_msgs)
        has_extra = type(self).set_extra_state is not Stateful.set_extra_state
        extra_key = prefix + _EXTRA_STATE
        if has_extra and extra_key in state_dict:
            self.set_extra_state(state_dict[extra_key])
        elif has_extra and strict:
            missing_keys.append(extra_key)
        if strict:
            known = {name for name, _ in own} | ({_EXTRA_STATE} if has_extra else set())
            for key in state_dict:
                if key.startswith(prefix):
                    head, _, rest = key[len(prefix) :].partition(".")
                    if not (head in self._module_names if rest else head in known):
                        unexpected_keys.append(key)

    def _load_one(self, name: str, tensor: Tensor, key: str, value: Any, assign: bool, error_msgs: list[str]) -> None:
        if not isinstance(value, Tensor):
            error_msgs.append(
                f'While copying the parameter named "{key}", expected flambeau.Tensor or Tensor-like object from checkpoint '
                f"but received {type(value)}"
            )
        elif is_lazy(tensor):
            if not is_lazy(value):
                tensor.materialize(value.shape)
                self._load_one(name, tensor, key, value, assign, error_msgs)
        elif tuple(value.shape) != tuple(tensor.shape) and not (tensor.dim() == 0 and tuple(value.shape) == (1,)):
            error_msgs.append(
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {tensor.shape}."
            )
        elif assign and not HOW["swap"]:
            if isinstance(tensor, Parameter) and not isinstance(value, Parameter):
                value = Parameter(value, requires_grad=tensor.requires_grad)
            elif isinstance(tensor, Buffer) and not isinstance(value, Buffer):
                value = Buffer(value, persistent=True)
            setattr(self, name, value)
        else:
            if tensor.is_meta and not value.is_meta and not assign:
                warn(f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the current model, which "
                     "changes nothing. Did you mean to pass `assign=True`, which takes the checkpoint's tensors?", stacklevel=2)
            try:
                with no_grad():
                    swap_loaded(tensor, value, assign) if HOW["swap"] else tensor.copy_(value.reshape(tensor.shape))
            except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
                error_msgs.append(f'While {"swapping" if HOW["swap"] else "copying"} the parameter named "{key}", whose dimensions in the '
                                  f"model are {tensor.size()} and whose dimensions in the checkpoint are {value.size()}, an exception "
                                  f"occurred : {error.args}.")


def _load(module: Any, entries: dict[str, Any], prefix: str, how: tuple[Any, ...]) -> None:
    """Load a module's state and, after it, its children's. It is no closure, which would be a cycle that holds tensors."""
    metadata, assign, missing, unexpected, errors = how
    local_metadata = {**metadata.get(prefix[:-1], {}), **({"assign_to_params_buffers": True} if assign else {})}
    module._load_from_state_dict(entries, prefix, local_metadata, True, missing, unexpected, errors)
    for name, child in module._modules.items():
        if child is not None:
            start = f"{prefix}{name}."
            _load(child, {key: value for key, value in entries.items() if key.startswith(start)}, start, how)
    found = IncompatibleKeys(missing, unexpected)
    for hook in list((module._state_hooks or _NO_HOOKS).after_load.values()):
        if hook(module, found) is not None:
            raise RuntimeError("load_state_dict post-hook must return None: change incompatible_keys in place")


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
