"""`front.c` as a module: built by the system's compiler at the first import, loaded from the cache at every other.

Where there is no compiler, no Python.h or no directory to keep it in, `module` is None and fast.py's closures stand alone: the results are
the same, a small call takes some 0.3 µs longer.  FLAMBEAU_FRONT=0 asks for that.
"""
from __future__ import annotations

import os
import sys
from functools import update_wrapper
from typing import Any

from .cache import check_owned, kernel_directory

UNARY, BINARY, REFLECTED, REDUCED, INPLACE, LISTED, NAMED = range(7)


def _load() -> Any:
    import _imp
    from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec

    if os.environ.get("FLAMBEAU_FRONT") == "0" or sys.implementation.name != "cpython" or "t" in getattr(sys, "abiflags", ""):
        return None
    source, path = os.path.join(os.path.dirname(__file__), "front.c"), ""
    try:
        with open(source, "rb") as f:
            name = f"front-{_imp.source_hash(0, f.read()).hex()}{EXTENSION_SUFFIXES[0]}"
        directory = kernel_directory()
        path = os.path.join(directory, name)
        if not os.path.exists(path):
            from .kernels.build import build_extension

            build_extension(source, path)
        check_owned(directory)
        check_owned(path)
        spec = ModuleSpec("flambeau._front", ExtensionFileLoader("flambeau._front", path), origin=path)
        made = _imp.create_dynamic(spec)
        _imp.exec_dynamic(made)
        return made
    except ImportError as error:  # a damaged file: the next import builds it again
        os.unlink(path)
        why.append(str(error))
    except (OSError, RuntimeError) as error:
        why.append(str(error))
    return None


why: list[str] = []  # why there is none
module = _load()


def before(form: int, closure, function, card=None, checked: int = 0, numbers: int = 0):
    """The closure behind a `Front`, which calls `function` where it can; the closure itself where there is no C."""
    if module is None:
        return closure
    keeps = card.keeps if card is not None and card.vjp else ()
    front = module.front(form, closure, function, card, keeps, checked, numbers)
    return update_wrapper(front, closure)
