"""The choice of BLAS kernels: where it applies, that it can be undone, and that products stay right."""

from __future__ import annotations

import io

import numpy as np
import pytest

from flambeau.backends import blas


@pytest.fixture
def bundled():
    if blas.core_name() is None:
        pytest.skip("NumPy does not run on a bundled OpenBLAS here")


def test_the_users_setting_stands(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "HASWELL")
    monkeypatch.setattr(blas, "_switch", lambda core: pytest.fail("switched against the user's setting"))
    assert "the user chose" in blas.choose_blas()


@pytest.mark.parametrize(
    ("flags", "switched"),
    [("AuthenticAMD avx512f avx512bw avx512dq avx512vl", True), ("AuthenticAMD avx2", False), ("Intel avx512f", False)],
)
def test_only_amd_with_avx512_on_older_kernels_is_switched(monkeypatch, flags, switched):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(blas, "core_name", lambda: b"Haswell")
    monkeypatch.setattr(blas, "_switch", lambda core: core)
    monkeypatch.setattr("builtins.open", lambda *_: io.BytesIO(flags.encode()))
    assert blas.choose_blas() == ("OpenBLAS runs kernels for SKYLAKEX instead of Haswell" if switched else "OpenBLAS chose Haswell")


def test_another_library_is_left_alone(monkeypatch):
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(blas, "_library", lambda: None)
    assert blas.choose_blas() == "NumPy does not run on a bundled OpenBLAS"
    assert blas.get_blas_threads() is None
    blas.set_blas_threads(2)


def test_switching_keeps_products_right_and_can_be_undone(bundled):
    before = blas.core_name().decode()
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((257, 129)), rng.standard_normal((129, 65))
    expected = np.einsum("ij,jk->ik", a, b)
    try:
        assert blas._switch("Nehalem") == "Nehalem"  # every x86-64 processor runs it
        np.testing.assert_allclose(a @ b, expected, rtol=1e-10)
        np.testing.assert_allclose(a.astype("f4") @ b.astype("f4"), expected, atol=1e-3)
    finally:
        assert blas._switch(before) == before


def test_a_wrong_product_brings_the_old_kernels_back(bundled, monkeypatch):
    before = blas.core_name().decode()
    answers = iter([False, True])
    monkeypatch.setattr(blas, "_multiplies", lambda: next(answers))
    assert blas._switch("Nehalem") == before


def test_threads(bundled):
    before = blas.get_blas_threads()
    try:
        blas.set_blas_threads(1)
        assert blas.get_blas_threads() == 1
    finally:
        blas.set_blas_threads(before)
