"""Memory shared with other libraries: DLPack both ways, and `asarray`, which takes whatever has memory."""
from __future__ import annotations

from enum import IntEnum
from importlib import import_module
from typing import Any

import numpy as np

from .. import context
from ..device import CPU, device
from ..device import device as _device  # some parameters are named like the class
from ..dtype import bfloat16, dtype, float8_e4m3fn, float8_e5m2
from ..layout import strided
from ..tensor import Tensor, plain
from .create import from_numpy, frombuffer, tensor


class DLDeviceType(IntEnum):
    """Kinds of device in DLPack."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLCUDAManaged = 13


ON_HOST, ON_CUDA = (DLDeviceType.kDLCPU, DLDeviceType.kDLCUDAHost), (DLDeviceType.kDLCUDA, DLDeviceType.kDLCUDAManaged)
# dtypes that NumPy does not export: DLPack's code, and the integers that they cross as
_CODES = {bfloat16.numpy: (4, np.uint16), float8_e4m3fn.numpy: (10, np.uint8), float8_e5m2.numpy: (12, np.uint8)}
_BY_CODE = {code: (kind, raw) for kind, (code, raw) in _CODES.items()}
_UNSIGNED, _CODE_AT = 1, 20  # the byte of DLTensor that says which kind of number
_BEGIN = {b"dltensor": 0, b"dltensor_versioned": 32}  # of the DLTensor in what a capsule points to


def _code(capsule):
    """The byte of the capsule's tensor that names the kind of number."""
    import ctypes

    api: Any = ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype, api.PyCapsule_GetPointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = api.PyCapsule_GetName(capsule)
    if name not in _BEGIN:
        raise RuntimeError(f"from_dlpack: expected a capsule that nobody has taken yet ('dltensor'), got {(name or b'').decode()!r}. "
                           "A capsule is for one use: ask its library for another")
    return ctypes.c_uint8.from_address(api.PyCapsule_GetPointer(capsule, name) + _BEGIN[name] + _CODE_AT)


def dlpack(x: Tensor, stream=None, max_version: tuple[int, int] | None = None, dl_device: tuple[int, int] | None = None,
           copy: bool | None = None):
    """A DLPack capsule over x's memory, for another library's `from_dlpack`.

    BufferError where gradients would be lost, or where `dl_device` is another device and `copy=False`.
    """
    if x.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if x.layout is not strided:
        raise BufferError("Can't export tensors with layout other than flambeau.strided: export its parts, or to_dense()")
    if x.is_meta:
        raise BufferError("a tensor on meta has no memory to share")
    here = tuple(map(int, dlpack_device(x)))
    if dl_device is not None and (int(dl_device[0]), int(dl_device[1])) != here:
        if copy is False:
            raise BufferError(f"expected dl_device={here} or a copy, got dl_device={tuple(dl_device)}, copy=False")
        if int(dl_device[0]) not in (*ON_HOST, *ON_CUDA):
            raise BufferError(f"cannot export to the device dl_device={tuple(dl_device)}")
        x, copy = x.to(CPU if int(dl_device[0]) in ON_HOST else device("cuda", int(dl_device[1]))), None
    if stream is not None and type(stream) is not int:
        raise TypeError(f"stream must be int or None, got {type(stream).__name__}")
    if not x.is_cuda and stream not in (-1, None):
        raise AssertionError("stream should be None on cpu.")
    code, raw = _CODES.get(x.array.dtype, (None, None))
    array = x.array if raw is None else x.array.view(raw)
    array = array.copy() if copy else array
    if x.is_cuda:
        capsule = array.__dlpack__(stream=None if stream == -1 else stream, max_version=max_version)
    else:
        capsule = array.__dlpack__(max_version=max_version)
    if code is not None:
        _code(capsule).value = code
    return capsule


def dlpack_device(x: Tensor) -> tuple[DLDeviceType, int]:
    """Where x lies, in DLPack's terms: (kind, number)."""
    return (DLDeviceType.kDLCUDA, x.device.index or 0) if x.is_cuda else (DLDeviceType.kDLCPU, 0)


class _Held:
    """A capsule and its device, as NumPy and CuPy ask for them."""

    def __init__(self, capsule, place):
        self.capsule, self.place = capsule, place

    def __dlpack__(self, **_options):
        return self.capsule

    def __dlpack_device__(self):
        return self.place


class _Writable:
    """NumPy takes the memory of an unversioned capsule for read-only; PyTorch and we do not."""

    def __init__(self, array):
        self.array = array

    @property
    def __array_interface__(self):
        told = dict(self.array.__array_interface__)
        return told | {"data": (told["data"][0], False)}


