"""Random shapes, layouts and values to measure with, the same again from the same seed, and the same as PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

import flambeau


class FuzzedParameter:
    """A named number that is drawn anew for each set.

    distribution: "loguniform" (whole numbers from minval to maxval, as many below 10 as from 10 to 100), "uniform" (minval to maxval; whole
    numbers where both are), or a dict of values and their probabilities. strict: keep the first draw while other parameters are drawn again
    because a set did not fit. AssertionError for a distribution that is none.

    >>> FuzzedParameter("n", 1, 6, "uniform").sample(np.random.RandomState(0))
    5
    """

    def __init__(self, name: str, minval: float | None = None, maxval: float | None = None,
                 distribution: str | dict[Any, float] | None = None, strict: bool = False) -> None:  # fmt: skip
        if isinstance(distribution, dict):
            if min(distribution.values()) < 0 or abs(sum(distribution.values()) - 1) > 1e-5 or minval is not None or maxval is not None:
                raise AssertionError("expected probabilities of at least 0 that add up to 1, and neither minval nor maxval, got "
                                     f"{distribution}")
        elif distribution not in ("loguniform", "uniform") or minval is None or maxval is None:
            raise AssertionError('expected distribution as "loguniform" or "uniform" with minval and maxval, or as a dict of '
                                 f"probabilities, got {distribution!r} from {minval} to {maxval}")
        self._name, self.minval, self.maxval, self.distribution, self.strict = name, minval, maxval, distribution, strict

    @property
    def name(self) -> str:
        return self._name

    def sample(self, state: np.random.RandomState) -> Any:
        """A draw from `state`."""
        low, high = self.minval, self.maxval
        if isinstance(self.distribution, dict):
            place = state.choice(np.arange(len(self.distribution)), p=tuple(self.distribution.values()))
            return list(self.distribution)[place]
        assert low is not None and high is not None
        if self.distribution == "loguniform":
            return max(low, min(high, int(2 ** state.uniform(low=np.log2(low), high=np.log2(high)))))
        if isinstance(low, int) and isinstance(high, int):
            return int(state.randint(low=low, high=high + 1))
        return state.uniform(low=low, high=high)


class ParameterAlias:
    """Stands in a dict of probabilities for the value of another parameter.  Aliases of aliases are followed."""

    def __init__(self, alias_to: str) -> None:
        self.alias_to = alias_to

    def __repr__(self) -> str:
        return f"ParameterAlias[alias_to: {self.alias_to}]"


class FuzzedTensor:
    """A named tensor whose size and steps are numbers or names of parameters.

    steps: cut from a larger one, every `step`th element of an axis. probability_contiguous: how often its axes lie in order.
    min_elements, max_elements, max_allocation_bytes: sets that break them are drawn again. dim_parameter: the parameter
    that tells how many of the sizes are used. tensor_constructor(size, dtype, **parameters): makes it, instead of `rand` or
    of `randint(1, 127)`.
    """

    def __init__(self, name: str, size: Sequence[str | int], steps: Sequence[str | int] | None = None, probability_contiguous: float = 0.5,
                 min_elements: int | None = None, max_elements: int | None = None, max_allocation_bytes: int | None = None,
                 dim_parameter: str | None = None, roll_parameter: str | None = None, dtype: Any = flambeau.float32, cuda: bool = False,
                 tensor_constructor: Callable[..., Any] | None = None) -> None:  # fmt: skip
        self._name, self._size, self._steps, self._dtype, self._cuda = name, tuple(size), tuple(steps or ()), dtype, cuda
        self._probability_contiguous, self._dim_parameter = probability_contiguous, dim_parameter
        self._min_elements, self._max_elements, self._max_allocation_bytes = min_elements, max_elements, max_allocation_bytes
        self._tensor_constructor = tensor_constructor or self.default_tensor_constructor

    @property
    def name(self) -> str:
        return self._name

    @staticmethod
    def default_tensor_constructor(size: Sequence[int], dtype: Any, **_parameters: Any) -> Any:
        if dtype.is_floating_point or dtype.is_complex:
            return flambeau.rand(size, dtype=dtype)
        return flambeau.randint(1, 127, size, dtype=dtype)

    def _make_tensor(self, params: dict[str, Any], state: np.random.RandomState) -> tuple[Any, dict[str, Any]]:
        size, steps = self._resolved(params)
        raw = self._tensor_constructor(size=tuple(n * step for n, step in zip(size, steps)), dtype=self._dtype, **params)
        raw = raw.cuda() if self._cuda else raw
        order = np.arange(len(size))
        if state.rand() > self._probability_contiguous:
            while len(size) > 1 and (order == np.arange(len(size))).all():
                order = state.permutation(raw.dim())
            raw = raw.permute(tuple(order.tolist())).contiguous().permute(tuple(np.argsort(order).tolist()))
        tensor = raw[tuple(slice(0, n * step, step) for n, step in zip(size, steps))]
        return tensor, {"numel": tensor.numel(), "order": order, "steps": steps, "is_contiguous": tensor.is_contiguous(),
                        "dtype": str(self._dtype)}  # fmt: skip

    def _resolved(self, params: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Size and steps in numbers."""
        axes = len(self._size) if self._dim_parameter is None else params[self._dim_parameter]
        known: dict[Any, Any] = params
        size, steps = ((*(known.get(v, v) for v in values), *(1,) * axes)[:axes] for values in (self._size, self._steps))
        return size, steps

    def satisfies_constraints(self, params: dict[str, Any]) -> bool:
        """Whether a tensor of these parameters is neither too small nor too large."""
        size, steps = self._resolved(params)
        count, taken = prod(size), prod(n * step for n, step in zip(size, steps)) * self._dtype.itemsize
        limits = (self._max_elements, count), (count, self._min_elements), (self._max_allocation_bytes, taken)
        return all(most is None or least is None or least <= most for most, least in limits)


