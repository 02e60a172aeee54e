"""What every optimizer has: parameters in groups, state by parameter, hooks, saving and loading."""

from __future__ import annotations

import copy
import functools
import itertools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import flambeau
from flambeau import context
from flambeau.nn.hooks import HookDict, RemovableHandle

Hook = Callable[..., Any]
required: Any = object()  # a default that each group must give


class Optimizer:
    """The base of optimizers: a subclass gives `step`, and `defaults` for what its groups may set.

    params: tensors, (name, tensor) pairs, or dicts with a "params" entry and options that hold for that group alone.
    Raises TypeError or ValueError for what cannot be optimized: sets, results of recorded ops, a parameter in two groups.
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[Any, dict[str, Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in cls.__dict__:
            cls.step = hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, flambeau.Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor: list it")
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        self._init_hooks()
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def _init_hooks(self) -> None:
        self._before_step, self._after_step = HookDict(), HookDict()
        self._before_load, self._after_load = HookDict(), HookDict()
        self._before_save, self._after_save = HookDict(), HookDict()
        self.steps_taken = 0
        self.known_step: Any = None  # the instance's own `step`, where it had one when a scheduler was made
        self._stepping = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own where the group has them."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        group = param_group  # the dict itself: who made it may keep it, to change its options
        given = group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        params = [given] if isinstance(given, flambeau.Tensor) else list(given)
        names = [p[0] for p in params if isinstance(p, tuple)]
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        group["params"] = params = [p[1] for p in params] if names else params
        if names:
            group["param_names"] = names
        for p in params:
            if not isinstance(p, flambeau.Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor: give the tensors that it was computed from")
        for name, default in self.defaults.items():
            if group.setdefault(name, default) is required:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters: each occurrence updates it once more", stacklevel=3
            )
        if any(("param_names" in group) != ("param_names" in other) for other in self.param_groups):
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {'with' if 'param_names' in group else 'without'} names to the optimizer"
            )
        taken = {id(p) for other in self.param_groups for p in other["params"]}
        if not taken.isdisjoint(id(p) for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; with set_to_none=False they become zeros in place."""
        if context.modes:
            with context.part(f"Optimizer.zero_grad#{type(self).__name__}.zero_grad"):
                self._forget(set_to_none)
        else:
            self._forget(set_to_none)

    def _forget(self, set_to_none: bool) -> None:
        for p in self.parameters():
            if p.grad is not None:
                if set_to_none:
                    p.grad = None
                else:
                    p.grad = p.grad.detach()
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients.  closure: computes loss and gradients anew; its result is returned."""
        raise NotImplementedError(f"{type(self).__name__} should implement step")

    def parameters(self) -> Iterable[flambeau.Tensor]:
        return itertools.chain.from_iterable(group["params"] for group in self.param_groups)

    @staticmethod
    def evaluate(closure: Callable[[], Any] | None) -> Any:
        """The closure's loss, recorded even inside of no_grad."""
        if closure is None:
            return None
        with flambeau.enable_grad():
            return closure()

    # ---- saving and loading
    def state_dict(self) -> dict[str, Any]:
        """{"state": {number: {...}}, "param_groups": [{..., "params": [numbers]}]}: parameters are numbered in order of their groups."""
        for hook in list(self._before_save.values()):
            hook(self)
        numbers: dict[int, int] = {}
        for p in self.parameters():
            numbers.setdefault(id(p), len(numbers))
        found = {
            "state": {numbers[id(p)] if isinstance(p, flambeau.Tensor) else p: state for p, state in self.state.items()},
            "param_groups": [
                {k: v for k, v in group.items() if k != "params"} | {"params": [numbers[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }
        for hook in list(self._after_save.values()):
            found = hook(self, found) or found
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave, in the parameters' dtypes and on their devices.

        Raises ValueError when the groups' number or sizes differ.
        """
        found = dict(state_dict)
        for hook in list(self._before_load.values()):
            found = hook(self, found) or found
        groups = copy.deepcopy(found["param_groups"])
        if len(groups) != len(self.param_groups):
            expected = len(self.param_groups)
            raise ValueError(f"loaded state dict has a different number of parameter groups: expected {expected}, got {len(groups)}")
        for i, (mine, loaded) in enumerate(zip(self.param_groups, groups)):
            if len(mine["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                    f"group {i} has {len(mine['params'])} parameters, the loaded one {len(loaded['params'])}"
                )
        numbers = itertools.chain.from_iterable(group["params"] for group in groups)
        parameters = dict(zip(numbers, self.parameters()))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for number, entries in found["state"].items():
            p = parameters.get(number)
            state[number if p is None else p] = copy.deepcopy(entries) if p is None else fit(entries, p)
        for mine, loaded in zip(self.param_groups, groups):
            loaded["params"] = mine["params"]
            if "param_names" in mine:
                loaded.setdefault("param_names", mine["param_names"])
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in list(self._after_load.values()):
            hook(self)

    # ---- hooks
    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step; it may return (args, kwargs) to take their place."""
        return self._before_step.add(hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step."""
        return self._after_step.add(hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer) before state_dict."""
        return self._before_save.add(hook, prepend=prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer, state_dict) after state_dict; what it returns, if not None, takes its place."""
        return self._after_save.add(hook, prepend=prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer, state_dict) before loading; what it returns, if not None, is loaded instead."""
        return self._before_load.add(hook, prepend=prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer) after loading."""
        return self._after_load.add(hook, prepend=prepend)

    # ---- pickling, copying, printing
    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over defaults, state and groups, of an older version perhaps, whose groups lack options."""
        self.__dict__.update(state)
        if "_before_step" not in self.__dict__:
            self._init_hooks()
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {i}"] if i else [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` between the optimizer's hooks, and counted; the step of a base class inside of it is not counted again."""

    @functools.wraps(step)
    def stepping(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._stepping:
            return step(self, *args, **kwargs)
        for hook in (*every_before.values(), *self._before_step.values()):
            replaced = hook(self, args, kwargs)
            if replaced is not None:
                if not (isinstance(replaced, tuple) and len(replaced) == 2):
                    raise RuntimeError(f"{hook} must return None or a tuple of (new_args, new_kwargs), but got {replaced}.")
                args, kwargs = replaced
        self._stepping = True
        try:
            if context.modes:
                with context.part(f"Optimizer.step#{type(self).__name__}.step"):
                    result = step(self, *args, **kwargs)
            else:
                result = step(self, *args, **kwargs)
        finally:
            self._stepping = False
        self.steps_taken += 1
        for hook in (*self._after_step.values(), *every_after.values()):
            hook(self, args, kwargs)
        return result

    return stepping


every_before, every_after = HookDict(), HookDict()  # hooks of all optimizers' steps


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call hook(optimizer, args, kwargs) before each step of every optimizer; it may return (args, kwargs) to take their place."""
    return every_before.add(hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call hook(optimizer, args, kwargs) after each step of every optimizer."""
    return every_after.add(hook)


def fit(value: Any, parameter: flambeau.Tensor, key: str | None = None) -> Any:
    """A copy of saved state on the parameter's device and, where that is real, in its dtype; counts of steps stay as they are."""
    if isinstance(value, flambeau.Tensor):
        if key == "step":
            return value.detach().clone()
        dtype = parameter.dtype if parameter.is_floating_point() else None
        return value.detach().to(device=parameter.device, dtype=dtype).clone()
    if isinstance(value, dict):
        return {k: fit(v, parameter, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(fit(v, parameter) for v in value)
    return copy.deepcopy(value)


def check_range(name: str, value: Any, low: float = 0.0, high: float = float("inf")) -> None:
    """ValueError, in PyTorch's words, for a number out of [low, high)."""
    if not low <= value < high:
        raise ValueError(f"Invalid {name}: {value}")


def check_lr(lr: Any, *, foreach: bool | None = None, capturable: bool = False) -> None:
    """ValueError for a negative rate, for a tensor of more than one, and where PyTorch's foreach would have to wait for its value."""
    if isinstance(lr, flambeau.Tensor):
        if foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
    check_range("learning rate", lr)


def check_betas(betas: tuple[Any, Any]) -> None:
    for i, beta in enumerate(betas):
        check_range(f"beta parameter at index {i}", beta, high=1.0)


def check_flags(*, foreach: bool | None, fused: bool | None = None, differentiable: bool) -> None:
    """foreach and fused say how PyTorch is to loop; here each means the same loop, and the same numbers."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
