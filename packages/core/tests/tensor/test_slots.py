"""Subclasses of Tensor with `__slots__`: what stands in them travels."""

from __future__ import annotations

import copy
import io
import pickle

import pytest

import flambeau
from flambeau import serialization


class Slotted(flambeau.Tensor):
    __slots__ = ("empty", "note")


def through_a_file(x):
    file = io.BytesIO()
    with serialization.safe_globals([Slotted]):
        flambeau.save(x, file)
        file.seek(0)
        return flambeau.load(file)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), through_a_file])  # noqa: S301
def test_slots_travel(way):
    x = flambeau.arange(3.0).as_subclass(Slotted).requires_grad_()
    x.note, x.beside = [5], "attribute"
    y = way(x)
    assert type(y) is Slotted and y.tolist() == [0, 1, 2] and y.requires_grad
    assert y.note == [5] and y.beside == "attribute" and not hasattr(y, "empty")
    assert (y.note is x.note) is (way is copy.copy)


def test_results_are_of_the_class():
    x = flambeau.arange(3.0).as_subclass(Slotted)
    assert type(x + 1) is type(x.detach()) is type(x[1:]) is Slotted and (x + 1).tolist() == [1, 2, 3]
    assert [type(part) for part in (*x.split(2), *x.max(0))] == [Slotted] * 4 and x.max(0).indices.item() == 2


def test_a_file_sets_only_slots():
    from flambeau.serialization.rebuild import Refused, attributes

    with pytest.raises(Refused, match="no such slot"):
        attributes(flambeau.ones(1).as_subclass(Slotted), ({}, {"array": 1}))
