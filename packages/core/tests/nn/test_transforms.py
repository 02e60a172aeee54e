"""The border functions under the transforms: a batch of calls is a loop of calls, and tangents are slopes."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import nn
from flambeau.func import jvp, vmap

F = nn.functional
WEIGHT = flambeau.linspace(-1, 1, 12).reshape(2, 3, 2)
FUNCTIONS = {
    "linear": lambda x: F.linear(x, WEIGHT.reshape(3, 4)),
    "conv1d": lambda x: F.conv1d(x, WEIGHT),
    "max_pool1d": lambda x: F.max_pool1d(x, 2),
    "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x, 3),
    "softmax": lambda x: F.softmax(x, -1),
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "group_norm": lambda x: F.group_norm(x, 1),
    "normalize": lambda x: F.normalize(x, dim=-1),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "pad": lambda x: F.pad(x, (1, 1), "reflect"),
    "interpolate": lambda x: F.interpolate(x.unsqueeze(0), size=3, mode="linear"),
    "cross_entropy": lambda x: F.cross_entropy(x, flambeau.tensor([0, 1, 2])),
    **{name: getattr(F, name) for name in ("elu", "leaky_relu", "mish", "logsigmoid", "softplus", "hardswish", "glu", "silu", "gelu")},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vmap_and_jvp(name):
    function = FUNCTIONS[name]
    flambeau.manual_seed(0)
    x = flambeau.randn(5, 3, 4)
    assert flambeau.allclose(vmap(function)(x), flambeau.stack([function(row) for row in x]), atol=1e-5)
    point, direction = x[0].double(), x[1].double()
    if name in ("linear", "conv1d"):
        point, direction = x[0], x[1]
    step = 1e-2 if point.dtype is flambeau.float32 else 1e-6
    _, tangent = jvp(function, (point,), (direction,))
    slope = (function(point + step * direction) - function(point - step * direction)) / (2 * step)
    assert flambeau.allclose(tangent, slope, atol=1e-3 if step > 1e-3 else 1e-6)
