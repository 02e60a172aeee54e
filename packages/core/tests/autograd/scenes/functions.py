"""autograd.Function, as short programs that PyTorch ran too: expected.txt has what it printed."""

from __future__ import annotations

import flambeau as T
from flambeau.autograd import function as FN


def num(x):
    return [round(v, 4) for v in x.reshape(-1).tolist()] if x is not None else None


def X(n=3):
    return T.arange(1.0, n + 1).requires_grad_()


F = T.autograd.Function


def mk(fwd, bwd, **k):
    d = {"forward": staticmethod(fwd)}
    if bwd:
        d["backward"] = staticmethod(bwd)
    d.update({a: staticmethod(b) if callable(b) else b for a, b in k.items()})
    return type("Fn", (F,), d)


def f_basic():
    C = mk(lambda ctx, x: (ctx.save_for_backward(x), x**3)[1], lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2)
    x = X()
    y = C.apply(x)
    a = y.grad_fn.name()
    (g,) = T.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = T.autograd.grad(g.sum(), x)
    return num(g), num(h), a, y.grad_fn.needs_input_grad


def f_twice():
    C = mk(lambda ctx, x: (ctx.save_for_backward(x), x**3)[1], lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2)
    x = X()
    y = C.apply(x).sum()
    y.backward()
    y.backward()


def f_toofew():
    C = mk(lambda ctx, x, y: x + y, lambda ctx, g: g)
    C.apply(X(), X()).sum().backward()


def f_toomany():
    C = mk(lambda ctx, x: x * 1, lambda ctx, g: (g, g))
    C.apply(X()).sum().backward()


def f_manynone():
    C = mk(lambda ctx, x: x * 1, lambda ctx, g: (g, None))
    x = X()
    C.apply(x).sum().backward()
    return num(x.grad)


def f_nontensor():
    C = mk(lambda ctx, x, k: x * k, lambda ctx, g: (g, g))
    C.apply(X(), 2.0).sum().backward()


def f_ret_int():
    C = mk(lambda ctx, x: x * 2, lambda ctx, g: 3)
    C.apply(X()).sum().backward()


def f_shape():
    C = mk(lambda ctx, x: x * 2, lambda ctx, g: g[:2])
    C.apply(X()).sum().backward()


def f_bcast():
    C = mk(lambda ctx, x: x * 2, lambda ctx, g: g.expand(4, 3))
    x = X()
    C.apply(x).sum().backward()
    return num(x.grad)


def f_dirty():
    C = mk(lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], lambda ctx, g: g * 3)
    x = X()
    y = x * 1
    z = C.apply(y)
    z.sum().backward()
    return z is y, num(x.grad), y._version


def f_dirty_leaf():
    C = mk(lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], lambda ctx, g: g * 3)
    C.apply(X())


def f_dirty_notret():
    C = mk(lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3) * 1)[1], lambda ctx, g: g * 3)
    C.apply(X() * 1)


def f_dirty_view():
    C = mk(lambda ctx, x: (ctx.mark_dirty(x), x.mul_(3))[1], lambda ctx, g: g * 3)
    x = X()
    y = x * 1
    C.apply(y[:2])
    y.sum().backward()
    return num(x.grad)


def f_nondiff():
    def fw(ctx, x):
        i = x > 1
        j = x * 2
        ctx.mark_non_differentiable(i, j)
        return x * 1, i, j

    C = mk(fw, lambda ctx, g, a, b: g + (b if b is not None else 0))
    x = X()
    y, i, j = C.apply(x)
    y.sum().backward()
    return i.requires_grad, j.requires_grad, num(x.grad)


def f_mat():
    out = []
    for m in (True, False):

        def fw(ctx, x, m=m):
            ctx.set_materialize_grads(m)
            return x * 1, x * 2

        def bw(ctx, a, b):
            out.append(b is None)
            return a

        x = X()
        y, _z = mk(fw, bw).apply(x)
        y.sum().backward()
    return out


def f_same():
    C = mk(lambda ctx, x: x, lambda ctx, g: g * 2)
    x = X()
    y = C.apply(x)
    y.sum().backward()
    return y is x, num(x.grad), y.requires_grad


def f_view():
    C = mk(lambda ctx, x: x.view(-1), lambda ctx, g: g * 2)
    x = X()
    y = C.apply(x * 1)
    y.mul_(2)


def f_views():
    C = mk(lambda ctx, x: (x[:1], x[1:]), lambda ctx, a, b: T.cat([a, b]))
    x = X()
    y, _z = C.apply(x * 1)
    y.mul_(2)


