"""Byte-level byte-pair encoding: text to token ids and back, with GPT-2's rules and files.

Source: Sennrich, Haddow, Birch (2016), "Neural machine translation of rare words with subword units";
Radford et al. (2019), "Language models are unsupervised multitask learners", for the step down to bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain, pairwise
from operator import index
from os import PathLike
from pathlib import Path

from .gpt2_files import BYTE_OF, BYTES, read_merges, read_vocab, spell, unspell
from .split import split
from .train import train

END_OF_TEXT = "<|endoftext|>"
Pair = tuple[int, int]


class ByteLevelBPE:
    """Byte-level BPE tokenizer: any text, even any bytes, comes back unchanged.

    tokens: the bytes of each token, by id; all 256 single bytes must be among them.
    merges: pairs of token bytes, the most frequent first; what a pair makes must be a token.
    special_tokens: text to id, for tokens that no merge makes. `encode` takes them for plain text unless told otherwise.

    >>> bpe = ByteLevelBPE.train(["low lower lowest"], vocab_size=259, special_tokens=[])
    >>> bpe.encode("slow")
    [82, 257]
    >>> bpe.decode([82, 257])
    'slow'
    """

    def __init__(
        self, tokens: Mapping[int, bytes], merges: Iterable[tuple[bytes, bytes]], special_tokens: Mapping[str, int] | None = None
    ) -> None:
        self.special_tokens = dict(special_tokens or {})
        self._bytes = dict(tokens) | {i: text.encode() for text, i in self.special_tokens.items()}
        ids = {token: i for i, token in tokens.items()}
        if len(ids) != len(tokens) or len(self._bytes) != len(tokens) + len(self.special_tokens):
            raise ValueError(f"expected every token and every id once, got {len(tokens)} tokens, {len(ids)} of them different, "
                             f"and special tokens {self.special_tokens}")  # fmt: skip
        for text in self.special_tokens:
            if not text or (BYTE_OF.keys() >= set(text) and unspell(text, "special_tokens") in ids):
                raise ValueError(f"expected special tokens to differ from '' and from every token's spelling, got {text!r}")
        missing = [b for b in range(256) if bytes([b]) not in ids]
        if missing:
            raise ValueError(f"expected all 256 single bytes among the tokens, {len(missing)} are missing, the first is {missing[0]}")
        self._byte_ids = [ids[bytes([b])] for b in range(256)]
        self._merges = _rank(merges, ids)
        unmade = set(ids.values()) - set(self._byte_ids) - {made for _, made in self._merges.values()}
        if unmade:
            raise ValueError(f"{len(unmade)} tokens are made by no merge, such as {self._bytes[min(unmade)]!r}: "
                             "the list of merges is cut, or they are special tokens and must be named as such")  # fmt: skip
        self._special = re.compile("(" + "|".join(map(re.escape, sorted(self.special_tokens, key=len, reverse=True))) + ")")
        self._pieces = _Cache(self._encode_piece)

    # --- making, reading, writing ---

    @classmethod
    def train(
        cls, texts: Iterable[str], vocab_size: int, special_tokens: Sequence[str] = (END_OF_TEXT,), min_frequency: int = 2
    ) -> ByteLevelBPE:
        """A tokenizer of at most `vocab_size` tokens learnt from `texts`: bytes first, then merges by frequency, special tokens last.

        There are fewer when no pair is left that occurs `min_frequency` times. Equal counts: the pair of smaller ids goes first.
        Raises ValueError when vocab_size leaves no room for the 256 bytes and the special tokens.
        """
        n_merges = vocab_size - 256 - len(special_tokens)
        if n_merges < 0:
            least = 256 + len(special_tokens)
            raise ValueError(f"expected vocab_size of at least {least} (256 bytes and the special tokens), got {vocab_size}")
        if isinstance(texts, str):
            raise TypeError("expected an iterable of texts, got one str; give [text]")
        if len(set(special_tokens)) < len(special_tokens):
            raise ValueError(f"expected every special token once, got {list(special_tokens)}")
        made = train(texts, BYTES, n_merges, min_frequency)
        tokens = [bytes([b]) for b in BYTES]
        merges = []
        for left, right in made:
            merges.append((tokens[left], tokens[right]))
            tokens.append(tokens[left] + tokens[right])
        return cls(dict(enumerate(tokens)), merges, {text: len(tokens) + i for i, text in enumerate(special_tokens)})

    @classmethod
    def from_files(
        cls, vocab: str | PathLike[str], merges: str | PathLike[str], special_tokens: Sequence[str] = (END_OF_TEXT,)
    ) -> ByteLevelBPE:
        """Read GPT-2's pair of files: vocab.json (also called encoder.json) and merges.txt (vocab.bpe); either may be gzipped.

        Special tokens count where the vocabulary has them. Raises ValueError when a file is corrupt or they do not fit.
        """
        words = read_vocab(vocab)
        special = {text: words.pop(text) for text in special_tokens if text in words}
        tokens = {i: unspell(word, vocab) for word, i in words.items()}
        try:
            return cls(tokens, read_merges(merges), special)
        except ValueError as error:
            raise ValueError(f"{vocab} and {merges} do not make a tokenizer: {error}") from error

    def save(self, folder: str | PathLike[str]) -> tuple[Path, Path]:
        """Write `folder`/vocab.json and `folder`/merges.txt in GPT-2's format; gives back both paths."""
        vocab, merges = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocab.parent.mkdir(parents=True, exist_ok=True)
        special = {i: text for text, i in self.special_tokens.items()}
        words = {special.get(i) or spell(token): i for i, token in sorted(self._bytes.items())}
        vocab.write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        lines = [f"{spell(self._bytes[left])} {spell(self._bytes[right])}\n" for left, right in self._merges]
        merges.write_text("#version: 0.2\n" + "".join(lines), encoding="utf-8")
        return vocab, merges

    # --- text to ids ---

    def encode(self, text: str, allowed_special: bool = False) -> list[int]:
        """Token ids of `text`. A special token's text becomes its id only if `allowed_special`: what a user types stays plain text.

        Characters that `surrogateescape` puts in place of undecodable bytes stand for those bytes.
        """
        if not isinstance(text, str):
            raise TypeError(f"expected str, got {type(text).__name__}; encode_bytes takes bytes, and a list of texts is encoded one by one")
        if not (allowed_special and self.special_tokens):
            return list(chain.from_iterable(map(self._pieces.__getitem__, split(text))))
        parts = self._special.split(text)  # plain, special, plain, ..., plain
        return [i for part in parts for i in ([self.special_tokens[part]] if part in self.special_tokens else self.encode(part))]

    def encode_bytes(self, data: bytes) -> list[int]:
        """Token ids of any bytes; equals `encode` where they are UTF-8.

        >>> bpe = ByteLevelBPE.train([], 256, special_tokens=[])
        >>> bpe.decode_bytes(bpe.encode_bytes(bytes([0xFF, 0x00])))
        b'\\xff\\x00'
        """
        return self.encode(data.decode("utf-8", "surrogateescape"))

    def tokenize(self, text: str) -> list[str]:
        """The tokens of `text` as the files spell them: a space is Ġ, a line feed Ċ."""
        return [spell(self._bytes[i]) for i in self.encode(text)]

    __call__ = tokenize

    def _encode_piece(self, piece: str) -> list[int]:
        """Merge the pair of lowest rank wherever it occurs, from left to right, until none has a rank. O(n log n) in the piece's length."""
        ids: list[int] = [self._byte_ids[b] for b in piece.encode("utf-8", "surrogateescape")]
        ranks = self._merges
        n = len(ids)
        following, previous = list(range(1, n + 1)), list(range(-1, n - 1))
        todo = [(*ranks[pair], i, pair) for i, pair in enumerate(pairwise(ids)) if pair in ranks]
        heapify(todo)
        while todo:
            rank = todo[0][0]
            fresh = []
            # all places of one rank before any new pair: a new pair may have a lower rank where two merges make the same token
            while todo and todo[0][0] == rank:
                _, made, i, (left, right) = heappop(todo)
                j = following[i]
                if ids[i] != left or j >= n or ids[j] != right:
                    continue  # an earlier merge took one side
                ids[i], ids[j] = made, -1
                after = following[i] = following[j]
                before = previous[i]
                if after < n:
                    previous[after] = i
                    fresh.append((i, (made, ids[after])))
                if before >= 0:
                    fresh.append((before, (ids[before], made)))
            for i, pair in fresh:
                if pair in ranks:
                    heappush(todo, (*ranks[pair], i, pair))
        return [i for i in ids if i >= 0]

    # --- ids to text ---

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of token ids. Raises ValueError at an id that is no token's."""
        known = self._bytes
        ids = [index(i) for i in ids]
        try:
            return b"".join([known[i] for i in ids])
        except KeyError as error:
            raise ValueError(f"expected token ids of this vocabulary of {len(known)} tokens, got {error.args[0]}") from None

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """The text of token ids; `errors` says what to do where their bytes are not UTF-8, as for `bytes.decode`."""
        return self.decode_bytes(ids).decode("utf-8", errors)

    def __len__(self) -> int:
        return len(self._bytes)

    def __repr__(self) -> str:
        return f"ByteLevelBPE({len(self)} tokens, {len(self._merges)} merges, special_tokens={list(self.special_tokens)})"


