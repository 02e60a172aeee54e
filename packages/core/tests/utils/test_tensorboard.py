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


def test_tensors_are_written(tmp_path):
    pytest.importorskip("tensorboardX")
    pytest.importorskip("PIL")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.graph_pb2 import GraphDef

    from flambeau.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_scalar("loss", flambeau.tensor(0.5, requires_grad=True) * 2, 3)
        writer.add_scalar("half", flambeau.tensor(1.5, dtype=flambeau.bfloat16), 4)
        writer.add_histogram("weights", flambeau.arange(10.0), 3)
        writer.add_image("picture", flambeau.zeros(3, 4, 5), 3)
        writer.add_graph(flambeau.nn.Linear(2, 1), flambeau.ones(1, 2))
    (file,) = tmp_path.glob("events*")
    data, at, found = file.read_bytes(), 0, {}
    while at < len(data):  # records: length (8), checksum (4), event, checksum (4)
        length = int.from_bytes(data[at : at + 8], "little")
        event = Event.FromString(data[at + 12 : at + 12 + length])
        if event.graph_def:
            nodes = {node.name: node for node in GraphDef.FromString(event.graph_def).node}
        found |= {value.tag: (event.step, value) for value in event.summary.value}
        at += 16 + length
    assert found["loss"][0] == 3 and found["loss"][1].simple_value == 1.0 and found["half"][1].simple_value == 1.5
    assert found["weights"][1].histo.num == 10 and found["picture"][1].image.width == 5
    assert list(nodes) == ["input/input", "Linear/weight", "Linear/bias", "Linear/linear", "output/output.1"]
    assert list(nodes["Linear/linear"].input) == list(nodes)[:3] and nodes["Linear/weight"].attr["attr"].s == b"{ name: weight }"
    assert [dim.size for dim in nodes["Linear/weight"].attr["_output_shapes"].list.shape[0].dim] == [1, 2]
