"""Module: something with parameters that can be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import flambeau

from ..autograd import no_grad
from ..dtype import as_dtype
from ..ops.sharing import share_all
from ..tensor import Parameter, Tensor
from .conversion import converted
from .hooks import call_with_hooks
from .state import Stateful

__all__ = ["Module"]


class Module(Stateful):
    """The base class of networks and their parts: assign parameters and modules in `__init__`, compute in `forward`.

    >>> class Doubler(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(flambeau.tensor(2.0))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> double = Doubler()
    >>> double(flambeau.tensor(3.0)).item(), [name for name, _ in double.named_parameters()]
    (6.0, ['factor'])
    """

    training: bool = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.__dict__["training"] = True

    # Calling -------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._call_hooks is None:
            return self.forward(*args, **kwargs)
        return call_with_hooks(self, args, kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes. Every subclass defines it; users call the module, so that hooks run."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    # Looking inside ------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and everything below it, parents first, with dotted names; a shared module once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """This module and everything below it."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules right below this one, each once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules right below this one, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """The parameters, with dotted names; a shared one under its first name."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers, with dotted names; a shared one under its first name."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers: tensors that belong to the module and are not trained."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_members(self, store: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in owners:
            for name, member in getattr(module, store).items():
                if member is not None and id(member) not in seen:
                    if remove_duplicate:
                        seen.add(id(member))
                    yield (f"{path}.{name}" if path else name), member

    def get_submodule(self, target: str) -> Module:
        """The module under the dotted name `target`; "" is this module. Raises AttributeError when there is none."""
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` in the place of `target`; with `strict` the place must be taken already."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if not isinstance(module, Module) or (hasattr(parent, name) and not isinstance(getattr(parent, name), Module)):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter under the dotted name `target`. Raises AttributeError when there is none."""
        owner, name = self._owner_of(target)
        if name not in owner._parameter_names:
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return getattr(owner, name)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer under the dotted name `target`. Raises AttributeError when there is none."""
        owner, name = self._owner_of(target)
        if name not in owner._buffer_names:
            raise AttributeError(f"`{name}` is not a buffer")
        return getattr(owner, name)

    def _owner_of(self, target: str) -> tuple[Module, str]:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        return owner, name

    # Changing everything at once -----------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Call `fn` on every module below, then on this one. Returns the module itself."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below to training (dropout drops, batch norm learns) or, with False, to evaluation."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below to evaluation: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether the parameters get gradients: `requires_grad_(False)` freezes the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the parameters' gradients, or fill them with zeros when `set_to_none` is False."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                if set_to_none:
                    parameter.grad = None
                else:
                    parameter.grad = flambeau.zeros_like(parameter.grad)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace every parameter's, gradient's and buffer's data by `fn` of it; parameters stay the same objects.

        `flambeau.__future__` tells of two other ways.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        store = self.__dict__
        with no_grad():
            for name in self._parameter_names:
                if store[name] is not None:
                    store[name] = converted(store[name], fn, f"{self._get_name()}.{name}")
            for name in self._buffer_names:
                if store[name] is not None:
                    store[name] = fn(store[name])
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move and cast in place: `to(device)`, `to(dtype)`, `to(device, dtype)` or `to(tensor)`.

        Only floating-point and complex members change dtype. memory_format: the layout of members of 4 axes (channels_last) or of
        5 (channels_last_3d). Raises TypeError for an integer dtype.
        """
        memory_format = kwargs.pop("memory_format", None)
        axes = {flambeau.channels_last: (4,), flambeau.channels_last_3d: (5,)}.get(memory_format, (4, 5))
        if memory_format is not None and not isinstance(memory_format, flambeau.memory_format):
            raise TypeError(f"to() expected memory_format as a flambeau.memory_format, got {memory_format!r}")
        device, dtype, non_blocking = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")

        def convert(tensor: Tensor) -> Tensor:
            if tensor.is_meta and device is not None and device.type != "meta":
                raise NotImplementedError("Cannot copy out of meta tensor; no data! Please use nn.Module.to_empty() instead of "
                                          "nn.Module.to() when moving module from meta to a different device.")
            casts = dtype is not None and (tensor.is_floating_point() or tensor.is_complex())
            out = tensor.to(device or tensor.device, dtype if casts else tensor.dtype, non_blocking)
            return out if memory_format is None or out.ndim not in axes else out.to(memory_format=memory_format)

        return self._apply(convert)

    def type(self, dst_type: Any) -> Self:
        """Cast every parameter and buffer, integers too, to `dst_type`."""
        return self._apply(lambda t: t.to(dst_type))

    def float(self) -> Self:
        """Cast the floating-point members to float32."""
        return self._cast_floats(flambeau.float32)

    def double(self) -> Self:
        """Cast the floating-point members to float64."""
        return self._cast_floats(flambeau.float64)

    def half(self) -> Self:
        """Cast the floating-point members to float16."""
        return self._cast_floats(flambeau.float16)

    def bfloat16(self) -> Self:
        """Cast the floating-point members to bfloat16."""
        return self._cast_floats(flambeau.bfloat16)

    def _cast_floats(self, dtype: Any) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def cuda(self, device: Any = None) -> Self:
        """Move everything to the GPU `device`, the current one by default."""
        place = "cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device
        return self._apply(lambda t: t.to(place))

    def cpu(self) -> Self:
        """Move everything to the CPU."""
        return self._apply(lambda t: t.to("cpu"))

    def compile(self, *_args: Any, **_kwargs: Any) -> None:
        """Compile the module's forward in place. Raises RuntimeError while there is no `flambeau.compile` to do it."""
        raise RuntimeError("Module.compile needs flambeau.compile, which is not there yet: call the module as it is, with the same result")

    def share_memory(self) -> Self:
        """Move parameters, gradients and buffers into one piece of memory that other processes can see.

        >>> nn.Linear(2, 3).share_memory().weight.is_shared()
        True
        """
        members: list[Tensor] = [*self.parameters(), *self.buffers()]
        share_all([*members, *(p.grad for p in self.parameters() if p.grad is not None)])
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give every member uninitialised memory on `device`."""
        return self._apply(lambda t: flambeau.empty_like(t, device=device), recurse=recurse)

    # Printing ------------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed; subclasses define it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = [f"({name}): {_indent(repr(module))}" for name, module in self._modules.items()]
        if not children and "\n" not in extra:
            return f"{self._get_name()}({extra})"
        lines = [*(extra.split("\n") if extra else []), *children]
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name[0].isdigit()]


def _indent(text: str) -> str:
    return text.replace("\n", "\n  ")


def _parse_to(
    *args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, tensor: Any = None, **kwargs: Any
) -> tuple[Any, Any, bool]:
    kwargs.pop("copy", None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    if args and isinstance(args[0], Tensor):
        tensor, args = args[0], args[1:]
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    for i, arg in enumerate(args):
        if isinstance(arg, flambeau.dtype | type) and i < 2:
            dtype = as_dtype(arg)
        elif isinstance(arg, bool) and (i or tensor is not None):
            non_blocking = arg
        elif isinstance(arg, (str, int, flambeau.device)) and not i and not isinstance(arg, bool):
            device = arg
        elif arg is not None:
            raise TypeError(f"to() received an invalid combination of arguments - got ({', '.join(type(a).__name__ for a in args)}), but "
                            "expected a tensor, or a device and a dtype, or one of them; then non_blocking")
    return (flambeau.device(device) if isinstance(device, (str, int)) else device), dtype, non_blocking
