"""Promotion, conversion and creation.  The table of results was printed by PyTorch 2.13."""
from __future__ import annotations

from array import array
from collections import deque

import numpy as np
import pytest

import flambeau

NAMES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
# promote_types, a row a dtype; letters are places in NAMES
PROMOTE = [
    'abcdefghijkl',
    'bbddefghijkl',
    'cdcdefghijkl',
    'ddddefghijkl',
    'eeeeefghijkl',
    'ffffffghijkl',
    'gggggggiijkl',
    'hhhhhhihijkl',
    'iiiiiiiiijkl',
    'jjjjjjjjjjll',
    'kkkkkkkkklkl',
    'llllllllllll',
]
# dtype of tensor(…, dtype of the row) + each of: True, 2, 2.5, 2j, a 0-d int64, a 0-d float64 (complex64 where PyTorch has complex32)
MIXED = [
    'afikfj',
    'bbikbj',
    'ccikcj',
    'ddikdj',
    'eeikej',
    'ffikfj',
    'gggkgg',
    'hhhkhh',
    'iiikii',
    'jjjljj',
    'kkkkkk',
    'llllll',
]


def named(letter):
    return getattr(flambeau, NAMES["abcdefghijkl".index(letter)])


@pytest.mark.parametrize(("name", "row"), list(zip(NAMES, PROMOTE, strict=True)))
def test_promote_types(name, row):
    assert [flambeau.promote_types(getattr(flambeau, name), getattr(flambeau, other)) for other in NAMES] == [named(c) for c in row]


@pytest.mark.parametrize(("name", "row"), list(zip(NAMES, MIXED, strict=True)))
def test_numbers_and_scalars_are_weak(name, row):
    x = flambeau.ones(2, dtype=getattr(flambeau, name))
    others = [True, 2, 2.5, 2j, flambeau.tensor(1), flambeau.tensor(1.0, dtype=flambeau.float64)]
    assert [(x + o).dtype for o in others] == [named(c) for c in row]
    assert [(o + x).dtype for o in others] == [named(c) for c in row]


def test_integers_become_the_default_float():
    assert (flambeau.arange(3) / 2).dtype is flambeau.float32
    assert flambeau.arange(3).exp().dtype is flambeau.float32
    assert flambeau.tensor([True, False]).sum().item() == 1 and flambeau.tensor([True]).sum().dtype is flambeau.int64
    assert flambeau.ones(3, dtype=flambeau.uint8).sum().dtype is flambeau.int64
    flambeau.set_default_dtype(flambeau.float64)
    try:
        assert (flambeau.arange(3) / 2).dtype is flambeau.tensor(1.5).dtype is flambeau.float64
    finally:
        flambeau.set_default_dtype(flambeau.float32)
    with pytest.raises(TypeError, match="floating-point"):
        flambeau.set_default_dtype(flambeau.int64)


def test_half_precision_sums_are_wide():
    assert flambeau.ones(5000, dtype=flambeau.float16).sum().item() == 5000
    assert flambeau.full((3000,), 0.1, dtype=flambeau.bfloat16).mean().item() == pytest.approx(0.1, rel=1e-2)


def test_bytes_wrap_round():
    assert (flambeau.tensor([250], dtype=flambeau.uint8) + 10).tolist() == [4]
    assert (flambeau.tensor([1], dtype=flambeau.uint8) - 300).tolist() == [213]


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (3, "int64", ()),
        (2.5, "float32", ()),
        ([1, 2.5], "float32", (2,)),
        ([True, 2], "int64", (2,)),
        ([[True], [False]], "bool", (2, 1)),
        ([1, 2j], "complex64", (2,)),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        (np.float64(1), "float64", ()),
        (np.arange(3), "int64", (3,)),
        (range(4), "int64", (4,)),
        ([np.float32(1), 2], "float32", (2,)),
    ],
)
def test_tensor_of_data(data, dtype, shape):
    x = flambeau.tensor(data)
    assert x.dtype is getattr(flambeau, dtype) and x.shape == shape


@pytest.mark.parametrize(("data", "error", "words"), [
    ([[1, 2], [3]], ValueError, "expected sequence of length 2 at dim 1"),
    ("text", TypeError, "invalid data type 'str'"),
    (["a"], ValueError, "too many dimensions 'str'"),
    ([None], RuntimeError, "infer dtype of NoneType"),
    ([2**70], ValueError, "64 bits"),
])
def test_bad_data(data, error, words):
    with pytest.raises(error, match=words):
        flambeau.tensor(data)


def test_numpy_shares_memory_both_ways():
    a = np.zeros(3, np.float32)
    x = flambeau.from_numpy(a)
    x.add_(1)
    assert a.tolist() == [1, 1, 1] and x.numpy() is not None and np.shares_memory(x.numpy(), a)
    assert not np.shares_memory(flambeau.tensor(a).numpy(), a)
    with pytest.raises(RuntimeError, match=r"detach\(\).numpy\(\)"):
        flambeau.ones(1, requires_grad=True).numpy()
    with pytest.raises(TypeError, match="supported types"):
        flambeau.from_numpy(np.array(["a"]))
    with pytest.raises(ValueError, match="negative"):
        flambeau.from_numpy(np.arange(3)[::-1])
    with pytest.raises(TypeError, match="expected np.ndarray"):
        flambeau.from_numpy([1])


