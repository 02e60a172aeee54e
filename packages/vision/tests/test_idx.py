"""The IDX reader: every type it knows, and every way in which a file can be wrong."""

import gzip
import struct

import numpy as np
import pytest

import flambeau
from flambeau_vision.datasets import read_idx


def idx(array: np.ndarray, code: int) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3), 8)
ZIPPED = gzip.compress(GOOD, mtime=0)  # the time would give each run, and each worker, tests of other names


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("code,dtype", [(8, "uint8"), (9, "int8"), (11, "int16"), (12, "int32"), (13, "float32"), (14, "float64")])
def test_reads_every_type(tmp_path, code, dtype, pack):
    array = np.array([[1, 2, 3], [100, 5, 77]], dtype=dtype)
    path = tmp_path / "file"
    path.write_bytes(pack(idx(array, code)))
    tensor = read_idx(path)
    assert tensor.dtype == getattr(flambeau, dtype) and tensor.tolist() == array.tolist()


def test_an_empty_axis(tmp_path):
    (tmp_path / "file").write_bytes(idx(np.zeros((0, 3), np.uint8), 8))
    assert read_idx(tmp_path / "file").shape == (0, 3)


@pytest.mark.parametrize(
    "content,message",
    [
        (b"", "got nothing"),
        (GOOD[:3], "expected an IDX file"),
        (b"\x01" + GOOD[1:], "expected an IDX file"),
        (b"\0\0\x0a\x01" + GOOD[4:], "expected an IDX file"),  # no such type
        (b"\0\0\x08\x00" + GOOD[4:], "expected an IDX file"),  # no axis
        (b"\0\0\x08\x7f" + GOOD[4:], "expected an IDX file"),  # 127 axes
        (GOOD[:9], "expected 2 sizes of 4 bytes, got 5 bytes"),
        (GOOD[:-1], "expected 6 bytes of numbers for shape .2, 3., got only 5"),
        (GOOD + b"!", "got more"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "more than max_bytes"),  # 2**64 bytes
        (b"\0\0\x08\x01" + struct.pack(">I", 1 << 30) + b"a", "got only 1"),  # the header promises a gigabyte
        (ZIPPED[:-9], "damaged or cut short gzip"),
        (ZIPPED[:10] + b"\xff" * 9 + ZIPPED[19:], "damaged or cut short gzip"),
        (ZIPPED[:-8] + b"\0" * 8, "damaged or cut short gzip"),  # wrong checksum
    ],
    ids=range(14),
)
def test_a_wrong_file_is_a_value_error_that_names_it(tmp_path, content, message):
    path = tmp_path / "wrong-idx2-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_idx(path)
    assert "wrong-idx2-ubyte" in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    """A small gzip file that unpacks to much more than its header says."""
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(GOOD + b"\0" * (64 << 20)))
    with pytest.raises(ValueError, match="got more"):
        read_idx(path)
    with pytest.raises(ValueError, match="max_bytes=3"):
        read_idx(path, max_bytes=3)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")
