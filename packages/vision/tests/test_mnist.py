"""MNIST and FashionMNIST: the real files, small made ones, and downloads from a server on this machine."""

import gzip
import hashlib
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import flambeau
from flambeau_vision.datasets import MNIST, FashionMNIST
from flambeau_vision.transforms import ToTensor

NAMES = [f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def small_files() -> dict[str, bytes]:
    """Five pictures and labels for each part, as MNIST's own files are."""
    pictures = np.arange(5 * 28 * 28).reshape(5, 28, 28) % 251
    return {name: gzip.compress(idx(pictures if "images" in name else np.arange(5)), mtime=0) for name in NAMES}


def write(root, files, kind=MNIST):
    folder = root / kind.__name__ / "raw"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return root


# the real files


def test_the_real_ones(mnist_root):
    test = MNIST(mnist_root, train=False, transform=ToTensor())
    assert len(test) == 10000 and test.data.shape == (10000, 28, 28) and test.data.dtype == flambeau.uint8
    assert test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    picture, label = test[0]
    assert picture.shape == (1, 28, 28) and label == 7
    assert round(float(test.data.to(flambeau.float32).mean()) / 255, 4) == 0.1325  # the published mean
    assert test.class_to_idx["7 - seven"] == 7


def test_the_hashes_are_those_of_the_real_files(mnist_root):
    for name in NAMES:
        if name == "train-images-idx3-ubyte.gz":
            continue  # packed anew there; what is inside is checked below
        content = (mnist_root / "MNIST/raw" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == MNIST.sha256[name]


@pytest.mark.slow
def test_the_real_training_part(mnist_root):
    train = MNIST(mnist_root)
    assert train.data.shape == (60000, 28, 28) and train.targets[:5].tolist() == [5, 0, 4, 1, 9]
    assert round(float(train.data.to(flambeau.float32).mean()) / 255, 4) == 0.1307


# made ones


def test_plain_and_gzip(tmp_path):
    files = small_files()
    gz = MNIST(write(tmp_path / "gz", files))
    plain = MNIST(write(tmp_path / "plain", {name[:-3]: gzip.decompress(content) for name, content in files.items()}))
    assert flambeau.equal(gz.data, plain.data) and gz.targets.tolist() == [0, 1, 2, 3, 4]
    picture, label = gz[3]
    assert picture.mode == "L" and picture.size == (28, 28) and label == 3
    assert "Split: Train" in repr(gz) and str(tmp_path) in repr(gz)


def test_missing_files_say_what_to_do(tmp_path):
    with pytest.raises(RuntimeError, match="Dataset not found. You can use download=True to download it"):
        MNIST(tmp_path)


@pytest.mark.parametrize(
    "name,content,message",
    [
        ("train-labels-idx1-ubyte.gz", idx(np.arange(4)), "a label for each of 5 pictures, got 4"),
        ("train-labels-idx1-ubyte.gz", idx(np.arange(5) + 6), "labels from 0 to 9, got 10"),
        ("train-labels-idx1-ubyte.gz", idx(np.zeros((5, 1))), "uint8 with 1 axes"),
        ("train-images-idx3-ubyte.gz", idx(np.zeros(5)), "uint8 with 3 axes"),
        ("train-images-idx3-ubyte.gz", idx(np.zeros((5, 28, 28)))[:-1], "got only 3919"),
    ],
)
def test_files_that_do_not_fit(tmp_path, name, content, message):
    root = write(tmp_path, small_files() | {name: gzip.compress(content)})
    with pytest.raises(ValueError, match=message):
        MNIST(root)


# downloads


@pytest.fixture
def server():
    """A web server on this machine: `files` by name, `asked` (name, range) by the client, `cut` answers broken off half-way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name, wanted = self.path.rsplit("/", 1)[1], self.headers.get("Range")
            self.server.asked.append((name, wanted))
            content = self.server.files.get(name)
            if content is None:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content) - start))
            if wanted: self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            self.wfile.write(content[start : start + (len(content) - start) // 2] if self.server.cut else content[start:])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.asked, server.cut = small_files(), [], False
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def served(server, kind=MNIST, mirrors=()):
    """The data set with the server's files and their hashes in place of the net's."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in server.files.items()}
    return type(kind.__name__, (kind,), {"mirrors": (*mirrors, server.url), "sha256": hashes})


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_download_then_no_more(tmp_path, server, kind):
    here = served(server, kind)
    first = here(tmp_path, train=False, download=True)
    assert first.targets.tolist() == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in (tmp_path / kind.__name__ / "raw").iterdir()) == sorted(NAMES)
    assert len(server.asked) == 4
    here(tmp_path, download=True)
    assert len(server.asked) == 4  # all there: nothing is asked for


def test_download_tries_the_next_mirror(tmp_path, server):
    closed = "http://127.0.0.1:9/"  # nobody listens there
    assert len(served(server, mirrors=[server.url + "elsewhere/", closed])(tmp_path, download=True)) == 5


def test_download_of_a_changed_file_is_refused(tmp_path, server):
    here = served(server)
    server.files["t10k-images-idx3-ubyte.gz"] += b"!"
    with pytest.raises(RuntimeError, match="Error downloading t10k-images-idx3-ubyte.gz"):
        here(tmp_path, download=True)
    assert not (tmp_path / "MNIST/raw/t10k-images-idx3-ubyte.gz").exists()


def test_download_goes_on_where_it_broke_off(tmp_path, server, monkeypatch):
    monkeypatch.setattr("flambeau.utils.download.PAUSE", 0.0)
    here = served(server)
    server.cut = True
    with pytest.raises(RuntimeError, match="train-images"):
        here(tmp_path, download=True)
    server.cut, before = False, len(server.asked)
    assert len(here(tmp_path, download=True)) == 5
    name, wanted = server.asked[before]
    assert name == "train-images-idx3-ubyte.gz" and wanted is not None and not wanted.startswith("bytes=0-")


def test_nobody_answers(tmp_path, server):
    here = served(server)
    server.files.clear()
    with pytest.raises(RuntimeError, match="404"):
        here(tmp_path, download=True)
