"""How modules are converted and loaded: into the same parameters (the default), by new parameters, or by a swap.

Both settings are for `Module.to`, `float`, `double`, `to_empty` and the like; swapping is for `load_state_dict` too.
"""

from .nn.conversion import HOW

__all__ = ["get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
           "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion"]


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Whether conversions put new parameters into the module, and leave the old ones as they are.

    >>> layer = nn.Linear(2, 2)
    >>> flambeau.__future__.set_overwrite_module_params_on_conversion(True)
    >>> before = layer.weight
    >>> layer.double().weight is before, before.dtype
    (False, flambeau.float32)
    >>> flambeau.__future__.set_overwrite_module_params_on_conversion(False)
    """
    HOW["overwrite"] = value


def get_overwrite_module_params_on_conversion() -> bool:
    """Whether conversions put new parameters into the module."""
    return HOW["overwrite"]


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Whether conversions and `load_state_dict` swap parameters with the new ones (`flambeau.utils.swap_tensors`), subclasses included.

    It comes before `set_overwrite_module_params_on_conversion`. Loading asks `param.module_load(value)` for what to swap with.

    >>> flambeau.__future__.set_swap_module_params_on_conversion(True)
    >>> layer = nn.Linear(2, 2)
    >>> before = layer.weight
    >>> layer.double().weight is before, before.dtype
    (True, flambeau.float64)
    >>> flambeau.__future__.set_swap_module_params_on_conversion(False)
    """
    HOW["swap"] = value


def get_swap_module_params_on_conversion() -> bool:
    """Whether conversions and `load_state_dict` swap."""
    return HOW["swap"]
