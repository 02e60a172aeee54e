"""gradcheck finds what it should find, by every road, and passes what is right."""
from __future__ import annotations

import pytest

import flambeau
from flambeau.autograd import Function, gradcheck, gradgradcheck
from flambeau.autograd.function import once_differentiable
from flambeau.autograd.gradcheck import GradcheckError


def leaf(*shape, dtype=flambeau.float64):
    flambeau.manual_seed(0)
    return flambeau.rand(*shape, dtype=dtype, requires_grad=True)


def make(backward, tangent=None, **more):
    def setup(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    methods = {"forward": lambda x: x * x, "setup_context": setup, "backward": backward,
               "jvp": tangent or (lambda ctx, t: 2 * t * ctx.saved_tensors[0])}
    return type("Square", (Function,), {k: staticmethod(v) for k, v in methods.items()} | more).apply


def right(ctx, g):
    return 2 * g * ctx.saved_tensors[0]


WAYS = [{}, {"fast_mode": True}, {"check_forward_ad": True}, {"check_forward_ad": True, "fast_mode": True}]


@pytest.mark.parametrize("how", [*WAYS, {"check_batched_grad": True, "check_forward_ad": True, "check_batched_forward_grad": True},
                                 {"check_grad_dtypes": True}])
def test_right_gradients_pass(how):
    x, w = leaf(2, 3), leaf(3, 2)
    assert gradcheck(lambda x, w: ((x @ w).sin(), (x @ w).softmax(-1)), (x, w), **how)
    assert gradcheck(make(right, generate_vmap_rule=True) if "check_batched_grad" not in how else flambeau.square, (x,), **how)


@pytest.mark.parametrize("how", WAYS)
def test_a_wrong_backward_is_found(how):
    wrong = make(lambda ctx, g: 3 * g * ctx.saved_tensors[0])
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(wrong, (leaf(3),), **how)
    assert not gradcheck(wrong, (leaf(3),), raise_exception=False, **how)


@pytest.mark.parametrize("fast", [True, False])
def test_a_wrong_jvp_is_found(fast):
    wrong = make(right, lambda ctx, t: 3 * t * ctx.saved_tensors[0])
    assert gradcheck(wrong, (leaf(3),))
    with pytest.raises(GradcheckError, match="forward"):
        gradcheck(wrong, (leaf(3),), check_forward_ad=True, fast_mode=fast)
    with pytest.raises(GradcheckError, match="forward"):
        gradcheck(wrong, (leaf(3),), check_forward_ad=True, check_backward_ad=False)


def test_a_backward_that_gives_other_numbers_each_time_is_found():
    turn = []

    def drifting(ctx, g):
        turn.append(1)
        return right(ctx, g) + 1e-7 * len(turn)

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(make(drifting), (leaf(3),))
    assert gradcheck(make(drifting), (leaf(3),), nondet_tol=1e-4)


def test_a_backward_that_takes_a_missing_gradient_for_more_than_zero_is_found():
    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return (1 if a is None else 2 * a) + (1 if b is None else 3 * b)

    with pytest.raises(GradcheckError):
        gradcheck(Two.apply, (leaf(2),))


def test_second_derivatives():
    assert gradgradcheck(make(right), (leaf(3),))
    assert gradgradcheck(lambda x: (x**3).sin(), (leaf(3),), check_fwd_over_rev=True, gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: (x**3).sin(), (leaf(3),), fast_mode=True)
    assert gradgradcheck(lambda z: z * z.conj() * z, (leaf(2, dtype=flambeau.complex128),))
    wrong = make(lambda ctx, g: 2 * g * ctx.saved_tensors[0].detach())
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(wrong, (leaf(3),))
    with pytest.raises(RuntimeError):
        gradgradcheck(make(once_differentiable(right)), (leaf(3),))


def test_bad_input():
    with pytest.raises(ValueError, match="requires_grad=True"):
        gradcheck(flambeau.exp, (flambeau.ones(2),))
    with pytest.raises(RuntimeError, match="stride 0"):
        gradcheck(flambeau.exp, (flambeau.ones(1, dtype=flambeau.float64).expand(3).requires_grad_(),))
    with pytest.warns(UserWarning, match="double precision"):
        gradcheck(flambeau.exp, (flambeau.ones(2, requires_grad=True),), eps=1e-2, atol=1e-1)
    with pytest.raises(AssertionError, match="at least one"):
        gradcheck(flambeau.exp, (leaf(2),), check_backward_ad=False)
