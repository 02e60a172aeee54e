"""Learning byte-pair merges: each step joins the most frequent pair, and only the words that hold it are looked at again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

from .split import split

Pair = tuple[int, int]


def train(texts: Iterable[str], byte_order: Sequence[int], n_merges: int, min_frequency: int) -> list[Pair]:
    """Up to `n_merges` pairs of ids, in the order in which they are to be merged; merge number k makes id 256 + k.

    byte_order: the bytes by id. The heap may hold old counts: one that is too high is put back right when it comes up,
    and a pair whose count has grown is pushed anew, so the top is right whenever it is taken.
    """
    id_of = {byte: i for i, byte in enumerate(byte_order)}
    pieces = Counter(piece for text in texts for piece in split(text))
    words = [[id_of[b] for b in piece.encode("utf-8", "surrogateescape")] for piece in pieces]
    weights = list(pieces.values())

    counts: dict[Pair, int] = defaultdict(int)
    places: dict[Pair, set[int]] = defaultdict(set)  # words that hold the pair, or did
    for w, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += weights[w]
            places[pair].add(w)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)

    merges: list[Pair] = []
    while heap and len(merges) < n_merges:
        count, pair = heappop(heap)
        if -count != counts[pair]:
            if counts[pair] >= min_frequency:
                heappush(heap, (-counts[pair], pair))
            continue
        if -count < min_frequency:
            break
        new = len(byte_order) + len(merges)
        merges.append(pair)
        changed = set()
        for w in places.pop(pair):
            before, after = words[w], _merge(words[w], pair, new)
            if len(after) == len(before):
                continue
            words[w] = after
            for old in pairwise(before):
                counts[old] -= weights[w]
            for fresh in pairwise(after):
                counts[fresh] += weights[w]
                if new in fresh:
                    places[fresh].add(w)
                    changed.add(fresh)
        for fresh in changed:  # only pairs with the new id can have grown
            heappush(heap, (-counts[fresh], fresh))
    return merges


def _merge(word: list[int], pair: Pair, new: int) -> list[int]:
    """`word` with each occurrence of `pair`, from the left, as `new`."""
    left, right = pair
    merged, i, last = [], 0, len(word) - 1
    while i <= last:
        if word[i] == left and i < last and word[i + 1] == right:
            merged.append(new)
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged
