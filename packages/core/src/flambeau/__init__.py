"""Flambeau: tensors, gradients, networks, with PyTorch's names and semantics.

Start with `ops/elementwise.py` to see what an op is, and with `autograd/engine.py` to see how gradients flow.
"""
from __future__ import annotations

import warnings as _warnings
from math import e, inf, nan, pi

import numpy as _numpy  # first and from here: from deep inside our own imports it takes 20 ms longer (measured; the cause is not known)

# NumPy warns of overflow and 0/0 where tensors quietly give inf and nan. Only what our own modules compute is meant: yours warns as before.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"flambeau(\.|$)")

from . import autograd, random  # noqa: E402
from .context import (  # noqa: E402
    enable_grad,
    get_default_dtype,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_default_dtype,
    set_grad_enabled,
)
from .define import op  # noqa: E402
from .device import device, get_default_device, set_default_device  # noqa: E402
from .dtype import (  # noqa: E402
    bfloat16,
    can_cast,
    complex64,
    complex128,
    dtype,
    float8_e4m3fn,
    float8_e5m2,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .dtype import bool_ as bool  # noqa: E402
from .layout import (  # noqa: E402
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from .limits import finfo, iinfo  # noqa: E402
from .ops import later as _later  # noqa: E402
from .ops import methods as _methods  # noqa: E402
from .ops.create import tensor  # noqa: E402 (by name: type checkers would see the module tensor.py)
from .ops.public import *  # noqa: E402, F403
from .printing import set_printoptions  # noqa: E402
from .promote import result_type  # noqa: E402
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state  # noqa: E402
from .tensor import Parameter as _Parameter  # noqa: E402
from .tensor import Size, Tensor, is_inference  # noqa: E402
from .threads import get_num_threads, set_num_threads  # noqa: E402

# PyTorch's other names of the same dtypes
float, double, half, long, int, short, cfloat, cdouble = float32, float64, float16, int64, int32, int16, complex64, complex128
__version__ = "0.1.0"

# Loaded when first named, so that `import flambeau` stays as quick as NumPy's own import.
_LATER = {"nn": None, "optim": None, "utils": None, "func": None, "multiprocessing": None, "serialization": None,
          "fft": None, "linalg": None, "special": None, "stft": "spectral", "istft": "spectral", "hann_window": "spectral",
          "hamming_window": "spectral", "blackman_window": "spectral",
          "bartlett_window": "spectral", "kaiser_window": "spectral",
          "save": "serialization", "load": "serialization", "vmap": "func", "testing": None,
          "return_types": None, "signal": None, "sparse": None, "masked": None, "lobpcg": "eigenpairs",
          **dict.fromkeys(("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"), "nn.functional.grid"), "amp": None,
          "distributions": None, "cuda": None, "cpu": None, "mps": None,
          "xpu": None, "accelerator": None, "version": None, "get_device_module": "accelerator",
          "OutOfMemoryError": "backends.base", "AcceleratorError": "backends.base",
          "autocast": "amp", "GradScaler": "amp", "array_api": None, "overrides": None,
          "hub": None, "storage": None, "functional": None, "types": None, "profiler": None, "__future__": None}
_LATER |= dict.fromkeys(
    """is_autocast_enabled set_autocast_enabled get_autocast_dtype set_autocast_dtype is_autocast_cache_enabled set_autocast_cache_enabled
    clear_autocast_cache autocast_increment_nesting autocast_decrement_nesting is_autocast_cpu_enabled set_autocast_cpu_enabled
    get_autocast_cpu_dtype set_autocast_cpu_dtype get_autocast_gpu_dtype set_autocast_gpu_dtype""".split(), "amp.state")

# functions of networks that PyTorch offers at its top too: as in nn.functional, and with signatures of their own
_LATER |= dict.fromkeys(
    """adaptive_avg_pool1d avg_pool1d bilinear celu celu_ channel_shuffle conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d
    conv_transpose3d cosine_similarity hardshrink max_pool1d max_pool2d max_pool3d pairwise_distance pixel_shuffle pixel_unshuffle prelu
    rms_norm rrelu rrelu_ selu selu_ threshold threshold_""".split(), "nn.functional")
_LATER |= dict.fromkeys(
    """adaptive_max_pool1d alpha_dropout alpha_dropout_ dropout dropout_ feature_alpha_dropout feature_alpha_dropout_ feature_dropout
    feature_dropout_ batch_norm instance_norm layer_norm group_norm native_batch_norm native_layer_norm native_group_norm native_dropout
    native_channel_shuffle binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss kl_div
    margin_ranking_loss poisson_nll_loss triplet_margin_loss embedding embedding_bag embedding_renorm_ max_pool1d_with_indices
    affine_grid_generator convolution constant_pad_nd norm_except_dim lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell
    rnn_relu_cell""".split(), "nn.functional.top")

_LATER |= {"GradScaler": "amp", **dict.fromkeys(("DisableTorchFunction", "DisableTorchFunctionSubclass"), "overrides"),
           **dict.fromkeys(("SymInt", "SymFloat", "SymBool"), "symbolic"),
           **dict.fromkeys(("has_lapack", "has_mkl", "has_openmp", "has_spectral", "is_vulkan_available"), "settings")}
_LATER |= dict.fromkeys(
    """use_deterministic_algorithms are_deterministic_algorithms_enabled is_deterministic_algorithms_warn_only_enabled
    set_deterministic_debug_mode get_deterministic_debug_mode set_float32_matmul_precision get_float32_matmul_precision set_flush_denormal
    set_warn_always is_warn_always_enabled set_default_tensor_type get_num_interop_threads set_num_interop_threads is_anomaly_enabled
    is_anomaly_check_nan_enabled set_anomaly_enabled""".split(), "settings")
newaxis = None
_ASKING = ("nn.functional.top", "nn.functional.grid", "spectral", "eigenpairs")  # whose functions are offered here alone


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_later.FUNCTIONS})


def __getattr__(name: str):
    if name in _later.FUNCTIONS:
        globals()[name] = _later.function(name)
        return globals()[name]
    if name == "default_generator":
        from . import random

        return random.default_generator()
    if name not in _LATER:
        raise AttributeError(f"module 'flambeau' has no attribute '{name}'")
    from importlib import import_module

    found = import_module(f"flambeau.{_LATER[name] or name}")
    if _LATER[name]:
        found = getattr(found, name)
        if _LATER[name] in _ASKING and not hasattr(found, "card"):
            from .overriding.asking import asking

            found = asking(found, "flambeau")
    globals()[name] = found
    return found
