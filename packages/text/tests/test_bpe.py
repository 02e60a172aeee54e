"""Byte-level BPE: GPT-2's own encodings, training against its definition, and files that are wrong."""

import gzip
import json
import pickle
import random
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from flambeau_text import ByteLevelBPE
from flambeau_text.tokenizers.gpt2_files import BYTES
from flambeau_text.tokenizers.split import split

TEXT = "the cat sat on the mat; the fat cat sat there. that is that, and the rest is hearsay " * 3


@pytest.fixture(scope="module")
def small() -> ByteLevelBPE:
    return ByteLevelBPE.train([TEXT], vocab_size=280)


# What GPT-2's published tokenizer gives for these, frozen
FACTS = {
    "Hello world": [15496, 995],
    "": [],
    " ": [220],
    "The quick brown fox jumps over the lazy dog.": [464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290, 13],
    "naïve café": [2616, 38776, 40304],
    "I'm 12345   years\n\nold": [40, 1101, 17031, 2231, 220, 220, 812, 198, 198, 727],
    "日本語": [33768, 98, 17312, 105, 45739, 252],
    "🙂": [8582, 25081],
}


@pytest.mark.parametrize("text", FACTS)
def test_gpt2_encodings(gpt2: ByteLevelBPE, text: str) -> None:
    assert gpt2.encode(text) == FACTS[text]
    assert gpt2.decode(FACTS[text]) == text


def test_gpt2_vocabulary(gpt2: ByteLevelBPE) -> None:
    assert len(gpt2) == 50257
    assert gpt2.special_tokens == {"<|endoftext|>": 50256}
    assert gpt2.tokenize("Hello wörld\n") == ["Hello", "Ġw", "Ã¶r", "ld", "Ċ"]


def test_gpt2_real_text_comes_back(gpt2: ByteLevelBPE, data: Path) -> None:
    text = gzip.decompress((data / "tinyshakespeare/input.txt.gz").read_bytes()).decode()
    ids = gpt2.encode(text)
    assert len(ids) == 338025  # as nanoGPT's preparation of this file reports (301,966 + 36,059)
    assert gpt2.decode(ids) == text


def test_special_tokens_are_plain_text_unless_allowed(gpt2: ByteLevelBPE) -> None:
    text = "a<|endoftext|>b<|endoftext|>"
    assert 50256 not in gpt2.encode(text)
    assert gpt2.encode(text, allowed_special=True) == [64, 50256, 65, 50256]
    assert gpt2.decode([64, 50256, 65]) == "a<|endoftext|>b"


def test_the_longest_special_token_wins() -> None:
    bpe = ByteLevelBPE.train([], 258, special_tokens=["<a>", "<a><b>"])
    assert bpe.encode("<a><b>x<a>", allowed_special=True) == [257, *bpe.encode("x"), 256]


def test_any_bytes_come_back(small: ByteLevelBPE) -> None:
    rng = random.Random(0)
    for n in range(200):
        data = rng.randbytes(n)
        assert small.decode_bytes(small.encode_bytes(data)) == data
    assert small.encode_bytes(TEXT.encode()) == small.encode(TEXT)
    assert small.decode(small.encode_bytes(b"a\xff")) == "a\ufffd"
    with pytest.raises(UnicodeDecodeError):
        small.decode(small.encode_bytes(b"\xff"), errors="strict")


def merge_slowly(bpe: ByteLevelBPE, piece: str) -> list[int]:
    """The definition: take the pair of lowest rank, join it everywhere from the left, until none is left."""
    ids = [bpe._byte_ids[b] for b in piece.encode()]
    while pairs := [pair for pair in pairwise(ids) if pair in bpe._merges]:
        best = min(pairs, key=bpe._merges.__getitem__)
        joined, i = [], 0
        while i < len(ids):
            hit = tuple(ids[i : i + 2]) == best
            joined.append(bpe._merges[best][1] if hit else ids[i])
            i += 2 if hit else 1
        ids = joined
    return ids


