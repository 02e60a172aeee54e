"""What all distributions have in common: shapes, checks, expansion, printing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import flambeau
from flambeau import Size, Tensor

from . import constraints
from .utils import lazy_property

__all__ = ["Distribution", "ExponentialFamily"]


class Distribution:
    """Probabilities over events.  A sample has the shape sample_shape + batch_shape + event_shape, a log_prob sample_shape + batch_shape.

    A distribution of one's own gives `arg_constraints` and `support`, calls this constructor, and writes `log_prob`, `rsample` or `sample`.
    Its parameters are tensors; `_params` says how many axes of each belong to the event, for `expand`.
    validate_args: check parameters here and values in log_prob (True unless Python runs with -O).
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = __debug__
    _params: dict[str, int] = {}  # parameters that are stored, and their event axes
    _parts: dict[str, int] = {}  # distributions that it is made of, and how many batch axes more than its own they have

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Check arguments where `validate_args` is not told, or not."""
        if value not in (True, False):
            raise ValueError(f"expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Iterable[int] = (), event_shape: Iterable[int] = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                          "distribution with `validate_args=False` to turn off validation.", stacklevel=3)  # fmt: skip
            return
        for name, constraint in wanted.items():
            lazy = name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property)
            if lazy or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution {self!r} to satisfy "
                    f"the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    # ---- what it is
    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters: distributions side by side."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one event: () for numbers."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """The region of each parameter, by name."""
        raise NotImplementedError(f"{type(self).__name__} does not define `arg_constraints`")

    @property
    def support(self) -> Any:
        """The region of the events."""
        raise NotImplementedError(f"{type(self).__name__} does not define `support`")

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement mean")

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement variance")

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    # ---- what it does
    def sample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        """Events, without a history."""
        with flambeau.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Iterable[int] = ()) -> Tensor:
        """Events through which gradients reach the parameters, where `has_rsample`."""
        raise NotImplementedError(f"{type(self).__name__} has no reparametrised samples: use sample")

    def sample_n(self, n: int) -> Tensor:
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at `value`.  ValueError outside of the support."""
        raise NotImplementedError(f"{type(self).__name__} does not implement log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of events up to `value`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """Where the probability of events up to there is `value`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All events, along the first axis; `expand` over the batch."""
        raise NotImplementedError(f"{type(self).__name__} does not implement enumerate_support")

    def entropy(self) -> Tensor:
        """- E[log_prob], in nats."""
        raise NotImplementedError(f"{type(self).__name__} does not implement entropy")

    def perplexity(self) -> Tensor:
        """e to the entropy."""
        return self.entropy().exp()

    def expand(self, batch_shape: Iterable[int], _instance: Any = None) -> Any:
        """The same distribution with its batch expanded; no memory is taken and nothing is checked again."""
        owner = next(c for c in type(self).__mro__ if "_params" in vars(c) or "_parts" in vars(c))
        if owner is Distribution:
            raise NotImplementedError(f"{type(self).__name__} does not implement expand")
        new = self._get_checked_instance(owner, _instance)
        batch = Size(batch_shape)
        for name, dims in self._params.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                new.__dict__[name] = value.expand(*batch, *value.shape[value.ndim - dims :])
        for name, more in self._parts.items():
            if name in self.__dict__:
                part = self.__dict__[name]
                new.__dict__[name] = part.expand(batch + part.batch_shape[len(part.batch_shape) - more :])
        self._expanded(new, batch)
        Distribution.__init__(new, batch, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _expanded(self, new: Any, batch_shape: Size) -> None:
        """What `expand` still has to do with what is neither a parameter nor a part."""

    # ---- for those who write distributions
    def _extended_shape(self, sample_shape: Iterable[int] = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _validate_sample(self, value: Tensor) -> None:
        """ValueError unless `value` fits the shapes and lies in the support."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        if value.shape[value.ndim - len(self._event_shape) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        if any(i != j and 1 not in (i, j) for i, j in zip(reversed(value.shape), reversed(expected))):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(f"{type(self)} does not define `support` to enable sample validation. Please initialize the distribution with "
                          "`validate_args=False` to turn off validation.", stacklevel=3)  # fmt: skip
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support ({support!r}) of "
                f"the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _checked(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return value

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                                      "define a custom .expand() method.")  # fmt: skip
        return object.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        own = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        return f"{type(self).__name__}({', '.join(f'{n}: {v if v.numel() == 1 else v.size()}' for n, v in own.items())})"


class ExponentialFamily(Distribution):
    """Densities exp(t(x)·θ - F(θ) + k(x)): entropies and divergences come from F and its gradient (Nielsen and Nock 2010)."""

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__} does not define its natural parameters")

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not define its log normalizer")

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define its carrier measure's mean")

    def entropy(self) -> Tensor:
        theta = [p.detach().requires_grad_() for p in self._natural_params]
        with flambeau.enable_grad():
            normalizer = self._log_normalizer(*theta)
            means = flambeau.autograd.grad(normalizer.sum(), theta, create_graph=True)
        result = normalizer - self._mean_carrier_measure
        for parameter, mean in zip(theta, means):
            result = result - (parameter * mean).reshape(*self._batch_shape, -1).sum(-1)
        return result
