"""The dtype of each op's result under autocast on the CPU, as PyTorch 2.13 has it: of float32 inputs, and of bfloat16 ones."""

from __future__ import annotations

import math

import pytest

import flambeau
import flambeau.nn.functional as F

pytest.importorskip("scipy", reason="some linear algebra of the table needs SciPy")

TABLE = """
x @ x                                                      bfloat16  bfloat16
torch.matmul(x, v)                                         bfloat16  bfloat16
torch.mm(x, x)                                             bfloat16  bfloat16
torch.bmm(b, b)                                            bfloat16  bfloat16
torch.mv(x, v)                                             float32   bfloat16
torch.dot(v, v)                                            float32   bfloat16
torch.inner(x, x)                                          bfloat16  bfloat16
torch.outer(v, v)                                          float32   bfloat16
torch.addmm(x, x, x)                                       bfloat16  bfloat16
torch.addbmm(x, b, b)                                      bfloat16  bfloat16
torch.baddbmm(b, b, b)                                     bfloat16  bfloat16
torch.addmv(v, x, v)                                       float32   bfloat16
torch.addr(x, v, v)                                        float32   bfloat16
torch.einsum('ij,jk->ik', x, x)                            bfloat16  bfloat16
torch.einsum('i,j->ij', v, v)                              float32   bfloat16
torch.einsum('ij->i', x)                                   float32   bfloat16
torch.tensordot(x, x, 1)                                   bfloat16  bfloat16
torch.linalg.vecdot(x, x)                                  bfloat16  bfloat16
torch.linalg.multi_dot([x, x, x])                          bfloat16  bfloat16
torch.chain_matmul(x, x)                                   bfloat16  bfloat16
F.linear(x, x, v)                                          bfloat16  bfloat16
F.bilinear(x, x, b.expand(3, 3, 3), v)                     float32   bfloat16
F.prelu(x, v[:1])                                          bfloat16  bfloat16
F.conv1d(b, b)                                             bfloat16  bfloat16
F.conv2d(p, p)                                             bfloat16  bfloat16
F.scaled_dot_product_attention(b, b, b)                    bfloat16  bfloat16
F.mse_loss(x, x)                                           float32   float32
F.l1_loss(x, x)                                            float32   float32
F.huber_loss(x, x)                                         float32   float32
F.smooth_l1_loss(x, x)                                     float32   float32
F.cross_entropy(x, i)                                      float32   float32
F.nll_loss(x, i)                                           float32   float32
F.kl_div(x, x)                                             float32   float32
F.binary_cross_entropy(u, u)                               float32   float32
F.binary_cross_entropy_with_logits(x, u)                   float32   float32
F.poisson_nll_loss(x, u)                                   float32   float32
F.cosine_embedding_loss(x, x, v)                           float32   float32
F.hinge_embedding_loss(x, x)                               float32   float32
F.margin_ranking_loss(v, v, v)                             float32   float32
F.soft_margin_loss(x, x)                                   float32   float32
F.triplet_margin_loss(x, x, x)                             float32   float32
F.multilabel_soft_margin_loss(x, u)                        float32   bfloat16
F.gaussian_nll_loss(x, x, u)                               float32   bfloat16
F.softmax(x, 1)                                            float32   bfloat16
F.log_softmax(x, 1)                                        float32   bfloat16
F.layer_norm(x, (3,))                                      float32   bfloat16
F.group_norm(b, 3)                                         float32   bfloat16
F.batch_norm(x, v, v.abs())                                float32   bfloat16
F.gelu(x)                                                  float32   bfloat16
F.relu(x)                                                  float32   bfloat16
F.softplus(x)                                              float32   bfloat16
F.dropout(x, 0.0)                                          float32   bfloat16
F.cosine_similarity(x, x)                                  float32   bfloat16
F.avg_pool2d(p, 2)                                         float32   bfloat16
F.avg_pool3d(q, 2)                                         float32   float32
F.max_pool2d(p, 2)                                         float32   bfloat16
F.max_pool3d(q, 2)                                         float32   float32
F.adaptive_avg_pool1d(b, 2)                                float32   bfloat16
F.adaptive_avg_pool3d(q, 2)                                float32   float32
F.interpolate(p, scale_factor=2)                           float32   bfloat16
F.pad(x, (1, 1))                                           float32   bfloat16
F.pad(b, (1, 1), 'reflect')                                float32   float32
F.pad(b, (1, 1), 'replicate')                              float32   float32
F.pad(b, (1, 1), 'circular')                               float32   bfloat16
torch.exp(x)                                               float32   bfloat16
torch.log(u)                                               float32   bfloat16
torch.pow(x, 2)                                            float32   bfloat16
torch.sqrt(u)                                              float32   bfloat16
torch.sum(x)                                               float32   bfloat16
torch.prod(x)                                              float32   float32
x.prod(1)                                                  float32   float32
torch.mean(x)                                              float32   bfloat16
torch.cumsum(x, 0)                                         float32   bfloat16
torch.cumprod(x, 0)                                        float32   bfloat16
torch.var(x)                                               float32   bfloat16
torch.norm(x)                                              float32   bfloat16
torch.linalg.vector_norm(x)                                float32   bfloat16
torch.cdist(x, x)                                          float32   float32
torch.dist(x, x)                                           float32   bfloat16
torch.trace(x)                                             float32   float32
torch.quantile(x, 0.5)                                     float32   float32
torch.polar(x, x)                                          complex64 complex64
torch.fft.fft(x)                                           complex64 complex64
torch.fft.rfft2(x)                                         complex64 complex64
torch.fft.irfft(x)                                         float32   float32
torch.linalg.inv(s)                                        float32   float32
torch.inverse(s)                                           float32   float32
torch.linalg.solve(s, s)                                   float32   float32
torch.linalg.cholesky(s)                                   float32   float32
torch.linalg.eigvalsh(s)                                   float32   float32
torch.linalg.svdvals(s)                                    float32   float32
torch.linalg.qr(s)[0]                                      float32   float32
torch.pinverse(s)                                          float32   float32
torch.cat([x, x])                                          float32   bfloat16
torch.stack([x, x])                                        float32   bfloat16
torch.cat([x, h])                                          float32   bfloat16
torch.stack([x, h])                                        float32   bfloat16
x + h                                                      float32   bfloat16
x * h                                                      float32   bfloat16
torch.where(x > 0, x, h)                                   float32   bfloat16
torch.mm(d, d)                                             float64   float64
F.mse_loss(d, d)                                           float64   float64
F.linear(x, h, v)                                          bfloat16  bfloat16
torch.matmul(x, h)                                         bfloat16  bfloat16
F.mse_loss(x, h)                                           float32   float32
torch.addcmul(x, x, x)                                     float32   bfloat16
torch.atan2(x, x)                                          float32   bfloat16
torch.cross(x, x, dim=1)                                   float32   bfloat16
x.matmul(x)                                                bfloat16  bfloat16
x.mm(x)                                                    bfloat16  bfloat16
b.bmm(b)                                                   bfloat16  bfloat16
x.mv(v)                                                    float32   bfloat16
v.dot(v)                                                   float32   bfloat16
x.trace()                                                  float32   float32
x.clone()                                                  float32   bfloat16
x.softmax(0)                                               float32   bfloat16
x.exp()                                                    float32   bfloat16
F.embedding(i, x)                                          float32   bfloat16
F.silu(x)                                                  float32   bfloat16
F.elu(x)                                                   float32   bfloat16
torch.tanh(x)                                              float32   bfloat16
"""
ROWS = [(line[:58].strip(), *line[58:].split()) for line in TABLE.strip().splitlines()]


