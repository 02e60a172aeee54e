"""The memory below tensors: `UntypedStorage` (bytes) and `TypedStorage` (elements)."""

from flambeau.ops.storage import TypedStorage, UntypedStorage

__all__ = ["TypedStorage", "UntypedStorage"]
