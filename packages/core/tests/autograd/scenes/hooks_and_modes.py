"""Hooks, nodes, kept tensors, modes and in-place writes, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import flambeau as T
from flambeau.autograd import graph as G


def num(x):
    return [round(v, 4) for v in x.reshape(-1).tolist()] if x is not None else None


def X(n=3):
    return T.arange(1.0, n + 1).requires_grad_()


def order():
    log = []
    x = X()
    y = x * 2
    y.register_hook(lambda g: log.append("a"))
    h = y.register_hook(lambda g: log.append("b"))
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.grad_fn.register_prehook(lambda go: log.append(("pre", num(go[0]))))
    y.grad_fn.register_hook(lambda gi, go: log.append(("post", [num(i) for i in gi], num(go[0]))))
    x.register_hook(lambda g: log.append(("leaf", num(g))))
    x.register_post_accumulate_grad_hook(lambda p: log.append(("acc", num(p.grad))))
    h.remove()
    y.sum().backward()
    return log, num(y.grad), num(x.grad)


def replace_pre():
    x = X()
    y = x * 2
    y.grad_fn.register_prehook(lambda go: (go[0] * 5,))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 7,) + tuple(gi[1:]))
    y.sum().backward()
    return num(x.grad)


def pre_wrong():
    x = X()
    y = x * 2
    y.grad_fn.register_prehook(lambda go: (go[0], go[0]))
    y.sum().backward()


def post_wrong():
    x = X()
    y = x * 2
    y.grad_fn.register_hook(lambda gi, go: (gi[0],))
    y.sum().backward()


def leafnode():
    x = X()
    n = (x * 2).grad_fn.next_functions[0][0]
    log = []
    n.register_prehook(lambda go: log.append(("pre", num(go[0]))))
    n.register_hook(lambda gi, go: log.append((gi, num(go[0]))))
    (x * 2).sum().backward()
    return log, n.variable is x


def multi_all():
    log = []
    a, b, c = X(), X(), X()
    h = G.register_multi_grad_hook((a, b, c), lambda gs: log.append([num(g) for g in gs]))
    (a * b).sum().backward()
    (a * b * c).sum().backward()
    h.remove()
    (a * b).sum().backward()
    return log


def multi_any():
    log = []
    a, b = X(), X()
    G.register_multi_grad_hook((a, b), lambda g: log.append(num(g)), mode="any")
    (a * b).sum().backward()
    (a * b).sum().backward()
    return len(log)


def hook_grad():
    x = X()
    y = x * 2
    log = []
    y.register_hook(lambda g: log.append(num(g)))
    x.register_hook(lambda g: g * 3)
    (g,) = T.autograd.grad(y.sum(), x)
    return num(g), log


def hook_inplace():
    x = X()
    y = x * 1
    log = []
    y.register_hook(lambda g: log.append(num(g)))
    y.retain_grad()
    y.mul_(5)
    y.sum().backward()
    return log, num(y.grad), num(x.grad)


def saved():
    log = []
    x = X()
    with G.saved_tensors_hooks(lambda t: (log.append("p"), t.detach().clone())[1], lambda t: (log.append("u"), t)[1]):
        y = (x.exp() * x).sum()
    y.backward()
    return num(x.grad), sorted(log)


def saved_bad():
    x = X()
    with G.saved_tensors_hooks(lambda t: 1, lambda t: 2):
        y = x.exp()
    y.sum().backward()


def saved_inplace():
    x = X()
    with G.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t):
        x.clone().exp()


def disabled():
    with G.disable_saved_tensors_hooks("not here"), G.saved_tensors_hooks(lambda t: t, lambda t: t):
        pass


def cpu():
    x = X()
    with G.save_on_cpu():
        y = (x.exp() * x).sum()
    y.backward()
    return num(x.grad)


def mutation():
    with G.allow_mutation_on_saved_tensors():
        a = T.ones(2, requires_grad=True)
        b = a.clone()
        out = (b**2).sum()
        b.sin_()
        out2 = (b * b).sum()
        b[0] = 3.0
        (out + out2).backward()
    return num(a.grad)


def walk():
    x = X()
    y = (x.exp() + x).sum()
    n = y.grad_fn
    seen = []
    s = [n]
    while s:
        n = s.pop()
        seen.append(n.name())
        s += [m for m, _ in n.next_functions if m]
    return seen, isinstance(y.grad_fn, G.Node)


def meta():
    y = X() * 2
    y.grad_fn.metadata["k"] = 3
    return y.grad_fn.metadata


def savedattr():
    x = X()
    y = x.exp()
    return num(y.grad_fn._saved_result)


def savedattr2():
    x = X()
    y = x * x
    return num(y.grad_fn._saved_self), num(y.grad_fn._saved_other)


def savedfreed():
    x = X()
    y = x.exp()
    y.sum().backward()
    return y.grad_fn._saved_result


def gen():
    log = []

    @T.no_grad()
    def g():
        try:
            while True:
                v = yield T.is_grad_enabled()
                log.append((v, T.is_grad_enabled()))
        except ValueError:
            log.append(("err", T.is_grad_enabled()))
            yield "caught"
        finally:
            log.append(("fin", T.is_grad_enabled()))

    it = g()
    a = next(it)
    b = T.is_grad_enabled()
    it.send(5)
    c = it.throw(ValueError())
    it.close()
    return a, b, c, log


def deco():
    @T.set_grad_enabled(False)
    def f():
        return T.is_grad_enabled()

    @T.no_grad
    def g():
        return T.is_grad_enabled()

    @T.inference_mode()
    def h():
        return T.is_inference_mode_enabled()

    return f(), g(), h(), T.is_grad_enabled()


def cls():
    @T.no_grad()
    class A:
        def __init__(self):
            self.e = T.is_grad_enabled()

        def m(self):
            return T.is_grad_enabled()

    a = A()
    return a.e, a.m()


def layout():
    x = T.ones(2, 3).t().requires_grad_()
    (x * T.ones(3, 2)).sum().backward()
    w = T.ones(3, 2, requires_grad=True)
    (w.t() * T.ones(2, 3)).sum().backward()
    return x.grad.stride(), w.grad.stride()


def accum_same():
    x = X()
    x.sum().backward()
    g = x.grad
    x.sum().backward()
    return x.grad is g, num(g)


def accum_cg():
    x = X()
    (x * x).sum().backward(create_graph=True)
    g = x.grad
    (x * x).sum().backward(create_graph=True)
    return x.grad is g, x.grad.requires_grad


def batched():
    x = X()
    y = x**2
    return num(T.autograd.grad(y, x, T.eye(3), is_grads_batched=True)[0])


def batched_unused():
    x = X()
    z = X()
    y = x**2
    r = T.autograd.grad(y, (x, z), T.eye(3), is_grads_batched=True, allow_unused=True)
    return num(r[0]), r[1]


def alias_of_base():
    x = X(4)
    y = x * 1
    a = y[:2]
    b = a[1:]
    b.mul_(3)
    a.add_(1)
    y.mul_(2)
    (b * b).sum().backward(retain_graph=True)
    g = num(x.grad)
    x.grad = None
    (y * y).sum().backward()
    return g, num(x.grad), b.grad_fn is not None


def detached_write():
    x = X()
    y = x.exp()
    y.detach().add_(1)
    y.sum().backward()


def setdata():
    x = X()
    x.data = T.ones(3) * 5
    (x * x).sum().backward()
    return num(x.grad)


def view_nograd_both():
    x = X()
    with T.no_grad():
        v = x[:2]
        v.mul_(4)
    return num(x), x.is_leaf


def requires_after_view():
    b = T.zeros(3)
    v = b[:2]
    v.copy_(X()[:2] * 2)
    return b.requires_grad, v.requires_grad


def unsafe():
    y = (X() * 1).unsafe_split(2) if hasattr(T.Tensor, "unsafe_split") else None
    y[0].add_(1)
    return num(y[0])


def expand_w():
    T.ones(1).expand(3).add_(1)


def root_none():
    T.autograd.backward([X() * 2], [None])


def root_many():
    x = X()
    T.autograd.backward([(x * 2).sum(), x * 3], [None, T.ones(3)])
    return num(x.grad)


def grad_type():
    (X() * 2).backward(3)


def sum_none():
    x = X()
    T.autograd.grad([(x * 2).sum(), (x * 3)], x)
