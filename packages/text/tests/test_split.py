import random

import pytest

from flambeau_text.tokenizers.split import split


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("Hello world", ["Hello", " world"]),
        ("we're they'll 'tis I'd", ["we", "'re", " they", "'ll", " '", "tis", " I", "'d"]),
        ("a  b", ["a", " ", " b"]),
        ("end \n\n", ["end", " \n\n"]),
        ("x\n\n y", ["x", "\n\n", " y"]),
        ("abc123 45!?", ["abc", "123", " 45", "!?"]),
        ("snake_case", ["snake", "_", "case"]),
        ("naïve café", ["naïve", " café"]),
        ("日本語 テスト", ["日本語", " テスト"]),
        ("x² ½ Ⅷ", ["x", "²", " ½", " Ⅷ"]),
        ("e\u0301", ["e", "\u0301"]),  # a combining mark is no letter
        ("a\u3000b", ["a", "\u3000", "b"]),
        ("a\x1cb", ["a", "\x1c", "b"]),
        ("a \x1cb", ["a", " \x1c", "b"]),  # not white space to Unicode, though it is to Python
        ("hi 🙂🙃", ["hi", " 🙂🙃"]),
    ],
)
def test_pieces_of_gpt2s_rule(text: str, pieces: list[str]) -> None:
    assert split(text) == pieces


def test_ascii_and_unicode_patterns_agree_and_lose_nothing() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        text = "".join(rng.choice("ab1 _'st\t\n\x1c.") for _ in range(rng.randrange(12)))
        assert "".join(split(text)) == text
        assert split(text + "日") [: len(split(text + "z")) - 1] == split(text + "z")[:-1]