def values(dtype):
    def filled(*shape):
        return flambeau.arange(1, 1 + math.prod(shape)).reshape(shape).to(dtype) / 10

    return {
        "torch": flambeau, "F": F, "x": filled(3, 3) - 0.5, "v": filled(3), "b": filled(3, 3, 3), "p": filled(3, 3, 3, 3),
        "q": filled(1, 2, 4, 4, 4), "u": filled(3, 3) - 0.05, "i": flambeau.tensor([0, 1, 2]), "s": (flambeau.eye(3) * 2 + 0.1).to(dtype),
        "h": filled(3, 3).to(flambeau.bfloat16), "d": filled(3, 3).to(flambeau.float64),
    }  # fmt: skip


@pytest.mark.parametrize(("expression", "full", "half"), ROWS, ids=[row[0] for row in ROWS])
def test_dtype(expression, full, half):
    for dtype, expected in ((flambeau.float32, full), (flambeau.bfloat16, half)):
        with flambeau.autocast("cpu"):
            assert eval(expression, values(dtype)).dtype.name == expected  # noqa: S307 (the table's own text)


def test_the_table_is_whole():
    assert len(ROWS) > 110 and {row[1] for row in ROWS} > {"bfloat16", "float32"}


def test_a_pseudo_inverse_ends_in_the_autocast_dtype():
    given = values(flambeau.float32)["s"]
    with flambeau.autocast("cpu"):
        low = flambeau.linalg.pinv(given)
        assert low.dtype is flambeau.bfloat16 and flambeau.linalg.pinv(given.double()).dtype is flambeau.float64
        assert flambeau.linalg.pinv(given, hermitian=True).dtype is flambeau.bfloat16
        with pytest.raises(RuntimeError, match="Low precision"):
            flambeau.linalg.pinv(given.bfloat16())
    assert flambeau.allclose(low.float(), flambeau.linalg.pinv(given), atol=1e-2)
    assert flambeau.linalg.pinv(given).dtype is flambeau.float32


def test_powers_of_halves():
    given = values(flambeau.bfloat16)["x"]
    with flambeau.autocast("cpu"):
        assert flambeau.linalg.matrix_power(given, 2).dtype is flambeau.bfloat16
