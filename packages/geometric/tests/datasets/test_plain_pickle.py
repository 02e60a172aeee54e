"""The reader of Python 2 pickles: what it builds, and that nothing else is built and nothing is ever called."""

from __future__ import annotations

import os
import pickle
import pickletools
import struct

import numpy as np
import pytest

from flambeau_geometric.datasets import plain_pickle
from flambeau_geometric.datasets.plain_pickle import UnpicklingError, loads

NDARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"


def text(raw: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(raw)) + raw


def dtype(code: str, order: str = "<") -> bytes:
    made = b"cnumpy\ndtype\n" + text(code.encode()) + b"K\x00K\x01\x87R"
    return made + b"(K\x03" + text(order.encode()) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def number(n: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", n)


def array(values: np.ndarray, shape: tuple[int, ...] | None = None, fortran: bool = False) -> bytes:
    """What Python 2's NumPy wrote for `values`, but for the memo; `shape` may lie."""
    shape = values.shape if shape is None else shape
    sizes = b"(" + b"".join(number(n) for n in shape) + b"t"
    raw = values.tobytes("F" if fortran else "C")
    code = values.dtype.str
    return NDARRAY + b"(K\x01" + sizes + dtype(code[1:], code[0]) + (b"\x88" if fortran else b"\x89") + text(raw) + b"tb"


def csr(rows: int, columns: int, indptr: object, indices: object, data: object) -> bytes:
    parts = {"indptr": np.asarray(indptr, "<i4"), "indices": np.asarray(indices, "<i4"), "data": np.asarray(data, "<f4")}
    state = b"}(U\x06_shape" + number(rows) + number(columns) + b"\x86"
    state += b"".join(text(name.encode()) + array(part) for name, part in parts.items()) + b"u"
    return b"cscipy.sparse.csr\ncsr_matrix\n)\x81" + state + b"b"


def pickled(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


@pytest.mark.parametrize("code", ["|b1", "|i1", "<i4", ">i4", "<i8", "|u1", "<f2", "<f4", ">f8"])
@pytest.mark.parametrize("fortran", [False, True])
def test_arrays_come_back(code: str, fortran: bool) -> None:
    values = np.arange(6).reshape(2, 3).astype(code)
    read = loads(pickled(array(values, fortran=fortran)))
    assert read.dtype == values.dtype
    assert np.array_equal(read, values)


def test_sparse_matrix_comes_back_full_and_adds_up_what_stands_twice() -> None:
    read = loads(pickled(csr(3, 4, [0, 2, 2, 4], [3, 1, 0, 0], [5, 6, 7, 8])))
    assert read.tolist() == [[0, 6, 0, 5], [0, 0, 0, 0], [15, 0, 0, 0]]


def test_plain_values_come_back() -> None:
    plain = {1: [2, 3, 70000, -5, 2**40], "two": [None, True, False, 1.5, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "three": {}}
    assert loads(pickle.dumps(plain, protocol=2)) == plain


def test_defaultdict_is_a_dict() -> None:
    read = loads(pickled(b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R(K\x01](K\x02K\x03eu"))
    assert read == {1: [2, 3]}
    assert type(read) is dict


def test_numpy_scalar_is_a_number() -> None:
    assert loads(pickled(b"cnumpy.core.multiarray\nscalar\n" + dtype("i4") + text(b"\x07\0\0\0") + b"\x86R")) == 7


def test_bytes_are_latin1() -> None:
    assert loads(pickled(text(b"\xe9t\xe9"))) == "été"


class Touch:
    """Pickles to a call that would leave a trace."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, exec, open, os.mkdir, __import__, getattr, np.load], ids=lambda f: f.__name__)
def test_calls_are_refused_and_not_made(function: object, protocol: int, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = {os.system: "touch trace", eval: "open('trace', 'w')", exec: "open('trace', 'w')", os.mkdir: "trace"}
    hostile = pickle.dumps(Touch(function, arguments.get(function, "trace")), protocol)
    with pytest.raises(UnpicklingError, match="refused|protocol 2"):
        loads(hostile)
    assert os.listdir() == []


@pytest.mark.parametrize("name", ["posix system", "builtins eval", "__builtin__ eval", "numpy.core.multiarray fromfile", "os  "])
def test_a_refused_name_is_told(name: str) -> None:
    module, attribute = name.split(" ", 1)
    with pytest.raises(UnpicklingError, match=r"refused the name .*only NumPy arrays, SciPy CSR matrices"):
        loads(pickled(f"c{module}\n{attribute}\n".encode()))


REFUSED_CALLS = {
    "ndarray of any shape": b"cnumpy\nndarray\n" + number(2**40) + b"\x85\x85R",
    "dtype as a function": b"cnumpy\ndtype\n)R",
    "reconstruct of another class": b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85U\x01b\x87R",
    "defaultdict of another factory": b"ccollections\ndefaultdict\ncnumpy\nndarray\n\x85R",
    "a list from an argument": b"c__builtin__\nlist\n](K\x01e\x85R",
    "a number": b"K\x01)R",
    "a result": NDARRAY + b")R",
    "text that reads like a name": text(b"collections defaultdict") + b"c__builtin__\nlist\n\x85R",
    "a scalar of too few bytes": b"cnumpy.core.multiarray\nscalar\n" + dtype("i4") + text(b"\x07") + b"\x86R",
}


@pytest.mark.parametrize("body", REFUSED_CALLS.values(), ids=REFUSED_CALLS)
def test_known_names_are_called_in_no_other_way(body: bytes) -> None:
    with pytest.raises(UnpicklingError, match="refused to call"):
        loads(pickled(body))


@pytest.mark.parametrize("code", ["O", "O8", "V4", "S10", "U3", "M8[ns]", "c16", "i3", "", "i4,i4", "object"])
def test_dtypes_but_of_plain_numbers_are_refused(code: str) -> None:
    with pytest.raises(UnpicklingError, match="expected a dtype of plain numbers"):
        loads(pickled(b"cnumpy\ndtype\n" + text(code.encode()) + b"K\x00K\x01\x87R"))


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(UnpicklingError, match="refused the name"):
        loads(pickle.dumps(np.array([Touch(os.system, "true"), None], dtype=object), protocol=2))
    listed = NDARRAY + b"(K\x01K\x01\x85" + dtype("i4") + b"\x89](K\x01etb"
    with pytest.raises(UnpicklingError, match="arrays of objects are not read"):
        loads(pickled(listed))


BAD_ARRAYS = {
    "bytes missing": (array(np.zeros(4, "<i4"), shape=(5,)), "needs 20 bytes, the file holds 16"),
    "bytes left": (array(np.zeros(4, "<i4"), shape=(3,)), "needs 12 bytes, the file holds 16"),
    "huge": (array(np.zeros(4, "<i4"), shape=(2**31 - 1, 2**31 - 1)), "the file holds 16"),
    "size past 2**31": (array(np.zeros(0, "<i4"), shape=(0, 2**40)), "sizes from 0 to"),
    "negative": (array(np.zeros(4, "<i4"), shape=(-2, -2)), "sizes from 0 to"),
    "three dimensions": (array(np.zeros((1, 1, 1), "<i4")), "at most two dimensions"),
    "no state": (NDARRAY + b"Nb", "expected an array's state"),
    "dtype with fields": (b"cnumpy\ndtype\n" + text(b"i4") + b"K\x00K\x01\x87R(K\x03U\x01<N}NK\x00K\x00K\x00tb", "without fields"),
}


@pytest.mark.parametrize(("body", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_do_not_add_up(body: bytes, message: str) -> None:
    with pytest.raises(UnpicklingError, match=message):
        loads(pickled(body))


BAD_MATRICES = {
    "too large": (csr(1, 2**40, [0, 0], [], []), "at most"),
    "negative": (csr(-1, 2, [0], [], []), "at most"),
    "indptr short": (csr(2, 2, [0, 1], [0], [1]), "expected indptr to rise"),
    "indptr falls": (csr(2, 2, [0, 2, 1], [0], [1]), "expected indptr to rise"),
    "indptr past the end": (csr(1, 2, [0, 2], [0], [1]), "expected indptr to rise"),
    "values missing": (csr(1, 2, [0, 2], [0, 1], [1]), "expected indptr to rise"),
    "column too large": (csr(1, 2, [0, 1], [2], [1]), "expected columns from 0 to 1, got 2"),
    "column negative": (csr(1, 2, [0, 1], [-1], [1]), "expected columns from 0 to 1, got -1"),
    "fractional columns": (csr(1, 2, [0, 1], [0], [1]).replace(b"i4", b"f4"), "whole numbers"),
    "no arrays": (b"cscipy.sparse.csr\ncsr_matrix\n)\x81}b", "expected a sparse matrix's attributes"),
    "attributes no dict": (b"cscipy.sparse.csr\ncsr_matrix\n)\x81Nb", "expected a sparse matrix's attributes"),
}


@pytest.mark.parametrize(("body", "message"), BAD_MATRICES.values(), ids=BAD_MATRICES)
def test_sparse_matrices_that_are_none(body: bytes, message: str) -> None:
    with pytest.raises(UnpicklingError, match=message):
        loads(pickled(body))


BAD_PROGRAMS = {
    "empty": (b"", "damaged or truncated"),
    "not a pickle": (b"<html>", "damaged or truncated"),
    "no STOP": (b"\x80\x02K\x01", "damaged or truncated"),
    "nothing left": (b"\x80\x02.", "with 0 values, not one"),
    "two left": (pickled(b"K\x01K\x02"), "with 2 values, not one"),
    "more after STOP": (pickled(b"K\x01") + b"K\x02.", "the pickle ends at byte 5 of 8"),
    "protocol 4": (pickle.dumps([1], protocol=4), "expected a pickle of protocol 2"),
    "opcode of protocol 0": (pickled(b"I1\n"), "refused the pickle opcode INT"),
    "INST": (pickled(b"(ios\nsystem\n"), "refused the pickle opcode INST"),
    "OBJ": (pickled(b"(cos\nsystem\no"), "refused the name 'os.system'"),
    "persistent id": (pickled(b"Pos.system\n"), "refused the pickle opcode PERSID"),
    "extension registry": (pickled(b"\x82\x01"), "refused the pickle opcode EXT1"),
    "stack underflow": (pickled(b"K\x01\x87"), "takes more values than the stack holds"),
    "reach below a mark": (pickled(b"K\x01(\x85t"), "takes more values than the stack holds"),
    "no mark": (pickled(b"K\x01t"), "damaged or truncated"),
    "memo never put": (pickled(b"h\x07"), "damaged or truncated"),
    "append to a number": (pickled(b"K\x01K\x02a"), "expected a list to append to, got int"),
    "set in a list": (pickled(b"]K\x01K\x02s"), "expected a dict to fill, got list"),
    "a key without value": (pickled(b"}(K\x01u"), "damaged or truncated"),
    "a tuple as a key": (pickled(b"})K\x02s"), "expected keys of a dict to be int or str, got tuple"),
    "a list as a key": (pickled(b"}]K\x02s"), "expected keys of a dict to be int or str, got list"),
    "build of a name": (pickled(b"c__builtin__\nlist\n}U\x08__code__K\x01sb"), "expected an array, a dtype or a sparse matrix to build"),
    "build of a dict": (pickled(b"}}b"), "expected an array, a dtype or a sparse matrix to build, got dict"),
    "text longer than the file": (pickled(b"T\xff\xff\xff\x7fabc"), "damaged or truncated"),
}


@pytest.mark.parametrize(("data", "message"), BAD_PROGRAMS.values(), ids=BAD_PROGRAMS)
def test_damaged_pickles(data: bytes, message: str) -> None:
    with pytest.raises(UnpicklingError, match=message):
        loads(data)


def test_every_truncation_is_told() -> None:
    whole = pickled(csr(2, 3, [0, 1, 2], [0, 2], [1, 2]))
    for length in range(len(whole)):
        with pytest.raises(UnpicklingError):
            loads(whole[:length])


def test_every_flipped_byte_reads_or_is_told() -> None:
    whole = bytearray(pickled(array(np.arange(4, dtype="<i4"))))
    for place in range(len(whole)):
        damaged = whole.copy()
        damaged[place] ^= 0xFF
        try:
            loads(bytes(damaged))
        except UnpicklingError:
            continue


@pytest.mark.parametrize("nest", [b"]" * 50_000 + b"a" * 49_999, b")" + b"\x85" * 50_000], ids=["lists", "tuples"])
def test_deep_nesting_overflows_no_stack(nest: bytes) -> None:
    value = loads(pickled(nest))
    assert len(value) == 1
    with pytest.raises(UnpicklingError):
        loads(pickled(b"}" + nest + b"K\x01s"))


def test_a_list_of_itself_is_no_trap() -> None:
    value = loads(pickled(b"]q\x00h\x00a"))
    assert value[0] is value


def test_opcodes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_OPCODES", 1000)
    with pytest.raises(UnpicklingError, match="more than 1000 opcodes"):
        loads(pickled(b"(" + b"K\x01" * 1000 + b"t"))


def test_only_opcodes_that_exist_are_listed() -> None:
    assert set(plain_pickle.STEPS) < {opcode.name for opcode in pickletools.opcodes}
