"""Modules and names of old that scripts import."""

from __future__ import annotations

import pytest

import flambeau


def test_names_that_scripts_import():
    assert callable(flambeau.hub.load) and callable(flambeau.utils.model_zoo.load_url) and callable(flambeau.profiler.profile)
    assert flambeau.functional.einsum is flambeau.einsum
    assert flambeau.tensor(3).item() == 3 and isinstance(3, flambeau.types.Number)


def test_variables_are_tensors():
    x = flambeau.autograd.Variable(flambeau.ones(2), requires_grad=True)
    assert isinstance(x, flambeau.Tensor) and isinstance(x, flambeau.autograd.Variable) and x.requires_grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert not isinstance(3, flambeau.autograd.Variable)


def test_forks_put_the_stream_back():
    flambeau.manual_seed(1)
    here = flambeau.get_rng_state()

    @flambeau.random.fork_rng()
    def drawn():
        return flambeau.rand(2).tolist()

    assert drawn() == drawn() and flambeau.equal(flambeau.get_rng_state(), here)
    with pytest.raises(KeyError), flambeau.random.fork_rng():
        flambeau.rand(3)
        raise KeyError
    assert flambeau.equal(flambeau.get_rng_state(), here)