def f_setup():
    C = mk(lambda x, k: x * k, lambda ctx, g: (g * ctx.k, None), setup_context=lambda ctx, inputs, output: setattr(ctx, "k", inputs[1]))
    x = X()
    C.apply(x, 4.0).sum().backward()
    return num(x.grad)


def f_once():
    def bw(ctx, g):
        return g * ctx.saved_tensors[0]

    C = mk(lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], FN.once_differentiable(bw))
    x = X()
    (g,) = T.autograd.grad(C.apply(x * 1).sin().sum(), x, create_graph=True)
    return g.requires_grad, T.autograd.grad(g.sum(), x)


def f_once2():
    def bw(ctx, g):
        return g * ctx.saved_tensors[0]

    C = mk(lambda ctx, x: (ctx.save_for_backward(x), x * x)[1], FN.once_differentiable(bw))
    x = X()
    (g,) = T.autograd.grad(C.apply(x).sum(), x, create_graph=True)
    return g.requires_grad


def f_inst():
    F()


def f_nobwd():
    mk(lambda ctx, x: x * 1, None).apply(X()).sum().backward()


def f_savebad():
    mk(lambda ctx, x: (ctx.save_for_backward(3), x)[1], None).apply(X())


def f_saveout():
    C = mk(lambda ctx, x: (lambda y: (ctx.save_for_backward(y), y)[1])(x.exp()), lambda ctx, g: g * ctx.saved_tensors[0])
    x = X()
    (g,) = T.autograd.grad(C.apply(x).sum(), x, create_graph=True)
    (h,) = T.autograd.grad(g.sum(), x)
    return num(g) == num(h)


def f_changed():
    C = mk(lambda ctx, x: (ctx.save_for_backward(x), x * 2)[1], lambda ctx, g: g * ctx.saved_tensors[0])
    x = X()
    y = x * 1
    z = C.apply(y)
    y.add_(1)
    z.sum().backward()


def f_kwargs():
    C = mk(lambda ctx, x, k=2: x * k, lambda ctx, g: g * 2)
    return C.apply(X(), k=3)


def f_attr():
    C = mk(lambda ctx, x: (setattr(ctx, "foo", 7), x * 1)[1], lambda ctx, g: g)
    return C.apply(X()).grad_fn.foo


def f_none_out():
    C = mk(lambda ctx, x: (x * 1, None, "s"), lambda ctx, g, a, b: (g, a, b)[0])
    x = X()
    y = C.apply(x)
    y[0].sum().backward()
    return y[1:], num(x.grad)


def f_vmap():
    C = mk(
        lambda x: x * x,
        lambda ctx, g: 2 * g * ctx.saved_tensors[0],
        setup_context=lambda ctx, i, o: ctx.save_for_backward(i[0]),
        generate_vmap_rule=True,
    )
    x = X(4).reshape(2, 2) if 0 else X(4)
    m = x.reshape(2, 2)
    y = T.func.vmap(C.apply)(m)
    y.sum().backward()
    g = T.func.vmap(T.func.grad(lambda r: C.apply(r).sum()))(m.detach())
    return num(x.grad), num(g)


def f_vmap_own():
    C = mk(
        lambda x: x * x,
        lambda ctx, g: 2 * g * ctx.saved_tensors[0],
        setup_context=lambda ctx, i, o: ctx.save_for_backward(i[0]),
        vmap=lambda info, dims, x: (x * x * info.batch_size, dims[0]),
    )
    return num(T.func.vmap(C.apply)(T.arange(4.0).reshape(2, 2)))


def f_vmap_none():
    C = mk(lambda x: x * x, lambda ctx, g: g, setup_context=lambda ctx, i, o: None)
    return T.func.vmap(C.apply)(T.arange(4.0).reshape(2, 2))


def f_funcgrad():
    C = mk(
        lambda x: x * x * x, lambda ctx, g: 3 * g * ctx.saved_tensors[0] ** 2, setup_context=lambda ctx, i, o: ctx.save_for_backward(i[0])
    )
    return num(T.func.grad(T.func.grad(lambda x: C.apply(x).sum()))(T.tensor(2.0)))


def f_jvp():
    C = mk(
        lambda x: x * x,
        lambda ctx, g: 2 * g * ctx.saved_tensors[0],
        setup_context=lambda ctx, i, o: (ctx.save_for_backward(i[0]), ctx.save_for_forward(i[0])),
        jvp=lambda ctx, t: 2 * t * ctx.saved_tensors[0],
    )
    return [num(a) for a in T.func.jvp(C.apply, (T.arange(3.0),), (T.ones(3),))]
