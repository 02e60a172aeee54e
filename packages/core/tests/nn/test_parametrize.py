"""Parametrizations, norms of weights, pruning, fusion, skipped initialization: PyTorch's numbers and the laws of each."""
from __future__ import annotations

import copy
import pickle

import pytest

import flambeau
from flambeau import nn
from flambeau.nn.utils import parametrizations, parametrize, prune


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, x):
        return x.triu()


class Double(nn.Module):
    calls = 0

    def forward(self, x):
        Double.calls += 1
        return 2 * x

    def right_inverse(self, x):
        return x / 2


def test_a_parametrized_weight_trains_its_original():
    layer = nn.Linear(3, 3)
    weight = layer.weight
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert layer.parametrizations.weight.original is weight
    assert flambeau.equal(layer.weight, layer.weight.T)
    layer(flambeau.ones(1, 3)).sum().backward()
    assert weight.grad.tril(-1).abs().sum() == 0
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert repr(layer).startswith("ParametrizedLinear(\n  in_features=3")
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    target = flambeau.eye(3) * 5
    layer.weight = target
    flambeau.testing.assert_close(layer.weight.detach(), target)
    parametrize.register_parametrization(layer, "weight", Double())
    flambeau.testing.assert_close(layer.weight.detach(), target * 2)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert layer.weight is weight
    flambeau.testing.assert_close(weight.detach(), target * 2)
    assert not parametrize.is_parametrized(layer)


def test_the_original_can_be_taken_back():
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Double())
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    flambeau.testing.assert_close(layer.weight.detach(), before / 2)


def test_inside_cached_a_weight_is_computed_once():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    Double.calls = 0
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert Double.calls == 1
    assert layer.weight is not layer.weight


def test_copies_are_independent_and_pickles_are_refused():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    other = copy.deepcopy(layer)
    parametrize.remove_parametrizations(other, "weight")
    assert parametrize.is_parametrized(layer, "weight")
    flambeau.testing.assert_close(other.weight, layer.weight)
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(layer)
    fresh = nn.Linear(2, 2)
    parametrize.transfer_parametrizations_and_params(layer, fresh, "weight")
    flambeau.testing.assert_close(fresh.weight, layer.weight)


def test_buffers_can_be_parametrized_too():
    norm = parametrize.register_parametrization(nn.BatchNorm1d(2), "running_mean", Double())
    assert "parametrizations.running_mean.original" in norm.state_dict()
    assert norm.running_mean.tolist() == [0, 0]


