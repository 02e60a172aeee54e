"""Modules that hold modules, and look like the list or dict that they are."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Container as ContainerOf
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Self, overload

from .module import Module, _indent

__all__ = ["Container", "ModuleDict", "ModuleList", "Sequential"]


def position(index: Any, length: int) -> int:
    """`index` counted from the front. Raises IndexError outside of -length .. length - 1."""
    index = operator.index(index)
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range: there are {length} entries")
    return index % length


class _Numbered(Module):
    """Children under the names "0", "1", …, in that order."""

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[Module]:
        store = self.__dict__
        return iter([store[name] for name in self._module_names])

    def _key(self, index: Any) -> str:
        return next(islice(self._module_names, position(index, len(self)), None))

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(*self._as_arguments(list(self._modules.items())[index]))
        return self.__dict__[self._key(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._module_names)
        for name in names[index] if isinstance(index, slice) else [self._key(index)]:
            delattr(self, name)
        rest = list(self._modules.values())
        self._modules.clear()
        self.extend(rest)

    def _as_arguments(self, items: list[tuple[str, Module]]) -> tuple[Any, ...]:
        raise NotImplementedError

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{self._get_name()}.extend should be called with an iterable, but got {type(modules).__name__}")
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one at `index`."""
        modules = list(self)
        modules.insert(index, module)
        for i, each in enumerate(modules):
            self._modules[str(i)] = each
        return self

    def pop(self, index: int | slice = -1) -> Module:
        """Take the module at `index` out and return it."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Numbered):
    """Modules one after the other: each gets what the one before it returned.

    Takes modules, or one OrderedDict from names to modules.

    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    >>> model(flambeau.zeros(2, 4)).shape
    flambeau.Size([2, 3])
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name), module)

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one at `index`. Raises IndexError for an index outside of -len … len, AssertionError for no module."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}, got {type(module).__name__}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        return super().insert(index, module)

    def forward(self, input: Any) -> Any:
        store = self.__dict__
        for name in self._module_names:
            input = store[name](input)
        return input

    def _as_arguments(self, items: list[tuple[str, Module]]) -> tuple[Any, ...]:
        return (OrderedDict(items),)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Self:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return self.extend(list(other))

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*(list(self) * self._check_times(times)))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Self:
        return self.extend(list(self) * (self._check_times(times) - 1))

    def _check_times(self, times: int) -> int:
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")
        return times


class ModuleList(_Numbered):
    """A list of modules that its owner sees as its own. It has no forward.

    >>> nn.ModuleList([nn.Identity() for _ in range(3)])
    ModuleList(
      (0-2): 3 x Identity()
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _as_arguments(self, items: list[tuple[str, Module]]) -> tuple[Any, ...]:
        return ([module for _, module in items],)

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        runs: list[list[Any]] = []  # [first, last, text] of equal neighbours
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        if not runs:
            return f"{self._get_name()}()"
        lines = [
            f"({first}): {_indent(text)}" if first == last else f"({first}-{last}): {last - first + 1} x {_indent(text)}"
            for first, last, text in runs
        ]
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dict of modules that its owner sees as its own, in the order in which they were put in. It has no forward.

    >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10), "parity": nn.Linear(8, 2)})
    >>> list(heads)
    ['digit', 'parity']
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._module_names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._module_names)

    def __contains__(self, key: object) -> bool:
        return key in self._module_names

    def clear(self) -> None:
        """Take everything out."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Take the module under `key` out and return it."""
        module = self[key]
        del self[key]
        return module

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> Iterable[tuple[str, Module]]:
        """The names with their modules."""
        return self._modules.items()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Put in modules from a mapping, or from an iterable of (name, module); names that exist are overwritten."""
        for key, module in pairs(modules, self._get_name()):
            self[key] = module


def pairs(given: Any, owner: str) -> list[tuple[str, Any]]:
    """What a dict-like container is updated from: a mapping, or an iterable of (name, value)."""
    if hasattr(given, "keys"):
        return [(key, given[key]) for key in given]
    if not isinstance(given, Iterable):
        raise TypeError(f"{owner}.update should be called with an iterable of key/value pairs, but got {type(given).__name__}")
    pairs = []
    for i, pair in enumerate(given):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise (ValueError if isinstance(pair, ContainerOf) else TypeError)(
                f"{owner} update sequence element #{i} should be a (name, value) pair, got {pair!r}"
            )
        pairs.append((pair[0], pair[1]))
    return pairs


class Container(Module):
    """Children given by name: what every Module does today.  Kept for programs that are older than `Module.add_module`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        from warnings import warn

        warn("nn.Container is deprecated. All of it's functionality is now implemented in nn.Module. Subclass that instead.", FutureWarning,
             stacklevel=2)  # fmt: skip
        for name, module in kwargs.items():
            self.add_module(name, module)
