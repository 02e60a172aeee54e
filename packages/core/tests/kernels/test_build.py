"""Building never fails, never runs what others could have written, and works from many processes at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from flambeau.kernels import build as module
from flambeau.kernels import explain, fuse

SOURCE = "int answer(void) { return %d; }\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FLAMBEAU_CACHE_DIR", str(tmp_path / "cache"))
    for function in (module.cache_directory, module._compiler):
        function.cache_clear()
    monkeypatch.setattr(module, "_reasons", {})
    yield tmp_path / "cache" / "kernels"
    for function in (module.cache_directory, module._compiler):
        function.cache_clear()


@pytest.fixture
def compiler():
    try:
        module._compiler()
    except RuntimeError as reason:
        pytest.skip(str(reason))


def square(xp, x):
    """x squared."""
    return x * x


def test_a_library_is_built_once_and_is_its_owners_alone(cache, compiler, monkeypatch):
    assert module.build(SOURCE % 42).answer() == 42
    (library,) = cache.iterdir()
    assert stat.S_IMODE(library.stat().st_mode) == 0o700
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    monkeypatch.setattr(module, "_compile", lambda *_: pytest.fail("compiled again"))
    assert module.build(SOURCE % 42).answer() == 42


def test_a_directory_that_others_can_write_is_refused(cache, compiler):
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert module.build(SOURCE % 1).answer() == 1
    assert list(cache.iterdir()) == []
    assert module.cache_directory() != cache


def test_a_library_that_others_can_write_is_not_loaded(cache, compiler):
    module.build(SOURCE % 2)
    (library,) = cache.iterdir()
    library.chmod(0o777)
    assert module.build(SOURCE % 2) is None
    assert "can be written by others" in module.why_not(SOURCE % 2)


def test_a_damaged_library_is_built_again(cache, compiler):
    module._library(SOURCE % 3)
    (library,) = cache.iterdir()
    library.write_bytes(b"not a library")
    assert module.build(SOURCE % 3).answer() == 3


def test_without_a_compiler_there_is_no_kernel_and_explain_says_so(cache, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert fuse(square, "()->()") is None
    assert "square was not built: no C compiler: 'no-such-compiler' is not on the PATH" in explain(square, "()->()")


def test_a_compiler_that_fails_is_asked_once(cache, monkeypatch):
    monkeypatch.setenv("CC", "false")
    assert fuse(square, "()->()") is None
    assert "failed" in explain(square, "()->()")
    monkeypatch.setattr(module, "_compile", lambda *_: pytest.fail("compiled again"))
    assert fuse(square, "()->()") is None


def test_the_cache_directory_follows_the_environment(monkeypatch, tmp_path):
    module.cache_directory.cache_clear()
    monkeypatch.delenv("FLAMBEAU_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert module.cache_directory() == tmp_path / "flambeau" / "kernels"
    module.cache_directory.cache_clear()


def test_the_debug_level_prints_the_source(cache, compiler, monkeypatch, capsys):
    monkeypatch.setenv("FLAMBEAU_DEBUG", "4")
    fuse(square, "()->()")
    assert "run_elements(&program0" in capsys.readouterr().err


def test_processes_may_build_the_same_kernel_at_once(cache, compiler):
    program = "from flambeau.kernels.build import build; print(build('int answer(void) { return 7; }').answer())"
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [p.communicate()[0].strip() for p in running] == ["7"] * 3
    assert len([path for path in cache.iterdir() if not path.name.startswith("front-")]) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_runs_kernels_after_its_parent_used_threads(compiler):
    program = """
import os, sys
import numpy as np
from flambeau.kernels import fuse
from flambeau.kernels.threads import get_num_threads, set_num_threads
set_num_threads(2)
kernel = fuse(lambda xp, x: xp.exp(x), "()->()", name="exp")
x = np.zeros(1_000_000, np.float32)
kernel.ufunc(x)
child = os.fork()
if child == 0:
    os._exit(int(get_num_threads() != 1 or kernel.ufunc(x).sum() != 1e6))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_the_ufunc_has_the_bodys_name_and_words(compiler):
    ufunc = fuse(square, "()->()").ufunc
    assert isinstance(ufunc, np.ufunc)
    assert ufunc.__name__ == "square"
    assert "x squared." in ufunc.__doc__
    assert ufunc.types == ["f->f", "d->d"]
