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
    pages = [page for package in PACKAGES for module in public_modules(package) if (page := write_page(folder, module))]
    contents = "\n".join(["# Reference", "", "```{toctree}", ":maxdepth: 1", "", *pages, "```", ""])
    (folder / "index.md").write_text(contents, encoding="utf-8")


def public_modules(package: str) -> list[ModuleType]:
    """The package and the packages below it that a user imports from: those whose `__init__` lists its names in `__all__`."""
    root = importlib.import_module(package)
    names = [info.name for info in pkgutil.walk_packages(root.__path__, f"{package}.") if "._" not in info.name and info.ispkg]
    return [module for module in (root, *map(importlib.import_module, names)) if module is root or hasattr(module, "__all__")]


def public_names(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    return sorted(name for name in names if inspect.isclass(getattr(module, name)) or callable(getattr(module, name)))


def write_page(folder: Path, module: ModuleType) -> str | None:
    names = public_names(module)
    if not names:
        return None
    lines = [f"# {module.__name__}", "", (module.__doc__ or "").strip(), "", "```{eval-rst}", f".. currentmodule:: {module.__name__}", ""]
    for name in names:
        kind = "autoclass" if inspect.isclass(getattr(module, name)) else "autofunction"
        lines += [f".. {kind}:: {module.__name__}.{name}", *(["   :members:"] if kind == "autoclass" else []), ""]
    (folder / f"{module.__name__}.md").write_text("\n".join([*lines, "```", ""]), encoding="utf-8")
    return module.__name__


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
