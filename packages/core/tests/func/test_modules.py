"""Modules in transforms: functional_call, stack_module_state, and the ensemble and per-sample gradients that they are for."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import nn
from flambeau.func import functional_call, functionalize, grad, jacfwd, linearize, stack_module_state, vmap
from flambeau.testing import assert_close

ONES, TWICE = flambeau.ones(1, 2), flambeau.eye(2) * 2


class Tied(nn.Module):
    """Two layers that share a weight, and a buffer that each call replaces."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
        self.register_buffer("calls", flambeau.zeros(2))

    def forward(self, x, k=1):
        self.calls = self.calls + 1
        return self.b(self.a(x)) * k


def test_functional_call_replaces_for_the_call():
    module = Tied()
    before = module.a.weight
    assert functional_call(module, {"a.weight": TWICE}, ONES).tolist() == [[4, 4]]  # b follows a
    assert functional_call(module, {"a.weight": TWICE}, (ONES,), {"k": 2}).tolist() == [[8, 8]]
    assert functional_call(module, {"b.weight": TWICE, "a.weight": TWICE}, ONES).tolist() == [[4, 4]]
    untied = functional_call(module, {"a.weight": TWICE, "b.weight": TWICE * 2}, ONES, tie_weights=False)
    assert untied.tolist() == [[8, 8]]
    assert module.a.weight is before and module.b.weight is before
    given = {"calls": flambeau.full((2,), 7.0)}
    functional_call(module, ({"a.weight": TWICE}, given), ONES, strict=True)
    functional_call(module, given, ONES)
    assert given["calls"].tolist() == [8, 8] and module.calls.tolist() == [4, 4]  # a dict of the caller's takes what the module put there
    with pytest.warns(FutureWarning, match="func.functional_call"):
        assert_close(nn.utils.stateless.functional_call(module, {"a.weight": TWICE}, ONES), TWICE.sum(0, keepdim=True) * 2)
    with pytest.raises(RuntimeError, match="broken"):
        functional_call(Broken(), {"weight": TWICE}, ONES)


class Told(nn.Module):
    """Tells its members; adds what is no member."""

    def __init__(self):
        super().__init__()
        self.inner, self.shift = nn.Linear(1, 1), flambeau.ones(1)

    def forward(self, x):
        return self.inner(x) * 0 + self.shift + getattr(self, "extra", 0), [name for name, _ in self.named_parameters()]


def test_functional_call_sets_attributes_for_the_call():
    module, one, ones = Told(), flambeau.ones(1), flambeau.ones(1, 1)
    assert functional_call(module, {"shift": one * 3, "extra": one}, ones)[0].tolist() == [[4]]
    names = functional_call(module, {"inner.more": nn.Parameter(one), "inner.bias": None}, ones)[1]
    assert names == ["inner.weight", "inner.more"]
    assert module.shift.tolist() == [1] and not hasattr(module, "extra") and [n for n, _ in module.named_parameters()][1] == "inner.bias"
    module.inner.outer = module  # a module within itself
    given = {"inner.outer.inner.weight": one[None] * 2, "shift": one * 2}
    assert functional_call(module.inner, {"outer.inner.weight": one[None] * 2, "bias": one}, ones, tie_weights=False).item() == 3
    assert functional_call(module, given, ones, tie_weights=False)[0].item() == 2


class Broken(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)

    def forward(self, x):
        raise RuntimeError("broken")


@pytest.mark.parametrize(("given", "options", "error", "words"), [
    ({"a.weight": TWICE, "b.weight": TWICE * 2}, {}, ValueError, r"multiple values for keys \['a.weight', 'b.weight'\], which are tied"),
    ({"a.weight": TWICE}, {"strict": True}, RuntimeError, "Missing key.*'calls'"),
    ({"a.weight": TWICE, "zz": TWICE}, {"strict": True}, RuntimeError, r"Unexpected key.*'zz'(.|\n)*Missing key.*'calls'"),
    ({"q.weight": TWICE}, {}, AttributeError, "q"),
    ([{"a.weight": TWICE}, {"a.weight": TWICE}], {}, ValueError, "appeared in multiple dictionaries"),
    (3, {}, ValueError, "to be a dict"),
    ([3], {}, ValueError, "to be dictionaries"),
    ({"a.weight": 3}, {}, TypeError, "not an instance of flambeau.Tensor"),
])
def test_functional_call_errors(given, options, error, words):
    module = Tied()
    before = module.a.weight
    with pytest.raises(error, match=words):
        functional_call(module, given, ONES, **options)
    assert module.a.weight is before


