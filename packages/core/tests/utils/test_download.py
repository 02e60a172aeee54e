from __future__ import annotations

import hashlib
import http.server
import multiprocessing
import re
import threading

import pytest

from flambeau.utils import download as module
from flambeau.utils.download import download, file_matches

CONTENT = bytes(range(256)) * 4000  # 1 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; `faults` says how the next answers go wrong, `seen` what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.seen, self.content, self.ranges, self.etag = [], [], CONTENT, True, '"1"'

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/data.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.seen.append(dict(self.headers))
        fault = server.faults.pop(0) if server.faults else None
        if isinstance(fault, int):
            return self.send_error(fault)
        if isinstance(fault, str) and fault.startswith("to:"):
            self.send_response(302)
            self.send_header("Location", fault[3:])
            return self.end_headers()
        data, begin = server.content, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and server.ranges and self.headers.get("If-Range", server.etag) == server.etag:
            begin = int(asked[1])
            if begin >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                return self.end_headers()
            self.send_response(206)
            shown = begin + 5 if fault == "wrong range" else begin
            self.send_header("Content-Range", f"bytes {shown}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if server.etag:
            self.send_header("ETag", server.etag)
        body = data[begin:]
        if fault != "no length":
            self.send_header("Content-Length", str(len(body) + {"claims more": 1000, "claims less": -1000}.get(fault, 0)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "breaks off" else body)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.001)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_fetches_and_checks(server, tmp_path):
    calls = []
    path = download(server.url, tmp_path / "new" / "data.bin", sha256=SHA256.upper(), md5=MD5, progress=lambda *a: calls.append(a))
    assert path.read_bytes() == CONTENT
    assert calls[-1] == (len(CONTENT), len(CONTENT)) and calls == sorted(calls)
    assert [p.name for p in path.parent.iterdir()] == ["data.bin"]


def test_a_right_file_is_not_fetched_again(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    download(server.url, tmp_path / "data.bin", sha256=SHA256)
    download(server.url, tmp_path / "data.bin")
    assert server.seen == []


def test_a_wrong_file_is_replaced(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"old")
    assert download(server.url, tmp_path / "data.bin", md5=MD5).read_bytes() == CONTENT


def test_goes_on_where_the_connection_broke(server, tmp_path):
    server.faults = ["breaks off", "breaks off"]
    assert download(server.url, tmp_path / "a", sha256=SHA256).read_bytes() == CONTENT
    assert [s.get("Range") for s in server.seen] == [None, "bytes=512000-", "bytes=768000-"]
    assert server.seen[1]["If-Range"] == '"1"'


def test_goes_on_within_a_call_without_a_hash_only_by_etag(server, tmp_path):
    server.faults = ["breaks off"]
    assert download(server.url, tmp_path / "a").read_bytes() == CONTENT
    assert server.seen[1]["Range"] == "bytes=512000-"
    server.faults, server.seen, server.etag = ["breaks off"], [], None
    assert download(server.url, tmp_path / "b").read_bytes() == CONTENT
    assert "Range" not in server.seen[1]


def test_a_changed_file_is_begun_again(server, tmp_path):
    server.faults = ["breaks off"]

    def change(done, total):
        server.etag = '"2"'

    assert download(server.url, tmp_path / "a", progress=change).read_bytes() == CONTENT


def test_next_call_resumes_when_a_hash_is_given(server, tmp_path):
    server.faults = ["breaks off"]
    with pytest.raises(ConnectionError, match="512000 of 1024000 bytes"):
        download(server.url, tmp_path / "a", sha256=SHA256, retries=0)
    assert not (tmp_path / "a").exists() and (tmp_path / "a.part").stat().st_size == 512000
    download(server.url, tmp_path / "a", sha256=SHA256)
    assert server.seen[1]["Range"] == "bytes=512000-" and not (tmp_path / "a.part").exists()


@pytest.mark.parametrize("options", [{"sha256": SHA256, "resume": False}, {}])
def test_nothing_is_left_when_it_cannot_be_resumed(server, tmp_path, options):
    server.faults = ["breaks off"]
    with pytest.raises(ConnectionError):
        download(server.url, tmp_path / "a", retries=0, **options)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_part(server, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server.url, tmp_path / "a", sha256=SHA256, progress=interrupt)
    assert (tmp_path / "a.part").stat().st_size > 0
    assert download(server.url, tmp_path / "a", sha256=SHA256).read_bytes() == CONTENT


PARTS = {"other": b"something else", "all": CONTENT, "more": CONTENT + b"more", "same size": b"x" * len(CONTENT)}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("ranges", [True, False])
def test_old_parts_of_any_kind(server, tmp_path, part, ranges):
    server.ranges = ranges
    (tmp_path / "a.part").write_bytes(part)
    assert download(server.url, tmp_path / "a", sha256=SHA256).read_bytes() == CONTENT
    assert not (tmp_path / "a.part").exists()


def test_a_server_that_sends_another_range(server, tmp_path):
    server.faults = ["wrong range"]
    (tmp_path / "a.part").write_bytes(CONTENT[:10])
    assert download(server.url, tmp_path / "a", sha256=SHA256).read_bytes() == CONTENT


def test_wrong_content(server, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(RuntimeError, match=f"expected sha256 {SHA256}, got {hashlib.sha256(CONTENT[::-1]).hexdigest()}.*check the URL"):
        download(server.url, tmp_path / "a", sha256=SHA256)
    with pytest.raises(RuntimeError, match=f"expected md5 {MD5}"):
        download(server.url, tmp_path / "a", md5=MD5)
    assert list(tmp_path.iterdir()) == [] and len(server.seen) == 2


def test_a_length_that_lies(server, tmp_path):
    server.faults = ["claims more"]
    assert download(server.url, tmp_path / "a", sha256=SHA256).read_bytes() == CONTENT
    server.faults = ["claims less"]
    with pytest.raises(RuntimeError, match="expected sha256"):
        download(server.url, tmp_path / "b", sha256=SHA256)
    server.faults = ["no length"]
    assert download(server.url, tmp_path / "c", sha256=SHA256).read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [None, "no length"])
def test_size_limit(server, tmp_path, fault):
    server.faults = [fault]
    with pytest.raises(RuntimeError, match=r"more than the 1000000 .*raise max_bytes"):
        download(server.url, tmp_path / "a", sha256=SHA256, max_bytes=1000000)
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again_a_missing_file_is_not(server, tmp_path):
    server.faults = [503, 429]
    download(server.url, tmp_path / "a", sha256=SHA256)
    assert len(server.seen) == 3
    server.faults, server.seen = [404], []
    with pytest.raises(ConnectionError, match="404 Not Found"):
        download(server.url, tmp_path / "b", sha256=SHA256)
    assert len(server.seen) == 1
    server.faults = [503] * 3
    with pytest.raises(ConnectionError, match=r"after 3 tries: .*503"):
        download(server.url, tmp_path / "b", retries=2)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_redirects(server, tmp_path):
    server.faults = [f"to:{server.url}?again"]
    assert download(server.url, tmp_path / "a").read_bytes() == CONTENT
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"):
        server.faults = ["to:" + target]
        with pytest.raises(ConnectionError):
            download(server.url, tmp_path / "b", retries=0)
    assert not (tmp_path / "b").exists()


def test_no_server(tmp_path):
    with Server() as closed:
        url = closed.url
    with pytest.raises(ConnectionError, match=r"could not fetch http://127.0.0.1.*refused"):
        download(url, tmp_path / "a", retries=0)


def test_a_silent_server(tmp_path):
    class Silent(Handler):
        def do_GET(self):
            threading.Event().wait(0.5)

    with Server() as server:
        server.RequestHandlerClass = Silent
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with pytest.raises(ConnectionError, match=r"timed out|TimeoutError"):
            download(server.url, tmp_path / "a", retries=0, timeout=0.1)
        server.shutdown()
        thread.join()


def test_file_urls(tmp_path):
    source = tmp_path / "a file"
    source.write_bytes(CONTENT)
    assert download(source.as_uri(), tmp_path / "b", sha256=SHA256).read_bytes() == CONTENT
    with pytest.raises(FileNotFoundError):
        download((tmp_path / "missing").as_uri(), tmp_path / "c")
    with pytest.raises(RuntimeError, match="has 1024000 bytes"):
        download(source.as_uri(), tmp_path / "c", max_bytes=10)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a file", "b"]


BAD_URLS = ["ftp://host/x", "data:,x", "/etc/passwd", "", "https://", "http:///x", "http://host/a b", "http://host/\r\nX: y"]


@pytest.mark.parametrize("url", [*BAD_URLS, "file://host/x", "http://hóst/"])
def test_urls_that_cannot_be(url, tmp_path):
    with pytest.raises(ValueError, match="expected a"):
        download(url, tmp_path / "a")


def test_hashes_and_paths_that_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="expected sha256 as 64 hexadecimal digits, got 'abc'"):
        download("http://host/x", tmp_path / "a", sha256="abc")
    with pytest.raises(ValueError, match="expected md5 as 32"):
        file_matches(tmp_path, md5=SHA256)
    with pytest.raises(IsADirectoryError, match="add a file name"):
        download("http://host/x", tmp_path)


def fetch_it(url, path):
    download(url, path, sha256=SHA256)


def test_two_processes_fetch_once(server, tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=fetch_it, args=(server.url, tmp_path / "a")) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
    assert [p.exitcode for p in processes] == [0] * 4
    assert (tmp_path / "a").read_bytes() == CONTENT and len(server.seen) == 1
    assert not (tmp_path / "a.part").exists()
