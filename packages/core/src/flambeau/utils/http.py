"""One GET over http(s) by urllib, with ranges, limits and errors that say what happened."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

CHUNK = 1 << 18
BUSY = {408, 425, 429, 500, 502, 503, 504}

Progress = Callable[[int, int | None], None]


class Broken(ConnectionError):
    """The connection failed in a way that another try may mend."""


class Refused(ConnectionError):
    """The server leads somewhere that we do not go."""


class Redirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """Follow to http(s) only, and never from https down to http."""
        target = urllib.parse.urlsplit(newurl).scheme
        if target not in ("https", "http") or (req.type == "https" and target == "http"):
            raise Refused(f"{req.full_url} redirects to {newurl}; only https, and http from http, are followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener() -> urllib.request.OpenerDirector:
    """urllib's opener with the http family alone: no file, ftp or data URL can be reached through it."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        Redirect(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        director.add_handler(handler)
    return director


def check_url(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("https", "http", "file"):
        raise ValueError(f"expected an https:, http: or file: URL, got {url!r}")
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        raise ValueError(f"expected a URL in plain ASCII without spaces, got {url!r}; quote the others (urllib.parse.quote)")
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise ValueError(f"expected a file: URL of this machine (file:///...), got {url!r}")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError(f"expected a URL that names a host, got {url!r}")


@dataclass
class Remote:
    """What is known of the file behind a URL."""

    url: str
    timeout: float
    version: str | None = None  # the server's mark (strong ETag or date) for the version whose beginning we hold

    def receive(self, file: BinaryIO, max_bytes: int, progress: Progress | None) -> None:
        """Append what `file` lacks; start over where the server cannot go on from its end."""
        offset = file.seek(0, os.SEEK_END)
        headers = {"User-Agent": "flambeau", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self.version:
                headers["If-Range"] = self.version
        try:
            response = opener().open(urllib.request.Request(self.url, headers=headers), timeout=self.timeout)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 416 and offset:
                    if error.headers.get("Content-Range") == f"bytes */{offset}":
                        return  # we already had all of it
                    file.truncate(0)
                    raise Broken("the server could not go on from where the download broke off") from error
                kind = Broken if error.code in BUSY else ConnectionError
                raise kind(f"{self.url}: the server answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise ConnectionError(f"{self.url}: {error.reason}") from error
            raise Broken(str(error.reason)) from error
        except Refused:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error
        with response:
            total = length(response)
            if response.status == 206:
                begin, total = content_range(response)
                if begin != offset:
                    file.truncate(0)
                    raise Broken(f"asked for bytes from {offset}, the server sent bytes from {begin}")
            else:
                offset = 0
                file.truncate(0)
            etag = response.headers.get("ETag")
            self.version = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
            copy(careful(response.read), file, offset, total, max_bytes, progress, self.url)


def length(response: http.client.HTTPResponse) -> int | None:
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def content_range(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """(first byte, bytes in all) of a partial answer; (-1, None) when the server says it badly."""
    found = re.fullmatch(r"bytes (\d{1,18})-\d+/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    if not found:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def careful(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """`read`, with the connection's errors as Broken; errors of the disk are not wrapped and so are not retried."""

    def reading(size: int) -> bytes:
        try:
            return read(size)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error

    return reading


def copy(
    read: Callable[[int], bytes],
    file: BinaryIO,
    offset: int,
    total: int | None,
    max_bytes: int,
    progress: Progress | None,
    url: str,
) -> None:
    """Append from `read` to `file`, which holds `offset` bytes, until `total` or the end; nothing beyond max_bytes."""
    if total is not None and total > max_bytes:
        raise RuntimeError(f"{url} has {total} bytes, more than the {max_bytes} that are allowed; raise max_bytes if that is right")
    file.seek(offset)
    done = offset
    while data := read(CHUNK):
        done += len(data)
        if done > max_bytes:
            raise RuntimeError(f"{url} sends more than the {max_bytes} bytes that are allowed; raise max_bytes if that is right")
        file.write(data)
        if progress is not None:
            progress(done, total)
    if total is not None and done != total:
        raise Broken(f"the connection ended after {done} of {total} bytes")
