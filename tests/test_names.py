"""Every `flambeau.name` and every `from flambeau… import name` in packages and examples is there.

Core offers its names at run time (an op is public because its card is listed), so type checkers must take any name for granted.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from source import PACKAGES, ROOT, Import, import_name, imports, modules

FILES = {name: path for package in PACKAGES for name, path in modules(package).items() if name != "flambeau.backends.cupy"}
FILES |= {f"examples.{path.stem}": path for path in sorted((ROOT / "examples").glob("*.py"))}


def value_of(found: Import) -> object:
    """What an import statement binds.  AttributeError or ImportError when it is not there."""
    module = importlib.import_module(found.module)
    if found.name is None:
        return importlib.import_module(found.top) if found.bound == found.top else module
    try:
        return getattr(module, found.name)
    except AttributeError:  # a module that nothing has loaded yet: `from` imports it
        return importlib.import_module(f"{found.module}.{found.name}")


def missing(name: str, path: Path) -> Iterator[str]:
    known: dict[str, object] = {}
    for found in imports(name, path):
        if found.top.startswith("flambeau") and found.name != "*" and not found.for_types and "cupy" not in (found.name, found.module):
            try:
                known[found.bound] = value_of(found)
            except (AttributeError, ImportError) as error:
                yield f"{path}:{found.line}: {error}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            root, *rest = dotted(node)
            value = known.get(root)
            for attribute in rest:
                if not isinstance(value, ModuleType):
                    break
                if not hasattr(value, attribute):
                    yield f"{path}:{node.lineno}: {value.__name__} has no {attribute}"
                value = getattr(value, attribute, None)


def dotted(node: ast.expr) -> list[str]:
    """["flambeau", "nn", "init"] of the expression flambeau.nn.init; [""] of one that does not begin with a name."""
    if isinstance(node, ast.Attribute):
        return [*dotted(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


@pytest.mark.parametrize("package", [*PACKAGES, "examples"])
def test_names_exist(package):
    top = package if package == "examples" else import_name(package)
    found = [line for name, path in FILES.items() if name.partition(".")[0] == top for line in missing(name, path)]
    assert not found, "names that are not there:\n" + "\n".join(dict.fromkeys(found))
