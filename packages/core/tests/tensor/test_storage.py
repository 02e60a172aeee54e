"""Storages: what PyTorch 2.13 answers, and what of it arrays cannot do."""

from __future__ import annotations

import copy
import warnings

import pytest

import flambeau


@pytest.fixture
def x():
    return flambeau.arange(6.0)


def test_bytes_and_elements_are_the_tensors_memory(x):
    typed, bytes_ = x[2:].typed_storage(), x[2:].untyped_storage()
    assert (typed[0], typed[-1], len(typed), typed.nbytes(), typed.element_size(), typed.dtype) == (0.0, 5.0, 6, 24, 4, flambeau.float32)
    assert (bytes_.tolist()[4:8], len(bytes_), bytes_.element_size(), bytes_.data_ptr()) == ([0, 0, 128, 63], 24, 1, x.data_ptr())
    assert str(typed).endswith("5.0\n[flambeau.storage.TypedStorage(dtype=flambeau.float32, device=cpu) of size 6]")
    assert str(bytes_[1:3]) == " 0\n 0\n[flambeau.storage.UntypedStorage(device=cpu) of size 2]"
    assert bytes_ == x.untyped_storage() and bytes_ != bytes_.clone() and bytes_ != typed
    assert flambeau.is_storage(typed) and flambeau.is_storage(bytes_)
    assert bytes(x.untyped_storage()) == x.numpy().tobytes()


def test_writes_are_seen_by_the_tensor(x):
    typed, bytes_ = x.typed_storage(), x.untyped_storage()
    typed[0] = 7.5
    typed[1:3] = 3
    assert x.tolist() == [7.5, 3, 3, 3, 4, 5]
    bytes_[0:4] = 0
    bytes_[4] = 300
    assert x[0] == 0 and bytes_[4] == 44
    typed.fill_(2)
    assert x.tolist() == [2] * 6
    bytes_.copy_(flambeau.arange(6, dtype=flambeau.int32).untyped_storage())
    assert x.view(flambeau.int32).tolist() == list(range(6))
    bytes_.byteswap(flambeau.int32)
    assert x.view(flambeau.int32).tolist() == [n << 24 for n in range(6)]


def test_storages_of_their_own():
    assert flambeau.UntypedStorage([1, 2, 300]).tolist() == [1, 2, 44] and len(flambeau.UntypedStorage()) == 0
    floats = flambeau.FloatStorage([1, 2])
    assert type(floats) is flambeau.TypedStorage and isinstance(floats, flambeau.FloatStorage)
    assert not isinstance(floats, flambeau.DoubleStorage)
    assert (floats.type(), floats.pickle_storage_type()) == ("flambeau.FloatStorage", "FloatStorage")
    assert floats.double().type() == "flambeau.DoubleStorage"
    assert floats.type("flambeau.LongStorage").tolist() == [1, 2] and floats.float() == floats
    assert flambeau.TypedStorage(wrap_storage=floats.untyped(), dtype=flambeau.int32).tolist() == [0x3F800000, 0x40000000]
    assert flambeau.TypedStorage(3, dtype=flambeau.float64).nbytes() == 24
    assert flambeau.FloatStorage(wrap_storage=floats.untyped()).tolist() == [1, 2]
    assert flambeau.ones(2).storage_type() is flambeau.FloatStorage
    assert copy.deepcopy(floats).tolist() == [1, 2] and copy.deepcopy(floats) != floats
    assert flambeau.ones(2, dtype=flambeau.bfloat16).typed_storage().tolist() == [1.0, 1.0]


def test_a_storage_that_is_nobodys_grows_and_one_below_tensors_says_that_it_cannot(x):
    own = flambeau.UntypedStorage([1, 2, 3])
    assert own.resize_(2).tolist() == [1, 2] and own.resize_(4).tolist()[:2] == [1, 2] and own.resizable()
    assert x.untyped_storage().resize_(24).nbytes() == 24
    with pytest.raises(RuntimeError, match="not resizable"):
        x.untyped_storage().resize_(32)
    used = flambeau.FloatStorage([1, 2])
    assert flambeau.empty(0).set_(used).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="not resizable"):
        used.resize_(3)
    part = own[1:3]
    with pytest.raises(RuntimeError, match="not resizable"):
        part.resize_(9)
    with pytest.raises(RuntimeError, match="not resizable"):
        own.resize_(9)  # the part lies in it


