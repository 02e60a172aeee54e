"""Where a module's parameters are made, and of what: the arguments that every layer takes."""

from __future__ import annotations

from typing import Any

__all__ = ["factory_kwargs"]
_KNOWN = frozenset(("device", "dtype", "memory_format"))


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """device, dtype and memory_format of some keyword arguments, with those in kwargs["factory_kwargs"].

    For modules of one's own that pass them on: `Linear(2, 3, **factory_kwargs(kwargs))`.
    TypeError for other names, and for one given twice.

    >>> nn.factory_kwargs({"dtype": flambeau.float64})
    {'dtype': flambeau.float64}
    """
    if kwargs is None:
        return {}
    inner = kwargs.get("factory_kwargs", {})
    own = {name: value for name, value in kwargs.items() if name != "factory_kwargs"}
    wrong = sorted({*own, *inner} - _KNOWN)
    if wrong:
        raise TypeError(f"unexpected kwargs {', '.join(wrong)}: expected device, dtype and memory_format")
    twice = sorted(own.keys() & inner.keys())
    if twice:
        raise TypeError(f"{twice[0]} specified twice, in **kwargs and in factory_kwargs")
    return {**inner, **own}
