"""Print a table of doctests anew with PyTorch: `python tests/parity/reprint.py FILE` where torch can be imported.

A table holds `>>> ` lines, and after each what PyTorch printed. This keeps the lines and replaces the output.
"""
from __future__ import annotations

import contextlib
import doctest
import io
import sys
from pathlib import Path

import torch


def main(path: Path) -> None:
    names = {"torch": torch}
    blocks = []
    for part in doctest.DocTestParser().parse(path.read_text()):
        if isinstance(part, str):
            if part.strip():
                blocks.append(part.strip("\n") + "\n")
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(part.source, str(path), "single"), names)  # noqa: S102  a table of our own
        text = "".join("<BLANKLINE>\n" if line == "\n" else line for line in out.getvalue().splitlines(keepends=True))
        source = ">>> " + part.source.rstrip("\n").replace("\n", "\n... ") + "\n"
        blocks.append(source + text)
    path.write_text("".join(blocks))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
