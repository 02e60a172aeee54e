"""The digits that the package carries."""

import gzip
import hashlib
from importlib.resources import files

import numpy as np
import pytest

import flambeau
from flambeau_vision.datasets import Digits
from flambeau_vision.datasets.digits import parse
from flambeau_vision.transforms import ToTensor

FOLDER = files("flambeau_vision.datasets") / "data"


def test_split_is_fixed_and_whole():
    train, test = Digits(train=True), Digits(train=False)
    assert (len(train), len(test)) == (1437, 360)
    assert train.data.shape == (1437, 8, 8) and train.data.dtype == flambeau.uint8
    assert train.targets.dtype == flambeau.int64
    # each label about equally often in both parts
    assert np.bincount(train.targets.numpy()).tolist() == [142, 146, 141, 147, 144, 146, 145, 143, 139, 144]
    assert np.bincount(test.targets.numpy()).tolist() == [36, 36, 36, 36, 37, 36, 36, 36, 35, 36]
    assert int(train.data.min()) == 0 and int(train.data.max()) == 255


def test_pictures_are_the_data():
    digits = Digits(train=False, transform=ToTensor(), target_transform=lambda y: y + 10)
    picture, label = digits[7]
    assert picture.shape == (1, 8, 8) and label == int(digits.targets[7]) + 10
    assert flambeau.equal((picture * 255).round().to(flambeau.uint8)[0], digits.data[7])
    first = [round(v * 255 / 16) for v in (0, 0, 5, 13, 9, 1, 0, 0)]  # the source's first line
    assert Digits(train=False).data[0, 0].tolist() == first


def test_an_index_beyond_the_end_is_an_index_error():
    with pytest.raises(IndexError):
        Digits(train=False)[360]


def test_source_and_licence_lie_beside_the_file():
    note = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "CC BY 4.0" in note and "Alpaydin" in note
    assert hashlib.sha256((FOLDER / "digits.csv.gz").read_bytes()).hexdigest() in note


def line(pixel: object, label: object) -> bytes:
    return (",".join([str(pixel)] * 64 + [str(label)]) + "\n").encode()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        packed(line(3, 4))[:-9],  # cut short
        packed(line(3, 4)),  # one line instead of two
        packed(line(3, 4) + line(17, 4)),  # more ink than there is
        packed(line(3, 4) + line(-1, 4)),
        packed(line(3, 4) + line(3, 10)),  # no such digit
        packed(line(3, 4) + line("x", 4)),
        packed(line(3, 4) + b"1,2,3\n"),
        packed(b"0" * (2 << 20)),  # unpacks to more than is allowed
    ],
    ids=range(10),
)
def test_a_damaged_file_is_refused(content):
    with pytest.raises(ValueError, match="damaged"):
        parse(content, shape=(2, 65))


def test_a_good_file_is_read():
    assert parse(packed(line(3, 4) + line(16, 9)), shape=(2, 65))[1].tolist() == [16] * 64 + [9]


def test_repr():
    lines = ["Dataset Digits", "    Number of datapoints: 1437", "    Split: Train", "    Transform: ToTensor()"]
    assert repr(Digits(transform=ToTensor())) == "\n".join(lines)
