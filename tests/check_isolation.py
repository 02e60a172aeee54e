"""Run by `nox -s isolated` in an environment that holds one package's wheel: it imports, and nothing is there that it did not ask for.

    python tests/check_isolation.py flambeau-vision
"""

from __future__ import annotations

import importlib
import re
import sys
from importlib import metadata, util

# import name -> the distribution that a package must ask for to have it
GUARDED = {"scipy": "scipy", "PIL": "pillow", "cupy": "cupy", "soundfile": "soundfile", "starlette": "starlette", "tqdm": "tqdm"}


def main(distribution: str) -> None:
    required = [r for r in metadata.requires(distribution) or [] if "extra ==" not in r]
    asked = {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in required}
    module = importlib.import_module(distribution.replace("-", "_"))
    if "site-packages" not in str(module.__file__):
        raise SystemExit(f"{distribution} was imported from {module.__file__}, not from its wheel")
    strangers = [name for name, owner in GUARDED.items() if owner not in asked and util.find_spec(name)]
    if strangers:
        raise SystemExit(f"{distribution} asks for {sorted(asked)}, yet {strangers} can be imported: this environment is not its own")
    print(f"{distribution} {metadata.version(distribution)} stands alone with {', '.join(sorted(asked))}")


if __name__ == "__main__":
    main(sys.argv[1])
