"""Channels last in, channels last out; halves in, halves out: what lies so in memory stays so through layers of images and volumes."""

from __future__ import annotations

import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import nn

LAST, LAST_3D = flambeau.channels_last, flambeau.channels_last_3d


def images():
    flambeau.manual_seed(0)
    return flambeau.randn(2, 4, 8, 8)


KEEPING = [
    nn.Conv2d(4, 6, 3, padding=1), nn.Conv2d(4, 4, 3, groups=4), nn.ConvTranspose2d(4, 6, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4).eval(),
    nn.GroupNorm(2, 4), nn.MaxPool2d(2), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2), nn.AvgPool2d(3, 2, 1, divisor_override=2),
    nn.AdaptiveAvgPool2d(3), nn.AdaptiveAvgPool2d(4), nn.AdaptiveMaxPool2d(3), nn.AdaptiveMaxPool2d(4), nn.LPPool2d(2, 2),
    nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Upsample(scale_factor=2, mode="bicubic"),
    nn.ConstantPad2d(1, 2.0), nn.ReflectionPad2d(1), nn.ReplicationPad2d(1), nn.PixelUnshuffle(2), nn.ChannelShuffle(2),
    nn.LocalResponseNorm(2), nn.ReLU(),
]  # fmt: skip


@pytest.mark.parametrize("layer", KEEPING, ids=lambda layer: type(layer).__name__)
def test_layers_keep_the_order_and_the_values(layer):
    layer = layer.to(flambeau.float32)
    x = images()
    plain = x.clone().requires_grad_()
    turned = x.contiguous(memory_format=LAST).requires_grad_()
    expected, found = layer(plain), layer(turned)
    assert expected.is_contiguous()
    assert found.is_contiguous(memory_format=LAST)
    assert not found.is_contiguous()
    flambeau.testing.assert_close(found, expected, check_stride=False)
    weights = flambeau.randn(expected.shape)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    flambeau.testing.assert_close(turned.grad, plain.grad, check_stride=False)
    assert turned.grad.is_contiguous(memory_format=LAST)


def test_a_weight_in_channels_last_decides_too():
    layer = nn.Conv2d(4, 6, 3).to(memory_format=LAST)
    assert layer(images()).is_contiguous(memory_format=LAST)


def test_places_of_maxima_and_unpooling_keep_the_order():
    values, places = F.max_pool2d(images().contiguous(memory_format=LAST), 2, return_indices=True)
    assert places.is_contiguous(memory_format=LAST)
    assert F.max_unpool2d(values, places, 2).is_contiguous(memory_format=LAST)


VOLUMES = [nn.Conv3d(4, 6, 3), nn.BatchNorm3d(4), nn.MaxPool3d(2), nn.Upsample(scale_factor=2, mode="trilinear")]


@pytest.mark.parametrize("layer", VOLUMES, ids=lambda layer: type(layer).__name__)
def test_volumes(layer):
    x = flambeau.randn(2, 4, 6, 6, 6).contiguous(memory_format=LAST_3D)
    assert layer(x).is_contiguous(memory_format=LAST_3D)


FORGETTING = [lambda x: F.pad(x, (1, 1, 1, 1), mode="circular"), nn.InstanceNorm2d(4), nn.FractionalMaxPool2d(2, 3)]


@pytest.mark.parametrize("function", FORGETTING)
def test_these_forget_it_as_they_do_in_pytorch(function):
    assert function(images().contiguous(memory_format=LAST)).is_contiguous()


NORMS = [
    lambda x, w: F.layer_norm(x, (4,), w), lambda x, w: F.group_norm(x, 2, w, w), lambda x, w: F.instance_norm(x, None, None, w),
    lambda x, w: F.batch_norm(x, flambeau.zeros(4), flambeau.ones(4), w, w, True), lambda x, w: F.batch_norm(x, w * 0, w, w, w),
]  # fmt: skip


@pytest.mark.parametrize("norm", NORMS)
def test_norms_of_halves_with_float32_weights_give_halves(norm):
    x, w = flambeau.randn(4, 4, 4).bfloat16(), flambeau.rand(4) + 0.5
    found = norm(x, w)
    assert found.dtype is flambeau.bfloat16
    assert flambeau.equal(found, norm(x.float(), w).bfloat16())
