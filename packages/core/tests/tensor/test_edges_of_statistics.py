"""Corners of statistics and creation, with the numbers that PyTorch prints."""
import pytest

import flambeau
from flambeau.testing import assert_close


@pytest.mark.parametrize("dim", [None, 0, 1, 2])
@pytest.mark.parametrize("keepdim", [False, True])
def test_quantile_puts_the_axis_back_where_it_was(dim, keepdim):
    x = flambeau.arange(24.0).reshape(3, 2, 4).sin().double()
    ordered = x.reshape(-1).sort().values.reshape(24, 1, 1, 1) if dim is None else x.sort(dim).values.movedim(dim, 0)
    last = len(ordered) - 1
    found = flambeau.quantile(x, flambeau.tensor([0.0, 1.0]).double(), dim, keepdim)
    wanted = flambeau.stack([ordered[0], ordered[last]])
    if dim is None:
        wanted = wanted if keepdim else wanted.reshape(2)
    elif keepdim:
        wanted = wanted.unsqueeze(1 + dim)
    assert_close(found, wanted)


def test_logspace_rounds_its_ends_first():
    assert flambeau.logspace(4.3, -3, 4, dtype=flambeau.int64).tolist() == [10000, 46, 0, 0]
    assert flambeau.logspace(flambeau.tensor(4.3), -3, 4, 2.0, dtype=flambeau.int64).tolist() == [16, 3, 0, 0]
    assert flambeau.logspace(4.3, 0, 2, dtype=flambeau.bfloat16).tolist() == [20480.0, 1.0]
    for arguments, kind in (((0, 1, -1), RuntimeError), ((0, 1, 2.0), TypeError), ((flambeau.ones(2), 1, 3), RuntimeError)):
        with pytest.raises(kind):
            flambeau.logspace(*arguments)


def test_empty_choices_keep_their_history():
    x = flambeau.ones(2, requires_grad=True)
    y = flambeau.combinations(x, 4)
    assert y.shape == (0, 4) and y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_a_number_along_its_only_axis():
    x = flambeau.tensor(3.0, requires_grad=True)
    x.prod(0).backward()
    assert x.grad.item() == 1
    assert flambeau.tensor(True).sum_to_size(()).dtype is flambeau.int64


def test_runs_of_nothing():
    found, inverse = flambeau.unique_consecutive(flambeau.ones(5, 0, 5), return_inverse=True, dim=1)
    assert found.shape == (5, 0, 5) and inverse.shape == (0,)
    assert flambeau.unique_consecutive(flambeau.ones(0)).shape == (0,)


def test_bins_in_half_precision_are_rounded_as_pytorchs():
    x = flambeau.tensor([0.1, 3.3, 6.6, 7.77, 9.99, 10.0], dtype=flambeau.bfloat16)
    assert flambeau.histc(x, 10, 0, 10).tolist() == [1, 0, 0, 1, 0, 0, 1, 1, 0, 2]
    assert flambeau.histc(flambeau.tensor([1.0, 1.0]), 2).tolist() == [0, 2]