def test_encoding_follows_the_definition(small: ByteLevelBPE) -> None:
    rng = random.Random(0)
    for _ in range(500):
        piece = "".join(rng.choice("thea s") for _ in range(rng.randrange(20)))
        assert small._encode_piece(piece) == merge_slowly(small, piece)


def test_encoding_follows_the_definition_where_two_merges_make_one_token() -> None:
    tokens = {i: bytes([b]) for i, b in enumerate(BYTES)}
    tokens |= {256: b"ab", 257: b"bc", 258: b"abc", 259: b"abcab", 260: b"aa"}
    merges = [(b"b", b"c"), (b"a", b"bc"), (b"a", b"b"), (b"abc", b"ab"), (b"ab", b"c"), (b"a", b"a")]
    bpe = ByteLevelBPE(tokens, merges)
    rng = random.Random(0)
    for _ in range(500):
        piece = "".join(rng.choice("abc") for _ in range(rng.randrange(16)))
        assert bpe._encode_piece(piece) == merge_slowly(bpe, piece)


def test_a_long_piece_takes_no_quadratic_time(small: ByteLevelBPE) -> None:
    start = time.perf_counter()
    assert small.decode(small.encode("that" * 20_000)) == "that" * 20_000
    assert time.perf_counter() - start < 5.0


def train_slowly(text: str, n_merges: int) -> list[tuple[int, int]]:
    """The definition: count all pairs afresh for each merge."""
    words = [[[BYTES.index(b) for b in piece.encode()], n] for piece, n in Counter(split(text)).items()]
    merges = []
    for new in range(256, 256 + n_merges):
        counts: Counter[tuple[int, int]] = Counter()
        for word, n in words:
            for pair in pairwise(word):
                counts[pair] += n
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < 2:
            break
        merges.append(best)
        for entry in words:
            joined, i = [], 0
            while i < len(entry[0]):
                hit = tuple(entry[0][i : i + 2]) == best
                joined.append(new if hit else entry[0][i])
                i += 2 if hit else 1
            entry[0] = joined
    return merges


@pytest.mark.parametrize("text", [TEXT, "aaaa aaaaaaa baaab " * 4, "日本 日本語 " * 3, ""])
def test_training_follows_the_definition(text: str) -> None:
    bpe = ByteLevelBPE.train([text], vocab_size=400, special_tokens=[])
    assert list(bpe._merges) == train_slowly(text, 144)


def test_training_stops_at_rare_pairs_and_puts_special_tokens_last() -> None:
    bpe = ByteLevelBPE.train(["ab ab cd"], vocab_size=1000, special_tokens=["<pad>", "<eos>"])
    assert list(bpe._merges) == [(bpe.encode("a")[0], bpe.encode("b")[0])]  # " a" stands before only one "ab"
    assert bpe.special_tokens == {"<pad>": 257, "<eos>": 258}
    assert len(bpe) == 259


def test_save_and_read_back(small: ByteLevelBPE, tmp_path: Path) -> None:
    vocab, merges = small.save(tmp_path / "new")
    again = ByteLevelBPE.from_files(vocab, merges)
    assert again.encode(TEXT) == small.encode(TEXT)
    assert again.special_tokens == small.special_tokens
    assert json.loads(vocab.read_text(encoding="utf-8"))["Ġthe"] == small.encode(" the")[0]


def test_the_cache_is_bounded(small: ByteLevelBPE, monkeypatch: pytest.MonkeyPatch) -> None:
    small._pieces.clear()
    monkeypatch.setattr(type(small._pieces), "LIMIT", 10)
    small.encode(" ".join(f"x{'y' * n}" for n in range(100)))
    assert 0 < len(small._pieces) <= 10


# --- bad input ---


