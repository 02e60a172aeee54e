"""Writes the reference: a page for each public module, with an entry for each of its public names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import shutil
from pathlib import Path
from types import ModuleType

PACKAGES = ("flambeau", "flambeau_vision", "flambeau_audio", "flambeau_text", "flambeau_serve", "flambeau_geometric")
SPECIAL = re.compile(r"([*|\\]|(?<=\w)_(?=\W|$))")  # what reStructuredText would read as markup in plain text


def write(folder: Path) -> None:
    """Fills `folder` anew: index.md and one page a module."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    modules = [module for package in PACKAGES for module in public_modules(package)]
    documented: set[int] = set()  # an object has its entry in the deepest module that exports it
    for module in sorted(modules, key=lambda module: -module.__name__.count(".")):
        names = [name for name in public_names(module) if id(getattr(module, name)) not in documented]
        documented |= {id(getattr(module, name)) for name in names}
        (folder / f"{module.__name__}.md").write_text(page(module, names), encoding="utf-8")
    contents = ["# Reference", "", "```{toctree}", ":maxdepth: 1", "", *(module.__name__ for module in modules), "```", ""]
    (folder / "index.md").write_text("\n".join(contents), encoding="utf-8")


def public_modules(package: str) -> list[ModuleType]:
    """The package, and those packages below it that list their names in `__all__`."""
    root = importlib.import_module(package)
    below = [info.name for info in pkgutil.walk_packages(root.__path__, f"{package}.") if info.ispkg and "._" not in info.name]
    return [root, *(module for module in map(importlib.import_module, below) if hasattr(module, "__all__"))]


def public_names(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    return sorted(name for name in names if callable(getattr(module, name)))


def page(module: ModuleType, names: list[str]) -> str:
    lines = [f"# {module.__name__}", "", (module.__doc__ or "").strip(), "", "```{eval-rst}"]
    for name in names:
        members = inspect.isclass(getattr(module, name))
        lines += [f".. {'autoclass' if members else 'autofunction'}:: {module.__name__}.{name}", *(["   :members:"] * members), ""]
    return "\n".join([*lines, "```", ""])


def plain_text(app, what, name, obj, options, lines: list[str]) -> None:
    """Our docstrings are plain text with doctests: escape what reStructuredText would take for markup, keep indented blocks as they are."""
    text, in_block = [], False
    for line in lines:
        if line.startswith(">>>"):
            in_block = True
        elif not line.strip():
            in_block = False
        indented = line.startswith("    ")
        if indented and not in_block and text and not text[-1].strip():
            text += ["::", ""]
            in_block = True
        if in_block:
            text.append(line)
        else:
            text.append(SPECIAL.sub(r"\\\1", line).replace("``", "`").replace("`", "``"))
    lines[:] = text
