"""Types that do ops in their own way: subclasses of Tensor, other classes, modes."""
from __future__ import annotations

import inspect
import pickle

import pytest

import flambeau
from flambeau import nn
from flambeau.overrides import (
    BaseTorchFunctionMode,
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    FlambeauFunctionMode,
    get_overridable_functions,
    get_testing_overrides,
    handle_torch_function,
    has_torch_function,
    is_tensor_like,
    is_tensor_method_or_property,
    redispatch_function,
    resolve_name,
    wrap_torch_function,
)
from flambeau.overriding.members import members


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
    assert flambeau.softmax(duck, 1) == (flambeau.softmax, (Duck,), (duck, 1), {})
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


class Answering(flambeau.Tensor):
    """Whose protocol answers with what was asked."""

    @classmethod
    def __flambeau_function__(cls, func, types, args=(), kwargs=None):
        return func


def test_methods_and_properties_are_asked_about():
    x = Answering([1.0])
    methods, properties = members()
    for name, function in methods.items():
        if name.startswith("__") and name not in ("__getitem__", "__contains__"):  # Python wants an int, a str … of the others
            continue
        assert getattr(x, name)(0) is function or name == "__contains__", name
    for name, field in properties.items():
        assert getattr(x, name) == field.__get__, name
    x.requires_grad = True
    assert flambeau.Tensor.requires_grad.__get__(x) is False  # the setter was asked, and did nothing


def test_public_functions_ask():
    """Each function that says so is asked about, with the object itself as `func`."""
    for function, answer in get_testing_overrides().items():
        needed = [p for p in inspect.signature(answer).parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
        if is_tensor_method_or_property(function) or any(p.kind is p.KEYWORD_ONLY for p in needed):
            continue
        args = [Told2() for p in needed] or [Told2()]
        if function in (flambeau.cat, flambeau.stack, flambeau.concat):
            args = [args]
        assert function(*args) is function, resolve_name(function)


class Told2:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func


def test_what_rests_on_a_tensor_stays_itself():
    x = Told([1.0, 2.0])
    x.requires_grad_()
    x.sum().backward()
    assert x.grad is x.grad and x.grad.tolist() == [1.0, 1.0]
    plain, sub = flambeau.ones(2), flambeau.zeros(2).as_subclass(Kept)
    made = flambeau.broadcast_tensors(plain, sub)
    assert [type(m) for m in made] == [Kept, Kept] and type(plain) is flambeau.Tensor
    assert type(sub.new_ones(2)) is Kept and type(flambeau.zeros_like(sub)) is Kept


def test_keys_and_values_of_other_types():
    x = flambeau.arange(3)
    for key in (Told2(), (0, Told2()), Answering([0.5])):
        assert x[key] is flambeau.Tensor.__getitem__
        x[key] = 1
    x[0] = Told2()
    assert x.tolist() == [0, 1, 2]
    with pytest.raises(IndexError, match="only integers"):
        x[object()]


def test_modes_see_functions_of_several_ops_and_makers():
    class Names(FlambeauFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            names.append(func.__name__)
            if func is flambeau.sub:
                with self:
                    return args[0] + args[1]
            return func(*args, **(kwargs or {}))

    names: list = []
    plain = flambeau.zeros
    with Names() as outer:
        assert flambeau.overrides._get_current_function_mode() is outer
        x = flambeau.zeros(2)
        with BaseTorchFunctionMode():
            nn.functional.dropout(x, training=False)
        flambeau.sub(x, x)
        flambeau.std(x)
    assert names == ["zeros", "dropout", "sub", "add", "std"] and flambeau.zeros is plain
    assert flambeau.overrides._get_current_function_mode_stack() == []


def test_modes_leave_calls_and_refuse_classmethods():
    class Leaves(FlambeauFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return NotImplemented

    class Wrong(FlambeauFunctionMode):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func(*args)

    duck = Told2()
    with Leaves():
        assert flambeau.std(duck) is flambeau.std and flambeau.exp(duck) is flambeau.exp and (flambeau.ones(1) + 1).item() == 2
    with Wrong(), pytest.raises(RuntimeError, match="please make it a plain method"):
        flambeau.ones(1)


def test_redispatch_sees_what_is_inside():
    class Log(flambeau.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            names.append(func.__name__)
            return redispatch_function(func, types, args, kwargs)

    def scaled(a, b):
        return handle_torch_function(scaled, (a, b), a, b) if has_torch_function((a, b)) else a * b + 1

    names: list = []
    x, y = Log([3.0]), Log([4.0])
    assert scaled(x, y).tolist() == [13.0] and names == ["scaled", "mul"]
    with pytest.raises(TypeError, match="sequence"):
        has_torch_function(1)


def test_functions_are_pickled_by_their_public_name():
    for function in (flambeau.std, flambeau.quantile, nn.functional.dropout, flambeau.linalg.eigh, flambeau.fft.fft):
        assert pickle.loads(pickle.dumps(function)) is function  # noqa: S301
        assert b"flambeau.ops" not in pickle.dumps(function)
    assert str(inspect.signature(flambeau.std)).startswith("(input, dim=None") and flambeau.std.__doc__ and flambeau.std.__name__ == "std"
