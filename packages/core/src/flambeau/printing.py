"""Tensors as text, as PyTorch prints them."""
from __future__ import annotations

import math

import numpy as np

from . import context
from .dtype import bool_, complex64, int64
from .layout import sparse_bsr, sparse_coo, sparse_csr, strided

precision, threshold, edgeitems, linewidth, sci_mode = 4, 1000, 3, 80, None


def set_printoptions(*, precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None) -> None:
    """How tensors print: digits after the point, elements before a summary begins, elements at its edges, columns, scientific form."""
    profiles = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}
    if profile is not None:
        if profile not in profiles:
            raise ValueError(f"profile must be one of {', '.join(profiles)}, got {profile!r}")
        chosen = dict(zip(("precision", "threshold", "edgeitems", "linewidth"), profiles[profile], strict=True))
    else:
        chosen = {}
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    globals().update(chosen | {k: v for k, v in given.items() if v is not None} | {"sci_mode": sci_mode})


class _Format:
    """How the elements of one tensor are written: all with the same width."""

    def __init__(self, values: np.ndarray):
        self.kind, self.whole, self.scientific, self.width = values.dtype.kind, True, False, 1
        flat = values.reshape(-1)
        if self.kind in "biu":
            self.width = max((len(str(v)) for v in flat.tolist()), default=1)
            return
        seen = flat[np.isfinite(flat) & (flat != 0)]
        if not seen.size:
            return  # PyTorch pads by the width of finite numbers other than 0 alone
        size = np.abs(seen)
        low, high = float(size.min()), float(size.max())
        self.whole = bool((seen == np.ceil(seen)).all())
        self.scientific = high / low > 1000.0 or high > 1e8 or (not self.whole and low < 1e-4) if sci_mode is None else sci_mode
        self.width = max(len(self(v)) for v in seen.tolist())

    def __call__(self, value) -> str:
        if self.kind in "biu":
            return str(value)
        if self.scientific:
            return f"{value:.{precision}e}"
        if self.whole:
            text = f"{value:.0f}"
            return text if not math.isfinite(value) else text + "."
        return f"{value:.{precision}f}"


def _scalar(value, form) -> str:
    return form(value).rjust(form.width)


def _complex(value, real, imag) -> str:
    sign = "-" if value.imag < 0 or (value.imag == 0 and math.copysign(1, value.imag) < 0) else "+"
    return real(value.real).rjust(real.width) + sign + imag(abs(value.imag)).rjust(imag.width).lstrip() + "j"


def _vector(row, write, width: int, indent: int, summary: bool) -> str:
    per_line = max(1, (linewidth - indent) // max(1, width + 2))
    if summary and len(row) > 2 * edgeitems:
        items = [write(v) for v in row[:edgeitems].tolist()] + [" ..."] + [write(v) for v in row[-edgeitems:].tolist()]
    else:
        items = [write(v) for v in row.tolist()]
    lines = [items[i:i + per_line] for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(", ".join(line) for line in lines) + "]"


def _nested(values, write, width, indent, summary) -> str:
    if values.ndim == 0:
        return write(values.item())
    if values.ndim == 1:
        return _vector(values, write, width, indent, summary)
    if summary and values.shape[0] > 2 * edgeitems:
        rows = [_nested(v, write, width, indent + 1, summary) for v in values[:edgeitems]] + ["..."]
        rows += [_nested(v, write, width, indent + 1, summary) for v in values[-edgeitems:]]
    else:
        rows = [_nested(v, write, width, indent + 1, summary) for v in values]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(rows) + "]"


def _edges(values: np.ndarray) -> np.ndarray:
    """The elements that a summary shows: they alone decide the format."""
    for axis in range(values.ndim):
        if values.shape[axis] > 2 * edgeitems:
            values = np.concatenate([values.take(range(edgeitems), axis), values.take(range(-edgeitems, 0), axis)], axis)
    return values


def contents(values: np.ndarray, indent: int) -> str:
    """The nested lists of an array's elements."""
    if values.dtype.kind == "V" or (values.dtype.kind == "f" and values.dtype.itemsize < 4):
        values = values.astype(np.float32)
    summary = values.size > threshold
    shown = _edges(values) if summary else values
    if values.dtype.kind == "c":
        real, imag = _Format(shown.real), _Format(np.abs(shown.imag))
        return _nested(values, lambda v: _complex(v, real, imag), real.width + imag.width + 2, indent, summary)
    form = _Format(shown)
    return _nested(values, lambda v: _scalar(v, form), form.width, indent, summary)


def to_string(x) -> str:
    """A tensor as PyTorch's repr writes it: contents, then what differs from the defaults."""
    if x.layout is not strided:
        return _sparse_text(x)
    prefix = "tensor("
    notes = []
    kind = x.dtype
    if x.device.type != "cpu":
        notes.append(f"device='{x.device}'")
    usual = (context.get_default_dtype(), int64, bool_, context.default_complex() if kind is not complex64 else complex64)
    if x.is_meta or x.numel() == 0:
        if x.is_meta or x.ndim != 1:
            notes.append(f"size={tuple(x.shape)}")
        if kind is not context.get_default_dtype():
            notes.append(f"dtype={kind}")
        body = "..." if x.is_meta else "[]"
    else:
        if kind not in usual:
            notes.append(f"dtype={kind}")
        body = contents(x.detach().cpu().array, len(prefix))
    if x.grad_fn is not None:
        notes.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return _with_notes(prefix + body, notes)


def _with_notes(text: str, notes: list[str], apart: bool = False) -> str:
    """The text and what is told behind it, on lines that are not too long; `apart`: on a new one."""
    pad, last = " " * len("tensor("), len(text) - text.rfind("\n") + 1
    for note in notes:
        if apart or last + len(note) + 2 > linewidth:
            text, last, apart = f"{text},\n{pad}{note}", len(pad) + len(note), False
        else:
            text, last = f"{text}, {note}", last + len(note) + 2
    return text + ")"


# ---- sparse tensors
def _part(x, indent: int) -> str:
    if x.numel() == 0:
        return f"tensor([], size={tuple(x.shape)})"
    return "tensor(" + contents(x.detach().cpu().array, indent + len("tensor(")) + ")"


def _sparse_text(x) -> str:
    """indices, values, size, and what differs from the defaults."""
    names = ("indices",) if x.kind is sparse_coo else ("crow_indices", "col_indices") if x.kind in (sparse_csr, sparse_bsr) \
        else ("ccol_indices", "row_indices")
    pad = " " * len("tensor(")
    parts = [f"{name}={_part(part, len('tensor(') + len(name) + 1)}" for name, part in zip(names, x.places, strict=True)]
    parts.append(f"values={_part(x.entries, len('tensor(values='))}")
    notes = [f"size={tuple(x.shape)}", f"nnz={x._nnz()}"]
    if x.device.type != "cpu":
        notes.insert(0, f"device='{x.device}'")
    if x.dtype not in (context.get_default_dtype(), int64, bool_, context.default_complex()):
        notes.append(f"dtype={x.dtype}")
    notes.append(f"layout={x.kind}")
    if x.grad_fn is not None:
        notes.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.requires_grad:
        notes.append("requires_grad=True")
    return _with_notes("tensor(" + (",\n" + pad).join(parts), notes, x.kind is sparse_coo)
