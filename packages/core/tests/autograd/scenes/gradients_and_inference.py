"""Gradients asked for in every way, and inference mode, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import flambeau as T
from flambeau.autograd import graph as G


def num(x):
    return [round(v, 4) for v in x.reshape(-1).tolist()] if x is not None else None


def X(n=4):
    return T.arange(1.0, n + 1).requires_grad_()


def edge_multi():
    x = T.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    v, _i = x.max(1)
    n = v.grad_fn
    e = G.GradientEdge(n, 0)
    return num(T.autograd.grad(v.sum(), e)[0]), num(T.autograd.grad((v * v).sum() if 0 else v.pow(2).sum(), G.get_gradient_edge(v))[0])


def retain_multi():
    x = X()
    a, b = x.split(2)
    a.retain_grad()
    b.retain_grad()
    (a * b).sum().backward()
    return num(a.grad), num(b.grad)


def allow_unused():
    x = X()
    y = X()
    r = T.autograd.grad(x.sum(), [x, y], allow_unused=True)
    return r[1]


def mat():
    x = X()
    y = X()
    r = T.autograd.grad(x.sum(), [x, y], materialize_grads=True)
    return num(r[1])


def dup():
    x = X()
    r = T.autograd.grad((x * x).sum(), [x, x])
    return num(r[0]), num(r[1])


def grad_outputs_none():
    x = X()
    return num(T.autograd.grad([(x * x).sum()], x, [None])[0])


def root_is_input():
    x = X(1)
    return num(T.autograd.grad(x.sum(), x)[0]), num(T.autograd.grad(x, x)[0])


def nonscalar():
    x = X()
    T.autograd.grad(x * 2, x)


def retain_second():
    x = X()
    y = (x.exp()).sum()
    T.autograd.grad(y, x, retain_graph=True)
    T.autograd.grad(y, x)
    T.autograd.grad(y, x)


def freed_partial():
    x = X()
    y = x.exp()
    a = (y * 2).sum()
    b = (y * 3).sum()
    a.backward()
    b.backward()


def no_saved_twice():
    x = X()
    y = (x + 1).sum()
    y.backward()
    y.backward()
    return num(x.grad)


def bw_inputs_multi():
    x = X()
    w = X()
    y = x * w
    y.sum().backward(inputs=[x, w])
    return num(x.grad), num(w.grad)


def bw_inputs_tensor():
    x = X()
    w = X()
    (x * w).sum().backward(inputs=w)
    return x.grad, num(w.grad)


def posthook_edit():
    x = X()
    x.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2))
    x.sum().backward()
    x.sum().backward()
    return num(x.grad)


def posthook_none():
    x = X()

    def h(p):
        p.grad = None

    x.register_post_accumulate_grad_hook(h)
    x.sum().backward()
    return x.grad


def hook_remove_in_hook():
    x = X()
    log = []
    h = [None]

    def f(g):
        log.append(1)
        h[0].remove()

    h[0] = x.register_hook(f)
    x.sum().backward()
    x.sum().backward()
    return len(log)


def hook_on_both():
    x = X()
    log = []
    y = x * 2
    y.register_hook(lambda g: log.append("y"))
    x.register_hook(lambda g: log.append("x"))
    T.autograd.grad(y.sum(), [x, y])
    return log


def hook_grad_enabled():
    x = X()
    log = []
    x.register_hook(lambda g: log.append((T.is_grad_enabled(), g.requires_grad)))
    x.pow(2).sum().backward()
    x.pow(2).sum().backward(create_graph=True)
    return log


def handle_ctx():
    x = X()
    log = []
    with x.register_hook(lambda g: log.append(1)):
        x.sum().backward()
    x.sum().backward()
    return len(log)


def gradsum():
    x = X()
    (x.sum() + x.sum()).backward()
    return num(x.grad)


def dtype64():
    x = X()
    y = x.double()
    (y * y).sum().backward()
    return str(x.grad.dtype).split(".")[1]


def complex_grad():
    z = T.tensor([1 + 2j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    return T.view_as_real(z.grad).tolist()


def set_grad():
    x = X()
    x.grad = T.ones(4)
    x.sum().backward()
    return num(x.grad)


def bad_grad_shape():
    x = X()
    x.grad = T.ones(3)


def bad_grad_type():
    x = X()
    x.grad = T.ones(4, dtype=T.float64)


def bad_grad_obj():
    x = X()
    x.grad = 3


def detach_shares():
    x = X()
    d = x.detach()
    d[0] = 9.0
    return num(x), x._version


def clone_grad():
    x = X()
    c = x.clone()
    c.retain_grad()
    c.sum().backward()
    return num(x.grad), num(c.grad)


def requires_after():
    x = T.ones(2)
    y = x * 2
    x.requires_grad_()
    return y.requires_grad


def nograd_leaf():
    with T.no_grad():
        p = T.ones(2, requires_grad=True)
        q = p * 2
    return p.requires_grad, p.is_leaf, q.requires_grad


def nograd_param():
    with T.no_grad():
        w = T.nn.Linear(2, 2)
    return w.weight.requires_grad


def inf_module():
    m = T.nn.Linear(2, 2)
    with T.inference_mode():
        y = m(T.ones(1, 2))
    return y.is_inference(), y.requires_grad, m.weight.is_inference()


def inf_false():
    with T.inference_mode(False):
        return T.is_inference_mode_enabled(), (X() * 2).requires_grad


def inf_numpy():
    with T.inference_mode():
        y = T.ones(2)
        y[0] = 3
        y.add_(1)
        y.mul_(y)
        return num(y), y.numpy().tolist()


def inf_backward_fn():
    with T.inference_mode():
        y = T.ones(2)
    y2 = y.clone().requires_grad_()
    (y2 * y2).sum().backward()
    return num(y2.grad)


def inf_linear():
    with T.inference_mode():
        y = T.ones(1, 2)
    m = T.nn.Linear(2, 1)
    m(y)


def inf_cat():
    with T.inference_mode():
        y = T.ones(2)
        z = T.cat([y, y])
        s = z.sum()
        r = T.rand(2)
        a = T.arange(3)
        st = T.stack([y, y])
        l = [
            q.is_inference()
            for q in (
                z,
                s,
                r,
                a,
                st,
                y.view(2, 1),
                y[0],
                y.to(T.float64),
                y > 0,
                T.zeros_like(y),
                T.tensor([1.0]),
                y.clone(),
                T.randn(2),
                y.sort()[0],
                T.nn.functional.softmax(y, 0),
            )
        ]
    return l


def nested_modes():
    r = []
    with T.no_grad():
        r.append(T.is_grad_enabled())
        with T.enable_grad():
            r.append(T.is_grad_enabled())
            with T.set_grad_enabled(False):
                r.append(T.is_grad_enabled())
            r.append(T.is_grad_enabled())
        r.append(T.is_grad_enabled())
    return r


def sge_fn():
    T.set_grad_enabled(False)
    a = T.is_grad_enabled()
    T.set_grad_enabled(True)
    return a


def exc_mode():
    try:
        with T.no_grad():
            raise ValueError
    except ValueError:
        pass
    return T.is_grad_enabled()


def nongrad_int():
    T.autograd.grad(T.ones(2, dtype=T.int64).sum(), X())


def gradnone_zero():
    x = X()
    y = x * 0
    return num(T.autograd.grad(y.sum(), x)[0])


def deep_view_grad():
    x = X()
    y = x.view(2, 2).t().reshape(-1)[1:3]
    return num(T.autograd.grad((y * y).sum(), x)[0])


def bool_mask():
    x = X()
    return num(T.autograd.grad(x[x > 2].sum(), x)[0])
