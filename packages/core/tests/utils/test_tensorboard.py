"""What is written is read back with the library's own reader; without the library the error says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest

import flambeau


def test_without_the_library_the_error_says_what_to_install():
    program = "import sys; sys.modules['tensorboardX'] = None; import flambeau.utils.tensorboard"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode and 'pip install "flambeau[tensorboard]"' in done.stderr


def events(folder):
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.glob("events*")
    data, at = file.read_bytes(), 0
    while at < len(data):  # records: length (8), checksum (4), event, checksum (4)
        length = int.from_bytes(data[at : at + 8], "little")
        yield Event.FromString(data[at + 12 : at + 12 + length])
        at += 16 + length


def test_tensors_are_written(tmp_path):
    pytest.importorskip("tensorboardX")
    pytest.importorskip("PIL")
    from tensorboardX.proto.graph_pb2 import GraphDef

    from flambeau.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", flambeau.tensor(0.5, requires_grad=True) * 2, 3)
        writer.add_scalar("half", flambeau.tensor(1.5, dtype=flambeau.bfloat16), 4)
        writer.add_histogram("weights", flambeau.arange(10.0), 3)
        writer.add_image("picture", flambeau.zeros(3, 4, 5), 3)
        writer.add_graph(flambeau.nn.Linear(2, 1), flambeau.ones(1, 2))
    nodes, found = {}, {}
    for event in events(tmp_path):
        if event.graph_def:
            nodes = {node.name: node for node in GraphDef.FromString(event.graph_def).node}
        found |= {value.tag: (event.step, value) for value in event.summary.value}
    assert found["loss"][0] == 3 and found["loss"][1].simple_value == 1.0 and found["half"][1].simple_value == 1.5
    assert found["weights"][1].histo.num == 10 and found["picture"][1].image.width == 5
    assert list(nodes) == ["input/input", "Linear/weight", "Linear/bias", "Linear/linear", "output/output.1"]
    assert list(nodes["Linear/linear"].input) == list(nodes)[:3] and nodes["Linear/weight"].attr["attr"].s == b"{ name: weight }"
    assert [dim.size for dim in nodes["Linear/weight"].attr["_output_shapes"].list.shape[0].dim] == [1, 2]


def test_pytorchs_own_arguments(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

    from flambeau.utils.tensorboard import KINDS, SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        assert writer.get_logdir() == str(tmp_path)
        writer.add_scalar("new", flambeau.tensor([0.1]), 1, None, True)
        writer.add_scalar("double", 0.1, 2, new_style=True, double_precision=True)
        for dtype in KINDS:
            writer.add_tensor(dtype.name, flambeau.ones(2, 3).to(dtype).t(), 3)
        writer.add_hparams({"lr": flambeau.tensor(0.5), "kind": "a"}, {"loss": flambeau.tensor(2.0)}, {"lr": [0.5, 1.5]}, "run", 4)
        for domain in ({"other": [1]}, {"lr": ["a"]}, {"lr": 1.0}):
            with pytest.raises(TypeError, match="hparam_domain_discrete"):
                writer.add_hparams({"lr": 0.5}, {}, domain)
        with pytest.raises(ValueError, match="one number"):
            writer.add_scalar("many", flambeau.ones(2), new_style=True)
        with pytest.raises(ValueError, match="unsupported tensor dtype"):
            writer.add_tensor("low", flambeau.ones(2).to(flambeau.float8_e5m2))
    found = {value.tag: value for event in events(tmp_path) for value in event.summary.value}
    assert found["new"].tensor.tensor_content == flambeau.tensor(0.1).numpy().tobytes() and not found["new"].tensor.tensor_shape.dim
    assert found["double"].tensor.tensor_content == flambeau.tensor(0.1, dtype=flambeau.float64).numpy().tobytes()
    assert found["double"].metadata.plugin_data.plugin_name == "scalars" and found["int16"].metadata.plugin_data.plugin_name == "tensor"
    assert [dim.size for dim in found["int16"].tensor.tensor_shape.dim] == [3, 2] and len(found["int16"].tensor.tensor_content) == 12
    run = {value.tag: value for event in events(tmp_path / "run") for value in event.summary.value}
    told = HParamsPluginData.FromString(run["_hparams_/experiment"].metadata.plugin_data.content).experiment
    assert {info.name: list(info.domain_discrete) for info in told.hparam_infos} == {"lr": [0.5, 1.5], "kind": []}
    assert run["loss"].simple_value == 2.0
