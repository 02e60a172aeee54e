"""The packages' sources as the structure tests see them: modules, and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = {path.name: path for path in sorted((ROOT / "packages").iterdir()) if (path / "pyproject.toml").exists()}


def import_name(package: str) -> str:
    return "flambeau" if package == "core" else f"flambeau_{package}"


@dataclass(frozen=True)
class Import:
    """`from module import name as bound` (name is None for `import module`) at `line`, in absolute terms."""

    module: str
    name: str | None
    bound: str
    line: int
    for_types: bool = False  # under `if TYPE_CHECKING:`, so never run

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def modules(package: str) -> dict[str, Path]:
    """Dotted name -> file of each module in a package's src."""
    src = PACKAGES[package] / "src"
    found = {}
    for path in sorted(src.rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path) -> Iterator[Import]:
    """Every import statement of a module, those inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"), path)
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, alias.asname or alias.name.partition(".")[0], node.lineno, id(node) in for_types)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            for alias in node.names:
                yield Import(module, alias.name, alias.asname or alias.name, node.lineno, id(node) in for_types)
