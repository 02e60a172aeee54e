import gzip
from pathlib import Path

import pytest

from flambeau_text.datasets import AG_NEWS, Multi30k, TinyShakespeare, WikiText2
from flambeau_text.datasets.source import Source, obtain

# --- the real files ---


def test_ag_news(data: Path) -> None:
    news = AG_NEWS(data, "test")
    assert len(news) == 7600
    assert [news.labels.count(c) for c in (1, 2, 3, 4)] == [1900] * 4
    label, text = news[0]
    assert AG_NEWS.classes[label - 1] == "Business"
    assert text.startswith("Fears for T N pension after talks Unions representing workers")


def test_tiny_shakespeare(data: Path) -> None:
    train, val, whole = (TinyShakespeare(data, split) for split in ("train", "val", "all"))
    assert (len(train.text), len(val.text)) == (1003854, 111540)
    assert train.text + val.text == whole.text
    assert whole[0] == "First Citizen:" and len(whole) == 40000


def test_wikitext2(data: Path) -> None:
    test = WikiText2(data, "test")
    assert len(test) == 4358 and test[1] == " = Robert <unk> = "
    assert len(WikiText2(data, "valid")) == 3760


def test_multi30k(data: Path) -> None:
    assert [len(Multi30k(data, split)) for split in ("train", "valid", "test")] == [29000, 1014, 1000]
    german, english = Multi30k(data)[0]
    assert german == "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."
    assert english == "Two young, White males are outside near many bushes."
    assert Multi30k(data, language_pair=("en", "de"))[0] == (english, german)


# --- bad input ---


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('"1","a","b"\n"5","a","b"\n', r"test.csv, line 2: expected class \(1 to 4\), title and description, got \['5', 'a', 'b'\]"),
        ('"1","a"\n', r"line 1: expected class"),
        ('"1","a","b\n', "line 1: unexpected end of data"),
        ('"1","a" b,"c"\n', "line 1: ',' expected after"),
        ('"1","a","' + "x" * 200_000 + '"\n', "line 1: field larger than field limit"),
        ("\n", "line 1: expected class"),
        (b'"1","a","\xff"\n', "expected UTF-8 text, byte 9"),
    ],
)
def test_ag_news_corrupt(tmp_path: Path, content: str | bytes, message: str) -> None:
    write(tmp_path / "ag_news/test.csv", content)
    with pytest.raises(ValueError, match=message):
        AG_NEWS(tmp_path, "test")


def test_truncated_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(b"To be, or not to be" * 100)
    path = write(tmp_path / "tinyshakespeare/input.txt.gz", packed)
    assert len(TinyShakespeare(tmp_path, "all").text) == 1900
    for content in (b"", packed[:3], packed[:-1], packed[:20] + b"\xff\xff\xff" + packed[23:], b"plain text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="expected a whole gzip file"):
            TinyShakespeare(tmp_path)


def test_multi30k_of_different_lengths(tmp_path: Path) -> None:
    write(tmp_path / "multi30k/val.de", "eins\nzwei\n")
    write(tmp_path / "multi30k/val.en", "one\n")
    with pytest.raises(ValueError, match="expected as many de as en sentences in valid, got 2 and 1"):
        Multi30k(tmp_path, "valid")
    with pytest.raises(ValueError, match=r"expected language_pair to be .* got \('de', 'fr'\)"):
        Multi30k(tmp_path, "valid", ("de", "fr"))


@pytest.mark.parametrize("dataset", [AG_NEWS, TinyShakespeare, WikiText2, Multi30k])
def test_unknown_split_and_missing_file(tmp_path: Path, dataset: type) -> None:
    with pytest.raises(ValueError, match="expected split to be one of 'train', .*, got '../train'"):
        dataset(tmp_path, "../train")
    with pytest.raises(FileNotFoundError, match=r"expected the file .* \(or with .gz\), there is none; put it there, or give"):
        dataset(tmp_path, "train")
    assert not list(tmp_path.iterdir())


# --- fetching, from a local address ---


def test_download_is_checked(tmp_path: Path) -> None:
    origin = write(tmp_path / "origin.txt", "hello")
    good = Source(origin.as_uri(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    with pytest.raises(FileNotFoundError, match="give download=True to fetch file:"):
        obtain(tmp_path, "set/a.txt", good, download=False)
    assert obtain(tmp_path, "set/a.txt", good, download=True) == tmp_path / "set/a.txt"
    origin.unlink()
    assert obtain(tmp_path, "set/a.txt", good, download=True).read_text() == "hello"  # no second fetch
    write(origin, "hollo")
    with pytest.raises(RuntimeError, match="expected sha256 2cf24d"):
        obtain(tmp_path, "set/b.txt", good, download=True)
    assert not (tmp_path / "set/b.txt").exists()


def test_no_download_without_a_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="it is not downloaded, as no hash to check it is known: put it there from https://"):
        WikiText2(tmp_path, "train", download=True)
