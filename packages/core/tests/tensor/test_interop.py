"""Memory shared with NumPy and others: the array protocol, DLPack, buffers, copies and pickles."""
from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import flambeau
from flambeau.utils.dlpack import from_dlpack, to_dlpack

NARROW = [flambeau.bfloat16, flambeau.float8_e4m3fn, flambeau.float8_e5m2]
DTYPES = [flambeau.bool, flambeau.uint8, flambeau.int64, flambeau.float16, flambeau.float32, flambeau.complex128]


class Exporter:
    """Another library's array, with or without DLPack 1.0."""

    def __init__(self, array, old: bool = False):
        self.array, self.old = array, old

    def __dlpack__(self, *, stream=None, **options):
        if self.old and options:
            raise TypeError("unexpected keyword argument")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return (1, 0)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dlpack_shares_memory_both_ways(dtype, old):
    x = flambeau.ones(2, 3, dtype=dtype).t()
    array = np.from_dlpack(x)
    assert array.dtype == dtype.numpy and array.strides == x.numpy().strides and np.shares_memory(array, x.numpy())
    y = flambeau.from_dlpack(Exporter(x.numpy(), old))
    assert y.dtype is dtype and y.stride() == x.stride()
    y.zero_()
    assert not x.any()


@pytest.mark.parametrize("version", [None, (1, 0)])
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_dlpack_of_what_numpy_has_not(dtype, version):
    x = flambeau.tensor([1.0, -2.0], dtype=dtype)
    y = from_dlpack(x.__dlpack__(max_version=version))
    assert y.dtype is dtype and y.tolist() == [1.0, -2.0] and y.data_ptr() == x.data_ptr()


def test_dlpack_refusals():
    x = flambeau.ones(2)
    capsule = to_dlpack(x)
    from_dlpack(capsule)
    for call, error, words in [
        (lambda: from_dlpack(capsule), RuntimeError, "one use"),
        (lambda: from_dlpack(5), TypeError, "__dlpack__"),
        (lambda: flambeau.ones(2, requires_grad=True).__dlpack__(), BufferError, "require gradient"),
        (lambda: x.__dlpack__(stream=1), AssertionError, "stream"),
        (lambda: x.__dlpack__(dl_device=(2, 0), copy=False), BufferError, "dl_device"),
        (lambda: x.__dlpack__(dl_device=(99, 0)), BufferError, "dl_device"),
        (lambda: flambeau.empty(2, device="meta").__dlpack__(), BufferError, "no memory"),
        (lambda: from_dlpack(x, device="meta", copy=False), ValueError, "without copying"),
    ]:
        with pytest.raises(error, match=words):
            call()
    assert not np.shares_memory(np.from_dlpack(x, copy=True), x.numpy())
    assert from_dlpack(x, copy=True).data_ptr() != x.data_ptr()


def test_asarray_shares_where_it_can():
    x, array, octets = flambeau.ones(2), np.ones(2), bytearray(8)
    assert flambeau.asarray(x) is x and flambeau.asarray(x, copy=False) is x and flambeau.asarray(x, copy=True) is not x
    assert np.shares_memory(flambeau.asarray(array).numpy(), array)
    assert np.shares_memory(flambeau.asarray(Exporter(array)).numpy(), array)
    flambeau.asarray(octets, dtype=flambeau.int32).fill_(-1)
    assert octets == b"\xff" * 8
    assert flambeau.asarray(np.float32(2)).dtype is flambeau.float32 and flambeau.asarray([1, 2.0]).dtype is flambeau.float32
    assert flambeau.asarray([1.0], requires_grad=True).is_leaf


@pytest.mark.parametrize("call", [lambda: flambeau.asarray([1.0], copy=False),
                                  lambda: flambeau.asarray(flambeau.ones(1), dtype=flambeau.int8, copy=False),
                                  lambda: flambeau.asarray(np.ones(1), device="meta", copy=False)])  # fmt: skip
def test_asarray_never_copies_when_told(call):
    with pytest.raises(ValueError, match="alias"):
        call()


@pytest.mark.parametrize(("arguments", "words"), [({"offset": 8}, "offset"), ({"offset": -1}, "offset"), ({"count": 0}, "count"),
                                                  ({"count": 5}, "buffer"), ({"offset": 5}, "buffer")])  # fmt: skip
