"""Autocast on a GPU: dtypes as PyTorch 2.11 had them on an H100, of float32 inputs and of float16 ones."""

from __future__ import annotations

import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import nn

pytest.importorskip("cupy", reason="needs CuPy and a GPU")
pytestmark = pytest.mark.gpu
HALF, FULL, SAME = ("float16", "float16"), ("float32", "float32"), ("float32", "float16")
TABLE = {
    HALF: "x @ x|x.mv(v)|flambeau.addmm(x, x, x)|flambeau.einsum('ij,jk->ik', x, x)|F.linear(x, x, v)|F.conv1d(b, b)|F.prelu(x, v[:1])",
    FULL: "x.exp()|u.log()|x.pow(2)|x.sum()|x.sum(0)|x.prod()|x.cumsum(0)|x.softmax(1)|F.log_softmax(x, 1)"
          "|F.layer_norm(x, (3,))|F.mse_loss(x, x)|F.nll_loss(x, i)|F.cross_entropy(x, i)|x.norm()"
          "|flambeau.cdist(x, x)|x.logsumexp(0)|u.rsqrt()|F.softplus(x)|F.group_norm(b, 3)",
    SAME: "x + x|x.relu()|v.dot(v)|flambeau.cat([x, x])|x.mean()|F.gelu(x)|x.tanh()|F.adaptive_avg_pool1d(b, 2)|x.var()",
}  # fmt: skip
ROWS = [(expression, *kinds) for kinds, expressions in TABLE.items() for expression in expressions.split("|")]


def values(dtype):
    def filled(*shape):
        return (flambeau.arange(1, 1 + flambeau.Size(shape).numel()).reshape(shape) / 10).to(dtype).cuda()

    return {"flambeau": flambeau, "F": F, "x": filled(3, 3) - 0.5, "v": filled(3), "b": filled(3, 3, 3), "u": filled(3, 3),
            "i": flambeau.tensor([0, 1, 2]).cuda()}  # fmt: skip


@pytest.mark.parametrize(("expression", "full", "half"), ROWS, ids=[row[0] for row in ROWS])
def test_dtype(expression, full, half):
    for dtype, expected in ((flambeau.float32, full), (flambeau.float16, half)):
        with flambeau.autocast("cuda"):
            assert eval(expression, values(dtype)).dtype.name == expected  # noqa: S307 (the table's own text)


def test_what_is_refused():
    u = flambeau.full((2,), 0.5).cuda()
    with flambeau.autocast("cuda"), pytest.raises(RuntimeError, match="unsafe to autocast"):
        F.binary_cross_entropy(u, u)


def test_a_step_with_a_scaler():
    flambeau.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).to("cuda")
    optimizer, scaler = flambeau.optim.SGD(net.parameters(), lr=0.1), flambeau.amp.GradScaler("cuda")
    x, y = flambeau.randn(6, 4).cuda(), flambeau.tensor([0, 1, 2, 0, 1, 2]).cuda()
    before = F.cross_entropy(net(x), y).item()
    for _ in range(5):
        optimizer.zero_grad()
        with flambeau.autocast("cuda"):
            loss = F.cross_entropy(net(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    assert scaler.get_scale() == 65536 and F.cross_entropy(net(x), y).item() < before
