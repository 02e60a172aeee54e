"""The softmax of very many classes."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import flambeau

from ..tensor import Tensor
from . import functional as F
from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax over classes ordered by frequency: rare ones stand in clusters with narrower inputs.  (N, in), (N) -> ((N), ())

    cutoffs say where clusters begin: classes below the first are the head's own, the rest are found by way of their cluster, whose
    input is in_features / div_value^(i + 1) wide. The result is a pair `output` (each target's log-probability) and `loss` (minus
    their mean).

    >>> model = nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs=[5, 10], div_value=2.0)
    >>> model(flambeau.zeros(4, 16), flambeau.tensor([0, 7, 19, 3])).output.shape
    flambeau.Size([4])

    Source: Grave et al. (2017).
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cuts = list(cutoffs)
        if not cuts:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if any(int(c) != c for c in cuts) or any(a >= b for a, b in pairwise([0, *cuts, n_classes])):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is "
                f"between 1 and n_classes-1, got {cuts} for {n_classes} classes"
            )
        place = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cuts, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cuts[0]
        self.n_clusters = len(cuts)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **place)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            self.tail.append(Sequential(Linear(in_features, width, bias=False, **place), Linear(width, high - low, bias=False, **place)))

    def reset_parameters(self) -> None:
        """Draw new weights."""
        self.head.reset_parameters()
        for cluster in self.tail:
            for layer in cluster:  # type: ignore[attr-defined]
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        batched = target_.dim() == 1
        if target_.dim() > 1:
            raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported: got shape {tuple(target_.shape)}")
        if input_.dim() != target_.dim() + 1:
            raise RuntimeError(
                f"{target_.dim()}D target tensor expects {target_.dim() + 1}D input tensors, but found inputs with size {input_.shape}"
            )
        if batched and input_.shape[0] != target_.shape[0]:
            raise RuntimeError(
                f"Input and target should have the same size in the batch dimension, got {input_.shape[0]} and {target_.shape[0]}"
            )
        x, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found."
            )
        place = target  # where in the head each target is found
        output = x.new_zeros(target.shape[0])
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            inside = F.log_softmax(self.tail[i](x.index_select(0, rows)), dim=1).gather(1, (target[rows] - low).unsqueeze(1))
            output = output.index_copy(0, rows, inside.squeeze(1))
            place = place.index_fill(0, rows, self.shortlist_size + i)
        output = output + F.log_softmax(self.head(x), dim=1).gather(1, place.unsqueeze(1)).squeeze(1)
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _every(self, x: Tensor, head: Tensor) -> Tensor:
        first = F.log_softmax(head, dim=1)
        parts = [first[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            parts.append(F.log_softmax(cluster(x), dim=1) + first[:, self.shortlist_size + i].unsqueeze(1))
        return flambeau.cat(parts, 1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities of all classes.  (N, in) -> (N, n_classes)"""
        return self._every(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The likeliest class of each row; the clusters are looked into only where the head says so.  (N, in) -> (N)"""
        head = self.head(input)
        best = head.argmax(1)
        rows = (best >= self.shortlist_size).nonzero().squeeze(1)
        if rows.numel() == 0:
            return best
        return best.index_copy(0, rows, self._every(input[rows], head[rows]).argmax(1))
