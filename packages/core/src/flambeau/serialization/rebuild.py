"""The names that a checkpoint may use, and what each may do: make a tensor or a plain value of checked arguments, and nothing else."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.backends import meta
from flambeau.fields import of_class, slots_in
from flambeau.nn import Parameter

from . import allowed, names
from .storage import TypedStorage, plain, view_of

NODES_IN_KEY, DEEPEST_KEY = 10_000, 100


class Refused(ValueError):
    """The pickle asks for something that no checkpoint of plain values has."""


def check_key(key: Any) -> Any:
    """`key`, if hashing it is quick and calls no code of its own: Python hashes nested tuples without end or limit."""
    left, todo = NODES_IN_KEY, [(key, 0)]
    while todo:
        x, depth = todo.pop()
        left -= 1
        if type(x) in (tuple, flambeau.Size):
            if len(x) > left or depth > DEEPEST_KEY:
                raise Refused(f"expected a dict's key of at most {NODES_IN_KEY} parts and {DEEPEST_KEY} levels")
            todo += [(part, depth + 1) for part in x]
        elif not (x is None or type(x) in KEYS or isinstance(x, type) or allowed.is_allowed(type(x))):
            raise Refused(f"expected a number, string, bytes, tuple or None as a dict's key or in a set, got {type(x).__name__}")
        if left < 0:
            raise Refused(f"expected a dict's key of at most {NODES_IN_KEY} parts")
    return key


KEYS = frozenset({str, int, float, bool, complex, bytes, frozenset, flambeau.dtype, flambeau.device, Tensor, Parameter})


def plain_list(x: Any) -> list:
    if type(x) not in (list, tuple):
        raise Refused(f"expected a list of items, got {type(x).__name__}")
    return [check_key(item) for item in x]


def ordered(*args: Any) -> OrderedDict:
    if args in ((), ([],), ({},)):
        return OrderedDict()
    (pairs,) = args
    if isinstance(pairs, dict):
        pairs = list(pairs.items())
    if type(pairs) is not list or any(type(p) not in (list, tuple) or len(p) != 2 for p in pairs):
        raise Refused("expected an OrderedDict's items as a list of pairs")
    return OrderedDict((check_key(k), v) for k, v in pairs)


def counter(counts: Any = ()) -> Counter:
    if type(counts) is not dict and counts != ():
        raise Refused(f"expected a Counter's counts as a dict, got {type(counts).__name__}")
    found: Counter = Counter()
    dict.update(found, counts)
    return found


def a_set(items: Any = ()) -> set:
    return set(plain_list(items))


def a_frozenset(items: Any = ()) -> frozenset:
    return frozenset(plain_list(items))


def a_complex(real: Any = 0.0, imag: Any = 0.0) -> complex:
    if type(real) not in (int, float) or type(imag) not in (int, float):
        raise Refused(f"expected two numbers of a complex, got {real!r:.40} and {imag!r:.40}")
    return complex(real, imag)


def encoded(text: Any, encoding: Any = "latin1") -> bytes:
    """Bytes as pickles before protocol 3 spell them."""
    if type(text) is not str or encoding not in ("latin1", "latin-1", "utf-8", "utf8", "ascii"):
        raise Refused(f"expected bytes spelled as a latin1 string, got {type(text).__name__} and {encoding!r:.40}")
    return text.encode(encoding)


def no_bytes() -> bytes:
    return b""


def a_bytearray(content: Any = b"", encoding: Any = "latin-1") -> bytearray:
    if type(content) is str:
        content = encoded(content, encoding)
    if type(content) is not bytes:  # a number would ask for as much memory as the file likes
        raise Refused(f"expected a bytearray's content as bytes, got {type(content).__name__}")
    return bytearray(content)


def size(extents: Any = ()) -> flambeau.Size:
    if type(extents) not in (tuple, list) or any(type(n) is not int for n in extents):
        raise Refused(f"expected a Size of whole numbers, got {extents!r:.80}")
    return flambeau.Size(extents)


def device(kind: Any, index: Any = None) -> flambeau.device:
    if type(kind) is not str or type(index) not in (int, type(None)):
        raise Refused(f"expected a device's type and index, got {kind!r:.40} and {index!r:.40}")
    return flambeau.device(kind, index)


def typed(storage: Any, offset: Any, extents: Any, strides: Any, requires_grad: Any = False, hooks: Any = None,
          metadata: Any = None) -> Tensor:  # fmt: skip
    if type(storage) is not TypedStorage:
        raise Refused(f"expected a storage of elements to make a tensor of, got {type(storage).__name__}")
    return untyped(storage, offset, extents, strides, requires_grad, hooks, storage.dtype, metadata)


def untyped(storage: Any, offset: Any, extents: Any, strides: Any, requires_grad: Any, hooks: Any, dtype: Any,
            metadata: Any = None) -> Tensor:  # fmt: skip
    if type(storage) is not TypedStorage or type(dtype) is not flambeau.dtype:
        raise Refused(f"expected a storage and a dtype to make a tensor of, got {type(storage).__name__} and {type(dtype).__name__}")
    if hooks:
        raise Refused("a tensor with hooks of backward: functions are not loaded")
    made = view_of(storage, dtype, offset, numbers(extents), numbers(strides))
    for what, on in (metadata if type(metadata) is dict else {}).items():
        if what not in ("conj", "neg") or type(on) is not bool:
            raise Refused(f"a tensor's unknown metadata {what!r:.40}")
        if on:
            made = made.conj().resolve_conj().detach() if what == "conj" else made.neg()
    return asking(made, requires_grad)


def hollow(dtype: Any, extents: Any, strides: Any, requires_grad: Any = False) -> Tensor:
    if type(dtype) is not flambeau.dtype:
        raise Refused(f"expected the dtype of a meta tensor, got {type(dtype).__name__}")
    extents, strides = numbers(extents), numbers(strides)
    if any(type(n) is not int or n < 0 for n in (*extents, *strides)) or len(extents) != len(strides) or len(extents) > 64:
        raise Refused(f"expected size and stride of a meta tensor, got {extents!r:.80} and {strides!r:.80}")
    return asking(plain(meta.hollow(extents, dtype.numpy, tuple(s * dtype.itemsize for s in strides))), requires_grad)


def numbers(x: Any) -> tuple[int, ...]:
    if not isinstance(x, tuple | list):
        raise Refused(f"expected the sizes of a tensor as a tuple, got {type(x).__name__}")
    return tuple(x)


def asking(made: Tensor, requires_grad: Any) -> Tensor:
    if type(requires_grad) is not bool:
        raise Refused(f"expected requires_grad as a bool, got {requires_grad!r:.40}")
    return made.requires_grad_() if requires_grad else made


def parameter(data: Any, requires_grad: Any = True, hooks: Any = None) -> Parameter:
    if not isinstance(data, Tensor) or type(requires_grad) is not bool or hooks:
        raise Refused(f"expected a Parameter's tensor and whether it asks for a gradient, got {type(data).__name__}, {requires_grad!r:.40}")
    return Parameter(data, requires_grad)


def parameter_with_state(data: Any, requires_grad: Any, hooks: Any, state: Any) -> Parameter:
    return attributes(parameter(data, requires_grad, hooks), state)


def of_type(function: Any, kind: Any, args: Any, state: Any) -> Tensor:
    """A tensor with attributes, or of a class that the user allowed."""
    build = BUILDERS.get(id(function))
    if build not in (typed, untyped, hollow, parameter) or type(args) is not tuple:
        raise Refused("expected a tensor of another class to be made as tensors are")
    made = build(*args)
    if kind is not Tensor and kind is not Parameter:
        if not (isinstance(kind, type) and issubclass(kind, Tensor) and allowed.is_allowed(kind)):
            raise Refused(f"a tensor of the class {kind!r:.80}, which is not allowed")
        made = of_class(made, kind)
    return attributes(made, state)


def attributes(made: Any, state: Any) -> Any:
    """The user's own attributes on a tensor.  No attribute that a tensor has already can be set by a file."""
    state, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
    if type(state) is not dict or type(slots) not in (dict, type(None)):
        raise Refused(f"expected a tensor's attributes as a dict, got {type(state).__name__}")
    for name, value in state.items():
        if type(name) is not str or hasattr(type(made), name) or name in made.__dict__:
            raise Refused(f"a tensor's attribute {name!r:.40} can't be set by a file")
        made.__dict__[name] = value
    for name, value in (slots or {}).items():
        if name not in slots_in(type(made)):
            raise Refused(f"a tensor's attribute {name!r:.40} can't be set by a file: its class has no such slot")
        setattr(made, name, value)
    return made


