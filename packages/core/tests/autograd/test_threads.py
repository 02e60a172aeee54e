"""Several Python threads: modes are each thread's own, and gradients are right, apart and shared."""
from __future__ import annotations

import threading

import numpy as np

import flambeau
from flambeau.autograd import graph


def run(count: int, work):
    """`work(i)` in that many threads at once; what they return, or the first error."""
    results: list = [None] * count
    errors: list = []
    start = threading.Barrier(count)

    def one(i):
        try:
            start.wait()
            results[i] = work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results


def test_modes_are_kept_apart():
    def work(i):
        seen = set()
        for _ in range(200):
            x = flambeau.ones(2, requires_grad=True)
            if i % 3 == 0:
                with flambeau.no_grad():
                    seen.add((x * 2).requires_grad)
            elif i % 3 == 1:
                with flambeau.inference_mode():
                    seen.add((x * 2).is_inference())
            else:
                y = x * 2
                seen.add((y.requires_grad, y.is_inference()))
        return seen

    assert run(6, work) == [{False}, {True}, {(True, False)}] * 2


def test_kept_tensor_hooks_belong_to_their_thread():
    def work(i):
        packed = []
        for _ in range(50):
            x = flambeau.ones(2, requires_grad=True)
            if i % 2:
                x.exp().sum().backward()
            else:
                with graph.saved_tensors_hooks(lambda t: packed.append(1) or t, lambda t: t):
                    y = x.exp()
                y.sum().backward()
            np.testing.assert_allclose(x.grad.numpy(), np.e, rtol=1e-6)
        return len(packed)

    assert run(4, work) == [50, 0, 50, 0]


def test_graphs_of_their_own():
    def work(i):
        x = flambeau.full((50,), float(i + 1), requires_grad=True)
        for _ in range(50):
            x.grad = None
            y = x
            for _ in range(10):
                y = y * x
            y.sum().backward()
        return x.grad[0].item()

    assert run(4, work) == [11.0 * (i + 1) ** 10 for i in range(4)]


def test_a_shared_leaf_loses_no_gradient():
    x = flambeau.zeros(200_000, requires_grad=True)  # large: NumPy lets other threads run while it adds

    def work(i):
        for _ in range(25):
            (x * 1.0).sum().backward()

    run(4, work)
    assert x.grad.unique().tolist() == [100.0]


def test_a_shared_graph():
    x = flambeau.ones(1000, requires_grad=True)
    y = (x * x).sum()

    def work(i):
        for _ in range(20):
            y.backward(retain_graph=True)

    run(4, work)
    assert x.grad.unique().tolist() == [160.0]
