"""What programs of all ages do with gradients: by-ways of `grad`, `numpy`, hooks and `Function`."""
import warnings

import numpy as np
import pytest

import flambeau
from flambeau.autograd import Function, grad


def test_numpy_reads_a_tensor_with_a_gradient_where_none_is_recorded():
    x = flambeau.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        x.numpy()
    with flambeau.no_grad():
        assert x.numpy().tolist() == [1.0, 1.0] and np.asarray(x).sum() == 2.0


def test_grad_of_nothing():
    x = flambeau.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="cannot be empty"):
        grad(2 * x, [], grad_outputs=flambeau.ones(1))
    (zero,) = grad(flambeau.ones(1, requires_grad=True) * 1, x, materialize_grads=True)
    assert zero.tolist() == [0.0] and zero.requires_grad


def test_data_of_whole_numbers():
    x = flambeau.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError, match="must be floating point or complex"):
        x.data = flambeau.tensor([1])


def test_powers_of_zero():
    y = flambeau.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    (flambeau.zeros(3) ** y).sum().backward()
    assert y.grad.tolist() == [-float("inf"), 0.0, 0.0]


def test_what_views_keep_follows_a_write():
    base = flambeau.ones(1, requires_grad=True).clone()
    first, second = base[:], base[:]
    first.retain_grad()
    second.retain_grad()
    first.mul_(2)
    (first + second).sum().backward()
    assert first.grad.tolist() == second.grad.tolist() == [1.0]


def test_the_order_of_a_leafs_hooks():
    x, seen = flambeau.ones(2, requires_grad=True), []
    node = x.view_as(x).grad_fn.next_functions[0][0]
    x.register_hook(lambda g: seen.append("tensor"))
    node.register_prehook(lambda gs: seen.append("before"))
    x.register_post_accumulate_grad_hook(lambda x: seen.append("settled"))
    node.register_hook(lambda *gs: seen.append("after"))
    x.sum().backward()
    assert seen == ["tensor", "before", "settled", "after"]
    seen.clear()
    grad(x.sum(), x)  # nothing comes to rest: the node does not run
    assert seen == ["tensor"]


class Cube(Function):
    @staticmethod
    def forward(x, n=3):
        return x**n

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.n = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def vjp(ctx, g):
        with pytest.warns(DeprecationWarning, match="saved_variables"):
            (x,) = ctx.saved_variables
        return g * ctx.n * x ** (ctx.n - 1), None


def test_a_function_with_defaults_and_vjp():
    x = flambeau.tensor([2.0], requires_grad=True)
    y = Cube.apply(x)
    assert type(y.grad_fn).__name__ == "CubeBackward" and y.grad_fn.name() == "CubeBackward"
    assert isinstance(y.grad_fn, Cube._backward_cls)
    y.backward()
    assert x.grad.tolist() == [12.0]


def test_a_function_has_one_backward():
    class Both(Cube):
        @staticmethod
        def backward(ctx, g):
            return g, None

    with pytest.raises(RuntimeError, match="Implementing both 'backward' and 'vjp'"):
        Both.apply(flambeau.ones(1, requires_grad=True)).backward()


def test_paths_of_pytorch():
    from flambeau.autograd.anomaly_mode import detect_anomaly
    from flambeau.autograd.function import InplaceFunction
    from flambeau.autograd.grad_mode import no_grad

    assert no_grad is flambeau.no_grad and detect_anomaly is flambeau.autograd.detect_anomaly and issubclass(InplaceFunction, Function)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        assert InplaceFunction(True).inplace
