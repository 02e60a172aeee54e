"""Weights set to zero for good: <name>_orig times <name>_mask, by a hook before each call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import flambeau

from ...autograd import no_grad
from ...tensor import Tensor
from .flat import parameters_to_vector
from .hooked import hooks_of, pop_hook

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class BasePruningMethod(ABC):
    """A way to choose what stays: `compute_mask(t, default_mask)` gives ones for that, within the ones of default_mask.

    PRUNING_TYPE is "unstructured" (single elements), "structured" (slices along `dim`) or "global".
    """

    PRUNING_TYPE = "unstructured"
    _tensor_name: str

    @property
    def name(self) -> str:
        """The name of the tensor that is pruned."""
        return self._tensor_name

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Ones for what stays of t, zeros for what goes."""

    def apply_mask(self, module: Any) -> Tensor:
        """<name>_orig times <name>_mask."""
        mask, original = getattr(module, self._tensor_name + "_mask"), getattr(module, self._tensor_name + "_orig")
        return mask.to(original.dtype) * original

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """t with zeros for what goes, judged by importance_scores in t's place if given."""
        scores = t if importance_scores is None else importance_scores
        _same_shape(scores, t, "importance_scores")
        mask = flambeau.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    @classmethod
    def apply(cls, module: Any, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any) -> Any:
        """Prune module.<name>, on top of what has been pruned before. Returns the method, or the container of all methods."""
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        old = pop_hook(module, BasePruningMethod, name)
        if old is not None:
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(method)
            method = container
        with no_grad():
            now = getattr(module, name)
            original = getattr(module, name + "_orig") if old is not None else module._parameters[name]
            default = getattr(module, name + "_mask") if old is not None else flambeau.ones_like(original)
            scores = now if importance_scores is None else importance_scores
            _same_shape(scores, original, "importance_scores")
            mask = method.compute_mask(scores.detach(), default_mask=default)
        if old is None:
            delattr(module, name)
            module.register_parameter(name + "_orig", original)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def remove(self, module: Any) -> None:
        """Make the pruned tensor an ordinary parameter, with its zeros."""
        name = self._tensor_name
        original = getattr(module, name + "_orig")
        with no_grad():
            original.data = self.apply_mask(module).data
        for attribute in (name, name + "_orig", name + "_mask"):
            delattr(module, attribute)
        module.register_parameter(name, original)


def _same_shape(given: Tensor, t: Tensor, what: str) -> None:
    if given.shape != t.shape:
        raise AssertionError(f"{what} should have the same shape as the parameter: expected {tuple(t.shape)}, got {tuple(given.shape)}")


