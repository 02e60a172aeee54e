"""Methods of PyTorch's tensors that are there for old programs, or for devices that are not here: each says what to do instead."""
from __future__ import annotations

import math
from typing import Any, NoReturn
from warnings import warn

from ..tensor import Tensor

INSTEAD = {
    "eig": "flambeau.linalg.eig, or eigvals, which give complex numbers",
    "lstsq": "flambeau.linalg.lstsq(A, B), whose arguments are in the other order",
    "solve": "flambeau.linalg.solve(A, B), whose arguments are in the other order; flambeau.linalg.lu_factor for the factors",
    "symeig": "flambeau.linalg.eigh or eigvalsh, which read the lower triangle unless UPLO=\"U\"",
}


def _removed(name: str) -> Any:
    def call(input: Tensor, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(f"This function was deprecated since version 1.9 and is now removed. `{name}`: use {INSTEAD[name]}.")

    return call


eig, lstsq, solve, symeig = map(_removed, INSTEAD)


def _no_device(name: str) -> Any:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(f"Flambeau has no device {name!r}: devices are cpu, cuda and meta")

    return call


xpu, ipu, mtia = map(_no_device, ("xpu", "ipu", "mtia"))


def reinforce(self: Tensor, reward: Any) -> NoReturn:
    """Always a RuntimeError: rewards go into a loss by `distributions.Categorical(probs).log_prob(action)`."""
    raise RuntimeError("reinforce() was removed. Use flambeau.distributions instead: the loss is -m.log_prob(action) * reward for "
                       "m = Categorical(probs) and action = m.sample()")  # fmt: skip


def resize(self: Tensor, *sizes: Any) -> Tensor:
    """As many elements in another shape, with a warning: `reshape` is the name for it.  RuntimeError for another number."""
    warn("non-inplace resize is deprecated", FutureWarning, stacklevel=3)
    shape = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if math.prod(shape) != self.numel():
        wanted, have = ("x".join(map(str, s)) for s in (shape, self.shape))
        raise RuntimeError(f"requested resize to {wanted} ({math.prod(shape)} elements in total), but the given tensor has a size of "
                           f"{have} ({self.numel()} elements). autograd's resize can only change the shape of a given tensor, while "
                           "preserving the number of elements.")  # fmt: skip
    return self.contiguous().view(shape)


def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """`resize` to another tensor's shape, with a warning."""
    return resize(self, *tensor.shape)