def test_tensors_are_set_to_storages(x):
    y = flambeau.empty(0, dtype=flambeau.uint8).set_(x.untyped_storage())
    assert y.shape == (24,) and y.data_ptr() == x.data_ptr()
    assert flambeau.empty(0).set_(x.untyped_storage(), 1, (2, 2), (1, 2)).tolist() == [[1, 3], [2, 4]]
    with pytest.raises(RuntimeError, match="Could not set tensor"):
        flambeau.empty(0, dtype=flambeau.int64).set_(x.typed_storage())


def test_meta_has_sizes_and_no_values():
    memory = flambeau.ones(2, device="meta").untyped_storage()
    assert str(memory) == "...\n[flambeau.storage.UntypedStorage(device=meta) of size 8]"
    with pytest.raises(NotImplementedError, match="Not available for 'meta' device type"):
        memory[0]


@pytest.mark.parametrize("wrong, error, words", [
    (lambda s, u: s[1:3], RuntimeError, "slices are only supported in UntypedStorage.__getitem__"),
    (lambda s, u: s[1.5], RuntimeError, "can't index a <class 'flambeau.storage.TypedStorage'> with <class 'float'>"),
    (lambda s, u: s[7], IndexError, "index 7 out of range for storage of size 6"),
    (lambda s, u: u[99], IndexError, "index 99 out of range for storage of size 24"),
    (lambda s, u: u["a"], TypeError, "can't index a flambeau.UntypedStorage with str"),
    (lambda s, u: u[::2], RuntimeError, "Trying to slice with a step of 2, but only a step of 1 is supported"),
    (lambda s, u: u.__setitem__(0, 1.5), RuntimeError, "can only set storage content with an int type"),
    (lambda s, u: s.copy_(flambeau.ones(3).typed_storage()), RuntimeError, "size does not match, self was 24 bytes but src was 12 bytes"),
    (lambda s, u: s.copy_([1]), TypeError, "must be flambeau.Storage, not list"),
    (lambda s, u: flambeau.UntypedStorage(-1), RuntimeError, "at least 0"),
    (lambda s, u: flambeau.FloatStorage(2, 3), RuntimeError, "2 arguments"),
    (lambda s, u: flambeau.FloatStorage(2, dtype=flambeau.int8), RuntimeError, "of its own"),
    (lambda s, u: flambeau.TypedStorage(wrap_storage=u), RuntimeError, "'dtype' must be specified"),
    (lambda s, u: flambeau.TypedStorage(wrap_storage=s, dtype=flambeau.int8), TypeError, "must be UntypedStorage"),
    (lambda s, u: flambeau.TypedStorage("abc"), TypeError, "Argument type not recognized"),
])  # fmt: skip
def test_errors(x, wrong, error, words):
    with pytest.raises(error) as caught:
        wrong(x.typed_storage(), x.untyped_storage())
    assert words in str(caught.value)


def test_storage_of_a_tensor_warns(x):
    with pytest.warns(UserWarning, match="TypedStorage is deprecated"):
        assert x.storage().tolist() == [0, 1, 2, 3, 4, 5]


def test_variable_is_a_tensor_without_history():
    Variable = flambeau.autograd.Variable
    a = flambeau.ones(2, requires_grad=True)
    assert isinstance(a, Variable) and not isinstance([1], Variable)
    b = Variable(a)
    assert not b.requires_grad and b is not a and b.data_ptr() == a.data_ptr()
    assert Variable(a * 2, requires_grad=True).is_leaf and Variable().shape == (0,)
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        Variable([1, 2])
    with warnings.catch_warnings(), pytest.raises(ValueError, match="volatile"):
        warnings.simplefilter("ignore")
        Variable(a, True, True)


def test_fork_rng():
    fork = flambeau.random.fork_rng

    @fork(devices=[])
    def drawn():
        return flambeau.rand(2).tolist()

    flambeau.manual_seed(1)
    here = flambeau.get_rng_state()
    first = drawn()
    assert drawn() == first and flambeau.equal(flambeau.get_rng_state(), here)
    with pytest.raises(KeyError), fork():
        flambeau.rand(3)
        raise KeyError
    assert flambeau.equal(flambeau.get_rng_state(), here)
    with fork(enabled=False):
        flambeau.rand(3)
    assert not flambeau.equal(flambeau.get_rng_state(), here)


