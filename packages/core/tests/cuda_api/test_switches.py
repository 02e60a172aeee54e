"""The switches of flambeau.backends: kept, checked, given back after a block; and those of attention obeyed."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.backends import cuda, cudnn, flags, mkldnn
from flambeau.nn import functional as F
from flambeau.nn.attention import SDPBackend, sdpa_kernel


@pytest.fixture(autouse=True)
def as_they_were():
    """Every switch, before and after."""
    words = [p for p in vars(flags).values() if isinstance(p, flags.Precision)]
    before = (cudnn.set_flags(), mkldnn.set_flags(), dict(flags.attention.allowed), flags.shortened(), [p.own for p in words])
    yield
    cudnn.set_flags(*before[0])
    mkldnn.set_flags(*before[1][:2])
    flags.attention.set(False, **before[2])
    flags.shorten(before[3])
    for p, own in zip(words, before[4], strict=True):
        p.own = own


def test_a_block_of_cudnn_flags_gives_all_back():
    cudnn.benchmark, cudnn.benchmark_limit = True, None
    with pytest.raises(ZeroDivisionError), cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32) == (True, False, True, False)
        raise ZeroDivisionError
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32) == (True, True, False, True)
    assert cudnn.benchmark_limit is None


def test_a_refused_value_leaves_the_switch():
    for module, name in ((cudnn, "benchmark"), (mkldnn, "enabled")):
        before = getattr(module, name)
        with pytest.raises(RuntimeError, match="expects a bool, but got int"):
            setattr(module, name, 1)
        assert getattr(module, name) is before
    with pytest.raises(TypeError, match="expects a bool or a tuple"):
        cuda.matmul.allow_fp16_reduced_precision_reduction = (True, 1)
    assert cuda.matmul.allow_fp16_reduced_precision_reduction is True


def test_precision_is_taken_from_the_wider_kind():
    mkldnn.matmul.fp32_precision, mkldnn.fp32_precision = "none", "bf16"
    assert (mkldnn.matmul.fp32_precision, mkldnn.conv.fp32_precision, mkldnn.rnn.fp32_precision) == ("bf16",) * 3
    mkldnn.conv.fp32_precision = "ieee"
    assert (mkldnn.conv.fp32_precision, mkldnn.rnn.fp32_precision) == ("ieee", "bf16")
    with pytest.raises(RuntimeError, match="does not support precision 'bf16'"):
        cudnn.fp32_precision = "bf16"
    cuda.matmul.fp32_precision = "tf32"
    assert cuda.matmul.allow_tf32


def test_products_stay_as_exact_whatever_is_allowed():
    a = flambeau.rand(16, 16)
    exact = a @ a
    cuda.matmul.allow_tf32 = True
    assert flambeau.equal(a @ a, exact)


# PyTorch 2.13 on the CPU: which ways serve, of (1, 1, 2, 2) inputs; "no" is a RuntimeError
FUSED, MATH, NEITHER = "fused", "math", "no"
WAYS = {
    (SDPBackend.ERROR,): (NEITHER, NEITHER), (SDPBackend.MATH,): (MATH, MATH), (SDPBackend.FLASH_ATTENTION,): (FUSED, NEITHER),
    (SDPBackend.EFFICIENT_ATTENTION,): (NEITHER, NEITHER), (SDPBackend.CUDNN_ATTENTION,): (NEITHER, NEITHER),
    (SDPBackend.OVERRIDEABLE,): (NEITHER, NEITHER), (SDPBackend.MATH, SDPBackend.FLASH_ATTENTION): (FUSED, MATH), (): (NEITHER, NEITHER),
}  # fmt: skip


def way(*args: object) -> str:
    """How attention went: the fused op's name is on the graph's node, softmax's product on the other's."""
    q = flambeau.ones(1, 1, 2, 2, requires_grad=True)
    try:
        result = F.scaled_dot_product_attention(q, q, q, *args)
    except RuntimeError:
        return NEITHER
    assert result.grad_fn is not None
    return FUSED if result.grad_fn.card.name == "attention" else MATH


@pytest.mark.parametrize("ways", WAYS)
def test_attention_goes_the_ways_that_are_allowed(ways):
    with sdpa_kernel(list(ways)):
        assert (way(), way(None, 0.5)) == WAYS[ways]
    assert way() == FUSED and not flags.attention.limited


def test_attention_is_the_same_on_both_ways():
    q, k, v = (flambeau.randn(2, 3, 5, 4, dtype=flambeau.float64) for _ in range(3))
    mask = flambeau.rand(5, 5) > 0.4
    for options in ({}, {"attn_mask": mask}, {"is_causal": True}, {"scale": 0.3}):
        with sdpa_kernel(SDPBackend.MATH):
            table = F.scaled_dot_product_attention(q, k, v, **options)
        flambeau.testing.assert_close(F.scaled_dot_product_attention(q, k, v, **options), table)


def test_order_counts_with_set_priority():
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], set_priority=True):
        assert way() == MATH
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH], set_priority=True):
            assert way() == FUSED
        assert way() == MATH


def test_blocks_give_back_after_errors_and_decorate():
    @sdpa_kernel(SDPBackend.MATH)
    def inside():
        return way()

    assert inside() == MATH and way() == FUSED
    with pytest.raises(ZeroDivisionError), sdpa_kernel(SDPBackend.MATH):
        raise ZeroDivisionError
    assert cuda.flash_sdp_enabled() and way() == FUSED


def test_old_switches_are_obeyed():
    cuda.enable_flash_sdp(False)
    assert way() == MATH
    cuda.enable_math_sdp(False)
    with pytest.raises(RuntimeError, match="No viable backend"):
        F.scaled_dot_product_attention(*(flambeau.ones(1, 1, 2, 2),) * 3)
