"""autograd.functional: the answers of `func`, under PyTorch's arguments, structures and errors."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import func
from flambeau.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from flambeau.testing import assert_close

X = flambeau.tensor([1.0, 2.0, 3.0], dtype=flambeau.float64)
Y = flambeau.tensor([[1.0, 0.0, 2.0], [3.0, 1.0, 1.0]], dtype=flambeau.float64)
TWO = lambda x, y: ((y @ x).sin(), x * 2)
ONE = lambda x, y: ((y @ x) ** 2).sum()
WAYS = [{}, {"vectorize": True}, {"create_graph": True}, {"strict": True}, {"vectorize": True, "create_graph": True},
        {"vectorize": True, "strategy": "forward-mode"}]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_jacobian(options):
    two = TWO if not options.get("strict") else lambda x, y: ((y @ x).sin(), y @ x)  # where each output comes from both inputs
    got = jacobian(two, (X, Y), **options)
    assert_close(got, func.jacrev(two, argnums=(0, 1))(X, Y))
    assert got[0][0].requires_grad is bool(options.get("create_graph"))
    assert_close(jacobian(lambda x: x**3, X, **options), (3 * X**2).diag())
    assert isinstance(jacobian(lambda x: (x * 2,), X, **options), tuple)


@pytest.mark.parametrize("options", [{}, {"vectorize": True}, {"create_graph": True}, {"strict": True},
                                     {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}], ids=str)
def test_hessian(options):
    got = hessian(ONE, (X, Y), **options)
    assert_close(got, func.hessian(ONE, argnums=(0, 1))(X, Y))
    assert got[0][1].shape == (3, 2, 3) and got[0][0].requires_grad is bool(options.get("create_graph"))
    assert_close(hessian(lambda x: (x**3).sum(), X, **options), (6 * X).diag())


@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"strict": True}], ids=str)
def test_products(options):
    value, moved = jvp(lambda x, y: ((y @ x).sin(), y * x), (X, Y), (X, Y), **options)
    assert_close((value, moved), func.jvp(lambda x, y: ((y @ x).sin(), y * x), (X, Y), (X, Y)))
    value, back = vjp(lambda x, y: ((y @ x).sin(), y * x), (X, Y), (Y[:, 0], Y), **options)
    assert_close(back, func.vjp(lambda x, y: ((y @ x).sin(), y * x), X, Y)[1]((Y[:, 0], Y)))
    table = func.hessian(ONE, argnums=(0, 1))(X, Y)
    expected = tuple((a * X).sum(-1) + (b * Y).sum((-1, -2)) for a, b in table)
    for product in (hvp, vhp):
        value, found = product(ONE, (X, Y), (X, Y), **options)
        assert_close(value, ONE(X, Y))
        assert_close(found, expected)
        assert found[0].requires_grad is bool(options.get("create_graph"))
    assert_close(vjp(lambda x: (x**2).sum(), X, **options)[1], 2 * X)  # v may be left out for one number
    assert_close(jvp(lambda x: x**2, X[1], **options)[1], 2 * X[1])


def test_the_answer_can_be_differentiated():
    x = X.clone().requires_grad_()
    jacobian(lambda v: v**3, x, create_graph=True).sum().backward()
    assert_close(x.grad, 6 * X)
    assert not jacobian(lambda v: v * x, X).requires_grad


NOTHING = lambda x: flambeau.ones(3, dtype=flambeau.float64)


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: jacobian(lambda x: x, 3.0), TypeError, "inputs given to jacobian must be either a Tensor or a tuple.*float"),
    (lambda: jacobian(lambda x, y: x, (X, 3)), TypeError, "value at index 1 has type.*int"),
    (lambda: jacobian(lambda x: 3, X), TypeError, "outputs of the user-provided function given to jacobian.*int"),
    (lambda: jacobian(NOTHING, X, strict=True), RuntimeError, "Output 0 of the user-provided function does not require gradients"),
    (lambda: jacobian(lambda x, y: x * 2, (X, X), strict=True), RuntimeError, "Output 0.*is independent of input 1"),
    (lambda: jacobian(lambda x: x * 2, X, strict=True, create_graph=True), RuntimeError, "jacobian.*independent of input 0.*create_graph"),
    (lambda: jacobian(lambda x: x, X, strict=True, vectorize=True), RuntimeError, "not supported together"),
    (lambda: jacobian(lambda x: x, X, strategy="sideways"), AssertionError, "forward-mode"),
    (lambda: jacobian(lambda x: x, X, strategy="forward-mode"), NotImplementedError, "vectorize=True"),
    (lambda: jacobian(lambda x: x, X, strategy="forward-mode", vectorize=True, create_graph=True), NotImplementedError, "create_graph"),
    (lambda: hessian(lambda x: x, X), RuntimeError, "given to hessian should contain a single element"),
    (lambda: hessian(lambda x: (x.sum(), x), X), RuntimeError, "given to hessian should return a single Tensor"),
    (lambda: hessian(lambda x: x.sum(), X, strict=True), RuntimeError, "jacobian.*with respect to input 0 is independent of the input"),
    (lambda: hessian(lambda x: x.sum(), X, outer_jacobian_strategy="sideways"), AssertionError, "forward-mode"),
    (lambda: vjp(lambda x: x, X), RuntimeError, "v can only be None if the user-provided function returns a single"),
    (lambda: vjp(lambda x: x, X, Y), RuntimeError, "v has invalid size: should be"),
    (lambda: vjp(lambda x: (x, x), X, X), RuntimeError, "v is a tuple of invalid length: should be 2 but got 1"),
    (lambda: vjp(NOTHING, X, X, strict=True), RuntimeError, "does not require gradients"),
    (lambda: vjp(lambda x, y: x * 2, (X, X), X, strict=True), RuntimeError, "independent of input 1"),
    (lambda: jvp(lambda x: x, X), RuntimeError, "v can only be None if the input to the user-provided function"),
    (lambda: jvp(lambda x: x, X, (X, X)), RuntimeError, "given v should contain a single Tensor"),
    (lambda: hvp(lambda x: x, X, X), RuntimeError, "given to hvp should contain a single element"),
    (lambda: vhp(lambda x: (x.sum(), x), X, X), RuntimeError, "given to vhp should return a single Tensor"),
    (lambda: hvp(lambda x: x.sum(), X, X, strict=True), RuntimeError, "jacobian.*independent of the input"),
    (lambda: vhp(lambda x, y: (x**2).sum(), (X, X), (X, X), strict=True), RuntimeError, "independent of input 1"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_without_strict_independence_is_zero():
    assert_close(jacobian(NOTHING, X), flambeau.zeros(3, 3, dtype=flambeau.float64))
    assert_close(hessian(lambda x: x.sum(), X), flambeau.zeros(3, 3, dtype=flambeau.float64))
    assert_close(vhp(lambda x: x.sum(), X, X)[1], X * 0)
