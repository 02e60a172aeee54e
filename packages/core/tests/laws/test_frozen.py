"""Every record of PyTorch's operator database, from its frozen form: outputs, dtypes, shapes and gradients.

The file holds 18,464 float32 calls and stands beside the repository (../shared/parity; its README says how a record is built).
By default three records of each variant are replayed; `-m slow` replays them all.
"""
from __future__ import annotations

import gzip
import io
import operator
import pickle
from collections import defaultdict
from functools import cache, reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import flambeau as fl

FILE = Path(__file__).parents[5] / "shared" / "parity" / "opdb_float32_le32KB.pkl.gz"
if not FILE.exists():
    pytest.skip("the frozen operator database (../shared/parity) is not there", allow_module_level=True)


# PyTorch's database calls these through a helper that seeds with 42 just before the call.
SEEDED = set(
    "item cauchy exponential geometric log_normal normal uniform svd_lowrank pca_lowrank randn randn_like rand_like randint randint_like "
    "multinomial bernoulli".split()
) | {"nn.functional." + name for name in (
    "fractional_max_pool2d fractional_max_pool3d rrelu scaled_dot_product_attention dropout dropout2d dropout3d alpha_dropout "
    "feature_alpha_dropout multi_head_attention_forward").split()}
# What the database's own lambdas call under the record's name.
CALLED = {
    "cauchy": lambda x, *a, **k: x.cauchy_(*a, **k), "exponential": lambda x, *a, **k: x.exponential_(*a, **k),
    "geometric": lambda x, *a, **k: x.geometric_(*a, **k), "log_normal": lambda x, *a, **k: x.log_normal_(*a, **k),
    "uniform": lambda x, *a, **k: x.uniform_(*a, **k), "normal.in_place": lambda x, *a, **k: x.normal_(*a, **k),
    "rand_like": lambda x, *a, **k: fl.randn_like(x, *a, **k),
    "T": lambda x: x.T, "H": lambda x: x.H, "mT": lambda x: x.mT, "mH": lambda x: x.mH,
    "resize_": lambda x, *a, **k: x.clone().resize_(*a, **k), "resize_as_": lambda x, *a, **k: fl.resize_as_(x.clone(), *a, **k),
    "zero_": lambda x: fl.zero_(x.clone()),
    "einsum": lambda operands, equation: fl.einsum(equation, *operands),
    "where": lambda x, condition, other: fl.where(condition, x, other),
    "polygamma": lambda x, n, **k: fl.polygamma(n, x, **k), "special.polygamma": lambda x, n, **k: fl.special.polygamma(n, x, **k),
    "nn.functional.embedding": lambda weight, index, **k: fl.nn.functional.embedding(index, weight, **k),
    "nn.functional.embedding_bag": lambda weight, index, **k: fl.nn.functional.embedding_bag(index, weight, **k),
    "linalg.lstsq.grad_oriented": lambda a, b, driver: fl.linalg.lstsq(a, b, driver=driver)[:2],
    "linalg.pinv.singular": lambda a, b: fl.linalg.pinv(a @ b.mT),
    "svd_lowrank": lambda a, b, **k: fl.svd_lowrank(a @ b.mT, **k), "pca_lowrank": lambda a, b, **k: fl.pca_lowrank(a @ b.mT, **k),
    "normal.number_mean": lambda std, mean, *a, **k: fl.normal(mean, std, *a, **k),
    **{name: lambda x, name=name, **k: getattr(x, name)(**k)
       for name in "bool int long short float double half bfloat16 cfloat cdouble".split()},
}  # fmt: skip


class Record(NamedTuple):
    name: str
    variant: str
    input: Any
    args: tuple
    kwargs: dict
    output: Any
    gradients: list | None


