"""`save` and `load`: a state_dict, or a whole checkpoint of nested values, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

import flambeau
from flambeau.serialization.safetensors import NAMES, File, check_metadata, decode, encode, read, read_header, to_array, write
from flambeau.serialization.tree import flatten, unflatten

KEY = "flambeau"  # the metadata entry with the structure of what is not a plain dict of tensors
FOREIGN = {
    b"PK\x03\x04": "a zip file, as PyTorch's save writes them (.pt, .pth)",
    b"\x80": "a pickle, as PyTorch's save wrote them before 1.6",
}


def save(obj: Any, f: File, *, metadata: Mapping[str, str] | None = None) -> None:
    """Write `obj` to `f` in the safetensors format; a file at a path appears complete or not at all.

    A dict of named tensors (a state_dict) becomes a file with just these, which every reader of the format reads. Of anything
    else, such as {"model": ..., "optimizer": ..., "epoch": 3}, the tensors stand there under dotted names and the rest as JSON
    in the metadata; `load` gives back the same structure. `metadata` is for notes of your own.
    Histories and requires_grad are not kept. Raises TypeError, with the place, for what is not a tensor, dict (keys str or
    int), list, tuple, number, string or None.

    >>> import io; file = io.BytesIO()
    >>> save({"model": {"w": flambeau.ones(2)}, "epoch": 3}, file)
    >>> _ = file.seek(0); load(file)
    {'model': {'w': tensor([1., 1.])}, 'epoch': 3}
    """
    notes = check_metadata(metadata)
    if KEY in notes:
        raise ValueError(f"the metadata key {KEY!r} is taken by the structure of the checkpoint; choose another")
    if isinstance(obj, dict) and all(isinstance(k, str) and isinstance(v, flambeau.Tensor) for k, v in obj.items()):
        write(f, encode({name: to_array(name, tensor) for name, tensor in obj.items()}, notes))
        return
    tree, tensors = flatten(obj)
    arrays = {name: to_array(name, tensor) for name, tensor in tensors.items()}
    lacking = {name: str(array.dtype) for name, array in arrays.items() if array.dtype not in NAMES}
    for name in lacking:  # complex128: pairs of float64, and a note
        arrays[name] = arrays[name].reshape(*arrays[name].shape, 1).view(np.float64)
    record = {"version": 1, "tree": tree, **({"complex128": list(lacking)} if lacking else {})}
    write(f, encode(arrays, notes | {KEY: json.dumps(record, allow_nan=False)}))


def load(f: File, map_location: Any = None, *, weights_only: bool = True, mmap: bool | None = None) -> Any:
    """What `save` wrote to `f`; of any other safetensors file, its dict of tensors.

    Tensors are mapped into memory: their bytes are read when they are used, and writing into them does not change the file.
    mmap=False reads it whole, for a file that another program may write into.
    map_location: the device to move them to. weights_only is accepted for PyTorch's sake: no file can run code here, whatever it says.
    Raises FileNotFoundError for a missing file, ValueError for one that is damaged or cut short, RuntimeError for PyTorch's own
    formats, which are not read yet.
    """
    content, source = read(f, mapped=mmap is not False)
    for magic, what in FOREIGN.items():
        if bytes(content[: len(magic)]) == magic and not is_safetensors(content):
            raise RuntimeError(
                f"{source} is {what}, which Flambeau does not read yet: it loads safetensors files. "
                "In PyTorch, safetensors.torch.save_file(state_dict, path) makes one"
            )
    arrays, metadata = decode(content, source)
    if KEY not in metadata:
        return {name: to_tensor(array, map_location) for name, array in arrays.items()}
    try:
        record = json.loads(metadata[KEY])
        if not isinstance(record, dict) or record.get("version") != 1:
            raise ValueError(f"expected version 1 of the structure, got {record!r:.80}; a newer Flambeau may read it")
        for name in record.get("complex128", []):
            arrays[name] = arrays[name].view(np.complex128).reshape(arrays[name].shape[:-1])
        return unflatten(record["tree"], {name: to_tensor(array, map_location) for name, array in arrays.items()})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{source}: the structure of the checkpoint is damaged: {error}") from error


def read_metadata(f: File) -> dict[str, str]:
    """The notes in a safetensors file: the `metadata` given to save.

    >>> import io; file = io.BytesIO()
    >>> save({}, file, metadata={"trained on": "digits"})
    >>> _ = file.seek(0); read_metadata(file)
    {'trained on': 'digits'}
    """
    _arrays, metadata = decode(*read(f))
    metadata.pop(KEY, None)
    return metadata


def is_safetensors(content: memoryview) -> bool:
    try:
        read_header(content, "")
    except ValueError:
        return False
    return True


def to_tensor(array: np.ndarray, map_location: Any) -> flambeau.Tensor:
    tensor = flambeau.from_numpy(array)
    return tensor if map_location is None else tensor.to(map_location)
