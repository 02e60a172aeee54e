"""Each package is a whole distribution that says what it needs, and a light one to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

from source import PACKAGES, ROOT, import_name, imports, modules

NEVER_AT_IMPORT = {"scipy", "PIL", "cupy", "soundfile", "matplotlib", "torch", "tqdm", "safetensors", "onnx"}
LONGEST = 600  # lines; the aim is 150, and 400 asks for a second thought


def project(package: str) -> dict:
    return tomllib.loads((PACKAGES[package] / "pyproject.toml").read_text())["project"]


def requirement_names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what is tracked cannot be told")
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("package", list(PACKAGES))
def test_package_is_complete(package):
    path, module = PACKAGES[package], import_name(package)
    wanted = ["README.md", "CHANGELOG.md", "LICENSE", f"src/{module}/__init__.py", f"src/{module}/py.typed"]
    missing = [name for name in wanted if not (path / name).exists()]
    assert not missing, f"packages/{package} lacks {missing}"
    assert list((path / "tests").rglob("test_*.py")), f"packages/{package} has no tests"
    assert f"## {project(package)['version']}" in (path / "CHANGELOG.md").read_text(), "the changelog has no entry for this version"


@pytest.mark.parametrize("package", list(PACKAGES))
def test_package_says_what_it_needs(package):
    """What the source imports is what pyproject.toml asks for: nothing less, and of the dependencies nothing more."""
    declared = requirement_names(project(package)["dependencies"])
    extras = requirement_names([r for extra in project(package).get("optional-dependencies", {}).values() for r in extra])
    used = imported_distributions(package)
    unused = declared - set(used)
    assert not unused, f"declared and not imported: {sorted(unused)}"
    # CuPy's distributions carry the CUDA version in their names: cupy-cuda13x
    undeclared = {name: where for name, where in used.items() if name not in declared and not any(e.startswith(name) for e in extras)}
    assert not undeclared, f"imported and not declared: {undeclared}"


def imported_distributions(package: str) -> dict[str, str]:
    """Name of each distribution that the package's source imports -> where."""
    distributions = metadata.packages_distributions()
    return {
        distribution.lower().replace("_", "-"): f"{path}:{found.line}"
        for name, path in modules(package).items()
        for found in imports(name, path)
        if found.top not in sys.stdlib_module_names and found.top != import_name(package)
        for distribution in distributions.get(found.top, ["cupy" if found.top == "cupyx" else found.top])
    }


@pytest.mark.parametrize("package", [package for package in PACKAGES if package != "core"])
def test_domain_package_takes_core_by_a_range(package):
    core = [requirement for requirement in project(package)["dependencies"] if re.match(r"flambeau\b(?!-)", requirement)]
    assert len(core) == 1 and ">=" in core[0] and ",<" in core[0], f"expected one range like flambeau>=0.1,<0.2, got {core}"
    siblings = [requirement for requirement in project(package)["dependencies"] if requirement.startswith("flambeau-")]
    assert not siblings, f"a domain package depends on core alone, got {siblings}"


def test_import_flambeau_is_light():
    program = "import sys, json, flambeau; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    loaded = set(json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout))
    assert "numpy" in loaded
    assert not loaded & NEVER_AT_IMPORT, f"import flambeau loads {sorted(loaded & NEVER_AT_IMPORT)}"


def test_nothing_generated_is_tracked():
    generated = re.compile(r"(^|/)(uv\.lock|\.venv|\.nox|dist|runs|__pycache__)(/|$)|^docs/(_build|reference)/|\.(pyc|so|whl)$")
    wrong = [name for name in tracked() if generated.search(name)]
    assert not wrong, f"generated files in git: {wrong}"


def test_files_can_be_read_in_one_sitting():
    files = [ROOT / name for name in tracked() if name.endswith(".py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files if path.exists()}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST}
    assert not long, f"files over {LONGEST} lines: {long}"
