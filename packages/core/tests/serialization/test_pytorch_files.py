"""Files that PyTorch 2.13 wrote, and what they hold; files of ours, in PyTorch's words.

`pytorch.pt` and `pytorch_before_1.6.pt` came from `torch.save(value, …)`, the second with `_use_new_zipfile_serialization=False`, where
value is what `check` below expects, its model Sequential(Linear(2, 2), BatchNorm1d(2)) after a step of Adam(lr=0.1).
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path

import pytest

import flambeau
from flambeau import nn, optim
from flambeau.serialization import get_unsafe_globals_in_checkpoint, load, save

HERE = Path(__file__).parent
FILES = {"zip": HERE / "pytorch.pt", "before 1.6": HERE / "pytorch_before_1.6.pt"}


def check(value, typed_only):
    assert value["base"].tolist() == [[0, 1, 2], [3, 4, 5]] and value["column"].tolist() == [1, 4] and value["column"].stride() == (3,)
    assert type(value["parameter"]) is nn.Parameter and value["parameter"].requires_grad and value["parameter"].tolist() == [1.5]
    assert value["size"] == flambeau.Size([1, 2]) and type(value["size"]) is flambeau.Size
    assert value["device"] == flambeau.device("cpu") and value["dtype"] is flambeau.bfloat16
    assert value["bytes"] == b"ab\xff" and value["set"] == {1, 2} and value["complex"] == 1j
    assert value["meta"].is_meta and value["meta"].shape == (2, 3)
    assert value["conj"].tolist() == [1 - 2j]
    assert value["bf"].dtype is flambeau.bfloat16 and value["bf"].tolist() == [1.5, -2] and value["half"].tolist() == [1.5]
    assert value["flag"].tolist() == [True, False] and value["empty"].shape == (0, 3) and value["i"].item() == -3
    if not typed_only:
        assert value["f8"].dtype is flambeau.float8_e4m3fn
        assert value["f8"].float().tolist() == [1.5, -2] and value["u16"].tolist() == [65535]
    value["base"][0, 1] = 7.0
    assert value["column"].tolist() == [7, 4], "a view of the same memory"
    value["base"][0, 1] = 1.0


@pytest.mark.parametrize("kind", FILES)
def test_pytorchs_files_are_read(kind):
    check(load(FILES[kind]), kind != "zip")
    check(load(io.BytesIO(FILES[kind].read_bytes())), kind != "zip")


def test_pytorchs_file_is_mapped():
    value = load(FILES["zip"], mmap=True)
    check(value, False)
    value["i"] += 1
    assert load(FILES["zip"])["i"].item() == -3


@pytest.mark.parametrize("kind", FILES)
def test_a_model_and_its_optimizer_of_pytorchs_go_on(kind):
    saved = load(FILES[kind])
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    optimizer = optim.Adam(model.parameters(), lr=0.5)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    assert saved["model"]._metadata == {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 2}}
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer.state[model[1].weight]["exp_avg"].tolist() == pytest.approx([0.4, 0.3999], abs=1e-4)
    file = io.BytesIO()
    save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    again = load(file)
    assert repr(again["optimizer"]) == repr(saved["optimizer"])  # keys, order, types and numbers
    assert repr(dict(again["model"])) == repr(dict(saved["model"])) and again["model"]._metadata == saved["model"]._metadata


@pytest.mark.parametrize("zipped", [True, False])
def test_what_we_write_of_it_is_the_same_again(zipped):
    value = load(FILES["before 1.6"])
    file = io.BytesIO()
    save(value, file, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    check(load(file), True)


def names_in(content):
    """The names that a pickle of protocol 2 has."""
    return {argument for instruction, argument, _ in pickletools.genops(content) if instruction.name == "GLOBAL"}


def test_our_pickle_has_the_names_of_pytorchs():
    with zipfile.ZipFile(FILES["zip"]) as theirs:
        expected = names_in(theirs.read("archive/data.pkl"))
    file = io.BytesIO()
    save(load(FILES["zip"]), file)
    with zipfile.ZipFile(file) as ours:
        assert names_in(ours.read("archive/data.pkl")) == expected
        assert ours.read("archive/version") == b"3\n" and ours.read("archive/byteorder") in (b"little", b"big")
        for record in ours.infolist():
            assert record.compress_type == zipfile.ZIP_STORED
            assert (record.header_offset + 30 + len(record.filename) + len(record.extra)) % 64 == 0, "on borders that can be mapped"
    file.seek(0)
    assert get_unsafe_globals_in_checkpoint(file) == []


def test_several_in_one_file():
    file = io.BytesIO()
    for i in range(3):
        save([flambeau.full((2,), float(i)), i], file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert [load(file)[0].tolist() for _ in range(3)] == [[0, 0], [1, 1], [2, 2]]
    with pytest.raises(EOFError, match="empty"):
        load(file)
