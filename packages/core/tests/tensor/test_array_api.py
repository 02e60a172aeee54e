"""The array API's namespace as a library would use it that knows no Flambeau.  (The standard's own suite: docs/interop.md.)"""
from __future__ import annotations

import math

import pytest

import flambeau


def standardised(x):
    """Rows of mean 0 and deviation 1, by the standard's names alone."""
    xp = x.__array_namespace__(api_version="2024.12")
    return (x - xp.mean(x, axis=-1, keepdims=True)) / xp.std(x, axis=-1, keepdims=True)


@pytest.fixture
def xp():
    return flambeau.ones(1).__array_namespace__()


def test_code_for_any_library_runs_and_is_differentiated(xp):
    x = flambeau.tensor([[1.0, 2.0, 6.0], [0.0, 5.0, 1.0]], requires_grad=True)
    y = standardised(x)
    assert xp.max(xp.abs(xp.mean(y, axis=1))) < 1e-6 and flambeau.allclose(xp.var(y, axis=1), flambeau.ones(2))
    xp.sum(y**2 * x).backward()
    assert x.grad.shape == (2, 3) and xp.all(xp.isfinite(x.grad))


def test_version(xp):
    assert xp.__array_api_version__ == "2024.12"
    with pytest.raises(ValueError, match=r"2024\.12"):
        flambeau.ones(1).__array_namespace__(api_version="2999.12")


def test_arrays_without_axes_promote_as_others(xp):
    assert xp.add(xp.ones(2, dtype=xp.float32), xp.ones((), dtype=xp.float64)).dtype == xp.float64
    assert xp.add(xp.ones(2, dtype=xp.uint16), xp.ones(2, dtype=xp.int8)).dtype == xp.int32
    assert xp.maximum(2, xp.ones(2, dtype=xp.int8)).dtype == xp.int8 and xp.result_type(xp.int8, 1.5) == xp.float32
    with pytest.raises(TypeError, match="uint64"):
        xp.result_type(xp.uint64, xp.int64)
    assert xp.sum(xp.ones(3, dtype=xp.uint8)).dtype == xp.uint64 and xp.can_cast(xp.int8, xp.int16) and not xp.can_cast(xp.int64, xp.int8)


def test_sets_and_places(xp):
    x = xp.asarray([[3.0, 1.0], [xp.nan, 3.0]])
    found = xp.unique_all(x)
    assert found.values.tolist()[:2] == [1.0, 3.0] and math.isnan(found.values[2]) and found.counts.tolist() == [1, 2, 1]
    assert found.indices.tolist() == [1, 0, 2] and found.inverse_indices.tolist() == [[1, 0], [2, 1]]
    assert xp.take(x, xp.asarray([-1, 0]), axis=1)[0].tolist() == [1.0, 3.0]
    assert xp.cumulative_sum(xp.asarray([1, 2]), include_initial=True).tolist() == [0, 1, 3]
    assert xp.reshape(xp.asarray(True), ())[xp.asarray(False)].shape == (0,)


@pytest.mark.parametrize(("call", "error"), [
    (lambda xp: xp.reshape(xp.ones((2, 3)).mT, (6,), copy=False), ValueError), (lambda xp: xp.squeeze(xp.ones(2), 0), ValueError),
    (lambda xp: xp.linalg.cross(xp.ones(2), xp.ones(2)), ValueError), (lambda xp: xp.isdtype(xp.int8, "whole"), ValueError),
    (lambda xp: xp.sum(xp.ones(2), axis=1), IndexError), (lambda xp: xp.nonzero(xp.ones(())), ValueError),
    (lambda xp: xp.cumulative_sum(xp.ones((2, 2))), ValueError),
])  # fmt: skip
def test_refusals(xp, call, error):
    with pytest.raises(error):
        call(xp)


def test_what_the_namespace_says_of_itself(xp):
    info = xp.__array_namespace_info__()
    assert info.dtypes(kind="real floating") == {"float32": xp.float32, "float64": xp.float64}
    assert info.devices() == [flambeau.device("cpu")]
    assert info.default_dtypes()["integral"] == xp.int64 and info.capabilities()["boolean indexing"]
    assert xp.finfo(xp.ones(1, dtype=xp.complex64)).dtype == xp.float32 and xp.iinfo(xp.int8).max == 127


def test_repeats_may_be_of_any_integers():
    counts = flambeau.tensor([2, 0, 1], dtype=flambeau.int8)
    assert flambeau.array_api.repeat(flambeau.arange(3), counts).tolist() == [0, 0, 2]
