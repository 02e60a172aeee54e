"""DLPack, the protocol by which libraries lend each other arrays."""
from ..ops.exchange import DLDeviceType, from_dlpack, to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
