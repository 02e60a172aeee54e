"""Files that want to run something, take all memory, or lie: each is an error, and nothing happens."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import zipfile
import zlib
from collections import OrderedDict

import numpy as np
import pytest

import flambeau
from flambeau.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    load,
    safe_globals,
)
from flambeau.serialization import save as save_to

RAN = []


def trap(*args):
    RAN.append(args)


class Bomb:
    def __init__(self, function=os.system, args=("true",)):
        self.how = function, args

    def __reduce__(self):
        return self.how


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    RAN.clear()
    for module, name in ((os, "system"), (os, "popen"), (sys.modules["builtins"], "eval")):
        monkeypatch.setattr(module, name, trap)
    yield
    assert RAN == [], "something ran"


def zipped(content, records=None, root="archive", **changes):
    """A zip file of PyTorch's form around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", changes.get("compression", zipfile.ZIP_STORED)) as archive:
        archive.writestr(f"{root}/data.pkl", content)
        for name, data in (records or {}).items():
            archive.writestr(f"{root}/{name}", data)
        archive.writestr(f"{root}/version", "3\n")
    return file.getvalue()


def refused(content, message, kind=pickle.UnpicklingError, records=None, **options):
    with pytest.raises(kind, match=message):
        load(io.BytesIO(zipped(content, records)), **options)


def named(module, name):
    return b"\x80\x02c" + f"{module}\n{name}\n".encode()


def storage(key=b"0", count=b"K\x02", kind=b"ctorch\nFloatStorage\n", location=b"cpu"):
    return b"(X\x07\0\0\0storage" + kind + b"X\x01\0\0\0" + key + b"X" + struct.pack("<I", len(location)) + location + count + b"tQ"


def tensor(size=b"K\x02\x85", stride=b"K\x01\x85", offset=b"K\0", **how):
    head = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage(**how)
    return head + offset + size + stride + b"\x89ccollections\nOrderedDict\n)RtR."


NAMES = [
    ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "getattr"), ("subprocess", "Popen"),
    ("torch", "load"), ("torch.hub", "load"), ("functools", "partial"), ("operator", "attrgetter"), ("pickle", "loads"), ("numpy", "load"),
    ("torch.nn.modules.linear", "Linear"), ("flambeau", "load"), ("flambeau.tensor", "_rebuild"), ("types", "CodeType"), ("sys", "exit"),
    ("collections", "defaultdict"), ("numpy._core.multiarray", "_reconstruct"), ("torch._utils", "__builtins__"), ("torch.os", "system"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), NAMES)
@pytest.mark.parametrize("weights_only", [True, False])
def test_a_name_is_refused_before_anything_is_made(module, name, weights_only):
    call = named(module, name) + b"X\x04\0\0\0true\x85R."
    refused(call, f"names {module}.{name}".replace(".", r"\."), weights_only=weights_only)
    assert get_unsafe_globals_in_checkpoint(io.BytesIO(zipped(call))) == [f"{module}.{name}"]
    stacked = b"\x80\x04\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
    refused(stacked, f"names {module}.{name}".replace(".", r"\."), weights_only=weights_only)


@pytest.mark.parametrize("protocol", range(6))
def test_reduce_of_anything(protocol):
    for bomb in (Bomb(), [Bomb()], {"a": (Bomb(),)}, OrderedDict(a=Bomb(eval, ("1",))), Bomb(getattr, ("a", "b"))):
        refused(pickle.dumps(bomb, protocol), "names ")


def test_in_the_old_format():
    parts = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, Bomb(), [])]
    with pytest.raises(pickle.UnpicklingError, match=r"names (posix|nt|test_hostile|.*)\."):
        load(io.BytesIO(b"".join(parts)))
    for i in range(3):  # where the magic number and its fellows should be
        evil = [*parts[:i], pickle.dumps(Bomb(), 2), *parts[i + 1 :]]
        with pytest.raises(pickle.UnpicklingError, match="names "):
            load(io.BytesIO(b"".join(evil)))