class _Cache(dict[str, list[int]]):
    """Remembers the ids of each piece; a text has few different ones."""

    LIMIT = 1 << 18

    def __init__(self, encode: Callable[[str], list[int]]) -> None:
        self.encode = encode

    def __missing__(self, piece: str) -> list[int]:
        ids = self.encode(piece)
        if len(piece) <= 64:  # longer ones hardly come again
            if len(self) >= self.LIMIT:
                self.clear()
            self[piece] = ids
        return ids


def _rank(merges: Iterable[tuple[bytes, bytes]], ids: Mapping[bytes, int]) -> dict[Pair, tuple[int, int]]:
    """Each mergeable pair of ids with its rank and the id that it makes."""
    ranks: dict[Pair, tuple[int, int]] = {}
    made = {ids[bytes([b])] for b in range(256)}
    for rank, (left, right) in enumerate(merges):
        where = f"merge {rank + 1}, {spell(left)} {spell(right)}"
        if left + right not in ids:
            raise ValueError(f"{where}: expected what it makes to be a token, {spell(left + right)} is not in the vocabulary")
        pair = ids.get(left, -1), ids.get(right, -1)
        if not made.issuperset(pair):
            raise ValueError(f"{where}: expected bytes or what earlier merges made")
        if pair in ranks:
            raise ValueError(f"{where}: expected each merge once, it was merge {ranks[pair][0] + 1} already")
        ranks[pair] = rank, ids[left + right]
        made.add(ids[left + right])
    return ranks
