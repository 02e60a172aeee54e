"""PyTorch's protocol for types that do ops in their own way: `__flambeau_function__`, honoured as `__torch_function__` too.

A class with that method, a subclass of Tensor or not, is asked whenever one of its objects is an argument of a public function: it sees the
function, the types that have the protocol, and the arguments. Of subclasses of Tensor it is asked about methods and properties too
(a property is told as its `__get__` or `__set__`). Subclasses of Tensor without one keep their type through ops.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from types import ModuleType
from typing import Any

from .overriding import FIELDS, Disabled, ask, overriding, protocol, state
from .overriding.members import members
from .overriding.mode import Mode, Through, stack, without_innermost
from .tensor import Tensor

__all__ = ["BaseFlambeauFunctionMode", "BaseTorchFunctionMode", "DisableTorchFunction", "DisableTorchFunctionSubclass",
           "FlambeauFunctionMode", "TorchFunctionMode", "enable_reentrant_dispatch", "get_default_nowrap_functions",
           "get_ignored_functions", "get_overridable_functions", "get_testing_overrides", "handle_flambeau_function",
           "handle_torch_function", "has_flambeau_function", "has_torch_function", "has_torch_function_unary",
           "has_torch_function_variadic", "is_tensor_like", "is_tensor_method_or_property", "redispatch_function", "resolve_name",
           "wrap_torch_function"]

DisableTorchFunctionSubclass = Disabled
TorchFunctionMode = FlambeauFunctionMode = Mode
BaseTorchFunctionMode = BaseFlambeauFunctionMode = Through
_pop_mode_temporarily = without_innermost


class DisableTorchFunction(Disabled):
    """Inside, nobody's protocol is asked."""

    everyone = True


# ---- functions of users that join in
def has_torch_function(relevant_args: Iterable) -> bool:
    """Whether one of the arguments has a protocol of its own.  TypeError where they are no sequence.

    >>> flambeau.overrides.has_torch_function((flambeau.ones(1), 2))
    False
    """
    if not isinstance(relevant_args, Iterable):
        raise TypeError(f"expected a sequence of arguments, got {type(relevant_args).__name__}")
    return has_torch_function_variadic(*relevant_args)


def has_torch_function_unary(x: Any) -> bool:
    """`has_torch_function` of one argument."""
    return has_torch_function_variadic(x)


def has_torch_function_variadic(*args: Any) -> bool:
    """`has_torch_function` of arguments one by one.  While a mode runs, it is asked whatever they are."""
    if state.skipping:
        state.skipping = False
        return False
    return bool(overriding(args)) or (state.everyone and bool(stack()))


def handle_torch_function(public_api: Callable, relevant_args: Iterable, *args: Any, **kwargs: Any) -> Any:
    """The result that a mode, or the arguments' types, give for a call of `public_api`.  TypeError where each says NotImplemented.

    For your own functions: `if has_torch_function((x,)): return handle_torch_function(mine, (x,), x)`.
    """
    modes = stack() if state.everyone else []
    if modes:
        result = modes[-1].told(public_api, args, kwargs)
        if result is not NotImplemented:
            return result
    return ask(public_api, overriding(relevant_args), args, kwargs)


has_flambeau_function, handle_flambeau_function = has_torch_function, handle_torch_function


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator: `dispatcher(*args, **kwargs)` names the arguments that may override the function."""

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def call(*args, **kwargs):
            found = overriding(dispatcher(*args, **kwargs))
            return ask(call, found, args, kwargs) if found else function(*args, **kwargs)

        return call

    return decorate


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or has the protocol.

    >>> flambeau.overrides.is_tensor_like(flambeau.ones(1)), flambeau.overrides.is_tensor_like([1.0])
    (True, False)
    """
    return isinstance(inp, Tensor) or protocol(type(inp)) is not None


# ---- what can be asked about
# names of `flambeau` whose calls nobody is asked about: they make tensors of nothing, or set and tell what holds for all
_IGNORED = frozenset(
    """typename is_tensor is_storage set_default_tensor_type set_default_device get_default_device set_rng_state get_rng_state manual_seed
    initial_seed seed save load set_printoptions enable_grad no_grad set_grad_enabled is_grad_enabled inference_mode compile
    is_inference_mode_enabled set_default_dtype get_default_dtype get_num_threads set_num_threads get_num_interop_threads
    set_num_interop_threads set_flush_denormal promote_types can_cast result_type use_deterministic_algorithms
    are_deterministic_algorithms_enabled is_deterministic_algorithms_warn_only_enabled set_deterministic_debug_mode
    get_deterministic_debug_mode set_float32_matmul_precision get_float32_matmul_precision set_warn_always is_warn_always_enabled
    tensor as_tensor asarray scalar_tensor zeros ones empty full arange range linspace logspace eye rand randn randint randperm
    from_numpy from_file from_dlpack to_dlpack frombuffer empty_strided empty_permuted sparse_coo_tensor sparse_csr_tensor
    sparse_csc_tensor sparse_compressed_tensor tril_indices triu_indices hann_window hamming_window blackman_window bartlett_window
    kaiser_window broadcast_shapes vmap op cond while_loop get_device_module is_anomaly_enabled is_anomaly_check_nan_enabled
    set_anomaly_enabled sym_int sym_float sym_not sym_max sym_min sym_sum sym_ite sym_sqrt fftfreq rfftfreq calculate_gain
    check_dim is_inference is_vulkan_available""".split())  # fmt: skip
