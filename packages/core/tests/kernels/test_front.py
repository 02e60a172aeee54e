"""`front.c` does what fast.py's closures do: the same results and graphs, with it and without."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest

import flambeau
from flambeau import front
from flambeau.fields import Fields, new
from flambeau.op import CARDS

PROGRAM = """
import flambeau as fl
from flambeau import front
fl.manual_seed(0)
a, b = fl.rand(3, 4, requires_grad=True), fl.rand(3, 4, requires_grad=True)
v, i = fl.rand(4, dtype=fl.float64), fl.arange(4)
told = []
for f in (
    lambda: a.exp(), lambda: i.exp(), lambda: a + b, lambda: a + 1, lambda: 2.0 - a, lambda: a + v, lambda: i + 1.5, lambda: 1 / i,
    lambda: a > b, lambda: a * True, lambda: a.sum(), lambda: a.sum(1, keepdim=True), lambda: i.sum(dim=0), lambda: a.amax(-1),
    lambda: a.t().mul(2), lambda: a[1:, ::2], lambda: a.detach().add_(b.detach()), lambda: i.clone().mul_(3), lambda: a.detach().sub_(1.5),
    lambda: a.reshape(2, 6).unsqueeze(0), lambda: fl.maximum(a, b), lambda: fl.where(a > b, a, b), lambda: a.softmax(1),
    lambda: a.add(b, alpha=2), lambda: a.add_(b), lambda: a + "x", lambda: a.sum(7), lambda: a + fl.ones(5), lambda: fl.exp(1.0),
    lambda: i.add_(1.5), lambda: a.exp(out=fl.empty(3, 4)), lambda: fl.maximum(a, 1.0), lambda: a @ b.mT,
    lambda: a.detach()[1:].add_(a.detach()[:-1]),
):
    try:
        y = f()
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")
        continue
    told.append(repr(y))
    told.append(str((y._version, y.is_contiguous(), y.grad_fn and [n and n[0] and n[0].name() for n in y.grad_fn.next_functions])))
    if y.requires_grad:
        a.grad = b.grad = None
        (y * y).sum().backward()
        told.append(repr((a.grad, b.grad)))
print(front.module is not None)
print("\\n".join(told))
"""


def told(without: bool) -> list[str]:
    environment = dict(os.environ, FLAMBEAU_FRONT="0" if without else "1")
    return subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True).stdout.splitlines()


@pytest.mark.skipif(front.module is None, reason=f"front.c was not built: {front.why or 'FLAMBEAU_FRONT=0'}")
def test_with_c_and_without_it_all_is_the_same():
    (here, *with_it), (away, *without) = told(False), told(True)
    assert (here, away) == ("True", "False")
    assert with_it == without
    assert len(with_it) > 60


def test_a_front_is_a_function_to_those_who_look():
    import copy
    import inspect

    exp = flambeau.exp
    assert exp.__name__ == "exp" and "(*) -> (*)" in exp.__doc__
    assert list(inspect.signature(exp).parameters) == ["input", "out"]
    assert exp.card is CARDS["exp"] and repr(exp).startswith("<function exp at ")
    assert copy.deepcopy(exp) is exp
    assert flambeau.Tensor.exp is exp and flambeau.ones(2).exp().shape == (2,)
    assert weakref.ref(exp)() is exp


def test_new_makes_tensors_alone():
    x = new(flambeau.Tensor, np.zeros(2, np.float32))
    assert x.node is x.base is x.source is x.cell is x.views is None and x.shape == (2,)
    assert isinstance(x, Fields)
    if front.module is not None:
        for wrong in ((), (int,), (3,), (flambeau.Tensor, None, None)):
            with pytest.raises(TypeError):
                new(*wrong)
        for function in (front.module.seen, front.module.node):
            with pytest.raises(TypeError):
                function(1, 2)


def test_nothing_is_left_behind():
    """Reference counts: what fast paths make goes when the last name goes, the graph and the views with it."""
    a = flambeau.rand(4, 4, requires_grad=True)
    b = flambeau.rand(4, 4)

    def work():
        y = ((a + b) * 2.0 - 1).exp().t()[1:].sum(0) / 3
        (2.0 - y).max().backward()
        b.add_(1.0).sub_(1.0)
        for wrong in (lambda: a + "x", lambda: a.sum(9), lambda: a + flambeau.ones(3)):
            with pytest.raises((TypeError, IndexError, RuntimeError)):
                wrong()

    work()
    gc.collect()
    watched = [None, flambeau.float32, a.array, b.array, CARDS["add"], 0, a, b]
    kinds = (flambeau.Tensor, type((a * 2).grad_fn), tuple, list, weakref.ref)
    before = [sys.getrefcount(x) for x in watched]
    objects = [sum(type(x) is kind for x in gc.get_objects()) for kind in kinds]
    for _ in range(200):
        work()
    gc.collect()
    after = [sys.getrefcount(x) for x in watched]
    assert all(abs(now - then) < 100 for now, then in zip(after, before, strict=True)), list(zip(before, after, strict=True))
    again = [sum(type(x) is kind for x in gc.get_objects()) for kind in kinds]
    assert all(abs(now - then) < 100 for now, then in zip(again, objects, strict=True)), list(zip(objects, again, strict=True))


def test_without_a_compiler_the_closures_stand_alone(tmp_path):
    environment = dict(os.environ, CC="no-such-compiler", FLAMBEAU_CACHE_DIR=str(tmp_path), FLAMBEAU_FRONT="1")
    program = "import flambeau; from flambeau import front; print(front.module, front.why); print(flambeau.ones(2) + 1)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True).stdout
    assert printed.startswith("None [\"no C compiler: 'no-such-compiler'") and printed.endswith("tensor([2., 2.])\n")


@pytest.mark.skipif(front.module is None, reason="front.c was not built")
def test_a_damaged_file_is_built_again(tmp_path):
    environment = dict(os.environ, FLAMBEAU_CACHE_DIR=str(tmp_path), FLAMBEAU_FRONT="1")
    program = "import flambeau; from flambeau import front; print(front.module is not None)"

    def run() -> str:
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True).stdout.strip()

    assert run() == "True"
    (library,) = (tmp_path / "kernels").glob("front-*")
    library.write_bytes(b"not a library")
    assert [run(), run()] == ["False", "True"]
    library.chmod(0o777)
    assert run() == "False"
