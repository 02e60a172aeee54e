"""Transposed convolutions, unpooling, bags, patches and sequence losses as modules: PyTorch's numbers, laws, and what is refused."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import nn


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(axes):
    flambeau.manual_seed(0)
    conv = getattr(nn, f"Conv{axes}d")(4, 6, 3, stride=2, padding=1, groups=2, bias=False)
    turned = getattr(nn, f"ConvTranspose{axes}d")(6, 4, 3, stride=2, padding=1, groups=2, bias=False)
    turned.weight.data = conv.weight.data
    x = flambeau.randn(1, 4, *[8] * axes, requires_grad=True)
    y = conv(x)
    g = flambeau.randn(*y.shape)
    flambeau.testing.assert_close(turned(g, output_size=x.shape), flambeau.autograd.grad(y, x, g)[0], rtol=1e-4, atol=1e-5)


def test_sizes_that_a_transposed_convolution_cannot_have():
    layer = nn.ConvTranspose2d(2, 3, 3, stride=2)
    with pytest.raises(ValueError, match="valid sizes range"):
        layer(flambeau.zeros(1, 2, 4, 4), output_size=(99, 9))
    with pytest.raises(ValueError, match="must have 2 or 4 elements"):
        layer(flambeau.zeros(1, 2, 4, 4), output_size=(9,))
    with pytest.raises(ValueError, match="zeros"):
        nn.ConvTranspose1d(2, 3, 3, padding_mode="reflect")
    text = repr(nn.ConvTranspose1d(2, 3, 3, 2, output_padding=1))
    assert text == "ConvTranspose1d(2, 3, kernel_size=(3,), stride=(2,), output_padding=(1,))"


def test_a_lazy_transposed_convolution_draws_the_same():
    x = flambeau.randn(1, 4, 5, 5)
    layer = nn.LazyConvTranspose2d(6, 3, groups=2)
    flambeau.manual_seed(3)
    y = layer(x)
    flambeau.manual_seed(3)
    flambeau.testing.assert_close(y, nn.ConvTranspose2d(4, 6, 3, groups=2)(x))
    assert type(layer) is nn.ConvTranspose2d


def test_unpooling_puts_values_back():
    x = flambeau.randn(2, 3, 6, 6)
    pooled, places = nn.MaxPool2d(2, return_indices=True)(x)
    back = nn.MaxUnpool2d(2)(pooled, places)
    assert flambeau.equal(back[back != 0].sort()[0], pooled.flatten().sort()[0])
    assert repr(nn.MaxUnpool1d(3, 2)) == "MaxUnpool1d(kernel_size=(3,), stride=(2,), padding=(0,))"


def test_patches_fold_back():
    x = flambeau.randn(1, 2, 4, 4)
    flambeau.testing.assert_close(nn.Fold((4, 4), 2, stride=2)(nn.Unfold(2, stride=2)(x)), x)
    assert repr(nn.Unfold(2)) == "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"
    assert nn.ChannelShuffle(2)(flambeau.arange(4.0).reshape(1, 4, 1)).flatten().tolist() == [0, 2, 1, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "requires specifying"), ({"output_size": 2, "output_ratio": 0.5}, "only one"), ({"output_ratio": 1.5}, "between 0 and 1")],
)
def test_fractional_pools_refuse(options, message):
    with pytest.raises(ValueError, match=message):
        nn.FractionalMaxPool2d(2, **options)


def test_norms_across_channels():
    x = flambeau.randn(2, 7, 3, 3)
    flambeau.testing.assert_close(nn.CrossMapLRN2d(5, 0.1)(x), nn.LocalResponseNorm(5, 0.1)(x))
    with pytest.raises(ValueError, match="4D"):
        nn.CrossMapLRN2d(5)(flambeau.zeros(2, 3))
    flambeau.testing.assert_close(nn.LPPool3d(1, 2)(flambeau.ones(1, 1, 2, 2, 2)).item(), 8.0)
    with pytest.raises(ValueError, match="eps must be positive"):
        nn.BatchNorm1d(2, eps=0)(flambeau.ones(3, 2))


def test_a_bag_is_an_embedding_and_its_mean():
    bag = nn.EmbeddingBag(5, 3, padding_idx=0)
    rows = flambeau.tensor([[1, 2, 0], [3, 3, 4]])
    expected = flambeau.stack([bag.weight[[1, 2]].mean(0), bag.weight[[3, 3, 4]].mean(0)])
    flambeau.testing.assert_close(bag(rows), expected)
    assert bag.weight[0].abs().sum() == 0
    assert repr(bag) == "EmbeddingBag(5, 3, mode='mean', padding_idx=0)"
    assert not nn.EmbeddingBag.from_pretrained(flambeau.ones(2, 2)).weight.requires_grad
    with pytest.raises(AssertionError, match="padding_idx"):
        nn.EmbeddingBag(5, 3, padding_idx=5)
    with pytest.raises(AssertionError, match="Shape of weight"):
        nn.EmbeddingBag(5, 3, _weight=flambeau.ones(2, 3))


def test_sequence_losses():
    scores = flambeau.full((2, 1, 2), 0.5).log()
    loss = nn.CTCLoss(reduction="sum")(scores, flambeau.tensor([[1]]), (2,), (1,))
    assert loss.item() == pytest.approx(-flambeau.tensor(0.75).log().item())  # a-, -a and aa
    labels = nn.MultiLabelMarginLoss()(flambeau.tensor([[0.1, 0.2, 0.4, 0.8]]), flambeau.tensor([[3, 0, -1, 1]]))
    assert labels.item() == pytest.approx(0.85)
    a, p, n = flambeau.zeros(1, 2), flambeau.zeros(1, 2), flambeau.tensor([[3.0, 4.0]])
    far = nn.TripletMarginWithDistanceLoss(margin=7.0, distance_function=lambda x, y: (x - y).abs().sum(-1))
    assert far(a, p, n).item() == 0
    assert nn.TripletMarginWithDistanceLoss(margin=7.0)(a, p, n).item() == pytest.approx(2, abs=1e-4)
    with pytest.raises(ValueError, match="margin"):
        nn.TripletMarginWithDistanceLoss(margin=0)
    with pytest.warns(FutureWarning, match="NLLLoss2d"):
        nn.NLLLoss2d()
