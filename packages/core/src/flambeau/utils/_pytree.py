"""`flambeau.utils.pytree` under the name that programs written for PyTorch import."""
from __future__ import annotations

import sys

from . import pytree

sys.modules[__name__] = pytree
