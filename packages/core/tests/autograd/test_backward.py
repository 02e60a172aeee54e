"""The engine: accumulation, roots, freeing, depth, hooks, and what it says when something is wrong."""
from __future__ import annotations

import gc
import threading
import weakref

import pytest

import flambeau
from flambeau.autograd import grad


def leaf(*values):
    return flambeau.tensor(values, requires_grad=True)


def test_gradients_add_up_over_uses_and_calls():
    x = leaf(1.0, 2.0)
    (x * x + 3 * x).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [7.0, 9.0]


def test_two_leaves_never_share_a_gradient():
    x, y = leaf(1.0), leaf(2.0)
    (x + y).sum().backward()
    x.grad.mul_(5)
    assert y.grad.tolist() == [1.0]


def test_gradient_of_a_broadcast_input_has_its_shape():
    x, y = flambeau.ones(2, 3, requires_grad=True), flambeau.ones(3, 1, 1, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.tolist() == [[3.0] * 3] * 2 and y.grad.shape == (3, 1, 1)


def test_gradient_has_the_inputs_dtype():
    x = flambeau.ones(2, dtype=flambeau.float64, requires_grad=True)
    w = flambeau.ones(2, requires_grad=True)
    (x * w).sum().backward()
    assert x.grad.dtype is flambeau.float64 and w.grad.dtype is flambeau.float32


def test_python_control_flow_is_followed():
    def abs_val(x):
        return x if x > 0 else -x

    abs_grad = grad(abs_val)
    assert (abs_grad(flambeau.tensor(-2.0)).item(), abs_grad(flambeau.tensor(3.0)).item()) == (-1.0, 1.0)


def test_a_root_that_is_no_scalar_needs_a_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        (x * 2).backward()
    (x * 2).backward(flambeau.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 20.0]
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(flambeau.ones(3))


def test_a_root_without_history():
    with pytest.raises(RuntimeError, match="does not require grad"):
        flambeau.ones(1).sum().backward()


def test_freed_graph():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [12.0]


def test_a_changed_tensor_is_noticed():
    x = leaf(2.0)
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*version 1; expected version 0"):
        z.sum().backward()


def test_a_change_through_a_view_is_noticed():
    x = flambeau.ones(4, requires_grad=True)
    y = x * 1
    z = y * y
    y[1] = 5.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_a_tensor_that_no_formula_needs_may_change():
    x = leaf(2.0)
    y = x * 1
    z = y + 1
    y.zero_()
    z.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_grad_leaves_dot_grad_alone_and_wants_used_inputs():
    x, y = leaf(2.0), leaf(3.0)
    assert grad((x * x).sum(), x)[0].tolist() == [4.0] and x.grad is None
    with pytest.raises(RuntimeError, match="not have been used"):
        grad((x * x).sum(), (x, y))
    assert grad((x * x).sum(), (x, y), allow_unused=True)[1] is None
    assert grad((x * x).sum(), (x, y), materialize_grads=True)[1].tolist() == [0.0]


def test_gradient_of_an_inner_tensor():
    x = leaf(2.0)
    y = x * 3
    assert grad((y * y).sum(), y)[0].tolist() == [12.0]
    y = x * 3
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [12.0] and x.grad.tolist() == [36.0]


def test_backward_into_chosen_inputs_only():
    x, y = leaf(2.0), leaf(3.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.tolist() == [3.0] and y.grad is None


def test_second_and_third_derivative():
    x = leaf(2.0)
    first, = grad((x**4).sum(), x, create_graph=True)
    second, = grad(first.sum(), x, create_graph=True)
    third, = grad(second.sum(), x)
    assert (first.item(), second.item(), third.item()) == (32.0, 48.0, 48.0)


def test_a_long_chain_needs_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1.0]
    del y


def test_no_cycles_are_left_for_the_collector():
    gc.collect()
    gc.disable()
    try:
        x = flambeau.ones(3, requires_grad=True)
        y = (x.exp() * x).softmax(0)
        z = y[1:].sum() + flambeau.stack([y, y]).sum()
        array = weakref.ref(z.grad_fn)
        z.backward()
        del y, z
        assert array() is None
    finally:
        gc.enable()


def test_grad_modes():
    x = leaf(1.0)
    with flambeau.no_grad():
        assert not (x * 2).requires_grad
        with flambeau.enable_grad():
            assert (x * 2).requires_grad
    flambeau.set_grad_enabled(False)
    try:
        assert not (x * 2).requires_grad
    finally:
        flambeau.set_grad_enabled(True)
    with flambeau.set_grad_enabled(False):
        assert not flambeau.is_grad_enabled()
    assert flambeau.is_grad_enabled()

    @flambeau.no_grad()
    def decorated(x):
        return x * 2

    assert not decorated(x).requires_grad


def test_a_mode_belongs_to_its_thread():
    seen = []
    with flambeau.no_grad():
        thread = threading.Thread(target=lambda: seen.append(flambeau.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_hooks_see_and_change_gradients():
    x = leaf(1.0, 2.0)
    y = x * 2
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert seen == [[1.0, 1.0]] and x.grad.tolist() == [20.0, 20.0]
    handle.remove()
    y = x * 2
    y.sum().backward()
    assert len(seen) == 1
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        flambeau.ones(1).register_hook(print)


def test_post_accumulate_hook():
    x, seen = leaf(1.0), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 4).sum().backward()
    assert seen == [4.0]


def test_nodes_can_be_walked():
    x = leaf(1.0)
    y = (x * 2).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    (mul, _), = y.grad_fn.next_functions
    assert mul.name() == "MulBackward0"
    assert mul.next_functions[0][0].name() == "AccumulateGrad"
    assert x.is_leaf and not y.is_leaf and x.grad_fn is None


def test_requires_grad_is_for_floats_and_leaves():
    with pytest.raises(RuntimeError, match="floating point and complex"):
        flambeau.ones(2, dtype=flambeau.int64, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf variables"):
        (leaf(1.0) * 2).requires_grad_(False)


def test_assigned_gradients_must_fit():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="different size"):
        x.grad = flambeau.ones(3)
    with pytest.raises(TypeError, match="Tensor or None"):
        x.grad = 3
    x.grad = flambeau.ones(2)
    x.grad = None


class Cube(flambeau.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x**3 * scale

    @staticmethod
    def backward(ctx, g):
        x, = ctx.saved_tensors
        return g * 3 * x * x * ctx.scale, None


def test_function_with_second_derivative():
    x = leaf(2.0)
    first, = grad(Cube.apply(x, 2.0).sum(), x, create_graph=True)
    second, = grad(first.sum(), x)
    assert (first.item(), second.item()) == (24.0, 24.0)
    assert not Cube.apply(flambeau.ones(1), 2.0).requires_grad


def test_function_with_too_few_gradients():
    class Bad(flambeau.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"expected 2, got 1"):
        Bad.apply(leaf(1.0), leaf(1.0)).sum().backward()


def test_gradcheck_finds_a_wrong_gradient():
    class Wrong(Cube):
        @staticmethod
        def backward(ctx, g):
            x, = ctx.saved_tensors
            return g * 2 * x * x * ctx.scale, None

    x = flambeau.rand(3, dtype=flambeau.float64, requires_grad=True)
    assert flambeau.autograd.gradcheck(lambda x: Cube.apply(x, 2.0), (x,))
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        flambeau.autograd.gradcheck(lambda x: Wrong.apply(x, 2.0), (x,))
    assert not flambeau.autograd.gradcheck(lambda x: Wrong.apply(x, 2.0), (x,), raise_exception=False)


@pytest.mark.parametrize(("a", "b"), [((2, 3, 0), (0, 4)), ((2, 0, 3), (3, 4)), ((5, 2, 0), (5, 0, 3)), ((0,), (0, 3)), ((2, 0), (0,))])
def test_products_over_nothing(a, b):
    x, y = flambeau.ones(*a, requires_grad=True), flambeau.ones(*b, requires_grad=True)
    z = x @ y
    z.sum().backward()
    assert not z.any() and x.grad.shape == a and y.grad.shape == b


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # as PyTorch warns
@pytest.mark.parametrize("lead", [(2,), (2, 4)])
def test_a_layer_without_inputs(lead):
    with pytest.warns(UserWarning, match="zero-element"):
        layer = flambeau.nn.Linear(0, 3)
    x = flambeau.ones(*lead, 0, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.shape == (*lead, 0) and layer.weight.grad.shape == (3, 0) and layer.bias.grad.shape == (3,)
