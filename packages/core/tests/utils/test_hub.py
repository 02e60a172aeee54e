"""Models from local folders, weights from files and from a server; nothing from the net is run."""

from __future__ import annotations

import hashlib
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

import flambeau
from flambeau import hub

CONFIG = '''
import beside
dependencies = ["numpy"]

def doubler(factor=2.0, scale=1.0):
    """A factor."""
    return beside.VALUE * factor * scale

_hidden = doubler
number = 3
'''


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hubconf.py").write_text(CONFIG)
    (tmp_path / "beside.py").write_text("VALUE = 10.0")
    yield tmp_path
    sys.modules.pop("beside", None)


@pytest.fixture
def weights(tmp_path):
    flambeau.save({"w": flambeau.arange(5.0)}, tmp_path / "plain.pt")
    digest = hashlib.sha256((tmp_path / "plain.pt").read_bytes()).hexdigest()
    path = tmp_path / f"net-{digest[:8]}.pt"
    (tmp_path / "plain.pt").rename(path)
    return path


def test_local_models(folder):
    before = list(sys.path)
    assert hub.list(str(folder), source="local") == ["doubler"]
    assert hub.help(str(folder), "doubler", source="local") == "A factor."
    assert hub.load(str(folder), "doubler", 3.0, source="local", scale=0.5) == 15.0
    assert sys.path == before


def test_what_is_refused(folder):
    with pytest.raises(RuntimeError, match="no code from the net.*clone"):
        hub.load("someone/something", "doubler", trust_repo=True)
    with pytest.raises(RuntimeError, match="clone"):
        hub.list("someone/something")
    with pytest.raises(RuntimeError, match="not trusted"):
        hub.load(str(folder), "doubler", source="local", trust_repo=False)
    with pytest.raises(ValueError, match="trust_repo"):
        hub.load(str(folder), "doubler", source="local", trust_repo="maybe")
    with pytest.raises(ValueError, match="Unknown source"):
        hub.load(str(folder), "doubler", source="gitlab")
    for name in ("_hidden", "number", "absent"):
        with pytest.raises(RuntimeError, match="Cannot find callable"):
            hub.load(str(folder), name, source="local")
    with pytest.raises(FileNotFoundError, match="hubconf.py"):
        hub.load(str(folder / "nowhere"), "doubler", source="local")
    (folder / "hubconf.py").write_text("dependencies = ['a_package_that_is_not_there']")
    with pytest.raises(RuntimeError, match="a_package_that_is_not_there"):
        hub.list(str(folder), source="local")


def test_weights_from_a_file_and_a_server(weights, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(weights.parent)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for i, url in enumerate((weights.as_uri(), f"http://127.0.0.1:{server.server_port}/{weights.name}")):
            got = hub.load_state_dict_from_url(url, tmp_path / str(i), check_hash=True)
            assert got["w"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
            assert [p.name for p in (tmp_path / str(i)).iterdir()] == [weights.name]
        with pytest.raises(ConnectionError, match="404"):
            hub.load_state_dict_from_url(f"http://127.0.0.1:{server.server_port}/absent.pt", tmp_path / "none")
        assert list((tmp_path / "none").iterdir()) == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "w" in hub.load_state_dict_from_url(weights.as_uri(), tmp_path / "2", weights_only=False)
    weights.unlink()  # what was fetched is not fetched again
    assert "w" in hub.load_state_dict_from_url(weights.as_uri(), tmp_path / "0", check_hash=True)


def test_wrong_hashes_leave_nothing(weights, tmp_path):
    wrong = tmp_path / "net-00000000.pt"
    wrong.write_bytes(weights.read_bytes())
    with pytest.raises(RuntimeError, match="invalid hash"):
        hub.load_state_dict_from_url(wrong.as_uri(), tmp_path / "got", check_hash=True)
    assert list((tmp_path / "got").iterdir()) == []
    kept = tmp_path / "kept" / weights.name
    kept.parent.mkdir()
    kept.write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match="invalid hash"):
        hub.load_state_dict_from_url(weights.as_uri(), tmp_path / "kept", check_hash=True)
    with pytest.raises(ValueError, match="0123abcd"):
        hub.load_state_dict_from_url((tmp_path / "plain.pt").as_uri(), check_hash=True)
    with pytest.raises(ValueError, match="hexadecimal"):
        hub.download_url_to_file(weights.as_uri(), tmp_path / "x", hash_prefix="zz")
    for name in ("..", "a/b", ""):
        with pytest.raises(ValueError, match="name of a file"):
            hub.load_state_dict_from_url("file:///", tmp_path / "kept", file_name=name)


def test_where_weights_are_kept(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_dir", [])
    monkeypatch.setenv("FLAMBEAU_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == str(tmp_path / "home" / "hub")
    hub.set_dir(tmp_path / "mine")
    assert hub.get_dir() == str(tmp_path / "mine")
    hub.load_state_dict_from_url(weights.as_uri())
    assert (tmp_path / "mine" / "checkpoints" / weights.name).is_file()
