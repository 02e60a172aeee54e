from pathlib import Path

import pytest

from flambeau_text import Vocab, build_vocab_from_iterator
from flambeau_text.vocab import vocab

LINES = [["b", "a", "b"], ["c", "b", "a"], ["d"]]


def test_order_is_frequency_then_alphabet() -> None:
    assert build_vocab_from_iterator(LINES).get_itos() == ["b", "a", "c", "d"]
    assert build_vocab_from_iterator(reversed(LINES)).get_itos() == ["b", "a", "c", "d"]
    assert build_vocab_from_iterator([]).get_itos() == []


def test_min_freq_specials_and_max_tokens() -> None:
    assert build_vocab_from_iterator(LINES, min_freq=2, specials=["<unk>", "a"]).get_itos() == ["<unk>", "a", "b"]
    assert build_vocab_from_iterator(LINES, min_freq=2, specials=["<unk>"], special_first=False).get_itos() == ["b", "a", "<unk>"]
    assert build_vocab_from_iterator(LINES, specials=["<unk>"], max_tokens=3).get_itos() == ["<unk>", "b", "a"]
    assert build_vocab_from_iterator(LINES, specials=["b"], max_tokens=3).get_itos() == ["b", "a"]
    with pytest.raises(ValueError, match="expected max_tokens of more than the 1 specials, got 1"):
        build_vocab_from_iterator(LINES, specials=["<unk>"], max_tokens=1)
    with pytest.raises(TypeError, match="expected lists of tokens, got a str"):
        build_vocab_from_iterator(["a text"])


def test_from_counts_keeps_the_order_given() -> None:
    assert vocab({"z": 5, "a": 9, "m": 1}, min_freq=2, specials=("<unk>",)).get_itos() == ["<unk>", "z", "a"]


def test_lookup() -> None:
    words = Vocab(["<unk>", "sun", "moon"])
    assert len(words) == 3
    assert "sun" in words and "star" not in words and 3 not in words
    assert words["moon"] == 2
    assert words(["moon", "sun"]) == words.lookup_indices(["moon", "sun"]) == [2, 1]
    assert words.lookup_token(1) == "sun"
    assert words.lookup_tokens([2, 0]) == ["moon", "<unk>"]
    assert words.get_stoi() == {"<unk>": 0, "sun": 1, "moon": 2}
    for wrong in (-1, 3):
        with pytest.raises(RuntimeError, match=f"expected an index from 0 to 2, got {wrong}"):
            words.lookup_token(wrong)
    with pytest.raises(TypeError, match="tokenize it first"):
        words("moon")


def test_default_index() -> None:
    words = Vocab(["<unk>", "sun"])
    assert words.get_default_index() is None
    with pytest.raises(RuntimeError, match="Token star not found and default index is not set"):
        words["star"]
    with pytest.raises(RuntimeError):
        words(["sun", "star"])
    words.set_default_index(0)
    assert words(["star", "sun"]) == [0, 1]
    words.set_default_index(None)
    with pytest.raises(RuntimeError):
        words["star"]


def test_insert_and_append() -> None:
    words = Vocab(["a", "b"])
    words.append_token("c")
    words.insert_token("first", 0)
    assert words.get_itos() == ["first", "a", "b", "c"]
    assert words(["first", "a", "b", "c"]) == [0, 1, 2, 3]
    with pytest.raises(RuntimeError, match="Token a already exists in the Vocab with index: 1"):
        words.append_token("a")
    for wrong in (-1, 5):
        with pytest.raises(RuntimeError, match=f"expected an index from 0 to 4 to insert at, got {wrong}"):
            words.insert_token("x", wrong)
    with pytest.raises(TypeError, match="expected a str as token, got int"):
        words.append_token(3)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="already exists"):
        Vocab(["a", "a"])
    assert len(words) == 4


def test_save_and_load(tmp_path: Path) -> None:
    words = Vocab(["<unk>", "日", '"'], default_index=0)
    words.save(tmp_path / "v.json")
    assert Vocab.load(tmp_path / "v.json") == words
    assert words != Vocab(["<unk>"])
    for content in ("", "[]", "{}", "[" * 100_000, '{"tokens": "ab", "default_index": 0}', '{"tokens": [1], "default_index": 0}',
                    '{"tokens": ["a", "a"], "default_index": 0}', '{"tokens": ["a"], "default_index": "0"}'):  # fmt: skip
        (tmp_path / "v.json").write_text(content)
        with pytest.raises(ValueError, match="expected a vocabulary as Vocab.save writes it"):
            Vocab.load(tmp_path / "v.json")
