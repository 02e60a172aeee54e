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
INTERNAL = {"backends", "kernels", "ops"}
ALIGNED = re.compile(r"^\s+\S|\S {3,}\S")
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


PLAIN = {"flambeau.fft", "flambeau.linalg", "flambeau.special", "flambeau.masked", "flambeau.signal.windows", "flambeau.autograd.graph",
         "flambeau.autograd.forward_ad", "flambeau.utils.checkpoint", "flambeau.distributions.constraints",
         "flambeau.distributions.transforms", "flambeau.distributions.kl", "flambeau.hub", "flambeau.cuda.amp", "flambeau.cuda.nvtx",
         "flambeau.cpu.amp", "flambeau.autograd.profiler", "flambeau.autograd.profiler_util", "flambeau.utils.flop_counter",
         "flambeau.profiler.itt", "flambeau.mps", "flambeau.xpu", "flambeau.accelerator"}  # modules of one file that users import


def public_modules(package: str) -> list[ModuleType]:
    """The package, and the packages below it that a user imports from."""
    root = importlib.import_module(package)
    below = [info.name for info in pkgutil.walk_packages(root.__path__, f"{package}.") if info.ispkg or info.name in PLAIN]
    return [root, *(importlib.import_module(name) for name in below if not INTERNAL & set(name.split(".")) and "._" not in name)]


def public_names(module: ModuleType) -> list[str]:
    """What `__all__` lists, or else the names that come from the same distribution."""
    top = module.__name__.partition(".")[0]
    found = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    ours = [name for name, value in found.items() if (getattr(value, "__module__", "") or "").startswith(top)]
    names = getattr(module, "__all__", ours)
    return sorted(name for name in names if callable(getattr(module, name)))


def page(module: ModuleType, names: list[str]) -> str:
    lines = [f"# {module.__name__}", "", (module.__doc__ or "").strip(), "", "```{eval-rst}"]
    for name in names:
        members = inspect.isclass(getattr(module, name))
        lines += [f".. {'autoclass' if members else 'autofunction'}:: {module.__name__}.{name}", *(["   :members:"] * members), ""]
    return "\n".join([*lines, "```", ""])


def plain_text(app, what, name, obj, options, lines: list[str]) -> None:
    """Our docstrings are plain text with examples; what reStructuredText would take for markup in them is escaped.

    A block (what stands between blank lines) with examples stays as it is, one with indented or aligned lines becomes literal.
    """
    blocks = [block.strip("\n").split("\n") for block in re.split(r"\n\s*\n", "\n".join(lines))]
    text: list[str] = []
    for block in blocks:
        if any(line.lstrip().startswith(">>>") for line in block):
            text += [*block, ""]
        elif len(block) > 1 and any(ALIGNED.search(line) for line in block):
            text += ["::", "", *("    " + line for line in block), ""]
        else:
            text += [*(SPECIAL.sub(r"\\\1", line.strip()).replace("``", "`").replace("`", "``") for line in block), ""]
    lines[:] = text
