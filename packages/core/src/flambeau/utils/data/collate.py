"""From a list of samples to a batch, through nested structures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

import flambeau

CollateFns = dict[type | tuple[type, ...], Callable[..., Any]]


def default_convert(data: Any) -> Any:
    """NumPy's arrays and numbers as tensors, inside of lists, tuples and dicts too; anything else as it is.

    >>> default_convert([np.arange(2), "a"])
    [tensor([0, 1]), 'a']
    """
    if isinstance(data, flambeau.Tensor):
        return data
    if isinstance(data, np.ndarray | np.generic):
        return data if data.dtype.kind in "SUO" else flambeau.as_tensor(data)
    return rebuild(data, default_convert)


def default_collate(batch: Sequence[Any]) -> Any:
    """Samples stacked into a batch: each tensor (*) among them becomes (len(batch), *).

    Numbers become one-dimensional tensors (floats of float64), dicts a dict of batches, tuples and lists a list of batches
    (named tuples stay such); strings and bytes are listed.
    Raises TypeError for other types, RuntimeError for samples of different lengths or shapes.

    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    """default_collate with a table of your own: type (or types) -> function(batch, *, collate_fn_map=None)."""
    first = batch[0]
    table = collate_fn_map or {}
    function = table.get(type(first)) or next((f for kind, f in table.items() if isinstance(first, kind)), None)
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first}
        return like(first, columns)
    if isinstance(first, tuple | list) or (isinstance(first, Sequence) and not isinstance(first, str | bytes)):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise RuntimeError(f"each element in list of batch should be of equal size, got lengths {sorted(lengths)}")
        stacked = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
        return stacked if type(first) is tuple else like(first, stacked)
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}; "
        "convert it in the dataset or give the DataLoader a collate_fn"
    )


def collate_tensors(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    return flambeau.stack(list(batch), 0)


def collate_arrays(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(
            f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found an array of {batch[0].dtype}"
        )
    return collate([flambeau.as_tensor(sample) for sample in batch], collate_fn_map=collate_fn_map)


def collate_scalars(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    return flambeau.as_tensor(batch)


def collate_floats(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    return flambeau.as_tensor(batch, dtype=flambeau.float64)


def collate_ints(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    return flambeau.as_tensor(batch)


def collate_strings(batch: Sequence[Any], *, collate_fn_map: CollateFns | None = None) -> Any:
    return batch


default_collate_fn_map: CollateFns = {
    flambeau.Tensor: collate_tensors,
    np.ndarray: collate_arrays,
    (np.bool_, np.number, np.object_): collate_scalars,
    float: collate_floats,
    int: collate_ints,
    str: collate_strings,
    bytes: collate_strings,
}


def rebuild(data: Any, function: Callable[[Any], Any]) -> Any:
    """`data` with `function` applied to what its lists, tuples and dicts hold."""
    if isinstance(data, Mapping):
        return like(data, {key: function(value) for key, value in data.items()})
    if type(data) is tuple:
        return [function(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return like(data, [function(value) for value in data])
    return data


def like(original: Any, items: Any) -> Any:
    """`items` in a container of the original's type; a plain list or dict where that type cannot be built so."""
    try:
        if isinstance(original, tuple) and hasattr(original, "_fields"):
            return type(original)(*items)
        if isinstance(original, MutableMapping):
            mapping = copy(original)  # keeps what a subclass knows beside its items
            mapping.update(items)
            return mapping
        if isinstance(original, MutableSequence) and type(original) is not list:
            sequence = copy(original)
            sequence[:] = items
            return sequence
        return type(original)(items)
    except TypeError:  # range, Mapping views and others that their items alone do not make
        return items
