"""DataParallel is its module, under one more name."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import nn


def test_it_forwards_to_the_module():
    net = nn.Linear(3, 2)
    wrapped, x = nn.DataParallel(net), flambeau.ones(4, 3)
    assert flambeau.equal(wrapped(x), net(x)) and list(wrapped.state_dict()) == ["module.weight", "module.bias"]
    wrapped(x).sum().backward()
    assert flambeau.equal(net.bias.grad, flambeau.full((2,), 4.0)) and wrapped.device_ids == []
    with pytest.raises(RuntimeError, match="process for each GPU"):
        nn.DataParallel(net, device_ids=[0, 1])