_IGNORED_MEMBERS = frozenset(
    """__flambeau_function__ __torch_function__ __new__ __init_subclass__ __hash__ __iter__ __array_wrap__ __array_namespace__ __dlpack__
    __dlpack_device__ _make_subclass as_subclass new _typed_storage""".split())


def _places() -> dict[Any, str]:
    import flambeau
    from flambeau import fft, functional, linalg, nn, special

    return {flambeau: "flambeau", functional: "flambeau.functional", nn.functional: "flambeau.nn.functional", nn.init: "flambeau.nn.init",
            Tensor: "flambeau.Tensor", linalg: "flambeau.linalg", fft: "flambeau.fft", special: "flambeau.special"}


def _is_ours(found: Any) -> bool:
    module = getattr(found, "__module__", None)
    return callable(found) and not isinstance(found, type | ModuleType) and isinstance(module, str) and module.startswith("flambeau") \
        and not module.startswith(("flambeau.casting", "flambeau.write", "flambeau.overriding"))  # what modules use for themselves


@cache
def _tables() -> tuple[dict[Any, list[Callable]], set[Callable], dict[Callable, str]]:
    """Functions by namespace, those that nobody is asked about, and the names of all."""
    found: dict[Any, list[Callable]] = {}
    ignored: set[Callable] = set()
    names: dict[Callable, str] = {}
    for place, path in _places().items():
        if place is Tensor:
            continue
        found[place] = []
        for name in dir(place):
            value: Any = getattr(place, name)
            if name.startswith("_") or not _is_ours(value):
                continue
            names.setdefault(value, f"{path}.{name}")
            if name in _IGNORED or name.startswith(("autocast_", "set_autocast", "get_autocast", "is_autocast", "clear_autocast")):
                ignored.add(value)
            elif name.endswith("_") == (place.__name__ == "flambeau.nn.init"):
                found[place].append(value)
    methods, properties = members()
    found[Tensor] = []
    for name in dir(Tensor):
        value = getattr(Tensor, name)
        if name in properties:
            for part in ("__get__", "__set__"):
                names[getattr(properties[name], part)] = f"flambeau.Tensor.{name}.{part}"
            found[Tensor].append(properties[name].__get__)
        elif callable(value) and not isinstance(value, type) and getattr(object, name, None) is not value \
                and (name in methods or hasattr(value, "card") or name.startswith("__")):
            names.setdefault(value, f"flambeau.Tensor.{name}")
            (ignored.add if name in _IGNORED_MEMBERS else found[Tensor].append)(value)
    return found, ignored, names


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """The functions, methods and getters of properties that types are asked about, by namespace."""
    return {place: list(functions) for place, functions in _tables()[0].items()}


def get_ignored_functions() -> set[Callable]:
    """Public functions that no type is asked about: they take no tensor, or tell what one is.

    >>> flambeau.zeros in flambeau.overrides.get_ignored_functions()
    True
    """
    return set(_tables()[1])


def get_default_nowrap_functions() -> set[Callable]:
    """What gives a tensor that rests on another one, and that the default protocol therefore leaves as it is."""
    return {field.__get__ for field in FIELDS}


@cache
def _overrides() -> dict[Callable, Callable]:
    found, ignored, _ = _tables()
    return {f: _answer(f) for functions in found.values() for f in functions if f not in ignored}


def get_testing_overrides() -> dict[Callable, Callable]:
    """For each function that types are asked about one of the same signature that gives -1: to test a type with.

    >>> flambeau.overrides.get_testing_overrides()[flambeau.add](1, 2)
    -1
    """
    return dict(_overrides())


def _answer(function: Callable) -> Callable:
    def override(*args, **kwargs):
        return -1

    try:
        told = signature(function)
    except (TypeError, ValueError):  # a getter of C
        told = Signature([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)])
    setattr(override, "__signature__", told.replace(return_annotation=Signature.empty))  # noqa: B010 (mypy knows no such attribute)
    return override


def resolve_name(f: Callable) -> str | None:
    """The full name of a public function, method or getter; None for others."""
    return _tables()[2].get(f)


@cache
def _methods() -> frozenset[Callable]:
    return frozenset(_tables()[0][Tensor])


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether it is one of Tensor's own methods, or the getter of a property, as against a function of a namespace.

    >>> flambeau.overrides.is_tensor_method_or_property(flambeau.Tensor.shape.__get__)
    True
    """
    return func in _methods() or getattr(func, "__name__", None) == "__get__"


# ---- inside of a protocol
def redispatch_function(func: Callable, types: Any, args: tuple, kwargs: dict | None) -> Any:
    """The function's own work, for a protocol that wants to see the ops inside too: this one call of it is not asked about."""
    state.skipping = func not in _several()
    try:
        return func(*args, **(kwargs or {}))
    finally:
        state.skipping = False


@cache
def _several() -> frozenset[Callable]:
    """Functions that do not ask for themselves: the methods that a namespace offers by asking, and getters."""
    functions = [f for functions in _tables()[0].values() for f in functions]
    offered = [f for f in functions if hasattr(f, "__wrapped__") and f.__module__ in _places().values()]
    return frozenset([f.__wrapped__ for f in offered] + [f for f in functions if getattr(f, "__name__", None) == "__get__"])


@contextmanager
def _enable_torch_function():
    """Inside, protocols are asked again."""
    before = state.subclasses, state.everyone
    state.subclasses = state.everyone = True
    try:
        yield
    finally:
        state.subclasses, state.everyone = before


enable_reentrant_dispatch = _enable_torch_function


def _get_current_function_mode() -> Mode | None:
    return stack()[-1] if stack() else None


def _get_current_function_mode_stack() -> list[Mode]:
    return stack()


