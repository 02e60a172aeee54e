import random

import pytest

from flambeau_text import CharTokenizer, WordTokenizer, basic_english, get_tokenizer


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("You can now install TorchText using pip!", ["you", "can", "now", "install", "torchtext", "using", "pip", "!"]),
        ("It's <br /> (1.5) \"so\", he; no: why?", ["it", "'", "s", "(", "1", ".", "5", ")", "so", ",", "he", "no", "why", "?"]),
        ("a\tb\n c", ["a", "b", "c"]),
    ],
)
def test_basic_english(text: str, tokens: list[str]) -> None:
    assert basic_english(text) == tokens


def test_get_tokenizer() -> None:
    assert get_tokenizer("basic_english") is basic_english
    assert get_tokenizer(None)("A  b.") == ["A", "b."]
    assert get_tokenizer(len) is len  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 'basic_english', None or a callable as tokenizer, got 'spacy'"):
        get_tokenizer("spacy")


def test_words() -> None:
    assert WordTokenizer()("Don't stop: 3.5% of Köln_2’s") == ["don't", "stop", ":", "3", ".", "5", "%", "of", "köln_2’s"]
    assert WordTokenizer(lower=False, pattern=r"[A-Z]\w+")("A Bc de Fg") == ["Bc", "Fg"]
    with pytest.raises(ValueError, match="expected a regular expression as pattern, got '\\('"):
        WordTokenizer(pattern="(")
    with pytest.raises(ValueError, match="without capturing groups"):
        WordTokenizer(pattern="(a)")


def test_characters() -> None:
    rng = random.Random(0)
    text = "".join(rng.choice("aéßx日 \n") for _ in range(100))
    chars = CharTokenizer.train(text)
    assert chars.characters == sorted(set(text))
    assert len(chars) == 7
    assert chars.decode(chars.encode(text)) == text
    assert chars(text) == list(text)
    with pytest.raises(ValueError, match="expected one of the 7 characters of this tokenizer, got 'z'"):
        chars.encode("az")
    for wrong in (7, -1):
        with pytest.raises(ValueError, match=f"expected ids from 0 to 6, got {wrong}"):
            chars.decode([0, wrong])
    for characters in (["a", "a"], ["ab"], [""]):
        with pytest.raises(ValueError, match="single characters, each once"):
            CharTokenizer(characters)