def test_frombuffer_refuses(arguments, words):
    with pytest.raises(ValueError, match=words):
        flambeau.frombuffer(bytearray(8), dtype=flambeau.int32, **arguments)


def test_operators_with_arrays_are_pytorchs():
    x, array = flambeau.ones(2), np.full(2, 2.0)
    for made, wanted in [(x + array, [3.0, 3.0]), (x - array, [-1.0, -1.0]), (x // array, [0.0, 0.0]), (x**array, [1.0, 1.0]),
                         (np.add(array, x), [3.0, 3.0]), (np.sqrt(x), [1.0, 1.0])]:  # fmt: skip
        assert type(made) is flambeau.Tensor and made.tolist() == wanted
    assert (x + array).dtype is flambeau.float64 and (np.float64(2) + x).dtype is flambeau.float32
    assert np.greater(x, 0).dtype is flambeau.uint8 and (x == np.array([1.0, 2.0])).tolist() == [True, False]
    assert (x + flambeau.asarray(array)).tolist() == [3.0, 3.0]
    with pytest.raises(TypeError):
        array + x
    with pytest.raises(TypeError):
        flambeau.add(x, array)
    with pytest.raises(TypeError, match="unsupported operand"):
        x + "a"
    with pytest.raises(RuntimeError, match="requires grad"):
        flambeau.ones(2, requires_grad=True) + array


def test_keys_of_numpy():
    x = flambeau.arange(12).reshape(3, 4)
    assert x[np.array([0, 1]), np.int64(2)].tolist() == [2, 6] and x[:, np.array([0, 1])].shape == (3, 2)
    assert x[np.array(1)].tolist() == [4, 5, 6, 7] and x[np.arange(3) > 1].shape == (1, 4)
    assert x.sum(np.int64(0)).shape == (4,) and np.arange(5)[flambeau.tensor([1, 2])].tolist() == [1, 2]
    with pytest.raises(IndexError):
        x[1.5]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))], ids=["deepcopy", "pickle"])  # noqa: S301
def test_copies_keep_layout_attributes_and_shared_memory(again):
    x = flambeau.arange(6.0)
    x.tag = ["told"]
    whole, turned, part = again([x, x.reshape(2, 3).t(), x[1:3]])
    assert whole.tag == ["told"] and whole.tag is not x.tag and turned.stride() == (1, 3) and part.storage_offset() == 1
    part.fill_(7)
    assert whole.tolist() == [0, 7, 7, 3, 4, 5] and turned.tolist() == [[0, 3], [7, 4], [7, 5]] and x[1] == 1
    assert again(flambeau.ones(2, 1).expand(2, 3)).stride() == (1, 0) and again(flambeau.ones(0, 3)).shape == (0, 3)
    assert again(flambeau.nn.Parameter(x)).requires_grad


def test_copy_shares_memory():
    x = flambeau.ones(2, requires_grad=True)
    assert copy.copy(x).data_ptr() == x.data_ptr() and copy.copy(x).requires_grad and copy.copy(x * 2).is_leaf


def test_sparse_tensors_have_no_capsule():
    with pytest.raises(BufferError, match="layout other than"):
        flambeau.ones(2, 2).to_sparse().__dlpack__()


@pytest.mark.parametrize("name", ["uint8", "int16", "int32", "float32", "complex64"])
def test_dtypes_of_numpys_own_making(name):
    """newbyteorder and pickle make a dtype that is equal, but another object, and gone with its array."""
    usual = np.dtype(name)
    for other in ("int64", "float64", name):
        array = np.zeros(2, np.dtype(other).newbyteorder("="))
        assert flambeau.from_numpy(array).dtype is getattr(flambeau, other)
        del array
    again = pickle.loads(pickle.dumps(np.array([0, 2], usual)))  # noqa: S301
    x = flambeau.from_numpy(again)
    assert x.array.dtype is usual and np.shares_memory(x.numpy(), again)
    assert pickle.loads(pickle.dumps(x)).array.dtype is usual  # noqa: S301
    assert x.any().dtype is (flambeau.uint8 if name == "uint8" else flambeau.bool)
