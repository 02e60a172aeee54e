"""Imports run one way: core in layers from dtype to the public namespaces, domain packages on core's public names alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from source import PACKAGES, Import, import_name, imports, modules

# A module belongs to the layer that names the longest prefix of it, and imports from its own layer and those above it in this list.
# What no layer names (nn's neighbours: optim, utils, serialization, linalg …) is the last layer, `flambeau` itself the roof.
# From nn on, code may `import flambeau` and call the public functions as a user does; `flambeau.utils.data` then counts as an import
# of that module, so the roof is no way round the direction.
LAYERS = [
    ["dtype", "device", "context", "layout", "limits", "naming", "tape", "return_types", "cache", "aliases", "size"],
    ["op"],
    ["kernels", "backends", "front", "fields", "casting", "numpy_names", "spelling"],
    ["tensor"],
    ["promote", "record", "random", "overriding"],
    ["dispatch", "fused"],
    ["write"],
    ["fast", "define"],
    ["ops"],
    ["autograd", "printing"],
    ["ops.methods", "ops.public"],
    ["func", "autograd.batched", "autograd.forward_ad", "autograd.functional", "autograd.gradcheck", "utils.swapping"],
    ["compile"],
    ["nn"],
]
REST, ROOF = len(LAYERS), len(LAYERS) + 1
# Of the last layer, though they lie in a package above it, where PyTorch has them: the package reads them when they are asked for.
LATE = {"autograd.profiler", "autograd.profiler_util"}

# Internal to core: a domain package that needs one of these needs a public name instead.
INTERNAL = {name for names in LAYERS[: LAYERS.index(["ops"]) + 1] for name in names} - {"layout", "random", "return_types"} | {"printing"}
SAME_NAME = {"device", "dtype", "op", "tensor"}  # `from flambeau import tensor` is the public function, not its module

CORE = modules("core")
DOMAIN = [package for package in PACKAGES if package != "core"]


def layer(module: str) -> int:
    if module == "flambeau":
        return ROOF
    prefix = module.removeprefix("flambeau.")
    if prefix in LATE:
        return REST
    while prefix:
        for i, names in enumerate(LAYERS):
            if prefix in names:
                return i
        prefix = prefix.rpartition(".")[0]
    return REST


def target(found: Import) -> str:
    """The module that an import statement reads: `from .ops import view` reads flambeau.ops.view when that is a module."""
    deeper = f"{found.module}.{found.name}"
    return deeper if deeper in CORE else found.module


def through_the_roof(path: Path) -> Iterator[tuple[str, int]]:
    """Modules of core that a file reaches as attributes of `flambeau`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and (dotted := ast.unparse(node)) in CORE:
            yield dotted, node.lineno


def edges() -> dict[str, dict[str, int]]:
    """module -> {imported module of core: line}, function-level imports included, those for type checkers left out."""
    graph: dict[str, dict[str, int]] = {name: {} for name in CORE}
    for name, path in CORE.items():
        for found in imports(name, path):
            if found.top == "flambeau" and not found.for_types:
                graph[name].setdefault(target(found), found.line)
        if name != "flambeau":
            for module, line in through_the_roof(path):
                graph[name].setdefault(module, line)
            if layer(name) >= LAYERS.index(["nn"]):
                graph[name].pop("flambeau", None)
    return graph


def test_layers_name_modules_that_exist():
    later = {"compile"}  # in the plan; the foundation stands without it
    unknown = {name for names in LAYERS for name in names if f"flambeau.{name}" not in CORE} - later
    assert not unknown, f"LAYERS names what core does not have: {sorted(unknown)}"


def test_core_imports_run_one_way():
    wrong = [
        f"{CORE[name]}:{line}: {name} (layer {layer(name)}) imports {imported} (layer {layer(imported)})"
        for name, found in edges().items()
        for imported, line in found.items()
        if layer(imported) > layer(name)
    ]
    assert not wrong, "imports against the direction:\n" + "\n".join(wrong)


def test_core_has_no_import_cycle():
    graph, state, cycles = edges(), {}, []

    def visit(name: str, trail: list[str]) -> None:
        state[name] = "open"
        for imported in graph.get(name, {}):
            if imported == name or imported not in graph:
                continue
            if state.get(imported) == "open":
                cycles.append(" -> ".join([*trail[trail.index(imported) :], imported]))
            elif imported not in state:
                visit(imported, [*trail, imported])
        state[name] = "done"

    for name in graph:
        if name not in state:
            visit(name, [name])
    assert not cycles, "modules that import each other:\n" + "\n".join(cycles)


@pytest.mark.parametrize("package", DOMAIN)
def test_domain_package_imports_public_names_only(package):
    wrong = []
    for name, path in modules(package).items():
        for found in imports(name, path):
            if found.top == "flambeau":
                parts = [*found.module.split("."), *([found.name] if found.name else [])]
                internal = len(parts) > 1 and parts[1] in INTERNAL - (SAME_NAME if found.module == "flambeau" else set())
                if internal or any(part.startswith("_") for part in parts):
                    wrong.append(f"{path}:{found.line}: {'.'.join(parts)}")
            elif found.top.startswith("flambeau_") and found.top != import_name(package):
                wrong.append(f"{path}:{found.line}: {found.module} (a domain package depends on core alone)")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            private = isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
            if private and ast.unparse(node).split(".")[0] in ("flambeau", "nn", "F"):
                wrong.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, f"{package} reaches into core:\n" + "\n".join(wrong)


@pytest.mark.parametrize("package", list(PACKAGES))
def test_no_package_imports_torch(package):
    found = {f"{path}:{each.line}": each.top for name, path in modules(package).items() for each in imports(name, path)}
    wrong = [where for where, top in found.items() if top in ("torch", "torchvision", "torchaudio", "torchtext")]
    assert not wrong, f"PyTorch is the oracle, never a dependency: {wrong}"
