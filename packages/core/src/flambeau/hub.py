"""Models from a folder's `hubconf.py`, and weights from a URL.  Code is run from this machine alone, never from the net."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import flambeau

from .utils.download import download

__all__ = ["download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

LARGEST = 64 << 30  # bytes that one file of weights may have
HASHED = re.compile(r"-([a-f0-9]{8,64})\.")  # resnet18-f37072fd.pth: the beginning of its SHA-256
_dir: list[str] = []


def get_dir() -> str:
    """Where weights are kept: what `set_dir` said, else $FLAMBEAU_HOME/hub, else ~/.cache/flambeau/hub ($XDG_CACHE_HOME is heeded)."""
    if _dir:
        return _dir[0]
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    return os.path.join(os.path.expanduser(os.environ.get("FLAMBEAU_HOME", os.path.join(cache, "flambeau"))), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep weights in the folder `d` from now on."""
    _dir[:] = [os.path.expanduser(os.fspath(d))]


def download_url_to_file(url: str, dst: str | os.PathLike[str], hash_prefix: str | None = None, progress: bool = True) -> None:
    """Fetch `url` (https, http or file) into the file `dst`, which appears only when it is complete and right.

    hash_prefix: how the SHA-256 of the content begins, in hexadecimal digits; RuntimeError where it does not.
    progress: tell on standard error how far it is, where that is a terminal. A whole SHA-256 lets a broken download go on.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a").write_text("hello")
    >>> download_url_to_file((folder / "a").as_uri(), folder / "b", hash_prefix="2cf24dba"); (folder / "b").read_text()
    'hello'
    """
    if hash_prefix is not None and not re.fullmatch("[0-9a-fA-F]{1,64}", hash_prefix):
        raise ValueError(f"expected hash_prefix as up to 64 hexadecimal digits of a SHA-256, got {hash_prefix!r}")
    path = Path(dst).expanduser()
    tell = _told if progress and sys.stderr.isatty() else None
    if hash_prefix is not None and len(hash_prefix) == 64:
        download(url, path, sha256=hash_prefix, max_bytes=LARGEST, progress=tell)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as folder:
        fresh = download(url, Path(folder, "file"), max_bytes=LARGEST, progress=tell)
        if hash_prefix is not None:
            _check(fresh, hash_prefix, url)
        os.replace(fresh, path)


def load_state_dict_from_url(url: str, model_dir: str | os.PathLike[str] | None = None, map_location: Any = None, progress: bool = True,
                             check_hash: bool = False, file_name: str | None = None, weights_only: bool = True,
                             ) -> dict[str, Any]:  # fmt: skip
    """The weights behind a URL, fetched once and kept in `model_dir` (get_dir()/checkpoints).

    check_hash: the file's name ends with the beginning of its SHA-256 (name-0123abcd.pth), which is checked on the way and again
    each time that it is read. weights_only: see `flambeau.load`; a file runs no code whatever it says. It is True here unless told, False
    in PyTorch: what comes from the net holds tensors and plain containers, or an error says what else it names.
    """
    name = file_name or os.path.basename(unquote(urlsplit(url).path))
    if not name or name in (".", "..") or os.path.basename(name) != name:
        raise ValueError(f"expected the name of a file at the end of the URL or as file_name, got {name!r}")
    found = HASHED.search(name) if check_hash else None
    if check_hash and found is None:
        raise ValueError(f"check_hash=True needs a file name like name-0123abcd.pth, which says how its SHA-256 begins, got {name!r}")
    path = Path(model_dir or os.path.join(get_dir(), "checkpoints"), name)
    if not path.is_file():
        download_url_to_file(url, path, found and found[1], progress)
    elif found:
        _check(path, found[1], str(path))
    return flambeau.load(path, map_location=map_location, weights_only=weights_only)


def list(github: str, force_reload: bool = False, skip_validation: bool = False, trust_repo: Any = "check", verbose: bool = True,
         *, source: str = "github") -> Any:  # fmt: skip
    """The names of the models that a folder's hubconf.py has.  Runs that file."""
    return [name for name, value in vars(_config(github, source)).items() if callable(value) and not name.startswith("_")]


def help(github: str, model: str, force_reload: bool = False, skip_validation: bool = False, trust_repo: Any = "check",
         *, source: str = "github") -> str | None:  # fmt: skip
    """The docstring of a model of a folder's hubconf.py.  Runs that file."""
    return _entry(_config(github, source), model).__doc__


def load(repo_or_dir: str, model: str, *args: Any, source: str = "github", trust_repo: Any = "check", force_reload: bool = False,
         verbose: bool = True, skip_validation: bool = False, **kwargs: Any) -> Any:  # fmt: skip
    """What `model(*args, **kwargs)` of the folder's hubconf.py gives, with source="local".  Runs that file's code.

    source="github" raises RuntimeError: it would run code from the net. trust_repo=False refuses the local folder too.
    """
    if trust_repo not in (True, False, "check", None):
        raise ValueError(f'expected trust_repo as True, False or "check", got {trust_repo!r}')
    if trust_repo is False:
        raise RuntimeError(f"{repo_or_dir} is not trusted (trust_repo=False), so its hubconf.py is not run")
    return _entry(_config(repo_or_dir, source), model)(*args, **kwargs)


def _config(folder: str, source: str) -> Any:
    if source == "github":
        raise RuntimeError(f"flambeau.hub runs no code from the net: clone {folder!r} yourself, read its hubconf.py, and give the folder "
                           'with source="local"')
    if source != "local":
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    place = os.path.realpath(os.path.expanduser(folder))
    file = os.path.join(place, "hubconf.py")
    if not os.path.isfile(file):
        raise FileNotFoundError(f"expected a folder with a hubconf.py, and there is none at {file}")
    spec = spec_from_file_location("hubconf", file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.path.insert(0, place)  # hubconf.py imports what lies beside it
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(place)
    from importlib.util import find_spec

    missing = [name for name in getattr(module, "dependencies", ()) if find_spec(name) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}; install them to use {file}")
    return module


def _entry(module: Any, name: str) -> Any:
    if not isinstance(name, str):
        raise ValueError(f"Invalid input: model should be a string of function name, got {type(name).__name__}")
    found = getattr(module, name, None)
    if name.startswith("_") or not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found


def _check(path: Path, prefix: str, what: str) -> None:
    import hashlib

    with open(path, "rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if not got.startswith(prefix.lower()):
        raise RuntimeError(f"invalid hash value of {what} (expected {prefix!r}, got {got[: len(prefix)]!r}): it is damaged or another "
                           "version; remove it or correct the hash")


def _told(done: int, total: int | None) -> None:
    share = f" of {total / 1e6:.1f}" if total else ""
    print(f"\r{done / 1e6:.1f}{share} MB", end="\n" if done == total else "", file=sys.stderr)
