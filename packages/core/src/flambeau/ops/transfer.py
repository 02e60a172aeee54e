"""Moving a tensor to another device."""
from __future__ import annotations

import numpy as np

from ..define import op


@op("opaque", linear=True, vjp=lambda g, _y, x, device: transfer(g, device=x.device), inputs=1)
def transfer(xp, x, device):
    """The values on another device.  (*) -> (*)"""
    if device.type == "cpu":
        return x if isinstance(x, np.ndarray) else x.get()
    from ..backends import cupy

    return cupy.on(device).asarray(x)
