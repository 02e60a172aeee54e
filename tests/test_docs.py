"""The code in README.md and docs/ runs, and what the texts point to is there."""

from __future__ import annotations

import doctest
import re

import pytest

from source import PACKAGES, ROOT

TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = [path for path in TEXTS if not {"_build", "reference"} & set(path.parts)] + [path / "README.md" for path in PACKAGES.values()]
FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
WITH_CODE = [path for path in TEXTS if FENCE.search(path.read_text(encoding="utf-8"))]


def name(path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", WITH_CODE, ids=name)
def test_code_runs(path):
    """The python blocks of a page run from top to bottom as one session; blocks with `>>>` must print what they say."""
    text, names = path.read_text(encoding="utf-8"), {}
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for block in FENCE.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        if ">>>" in block[1]:
            test = doctest.DocTestParser().get_doctest(block[1], names, name(path), str(path), line)
            report = []
            runner.run(test, out=report.append, clear_globs=False)
            names = test.globs
            assert not runner.failures, "".join(report)
        else:
            exec(compile("\n" * line + block[1], str(path), "exec"), names)  # noqa: S102 (our own documentation)


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#\s]+)", re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))
    dead = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not dead, f"{name(path)} points to {dead}"


def test_readme_leads_with_the_two_commands():
    first = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1].splitlines()
    commands = [line.partition("#")[0].strip() for line in first]
    assert commands == ["pip install uv && uv run examples/digits.py", "uv run nox"]
    assert (ROOT / "examples" / "digits.py").exists()
    assert re.search(r"^uv run nox\b", (ROOT / ".ci" / "run").read_text(), re.MULTILINE), ".ci/run must run the README's test command"
