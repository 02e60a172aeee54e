"""Sphinx configuration. The reference is written at each build from the public names and their docstrings (reference.py)."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import reference

project = "Flambeau"
version = release = metadata.version("flambeau")
copyright = "the Flambeau authors, Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Deep learning, readable to the bottom", "page_width": "1100px"}
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
nitpicky = False


def setup(app):
    app.connect("builder-inited", lambda app: reference.write(Path(app.srcdir) / "reference"))
    app.connect("autodoc-process-docstring", reference.plain_text)