def test_what_cannot_be_parametrized():
    class Cut(nn.Module):
        def forward(self, x):
            return x[:1]

    with pytest.raises(ValueError, match="does not have a parameter"):
        parametrize.register_parametrization(nn.Linear(2, 2), "nothing", Double())
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(nn.Linear(2, 2), "weight", Cut())
    parametrize.register_parametrization(nn.Linear(2, 2), "weight", Cut(), unsafe=True)
    with pytest.raises(ValueError, match="does not have a parametrization"):
        parametrize.remove_parametrizations(nn.Linear(2, 2), "weight")
    layer = parametrizations.weight_norm(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="sequence of tensors"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    with pytest.raises(RuntimeError, match="right_inverse"):
        parametrize.register_parametrization(nn.Linear(2, 2), "weight", Cut(), unsafe=True).weight = flambeau.ones(2, 2)


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm_keeps_the_weight_and_splits_the_norm(dim):
    layer = nn.Linear(3, 4)
    before = layer.weight.detach().clone()
    older = nn.utils.weight_norm(copy.deepcopy(layer), dim=dim)
    parametrizations.weight_norm(layer, dim=dim)
    flambeau.testing.assert_close(layer.weight.detach(), before)
    layer.load_state_dict(older.state_dict())
    with flambeau.no_grad():
        layer.parametrizations.weight.original0.mul_(2)
    flambeau.testing.assert_close(layer.weight.detach(), before * 2)
    flambeau.testing.assert_close(nn.utils.remove_weight_norm(older).weight.detach(), before)


@pytest.mark.parametrize("normalise", [nn.utils.spectral_norm, parametrizations.spectral_norm])
def test_a_spectral_norm_of_one(normalise):
    flambeau.manual_seed(0)
    layer = normalise(nn.Conv1d(3, 4, 2), n_power_iterations=20)
    layer(flambeau.zeros(1, 3, 5))
    assert flambeau.linalg.svdvals(layer.weight.detach().flatten(1))[0].item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
@pytest.mark.parametrize("way", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivialization", [True, False])
def test_an_orthogonal_weight_stays_orthogonal(shape, way, trivialization):
    flambeau.manual_seed(0)
    layer = parametrizations.orthogonal(nn.Linear(*shape).double(), orthogonal_map=way, use_trivialization=trivialization)
    with flambeau.no_grad():
        layer.parametrizations.weight.original.add_(flambeau.randn(shape[1], shape[0]).double())
    weight = layer.weight.detach()
    small = weight if shape[1] <= shape[0] else weight.T
    flambeau.testing.assert_close(small @ small.T, flambeau.eye(min(shape)).double())
    if trivialization:
        layer.weight = weight.flip(0)
        flambeau.testing.assert_close(layer.weight.detach(), weight.flip(0), atol=1e-6, rtol=1e-6)


def test_norms_refuse():
    with pytest.raises(RuntimeError, match="two weight_norm hooks"):
        nn.utils.weight_norm(nn.utils.weight_norm(nn.Linear(2, 2)))
    with pytest.raises(RuntimeError, match="two spectral_norm hooks"):
        nn.utils.spectral_norm(nn.utils.spectral_norm(nn.Linear(2, 2)))
    for remove in (nn.utils.remove_weight_norm, nn.utils.remove_spectral_norm):
        with pytest.raises(ValueError, match="not found"):
            remove(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="positive"):
        parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(ValueError, match="orthogonal_map"):
        parametrizations.orthogonal(nn.Linear(2, 2), orthogonal_map="best")


# Pruning -----------------------------------------------------------------------------------------------------------


def test_pruning_on_top_of_pruning():
    flambeau.manual_seed(1)
    layer = nn.Linear(4, 3)
    prune.random_unstructured(layer, "weight", 3)
    random = layer.weight_mask.clone()
    prune.l1_unstructured(layer, "weight", 0.25)
    assert (layer.weight_mask == 0).sum() == 3 + round(0.25 * 9)
    assert (layer.weight_mask <= random).all()
    prune.ln_structured(layer, "weight", 1, 2, dim=0)
    assert (layer.weight_mask.sum(1) == 0).sum() == 1
    layer(flambeau.ones(1, 4)).sum().backward()
    assert ((layer.weight_orig.grad == 0) == (layer.weight_mask == 0)).all()
    assert prune.is_pruned(nn.Sequential(layer))
    original = layer.weight_orig
    prune.remove(layer, "weight")
    assert layer.weight is original
    assert not prune.is_pruned(layer)
    assert (layer.weight == 0).sum() >= 4


def test_pruning_draws_pytorchs_places():
    layer = nn.Linear(4, 3)
    flambeau.manual_seed(1)
    prune.random_unstructured(layer, "weight", 3)
    assert layer.weight_mask.tolist() == [[0, 1, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1]]  # printed by PyTorch


def test_global_pruning_sees_one_vector():
    a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    with flambeau.no_grad():
        a.weight.fill_(1)
        b.weight.copy_(flambeau.tensor([[2.0, 0.5], [0.1, 3.0]]))
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=2)
    assert a.weight_mask.sum() == 4
    assert b.weight_mask.tolist() == [[1, 0], [0, 1]]
    scores = {(a, "weight"): flambeau.tensor([[0.0, 9.0], [9.0, 9.0]])}
    prune.global_unstructured([(a, "weight")], prune.L1Unstructured, scores, amount=1)
    assert a.weight.tolist() == [[0, 1], [1, 1]]


def test_other_prunings():
    layer = prune.custom_from_mask(nn.Linear(2, 2), "bias", flambeau.tensor([0, 1]))
    assert layer.bias[0] == 0
    assert prune.identity(nn.Linear(2, 2), "weight").weight_mask.sum() == 4
    assert (prune.random_structured(nn.Linear(4, 4), "weight", 2, dim=1).weight_mask.sum(0) == 0).sum() == 2
    flambeau.testing.assert_close(prune.L1Unstructured(1).prune(flambeau.tensor([1.0, -0.5])), flambeau.tensor([1.0, -0.0]))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda m: prune.l1_unstructured(m, "weight", 1.5), ValueError),
        (lambda m: prune.l1_unstructured(m, "weight", "all"), TypeError),
        (lambda m: prune.l1_unstructured(m, "weight", 99), ValueError),
        (lambda m: prune.ln_structured(m, "bias", 1, 2, 0), ValueError),
        (lambda m: prune.ln_structured(m, "weight", 1, 2, 2), IndexError),
        (lambda m: prune.remove(m, "weight"), ValueError),
        (lambda m: prune.global_unstructured([(m, "weight")], prune.LnStructured, amount=1, n=2), TypeError),
        (lambda m: prune.custom_from_mask(m, "weight", flambeau.ones(1)), AssertionError),
    ],
)
def test_prunings_that_cannot_be(call, error):
    with pytest.raises(error):
        call(nn.Linear(2, 2))


# Fusion and skipping -----------------------------------------------------------------------------------------------


def test_fused_layers_do_the_same():
    flambeau.manual_seed(0)
    for layer, norm, x, fuse in (
        (nn.Conv2d(2, 3, 2, bias=False), nn.BatchNorm2d(3), flambeau.randn(2, 2, 4, 4), nn.utils.fuse_conv_bn_eval),
        (nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False), flambeau.randn(5, 2), nn.utils.fuse_linear_bn_eval),
    ):
        for _ in range(3):
            norm(layer(x))
        flambeau.testing.assert_close(fuse(layer.eval(), norm.eval())(x), norm(layer(x)))
        with pytest.raises(AssertionError, match="eval"):
            fuse(layer, norm.train())
    with pytest.raises(AssertionError, match="num_features"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), nn.BatchNorm1d(2).eval())


def test_skipped_initialization_draws_nothing():
    flambeau.manual_seed(0)
    layer = nn.utils.skip_init(nn.Linear, 5, out_features=2, dtype=flambeau.float64)
    assert layer.weight.shape == (2, 5)
    assert layer.weight.dtype == flambeau.float64
    after = flambeau.rand(1)
    flambeau.manual_seed(0)
    assert after == flambeau.rand(1)
    for bad in (nn.ReLU, int):
        with pytest.raises(RuntimeError, match="Module"):
            nn.utils.skip_init(bad)
