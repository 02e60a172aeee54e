from __future__ import annotations

import io
import os
import pickle
import re
import sys
import zipfile
from collections import Counter, OrderedDict, namedtuple
from pathlib import Path

import numpy as np
import pytest

import flambeau
from flambeau import nn
from flambeau.serialization import load, load_file, read_metadata, save, save_file

FORMATS = [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}, {"pickle_protocol": 5}]


def through(value, **options):
    file = io.BytesIO()
    save(value, file, **options)
    file.seek(0)
    return load(file)


@pytest.mark.parametrize("options", FORMATS)
def test_plain_values_come_back_exactly(options):
    value = {
        "epoch": 3,
        "lr": 0.1,
        "tiny": 5e-324,
        "huge": 10**40,
        "low": -(1 << 31),
        "flags": [True, False, None],
        "betas": (0.9, 0.999),
        "nested": {"list": [[], {}, ()], 7: "seven", -1: {"x": ("a", ["b"])}, (1, "a"): 2.5, None: 1, 0.5: 0},
        "text": 'Ünïcode "quoted" \n\0',
        "inf": [float("inf"), float("-inf")],
        "complex": complex(-0.0, 2),
        "names": OrderedDict(b=1, a=2),
        "counts": Counter([3, 3, 7]),
        "bytes": [b"", b"ab\xff", bytearray(b"x\0")],
        "sets": [set(), {1, "a"}, frozenset({2})],
        "of ours": [flambeau.float32, flambeau.device("cuda", 1), flambeau.device("cpu"), flambeau.Size([2, 0]), flambeau.bool],
        "layout": flambeau.strided,
        "many": list(range(3000)),
        "long": "x" * 70_000,
    }
    back = through(value, **options)
    assert back == value and repr(back) == repr(value)
    assert np.isnan(through([float("nan")], **options)[0])
    assert through({}, **options) == {} and through(None, **options) is None and through("x", **options) == "x"


@pytest.mark.parametrize("options", FORMATS)
@pytest.mark.parametrize("dtype", flambeau.serialization.names.DTYPES.values(), ids=str)
def test_every_dtype(dtype, options):
    old = "_use_new_zipfile_serialization" in options
    x = (flambeau.arange(6).reshape(2, 3) - 2).to(dtype)
    if old and dtype.name.startswith(("uint16", "uint32", "uint64", "float8")):
        with pytest.raises(TypeError, match=f"before PyTorch 1.6 has no {dtype}"):
            through(x, **options)
        return
    back = through([x, x[1, 2], x[:0], x[:, 1]], **options)
    for ours, found in zip([x, x[1, 2], x[:0], x[:, 1]], back):
        assert found.dtype is dtype and found.shape == ours.shape and found.array.tobytes() == ours.array.tobytes()


@pytest.mark.parametrize("options", FORMATS)
def test_memory_stays_shared_and_strides_stay(options, tmp_path):
    base = flambeau.arange(24.0).reshape(4, 6)
    value = {"base": base, "t": base.t()[1:3], "again": base, "step": base[::2, 1::3], "wide": base[0].expand(3, 6), "flat": base.view(24),
             "gone": base.detach(), "last": flambeau.arange(10.0)[7:]}  # fmt: skip
    save(value, tmp_path / "x.pt", **options)
    back = load(tmp_path / "x.pt")
    assert {k: v.stride() for k, v in back.items()} == {k: v.stride() for k, v in value.items()}
    assert all(bool((back[k] == value[k]).all()) for k in value)
    assert back["base"] is back["again"]
    assert {k: v.storage_offset() for k, v in back.items()} == {k: v.storage_offset() for k, v in value.items()}
    assert back["t"].untyped_storage().data_ptr() == back["base"].data_ptr() and back["t"].untyped_storage().nbytes() == 96
    back["base"][0, 1] = 100.0
    assert back["t"][0, 0].item() == 100 and back["wide"][2, 1].item() == 100 and back["flat"][1].item() == 100
    assert back["gone"][0, 1].item() == 100
    assert (tmp_path / "x.pt").stat().st_size < 5000, "once in the file"