def layout(name: Any) -> flambeau.layout:
    found = getattr(flambeau, name.removeprefix("torch."), None) if type(name) is str else None
    if type(found) is not flambeau.layout:
        raise Refused(f"expected the name of a layout, got {name!r:.40}")
    return found


def sparse(kind: Any, parts: Any) -> Tensor:
    """A sparse tensor, whose places are checked: a wrong one would be read far from the values."""
    from flambeau.ops.sparse import made, sparse_compressed_tensor, sparse_coo_tensor

    coo = kind is flambeau.sparse_coo
    if type(kind) is not flambeau.layout or kind is flambeau.strided or type(parts) is not tuple or not 3 + (not coo) <= len(parts) <= 4:
        raise Refused(f"expected a sparse layout and a sparse tensor's parts, got {kind!r:.40} and {type(parts).__name__}")
    count = 2 if coo else 3
    tensors, extents, unique = parts[:count], parts[count], parts[-1] if coo and len(parts) == 4 else None
    if any(type(t) is not Tensor for t in tensors) or type(unique) not in (bool, type(None)) or not isinstance(extents, tuple):
        raise Refused("expected a sparse tensor's places and values as tensors, and its size")
    try:
        if not coo:
            return sparse_compressed_tensor(tensors[0], tensors[1], tensors[2], size(list(extents)), layout=kind)
        found: Any = sparse_coo_tensor(tensors[0], tensors[1], size(list(extents)))
        if not unique:
            return found
        once, places = found.coalesce().places[0], found.places[0]  # the file's word is not taken for it
        return made(found.kind, found.extent, found.places, found.entries, once.shape == places.shape and bool((once == places).all()))
    except (RuntimeError, IndexError, TypeError) as e:
        raise Refused(f"a sparse tensor whose parts do not fit together: {e}") from None


