"""NumPy's names of arguments, `axis` and `keepdims`, and the factors of old programs, which stand before tensors."""
import pytest

import flambeau

X = flambeau.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 6.0]])
CASES = {
    "max": {}, "min": {}, "argmax": {}, "argmin": {}, "argsort": {}, "sort": {}, "median": {}, "mode": {}, "std": {}, "var": {},
    "cumsum": {}, "cumprod": {}, "cummax": {}, "logsumexp": {}, "softmax": {}, "log_softmax": {}, "unbind": {}, "unsqueeze": {},
    "squeeze": {},
    "nansum": {}, "nanmean": {}, "diff": {}, "count_nonzero": {}, "sum": {}, "mean": {}, "prod": {}, "amax": {}, "all": {}, "aminmax": {},
    "topk": {"k": 1}, "kthvalue": {"k": 1}, "quantile": {"q": 0.5}, "chunk": {"chunks": 2}, "select": {"index": 1},
    "narrow": {"start": 0, "length": 1}, "index_select": {"index": flambeau.tensor([1])}, "gather": {"index": flambeau.tensor([[1]])},
}  # fmt: skip


def told(result):
    return [told(r) for r in result] if isinstance(result, tuple | list) else (result.shape, result.tolist())


@pytest.mark.parametrize("name", CASES)
def test_axis_is_dim(name):
    for function, first in ((getattr(flambeau, name), (X,)), (getattr(X, name), ())):
        assert told(function(*first, axis=1, **CASES[name])) == told(function(*first, dim=1, **CASES[name]))


@pytest.mark.parametrize("name", ["max", "median", "std", "var", "logsumexp", "argmax", "nansum"])
def test_keepdims_is_keepdim(name):
    assert told(getattr(X, name)(axis=1, keepdims=True)) == told(getattr(X, name)(dim=1, keepdim=True))


def test_functions_of_other_namespaces():
    assert flambeau.linalg.norm(X, ord=1, axis=(0, 1), keepdims=True).tolist() == [[9.0]]
    assert flambeau.linalg.vector_norm(X, axis=1).shape == (2,)
    assert flambeau.equal(flambeau.fft.fft(X, axis=0), flambeau.fft.fft(X, dim=0))
    assert flambeau.stack([X, X], axis=1).shape == (2, 2, 3)


def test_an_axis_is_told_once():
    with pytest.raises(TypeError, match="both 'dim' and 'axis'"):
        X.median(dim=0, axis=0)
    with pytest.raises(TypeError):
        X.max(axes=0)
    with pytest.raises(TypeError, match="missing"):
        X.unsqueeze()


# ---- factors before tensors
V, M, B = flambeau.tensor([1.0, 2.0]), flambeau.tensor([[1.0, 2.0], [3.0, 4.0]]), flambeau.tensor([[[1.0, 2.0], [3.0, 4.0]]])
OLD = {
    "add": ((V, 3, V), [4.0, 8.0]), "sub": ((V, 3, V), [-2.0, -4.0]),
    "addcmul": ((V, 2, V, V), [3.0, 10.0]), "addcdiv": ((V, 2, V, V), [3.0, 4.0]),
    "addmm": ((M, 2, 3, M, M), [[23.0, 34.0], [51.0, 74.0]]), "addmv": ((V, 2, 3, M, V), [17.0, 37.0]),
    "addr": ((M, 2, 3, V, V), [[5.0, 10.0], [12.0, 20.0]]), "addbmm": ((M, 2, 3, B, B), [[23.0, 34.0], [51.0, 74.0]]),
    "baddbmm": ((B, 2, 3, B, B), [[[23.0, 34.0], [51.0, 74.0]]]),
}  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_factors_among_the_tensors(name):
    (x, *rest), expected = OLD[name]
    with pytest.warns(UserWarning, match=f"This overload of {name} is deprecated"):
        assert getattr(x, name)(*rest).tolist() == expected
    copy = x.clone()
    with pytest.warns(UserWarning, match=f"This overload of {name}_ is deprecated"):
        assert getattr(copy, name + "_")(*rest) is copy
    assert copy.tolist() == expected
    with pytest.raises(TypeError, match="positional arguments"):
        getattr(x, name)(1, 2, 3, *rest)


def test_the_factor_of_the_first_tensor_stands_before_it():
    with pytest.warns(UserWarning, match="beta=2, alpha=3"):
        assert flambeau.addmm(2, M, 3, M, M).tolist() == OLD["addmm"][1]
    with pytest.warns(UserWarning, match="beta=2"):
        assert flambeau.addmv(2, V, M, V).tolist() == [7.0, 15.0]
