"""Masked tensors as text: -- for what is hidden."""

from __future__ import annotations

from typing import Any


def told(x: Any) -> str:
    data, mask = x._masked_data.detach().cpu(), x._masked_mask.cpu()
    if x.is_sparse:
        data, mask = data.to_dense(), mask.to_dense()
    if x.dim() == 0:
        return f"MaskedTensor({_element(data.item()) if mask.item() else '--'}, {mask.item()})"
    return f"MaskedTensor(\n{_indented(_nested(data.tolist(), mask.tolist(), x.dim()))}\n)"


def _element(value: Any) -> str:
    return f"{value:8.4f}" if isinstance(value, float) else str(value)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _nested(data: list, mask: list, axes: int) -> str:
    if axes == 1:
        texts = [_element(value) for value in data]
        width = max((len(text) if seen else 8 for text, seen in zip(texts, mask, strict=True)), default=0)
        return f"[{', '.join(text if seen else '--'.rjust(width) for text, seen in zip(texts, mask, strict=True))}]"
    return "[\n" + ",\n".join(_indented(_nested(d, m, axes - 1)) for d, m in zip(data, mask, strict=True)) + "\n]"