def from_dlpack(ext_tensor: Any, *, device: device | str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array, or of a DLPack capsule: writes are seen on both sides.

    `copy=True` always copies, `copy=False` never does (ValueError where it must).  TypeError for objects without `__dlpack__`.

    >>> import numpy
    >>> flambeau.from_dlpack(numpy.arange(3))
    tensor([0, 1, 2])
    """
    place: Any = (DLDeviceType.kDLCPU, 0)
    if hasattr(ext_tensor, "__dlpack__"):
        place = ext_tensor.__dlpack_device__()
        options: dict = {"max_version": (1, 0)}
        if copy is not None:
            options["copy"] = copy
        if int(place[0]) in ON_CUDA:
            options["stream"] = 1  # CUDA's legacy stream, which CuPy and we run on
        try:
            capsule = ext_tensor.__dlpack__(**options)
        except TypeError:  # a library from before DLPack 1.0
            options.pop("max_version")
            capsule = ext_tensor.__dlpack__(**options)
    elif type(ext_tensor).__name__ == "PyCapsule":
        capsule = ext_tensor
    else:
        raise TypeError(f"from_dlpack: expected an object with __dlpack__ or a capsule, got {type(ext_tensor).__name__}")
    code = _code(capsule)
    kind, _raw = _BY_CODE.get(code.value, (None, None))
    if kind is not None:
        code.value = _UNSIGNED
    array = _taken(capsule, place)
    out = plain(array if kind is None else array.view(kind))
    wanted = None if device is None else _device(device)
    if wanted is not None and wanted.type != out.device.type:
        if copy is False:
            raise ValueError(f"cannot move tensor from {out.device} to {wanted} without copying. Set copy=True is needed.")
        out = out.to(wanted)
    return out


def _taken(capsule, place):
    """The capsule's memory as an array of the device's library."""
    if int(place[0]) in ON_CUDA:
        from ..backends import cupy

        return cupy.from_dlpack(_Held(capsule, place))
    if int(place[0]) not in ON_HOST:
        raise BufferError(f"from_dlpack: expected memory of a CPU or of a CUDA device, got DLPack's device {tuple(place)}")
    array = np.from_dlpack(_Held(capsule, (DLDeviceType.kDLCPU, 0)))
    return array if array.flags.writeable else np.asarray(_Writable(array))


def to_dlpack(tensor: Tensor):
    """A DLPack capsule over the tensor's memory."""
    return tensor.__dlpack__()


def asarray(obj: Any, *, dtype: dtype | None = None, device: device | str | None = None, copy: bool | None = None,
            requires_grad: bool = False) -> Tensor:
    """`obj` as a tensor: it shares the memory of a tensor, an array, a DLPack object or a buffer where it can, and copies sequences.

    `copy=True` always copies, `copy=False` never does: ValueError where dtype or device or the kind of object ask for one.

    >>> x = flambeau.ones(2)
    >>> flambeau.asarray(x) is x, flambeau.asarray([1, 2], dtype=flambeau.float32)
    (True, tensor([1., 2.]))
    """
    shared: Tensor | None = None
    if isinstance(obj, Tensor):
        shared = obj
    elif isinstance(obj, np.ndarray):
        shared = from_numpy(obj)
    elif isinstance(obj, np.generic):
        if copy is False:
            raise RuntimeError("can't alias NumPy scalars. Either remove copy=False or transform it in a ndarray.")
        shared = tensor(obj)
    elif hasattr(obj, "__dlpack__") or type(obj).__name__ == "PyCapsule":
        shared = from_dlpack(obj)
    elif _has_buffer(obj):
        shared, dtype = frombuffer(obj, dtype=dtype or context.get_default_dtype()), None
    elif hasattr(obj, "__array_interface__") or hasattr(obj, "__array__"):
        shared = from_numpy(np.asarray(obj))
    if shared is None:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        if obj is None or isinstance(obj, dict | set):
            raise RuntimeError(f"Could not infer dtype of {type(obj).__name__}")
        return tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)
    if copy is False:
        if device is not None and _device(device).type != shared.device.type:
            raise ValueError(f"can't alias tensor from device '{shared.device}' to '{_device(device)}'.")
        if dtype is not None and dtype is not shared.dtype:
            raise ValueError(f"can't alias tensor with dtype '{shared.dtype}' into dtype '{dtype}'.")
    out = shared.to(dtype=dtype, device=device)
    if copy and out is shared:
        out = shared.clone()
    if out.requires_grad is requires_grad:
        return out
    return out.detach().requires_grad_(requires_grad)  # obj itself stays as it is


def _has_buffer(obj) -> bool:
    try:
        memoryview(obj).release()
    except TypeError:
        return False
    return True


def array_namespace(x: Tensor, api_version: str | None = None):
    """The functions of the Python array API standard for tensors: `flambeau.array_api`.  ValueError for a version that is not there."""
    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        raise ValueError(f"expected a version of the array API standard up to 2024.12, got {api_version!r}")
    return import_module("flambeau.array_api")
