"""Intel's MKL, which NumPy may have been built with for its products of matrices."""
from __future__ import annotations

from typing import Any

import numpy as np

VERBOSE_OFF, VERBOSE_ON = 0, 1


def is_available() -> bool:
    """Whether NumPy's products are MKL's; with NumPy's own wheels they are OpenBLAS's."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return "mkl" in str(blas.get("name", "")).lower()


class verbose:
    """A block in which MKL prints what it does.  RuntimeError for VERBOSE_ON when products are not MKL's."""

    def __init__(self, enable: int):
        self.enable = enable

    def __enter__(self) -> verbose:
        if self.enable != VERBOSE_OFF:
            raise RuntimeError("MKL cannot be made verbose from here: set MKL_VERBOSE=1 in the environment, where NumPy was built with MKL")
        return self

    def __exit__(self, *_exc: Any) -> None:
        pass
