from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections import Counter, OrderedDict, namedtuple

import numpy as np
import pytest

import flambeau
from flambeau.serialization import load, load_file, read_metadata, save, save_file


def through(value, **options):
    file = io.BytesIO()
    save(value, file, **options)
    file.seek(0)
    return load(file)


def test_a_state_dict_is_a_plain_file(tmp_path):
    weights = {"b.weight": flambeau.ones(2, 2), "a.bias": flambeau.zeros(2)}
    save(weights, tmp_path / "m.safetensors", metadata={"epoch": "3"})
    assert list(load(tmp_path / "m.safetensors")) == ["b.weight", "a.bias"]
    content = (tmp_path / "m.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header) == {"__metadata__", "b.weight", "a.bias"} and header["__metadata__"] == {"epoch": "3"}
    library = pytest.importorskip("safetensors.numpy")
    assert {k: v.tolist() for k, v in library.load_file(tmp_path / "m.safetensors").items()} == {k: v.tolist() for k, v in weights.items()}


def test_plain_values_come_back_exactly():
    value = {
        "epoch": 3,
        "lr": 0.1,
        "tiny": 5e-324,
        "huge": 10**40,
        "flags": [True, False, None],
        "betas": (0.9, 0.999),
        "nested": {"list": [[], {}, ()], 7: "seven", -1: {"x": ("a", ["b"])}},
        "text": 'Ünïcode "quoted" \n\0',
        "inf": [float("inf"), float("-inf")],
        "complex": complex(-0.0, 2),
        "names": OrderedDict(b=1, a=2),
        "counts": Counter([3, 3, 7]),
        "looks like ours": {"tensor": "x", "dict": []},
    }
    back = through(value)
    assert back == value and repr(back) == repr(value)
    assert np.isnan(through([float("nan")])[0])
    assert through({}) == {} and through(None) is None and through("x") == "x" and through([]) == []


def test_a_whole_checkpoint(tmp_path):
    state = {"state": {0: {"step": flambeau.tensor(3.0), "exp_avg": flambeau.arange(3.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    save({"model": {"w": flambeau.ones(2)}, "optimizer": state, "epoch": 3}, tmp_path / "c")
    back = load(tmp_path / "c")
    assert back["epoch"] == 3 and back["optimizer"]["param_groups"] == state["param_groups"]
    assert back["optimizer"]["state"][0]["exp_avg"].tolist() == [0, 1, 2] and back["optimizer"]["state"][0]["step"].shape == ()
    assert set(load_file(tmp_path / "c")) == {"model.w", "optimizer.state.0.step", "optimizer.state.0.exp_avg"}


def test_a_module_and_its_optimizer_go_on_where_they_were():
    def step(model, optimizer):
        optimizer.zero_grad()
        (model(flambeau.ones(2, 3)) ** 2).sum().backward()
        optimizer.step()

    def new():
        model = flambeau.nn.Sequential(flambeau.nn.Linear(3, 4), flambeau.nn.BatchNorm1d(4), flambeau.nn.Linear(4, 1))
        return model, flambeau.optim.AdamW(model.parameters(), lr=0.1)

    model, optimizer = new()
    step(model, optimizer)
    saved = through({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    again, its_optimizer = new()
    again.load_state_dict(saved["model"])
    its_optimizer.load_state_dict(saved["optimizer"])
    step(model, optimizer)
    step(again, its_optimizer)
    assert all(a.tolist() == b.tolist() for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    assert list(through(model.state_dict())) == list(model.state_dict())


def test_one_tensor_in_two_places_stays_one():
    shared = flambeau.ones(2)
    back = through({"a": [shared], "b": shared, "c": flambeau.ones(2)})
    assert back["a"][0] is back["b"] and back["c"] is not back["b"]
    tied = {"epoch": 1, "w": shared.detach(), "v": shared.detach()}
    back = through(tied)
    assert back["w"] is back["v"] and back["w"].tolist() == [1, 1]


def test_names_that_collide():
    back = through([{"a.b": flambeau.zeros(1), "a": {"b": flambeau.ones(1)}, "__metadata__": flambeau.ones(2)}])
    assert back[0]["a.b"].tolist() == [0] and back[0]["a"]["b"].tolist() == [1] and back[0]["__metadata__"].tolist() == [1, 1]
    assert through({"__metadata__": flambeau.ones(1), "n": 1})["__metadata__"].tolist() == [1]
    assert through(flambeau.ones(2)).tolist() == [1, 1]


def test_complex128_in_a_checkpoint():
    z = flambeau.tensor([[1 + 2j, 3 - 1j]], dtype=flambeau.complex128)
    back = through({"z": z, "s": z[0, 0], "n": 1})
    assert back["z"].dtype == flambeau.complex128 and back["z"].tolist() == z.tolist() and back["s"].shape == ()


def test_what_is_loaded_asks_for_no_gradient_and_may_be_written():
    back = through([flambeau.ones(2, requires_grad=True)])[0]
    assert not back.requires_grad and back.add_(1).tolist() == [2, 2]


def test_a_file_that_is_written_into(tmp_path):
    save({"x": flambeau.ones(1000)}, tmp_path / "x")
    loaded = load(tmp_path / "x", mmap=False)["x"]
    (tmp_path / "x").write_bytes(bytes(8000))
    assert loaded.sum().item() == 1000 and loaded.add_(1).sum().item() == 2000


def test_map_location(tmp_path):
    save({"x": flambeau.ones(1)}, tmp_path / "x")
    assert load(tmp_path / "x", map_location="cpu")["x"].device == flambeau.device("cpu")
    assert load(tmp_path / "x", map_location=flambeau.device("cpu"), weights_only=True)["x"].tolist() == [1]


Point = namedtuple("Point", "x y")


class Custom:
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [Custom()]}, r"can't save .*\.Custom at a.0: only tensors"),
        ({"f": print}, "builtin_function_or_method at f"),
        ([np.float64(1)], r"numpy\.float64 at 0"),
        ({"x": np.ones(2)}, r"numpy\.ndarray at x"),
        ({"p": Point(1, 2)}, "Point at p"),
        ([{1.5: 1}], r"str or int as key of the dict at 0, got 1\.5 of type float"),
        ({None: 1}, "key of the dict at value, got None"),
        ({"s": {1}}, r"builtins\.set at s"),
        ({"b": b"x"}, r"builtins\.bytes at b"),
    ],
)
def test_what_cannot_be_saved(tmp_path, value, message):
    with pytest.raises(TypeError, match=message):
        save(value, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_holds_itself(tmp_path):
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="at most 100 levels"):
        save(value, tmp_path / "x")


def test_metadata(tmp_path):
    save({"n": 1}, tmp_path / "x", metadata={"note": "mine"})
    assert read_metadata(tmp_path / "x") == {"note": "mine"} and load(tmp_path / "x") == {"n": 1}
    with pytest.raises(ValueError, match="'flambeau' is taken"):
        save({}, tmp_path / "y", metadata={"flambeau": "x"})


def test_pytorchs_formats_say_what_they_are(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as file:
        file.writestr("model/data.pkl", pickle.dumps({}))
    with pytest.raises(RuntimeError, match=r"model\.pt is a zip file, as PyTorch's save writes them.*not read yet"):
        load(tmp_path / "model.pt")
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(RuntimeError, match=r"old\.pt is a pickle.*not read yet"):
        load(tmp_path / "old.pt")


def test_a_header_whose_length_begins_like_a_pickle(tmp_path):
    header = b'{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.ljust(128)
    (tmp_path / "x").write_bytes(b"\x80" + bytes(7) + header + b"\5")
    assert load(tmp_path / "x")["x"].tolist() == [5]


TREES = [
    {"tensor": "missing"}, {"tensor": ["x"]}, {"call": "os.system"}, {"dict": 3}, {"dict": [["a"]]}, {"dict": [[None, 1]]},
    {"float": "1"}, {"complex": [1]}, {"complex": ["a", "b"]}, {"tuple": 1}, {"a": 1, "b": 2}, {},
]  # fmt: skip
RECORDS = ["", "[]", "{}", '{"version": 2, "tree": 1}', '{"version": 1}', '{"version": 1, "tree": 1, "complex128": ["q"]}', "[" * 99999]


@pytest.mark.parametrize("record", [json.dumps({"version": 1, "tree": tree}) for tree in TREES] + RECORDS)
def test_a_damaged_record(tmp_path, record):
    save_file({"x": flambeau.ones(1)}, tmp_path / "x", metadata={"flambeau": record})
    with pytest.raises(ValueError, match="structure of the checkpoint is damaged"):
        load(tmp_path / "x")


def test_missing_and_truncated(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")
    save({"n": 1, "x": flambeau.ones(100)}, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(ValueError, match="cut short|damaged"):
            load(tmp_path / "cut")
