"""Types that do ops in their own way: subclasses of Tensor, other classes, modes."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import nn
from flambeau.overrides import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    FlambeauFunctionMode,
    get_overridable_functions,
    handle_torch_function,
    has_torch_function,
    is_tensor_like,
    resolve_name,
    wrap_torch_function,
)


class Kept(flambeau.Tensor):
    pass


class Younger(Kept):
    pass


class Told(flambeau.Tensor):
    """Its protocol has PyTorch's name."""

    seen: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.seen.append((func, types, kwargs))
        return super().__torch_function__(func, types, args, kwargs)


class Duck:
    """No tensor at all."""

    def __flambeau_function__(self, func, types, args=(), kwargs=None):
        return (func, types, args, kwargs) if func is not flambeau.sub else NotImplemented


@pytest.mark.parametrize("call", [
    lambda s: s + 1, lambda s: 1 - s, lambda s: s * s, lambda s: s @ s.t(), lambda s: s.sum(1), lambda s: s.reshape(3, 2), lambda s: s[0],
    lambda s: s[:, flambeau.tensor([0, 1])], lambda s: s.softmax(-1), lambda s: flambeau.cat([s, s]), lambda s: s.max(1)[0],
    lambda s: s.split(1)[1], lambda s: s.to(flambeau.float64), lambda s: s.detach(), lambda s: s.squeeze(), lambda s: s.add_(1),
    lambda s: flambeau.einsum("ij,kj->ik", s, s), lambda s: nn.functional.layer_norm(s, (3,)), lambda s: nn.functional.linear(s, s),
    lambda s: flambeau.where(s > 0, s, s), lambda s: s.unbind()[0], lambda s: nn.Linear(3, 2)(s), lambda s: s.view(-1), lambda s: s.std(),
])  # fmt: skip
def test_subclasses_keep_their_type(call):
    x = flambeau.arange(6.0).reshape(2, 3)
    flambeau.manual_seed(0)
    plain = call(x.clone())
    flambeau.manual_seed(0)
    kept = call(x.clone().as_subclass(Kept))
    assert type(kept) is Kept and kept.dtype is plain.dtype and flambeau.allclose(kept.detach(), plain.detach(), atol=1e-6)


def test_subclasses_meet():
    x, y = flambeau.ones(2).as_subclass(Kept), flambeau.ones(2).as_subclass(Younger)
    assert type(x + y) is type(y + x) is Younger
    with pytest.raises(TypeError, match="no implementation found"):
        x + flambeau.ones(2).as_subclass(Told)
    with DisableTorchFunctionSubclass():
        assert type(x + 1) is flambeau.Tensor
    assert type(nn.Parameter(flambeau.ones(2)) + 1) is flambeau.Tensor


def test_subclasses_have_gradients():
    leaf = flambeau.ones(2, requires_grad=True)
    x = leaf.as_subclass(Kept)
    (x * x * 3).sum().backward()
    assert leaf.grad.tolist() == [6.0, 6.0]
    made = flambeau.Tensor._make_subclass(Kept, leaf, True)
    assert type(made) is Kept and made.is_leaf and made.requires_grad and made.data_ptr() == leaf.data_ptr()
    with pytest.raises(RuntimeError, match="inherit from Tensor"):
        leaf.as_subclass(int)


def test_the_protocol_sees_function_types_and_arguments():
    x = flambeau.ones(2, 3).as_subclass(Told)
    Told.seen.clear()
    assert type(flambeau.sum(x, dim=1)) is Told and type(flambeau.add(x, 1)) is Told and type(x.exp()) is Told
    assert Told.seen == [(flambeau.sum, (Told,), {"dim": 1}), (flambeau.add, (Told,), {}), (flambeau.exp, (Told,), {})]


def test_any_class_may_have_the_protocol():
    duck = Duck()
    assert flambeau.mean(duck) == (flambeau.mean, (Duck,), (duck,), {})
    assert flambeau.softmax(duck, 1) == (flambeau.softmax, (Duck,), (duck,), {"dim": 1})
    x = flambeau.ones(1)
    assert (x + duck)[0] is flambeau.add and (x + duck)[2] == (x, duck) and flambeau.mul(x, duck)[0] is flambeau.mul
    with pytest.raises(TypeError, match=r"no implementation found for 'flambeau.sub'"):
        flambeau.sub(duck, 1)
    assert flambeau.matmul(x, duck)[2] == (x, duck) and flambeau.cat([x, duck]) == (flambeau.cat, (Duck,), ([x, duck],), {"dim": 0})
    assert flambeau.stack([duck], 1)[3] == {"dim": 1} and nn.functional.linear(duck, x)[0] is nn.functional.linear
    with pytest.raises(TypeError, match=r"linear\(\): argument \(position 2\) must be Tensor, not str"):
        nn.functional.linear(x, "weight")
    with DisableTorchFunction(), pytest.raises(TypeError):
        flambeau.exp(duck)
    assert is_tensor_like(duck) and is_tensor_like(x) and not is_tensor_like(1.0)


def test_functions_of_users_join_in():
    @wrap_torch_function(lambda a, b=None: (a, b))
    def mine(a, b=None):
        return "mine"

    def other(a):
        return handle_torch_function(other, (a,), a, key=1) if has_torch_function((a,)) else "other"

    duck = Duck()
    assert mine(1) == "mine" and mine(1, b=duck) == (mine, (Duck,), (1,), {"b": duck})
    assert other(flambeau.ones(1)) == "other" and other(duck) == (other, (Duck,), (duck,), {"key": 1})


def test_modes_see_every_op():
    class Doubled(FlambeauFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            names.append(func.__name__)
            return func(*args, **(kwargs or {})) * 2

    names: list = []
    x = flambeau.ones(2)
    with Doubled():
        y = x.exp()
        with Doubled():
            z = x + 1
        with DisableTorchFunction():
            assert len(x.exp()) == 2 and names[:2] == ["exp", "add"]
    assert z.tolist() == [16.0, 16.0] and y.tolist() == (x.exp() * 2).tolist() and (x + 1).tolist() == [2.0, 2.0]


def test_the_list_of_functions():
    found = get_overridable_functions()
    assert flambeau.add in found[flambeau] and len(found[flambeau]) > 100
    assert resolve_name(flambeau.exp) == "flambeau.exp" and resolve_name(len) is None