# name in a file -> the thing that it stands for
THINGS: dict[str, Any] = {
    str(names.ORDERED): OrderedDict, "collections.Counter": Counter, str(names.SIZE): flambeau.Size, str(names.DEVICE): flambeau.device,
    str(names.TENSOR): Tensor, str(names.PARAMETER): Parameter, "_codecs.encode": encoded, str(names.REBUILD): typed,
    "torch._utils._rebuild_tensor": typed, str(names.REBUILD_UNTYPED): untyped, str(names.REBUILD_META): hollow,
    str(names.REBUILD_PARAMETER): parameter, str(names.REBUILD_PARAMETER_WITH_STATE): parameter_with_state,
    str(names.REBUILD_TYPE): of_type, str(names.LAYOUT): layout, str(names.REBUILD_SPARSE): sparse, str(names.UNTYPED): names.UNTYPED,
    "torch.UntypedStorage": names.UNTYPED,
    **{f"{module}.{kind.__name__}": kind for module in ("builtins", "__builtin__")
       for kind in (set, frozenset, complex, bytearray, dict, list, tuple, int, float, bool, str, bytes)},
    **{f"torch.{name}": dtype for name, dtype in names.DTYPES.items()},
    **{f"torch.{place}{storage}": names.Name("torch", storage) for storage in names.TYPED.values() for place in ("", "cuda.")},
}  # fmt: skip
STORED = {names.Name("torch", storage): dtype for dtype, storage in names.TYPED.items()} | {names.UNTYPED: None}
# what may be called, by identity -> what is done then
CALLED: dict[Any, Callable[..., Any]] = {
    OrderedDict: ordered, Counter: counter, flambeau.Size: size, flambeau.device: device, Parameter: parameter, set: a_set,
    frozenset: a_frozenset, complex: a_complex, bytearray: a_bytearray, bytes: no_bytes, encoded: encoded, typed: typed, untyped: untyped,
    hollow: hollow, parameter: parameter, parameter_with_state: parameter_with_state, of_type: of_type, layout: layout,
    sparse: sparse,
}  # fmt: skip
BUILDERS = {id(thing): build for thing, build in CALLED.items()}
__all__ = ["BUILDERS", "STORED", "THINGS", "Refused", "check_key", "plain"]
