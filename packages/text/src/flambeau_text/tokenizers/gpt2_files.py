"""GPT-2's vocabulary files: vocab.json (token to id) and merges.txt (a pair a line, the most frequent first), and how they spell bytes."""

from __future__ import annotations

import json
from os import PathLike

from .._files import read_text

MAX_FILE = 1 << 28

# The files spell each byte as one printable character: itself where it is printable in Latin-1, else the next from U+0100 on.
PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
BYTES = PRINTABLE + sorted(set(range(256)) - set(PRINTABLE))  # also the order of GPT-2's first 256 ids
LETTERS = [chr(b if i < len(PRINTABLE) else 0x100 + i - len(PRINTABLE)) for i, b in enumerate(BYTES)]
BYTE_OF = dict(zip(LETTERS, BYTES))
SPELL = dict(zip(BYTES, LETTERS))


def spell(token: bytes) -> str:
    """Bytes as the files write them."""
    return "".join([SPELL[b] for b in token])


def unspell(word: str, path: str | PathLike[str]) -> bytes:
    """The bytes that a word of the files stands for. Raises ValueError, naming `path`, at a character that stands for none."""
    try:
        return bytes([BYTE_OF[c] for c in word])
    except KeyError as error:
        raise ValueError(f"{path}: token {word!r} has the character {error.args[0]!r}, which spells no byte; "
                         "if it is a special token, name it in special_tokens") from None  # fmt: skip


def read_vocab(path: str | PathLike[str]) -> dict[str, int]:
    """Token to id. Raises ValueError unless the file is a JSON object with a different id (0 or more) for each token."""
    text = read_text(path, MAX_FILE)
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: expected a JSON object of token to id, but it is not JSON ({error})") from error
    if not isinstance(words, dict) or not all(type(i) is int and i >= 0 for i in words.values()):
        raise ValueError(f"{path}: expected a JSON object of token to id (0 or more), got something else")
    if len(set(words.values())) < len(words):
        raise ValueError(f"{path}: expected every id once, got {len(words)} tokens and {len(set(words.values()))} ids")
    return words


def read_merges(path: str | PathLike[str]) -> list[tuple[bytes, bytes]]:
    """The merges in order. Raises ValueError at a line that is not two tokens."""
    lines = read_text(path, MAX_FILE).split("\n")
    merges = []
    for number, line in enumerate(lines, 1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        parts = line.removesuffix("\r").split(" ")
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"{path}, line {number}: expected two tokens and one space between them, got {line[:80]!r}")
        merges.append((unspell(parts[0], path), unspell(parts[1], path)))
    return merges
