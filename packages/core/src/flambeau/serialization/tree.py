"""Nested plain values and tensors as a JSON-able tree beside a flat dict of tensors, and back.

Plain values stand for themselves; what JSON has no word for is an object with one key that says what it is.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from typing import Any

import flambeau

DEEPEST = 100
MAPPINGS: dict[str, type] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}


def flatten(value: Any) -> tuple[Any, dict[str, flambeau.Tensor]]:
    """(tree, tensors by name).  A tensor's name is the way to it: {"model": {"w": t}} has "model.w".

    Raises TypeError, which names the place, for what is not a dict with str or int keys, a list, a tuple, a number, a string,
    None or a tensor; ValueError for nesting deeper than 100, as in a value that holds itself.

    >>> flatten({"epoch": 3, "model": {"w": flambeau.ones(1)}})
    ({'dict': [['epoch', 3], ['model', {'dict': [['w', {'tensor': 'model.w'}]]}]]}, {'model.w': tensor([1.])})
    """
    tensors: dict[str, flambeau.Tensor] = {}
    known: dict[int, str] = {}  # id of an array -> its name: what is one tensor in two places (tied weights) is written once

    def walk(x: Any, path: tuple[Any, ...]) -> Any:
        place = ".".join(map(str, path)) or "value"
        if len(path) > DEEPEST:
            raise ValueError(f"expected at most {DEEPEST} levels of nesting, got more at {place[:80]}…; does a value hold itself?")
        if isinstance(x, flambeau.Tensor):
            if id(x.array) not in known:
                name, n = place, 2
                while name in tensors or name == "__metadata__":
                    name, n = f"{place}~{n}", n + 1
                known[id(x.array)] = name
                tensors[name] = x
            return {"tensor": known[id(x.array)]}
        kind: type = OrderedDict if isinstance(x, OrderedDict) else type(x)  # a module's state_dict is one, with notes that may go
        if x is None or kind in (bool, int, str):
            return x
        if kind is float:
            return x if math.isfinite(x) else {"float": repr(x)}
        if kind is complex:
            return {"complex": [walk(x.real, path), walk(x.imag, path)]}
        if kind is list:
            return [walk(item, (*path, i)) for i, item in enumerate(x)]
        if kind is tuple:
            return {"tuple": [walk(item, (*path, i)) for i, item in enumerate(x)]}
        if kind in MAPPINGS.values():
            for key in x:
                if type(key) not in (str, int, bool):
                    raise TypeError(f"expected str or int as key of the dict at {place}, got {key!r:.80} of type {type(key).__qualname__}")
            return {kind.__name__: [[key, walk(item, (*path, key))] for key, item in x.items()]}
        raise TypeError(
            f"can't save {kind.__module__}.{kind.__qualname__} at {place}: only tensors, dicts, lists, tuples, numbers, strings and None "
            "are kept; save a module's state_dict(), and make plain values of the rest"
        )

    return walk(value, ()), tensors


def unflatten(tree: Any, tensors: dict[str, flambeau.Tensor]) -> Any:
    """The value of which `flatten` made the tree.  ValueError for a tree that it cannot have made.

    >>> unflatten(*flatten((1, [flambeau.ones(1)])))
    (1, [tensor([1.])])
    """
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if isinstance(tree, list):
        return [unflatten(item, tensors) for item in tree]
    if isinstance(tree, dict) and len(tree) == 1:
        ((kind, content),) = tree.items()
        if kind == "tensor" and isinstance(content, str) and content in tensors:
            return tensors[content]
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind == "complex" and isinstance(content, list) and len(content) == 2:
            real, imag = (unflatten(part, tensors) for part in content)
            if type(real) is float and type(imag) is float:
                return complex(real, imag)
        if kind == "tuple" and isinstance(content, list):
            return tuple(unflatten(item, tensors) for item in content)
        if kind in MAPPINGS and isinstance(content, list):
            found = MAPPINGS[kind]()
            for pair in content:
                key = key_of(pair)
                found[key] = unflatten(pair[1], tensors)
            return found
    raise ValueError(f"expected a value that flambeau.save writes, got {tree!r:.80}")


def key_of(pair: Any) -> Any:
    if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) not in (str, int, bool):
        raise ValueError(f"expected a pair of a str or int key and a value, got {pair!r:.80}")
    return pair[0]
