"""ImageFolder and DatasetFolder: what is found, in which order, and what is refused."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from flambeau_vision.datasets import DatasetFolder, ImageFolder, find_classes, make_dataset
from flambeau_vision.transforms import ToTensor


@pytest.fixture
def root(tmp_path):
    """dog/{a.PNG, deep/b.jpg}, cat/{c.png, notes.txt}"""
    for path, color in (("dog/a.PNG", "red"), ("dog/deep/b.jpg", "green"), ("cat/c.png", "blue")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 2), color).save(tmp_path / path)
    (tmp_path / "cat/notes.txt").write_text("a cat")
    (tmp_path / "readme.txt").write_text("no class")
    return tmp_path


def test_finds_classes_and_files_in_order(root):
    data = ImageFolder(root, transform=ToTensor(), target_transform=str)
    assert data.classes == ["cat", "dog"] and data.class_to_idx == {"cat": 0, "dog": 1}
    expected = [("cat/c.png", 0), ("dog/a.PNG", 1), ("dog/deep/b.jpg", 1)]
    assert data.samples == data.imgs == [(str(root / path), target) for path, target in expected]
    assert data.targets == [0, 1, 1] and len(data) == 3
    picture, target = data[0]
    assert picture.shape == (3, 2, 3) and target == "0"
    assert picture[:, 0, 0].tolist() == [0, 0, 1]  # blue


def test_a_folder_of_anything(root):
    data = DatasetFolder(root, loader=lambda path: Path(path).read_text(), extensions=(".txt",), allow_empty=True)
    assert data[0] == ("a cat", 0) and len(data) == 1
    data = ImageFolder(root, is_valid_file=lambda path: "deep" in path, allow_empty=True)
    assert data.targets == [1]


def test_own_classes(root):
    class OnlyDogs(ImageFolder):
        def find_classes(self, directory):
            return ["dog"], {"dog": 0}

    assert OnlyDogs(root).targets == [0, 0]


def test_no_class(tmp_path):
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder"):
        ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError):
        ImageFolder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="at least one entry"):
        make_dataset(tmp_path, {}, extensions=".png")


def test_an_empty_class(root):
    (root / "axolotl").mkdir()
    with pytest.raises(FileNotFoundError, match="no valid file for the classes axolotl. Supported extensions are: .*png"):
        ImageFolder(root)
    assert ImageFolder(root, allow_empty=True).targets == [1, 2, 2]
    assert find_classes(root)[0] == ["axolotl", "cat", "dog"]


def test_one_criterion(root):
    with pytest.raises(ValueError, match="got none"):
        make_dataset(root)
    with pytest.raises(ValueError, match="got both"):
        make_dataset(root, extensions=".png", is_valid_file=bool)


def png(width: int, height: int) -> bytes:
    """The beginning of a PNG file that says it has this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_before_it_is_unpacked(root):
    (root / "cat/c.png").write_bytes(png(60000, 60000))
    with pytest.raises(Image.DecompressionBombError):
        ImageFolder(root)[0]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_smaller_bomb_is_refused_too(root, monkeypatch):
    """Pillow only warns up to twice its limit."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(Image.DecompressionBombError, match=r"c.png: 3×2 pixels, more than .* = 4"):
        ImageFolder(root)[0]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert ImageFolder(root)[0][0].size == (3, 2)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "zeros"])
def test_a_damaged_picture_is_named(root, damage):
    path = root / "cat/c.png"
    content = path.read_bytes()
    damaged = {"empty": b"", "text": b"no picture at all", "cut": content[: len(content) // 2], "zeros": content[:-30] + bytes(30)}
    path.write_bytes(damaged[damage])
    with pytest.raises(OSError, match=r"c\.png: expected a picture that Pillow can read"):
        ImageFolder(root)[0]


def test_every_kind_of_picture_becomes_rgb(images, tmp_path):
    (tmp_path / "all").symlink_to(images, target_is_directory=True)
    data = ImageFolder(tmp_path)
    assert len(data) == 20
    assert {data[i][0].mode for i, (path, _) in enumerate(data.samples) if "_pytorch" in path} == {"RGB"}