@pytest.mark.parametrize("options", FORMATS)
def test_memory_of_two_dtypes(options):
    z = flambeau.tensor([1 + 2j, 3 + 4j])
    for value in ([z, z.imag], [z, flambeau.view_as_real(z)], [z, z.untyped_storage()], [z.imag.typed_storage(), z.untyped_storage()]):
        with pytest.raises(RuntimeError, match="view the same data as different types"):
            through(value, **options)


@pytest.mark.parametrize("options", FORMATS)
def test_storages(options):
    x, octets = flambeau.arange(6.0), flambeau.arange(4, dtype=flambeau.uint8)
    value = {"part": x[2:], "elements": x.typed_storage(), "again": x.typed_storage(), "bytes": octets.untyped_storage(),
             "none": flambeau.UntypedStorage()}  # fmt: skip
    back = through(value, **options)
    assert {type(back[name]) for name in ("elements", "bytes", "none")} == {flambeau.TypedStorage}, "as PyTorch gives them"
    assert back["elements"] is back["again"] and back["elements"].tolist() == [0, 1, 2, 3, 4, 5]
    assert back["bytes"].dtype is flambeau.uint8 and back["bytes"].tolist() == [0, 1, 2, 3] and len(back["none"]) == 0
    back["elements"][2] = 9.0
    assert back["part"].tolist() == [9, 3, 4, 5]
    assert through(octets.untyped_storage()[1:3], **options).tolist() == [1, 2]
    with pytest.raises(TypeError, match="on meta"):
        through(flambeau.empty(2, device="meta").untyped_storage(), **options)


def test_bytes_beside_their_tensor():
    x = flambeau.arange(4, dtype=flambeau.uint8)
    for value in ([x, x.untyped_storage()], [x.untyped_storage(), x]):
        tensor, storage = sorted(through(value), key=lambda each: not isinstance(each, flambeau.Tensor))
        storage[0] = 7
        assert tensor.tolist() == [7, 1, 2, 3]


def test_numpys_odd_orders():
    a = np.arange(12.0).reshape(3, 4)
    for array in (a.T, np.asfortranarray(a)[1:], a[1:, 1::2], np.frombuffer(bytes(range(9)), np.uint8)[1:]):
        x = flambeau.from_numpy(np.array(array) if not array.flags.writeable else array)
        assert through(x).tolist() == array.tolist()


def test_parameters_and_what_asks_for_gradients():
    p = nn.Parameter(flambeau.ones(2), requires_grad=False)
    x = flambeau.ones(2, requires_grad=True)
    p.note, x.note = "mine", ["also"]
    back = through({"p": p, "q": nn.Parameter(flambeau.zeros(1)), "x": x, "y": x * 2, "b": nn.Buffer(flambeau.ones(1))})
    assert type(back["p"]) is nn.Parameter and not back["p"].requires_grad and back["p"].note == "mine"
    assert type(back["q"]) is nn.Parameter and back["q"].requires_grad
    assert type(back["x"]) is flambeau.Tensor and back["x"].requires_grad and back["x"].is_leaf and back["x"].note == ["also"]
    assert back["y"].requires_grad and back["y"].is_leaf and back["y"].tolist() == [2, 2] and type(back["b"]) is flambeau.Tensor
    with flambeau.inference_mode():
        made = flambeau.ones(2)
    assert through(made).tolist() == [1, 1]


def test_meta_tensors():
    x = flambeau.empty(1 << 10, 1 << 20, device="meta").t()
    back = through([x, nn.Linear(2, 3, device="meta").weight])
    assert back[0].is_meta and back[0].stride() == (1, 1 << 20) and back[1].shape == (3, 2) and type(back[1]) is nn.Parameter


