from __future__ import annotations

import io
import json
import os
import stat
import struct

import ml_dtypes
import numpy as np
import pytest

import flambeau
from flambeau.serialization import load_file, read_metadata, save_file
from flambeau.serialization.safetensors import DTYPES, decode, encode, to_bytes

EVERY = {name: np.arange(-3, 3).reshape(2, 3).astype(dtype) for name, dtype in DTYPES.items()}


def raw(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def test_every_dtype_and_odd_shapes_come_back(tmp_path):
    odd = {"zero": np.zeros((0, 3), np.float32), "scalar": np.array(2.5), "strided": np.arange(12.0).reshape(3, 4).T[::2], "": np.ones(1)}
    arrays = EVERY | odd
    save_file({name: flambeau.from_numpy(a) for name, a in arrays.items()}, tmp_path / "x", metadata={"a": "b ü"})
    loaded = load_file(tmp_path / "x")
    assert list(loaded) == list(arrays)
    assert all(same(loaded[name].numpy(), a) for name, a in arrays.items())
    assert read_metadata(tmp_path / "x") == {"a": "b ü"}
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_the_formats_own_library_reads_what_we_write(tmp_path):
    library = pytest.importorskip("safetensors")
    arrays = {name: a for name, a in EVERY.items() if not name.startswith("F8")}
    (tmp_path / "x").write_bytes(to_bytes(encode(arrays, {"note": "x"})))
    with library.safe_open(tmp_path / "x", framework="np") as opened:
        assert opened.metadata() == {"note": "x"}
        assert all(same(opened.get_tensor(name), a) for name, a in arrays.items())


def test_we_read_what_the_formats_own_library_writes(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    arrays = {name: a for name, a in EVERY.items() if not name.startswith("F8")}
    arrays["odd"] = np.ones(3, np.int8)
    library.save_file(arrays, tmp_path / "x", metadata={"note": "x"})
    loaded = load_file(tmp_path / "x")
    assert set(loaded) == set(arrays) and all(same(loaded[name].numpy(), a) for name, a in arrays.items())


def test_unaligned_tensors_are_read():
    data = b"\x01" + np.array([1.0, 2.0], np.float32).tobytes()
    arrays, _ = decode(memoryview(bytearray(raw({"b": entry("U8", [1], (0, 1)), "f": entry(offsets=(1, 9))}, data))), "x")
    assert arrays["f"].tolist() == [1, 2] and arrays["f"].flags.aligned


def test_our_files_are_aligned():
    content = to_bytes(encode(EVERY, {}))
    arrays, _ = decode(memoryview(bytearray(content)), "x")
    assert all(a.flags.aligned for a in arrays.values()) and (8 + struct.unpack("<Q", content[:8])[0]) % 64 == 0


def test_writing_into_a_loaded_tensor_leaves_the_file_alone(tmp_path):
    save_file({"x": flambeau.ones(3)}, tmp_path / "x")
    loaded = load_file(tmp_path / "x")["x"]
    loaded += 1
    assert loaded.tolist() == [2, 2, 2] and load_file(tmp_path / "x")["x"].tolist() == [1, 1, 1]


def test_saving_over_a_file_that_is_mapped(tmp_path):
    save_file({"x": flambeau.ones(3)}, tmp_path / "x")
    loaded = load_file(tmp_path / "x")["x"]
    save_file({"x": loaded * 5, "y": loaded}, tmp_path / "x")
    assert loaded.tolist() == [1, 1, 1] and load_file(tmp_path / "x")["x"].tolist() == [5, 5, 5]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    save_file({"x": flambeau.ones(3)}, tmp_path / "x")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_file({"x": flambeau.zeros(3)}, tmp_path / "x")
    assert [p.name for p in tmp_path.iterdir()] == ["x"] and load_file(tmp_path / "x")["x"].tolist() == [1, 1, 1]


def test_a_link_stays_a_link_and_the_umask_holds(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    old = os.umask(0o027)
    try:
        save_file({}, tmp_path / "link")
    finally:
        os.umask(old)
    assert (tmp_path / "link").is_symlink() and stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_file_objects():
    file = io.BytesIO()
    save_file({"x": flambeau.ones(2)}, file)
    file.seek(0)
    assert load_file(file)["x"].tolist() == [1, 1]


def test_what_cannot_be_saved(tmp_path):
    x = flambeau.ones(1)
    cases = [
        ({1: x}, TypeError, "names to be str, got 1"),
        ({"x": [1]}, TypeError, "expected a Tensor under 'x', got list"),
        ({"__metadata__": x}, ValueError, "reserved"),
        ({"x": flambeau.ones(1, dtype=flambeau.complex128)}, TypeError, r"no complex128 \(tensor 'x'\)"),
    ]
    for tensors, kind, message in cases:
        with pytest.raises(kind, match=message):
            save_file(tensors, tmp_path / "x")
    with pytest.raises(TypeError, match="metadata as str -> str, got 'a': 1"):
        save_file({}, tmp_path / "x", metadata={"a": 1})
    with pytest.raises(FileNotFoundError, match=r"folder .* does not exist; create it"):
        save_file({}, tmp_path / "no" / "x")
    with pytest.raises(IsADirectoryError):
        save_file({}, tmp_path)
    assert list(tmp_path.iterdir()) == []


GOOD = {"x": entry()}
BAD = {
    "empty": (b"", "empty or cut short"),
    "seven bytes": (b"1234567", "cut short"),
    "header of gigabytes": (struct.pack("<Q", 1 << 60) + b"{}", "at most 100000000 bytes"),
    "header cut short": (raw(GOOD)[:-5], "cut short"),
    "data cut short": (raw(GOOD, bytes(7)), "expected 8 bytes of data, got 7: the file is cut short"),
    "data too long": (raw(GOOD, bytes(9)), "followed by something else"),
    "no json": (raw(b"{'x': 1}"), "header is damaged"),
    "not utf-8": (raw(b"\xff\xfe"), "header is damaged"),
    "nested without end": (raw(b"[" * 100_000), "header is damaged"),
    "a list": (raw([1]), "JSON object, got list"),
    "a name twice": (raw(b'{"a":{},"a":{}}'), "occurs twice"),
    "unknown dtype": (raw({"x": entry("F4")}, bytes(8)), "unknown dtype 'F4'"),
    "dtype not a string": (raw({"x": entry(["F32"])}, bytes(8)), "unknown dtype"),
    "entry not an object": (raw({"x": 3}), "expected dtype, shape and data_offsets of tensor 'x', got 3"),
    "entry with more": (raw({"x": {**entry(), "code": "rm"}}, bytes(8)), "expected dtype, shape"),
    "negative extent": (raw({"x": entry(shape=[-2])}, bytes(8)), "natural numbers"),
    "true as extent": (raw({"x": entry(shape=[True, 2])}, bytes(8)), "natural numbers"),
    "float extent": (raw({"x": entry(shape=[2.0])}, bytes(8)), "natural numbers"),
    "extents that overflow": (raw({"x": entry(shape=[1 << 62, 4])}, bytes(8)), r"takes 73786976294838206464 bytes, but its place has 8"),
    "three offsets": (raw({"x": entry(offsets=(0, 4, 8))}, bytes(8)), "two data_offsets"),
    "offsets backward": (raw({"x": entry(offsets=(8, 0))}, bytes(8)), "its place has -8"),
    "wrong size": (raw({"x": entry(shape=[3])}, bytes(8)), "takes 12 bytes, but its place has 8"),
    "beyond the end": (raw({"x": entry(offsets=(0, 1 << 40), shape=[1 << 38])}, bytes(8)), "cut short"),
    "a hole": (raw({"x": entry(offsets=(4, 12))}, bytes(12)), "begin at byte 0 of the data, got 4"),
    "an overlap": (raw({"x": entry(), "y": entry(offsets=(4, 12))}, bytes(12)), "begin at byte 8 of the data, got 4"),
    "metadata of numbers": (raw({"__metadata__": {"a": 1}}), "__metadata__ to hold strings"),
    "metadata a list": (raw({"__metadata__": ["a"]}), "__metadata__ to hold strings"),
    "65 axes": (raw({"x": entry(shape=[1] * 64 + [2])}, bytes(8)), "at most 64 axes"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files(tmp_path, name):
    content, message = BAD[name]
    (tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_file(tmp_path / "bad.safetensors")
    assert "bad.safetensors" in str(caught.value) and len(str(caught.value)) < 500


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        load_file(tmp_path)


def test_any_byte_changed_gives_tensors_or_a_value_error():
    content = to_bytes(encode({"a": np.ones(3, ml_dtypes.bfloat16), "b": np.zeros((2, 2))}, {"k": "v"}))
    for position in range(len(content)):
        for change in (0x01, 0x20, 0xFF):
            damaged = bytearray(content)
            damaged[position] ^= change
            try:
                arrays, _metadata = decode(memoryview(damaged), "x")
            except ValueError:
                continue
            assert sum(a.nbytes for a in arrays.values()) == 38
