"""Models made from a factory and a file: signatures told and found, and what cannot be served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flambeau
from flambeau import Tensor, nn
from flambeau_serve import Model, TensorSpec, load_model

X = TensorSpec("x", "FP32", (-1, 3))


class Function(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(*inputs)


def test_outputs_are_found_by_a_dry_run() -> None:
    model = Model(Function(lambda x: x @ flambeau.ones(3, 2)), [X])
    assert model.signature.outputs == (TensorSpec("output", "FP32", (-1, 2)),)
    out = model({"x": np.ones((5, 3), np.float32)})
    assert out["output"].tolist() == [[3, 3]] * 5


def test_several_outputs_are_numbered_or_named_by_the_module() -> None:
    pair = Model(Function(lambda x: (x, x > 0)), [X])
    assert pair.signature.outputs == (TensorSpec("output_0", "FP32", (-1, 3)), TensorSpec("output_1", "BOOL", (-1, 3)))
    named = Model(Function(lambda x: {"least": x.argmin(1), "sum": x.sum(1)}), [X])
    assert named.signature.outputs == (TensorSpec("least", "INT64", (-1,)), TensorSpec("sum", "FP32", (-1,)))


def test_sizes_that_vary_are_seen() -> None:
    model = Model(Function(lambda x: flambeau.cat([x, x], dim=1)), [TensorSpec("x", "FP64", (-1, -1, 2))])
    assert model.signature.outputs == (TensorSpec("output", "FP64", (-1, -1, 2)),)


def test_inputs_go_in_their_order() -> None:
    model = Model(Function(lambda a, b: a - b), [TensorSpec("a", "INT64", (-1,)), TensorSpec("b", "INT64", (-1,))])
    assert model({"b": np.array([1]), "a": np.array([5])})["output"].tolist() == [4]


def test_dropout_rests_and_no_graph_is_kept() -> None:
    seen = []
    model = Model(nn.Sequential(nn.Dropout(0.9), Function(lambda x: seen.append(x.requires_grad) or x)), [X])
    ones = np.ones((4, 3), np.float32)
    assert model({"x": ones})["output"].tolist() == ones.tolist()
    assert not any(seen)
    parameter = Model(nn.Linear(3, 1), [X])
    assert parameter({"x": ones})["output"].shape == (4, 1)


def test_read_only_arrays_are_copied() -> None:
    raw = np.frombuffer(np.ones(6, np.float32).tobytes(), np.float32).reshape(2, 3)
    assert not raw.flags.writeable
    assert Model(Function(lambda x: x.mul_(2)), [X])({"x": raw})["output"].tolist() == [[2] * 3] * 2
    assert raw.tolist() == [[1] * 3] * 2


def test_declared_outputs_name_the_results() -> None:
    model = Model(Function(lambda x: (x.sum(1), x)), [X], [TensorSpec("sum", "FP32", (-1,)), TensorSpec("same", "FP32", (-1, -1))])
    assert list(model({"x": np.ones((2, 3), np.float32)})) == ["sum", "same"]
    assert model.signature.outputs[1].shape == (-1, -1)


BAD = {
    "wrong input": (lambda x: x @ flambeau.ones(4, 2), (), r"does not run on zeros of shape \{'x': \[3, 3\]\}"),
    "no tensor": (lambda x: 5, (), "expected output 'output' to be a tensor, got int"),
    "no batch": (lambda x: x.sum(), (), r"expected the batch first, for batches of 3 and 4 rows, got shapes \[\] and \[\]"),
    "batch elsewhere": (lambda x: x.t(), (), r"expected the batch first, .* got shapes \[3, 3\] and \[3, 4\]"),
    "too few": (lambda x: x, ("a:FP32:-1,3", "b:FP32:-1,3"), "expected the model to give 2 outputs, a, b, got 1"),
    "other names": (lambda x: {"a": x}, ("b:FP32:-1,3",), "expected the model to give the outputs b, got a"),
    "other dtype": (lambda x: x, ("a:FP64:-1,3",), r"output 'a': declared as FP64 \[-1, 3\], and the module gives FP32 \[-1, 3\]"),
    "other shape": (lambda x: x, ("a:FP32:-1,4",), r"output 'a': declared as FP32 \[-1, 4\], and the module gives FP32 \[-1, 3\]"),
}


@pytest.mark.parametrize(("function", "outputs", "message"), BAD.values(), ids=BAD)
def test_models_that_do_not_fit(function: Any, outputs: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Model(Function(function), [X], [TensorSpec.parse(text) for text in outputs])


def test_weights_from_a_file(weights: Path, factories: str) -> None:
    model = load_model(weights, f"{factories}:net", [X])
    assert model.signature.outputs == (TensorSpec("output", "FP32", (-1, 2)),)
    told = load_model(str(weights), f"{factories}:told")
    assert told.signature == model.signature
    ones = {"x": np.ones((2, 3), np.float32)}
    assert np.array_equal(model(ones)["output"], told(ones)["output"])
    assert load_model(weights, f"{factories}:Made.net", [X]).signature == model.signature
    renamed = load_model(weights, f"{factories}:told", [TensorSpec("y", "FP32", (-1, 3))], [TensorSpec("z", "FP32", (-1, 2))])
    assert [spec.name for spec in (*renamed.signature.inputs, *renamed.signature.outputs)] == ["y", "z"]


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        ("net", ValueError, "expected a model factory as package.module:function, got 'net'"),
        ("a:b:c", ValueError, "expected a model factory as"),
        ("os; import sys:x", ValueError, "expected a model factory as"),
        ("no_such_module_here:net", ImportError, "no_such_module_here"),
        ("served_by_tests:absent", ValueError, "module served_by_tests has no 'absent'"),
        ("served_by_tests:KIND", ValueError, "expected served_by_tests:KIND to be a function or class that makes the model, got str"),
        ("served_by_tests:nothing", TypeError, "to make a flambeau.nn.Module or a flambeau_serve.Model, got int"),
    ],
)
def test_factories_that_are_none(weights: Path, factories: str, factory: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_model(weights, factory, [X])


def test_files_that_do_not_fit(weights: Path, factories: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one input: declare it with --input"):
        load_model(weights, f"{factories}:net")
    other = tmp_path / "other.safetensors"
    flambeau.save(nn.Linear(2, 2).state_dict(), other)
    with pytest.raises(RuntimeError, match="state_dict"):
        load_model(other, f"{factories}:net", [X])
    nested = tmp_path / "nested.pt"
    flambeau.save({"epoch": 3, "weights": flambeau.ones(2)}, nested)
    with pytest.raises(ValueError, match=r"expected .*nested.pt to hold a state_dict: tensors by name"):
        load_model(nested, f"{factories}:net", [X])
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "absent.safetensors", f"{factories}:net", [X])
    other.write_bytes(weights.read_bytes()[:-3])
    with pytest.raises((ValueError, RuntimeError), match="other.safetensors"):
        load_model(other, f"{factories}:net", [X])