def test_an_ensemble_is_its_members():
    models = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).eval() for _ in range(3)]
    params, buffers = stack_module_state(models)
    x = flambeau.randn(5, 3)
    assert all(p.is_leaf and p.requires_grad for p in params.values()) and buffers["1.running_mean"].shape == (3, 4)
    out = vmap(lambda p, b, x: functional_call(models[0], (p, b), x), in_dims=(0, 0, None))(params, buffers, x)
    assert_close(out, flambeau.stack([m(x) for m in models]), rtol=1e-5, atol=1e-6)
    out.sum().backward()
    models[1](x).sum().backward()
    assert_close(params["3.weight"].grad[1], models[1][3].weight.grad, rtol=1e-5, atol=1e-6)


def test_per_sample_gradients_of_a_network():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))
    params = {name: p.detach() for name, p in model.named_parameters()}
    x, y = flambeau.randn(6, 1, 4, 4), flambeau.tensor([0, 1, 2, 0, 1, 2])

    def loss(p, image, label):
        return nn.functional.cross_entropy(functional_call(model, p, image.unsqueeze(0)), label.unsqueeze(0))

    got = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
    rows = [grad(loss)(params, x[i], y[i]) for i in range(6)]
    assert_close(got, {name: flambeau.stack([row[name] for row in rows]) for name in params}, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("models", "words"), [
    (list, "at least one model"),
    (lambda: [nn.Linear(2, 2), nn.ReLU()], "same class"),
    (lambda: [nn.Linear(2, 2), nn.Linear(2, 2).eval()], "training/eval mode"),
    (lambda: [nn.Linear(2, 2), nn.Linear(2, 2).requires_grad_(False)], "same .requires_grad"),
])
def test_stack_module_state_errors(models, words):
    with pytest.raises(RuntimeError, match=words):
        stack_module_state(models())


# ---- linearize and functionalize
def test_linearize():
    x, t = flambeau.rand(3, dtype=flambeau.float64), flambeau.rand(3, dtype=flambeau.float64)
    calls = []

    def f(a, b):
        calls.append(1)
        return {"product": a.sin() * b["b"], "still": flambeau.ones(2), "place": a.argmax()}

    _, push = linearize(f, x, {"b": x + 1})
    moved = push(t, {"b": t * 2})
    assert_close(moved["product"], x.cos() * t * (x + 1) + x.sin() * t * 2)
    assert moved["still"].tolist() == [0, 0] and moved["place"].item() == 0 and len(calls) == 1
    assert_close(vmap(lambda v: linearize(flambeau.sin, x)[1](v))(flambeau.eye(3, dtype=flambeau.float64)), jacfwd(flambeau.sin)(x))
    _, push = linearize(flambeau.sin, x)
    assert_close(vmap(push)(flambeau.eye(3, dtype=flambeau.float64)), jacfwd(flambeau.sin)(x))
    for tangent, words in ((flambeau.ones(2), "match the shape"), (flambeau.ones(3), "match the dtype"), (3.0, "not a tensor")):
        with pytest.raises(RuntimeError, match=words):
            push(tangent)
    with pytest.raises(RuntimeError, match="same argspec"):
        push()


@pytest.mark.parametrize("remove", ["mutations", "mutations_and_views"])
def test_functionalize_gives_the_same(remove):
    def f(x, y):
        v = x[:2]
        v.mul_(3)
        z = flambeau.zeros(3)
        tail = z[1:]
        z[0] = x[1]
        tail.add_(y)
        return {"v": v + x[1], "z": z, "tail": tail}

    here, there = (flambeau.tensor([1.0, 2.0, 3.0]), flambeau.ones(2)), (flambeau.tensor([1.0, 2.0, 3.0]), flambeau.ones(2))
    assert_close(functionalize(f, remove=remove)(*here), f(*there))
    assert_close(here, there)  # arguments end up changed alike
    x = flambeau.tensor([1.0, 2.0, 3.0])
    g = lambda x: functionalize(lambda x: x.clone().mul_(x).sum())(x)
    assert_close(grad(g)(x), 2 * x)
    assert_close(vmap(functionalize(lambda x: x.clone().mul_(x)))(x), x * x)
    with pytest.raises(RuntimeError, match="invalid argument for remove=views"):
        functionalize(f, remove="views")


def test_functionalize_writes_at_the_end():
    seen = []
    x = flambeau.zeros(2)

    def f(y):
        y.add_(1)
        seen.append(x.tolist())
        return y * 2

    assert functionalize(f)(x).tolist() == [2, 2] and seen == [[0, 0]] and x.tolist() == [1, 1]