class Fuzzer:
    """Draws sets of parameters, and makes tensors of them.

    constraints: functions of a set that say whether it will do. `parameters` and `tensors` may hold lists of them.
    ValueError for a name that is used twice, and, from `take`, after a thousand sets in a row that would not do.

    >>> fuzzer = Fuzzer([FuzzedParameter("n", 1, 16, "loguniform")], [FuzzedTensor("x", ("n",))], seed=0)
    >>> [tensors["x"] for tensors, properties, params in fuzzer.take(1)]
    [tensor([0.7821, 0.0536, 0.9888, 0.1949, 0.5242, 0.1987, 0.5094])]
    """

    def __init__(self, parameters: Iterable[Any], tensors: Iterable[Any], constraints: Iterable[Callable[..., Any]] | None = None,
                 seed: int | None = None) -> None:  # fmt: skip
        self._parameters, self._tensors = _flat(parameters, FuzzedParameter), _flat(tensors, FuzzedTensor)
        self._constraints = tuple(constraints or ())
        self._seed = int(np.random.RandomState().randint(0, 2**32 - 1, dtype=np.int64)) if seed is None else seed
        names = [x.name for x in (*self._parameters, *self._tensors)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"Duplicate names in parameters and tensors: {twice}")
        self._drawn = self._rejected = 0

    @property
    def rejection_rate(self) -> float:
        """Which part of the sets would not do."""
        return self._rejected / self._drawn if self._drawn else 0.0

    def take(self, n: int) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """n times (tensors, their properties, parameters), by name.  Seeds Flambeau's own random numbers too."""
        state = np.random.RandomState(self._seed)
        flambeau.manual_seed(int(state.randint(low=0, high=2**63, dtype=np.int64)))
        for _ in range(n):
            params = self._generate(state)
            made = {t.name: t._make_tensor(params, state) for t in self._tensors}
            yield {name: x for name, (x, _) in made.items()}, {name: about for name, (_, about) in made.items()}, params

    def _generate(self, state: np.random.RandomState) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for _ in range(1000):
            drawn = {p.name: kept[p.name] if p.name in kept else p.sample(state) for p in self._parameters}
            kept.update((p.name, drawn[p.name]) for p in self._parameters if p.strict)
            params = {name: _followed(name, drawn) for name in drawn}
            self._drawn += 1
            if all(f(params) for f in self._constraints) and all(t.satisfies_constraints(params) for t in self._tensors):
                return params
            self._rejected += 1
        raise ValueError("Failed to generate a set of valid parameters: a thousand in a row broke the constraints")


def _flat(values: Iterable[Any], kind: type[Any]) -> tuple[Any, ...]:
    return tuple(x for value in values for x in ([value] if isinstance(value, kind) else value))


def _followed(name: str, params: dict[str, Any]) -> Any:
    seen = [name]
    while isinstance(params[name], ParameterAlias):
        name = params[name].alias_to
        if name in seen:
            raise ValueError(f"ParameterAlias cycle detected: {' -> '.join([*seen, name])}")
        seen.append(name)
    return params[name]