def test_sizes_of_chunks_and_methods_may_not_disagree():
    x, w, t = flambeau.ones(8, 4), flambeau.ones(16, 4), flambeau.zeros(8, dtype=flambeau.int64)
    options = flambeau.nn.LinearCrossEntropyOptions
    whole = flambeau.nn.functional.linear_cross_entropy(x, w, t)
    for chosen in (options(), options(batch_chunk_size=3), options(chunking_method="aspect_ratio:4"), options(chunking_method=None)):
        assert_close(flambeau.nn.functional.linear_cross_entropy(x, w, t, options=chosen), whole)
    with pytest.raises(ValueError, match="disagree"):
        flambeau.nn.functional.linear_cross_entropy(x, w, t, options=options(batch_chunk_size=3, chunking_method="aspect_ratio"))


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: flambeau.rand(2, 0, 4).argmin(1), IndexError, "Expected reduction dim 1 to have non-zero size"),
    (lambda: flambeau.rand(2, 0).argmax(), IndexError, "Expected reduction dim to be specified"),
    (lambda: flambeau.rand(2, 0).amax(), RuntimeError, "Expected reduction dim to be specified"),
    (lambda: flambeau.rand(2, 0).amin(1), IndexError, "Expected reduction dim 1 to have non-zero size"),
    (lambda: flambeau.rand(2, 0).mode(), IndexError, "Expected reduction dim 1 to have non-zero size"),
    (lambda: flambeau.kthvalue(flambeau.rand(2, 0), 1), IndexError, "Expected reduction dim 1 to have non-zero size"),
    *((lambda f=f: f(flambeau.ones(3, 3), dim=(0, -2)), RuntimeError, "dim 0 appears multiple times") for f in (
        flambeau.sum, flambeau.std, flambeau.logsumexp, flambeau.var_mean, flambeau.norm, flambeau.linalg.vector_norm, flambeau.nansum)),
    (lambda: flambeau.norm(flambeau.rand(2, 0), p=-1, dim=1), RuntimeError, "does not have an identity"),
    (lambda: flambeau.norm(flambeau.rand(2, 0), p=float("inf")), RuntimeError, "does not have an identity"),
    (lambda: flambeau.nanmean(flambeau.ones(3, dtype=flambeau.int8)), RuntimeError, "floating point or complex dtype but got Char"),
    (lambda: flambeau.all(flambeau.ones(3), 0, out=flambeau.empty(0)), RuntimeError, "only supports bool tensor for result, got: Float"),
    (lambda: flambeau.sum(flambeau.ones(3), 0, dtype=flambeau.float64, out=flambeau.empty(())), RuntimeError, "double, but got float"),
    (lambda: flambeau.bincount(flambeau.tensor([1, 2]), weights=flambeau.ones(3)), RuntimeError, "same length as input"),
    (lambda: flambeau.ones(2, 2).sum(dim="a"), TypeError, "must be int"),
    (lambda: flambeau.quantile(flambeau.rand(3), flambeau.tensor([0.5, 2.0])), RuntimeError, "q values must be in the range"),
    (lambda: flambeau.nansum(flambeau.ones(3, dtype=flambeau.complex64)), RuntimeError, "does not support complex"),
    (lambda: flambeau.ones(2, 2).cumsum((0, 1)), TypeError, "must be int, not tuple"),
])  # fmt: skip
def test_reductions_refuse(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # where NumPy computes it
@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_too_few_to_spread_warns(name):
    with pytest.warns(UserWarning, match=rf"{name}\(\): degrees of freedom is <= 0"):
        getattr(flambeau, name)(flambeau.rand(3, 4), dim=1, correction=4)


def test_whether_of_each_alone_with_no_axes():
    assert flambeau.any(flambeau.tensor([0, 2]), dim=[]).tolist() == [False, True]
    out = flambeau.empty(0, dtype=flambeau.bool)
    assert flambeau.all(flambeau.ones(2, 3, dtype=flambeau.uint8), 1, out=out) is out and out.tolist() == [True, True]


@pytest.mark.parametrize("call", [
    lambda out: flambeau.quantile(flambeau.arange(5.0), 0.5, out=out),
    lambda out: flambeau.nanquantile(flambeau.arange(5.0), 0.5, out=out),
    lambda out: flambeau.take_along_dim(flambeau.arange(5.0), flambeau.tensor([2]), out=out).squeeze(),
    lambda out: flambeau.median(flambeau.arange(5.0)[None], 1, out=(out, flambeau.empty(0, dtype=flambeau.int64))).values.squeeze(),
])  # fmt: skip
def test_written_into_out(call):
    out = flambeau.empty(0)
    assert call(out).item() == out.item() == 2.0


@pytest.mark.parametrize("dtype", [flambeau.bool, flambeau.int32, flambeau.float64])
def test_draws_are_written_into_any_dtype(dtype):
    out = flambeau.empty(4, dtype=dtype)
    flambeau.manual_seed(0)
    assert flambeau.bernoulli(flambeau.full((4,), 0.5), out=out) is out and out.tolist() == [1, 0, 1, 1]


def test_a_number_is_copied_everywhere():
    assert flambeau.zeros(2, dtype=flambeau.int64).copy_(3.7).tolist() == [3, 3]
    with pytest.raises(TypeError, match="must be Tensor, not list"):
        flambeau.zeros(2).copy_([1, 2])
