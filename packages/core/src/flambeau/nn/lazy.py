"""Layers that read the size of their input off their first call."""

from __future__ import annotations

from typing import Any, ClassVar

import flambeau

from ..autograd import no_grad
from ..tensor import Tensor
from .conv import Conv1d, Conv2d, Conv3d
from .linear import Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .uninitialized import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


class LazyModuleMixin(Module):
    """What lazy layers share: before the first call `initialize_parameters` gets the call's arguments; then the layer becomes
    `cls_to_become`. A state_dict with shapes initializes it too.
    """

    cls_to_become: ClassVar[type | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook: Any = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook: Any = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *_rest: Any) -> None:
        """Parameters that the state has a shape for take it."""
        for name, own in [*self._parameters.items(), *self._buffers.items()]:
            found = state_dict.get(prefix + name)
            if is_lazy(own) and found is not None and not is_lazy(found):
                with no_grad():
                    own.materialize(found.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes and first values, from the arguments of the first call. Every subclass defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether some parameter or buffer has no shape yet."""
        return any(is_lazy(member) for member in [*self._parameters.values(), *self._buffers.values()])

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, Linear):
    """Linear whose in_features are those of its first input.  (*, in) -> (*, out_features)

    >>> layer = nn.LazyLinear(3)
    >>> layer(flambeau.zeros(2, 5)).shape, layer
    (flambeau.Size([2, 3]), Linear(in_features=5, out_features=3, bias=True))
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights, once there are any."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        if self.has_uninitialized_params():
            with no_grad():
                self.in_features = input.shape[-1]
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        elif self.in_features == 0:  # a state_dict has been loaded
            self.in_features = input.shape[-1]


class LazyConvMixin(LazyModuleMixin):
    """What lazy convolutions share: in_channels are those of the first input."""

    axes: int
    in_channels: int
    transposed = False

    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, bias: bool = True, device: Any = None, dtype: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        # bias is made here; the size of the output is given afterwards, for nothing is to be drawn yet
        super().__init__(0, 0, kernel_size, *args, bias=False, **kwargs)
        self.weight: Any = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias: Any = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw new weights, once there are any."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *_args: Any, **_kwargs: Any) -> None:
        if not self.has_uninitialized_params() and self.in_channels:
            return
        if input.dim() not in (self.axes + 1, self.axes + 2):
            raise RuntimeError(
                f"Expected {self.axes + 1}D (unbatched) or {self.axes + 2}D (batched) input to {self._get_name()}, "
                f"but got input of size: {tuple(input.shape)}"
            )
        self.in_channels = input.shape[-1 - self.axes]
        if not self.has_uninitialized_params():  # a state_dict has been loaded
            return
        groups: Any = self.groups
        if self.in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, got in_channels={self.in_channels} and groups={groups}")
        across = (self.in_channels, self.out_channels // groups) if self.transposed else (self.out_channels, self.in_channels // groups)
        with no_grad():
            self.weight.materialize((*across, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class LazyConv1d(LazyConvMixin, Conv1d):
    """Conv1d whose in_channels are those of its first input.  (N, C, L) or (C, L) -> (N, out, L')"""

    cls_to_become = Conv1d


class LazyConv2d(LazyConvMixin, Conv2d):
    """Conv2d whose in_channels are those of its first input.  (N, C, H, W) or (C, H, W) -> (N, out, H', W')

    >>> nn.LazyConv2d(8, 3)(flambeau.zeros(1, 3, 5, 5)).shape
    flambeau.Size([1, 8, 3, 3])
    """

    cls_to_become = Conv2d


class LazyConv3d(LazyConvMixin, Conv3d):
    """Conv3d whose in_channels are those of its first input.  (N, C, D, H, W) or (C, D, H, W) -> (N, out, D', H', W')"""

    cls_to_become = Conv3d


class _LazyNorm(LazyModuleMixin):
    num_features: int
    affine: bool

    def __init__(self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
                 device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:  # fmt: skip
        # without affine and statistics first, as their sizes are not known
        super().__init__(0, eps, momentum, False, False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        place = {"device": device, "dtype": dtype}
        if affine:
            self.weight: Any = UninitializedParameter(**place)
            if bias:
                self.bias: Any = UninitializedParameter(**place)
        if track_running_stats:
            self.running_mean: Any = UninitializedBuffer(**place)
            self.running_var: Any = UninitializedBuffer(**place)
            self.num_batches_tracked: Any = flambeau.tensor(0, dtype=flambeau.int64, device=device)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no statistics, once there are any."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor) -> None:
        axis = self._channel_axis(input)
        if self.has_uninitialized_params():
            self.num_features = input.shape[axis]
            for member in (self.weight, self.bias, self.running_mean, self.running_var):
                if is_lazy(member):
                    member.materialize((self.num_features,))
            self.reset_parameters()
        elif self.num_features == 0:  # a state_dict has been loaded
            self.num_features = input.shape[axis]

    def _channel_axis(self, input: Tensor) -> int:
        return 1


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """BatchNorm1d whose num_features are those of its first input.  (N, C) or (N, C, L) -> the same"""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """BatchNorm2d whose num_features are those of its first input.  (N, C, H, W) -> the same"""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """BatchNorm3d whose num_features are those of its first input.  (N, C, D, H, W) -> the same"""

    cls_to_become = BatchNorm3d


class _LazyInstanceNorm(_LazyNorm):
    def _channel_axis(self, input: Tensor) -> int:
        ranks: Any = self.ranks
        return 1 if input.dim() == ranks[1] else 0


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """InstanceNorm1d whose num_features are those of its first input.  (N, C, L) or (C, L) -> the same"""

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """InstanceNorm2d whose num_features are those of its first input.  (N, C, H, W) or (C, H, W) -> the same"""

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """InstanceNorm3d whose num_features are those of its first input.  (N, C, D, H, W) or (C, D, H, W) -> the same"""

    cls_to_become = InstanceNorm3d
