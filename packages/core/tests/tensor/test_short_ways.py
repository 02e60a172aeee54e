"""The short ways of small calls give what the slow road gives: each expression is run on both, with and without a graph."""

import numpy as np
import pytest

import flambeau
from flambeau import context
from flambeau.nn import functional as F

EXPRESSIONS = """
2.0 - a|2 / a|2.0 ** a|a + 1|-a|a.sigmoid()|a.rsqrt()|a.square()|a.clamp(0.6, 1.0)|a.clamp(0.6)|a.clamp(max=1)|f.where(mask, a, b)
f.where(mask, a, 0.5)|a.masked_fill(mask, 2)|a.sum(1)|a.prod()|a.prod(1, keepdim=True)|a.amax(0)|a.max()|a.min(1)[0]|a.max(-1)[1]
a.var(1)|a.var()|a.var(0, keepdim=True)|a.std(1)|a.norm()|a.argmax(1)|a.argmin()|(a > b).any()|(a > b).all(1)|(grid > 1).any(0)
a.logsumexp(1)|F.softmax(a, -1)|F.softmax(a, 0)|F.log_softmax(a, 1)|F.softmax(one, 0)|a.cumsum(0)|a.cumsum(-1)|one.cumsum(0)
a.sort()[0]|a.sort(0)[1]|a.sort(descending=True)[0]|a.topk(2)[0]|a.topk(2)[1]|a.topk(3, 0)[0]|a.topk(2, largest=False)[0]
a.reshape(2, 8)|a.reshape((8, 2))|a.reshape(-1)|a.t().reshape(16)|a.view(-1)|a.view(2, -1)|a.flatten()|k.flatten(1)
k.flatten(0, 1)|a.permute(1, 0)|k.permute(-1, 0, 1)|a.transpose(0, 1)|k.transpose(-1, 0)|a.T|k.mT|a.t()|v.expand(4, 4)
v.expand(2, -1)|v.unsqueeze(1).expand(4, 3)|one.expand(2, 2)|a.t().expand(2, 4, 4)|a.unsqueeze(0)|a.unsqueeze(-1)|a.unsqueeze(1)
a.unsqueeze(0).squeeze(0)|a.squeeze(0)|a.squeeze()|a.squeeze(-1)|a.select(0, 1)|a.select(0, -1)|a.select(1, 2)|a.narrow(0, 1, 2)
a.split(2)[1]|a.split([1, 3], 1)[1]|a.chunk(3)[1]|a.unbind()[2]|a.unbind(1)[0]|a[1]|a[-1]|a[1:3]|a[:, 1:3]|a[..., 0]|a[1, 2]
a[None]|a[:, None, 1]|a[::2, 1:]|a[...]|k[1, ..., 2]|a[places]|a[:, places]|a[-places]|a[mask]|a[mask[0]]|k[:, :, places]
k[places - 2, :, places]|a[places, places]|a[True]|a[0, places]|a[grid]|f.cat([a, b])|f.cat([a, b], 1)|f.cat([a, b[:1]], -2)
f.stack([a, b])|f.stack([a, b], -1)|a @ b|a @ v|v @ a|f.mm(a, b)|f.bmm(k, k.mT)|k @ a|F.linear(a, b)|F.linear(a, b, v)
F.linear(k, b, v)|f.einsum('ij,jk->ik', a, b)|f.einsum('ij,ij->', a, b)|f.einsum('ij->ji', a)|f.einsum('ij,k->ik', a, v)
a.gather(1, grid)|a.gather(0, grid.t())|a.gather(-1, grid[:2])|a.index_select(0, places)|a.index_select(-1, places[:2])
F.embedding(places, a)|F.layer_norm(a, (4,))|F.layer_norm(a, (4,), v, b[0])|F.layer_norm(k, (2, 4))
F.batch_norm(a, mean, var, v, b[0])|F.batch_norm(k, mean[:2], var[:2])|F.batch_norm(a, None, None, v, b[0], True)
F.batch_norm(k, None, None, None, None, True)|F.batch_norm(a.t(), None, None, v, None, True)|F.cross_entropy(a, places)
F.cross_entropy(a.t(), places)|F.conv2d(image, filters)|F.conv2d(image, filters, padding=1, stride=2)|F.max_pool2d(image, 2)
F.max_pool2d(image, 3, 1, 1)|F.avg_pool2d(image, 2)|F.avg_pool2d(image, 3, 2, 1)|F.avg_pool2d(image, 3, 2, 1, True, False)
a.clone()|a.tril()|a.triu(1)|a.tril(-1)|a.flip(0)|a.flip((0, 1))|(a * b).add_(1.0)|(a * b).mul_(a)|(a * 1).clamp_(0.6, 1.0)
(a * 1).zero_()
""".replace("\n", "|").strip("|").split("|")
REFUSED = """
a.reshape(3, 5)|a.view(3)|a.permute(0, 0)|a.permute(1)|a.transpose(0, 2)|v.expand(3)|v.expand(-1, 4)|a.unsqueeze(4)|a.squeeze(2)
a.select(0, 4)|a[4]|a[1, 2, 3]|a[::-1]|a[places + 4]|a[:, places + 4]|a[mask[:2]]|a[v]|f.cat([a, v])|f.stack([a, v])
a @ k[0, :, :3]|a @ v[:3]|f.bmm(k, k)|a.gather(1, grid + 4)|a.gather(1, grid - 1)|a.gather(2, grid)|a.index_select(0, places + 1)
F.embedding(places - 1, a)|F.layer_norm(a, (3,))|F.cross_entropy(a, places + 1)|F.conv2d(image, k)|F.max_pool2d(image, 0)
F.max_pool2d(image, 2.0)|a.topk(5)|a.sort(2)|a.cumsum(2)|a.var(2)|F.linear(a, b[:, :3])|F.linear(a, b, v[:3])|f.zeros(-1)
f.ones(2, -2)|f.rand(-1)|f.arange(3, 1)|f.full((-1,), 1.0)|f.einsum('ij,jk->ik', a, v)
""".replace("\n", "|").strip("|").split("|")

