"""Operations counted as PyTorch 2.13 counts them, and where."""

from __future__ import annotations

import threading

import pytest

import flambeau
from flambeau import context, nn
from flambeau.nn import functional as F
from flambeau.utils.flop_counter import FlopCounterMode, register_flop_formula


def r(*shape):
    return flambeau.rand(*shape, requires_grad=True)


def counts(f, **how):
    with FlopCounterMode(display=False, **how) as counter:
        f()
    return counter.get_flop_counts().get("Global", {})


PYTORCH = {
    "mm": (lambda: (r(2, 3) @ r(3, 4)).sum().backward(), {"aten.mm": 144}),
    "bmm": (lambda: (r(5, 2, 3) @ r(5, 3, 4)).sum().backward(), {"aten.bmm": 720}),
    "linear": (lambda: F.linear(r(2, 3, 4), r(5, 4), r(5)).sum().backward(), {"aten.addmm": 240, "aten.mm": 480}),
    "conv2d": (lambda: F.conv2d(r(2, 3, 8, 8), r(4, 3, 3, 3), r(4)).sum().backward(),
               {"aten.convolution": 15552, "aten.convolution_backward": 31104}),
    "conv1d in groups": (lambda: F.conv1d(r(2, 4, 8), r(6, 2, 3), groups=2), {"aten.convolution": 864}),
    "transposed": (lambda: F.conv_transpose2d(r(2, 3, 8, 8), r(3, 4, 3, 3)).sum().backward(),
                   {"aten.convolution": 27648, "aten.convolution_backward": 55296}),
    "gru": (lambda: nn.GRU(3, 4)(r(5, 2, 3)), {"aten.addmm": 1680}),
    "einsum": (lambda: flambeau.einsum("ij,jk,kl->il", r(3, 4), r(4, 5), r(5, 6)), {"aten.bmm": 300}),
    "additions": (lambda: (r(2, 3) + r(2, 3)).exp().sum().backward(), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", PYTORCH)
def test_as_pytorch_counts(name):
    call, expected = PYTORCH[name]
    assert counts(call) == expected


def test_attention_counts_its_two_products():
    q, k, v = r(1, 2, 3, 4), r(1, 2, 5, 4), r(1, 2, 5, 6)
    got = counts(lambda: F.scaled_dot_product_attention(q, k, v))
    assert sum(got.values()) == 2 * 2 * 3 * 5 * (4 + 6), "PyTorch counts these as two bmm"


def test_by_module_forward_and_backward():
    """PyTorch's numbers of this network."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Sequential(nn.Linear(8 * 36, 10), nn.Linear(10, 2)))
    with FlopCounterMode(display=False) as counter:
        net(flambeau.ones(2, 3, 8, 8)).sum().backward()
    conv, lin = {"aten.convolution": 31104, "aten.convolution_backward": 31104}, {"aten.addmm": 11600, "aten.mm": 23200}
    assert counter.get_flop_counts() == {
        "Sequential.0": conv, "Sequential": conv | lin, "Global": conv | lin, "Sequential.3": lin,
        "Sequential.3.0": {"aten.addmm": 11520, "aten.mm": 23040}, "Sequential.3.1": {"aten.addmm": 80, "aten.mm": 160}}  # fmt: skip
    assert counter.get_total_flops() == 97008 and not context.modes


def test_autocast_around_it_counts_once():
    a = flambeau.ones(2, 2)
    with flambeau.autocast("cpu"):
        assert counts(lambda: a @ a) == {"aten.mm": 16}


def test_a_module_that_fails_is_left():
    class Broken(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    with FlopCounterMode(display=False) as counter:
        with pytest.raises(ZeroDivisionError):
            nn.Sequential(Broken())(1)
        _ = r(2, 2) @ r(2, 2)
    assert counter.get_flop_counts() == {"Global": {"aten.mm": 16}}


def test_threads_count_together():
    def work():
        _ = r(2, 2) @ r(2, 2)

    with FlopCounterMode(display=False) as counter:
        threads = [threading.Thread(target=work) for _ in range(3)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    assert counter.get_total_flops() == 48


def test_formulas_of_ones_own():
    def shapes(x_shape, *, out_shape, **attrs):
        assert tuple(out_shape) == (2, 3)
        return 7 * x_shape.numel()

    assert counts(lambda: flambeau.ones(2, 3).exp(), custom_mapping={flambeau.exp: shapes}) == {"aten.exp": 42}
    assert counts(lambda: flambeau.ones(2, 3).exp()) == {}

    @register_flop_formula([flambeau.sinh, "cosh"], get_raw=True)
    def raw(x, *, out_val, **attrs):
        return int(x.sum()) + out_val.ndim

    assert counts(lambda: (flambeau.ones(3).sinh(), flambeau.ones(4).cosh())) == {"aten.sinh": 4, "aten.cosh": 5}
    with pytest.raises(ValueError, match="expected functions that are one op"):
        register_flop_formula([len])(raw)
    with pytest.warns(UserWarning, match="mods argument"):
        FlopCounterMode(nn.Linear(1, 1))


def test_table(capsys):
    net = nn.Sequential(nn.Linear(10, 100), nn.Linear(100, 10, bias=False))
    with FlopCounterMode(depth=1):
        net(flambeau.ones(10, 10))
    assert capsys.readouterr().out == """\
Module              FLOP    % Total
-------------  ---------  ---------
Sequential       40.000K    100.00%
 - aten.addmm    20.000K     50.00%
 - aten.mm       20.000K     50.00%
"""
    with FlopCounterMode(display=False) as counter:
        net(flambeau.ones(10, 10))
        _ = flambeau.ones(2, 2) @ flambeau.ones(2, 2)
    assert [line.split()[0] for line in counter.get_table(2).splitlines()[2:] if "-" not in line] == ["Global", "Sequential",
                                                                                                   "Sequential.0", "Sequential.1"]
    with FlopCounterMode(display=False) as counter:
        pass
    assert counter.get_table().splitlines()[-1].split() == ["Global", "0", "0%"] and counter.get_total_flops() == 0
