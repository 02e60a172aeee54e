"""Masks: reductions that leave out what a mask says, and tensors that carry their mask, `MaskedTensor`.

    >>> x, mask = flambeau.tensor([[1.0, 2.0, 3.0]]), flambeau.tensor([[True, False, True]])
    >>> flambeau.masked.mean(x, 1, mask=mask)
    tensor([2.])
"""

from .maskedtensor import MaskedTensor, as_masked_tensor, is_masked_tensor, masked_tensor
from .reductions import (
    amax,
    amin,
    argmax,
    argmin,
    cumprod,
    cumsum,
    log_softmax,
    logaddexp,
    logsumexp,
    mean,
    median,
    norm,
    normalize,
    prod,
    softmax,
    softmin,
    std,
    sum,
    var,
)

__all__ = [
    "MaskedTensor", "amax", "amin", "argmax", "argmin", "as_masked_tensor", "cumprod", "cumsum", "is_masked_tensor", "log_softmax",
    "logaddexp", "logsumexp", "masked_tensor", "mean", "median", "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip
