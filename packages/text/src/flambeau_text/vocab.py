"""Vocabularies: tokens to indices and back, as torchtext's."""

from __future__ import annotations

import json
import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from ._files import read_text


class Vocab:
    """Tokens in order; a token's index is its place. Unknown tokens get the default index, where one is set.

    >>> words = Vocab(["<unk>", "sun", "moon"], default_index=0)
    >>> words(["moon", "star"]), words.lookup_token(1)
    ([2, 0], 'sun')
    """

    def __init__(self, tokens: Iterable[str] = (), default_index: int | None = None) -> None:
        self._tokens: list[str] = []
        self._indices: dict[str, int] = {}
        for token in tokens:
            self.append_token(token)
        self.set_default_index(default_index)

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._indices

    def __getitem__(self, token: str) -> int:
        found = self._indices.get(token, self._default)
        if found is None:
            raise RuntimeError(f"Token {token} not found and default index is not set: set_default_index says what unknown tokens get")
        return found

    def __call__(self, tokens: Iterable[str]) -> list[int]:
        return self.lookup_indices(tokens)

    def lookup_indices(self, tokens: Iterable[str]) -> list[int]:
        """Indices of tokens. Raises RuntimeError at an unknown token when there is no default index."""
        if isinstance(tokens, str):
            raise TypeError(f"expected a list of tokens, got one str ({tokens[:40]!r}); tokenize it first, or look it up by vocab[token]")
        return [self[token] for token in tokens]

    def lookup_token(self, index: int) -> str:
        """The token at an index. Raises RuntimeError outside 0 to len - 1."""
        place = operator.index(index)
        if not 0 <= place < len(self):
            raise RuntimeError(f"expected an index from 0 to {len(self) - 1}, got {place}")
        return self._tokens[place]

    def lookup_tokens(self, indices: Iterable[int]) -> list[str]:
        """The tokens at indices. Raises RuntimeError outside 0 to len - 1."""
        return [self.lookup_token(i) for i in indices]

    def append_token(self, token: str) -> None:
        """Put a token at the end. Raises RuntimeError if it is there already."""
        self.insert_token(token, len(self))

    def insert_token(self, token: str, index: int) -> None:
        """Put a token at an index; those from there on move up by one, the default index does not.

        Raises RuntimeError if the token is there already, or at an index outside 0 to len.
        """
        if not isinstance(token, str):
            raise TypeError(f"expected a str as token, got {type(token).__name__}")
        if token in self._indices:
            raise RuntimeError(f"Token {token} already exists in the Vocab with index: {self._indices[token]}")
        if not 0 <= index <= len(self):
            raise RuntimeError(f"expected an index from 0 to {len(self)} to insert at, got {index}")
        self._tokens.insert(index, token)
        for place in range(index, len(self)):
            self._indices[self._tokens[place]] = place

    def set_default_index(self, index: int | None) -> None:
        """What unknown tokens get; with None they are an error."""
        self._default = index

    def get_default_index(self) -> int | None:
        """What unknown tokens get, or None."""
        return self._default

    def get_itos(self) -> list[str]:
        """All tokens in order of index (a copy)."""
        return list(self._tokens)

    def get_stoi(self) -> dict[str, int]:
        """Token to index (a copy)."""
        return dict(self._indices)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tokens and the default index as JSON."""
        content = json.dumps({"tokens": self._tokens, "default_index": self._default}, ensure_ascii=False)
        Path(path).write_text(content, encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Vocab:
        """Read what `save` wrote. Raises ValueError when the file holds something else."""
        text = read_text(path)
        try:
            content = json.loads(text)
            tokens, default = content["tokens"], content["default_index"]
            if not isinstance(tokens, list) or not (default is None or type(default) is int):
                raise TypeError("tokens must be a list, default_index a number or null")
            return cls(tokens, default)
        except (ValueError, RecursionError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{path}: expected a vocabulary as Vocab.save writes it ({error})") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocab) and (self._tokens, self._default) == (other._tokens, other._default)

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __repr__(self) -> str:
        return f"Vocab({len(self)} tokens, default_index={self._default})"


def vocab(ordered_dict: Mapping[str, int], min_freq: int = 1, specials: Sequence[str] | None = None, special_first: bool = True) -> Vocab:
    """A vocabulary from token counts, in the mapping's order: tokens counted at least `min_freq` times, and all specials.

    >>> vocab({"b": 3, "a": 1, "c": 2}, min_freq=2, specials=["<unk>"]).get_itos()
    ['<unk>', 'b', 'c']
    """
    specials = specials or ()
    chosen = [token for token, count in ordered_dict.items() if count >= min_freq and token not in specials]
    return Vocab([*specials, *chosen] if special_first else [*chosen, *specials])


def build_vocab_from_iterator(
    iterator: Iterable[Iterable[str]],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
    max_tokens: int | None = None,
) -> Vocab:
    """A vocabulary from lists of tokens: the most frequent first, equal counts in order of the alphabet.

    min_freq: rarer tokens are left out. specials: put first (or last), whatever their count.
    max_tokens: the size at most, with the specials; what `min_freq` then leaves out is not replaced.
    Raises ValueError when the specials alone fill it.

    >>> build_vocab_from_iterator([["a", "b"], ["b", "c"]], specials=["<unk>"]).get_itos()
    ['<unk>', 'b', 'a', 'c']
    """
    specials = specials or ()
    counts: Counter[str] = Counter()
    for tokens in iterator:
        if isinstance(tokens, str):
            raise TypeError(f"expected lists of tokens, got a str ({tokens[:40]!r}); tokenize each text first")
        counts.update(tokens)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if max_tokens is not None:
        if len(specials) >= max_tokens:
            raise ValueError(f"expected max_tokens of more than the {len(specials)} specials, got {max_tokens}")
        ordered = ordered[: max_tokens - len(specials)]
    return vocab(dict(ordered), min_freq, specials, special_first)
