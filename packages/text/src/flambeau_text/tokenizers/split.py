"""GPT-2's rule for cutting text into pieces before byte pairs are merged: no merge crosses a cut.

A piece is the tail of an English contraction, or letters, or numbers, or other signs (each with at most one space before it), or white
space, which leaves its last space to a word that follows. The pieces, joined, are the text again.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import lru_cache

# Unicode's White_Space. Python's own \s has four more (U+001C to U+001F), and tokens would differ there.
SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def _finder(letter: str, number: str, space: str) -> Callable[[str], list[str]]:
    """The rule as a pattern; each argument is the inside of a character class."""
    return re.compile(
        rf"'(?:[stmd]|re|ve|ll)| ?[{letter}]+| ?[{number}]+| ?[^{space}{letter}{number}]+|[{space}]+(?![^{space}])|[{space}]+"
    ).findall


def _category(initial: str) -> str:
    """The inside of a character class: every character whose Unicode category begins with `initial`."""
    codes = [c for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == initial]
    known = set(codes)
    first, last = [c for c in codes if c - 1 not in known], [c for c in codes if c + 1 not in known]
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in zip(first, last))


@lru_cache(maxsize=1)
def _unicode() -> Callable[[str], list[str]]:
    """The rule over all of Unicode, as this Python's `unicodedata` knows it; made when the first text comes that is not ASCII (0.4 s)."""
    return _finder(_category("L"), _category("N"), SPACE)


_ascii = _finder("A-Za-z", "0-9", r"\t-\r ")  # small classes: three times as fast, and most text is ASCII


def split(text: str) -> list[str]:
    """Pieces of `text` by GPT-2's rule.

    >>> split("It's 42  stars!")
    ['It', "'s", ' 42', ' ', ' stars', '!']
    """
    return _ascii(text) if text.isascii() else _unicode()(text)
