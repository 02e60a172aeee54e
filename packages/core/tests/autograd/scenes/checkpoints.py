"""Checkpoints, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import warnings

import flambeau as T
import flambeau.utils.checkpoint as C

calls = []


def net(x):
    calls.append(1)
    return (x.sin() * x).exp()


def X():
    return T.tensor([0.1, 0.2, 0.3], requires_grad=True)


def num(x):
    return [round(v, 4) for v in x.tolist()] if x is not None else None


def default():
    with warnings.catch_warnings(record=True) as w:
        warnings.simplefilter("always")
        x = X()
        C.checkpoint(net, x).sum().backward()
        return num(x.grad), [str(i.message)[:100] for i in w]


def re_():
    calls.clear()
    x = X()
    C.checkpoint(net, x, use_reentrant=True).sum().backward()
    return num(x.grad), len(calls)


def nre():
    calls.clear()
    x = X()
    C.checkpoint(net, x, use_reentrant=False).sum().backward()
    return num(x.grad), len(calls)


def nre_grad():
    x = X()
    return num(T.autograd.grad(C.checkpoint(net, x, use_reentrant=False).sum(), x)[0])


def re_grad():
    x = X()
    return num(T.autograd.grad(C.checkpoint(net, x, use_reentrant=True).sum(), x)[0])


def double():
    x = X()
    (g,) = T.autograd.grad(C.checkpoint(net, x, use_reentrant=False).sum(), x, create_graph=True)
    return num(T.autograd.grad(g.sum(), x)[0])


def retain():
    calls.clear()
    x = X()
    y = C.checkpoint(net, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    y.backward()
    return num(x.grad), len(calls)


def rng():
    out = []
    for r in (True, False):
        T.manual_seed(0)
        x = X()
        y = C.checkpoint(lambda x: T.nn.functional.dropout(x, 0.5) * x, x, use_reentrant=r)
        y.sum().backward()
        out.append((num(y), num(x.grad)))
    return out, round(T.rand(1).item(), 4)


def nested():
    calls.clear()
    x = X()
    y = C.checkpoint(lambda x: C.checkpoint(net, x * 2, use_reentrant=False) * x, x, use_reentrant=False)
    y.sum().backward()
    return num(x.grad), len(calls)


def kw():
    x = X()
    y = C.checkpoint(lambda x, k=1: net(x) * k, x, use_reentrant=False, k=3)
    y.sum().backward()
    return num(x.grad)


def kwre():
    x = X()
    C.checkpoint(lambda x, k=1: net(x) * k, x, use_reentrant=True, k=3)


def ctxre():
    x = X()
    C.checkpoint(net, x, use_reentrant=True, context_fn=lambda: (None, None))


def nondet():
    k = [0]

    def f(x):
        k[0] += 1
        return (x.sin() * x).exp() if k[0] == 1 else (x[:2].sin() * x[:2]).exp()

    x = X()
    C.checkpoint(f, x, use_reentrant=False).sum().backward()


def nondet2():
    k = [0]

    def f(x):
        k[0] += 1
        return (x.sin() * x).exp() if k[0] == 1 else x.sin()

    x = X()
    C.checkpoint(f, x, use_reentrant=False).sum().backward()


def nondet3():
    k = [0]

    def f(x):
        k[0] += 1
        return (x.sin() * x).exp() if k[0] == 1 else (x.sin() * x).exp().exp().exp()

    x = X()
    with C.set_checkpoint_early_stop(False):
        C.checkpoint(f, x, use_reentrant=False).sum().backward()


def nograd_in():
    with warnings.catch_warnings(record=True) as w:
        x = T.ones(3)
        y = C.checkpoint(net, x, use_reentrant=True)
        return y.requires_grad, [str(i.message)[:60] for i in w]


def tup():
    x = X()
    a, b = C.checkpoint(lambda x: (x * 2, x.exp()), x, use_reentrant=True)
    (a.sum() + b.sum()).backward()
    return num(x.grad)


def early():
    n = [0]

    def f(x):
        y = x.exp()
        y = y.sin()
        n[0] += 1
        y = y + 1
        n[0] += 1
        return y

    for r in (True, False):
        with C.set_checkpoint_early_stop(r):
            n[0] = 0
            x = X()
            C.checkpoint(f, x, use_reentrant=False).sum().backward()
            print(r, n[0])


def seq():
    m = T.nn.Sequential(*[T.nn.Linear(3, 3) for _ in range(4)])
    out = []
    for r in (True, False):
        x = X()
        for p in m.parameters():
            p.grad = None
        C.checkpoint_sequential(m, 2, x.reshape(1, 3), use_reentrant=r).sum().backward()
        a = x.grad.clone()
        x.grad = None
        g = [p.grad.clone() for p in m.parameters()]
        for p in m.parameters():
            p.grad = None
        m(x.reshape(1, 3)).sum().backward()
        out.append(bool(T.allclose(a, x.grad)) and all(bool(T.allclose(u, p.grad)) for u, p in zip(g, m.parameters())))
    return out


def ctxfn():
    from contextlib import contextmanager

    log = []

    @contextmanager
    def c(n):
        log.append("in" + n)
        yield
        log.append("out" + n)

    x = X()
    C.checkpoint(net, x, use_reentrant=False, context_fn=lambda: (c("f"), c("r"))).sum().backward()
    return log


def badcheck():
    C.checkpoint(net, X(), use_reentrant=False, determinism_check="foo")


def inplace_in():
    x = X()
    y = x * 1
    z = C.checkpoint(net, y, use_reentrant=False)
    y.add_(1)
    z.sum().backward()


def dbl_reent_nest():
    x = X()
    y = C.checkpoint(lambda x: C.checkpoint(net, x * 2, use_reentrant=True) * x, x, use_reentrant=True)
    y.sum().backward()
    return num(x.grad)