def test_conversions():
    x = flambeau.tensor([1.7, -2.3])
    assert x.long().tolist() == [1, -2] and x.to(flambeau.int8).dtype is flambeau.int8
    assert x.to(flambeau.float32) is x and x.to("cpu") is x and x.float() is x
    assert x.bool().tolist() == [True, True] and x.type_as(flambeau.ones(1, dtype=flambeau.float64)).dtype is flambeau.float64
    with pytest.raises(TypeError, match="neither a dtype"):
        x.to(3.5)
    with pytest.raises(RuntimeError, match="device type at start of device string: tpu"):
        x.to("tpu")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: flambeau.ones(3) + flambeau.ones(2),
            RuntimeError,
            r"size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton dimension 0",
        ),
        (lambda: flambeau.ones(2, 3) @ flambeau.ones(2, 3), RuntimeError, "mat1 and mat2 shapes cannot be multiplied"),
        (lambda: flambeau.ones(2, 2) @ flambeau.ones(2, 2, dtype=flambeau.float64), RuntimeError, "same dtype"),
        (lambda: flambeau.ones(2).sum(1), IndexError, r"expected to be in range of \[-1, 0\], but got 1"),
        (lambda: flambeau.ones(2, 3).reshape(4), RuntimeError, r"shape '\[4\]' is invalid for input of size 6"),
        (lambda: flambeau.ones(2, 3).t().view(6), RuntimeError, "reshape"),
        (lambda: flambeau.arange(3).mean(), RuntimeError, "floating point or complex"),
        (lambda: flambeau.cat([]), ValueError, "non-empty"),
        (
            lambda: flambeau.cat([flambeau.ones(2, 3), flambeau.ones(3, 2)]),
            RuntimeError,
            "Sizes of tensors must match except in dimension 0",
        ),
        (lambda: flambeau.stack([flambeau.ones(2), flambeau.ones(3)]), RuntimeError, "equal size"),
        (lambda: flambeau.ones(2) + "a", TypeError, "unsupported operand type"),
        (lambda: flambeau.ones(3).expand(2), RuntimeError, r"expanded size of the tensor \(2\) must match the existing size \(3\)"),
        (lambda: bool(flambeau.ones(2)), RuntimeError, "ambiguous"),
        (lambda: flambeau.ones(2).item(), RuntimeError, "2 elements cannot be converted to Scalar"),
        (lambda: flambeau.zeros(-1), RuntimeError, "negative dimension"),
        (lambda: flambeau.ones(2).max(3), IndexError, "Dimension out of range"),
        (lambda: flambeau.ones(2).softmax(3), IndexError, r"range of \[-1, 0\], but got 3"),
    (lambda: flambeau.ones(2).var(3), IndexError, r"range of \[-1, 0\], but got 3"),
    (lambda: flambeau.ones(2).argmax(3), IndexError, r"range of \[-1, 0\], but got 3"),
    (lambda: flambeau.zeros(0).max(), RuntimeError, "numel"),
        (lambda: flambeau.einsum("ij,jk->ik", flambeau.ones(2, 3), flambeau.ones(2, 3)), RuntimeError, "subscript j has size 2"),
        (lambda: flambeau.ones(4).split(0), RuntimeError, "split_size"),
        (lambda: flambeau.ones(2).to("cuda"), RuntimeError, "CuPy|CUDA"),
    ],
)
def test_errors_say_what_was_expected(call, error, words):
    with pytest.raises(error, match=words):
        call()


class _Numbers:
    def __len__(self):
        return 2

    def __getitem__(self, i):
        return (1.5, 2)[i]


def test_sequences_of_any_kind():
    assert flambeau.tensor(deque([1, 2])).tolist() == [1, 2] == flambeau.tensor(array("l", [1, 2])).tolist()
    assert flambeau.tensor(_Numbers()).tolist() == [1.5, 2.0] and flambeau.tensor([_Numbers(), deque([1, 2])]).shape == (2, 2)


@pytest.mark.parametrize(("data", "dtype", "error", "words"), [
    ((x for x in ()), None, RuntimeError, "Could not infer dtype of generator"),
    (None, None, RuntimeError, "Could not infer dtype of NoneType"),
    ({1: 2}.values(), None, RuntimeError, "Could not infer dtype of dict_values"),
    ([None], flambeau.float32, TypeError, "must be real number, not NoneType"),
    ([{}], flambeau.int64, TypeError, "'dict' object cannot be interpreted as an integer"),
])  # fmt: skip
def test_what_is_no_number(data, dtype, error, words):
    with pytest.raises(error, match=words):
        flambeau.tensor(data, dtype=dtype)


@pytest.mark.parametrize(("data", "error", "words"), [
    ([np.ones((3, 3)), np.ones((3, 0))], ValueError, r"expected sequence of length 3 at dim 2 \(got 0\)"),
    ([[[1, 2]], [[1], [2]]], ValueError, r"expected sequence of length 1 at dim 1 \(got 2\)"),
    ([1, [2, 3]], TypeError, "'list' object cannot be interpreted as an integer"),
    ([1.0, [2, 3]], TypeError, "must be real number, not list"),
    ([[1, 2], 3], TypeError, "not a sequence"),
])  # fmt: skip
def test_rows_that_are_no_table(data, error, words):
    with pytest.raises(error, match=words):
        flambeau.tensor(data)


def test_limits_of_one_dtype_are_equal():
    assert flambeau.finfo(flambeau.float32) == flambeau.finfo() != flambeau.finfo(flambeau.float64)
    assert flambeau.iinfo(flambeau.int8) == flambeau.iinfo(flambeau.int8) != flambeau.iinfo(flambeau.uint8)
    assert len({flambeau.finfo(), flambeau.finfo(flambeau.float32)}) == 1


def test_only_floats_have_complex_numbers_of_them():
    assert flambeau.bfloat16.to_complex() is flambeau.complex64 and flambeau.complex128.to_complex() is flambeau.complex128
    for kind in (flambeau.int32, flambeau.bool, flambeau.float8_e5m2):
        with pytest.raises(RuntimeError, match="Unknown Complex ScalarType"):
            kind.to_complex()
