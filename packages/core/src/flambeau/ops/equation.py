"""Einstein's notation as people write it, spelled out for the card: every axis a letter, no ellipsis, the result's axes told."""
from __future__ import annotations

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def from_lists(arguments) -> tuple[str, tuple]:
    """`x, [0, 1], y, [1, 2], [0, 2]` as an equation and its operands: numbers below 52 are letters, Ellipsis is an ellipsis."""
    operands, lists = arguments[:-1:2] if len(arguments) % 2 else arguments[::2], arguments[1::2]
    equation = ",".join(map(_term, lists))
    return (equation + "->" + _term(arguments[-1]) if len(arguments) % 2 else equation), tuple(operands)


def _term(subscripts) -> str:
    letters = []
    for s in subscripts:
        if s is Ellipsis:
            letters.append("...")
        elif 0 <= s < len(LETTERS):
            letters.append(LETTERS[s])
        else:
            raise ValueError(f"einsum(): subscript {s} is not within the valid range [0, 52)")
    return "".join(letters)


def _parsed(text: str, start: int, where: str) -> list[str]:
    """The subscripts of a term; the ellipsis is one of them."""
    found: list[str] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == ".":
            if "..." in found:
                again = "but an ellipsis (...) was already found" if where == "output" else "for which an ellipsis was already found"
                raise RuntimeError(f"einsum(): found '.' for {where} {again}")
            if text[i:i + 3] != "...":
                raise RuntimeError(f"einsum(): found '.' for {where} that is not part of any ellipsis (...)")
            found.append("...")
            i += 3
            continue
        if c != " ":
            if c not in LETTERS:
                raise RuntimeError(f"einsum(): invalid subscript given at index {start + i} in the equation string, subscripts must be in "
                                   f"[a-zA-Z], got {c!r}")
            found.append(c)
        i += 1
    return found


def spelled_out(equation: str, operands) -> tuple[list, str]:
    """Operands, with diagonals taken and axes of one broadcast, and the complete equation.  RuntimeError where they don't fit."""
    if not operands:
        raise ValueError("einsum(): must provide at least one operand")
    left, arrow, right = equation.partition("->")
    texts = left.split(",")
    terms, at = [], 0
    for i, text in enumerate(texts):
        terms.append(_parsed(text, at, f"operand {i}"))
        at += len(text) + 1
    if len(terms) != len(operands):
        raise RuntimeError(f"einsum(): {'fewer' if len(terms) > len(operands) else 'more'} operands were provided than specified in the "
                           f"equation: it has {len(terms)}, and {len(operands)} were given")
    batch = _batch_letters(terms, operands)
    kept, full = [], []
    for i, (x, term) in enumerate(zip(operands, terms, strict=True)):
        x, letters = _diagonals(x, _letters(term, batch, x.ndim), i)
        kept.append(x)
        full.append(letters)
    written = [_letters(term, batch, x.ndim) for x, term in zip(operands, terms, strict=True)]
    result = _result(arrow, right, batch, written, len(left) + 2)
    extents: dict[str, int] = {}
    for i, (x, term) in enumerate(zip(kept, full, strict=True)):
        for c, n in zip(term, x.shape, strict=True):
            if extents.setdefault(c, n) != n and 1 not in (n, extents[c]):
                raise RuntimeError(f"einsum(): subscript {c} has size {n} for operand {i} which does not broadcast with previously seen "
                                   f"size {extents[c]}")
            extents[c] = n if extents[c] == 1 else extents[c]
    return [x.expand(tuple(extents[c] for c in t)) for x, t in zip(kept, full, strict=True)], ",".join(full) + "->" + result


def _batch_letters(terms, operands) -> str:
    """Letters that nobody uses for the axes of the longest ellipsis."""
    most = 0
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        named = len(term) - term.count("...")
        if "..." in term and named > x.ndim:
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({named}) is more than the number of dimensions "
                               f"({x.ndim}) for operand {i}")
        if "..." not in term and named != x.ndim:
            raise RuntimeError(f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                               f"({x.ndim}) for operand {i} and no ellipsis was given")
        most = max(most, x.ndim - named if "..." in term else 0)
    used = {c for term in terms for c in term}
    return "".join([c for c in LETTERS if c not in used][:most])


def _letters(term: list[str], batch: str, rank: int) -> str:
    lead = rank - (len(term) - term.count("..."))
    return "".join(batch[len(batch) - lead:] if c == "..." else c for c in term)


def _diagonals(x, term: str, place: int):
    """A letter twice in a term reads the diagonal, which becomes the last axis."""
    while len(set(term)) < len(term):
        c = next(c for c in term if term.count(c) > 1)
        first, second = term.index(c), term.index(c, term.index(c) + 1)
        if x.shape[first] != x.shape[second]:
            raise RuntimeError(f"einsum(): subscript {c} is repeated for operand {place} but the sizes don't match, {x.shape[second]} != "
                               f"{x.shape[first]}")
        x = x.diagonal(0, first, second)
        term = term[:first] + term[first + 1:second] + term[second + 1:] + c
    return x, term


def _result(arrow: str, right: str, batch: str, written: list[str], start: int) -> str:
    every = "".join(written)
    if not arrow:
        return batch + "".join(sorted(c for c in set(every) - set(batch) if every.count(c) == 1))
    term = _parsed(right, start, "output")
    for c in term:
        if term.count(c) > 1:
            raise RuntimeError(f"einsum(): output subscript {c} appears more than once in the output")
        if c != "..." and c not in every:
            raise RuntimeError(f"einsum(): output subscript {c} does not appear in the equation for any input operand")
    return "".join(batch if c == "..." else c for c in term)
