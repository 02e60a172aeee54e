"""python -m flambeau_serve, the same as flambeau-serve."""

import sys

from .cli import main

sys.exit(main())
