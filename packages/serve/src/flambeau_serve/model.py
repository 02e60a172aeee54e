"""A module made ready to serve: named by the operator, filled from a file, its signature checked by a dry run."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import flambeau
from flambeau import Tensor, nn

from .datatypes import DTYPES, datatype_of
from .signature import Arrays, Signature, TensorSpec

PROBES = (3, 4)  # two sizes for each -1, so that an output's varying sizes show
FREE = (8, 16)  # and larger ones for those behind the batch, which kernels may have to fit in


class Model:
    """A module and its signature; calling it takes arrays by input name and gives arrays by output name.

    inputs stand in the order of the module's arguments. outputs, in the order of its results, are found by a dry run on zeros
    when not given; they are then named output, or output_0, output_1, ..., or by the keys of the dict that the module gives.
    Raises ValueError when the module does not run on its inputs, or its results do not fit the declared outputs.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec] = (), device: Any = "cpu") -> None:
        self.module = module.eval().to(device)
        self.device = device
        self.signature = Signature(tuple(inputs), tuple(outputs))
        found = self._dry_run()
        if not outputs:
            self.signature = Signature(self.signature.inputs, found)
            return
        for declared, real in zip(outputs, found):
            agree = len(declared.shape) == len(real.shape) and all(want in (-1, got) for want, got in zip(declared.shape, real.shape))
            if declared.datatype != real.datatype or not agree:
                raise ValueError(
                    f"output {declared.name!r}: declared as {declared.datatype} {list(declared.shape)}, and the module gives "
                    f"{real.datatype} {list(real.shape)} (-1 may vary)"
                )

    def __call__(self, inputs: Arrays) -> Arrays:
        with flambeau.no_grad():
            result = self.module(*(self._tensor(inputs[spec.name]) for spec in self.signature.inputs))
        return {name: tensor.detach().cpu().numpy() for name, tensor in self._named(result).items()}

    def _tensor(self, array: np.ndarray) -> Tensor:
        array = array if array.flags.writeable and array.flags.c_contiguous else array.copy()  # a client's bytes are read-only
        return flambeau.from_numpy(array).to(self.device)

    def _named(self, result: Any) -> dict[str, Tensor]:
        if not isinstance(result, dict):
            results = list(result) if isinstance(result, tuple | list) else [result]
            default = ["output"] if len(results) == 1 else [f"output_{place}" for place in range(len(results))]
            names = [spec.name for spec in self.signature.outputs] or default
            if len(names) != len(results):
                raise ValueError(f"expected the model to give {len(names)} outputs, {', '.join(names)}, got {len(results)}")
            result = dict(zip(names, results))
        elif self.signature.outputs and set(result) != {spec.name for spec in self.signature.outputs}:
            names = [spec.name for spec in self.signature.outputs]
            raise ValueError(f"expected the model to give the outputs {', '.join(names)}, got {', '.join(map(str, result))}")
        for name, value in result.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"expected output {name!r} to be a tensor, got {type(value).__name__}")
        return result

    def _dry_run(self) -> tuple[TensorSpec, ...]:
        """The outputs that zeros of two sizes give."""
        runs = []
        for batch, free in zip(PROBES, FREE):
            shapes = {spec.name: [batch, *(free if size == -1 else size for size in spec.shape[1:])] for spec in self.signature.inputs}
            zeros = {spec.name: np.zeros(shapes[spec.name], DTYPES[spec.datatype]) for spec in self.signature.inputs}
            try:
                runs.append(self(zeros))
            except Exception as error:
                raise ValueError(f"the model does not run on zeros of shape {shapes}: {type(error).__name__}: {error}") from error
        return tuple(_spec(name, *(run[name] for run in runs)) for name in runs[0])


def _spec(name: str, first: np.ndarray, second: np.ndarray) -> TensorSpec:
    if first.ndim == 0 or first.ndim != second.ndim or (len(first), len(second)) != PROBES:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise ValueError(f"output {name!r}: expected the batch first, for batches of {PROBES[0]} and {PROBES[1]} rows, got shapes {shapes}")
    sizes = [one if one == other else -1 for one, other in zip(first.shape, second.shape)]
    return TensorSpec(name, datatype_of(first.dtype), tuple(sizes))


def find_factory(path: str) -> Callable[[], Any]:
    """What `package.module:name` names. Only an operator says this, on the command line; no file and no request can.

    Raises ValueError for another form, or a name that is not there or not callable; ImportError from the module itself.
    """
    if not re.fullmatch(r"[\w.]+:[\w.]+", path):
        raise ValueError(f"expected a model factory as package.module:function, got {path!r}")
    module_name, attribute = path.split(":")
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ValueError(f"module {module_name} has no {attribute!r}")
        found = getattr(found, part)
    if not callable(found):
        raise ValueError(f"expected {path} to be a function or class that makes the model, got {type(found).__name__}")
    return found


def load_model(
    weights: str | Path, factory: str, inputs: Sequence[TensorSpec] = (), outputs: Sequence[TensorSpec] = (), device: Any = "cpu"
) -> Model:
    """The model that `factory` makes, with the state_dict in the safetensors file `weights`.

    The factory takes no arguments and gives a module, or a `Model` that tells its inputs; inputs given here go before those.
    """
    made = find_factory(factory)()
    if isinstance(made, Model):
        inputs, outputs = (inputs or made.signature.inputs), (outputs or made.signature.outputs)
        made = made.module
    if not isinstance(made, nn.Module):
        raise TypeError(f"expected {factory} to make a flambeau.nn.Module or a flambeau_serve.Model, got {type(made).__name__}")
    state = flambeau.load(weights)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"expected {weights} to hold a state_dict: tensors by name")
    made.load_state_dict(state)
    return Model(made, inputs, outputs, device)
