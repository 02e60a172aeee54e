"""Tokenizers without a learnt vocabulary: words and characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import index

_SIGNS = str.maketrans({"'": " ' ", '"': None, ";": " ", ":": " "} | {c: f" {c} " for c in ".,()!?"})


def basic_english(text: str) -> list[str]:
    """Lower-case words and signs: ' . , ( ) ! ? stand alone; double quotes, colons, semicolons and <br /> go. As torchtext's.

    >>> basic_english('She said: "It\\'s late!"')
    ['she', 'said', 'it', "'", 's', 'late', '!']
    """
    return text.lower().translate(_SIGNS).replace("<br />", " ").split()


def get_tokenizer(tokenizer: str | Callable[[str], list[str]] | None) -> Callable[[str], list[str]]:
    """The tokenizer of a name ("basic_english"); None splits at white space, and a callable comes back as it is.

    Raises ValueError for another name.
    """
    if tokenizer is None:
        return str.split
    if callable(tokenizer):
        return tokenizer
    if tokenizer == "basic_english":
        return basic_english
    raise ValueError(f"expected 'basic_english', None or a callable as tokenizer, got {tokenizer!r}")


class WordTokenizer:
    """Words and single signs by a regular expression, in any script.

    lower: fold to lower case first. pattern: what a token is; by default a run of letters, digits and underscores
    (with apostrophes inside), or one other sign that is not white space.

    >>> WordTokenizer()("Wär's möglich, heute?")
    ["wär's", 'möglich', ',', 'heute', '?']
    """

    PATTERN = r"\w+(?:['’]\w+)*|[^\w\s]"

    def __init__(self, lower: bool = True, pattern: str = PATTERN) -> None:
        try:
            self._pattern = re.compile(pattern)
        except re.error as error:
            raise ValueError(f"expected a regular expression as pattern, got {pattern!r}: {error}") from error
        if self._pattern.groups:
            raise ValueError(f"expected a pattern without capturing groups (write (?:...) for (...)), got {pattern!r}")
        self.lower = lower

    def __call__(self, text: str) -> list[str]:
        return self._pattern.findall(text.lower() if self.lower else text)

    def __repr__(self) -> str:
        return f"WordTokenizer(lower={self.lower}, pattern={self._pattern.pattern!r})"


class CharTokenizer:
    """One id a character, in the order given; `train` takes the characters of a text, sorted.

    >>> chars = CharTokenizer.train("abracadabra")
    >>> chars.encode("cab"), chars.decode([3, 0, 3])
    ([2, 0, 1], 'dad')
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = list(characters)
        self._ids = {c: i for i, c in enumerate(self.characters)}
        if len(self._ids) != len(self.characters) or any(len(c) != 1 for c in self.characters):
            raise ValueError(f"expected single characters, each once, got {self.characters}")

    @classmethod
    def train(cls, text: str) -> CharTokenizer:
        """A tokenizer of the characters that occur in `text`."""
        return cls(sorted(set(text)))

    def encode(self, text: str) -> list[int]:
        """Ids of the characters. Raises ValueError at a character that has none."""
        try:
            return [self._ids[c] for c in text]
        except KeyError as error:
            raise ValueError(f"expected one of the {len(self)} characters of this tokenizer, got {error.args[0]!r}") from None

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. Raises ValueError at an id that is no character's."""
        ids = [index(i) for i in ids]
        wrong = next((i for i in ids if not 0 <= i < len(self)), None)
        if wrong is not None:
            raise ValueError(f"expected ids from 0 to {len(self) - 1}, got {wrong}")
        return "".join([self.characters[i] for i in ids])

    def __call__(self, text: str) -> list[str]:
        return list(text)

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"CharTokenizer({''.join(self.characters)!r})"
