"""`biject_to` and `transform_to`: a transform from all real numbers to a constraint's region.

>>> transform_to(constraints.unit_interval)
SigmoidTransform()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import Tensor

from . import constraints
from . import maps as t
from . import maps_of_vectors as v

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """Transforms by class of constraint: `registry(constraint)` makes one."""

    def __init__(self) -> None:
        self._registry: dict[type, Callable[[Any], Any]] = {}

    def register(self, constraint: Any, factory: Callable[[Any], Any] | None = None) -> Any:
        """Let factory(constraint) make the transform for constraints of this class.  Also a decorator."""
        if factory is None:
            return lambda given: self.register(constraint, given)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not (isinstance(kind, type) and issubclass(kind, constraints.Constraint)):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()  # bijections, for densities
transform_to = ConstraintRegistry()  # perhaps with more inputs than outputs, for optimisation


def _above(c: Any) -> Any:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(c.lower_bound, 1)])


def _below(c: Any) -> Any:
    return t.ComposeTransform([t.ExpTransform(), t.AffineTransform(c.upper_bound, -1)])


def _between(c: Any) -> Any:
    if not isinstance(c.lower_bound, Tensor) and not isinstance(c.upper_bound, Tensor) and (c.lower_bound, c.upper_bound) == (0, 1):
        return t.SigmoidTransform()
    return t.ComposeTransform([t.SigmoidTransform(), t.AffineTransform(c.lower_bound, c.upper_bound - c.lower_bound)])


for _registry in (biject_to, transform_to):
    for _constraint, _factory in (
        (constraints.real, lambda c: t.identity_transform),
        (constraints.positive, _above),
        (constraints.nonnegative, _above),
        (constraints.less_than, _below),
        (constraints.interval, _between),
        (constraints.half_open_interval, _between),
        (constraints.corr_cholesky, lambda c: v.CorrCholeskyTransform()),
        (constraints.independent,
         lambda c, to=_registry: t.IndependentTransform(to(c.base_constraint), c.reinterpreted_batch_ndims)),
        (constraints.cat, lambda c, to=_registry: v.CatTransform([to(each) for each in c.cseq], c.dim, c.lengths)),
        (constraints.stack, lambda c, to=_registry: v.StackTransform([to(each) for each in c.cseq], c.dim)),
    ):  # fmt: skip
        _registry.register(_constraint, _factory)
biject_to.register(constraints.simplex, lambda c: v.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: v.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: v.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda c: v.PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda c: v.PositiveDefiniteTransform())

