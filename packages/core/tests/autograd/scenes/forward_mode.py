"""Forward mode by hand, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import flambeau as T
from flambeau.autograd import forward_ad as fw


def num(x):
    return x.tolist() if x is not None else None


def basic():
    with fw.dual_level():
        d = fw.make_dual(T.ones(3), T.arange(3.0))
        y = (d * d).sin()
        a, b = fw.unpack_dual(y)
        return num(a), num(b)


def inplace():
    with fw.dual_level():
        d = fw.make_dual(T.ones(3), T.arange(3.0))
        d = d * 1
        v = d[1:]
        v.mul_(3)
        d.add_(1)
        p = fw.unpack_dual(d)
        return num(p[0]), num(p[1])


def inplace_plain():
    with fw.dual_level():
        x = T.zeros(3)
        d = fw.make_dual(T.ones(3), T.arange(3.0))
        x.add_(d)
        p = fw.unpack_dual(x)
        return num(p[0]), num(p[1])


def inplace_setitem():
    with fw.dual_level():
        x = T.zeros(3)
        d = fw.make_dual(T.ones(3), T.arange(3.0))
        x[1:] = d[1:]
        p = fw.unpack_dual(x)
        return num(p[0]), num(p[1])


def nested():
    with fw.dual_level(), fw.dual_level():
        pass


def outside():
    fw.make_dual(T.ones(1), T.ones(1))


def shape():
    with fw.dual_level():
        fw.make_dual(T.ones(1), T.ones(2))


def ints():
    with fw.dual_level():
        fw.make_dual(T.ones(1, dtype=T.int64), T.ones(1))


def after():
    with fw.dual_level():
        y = fw.make_dual(T.ones(1), T.ones(1)) * 2
    p = fw.unpack_dual(y)
    return num(p[0]), p[1], num(y + 1)


def both():
    x = T.ones(2, requires_grad=True)
    with fw.dual_level():
        d = fw.make_dual(x, T.ones(2))
        y = d**3
        p = fw.unpack_dual(y)
        p.primal.sum().backward(retain_graph=True)
        g1 = num(x.grad)
        x.grad = None
        p.tangent.sum().backward()
        return g1, num(x.grad)


def bwd_direct():
    x = T.ones(2, requires_grad=True)
    with fw.dual_level():
        d = fw.make_dual(x, T.ones(2))
        y = (d**3).sum()
        y.backward()
        return num(x.grad)


def module():
    nn = T.nn
    l = nn.Linear(2, 2)
    with T.no_grad():
        l.weight.fill_(1.0)
        l.bias.fill_(0.0)
    with fw.dual_level():
        d = fw.make_dual(T.ones(1, 2), T.ones(1, 2))
        p = fw.unpack_dual(l(d))
        return num(p[0]), num(p[1])


def exitw():
    fw.exit_dual_level()


def detach():
    with fw.dual_level():
        d = fw.make_dual(T.ones(2), T.ones(2))
        p = fw.unpack_dual(d.detach())
        return num(p[1])


def nograd():
    with fw.dual_level(), T.no_grad():
        d = fw.make_dual(T.ones(2), T.ones(2))
        p = fw.unpack_dual(d * 2)
        return num(p[1])


def numpy_():
    with fw.dual_level():
        d = fw.make_dual(T.ones(2), T.ones(2))
        return d.shape, d.tolist(), d[0].item()


def cat():
    with fw.dual_level():
        d = fw.make_dual(T.ones(2), T.ones(2))
        p = fw.unpack_dual(T.cat([T.zeros(2), d, d * 2]))
        return num(p[1])


class F(T.autograd.Function):
    @staticmethod
    def forward(ctx, x, k):
        ctx.save_for_forward(x)
        ctx.save_for_backward(x)
        ctx.k = k
        return x * x * k

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g * ctx.k, None

    @staticmethod
    def jvp(ctx, t, _):
        (x,) = ctx.saved_tensors
        return 2 * x * t * ctx.k


def fn():
    with fw.dual_level():
        d = fw.make_dual(T.ones(2), T.arange(2.0))
        p = fw.unpack_dual(F.apply(d, 3.0))
        return num(p[0]), num(p[1])


class G(T.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * x


def fnno():
    with fw.dual_level():
        d = fw.make_dual(T.ones(2), T.arange(2.0))
        G.apply(d)


def maxpair():
    with fw.dual_level():
        d = fw.make_dual(T.arange(4.0).reshape(2, 2), T.arange(4.0).reshape(2, 2))
        v, i = d.max(1)
        return num(fw.unpack_dual(v)[1]), i.tolist()