class PruningContainer(BasePruningMethod):
    """Several methods, one on top of the other: the last one judges what the others have left."""

    def __init__(self, *methods: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        for method in methods:
            if not self._pruning_methods:
                self._tensor_name = method._tensor_name
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method for the same tensor."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            own, given = self._tensor_name, method._tensor_name
            raise ValueError(f"Can only add pruning methods acting on the parameter named '{own}', got '{given}'")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        method: Any = self._pruning_methods[-1]
        where: Any
        if method.PRUNING_TYPE == "unstructured":
            where = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            alive = default_mask.sum([axis for axis in range(t.dim()) if axis != dim]) != 0
            where = (slice(None),) * dim + (alive,)
        elif method.PRUNING_TYPE == "global":
            where = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask = default_mask.to(t.dtype).clone()
        mask[where] = method.compute_mask(t[where], default_mask=default_mask[where]).to(mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Nothing goes: the tensor only gets its mask."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _ByAmount(BasePruningMethod):
    """`amount`: how many go, or which share of them."""

    def __init__(self, amount: float) -> None:
        if isinstance(amount, bool) or not isinstance(amount, (int, float)):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        if (isinstance(amount, int) and amount < 0) or (isinstance(amount, float) and not 0.0 <= amount <= 1.0):
            raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")
        self.amount = amount

    def _count(self, size: int) -> int:
        count = self.amount if isinstance(self.amount, int) else round(self.amount * size)
        if count > size:
            raise ValueError(f"amount={count} should be smaller than the number of parameters to prune={size}")
        return count


class RandomUnstructured(_ByAmount):
    """Elements that are drawn go."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return _without_least(-flambeau.rand_like(t), default_mask, self._count(t.numel()))


class L1Unstructured(_ByAmount):
    """The smallest elements go."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return _without_least(t.abs(), default_mask, self._count(t.numel()))


def _without_least(scores: Tensor, default_mask: Tensor, count: int) -> Tensor:
    mask = default_mask.clone()
    if count:
        mask.view(-1)[scores.reshape(-1).topk(count, largest=False).indices] = 0
    return mask


class _Structured(_ByAmount):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _scores(self, t: Tensor) -> Tensor:
        """A number for each slice along dim: the least ones go."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.dim() <= 1:
            raise ValueError(
                f"Structured pruning can only be applied to a multidimensional tensor in which the concept of channels is well-defined; "
                f"found a tensor of shape {tuple(t.shape)}: use unstructured pruning"
            )
        if self.dim >= t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {tuple(t.shape)}")
        count = self._count(t.shape[self.dim])
        if not count:
            return default_mask
        keep = flambeau.ones(t.shape[self.dim], dtype=t.dtype, device=t.device)
        keep[self._scores(t).topk(count, largest=False).indices] = 0
        shape = [1] * t.dim()
        shape[self.dim] = -1
        return default_mask.to(t.dtype) * keep.reshape(shape)


class RandomStructured(_Structured):
    """Slices along dim that are drawn go."""

    def _scores(self, t: Tensor) -> Tensor:
        return flambeau.rand(t.shape[self.dim])


class LnStructured(_Structured):
    """The slices along dim of the smallest n-norm go."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _scores(self, t: Tensor) -> Tensor:
        return t.norm(self.n, [axis for axis in range(t.dim()) if axis != self.dim % t.dim()])


class CustomFromMask(BasePruningMethod):
    """What has a zero in `mask` goes."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        _same_shape(self.mask, default_mask, "mask")
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Any, name: str) -> Any:
    """Give module.<name> a mask that drops nothing. Returns the module, as all these functions do."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: float) -> Any:
    """Zero `amount` elements (a number, or a share) that are drawn."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: float, importance_scores: Tensor | None = None) -> Any:
    """Zero the `amount` smallest elements (a number, or a share), by importance_scores if given.

    >>> layer = nn.utils.prune.l1_unstructured(nn.Linear(4, 4), "weight", amount=0.5)
    >>> int((layer.weight == 0).sum()), sorted(layer.state_dict())
    (8, ['bias', 'weight_mask', 'weight_orig'])
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: float, dim: int) -> Any:
    """Zero `amount` slices along dim that are drawn."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Any, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None) -> Any:
    """Zero the `amount` slices along dim of the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Zero what has a zero in `mask`."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Any, str]],
    pruning_method: Any,
    importance_scores: dict[tuple[Any, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several tensors as if they were one vector. parameters: pairs (module, name); kwargs go to pruning_method."""
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    if importance_scores is not None and not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs, scores = list(parameters), importance_scores or {}
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found {pruning_method} of type {method.PRUNING_TYPE}'
        )
    with no_grad():
        every = parameters_to_vector([scores.get((m, name), getattr(m, name)).detach() for m, name in pairs])
        masks = parameters_to_vector([getattr(m, name + "_mask", flambeau.ones_like(getattr(m, name))) for m, name in pairs])
        final = PruningContainer(method).compute_mask(every, masks)
    start = 0
    for module, name in pairs:
        tensor = getattr(module, name)
        custom_from_mask(module, name, final[start : start + tensor.numel()].reshape(tensor.shape))
        start += tensor.numel()


def remove(module: Any, name: str) -> Any:
    """Make a pruned tensor an ordinary parameter, with its zeros. Raises ValueError when it is not pruned."""
    method = pop_hook(module, BasePruningMethod, name)
    if method is None:
        raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")
    method.remove(module)
    return module


def is_pruned(module: Any) -> bool:
    """Whether some tensor of the module, or of a module below, is pruned."""
    return any(True for each in module.modules() for _ in hooks_of(each, BasePruningMethod))