# where the slow road gives a view or columns, and PyTorch and the short way a tensor in order
AS_PYTORCH = ("a @ v", "a.gather(0, grid.t())", "a.index_select(-1, places[:2])", "F.batch_norm(a.t(), None, None, v, None, True)")


def names(graph: bool) -> dict:
    values = np.random.RandomState(3).rand(4, 4).astype(np.float32) + 0.5

    def made(array, requires_grad=graph):
        return flambeau.tensor(np.ascontiguousarray(array), requires_grad=requires_grad)

    return {
        "f": flambeau, "F": F, "a": made(values), "b": made(values.T), "v": made(values[0]), "k": made(values.reshape(2, 2, 4)),
        "image": made(values.reshape(1, 1, 4, 4)), "filters": made(np.ones((2, 1, 3, 3), np.float32)), "one": made(values[0, 0]),
        "mean": made(values[1], False), "var": made(values[2], False), "mask": flambeau.tensor(values > 1),
        "places": flambeau.tensor([0, 2, 1, 3]), "grid": flambeau.tensor([[0, 1], [2, 3], [1, 1], [0, 3]]),
    }  # fmt: skip


def outcome(expression: str, graph: bool):
    """Value, gradients and whether it is a view; or the type of what was raised, and its words."""
    given = names(graph)
    try:
        y = eval(expression, dict(given))  # noqa: S307
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        return type(error), str(error)
    slopes = {}
    if y.requires_grad:
        (y * flambeau.arange(1.0, y.numel() + 1).reshape(y.shape)).sum().backward()
        slopes = {name: x.grad.numpy() for name, x in given.items() if isinstance(x, flambeau.Tensor) and x.grad is not None}
    return y.detach().numpy(), y.is_contiguous(), y._is_view(), slopes


@pytest.mark.parametrize("graph", [False, True], ids=["", "graph"])
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_the_slow_road(expression, graph):
    value, contiguous, view, slopes = outcome(expression, graph)
    context.watch()
    try:
        slow_value, slow_contiguous, slow_view, slow_slopes = outcome(expression, graph)
    finally:
        context.watch(-1)
    assert value.dtype == slow_value.dtype and value.shape == slow_value.shape
    np.testing.assert_allclose(value, slow_value, rtol=2e-6, atol=1e-6)
    assert (contiguous, view) == ((True, False) if expression in AS_PYTORCH else (slow_contiguous, slow_view))
    assert slopes.keys() == slow_slopes.keys() and (bool(slopes) or not graph or value.dtype.kind != "f")
    for name, slope in slopes.items():
        np.testing.assert_allclose(slope, slow_slopes[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("expression", REFUSED)
def test_refused_as_on_the_slow_road(expression):
    kind, words = outcome(expression, False)
    context.watch()
    try:
        slow_kind, slow_words = outcome(expression, False)
    finally:
        context.watch(-1)
    assert (kind, words) == (slow_kind, slow_words) and issubclass(kind, Exception)


WRITES = "x[1] = 2.0|x[:, 1:3] = 2|x[0] = b[1]|x.fill_(3)|x.zero_()|x.copy_(b)|x.clamp_(0.6, 1.0)|x += 1".split("|")


@pytest.mark.parametrize("write", WRITES)
def test_writes_are_counted_and_seen_by_views(write):
    values = names(False)
    x = values["a"].clone()
    view, before = x[0], x._version
    exec(write, dict(values, x=x))  # noqa: S102
    assert x._version == before + 1 == view._version
    np.testing.assert_array_equal(view.numpy(), x.numpy()[0])


def test_a_write_to_an_expanded_tensor_is_refused():
    spread = flambeau.ones(4).expand(4, 4)
    for write in ("spread[:] = 1.0", "spread.copy_(flambeau.ones(4, 4))", "spread.clamp_(0.0, 1.0)"):
        with pytest.raises(RuntimeError, match="single memory location"):
            exec(write, {"spread": spread, "flambeau": flambeau})  # noqa: S102
