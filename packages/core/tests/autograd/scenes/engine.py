"""Roots, edges, views and inference mode, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import flambeau as T


def leafs():
    return T.ones(4, requires_grad=True)


def bw_inputs_nonleaf():
    x = leafs()
    y = x * 2
    z = (y * y).sum()
    z.backward(inputs=[y])
    return y.grad, x.grad


def bw_empty():
    x = leafs()
    (x * 2).sum().backward(inputs=[])


def nograd_view():
    x = leafs()
    y = x * 1
    with T.no_grad():
        v = y[:2]
    v.add_(1)
    return v.requires_grad


def nograd_view_leaf():
    x = leafs()
    with T.no_grad():
        v = x[:2]
    v.add_(1)
    return v.requires_grad


def nograd_view_mul():
    x = leafs()
    y = x * 1
    with T.no_grad():
        v = y[:2]
    v.mul_(x[:2])


def unbind_inplace():
    x = leafs()
    y = (x * 1).unbind(0)
    y[0].add_(1)


def split_inplace():
    x = leafs()
    y = (x * 1).split(2)
    y[0].add_(1)


def split_plain_inplace():
    y = T.ones(4).split(2)
    y[0].add_(1)
    y[0].mul_(leafs()[:2])


def split_nograd():
    x = leafs()
    with T.no_grad():
        y = x.split(2)
        y[0].add_(1)
    return x


def unused():
    x = leafs()
    y = leafs()
    T.autograd.grad((x * 2).sum(), (x, y))


def noreq():
    x = leafs()
    T.autograd.grad((x * 2).sum(), T.ones(1))


def nofn():
    T.autograd.grad(T.ones(1), leafs())


def mat_allow():
    x = leafs()
    T.autograd.grad((x * 2).sum(), x, materialize_grads=True, allow_unused=False)


def mism():
    x = leafs()
    (x * 2).backward(T.ones(3))


def lens():
    x = leafs()
    T.autograd.backward([x * 2], [T.ones(4), T.ones(4)])


def leaf_inplace():
    leafs().add_(1)


def leafview_inplace():
    leafs()[0].add_(1)


def changed():
    x = leafs()
    y = x.exp()
    y.add_(1)
    y.sum().backward()


def twice():
    x = leafs()
    y = (x * x).sum()
    y.backward()
    y.backward()


def hook_nograd():
    T.ones(1).register_hook(print)


def hook_bad():
    x = leafs()
    y = x * 2
    y.register_hook(lambda g: 3)
    y.sum().backward()


def hook_badshape():
    x = leafs()
    y = x * 2
    y.register_hook(lambda g: g[:2])
    y.sum().backward()


def posthook_nonleaf():
    (leafs() * 2).register_post_accumulate_grad_hook(print)


def retain_nograd():
    T.ones(1).retain_grad()


def inf_save():
    with T.inference_mode():
        w = T.ones(4)
    x = leafs()
    return x * w


def inf_save2():
    with T.inference_mode():
        w = T.ones(4)
    x = leafs()
    return (x + w).requires_grad


def inf_inplace():
    with T.inference_mode():
        w = T.ones(4)
    w.add_(1)


def inf_version():
    with T.inference_mode():
        w = T.ones(4)
        return w._version


def inf_rg():
    with T.inference_mode():
        w = T.ones(4)
    w.requires_grad_()


def inf_rg_in():
    with T.inference_mode():
        w = T.ones(4, requires_grad=True)
        return w.requires_grad, (w * 2).requires_grad, w.is_inference()


def inf_normal_inplace():
    n = T.ones(4)
    with T.inference_mode():
        n.add_(1)
        v = n[:2]
        r = (n.is_inference(), v.is_inference(), (n * 1).is_inference(), n._version)
    v.add_(1)
    return r, n._version


def inf_view_out():
    with T.inference_mode():
        w = T.ones(4)
    v = w[:2]
    return v.is_inference(), w.clone().is_inference(), (w * 1).is_inference(), w.detach().is_inference()


def inf_mul_normal_view():
    n = leafs() * 1
    with T.inference_mode():
        v = n[:2]
    v.add_(1)


def inf_leaf_inplace():
    n = leafs()
    with T.inference_mode():
        n.add_(1)
    return n, n._version


def inf_setitem_plain():
    with T.inference_mode():
        w = T.ones(4)
    n = T.zeros(4)
    n.copy_(w)
    w.copy_(n)


def enable_in_inf():
    x = leafs()
    with T.inference_mode(), T.enable_grad():
        return (x * 2).requires_grad, T.is_grad_enabled()


def inf_backward():
    x = leafs()
    y = (x * x).sum()
    with T.inference_mode():
        y.backward()
    return x.grad, x.grad.is_inference()


def anomaly():
    x = leafs()
    with T.autograd.detect_anomaly():
        y = T.sqrt(x * 0 - 1)
        y.sum().backward()


def detach_view():
    (leafs() * 1)[0].detach_()


def setrg():
    (leafs() * 1).requires_grad = False


def setrg2():
    T.ones(1, dtype=T.int64).requires_grad_()


def numpy():
    leafs().numpy()


def deep():
    import copy

    copy.deepcopy(leafs() * 1)


def out():
    T.exp(leafs(), out=T.ones(4))


def complexroot():
    T.ones(1, dtype=T.complex64, requires_grad=True).backward()


def gm():
    x = leafs()
    y = x * 2
    return (
        y.grad_fn.metadata,
        y.grad_fn.next_functions,
        y.grad_fn._raw_saved_self if 0 else None,
        y.sum().grad_fn._sequence_nr() if 0 else None,
    )


def edges():
    x = leafs()
    y = (x * 2).split(2)
    e = T.autograd.graph.get_gradient_edge(y[1])
    return e


def edge_nog():
    T.autograd.graph.get_gradient_edge(T.ones(1))


def edge_grad():
    x = leafs()
    y = x * 2
    e = T.autograd.graph.get_gradient_edge(x)
    return T.autograd.grad(y.sum(), e), e


def bwe():
    x = leafs()
    y = x * 2
    e = T.autograd.graph.get_gradient_edge(y)
    T.autograd.backward(e, T.ones(4))
    return x.grad


def bwe2():
    x = leafs()
    y = x.sum()
    e = T.autograd.graph.get_gradient_edge(y)
    T.autograd.backward(e)
    return x.grad


def inc():
    x = T.ones(2)
    T.autograd.graph.increment_version(x)
    return x._version
