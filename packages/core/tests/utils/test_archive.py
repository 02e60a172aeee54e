from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from flambeau.utils.download import extract

FILES = {"a.txt": b"alpha", "deep/er/b.bin": bytes(range(256)) * 1000, "empty": b""}


def tar_bytes(mode="w", files=FILES, add=None):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        if add:
            tar.addfile(add)
    return raw.getvalue()


def zip_bytes(files=FILES, compression=zipfile.ZIP_DEFLATED):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", compression) as archive:
        archive.writestr("folder/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return raw.getvalue()


KINDS = {
    "x.zip": zip_bytes(),
    "x.tar": tar_bytes(),
    "x.tar.gz": tar_bytes("w:gz"),
    "x.tgz": tar_bytes("w:gz"),
    "x.tar.bz2": tar_bytes("w:bz2"),
    "x.tar.xz": tar_bytes("w:xz"),
    "misnamed": tar_bytes("w:gz"),
}


def put(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    return tmp_path / name, tmp_path / "out"


def found(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind(tmp_path, name):
    archive, out = put(tmp_path, name, KINDS[name])
    paths = extract(archive, out)
    assert found(out) == FILES and paths == [out / n for n in FILES]
    (out / "a.txt").write_bytes(b"changed")
    extract(archive, out)
    assert found(out) == FILES


@pytest.mark.parametrize(("name", "pack"), [("d.csv.gz", gzip.compress), ("d.csv.bz2", bz2.compress), ("d.csv.xz", lzma.compress)])
def test_one_compressed_file(tmp_path, name, pack):
    archive, out = put(tmp_path, name, pack(b"1,2"))
    assert extract(archive, out) == [out / "d.csv"] and found(out) == {"d.csv": b"1,2"}


@pytest.mark.parametrize("name", ["../a", "x/../../a", "/etc/a", "a\\..\\b", "C:/a"])
@pytest.mark.parametrize("pack", [lambda f: tar_bytes(files=f), lambda f: zip_bytes(f, zipfile.ZIP_STORED)], ids=["tar", "zip"])
def test_names_that_leave_the_folder(tmp_path, name, pack):
    archive, out = put(tmp_path, "x.tar", pack({name: b"x"}))
    with pytest.raises(ValueError, match="outside of"):
        extract(archive, out)
    assert found(out) == {}


def test_a_link_that_stands_in_the_folder_is_not_followed(tmp_path):
    archive, out = put(tmp_path, "x.tar", tar_bytes(files={"link/a": b"x"}))
    (tmp_path / "elsewhere").mkdir()
    out.mkdir()
    (out / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="outside of"):
        extract(archive, out)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar(tmp_path, kind):
    member = tarfile.TarInfo("m")
    member.type, member.linkname = kind, "a.txt"
    archive, out = put(tmp_path, "x.tar", tar_bytes(add=member))
    with pytest.raises(ValueError, match="'m' is a link or a device"):
        extract(archive, out)


def test_links_in_zip(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        info = zipfile.ZipInfo("m")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="'m' is a link"):
        extract(*put(tmp_path, "x.zip", raw.getvalue()))


@pytest.mark.parametrize("name", KINDS)
def test_size_and_number_are_bounded(tmp_path, name):
    archive, out = put(tmp_path, name, KINDS[name])
    with pytest.raises(RuntimeError, match="more than 1000 bytes; raise max_bytes"):
        extract(archive, out, max_bytes=1000)
    assert set(found(out)) <= {"a.txt"}
    with pytest.raises(RuntimeError, match="more than 1 files"):
        extract(archive, out, max_files=1)


def test_a_bomb_is_stopped_by_what_comes_out_not_by_what_is_claimed(tmp_path):
    archive, out = put(tmp_path, "bomb.gz", gzip.compress(bytes(50 << 20)))
    with pytest.raises(RuntimeError, match="unpacks to more than 4194304"):
        extract(archive, out, max_bytes=4 << 20)
    assert found(out) == {}


def test_a_header_that_claims_gigabytes(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    archive, out = put(tmp_path, "x.tar", info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(RuntimeError, match="damaged"):
        extract(archive, out)


@pytest.mark.parametrize("name", KINDS)
def test_cut_short_anywhere(tmp_path, name):
    data = KINDS[name]
    last = len(data) - 10240 if name == "x.tar" else len(data) - 1  # a plain tar ends with that much padding
    for length in sorted({min(n, last) for n in (*range(len(data) // 10, len(data), len(data) // 10), 512, 1024, last)}):
        archive, out = put(tmp_path, name, data[:length])
        with pytest.raises(RuntimeError, match=r"damaged|cut short"):
            extract(archive, out)


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"])
def test_flipped_bytes_give_an_error_or_files_inside(tmp_path, name):
    for position in range(0, len(KINDS[name]), max(1, len(KINDS[name]) // 150)):
        data = bytearray(KINDS[name])
        data[position] ^= 0xFF
        archive, out = put(tmp_path, name, bytes(data))
        try:
            assert all(p.is_relative_to(out) for p in extract(archive, out))
        except (RuntimeError, ValueError) as error:
            assert str(archive) in str(error)


def test_not_an_archive(tmp_path):
    with pytest.raises(RuntimeError, match=r"expected a zip, tar, gz, bz2 or xz file, got .* begins with b'hello'"):
        extract(*put(tmp_path, "x.bin", b"hello"))
    with pytest.raises(RuntimeError, match="expected a zip"):
        extract(*put(tmp_path, "empty", b""))
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "missing.zip", tmp_path / "out")


def test_encrypted_zip(tmp_path):
    data = bytearray(zip_bytes({"a": b"x"}))
    where = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)  # the second entry of the directory
    data[where + 8] |= 1
    with pytest.raises(RuntimeError, match="encrypted"):
        extract(*put(tmp_path, "x.zip", bytes(data)))
