"""What PyTorch's checkpoints call things, and what we call them.  A file written here bears PyTorch's names, so that PyTorch reads it."""

from __future__ import annotations

from typing import NamedTuple

import flambeau


class Name(NamedTuple):
    """A thing that a pickle names and does not hold."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    def __call__(self, *_args: object) -> object:
        raise TypeError(f"{self} stands for a name in a file")  # Python's pickler wants what can be called


# dtypes that have a storage class of their own; the others lie in untyped storages and are named beside
TYPED = {
    flambeau.float64: "DoubleStorage", flambeau.float32: "FloatStorage", flambeau.float16: "HalfStorage",
    flambeau.bfloat16: "BFloat16Storage", flambeau.int64: "LongStorage", flambeau.int32: "IntStorage", flambeau.int16: "ShortStorage",
    flambeau.int8: "CharStorage", flambeau.uint8: "ByteStorage", flambeau.bool: "BoolStorage",
    flambeau.complex64: "ComplexFloatStorage", flambeau.complex128: "ComplexDoubleStorage",
}  # fmt: skip
UNTYPED = Name("torch.storage", "UntypedStorage")
DTYPES = {name: getattr(flambeau, name) for name in (
    "bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64 float8_e4m3fn float8_e5m2 complex64 complex128"
).split()}  # fmt: skip
NAMES = {dtype: Name("torch", name) for name, dtype in DTYPES.items()}
ORDERED = Name("collections", "OrderedDict")
REBUILD = Name("torch._utils", "_rebuild_tensor_v2")
REBUILD_UNTYPED = Name("torch._utils", "_rebuild_tensor_v3")
REBUILD_META = Name("torch._utils", "_rebuild_meta_tensor_no_storage")
REBUILD_PARAMETER = Name("torch._utils", "_rebuild_parameter")
REBUILD_PARAMETER_WITH_STATE = Name("torch._utils", "_rebuild_parameter_with_state")
REBUILD_TYPE = Name("torch._tensor", "_rebuild_from_type_v2")
REBUILD_SPARSE = Name("torch._utils", "_rebuild_sparse_tensor")
LAYOUT = Name("torch.serialization", "_get_layout")
SIZE, DEVICE, TENSOR = Name("torch", "Size"), Name("torch", "device"), Name("torch", "Tensor")
PARAMETER = Name("torch.nn.parameter", "Parameter")
