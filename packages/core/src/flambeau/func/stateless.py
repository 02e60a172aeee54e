"""Modules as functions of their parameters: call one with other values, or stack those of many for vmap."""
from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

from ..ops.join import stack
from ..tensor import Tensor


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True,
                    strict: bool = False):
    """The module's output with other tensors in place of the named parameters and buffers, which it has back afterwards.

    parameter_and_buffer_dicts  name -> tensor, or several such dicts
    tie_weights                 what the module shares, the replacement shares: one value serves for both names
    strict                      the names must be the module's: all of them, and no others

    A name that is no parameter or buffer is an attribute for as long as the call takes. A buffer that the module replaces while it runs
    is put into the dict. RuntimeError for missing and unknown names where `strict`, AttributeError for the name of a part that is not
    there, ValueError for names given twice and for tied names with different values.

    >>> double = flambeau.nn.Linear(2, 1, bias=False)
    >>> flambeau.func.functional_call(double, {"weight": flambeau.ones(1, 2)}, flambeau.ones(1, 2))
    tensor([[2.]])
    """
    given = _one_dict(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **kwargs or {})


def _one_dict(given) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    if not isinstance(given, Sequence):
        raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(given)}")
    if not all(isinstance(d, dict) for d in given):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [name for d in given for name in d]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {name: value for d in given for name, value in d.items()}


_ABSENT = object()


def _names(module) -> dict[str, Tensor]:
    """Every name of a parameter or buffer, those that several share included, with its tensor."""
    return dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)])


@contextmanager
def _replaced(module, given: dict[str, Any], tie_weights: bool, strict: bool):
    wanted = given
    if tie_weights or strict:  # a module that holds itself has no end of names: it goes without both
        tensors = _names(module)
        wanted = _with_ties(given, _tied(tensors)) if tie_weights else given
        if strict and wanted.keys() != tensors.keys():
            lists = (("Unexpected", wanted.keys() - tensors.keys()), ("Missing", tensors.keys() - wanted.keys()))
            told = "".join(f"\n\t{word} key(s): {', '.join(map(repr, sorted(names)))}." for word, names in lists if names)
            raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:{told}")
    for name, value in wanted.items():
        if not isinstance(value, Tensor) and value is not None:
            raise TypeError(f"{name}: {value} is not an instance of flambeau.Tensor")
    places = {name: (module.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in wanted}
    before = []
    try:
        for name, value in wanted.items():
            before.append((name, _swap(*places[name], value)))
        yield
    finally:
        for name, value in before:
            now = _swap(*places[name], value)
            if name in given and now is not _ABSENT:
                given[name] = now


def _swap(part, name: str, value) -> Any:
    """Put a tensor in an attribute's place, or take it away where it is `_ABSENT`; gives what was there.

    What is registered stays so, whatever is put there; other attributes are set as an assignment sets them.
    """
    for store in (part._parameters, part._buffers):
        if name in store and value is not _ABSENT:
            before, store[name] = store[name], value
            return before
    before = getattr(part, name, _ABSENT)
    if before is not _ABSENT and before is not None and not isinstance(before, Tensor):
        raise TypeError(f"attribute `{name}`: {before} is not an instance of flambeau.Tensor")
    if value is not _ABSENT:
        setattr(part, name, value)
    elif before is not _ABSENT:
        delattr(part, name)
    return before


def _tied(tensors: dict[str, Tensor]) -> dict[str, list[str]]:
    """Each name with all names of the same tensor."""
    by_tensor: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        by_tensor.setdefault(id(tensor), []).append(name)
    return {name: group for group in by_tensor.values() for name in group}


def _with_ties(given: dict[str, Any], groups) -> dict[str, Any]:
    wanted = {}
    for name, value in given.items():
        for other in groups.get(name, (name,)):
            if other in given and given[other] is not value:
                raise ValueError(
                    f"functional_call got multiple values for keys {sorted(groups[name])}, which are tied. "
                    "Consider using tie_weights=False"
                )
            wanted[other] = value
    return wanted


def stack_module_state(models) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of modules of one class, each stacked: new leaves of shape (models, *).

    RuntimeError for no modules, for several classes or modes, and where only some of a parameter's tensors ask for gradients.

    >>> params, buffers = flambeau.func.stack_module_state([flambeau.nn.Linear(2, 3) for _ in range(4)])
    >>> params["weight"].shape
    flambeau.Size([4, 3, 2])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({bool(m.training) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    rows = [(dict(m.named_parameters()), dict(m.named_buffers())) for m in models]
    params, buffers = ({name: _stacked([row[i][name] for row in rows], name) for name in rows[0][i]} for i in (0, 1))
    return params, buffers


def _stacked(tensors: list[Tensor], name: str) -> Tensor:
    asked = {t.requires_grad for t in tensors}
    if len(asked) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    out = stack([t.detach() for t in tensors])
    return out.requires_grad_() if asked.pop() else out


def replace_all_batch_norm_modules_(root):
    """Let every norm in a module do without running statistics, which transforms cannot write to; gives the module."""
    for module in root.modules():
        if getattr(module, "track_running_stats", False):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