def test_a_module_and_its_optimizer_go_on_where_they_were():
    def step(model, optimizer):
        optimizer.zero_grad()
        (model(flambeau.ones(2, 3)) ** 2).sum().backward()
        optimizer.step()

    def new():
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        return model, flambeau.optim.AdamW(model.parameters(), lr=0.1)

    model, optimizer = new()
    step(model, optimizer)
    saved = through({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3})
    again, its_optimizer = new()
    again.load_state_dict(saved["model"])
    its_optimizer.load_state_dict(saved["optimizer"])
    step(model, optimizer)
    step(again, its_optimizer)
    assert all(a.tolist() == b.tolist() for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    assert list(saved["model"]) == list(model.state_dict()) and saved["model"]._metadata == model.state_dict()._metadata


# ---- safetensors
def test_a_path_that_ends_in_safetensors(tmp_path):
    weights = nn.Linear(2, 3).state_dict()
    save(weights, tmp_path / "m.safetensors")
    assert list(load_file(tmp_path / "m.safetensors")) == ["weight", "bias"]
    back = load(tmp_path / "m.safetensors")
    assert all(back[name].tolist() == weights[name].tolist() for name in weights)
    assert load(tmp_path / "m.safetensors", map_location="meta")["bias"].is_meta
    with open(tmp_path / "m.safetensors", "rb") as file:
        assert list(load(file)) == ["weight", "bias"]
    with pytest.raises(TypeError, match=r"Tensor under 'epoch', got int"):
        save({"epoch": 3}, tmp_path / "c.safetensors")
    with pytest.raises(TypeError, match=r"expected a dict of named tensors .* got list"):
        save([1], str(tmp_path / "c.safetensors"))


def test_metadata(tmp_path):
    save_file({"n": flambeau.ones(1)}, tmp_path / "x", metadata={"note": "mine"})
    assert read_metadata(tmp_path / "x") == {"note": "mine"} and load(tmp_path / "x")["n"].tolist() == [1]


def test_a_header_whose_length_begins_like_a_pickle(tmp_path):
    header = b'{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'.ljust(128)
    (tmp_path / "x").write_bytes(b"\x80" + bytes(7) + header + b"\5")
    assert load(tmp_path / "x")["x"].tolist() == [5]


# ---- where tensors go
def test_map_location(tmp_path):
    save({"x": flambeau.arange(3.0), "n": 1}, tmp_path / "x")
    for where in ("cpu", flambeau.device("cpu"), {"cpu": "cpu"}, {"cuda:0": "cpu"}, lambda storage, location: None):
        assert load(tmp_path / "x", map_location=where)["x"].tolist() == [0, 1, 2]
    seen = []

    def note(storage, location):
        seen.append((type(storage), storage.size(), storage.nbytes(), location, storage.device.type))
        return storage

    assert load(tmp_path / "x", note)["x"].tolist() == [0, 1, 2]
    assert seen == [(flambeau.UntypedStorage, 12, 12, "cpu", "cpu")]
    for where in ("meta", {"cpu": "meta"}, lambda storage, location: storage.to(device="meta")):
        x = load(tmp_path / "x", map_location=where)["x"]
        assert x.is_meta and x.shape == (3,) and x.dtype is flambeau.float32
    with pytest.raises(TypeError, match="map_location to give a storage"):
        load(tmp_path / "x", map_location=lambda storage, location: "cpu")
    with pytest.raises(TypeError, match="expected map_location as"):
        load(tmp_path / "x", map_location=["cpu"])
    with pytest.raises(RuntimeError, match="Expected one of"):
        load(tmp_path / "x", map_location="tpu")


def test_mapped_memory(tmp_path):
    x = flambeau.arange(10_000.0)
    save([x, x[5:], flambeau.ones(3, dtype=flambeau.bfloat16)], tmp_path / "x.pt")
    back = load(tmp_path / "x.pt", mmap=True)
    assert back[0].array.flags.aligned and back[2].tolist() == [1, 1, 1]
    back[0][6] = -1.0
    assert back[1][1].item() == -1 and load(tmp_path / "x.pt", mmap=True)[0][6].item() == 6, "writing into it leaves the file alone"
    save([back[0] * 2], tmp_path / "x.pt")  # over a file that is mapped
    assert back[0][7].item() == 7 and load(tmp_path / "x.pt")[0][7].item() == 14
    with pytest.raises(ValueError, match="f must be a file path"):
        load(io.BytesIO(b""), mmap=True)
    save([x], tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used with files of the zip format"):
        load(tmp_path / "old.pt", mmap=True)


# ---- files
class Pipe(io.RawIOBase):
    """Gives and takes bytes in order, and cannot seek."""

    def __init__(self, content=b""):
        self.content, self.at = bytearray(content), 0

    def writable(self):
        return True

    def readable(self):
        return True

    def write(self, piece):
        self.content += piece
        return len(piece)

    def read(self, n=-1):
        piece = bytes(self.content[self.at : None if n is None or n < 0 else self.at + n])
        self.at += len(piece)
        return piece


def test_file_objects(tmp_path):
    for options in FORMATS:
        pipe = Pipe()
        save({"x": flambeau.ones(3)}, pipe, **options)
        assert load(Pipe(pipe.content))["x"].tolist() == [1, 1, 1]
        with open(tmp_path / "f", "wb") as file:
            save({"x": flambeau.ones(3)}, file, **options)
        with open(tmp_path / "f", "rb") as file:
            assert load(file)["x"].tolist() == [1, 1, 1]
    for wrong in (3, None, [1]):
        with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like object with a 'write'"):
            save({}, wrong)
        with pytest.raises(AttributeError, match="with a 'read' attribute"):
            load(wrong)


def test_the_archive_is_called_as_the_file(tmp_path):
    save({}, tmp_path / "modèle.v2.pt")
    with zipfile.ZipFile(tmp_path / "modèle.v2.pt") as archive:
        assert archive.namelist()[0] == "modèle.v2/data.pkl"
    assert load(tmp_path / "modèle.v2.pt") == {}


def test_the_same_values_make_the_same_file():
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        save({"x": flambeau.ones(3), "n": [1, 2]}, file)
    assert files[0].getvalue() == files[1].getvalue()


def test_a_crash_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x.pt"
    save({"x": flambeau.ones(3)}, path)
    before = path.read_bytes()

    def crash(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile._ZipWriteFile, "write", crash)
        with pytest.raises(OSError, match="No space"):
            save({"x": flambeau.zeros(3)}, path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(OSError, match="No space"):
            save({"x": flambeau.zeros(3)}, path, _use_new_zipfile_serialization=False)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["x.pt"]


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="create it first"):
        save({}, tmp_path / "no" / "x.pt")
    with pytest.raises(IsADirectoryError):
        save({}, tmp_path)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(EOFError, match="empty"):
        load(tmp_path / "empty")
    (tmp_path / "text").write_text("once upon a time")
    with pytest.raises(pickle.UnpicklingError, match="is no checkpoint"):
        load(tmp_path / "text")
    (tmp_path / "list").write_bytes(pickle.dumps([1, 2], 2))
    with pytest.raises(RuntimeError, match="Invalid magic number"):
        load(tmp_path / "list")


# ---- what cannot be saved
Place = namedtuple("Place", "x y")


class Custom:
    pass


class Lively(flambeau.Tensor):
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [Custom()]}, r"can't save .*\.Custom at a.0: only tensors"),
        ({"f": print}, "builtin_function_or_method at f"),
        ([np.float64(1)], r"numpy\.float64 at 0"),
        ({"x": np.ones(2)}, r"numpy\.ndarray at x"),
        ({"p": Place(1, 2)}, "Place at p"),
        ([{Path("x"): 1}], r"Path at the key"),
        ({"net": nn.Linear(1, 1)}, r"Linear at net.*state_dict"),
        ([lambda: 1], "function at 0"),
        ([flambeau.nn.Linear], "type at 0"),
    ],
)
@pytest.mark.parametrize("options", FORMATS[:2])
def test_what_cannot_be_saved(tmp_path, value, message, options):
    with pytest.raises(TypeError, match=message):
        save(value, tmp_path / "x", **options)
    assert list(tmp_path.iterdir()) == []