def test_wrong_arguments(small: ByteLevelBPE) -> None:
    with pytest.raises(TypeError, match="expected str, got bytes; encode_bytes"):
        small.encode(b"raw")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="vocabulary of 280 tokens, got 280"):
        small.decode([0, 280])
    with pytest.raises(ValueError, match="got -1"):
        small.decode([-1])
    with pytest.raises(TypeError):
        small.decode([1.5])  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        small.encode("\ud800")
    with pytest.raises(ValueError, match="at least 257"):
        ByteLevelBPE.train([TEXT], 256)
    with pytest.raises(TypeError, match=r"give \[text\]"):
        ByteLevelBPE.train(TEXT, 300)
    for special in ("", "a"):
        with pytest.raises(ValueError, match="expected special tokens to differ"):
            ByteLevelBPE.train([], 300, special_tokens=[special])
    with pytest.raises(ValueError, match="expected every special token once"):
        ByteLevelBPE.train([], 300, special_tokens=["<x>", "<x>"])


@pytest.fixture
def files(small: ByteLevelBPE, tmp_path: Path) -> tuple[Path, Path]:
    return small.save(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1', "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "it is not JSON"),
        (b"[1, 2]", "JSON object of token to id"),
        (b'{"a": "b"}', "JSON object of token to id"),
        (b'{"a": -1}', "JSON object of token to id"),
        (b'{"a": true}', "JSON object of token to id"),
        (b'{"a b": 1}', "has the character ' ', which spells no byte"),
        (b'{"a": 1}', "255 are missing, the first is 0"),
        (b'{"a": 1, "b": 1}', "every id once"),
        (b'{"\xff": 1}', "expected UTF-8 text, byte 2"),
    ],
)
def test_corrupt_vocab(files: tuple[Path, Path], content: bytes, message: str) -> None:
    files[0].write_bytes(content)
    with pytest.raises(ValueError, match=message):
        ByteLevelBPE.from_files(*files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[:-2], "tokens are made by no merge, such as .*: the list of merges is cut"),
        (lambda lines: [*lines, "a b c"], "line 25: expected two tokens and one space between them, got 'a b c'"),
        (lambda lines: [*lines, "q q"], "merge 24, q q: expected what it makes to be a token, qq is not in the vocabulary"),
        (lambda lines: [*lines, lines[1]], "merge 24, .*: expected each merge once, it was merge 1 already"),
        (lambda lines: [lines[0], *lines[:0:-1]], "expected bytes or what earlier merges made"),
        (lambda lines: [*lines, "\x00 a"], "which spells no byte"),
    ],
)
def test_corrupt_merges(files: tuple[Path, Path], change, message: str) -> None:
    lines = files[1].read_text(encoding="utf-8").splitlines()
    files[1].write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        ByteLevelBPE.from_files(*files)


def test_unnamed_special_tokens_are_told(tmp_path: Path) -> None:
    paths = ByteLevelBPE.train([], 257, special_tokens=["<pad>"]).save(tmp_path)
    with pytest.raises(ValueError, match="they are special tokens and must be named"):
        ByteLevelBPE.from_files(*paths)
    assert ByteLevelBPE.from_files(*paths, special_tokens=["<pad>"]).special_tokens == {"<pad>": 256}


def test_truncated_gzip_and_missing_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    packed = gzip.compress(files[0].read_bytes())
    for n in (0, 5, len(packed) // 2, len(packed) - 1):
        (tmp_path / "v.json.gz").write_bytes(packed[:n])
        with pytest.raises(ValueError):
            ByteLevelBPE.from_files(tmp_path / "v.json.gz", files[1])
    with pytest.raises(FileNotFoundError):
        ByteLevelBPE.from_files(tmp_path / "none.json", files[1])


def test_a_huge_file_is_refused(files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flambeau_text.tokenizers.gpt2_files.MAX_FILE", 1000)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b" " * 1_000_000))
    with pytest.raises(ValueError, match="at most 1,000 bytes"):
        ByteLevelBPE.from_files(tmp_path / "bomb.json.gz", files[1])


def test_it_goes_to_worker_processes(small: ByteLevelBPE) -> None:
    again = pickle.loads(pickle.dumps(small))  # noqa: S301  # what spawned DataLoader workers do
    assert again.encode(TEXT) == small.encode(TEXT)
    assert again._pieces.encode.__self__ is again