TRICKS = {
    "an instance by INST": (b"\x80\x02(X\x04\0\0\0trueios\nsystem\n.", "instruction"),
    "an instance by OBJ": (b"\x80\x02(cos\nsystem\nX\x04\0\0\0trueo.", "names os.system"),
    "copyreg's extensions": (b"\x80\x02\x82\x01.", "instruction"),
    "out-of-band buffers": (b"\x80\x05\x97.", "instruction"),
    "a call of a number": (b"\x80\x02K\x01)R.", "calls 1"),
    "a call of a dtype": (b"\x80\x02ctorch\nfloat32\n)R.", "calls flambeau.float32"),
    "a call of a class of ours": (b"\x80\x02ctorch\nTensor\n)R.", "calls <class"),
    "a call of int with a long string": (b"\x80\x02c__builtin__\nint\nX\x01\0\0\x001\x85R.", "calls <class 'int'"),
    "arguments that are no tuple": (b"\x80\x02ccollections\nOrderedDict\n]R.", "as a tuple"),
    "state of a list": (b"\x80\x02]}b.", "sets the state of a list"),
    "state of a class": (b"\x80\x02ccollections\nOrderedDict\n}b.", "sets the state of a type"),
    "methods of a dict": (b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\0\0\0itemsNsb.", "attributes of an OrderedDict"),
    "the class of a dict": (b"\x80\x02ccollections\nOrderedDict\n)R}X\x09\0\0\0__class__Nsb.", "attributes of an OrderedDict"),
    "slots of a dict": (b"\x80\x02ccollections\nOrderedDict\n)RN}X\x01\0\0\0aNs\x86b.", "attributes of an OrderedDict"),
    "items of a list": (b"\x80\x02]K\x00Ns.", "no dict"),
    "appending to a dict": (b"\x80\x02}K\x00a.", "no list"),
    "a bytearray of a size": (b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.", "bytearray's content as bytes"),
    "a set of a tensor's class": (b"\x80\x02c__builtin__\nset\nK\x05\x85R.", "list of items"),
    "a codec that runs": (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R.", "latin1"),
    "a list as a key": (b"\x80\x02}]Ns.", "as a dict's key"),
    "a nest of tuples as a key": (b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.", "levels"),
    "tuples of tuples as a key": (b"\x80\x02})" + b"\x85" + b"2\x86" * 60 + b"Ns.", "parts"),
    "nothing on the stack": (b"\x80\x02R.", "cut short"),
    "a mark for a value": (b"\x80\x02(a.", "damaged"),
    "no mark": (b"\x80\x02u.", "without a mark"),
    "values left over": (b"\x80\x02NN.", "left over"),
    "memory that is not there": (b"\x80\x02h\x05.", "damaged"),
    "memory far away": (b"\x80\x02Nr\xff\xff\xff\xff0jN\0\0\0.", "damaged"),
    "a string of gigabytes": (b"\x80\x02X\xff\xff\xff\x7f.", "cut short"),
    "a string of exabytes": (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", "cut short"),
    "a string of negative length": (b"\x80\x02T\xff\xff\xff\xff.", "cut short"),
    "a number of a million digits": (b"\x80\x02L" + b"9" * 1_000_000 + b"L\n.", "damaged"),
    "a line without end": (b"\x80\x02c" + b"a" * 100_000, "end of a line"),
    "protocol 99": (b"\x80\x63N.", "protocol 99"),
    "no end": (b"\x80\x02N", "cut short"),
    "no pickle": (b"hello", "damaged"),
    "a storage by a string": (b"\x80\x02X\x01\0\0\0aQ.", "mark of a storage"),
    "a module by id": (b"\x80\x02(X\x06\0\0\0moduleNNNNtQ.", "mark of a storage"),
    "a device that is code": (b"\x80\x02ctorch\ndevice\nX\x09\0\0\0os.system\x85R.", "Expected one of"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick(name):
    content, message = TRICKS[name]
    refused(content, message)


LIES = {
    "beyond the storage": (tensor(size=b"K\x03\x85"), "does not fit its storage"),
    "before the storage": (tensor(offset=b"J\xff\xff\xff\xff"), "offset"),
    "after the storage": (tensor(offset=b"K\x01"), "does not fit"),
    "an offset of exabytes": (tensor(offset=b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), "does not fit"),
    "negative strides": (tensor(stride=b"J\xff\xff\xff\xff\x85"), "natural numbers"),
    "negative sizes": (tensor(size=b"J\xff\xff\xff\xff\x85"), "natural numbers"),
    "strides of another rank": (tensor(stride=b")"), "of one tensor"),
    "a size that overflows": (
        tensor(size=b"(" + b"\x8a\x05\0\0\0\0\x01" * 4 + b"t", stride=b"(" + b"K\0" * 4 + b"t"),
        "fit|elements|large|big"),
    "sizes of floats": (tensor(size=b"G@\0\0\0\0\0\0\0\x85"), "natural numbers"),
    "more than 64 axes": (tensor(size=b"(" + b"K\x01" * 65 + b"t", stride=b"(" + b"K\x01" * 65 + b"t"), "of one tensor"),
    "a storage of a class that is none": (tensor(kind=b"ctorch\nfloat32\n"), "class of a storage"),
    "a negative count": (tensor(count=b"J\xff\xff\xff\xff"), "key, location and size"),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_a_tensor(name):
    content, message = LIES[name]
    refused(content, message, records={"data/0": struct.pack("<2f", 1, 2)})


def test_the_honest_one_is_read():
    good = zipped(tensor(), {"data/0": struct.pack("<2f", 1, 2)})
    assert load(io.BytesIO(good)).tolist() == [1, 2]
    assert load(io.BytesIO(zipped(tensor(size=b"K\x05\x85", stride=b"K\0\x85"), {"data/0": bytes(8)}))).tolist() == [0] * 5


def test_records_that_lie():
    one = struct.pack("<2f", 1, 2)
    refused(tensor(), "is missing", RuntimeError)
    refused(tensor(count=b"J\xff\xff\xff\x7f"), "expected 8589934588 bytes", RuntimeError, {"data/0": one})
    refused(tensor(), "expected 8 bytes .* got 7", RuntimeError, {"data/0": one[:7]})
    refused(tensor(key=b"/"), "is missing", RuntimeError, {"data/0": one})
    for key in (b"../../../../etc/passwd", b"/etc/passwd"):
        long = tensor().replace(b"X\x01\0\0\x000", b"X" + struct.pack("<I", len(key)) + key)
        refused(long, "is missing", RuntimeError, {"data/0": one})
    good = zipped(tensor(), {"data/0": one})
    changed = bytearray(good)
    changed[good.index(one)] ^= 1
    with pytest.raises(RuntimeError, match="checksum"):
        load(io.BytesIO(bytes(changed)))


def test_a_compressed_bomb():
    bomb = zipped(tensor(count=b"J\0\0\0\x10"), {"data/0": bytes(1 << 20)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(RuntimeError, match="larger than the file|compressed"):
        load(io.BytesIO(bomb))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_files_that_are_none():
    good = zipped(tensor(), {"data/0": struct.pack("<2f", 1, 2)})
    twice = io.BytesIO(good)
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("archive/data/0", struct.pack("<2f", 3, 4))
    twice.seek(0)
    with pytest.raises(RuntimeError, match="occurs twice"):
        load(twice)
    with pytest.raises(RuntimeError, match=r"data\.pkl, found 0"):
        load(io.BytesIO(zipped(tensor(), root="a/b")))
    program = zipped(tensor(), {"constants.pkl": b"", "code/main.py": "import os"})
    with pytest.raises(RuntimeError, match="TorchScript"):
        load(io.BytesIO(program))


def test_every_cut_of_a_file_is_an_error(tmp_path):
    value = {"a": flambeau.arange(10.0), "b": [flambeau.ones(2, dtype=flambeau.bfloat16), "text"]}
    for zip_format in (True, False):
        save_to(value, tmp_path / "x.pt", _use_new_zipfile_serialization=zip_format)
        content = (tmp_path / "x.pt").read_bytes()
        for length in range(0, len(content), 5):
            (tmp_path / "cut.pt").write_bytes(content[:length])
            for mmap in (False, True):
                with pytest.raises((pickle.UnpicklingError, RuntimeError, EOFError)):
                    load(tmp_path / "cut.pt", mmap=mmap)


def test_every_changed_byte_is_an_error_or_harmless():
    value = {"a": flambeau.arange(4.0), "b": ["text", 1.5, None]}
    for zip_format in (True, False):
        file = io.BytesIO()
        save_to(value, file, _use_new_zipfile_serialization=zip_format)
        content = file.getvalue()
        for i in range(0, len(content), 3):
            changed = bytearray(content)
            changed[i] ^= 0x55
            try:
                load(io.BytesIO(bytes(changed)))
            except (pickle.UnpicklingError, RuntimeError, EOFError):
                continue


def test_cycles_are_read_and_harm_nobody():
    inner: list = []
    inner.append(inner)
    ring: dict = {"list": inner}
    ring["me"] = ring
    back = load(io.BytesIO(zipped(pickle.dumps(ring, 2))))
    assert back["me"] is back and back["list"][0] is back["list"]


def test_laughter_without_end_takes_no_memory():
    content = b"\x80\x02]" + b"2\x86q\x00" * 200 + b"."
    deep = load(io.BytesIO(zipped(content)))
    assert type(deep) is tuple and deep[0] is deep[1]


# ---- what the user allows
class Settings:
    def __init__(self, rate):
        self.rate = rate


class Stack(list):
    pass


class Point(tuple):
    __slots__ = ()


def through(value):
    file = io.BytesIO()
    save_to(value, file)
    file.seek(0)
    return load(file)


def test_classes_that_the_user_allows():
    value = {"s": Settings(0.1), "w": flambeau.ones(2), "k": Stack([1, 2])}
    with pytest.raises(TypeError, match=r"can't save .*Settings at s: .*add_safe_globals\(\[Settings\]\)"):
        through(value)
    with safe_globals([Settings, Stack]):
        assert set(get_safe_globals()) == {Settings, Stack}
        file = io.BytesIO()
        save_to(value, file)
        file.seek(0)
        back = load(file)
        assert type(back["s"]) is Settings and back["s"].rate == 0.1 and back["k"] == [1, 2] and type(back["k"]) is Stack
        assert get_unsafe_globals_in_checkpoint(file.seek(0) or file) == []
    assert get_safe_globals() == []
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"Settings.*add_safe_globals\(\[Settings\]\)"):
        load(file)


def test_numpys_numbers_once_they_are_allowed():
    file = io.BytesIO(zipped(pickle.dumps({"best": np.float64(0.5), "all": np.arange(3.0)}, 2)))
    with pytest.raises(pickle.UnpicklingError, match=r"numpy\._core\.multiarray\.scalar"):
        load(file)
    multiarray = np._core.multiarray
    with safe_globals([multiarray.scalar, multiarray._reconstruct, np.dtype, np.dtypes.Float64DType, np.ndarray]):
        file.seek(0)
        back = load(file)
    assert back["best"] == 0.5 and type(back["best"]) is np.float64 and back["all"].tolist() == [0, 1, 2]


def test_another_name_for_a_class():
    try:
        add_safe_globals([(Settings, "old.place.Config")])
        file = io.BytesIO()
        save_to(Settings(2), file)
        file.seek(0)
        assert b"old.place\nConfig" in file.getvalue() and load(file).rate == 2
        assert get_safe_globals() == [(Settings, "old.place.Config")]
    finally:
        clear_safe_globals()
    assert get_safe_globals() == []


@pytest.mark.parametrize(("thing", "kind"), [(os.getcwd, ValueError), (sys.exit, ValueError), (exec, ValueError), (open, ValueError),
                                             (3, TypeError), ((Settings,), ValueError), ((Settings, 3), TypeError)])  # fmt: skip
def test_what_may_never_be_allowed(thing, kind):
    with pytest.raises(kind):
        add_safe_globals([thing])
    assert get_safe_globals() == []


def test_checksums_are_of_the_bytes():
    file = io.BytesIO()
    save_to(flambeau.arange(3.0), file)
    with zipfile.ZipFile(file) as archive:
        assert zlib.crc32(struct.pack("<3f", 0, 1, 2)) == archive.getinfo("archive/data/0").CRC and archive.testzip() is None