def test_tensors_of_other_classes():
    x = flambeau.ones(2)
    x.__class__ = Lively
    with pytest.raises(TypeError, match="Lively at value"):
        through(x)
    with flambeau.serialization.safe_globals([Lively]):
        back = through(x)
        assert type(back) is Lively and back.array.tolist() == [1, 1]


def test_pickles_rules():
    file = io.BytesIO()
    with pytest.raises(ValueError, match="pickle_protocol from 2 to 5"):
        save({}, file, pickle_protocol=1)
    with pytest.raises(RuntimeError, match="expected pickle_module=None"):
        save({}, file, pickle_module=io)
    save({}, file, pickle_module=pickle)
    for options in ({"pickle_module": pickle}, {"pickle_module": io, "weights_only": False}):
        file.seek(0)
        with pytest.raises(RuntimeError, match="explicit pickle_module"):
            load(file, **options)
    file.seek(0)
    assert load(file, pickle_module=pickle, weights_only=False) == {}


def test_strings_of_python_2():
    text = b"\x80\x02U\x03caf\x2e".replace(b"\x03caf", b"\x04caf\xe9")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", text)
    for encoding, expected in (("latin1", "café"), ("bytes", b"caf\xe9")):
        file.seek(0)
        assert load(file, encoding=encoding) == expected
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="utf-8"):
        load(file)


