"""Conditions that must hold: which error each raises, as PyTorch 2.13 does."""

from __future__ import annotations

import pytest

import flambeau

KINDS = {"_check": RuntimeError, "_check_index": IndexError, "_check_value": ValueError, "_check_type": TypeError,
         "_check_not_implemented": NotImplementedError}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_each_raises_its_error(name):
    check = getattr(flambeau, name)
    check(True)
    check(True, "looked at where it is needed")
    with pytest.raises(KINDS[name], match="Expected cond to be True, but got False"):
        check(False)
    with pytest.raises(KINDS[name], match="^7$"):
        check(False, lambda: 7)
    for cond, message, words in ((False, "text", "message must be a callable"), (1, None, "cond must be a bool, but got <class 'int'>"),
                                 (flambeau.tensor(True), None, "use flambeau._check_tensor_all")):  # fmt: skip
        with pytest.raises(TypeError, match=words):
            check(cond, message)


def test_tensors_sizes_and_errors_of_ones_own():
    flambeau._check_tensor_all(flambeau.tensor([True, True]))
    with pytest.raises(KeyError, match="m"):
        flambeau._check_tensor_all_with(KeyError, flambeau.tensor([True, False]), lambda: "m")
    with pytest.raises(TypeError, match="must have dtype flambeau.bool, but got flambeau.int64"):
        flambeau._check_tensor_all(flambeau.tensor([1]))
    with pytest.raises(TypeError, match="cond must be a tensor"):
        flambeau._check_tensor_all(True)
    with pytest.warns(FutureWarning):
        flambeau._check_is_size(3, max=3)
    for size, limits in ((-1, {}), (4, {"max": 3})):
        with pytest.warns(FutureWarning), pytest.raises(RuntimeError):
            flambeau._check_is_size(size, **limits)
    with pytest.raises(KeyError):
        flambeau._check_with(KeyError, False)


def test_assert():
    flambeau._assert(flambeau.tensor(1), "no")
    with pytest.raises(AssertionError, match="no"):
        flambeau._assert(flambeau.tensor(0), "no")
