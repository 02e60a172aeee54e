"""NumPy's names of arguments, `axis` and `keepdims`, mean dim and keepdim wherever PyTorch takes them."""
import pytest

import flambeau

X = flambeau.tensor([[1.0, 5.0, 3.0], [4.0, 2.0, 6.0]])
CASES = {
    "max": {}, "min": {}, "argmax": {}, "argmin": {}, "argsort": {}, "sort": {}, "median": {}, "mode": {}, "std": {}, "var": {},
    "cumsum": {}, "cumprod": {}, "cummax": {}, "logsumexp": {}, "softmax": {}, "log_softmax": {}, "unbind": {}, "unsqueeze": {}, "squeeze": {},
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
    with pytest.raises(TypeError, match="multiple values for argument 'dim'"):
        X.max(dim=0, axis=0)
    with pytest.raises(TypeError):
        X.max(axes=0)
    with pytest.raises(TypeError, match="missing"):
        X.unsqueeze()