def test_tensors_of_python_2():
    """A file of before 1.6 with its strings as Python 2 wrote them, and another value behind it."""
    file = io.BytesIO()
    save({"x": flambeau.arange(3.0)}, file, pickle_protocol=2, _use_new_zipfile_serialization=False)
    old = re.sub(rb"X(.)\0\0\0", rb"U\1", file.getvalue())
    for encoding, key in (("latin1", "x"), ("bytes", b"x")):
        behind = io.BytesIO(old + b"behind")
        assert load(behind, encoding=encoding)[key].tolist() == [0, 1, 2] and behind.read() == b"behind"


def test_a_checkpoint_goes_to_the_disk_while_it_is_written(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, begin, size, what: told.append((begin, size)), raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_DONTNEED", 4, raising=False)
    value = flambeau.arange(3 << 20, dtype=flambeau.float32)  # 12 MB
    save(value, tmp_path / "large.pt")
    assert flambeau.equal(load(tmp_path / "large.pt"), value)
    assert len(told) >= 2 and told[0][0] == 0 and all(begin == sum(size for _, size in told[:i]) for i, (begin, _) in enumerate(told))


# ---- the order of bytes
def swapped(tensor):
    """A checkpoint of a tensor as a machine of the other order writes it."""
    word = tensor.itemsize // (2 if tensor.is_complex() else 1)
    other = flambeau.from_numpy(tensor.numpy().view(f"u{word}").byteswap().view(tensor.numpy().dtype))
    file = io.BytesIO()
    save(other, file, _disable_byteorder_record=True)
    return file


@pytest.mark.parametrize("dtype", [flambeau.float32, flambeau.int64, flambeau.complex64, flambeau.bfloat16, flambeau.int16])
def test_files_of_the_other_order_of_bytes(dtype):
    S = flambeau.serialization
    tensor = flambeau.tensor([1.0, 258.0, -3.0]).to(dtype)
    file = swapped(tensor)
    with zipfile.ZipFile(file) as archive:
        assert "archive/byteorder" not in archive.namelist()
    other = S.LoadEndianness.BIG if sys.byteorder == "little" else S.LoadEndianness.LITTLE
    try:
        S.set_default_load_endianness(other)
        file.seek(0)
        assert load(file).tolist() == tensor.tolist() and S.get_default_load_endianness() is other
        S.set_default_load_endianness(S.LoadEndianness.NATIVE)
        file.seek(0)
        assert load(file).tolist() != tensor.tolist()
    finally:
        S.set_default_load_endianness(None)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/byteorder", "big" if sys.byteorder == "little" else "little")
    file.seek(0)
    assert load(file).tolist() == tensor.tolist()
    with pytest.raises(TypeError, match="expected LoadEndianness or None, got str"):
        S.set_default_load_endianness("big")


@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_saved_to_an_open_file_can_be_read_by_its_name(tmp_path, zipped):
    with open(tmp_path / "x.pt", "wb") as file:
        flambeau.save(flambeau.ones(2), file, _use_new_zipfile_serialization=zipped)
        assert flambeau.load(tmp_path / "x.pt").tolist() == [1.0, 1.0]