def test_names_of_scripts():
    assert flambeau.hub.get_dir() and flambeau.utils.model_zoo.load_url is flambeau.hub.load_state_dict_from_url
    assert flambeau.functional.einsum is flambeau.einsum
    assert not [name for name in dir(flambeau.functional) if not hasattr(flambeau.functional, name)]
    assert isinstance(1.5, flambeau.types._Number) and isinstance(1.5, flambeau.types.Number) and flambeau.types.Device
    assert flambeau.storage.UntypedStorage is flambeau.UntypedStorage
    with pytest.raises(AttributeError):
        flambeau.functional.nothing  # noqa: B018


def test_tensors_over_storages():
    floats = flambeau.FloatStorage([1, 2])
    shares, copies = flambeau.FloatTensor(floats), flambeau.tensor(floats)
    floats[0] = 5.0
    assert shares.tolist() == [5.0, 2.0] == flambeau.Tensor(floats).tolist() and copies.tolist() == [1.0, 2.0]
    assert flambeau.tensor(floats.untyped(), dtype=flambeau.float32).tolist() == [5.0, 2.0]
    assert flambeau.tensor(floats.untyped()).dtype is flambeau.int64
    with pytest.raises(RuntimeError, match="Expected a Storage of type float64 or an UntypedStorage, but got type float32"):
        flambeau.DoubleTensor(floats)


def test_storages_of_buffers():
    bytes_ = bytearray(range(8))
    found = flambeau.ByteStorage.from_buffer(bytes_)
    bytes_[0] = 99
    assert found.tolist() == list(range(8)) and flambeau.ByteTensor(found)[3] == 3
    assert flambeau.UntypedStorage.from_buffer(b"ab", dtype=flambeau.uint8).tolist() == [97, 98]
    assert flambeau.ShortStorage.from_buffer(bytes(range(8)), "big").tolist() == [1, 515, 1029, 1543]
    assert flambeau.ShortStorage.from_buffer(bytes(range(8)), "little", 2, 2).tolist() == [770, 1284]
    assert flambeau.ComplexFloatStorage.from_buffer(b"\x3f\x80\0\0" * 2, "big").tolist() == [1 + 1j]


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: flambeau.UntypedStorage.from_buffer(b"ab"), RuntimeError, "'dtype' cannot be None"),
    (lambda: flambeau.ShortStorage.from_buffer(b"ab"), RuntimeError, "missing required argument 'byte_order'"),
    (lambda: flambeau.ShortStorage.from_buffer(b"ab", "middle"), ValueError, "invalid byte_order 'middle'"),
    (lambda: flambeau.ShortStorage.from_buffer(b"abc", "little"), ValueError, "must be a multiple of element size"),
    (lambda: flambeau.ByteStorage.from_buffer(b"ab", count=3), ValueError, "has only 2 elements after offset 0"),
    (lambda: flambeau.ByteStorage.from_buffer(b"ab", offset=3), ValueError, "offset must be non-negative"),
    (lambda: flambeau.ByteStorage.from_buffer("ab"), TypeError, "a bytes-like object is required"),
])  # fmt: skip
def test_buffers_that_do_not_fit(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_storages_of_files(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(bytes(8))
    floats = flambeau.FloatStorage.from_file(str(path), shared=True, size=2)
    floats[1] = 1.5
    assert path.read_bytes()[4:] == b"\0\0\xc0\x3f" and floats.filename == str(path)
    private = flambeau.UntypedStorage.from_file(str(path), nbytes=8)
    private[0] = 1
    assert private.tolist()[0] == 1 and path.read_bytes()[0] == 0
    with pytest.raises(RuntimeError, match="unable to mmap 9 bytes"):
        flambeau.UntypedStorage.from_file(str(path), nbytes=9)


def test_the_oldest_name():
    import numpy as np

    assert flambeau.Storage is flambeau.FloatStorage and flambeau.Storage(np.int64(3)).size() == 3
