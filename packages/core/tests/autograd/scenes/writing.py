"""Writing in place, through views and under modes, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import flambeau as T


def num(x):
    return [round(v, 4) for v in x.reshape(-1).tolist()] if x is not None else None


def X(n=4):
    return T.arange(1.0, n + 1).requires_grad_()


def g(y, x):
    x.grad = None
    y.sum().backward(retain_graph=True)
    return num(x.grad)


def chain3():
    x = X(8)
    y = x * 1
    a = y.view(2, 4)
    b = a.t()
    c = b[1:3]
    c.mul_(2)
    b.add_(x.view(2, 4).t())
    a[0].exp_()
    return g(y * y, x), g(a, x), g(c * c, x), y._version


def diag():
    x = X(9)
    y = (x * 1).view(3, 3)
    y.diagonal().mul_(5)
    return g(y * y, x)


def expand_in():
    x = X(4)
    y = x * 1
    y.view(2, 2)[:, :1].squeeze(1).zero_()
    return g(y * y, x)


def select_chain():
    x = X(8)
    y = (x * 1).view(2, 2, 2)
    y[0][1][0] = x[3] * 7
    y[1].select(0, 0).fill_(3.0)
    return g(y * y, x)


def narrow_copy():
    x = X(6)
    b = T.zeros(6)
    b.narrow(0, 1, 3).copy_(x[:3] * 2)
    b[4:].copy_(x[4:].detach())
    return g(b * b, x), b.requires_grad


def masked():
    x = X(4)
    y = x * 1
    y[y > 2] = 0.0
    y.masked_fill_(y == 1, 9.0)
    return g(y * y, x), num(y)


def idxput():
    x = X(4)
    v = T.tensor([5.0, 6.0], requires_grad=True)
    y = x * 1
    y.index_put_((T.tensor([0, 0]),), v, accumulate=True)
    a = g(y * y, x)
    return a, num(v.grad)


def idxadd():
    x = X(4)
    v = X(2)
    y = x * 1
    y.index_add_(0, T.tensor([1, 1]), v)
    return g(y * y, x), num(v.grad)


def scatter():
    x = X(4)
    v = X(2)
    y = x * 1
    y.scatter_(0, T.tensor([1, 3]), v)
    return g(y * y, x), num(v.grad)


def inplace_of_view_in_nograd():
    x = X(4)
    y = x * 1
    v = y[:2]
    with T.no_grad():
        v.mul_(10)
    return g(y, x), num(y), v.requires_grad


def base_nograd():
    x = X(4)
    y = x * 1
    v = y[:2]
    z = v * v
    with T.no_grad():
        y.mul_(10)
    return g(z, x)


def nograd_leaf_views():
    x = X(4)
    with T.no_grad():
        x[:2] *= 3
    return num(x), x._version, x.requires_grad


def detach_view():
    x = X(4)
    y = x * 1
    d = y.detach()
    d[:2] = 0
    return num(y), y._version, g(y, x)


def detach_saved():
    x = X(4)
    y = x * 1
    z = y * y
    y.detach().mul_(2)
    return g(z, x)


def view_of_detached():
    x = X(4)
    d = (x * 1).detach()
    v = d[:2]
    v.mul_(x[:2])
    return g(d * d, x), d.requires_grad


def view_leaf_then():
    b = T.zeros(4)
    v = b[:2]
    b.mul_(X(4))
    return v.requires_grad, v.grad_fn is not None


def out_view():
    y = T.zeros(4)
    T.exp(T.ones(2), out=y[:2])
    return num(y)


def data_swap():
    x = X(4)
    y = x * 1
    y.data[:2] = 0
    return num(y), y._version, g(y * y, x)


def iadd_self():
    x = X(4)
    y = x * 1
    y += y
    y *= y
    return g(y, x)


def mul_view_self():
    x = X(4)
    y = x * 1
    y[:2].mul_(y[2:])
    return g(y * y, x)


def complexv():
    z = T.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = z * 1
    y.real.mul_(2)
    return num(T.view_as_real(T.autograd.grad((y.abs() ** 2).sum(), z)[0]))


def detach_():
    x = X(4)
    y = x * 1
    y.detach_()
    return y.requires_grad, y.is_leaf


def detach_leaf_():
    x = X(4)
    x.detach_()
    return x.requires_grad


def requires_grad_false():
    x = X(4)
    x.requires_grad_(False)
    return (x * 2).requires_grad


def zero_grad_inplace():
    x = X(4)
    (x * 2).sum().backward()
    gr = x.grad
    gr.zero_()
    (x * 3).sum().backward()
    return num(gr), gr is x.grad


def grad_of_grad_view():
    x = X(4)
    y = x**3
    (gg,) = T.autograd.grad(y.sum(), x, create_graph=True)
    h = gg[1:]
    h.mul_(2)
    return num(T.autograd.grad(gg.sum(), x)[0])


def copy_cast():
    x = X(4)
    b = T.zeros(4, dtype=T.float64)
    b.copy_(x)
    return b.dtype == T.float64, g(b * b, x)


def copy_bcast():
    x = X(2)
    b = T.zeros(3, 2)
    b.copy_(x)
    return g(b * b, x)


def clamp_():
    x = X(4)
    y = x * 1
    y.clamp_(2, 3)
    return g(y * y, x)


def relu_():
    x = T.tensor([-1.0, 2.0], requires_grad=True)
    y = x * 1
    T.nn.functional.relu(y, inplace=True)
    return g(y * 3, x)


def addcmul_():
    x = X(4)
    y = x * 1
    y.addcmul_(x, x, value=2.0)
    return g(y, x)


def normal_():
    x = X(4)
    y = x * 1
    y.normal_()
    return g(y, x), y.requires_grad


def fill_tensor():
    x = X(4)
    y = x * 1
    y.fill_(x[2])
    return g(y * y, x)


def tril_():
    x = X(4)
    y = (x * 1).view(2, 2)
    y.tril_()
    return g(y * y, x)


def cumsum_():
    x = X(4)
    y = x * 1
    y.cumsum_(0)
    return g(y * y, x)


def sqrt_leafview_grad():
    x = X(4)
    with T.no_grad():
        v = x.view(2, 2)
        v.sqrt_()
    return num(x)


def leaf_setitem():
    x = X(4)
    x[0] = 1.0


def leaf_list_setitem():
    x = X(4)
    x[[0, 1]] = 1.0


def copy_to_leaf():
    X().copy_(X())


def int_tracked():
    b = T.zeros(4, dtype=T.int64)
    b.add_(X())


def swapped():
    x = X()
    y = x * 1
    y[0], y[1] = y[1].clone(), y[0].clone()
    return num(y), g(y * T.arange(4.0), x)


def unfoldv():
    x = X(4)
    y = x * 1
    y.unfold(0, 2, 2)[0].mul_(3)
    return g(y * y, x)


def movedim():
    x = X(8)
    y = (x * 1).view(2, 2, 2)
    y.movedim(0, 2)[0].mul_(3)
    return g(y * y, x)


def flipc():
    x = X(4)
    y = x * 1
    y.flip(0).mul_(3)
    return g(y * y, x)


def real_imag():
    z = T.tensor([1 + 2j], requires_grad=True)
    y = z * 1
    y.imag = T.tensor([5.0]) if hasattr(T.Tensor, "imag") else None
    return T.view_as_real(y).tolist()


def chunk_nograd():
    x = X(4)
    with T.no_grad():
        a, b = x.chunk(2)
        a.add_(b)
    return num(x)


def unbind_loop():
    x = X(4)
    y = (x * 1).view(2, 2)
    s = 0
    for r in y:
        s = s + r * r
    return g(s, x)


def iter_inplace():
    y = (X(4) * 1).view(2, 2)
    for r in y:
        r.mul_(2)


def stackrows():
    x = X(4)
    y = T.zeros(2, 4)
    for i in range(2):
        y[i] = x * (i + 1)
    return g(y * y, x)