class _Plain(pickle.Unpickler):
    """Arrays and containers; anything else in the file is refused."""

    ALLOWED = {
        "numpy": {"ndarray", "dtype"}, "numpy._core.multiarray": {"_reconstruct", "scalar"},
        "numpy.core.multiarray": {"_reconstruct", "scalar"}, "numpy._core.numeric": {"_frombuffer"}, "collections": {"OrderedDict"},
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if name not in self.ALLOWED.get(module, ()):
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a table of arrays")
        return super().find_class(module, name)


@cache
def records() -> dict[str, list[Record]]:
    """The records by `name.variant`, in the file's order."""
    out = defaultdict(list)
    if FILE.exists():
        for (name, variant, x, args, kwargs), output, gradients in _Plain(io.BytesIO(gzip.decompress(FILE.read_bytes()))).load():
            out[f"{name}.{variant}".strip(".")].append(Record(name, variant, x, args, kwargs, output, gradients))
    return dict(out)


def function(name: str, variant: str) -> Any:
    """What the record calls: Flambeau's function or, where there is none, its method."""
    for key in (f"{name}.{variant}", name):
        if key in CALLED:
            return CALLED[key]
    try:
        return reduce(getattr, name.split("."), fl)
    except AttributeError:
        return getattr(fl.Tensor, name)


def value(x: Any) -> Any:
    """A frozen value as Flambeau's."""
    if isinstance(x, tuple) and x and isinstance(x[0], str):
        match x[0]:
            case "T": return tensor(*x[1:])
            case "S": return reduce(getattr, x[1].replace("torch.", "").split("."), fl) if x[1].startswith("torch.") else fl.device(x[1])
            case "SL": return slice(*map(value, x[1:]))
            case "E": return Ellipsis
    if isinstance(x, (list, tuple)):
        return type(x)(map(value, x))
    return {k: value(v) for k, v in x.items()} if isinstance(x, dict) else x


def tensor(dtype: str, array: np.ndarray, strides: tuple, requires_grad: bool) -> fl.Tensor:
    if dtype == "bf16":
        out = fl.from_numpy(array.copy()).view(fl.bfloat16)
    elif array.size and all(s > 0 for s, n in zip(strides, array.shape) if n > 1):
        room = np.zeros(1 + reduce(operator.add, ((n - 1) * s for n, s in zip(array.shape, strides)), 0), array.dtype)
        laid = np.lib.stride_tricks.as_strided(room, array.shape, [s * array.itemsize for s in strides])
        laid[...] = array
        out = fl.from_numpy(laid)
    else:
        out = fl.from_numpy(array.copy())
    return out.requires_grad_(requires_grad)


def tensors(x: Any) -> Any:
    """Every tensor in a structure, in order."""
    if isinstance(x, fl.Tensor):
        yield x
    elif isinstance(x, dict):
        yield from tensors(list(x.values()))
    elif isinstance(x, (list, tuple)):
        for v in x: yield from tensors(v)


# Values are not defined (fresh memory), or are unique only up to a sign or an order that each library chooses for itself.
ONLY_SHAPES = {"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted", "resize_", "resize_as_"}
SIGN_FREE = ("svd", "eig", "qr", "pca_lowrank", "lobpcg", "linalg.lstsq", "pinv.singular", "geqrf", "ormqr")
# No public name of PyTorch: its own kernels, kept in the database for its code generators.
PRIVATE = ("_", "torch.ops", "native_", "jiterator", "max_pool2d_with_indices_backward", "hash_tensor", "chalf",
           "nonzero_static", "slice", "as_strided.partial_views")  # fmt: skip
# docs/parity.md says why.
DIFFERENT = {"as_strided_scatter": "PyTorch's gradient is not that of finite differences",
             "nn.functional.multi_head_attention_forward": "its dropout draws from a seed that the table does not tell"}  # fmt: skip
PUBLIC_UNDERSCORES = ("__",)
# Sums over long axes and factorizations: the order of operations differs, and float32 shows it.
LOOSE = ("linalg", "pinv", "solve", "cholesky", "det", "svd", "cdist", "matrix_exp", "fft", "stft", "special", "gamma", "conv", "bilinear",
         "corrcoef", "cov", "linear", "attention", "norm", "logcumsumexp", "grid_sample", "cosine", "ctc_loss", "interpolate")  # fmt: skip
TOLERANCE = {"float16": 1e-2, "bfloat16": 2e-2, "float32": 2e-5, "complex64": 2e-5, "float64": 1e-7, "complex128": 1e-7}


def asked(name: str) -> bool:
    return name not in DIFFERENT and (name.startswith(PUBLIC_UNDERSCORES) or not name.startswith(PRIVATE))


NAMES = sorted(filter(asked, records()))


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch warns at the same calls
@pytest.mark.parametrize("name", NAMES)
def test_three_records(name: str) -> None:
    found = records()[name]
    for record in found[:: max(1, len(found) // 3)][:3]:
        check(name, record)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_all_records(name: str) -> None:
    for record in records()[name]:
        check(name, record)


def check(name: str, record: Record) -> None:
    fl.manual_seed(42 if record.name in SEEDED else 1)
    x, args, kwargs = value(record.input), value(record.args), value(record.kwargs)
    leaves = [t for t in tensors([x, args, kwargs]) if t.requires_grad]
    out = function(record.name, record.variant)(x, *args, **kwargs)
    want = value(record.output)
    if name in ("svd", "linalg.svd"):  # vectors of the null space are any basis of it
        assert [t.shape for t in out] == [t.shape for t in want]
        out, want = out[1], want[1]
    compare(want, out, name)
    if record.gradients is None or any(part in name for part in SIGN_FREE) or record.name in ONLY_SHAPES:
        return
    outputs = [t for t in tensors(out) if t.requires_grad]
    if not outputs and all(g is None for g in record.gradients):  # a count: constant almost everywhere
        return
    total = sum((t.abs() if t.is_complex() else t).sum() for t in outputs)
    assert outputs, "no output requires grad"
    gradients = fl.autograd.grad(total, leaves, allow_unused=True)
    for leaf, want, got in zip(leaves, value(record.gradients), gradients):
        zero = fl.zeros_like(leaf)
        compare(zero if want is None else want, zero if got is None else got, name, factor=50)


def compare(want: Any, got: Any, name: str, factor: float = 1) -> None:
    if isinstance(want, fl.Tensor):
        assert isinstance(got, fl.Tensor)
        assert got.dtype is want.dtype
        assert got.shape == want.shape
        if name in ONLY_SHAPES:
            return
        dtype = str(want.dtype).rpartition(".")[2]
        a, b = (t.detach().to(fl.float32 if dtype == "bfloat16" else t.dtype).resolve_conj().numpy() for t in (want, got))
        if any(part in name for part in SIGN_FREE):
            a, b = np.abs(a), np.abs(b)
        near = TOLERANCE.get(dtype, 0) * max(factor, 50 if any(part in name for part in LOOSE) else 1)
        np.testing.assert_allclose(b, a, rtol=near, atol=near)
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for a, b in zip(want, got): compare(a, b, name, factor)
    elif isinstance(want, dict):
        for key, a in want.items(): compare(a, got[key], name, factor)
    elif isinstance(want, float):
        assert got == pytest.approx(want, rel=1e-5, nan_ok=True)
    elif want is not None:
        assert got == want
