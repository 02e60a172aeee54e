"""flambeau.__future__: what conversions and load_state_dict do with parameters."""

import pytest

import flambeau
from flambeau import nn

future = flambeau.__future__


@pytest.fixture(params=["overwrite", "swap"])
def way(request):
    ask, set_ = (getattr(future, f"{word}_{request.param}_module_params_on_conversion") for word in ("get", "set"))
    assert not ask()
    set_(True)
    assert ask()
    yield request.param
    set_(False)


def layer():
    made = nn.Linear(2, 3)
    made.weight.grad = flambeau.ones(3, 2)
    return made


def test_by_default_the_same_objects():
    made = layer()
    weight, grad, calls = made.weight, made.weight.grad, []
    made.double()
    assert made.weight is weight and made.weight.grad is grad and {weight.dtype, grad.dtype} == {flambeau.float64}
    made._apply(lambda t: calls.append(t.dtype) or t.add_(1))
    assert calls == [flambeau.float64] * 3 and grad.tolist() == [[2, 2]] * 3  # writes in place reach parameters and gradients


def test_other_ways(way):
    made = layer()
    weight, values = made.weight, made.weight.tolist()
    made.double()
    assert (made.weight is weight) == (way == "swap") and (weight.dtype is flambeau.float64) == (way == "swap")
    assert made.weight.tolist() == values and made.weight.requires_grad and made.weight.grad.dtype == flambeau.float64
    made.load_state_dict({"weight": flambeau.ones(3, 2), "bias": flambeau.zeros(3)})
    assert (made.weight is weight) == (way == "swap") and made.weight.tolist() == [[1, 1]] * 3 and made.weight.dtype is flambeau.float64
    made.load_state_dict({"weight": flambeau.ones(3, 2) * 2, "bias": flambeau.zeros(3)}, assign=True)
    assert (made.weight is weight) == (way == "swap") and made.weight.tolist() == [[2, 2]] * 3 and made.weight.dtype is flambeau.float32
    assert isinstance(made.weight, nn.Parameter) and made.weight.requires_grad


def test_a_failing_conversion_leaves_the_gradient(way):
    made = layer()
    with pytest.raises(RuntimeError, match="no good"):
        made._apply(raises)
    assert made.weight.grad is not None
    if way == "swap":
        view = made.weight[:1]
        with pytest.raises(RuntimeError, match="Couldn't swap Linear.weight"):
            made.double()
        with pytest.raises(RuntimeError, match='While swapping the parameter named "weight".*view'):
            made.load_state_dict({"weight": flambeau.ones(3, 2), "bias": flambeau.zeros(3)})
        assert view.shape == (1, 2) and made.weight.dtype is flambeau.float32 and made.weight.grad is not None


def raises(_tensor):
    raise RuntimeError("no good")


def test_module_load_swaps_with_other_classes():
    class Own(flambeau.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if getattr(func, "__name__", "") == "module_load":
                return args[1].clone() * 2
            return super().__torch_function__(func, types, args, kwargs or {})

    part = nn.Module()
    part.register_buffer("kept", flambeau.zeros(2).as_subclass(Own))
    future.set_swap_module_params_on_conversion(True)
    try:
        part.load_state_dict({"kept": flambeau.ones(2)})
    finally:
        future.set_swap_module_params_on_conversion(False)
    assert part.kept.tolist() == [2, 2]


def test_writes_in_place_are_seen_by_backward():
    made = layer()
    squares = made.weight * made.weight
    made._apply(lambda t: t.add_(1))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        squares.sum().backward()
