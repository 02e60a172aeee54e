"""PyTorch's names of the arguments: calls by keyword."""
from __future__ import annotations

import pytest

import flambeau
from flambeau import nn

x, m = flambeau.tensor([3.0, 1.0, 2.0]), flambeau.tensor([[1.0, 2.0], [3.0, 4.0]])
i = flambeau.tensor([0, 2])
CALLS = {
    "add": {"input": x, "other": x}, "sub": {"input": x, "other": 1}, "mul": {"input": x, "other": x}, "div": {"input": x, "other": x},
    "pow": {"input": x, "exponent": 2}, "sum": {"input": x, "dim": 0}, "mean": {"input": x}, "amax": {"input": x}, "prod": {"input": x},
    "std": {"input": x}, "var": {"input": x, "dim": 0}, "norm": {"input": x}, "max": {"input": x}, "sort": {"input": x, "dim": 0},
    "topk": {"input": x, "k": 2}, "where": {"condition": x > 1, "input": x, "other": x}, "clamp": {"input": x, "min": 2},
    "reshape": {"input": x, "shape": (3, 1)}, "split": {"tensor": x, "split_size_or_sections": 2}, "unsqueeze": {"input": x, "dim": 0},
    "permute": {"input": m, "dims": (1, 0)}, "transpose": {"input": m, "dim0": 0, "dim1": 1}, "gather": {"input": x, "dim": 0, "index": i},
    "index_select": {"input": x, "dim": 0, "index": i}, "mm": {"input": m, "mat2": m}, "matmul": {"input": m, "other": m},
    "bmm": {"input": m[None], "mat2": m[None]}, "addmm": {"input": m, "mat1": m, "mat2": m}, "dot": {"input": x, "tensor": x},
    "mv": {"input": m, "vec": m[0]}, "outer": {"input": x, "vec2": x}, "zeros_like": {"input": x}, "isclose": {"input": x, "other": x},
    "addcmul": {"input": x, "tensor1": x, "tensor2": x}, "median": {"input": x}, "roll": {"input": x, "shifts": 1}, "diff": {"input": x},
    "cov": {"input": m}, "tile": {"input": x, "dims": (2,)}, "round": {"input": x}, "unique": {"input": x}, "nonzero": {"input": x},
    "promote_types": {"type1": flambeau.int32, "type2": flambeau.float32}, "can_cast": {"from_": flambeau.int32, "to": flambeau.float32},
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_keywords_say_what_places_say(name):
    function, named = getattr(flambeau, name), CALLS[name]
    by_name, by_place = function(**named), function(*named.values())
    assert repr(by_name) == repr(by_place)


def test_a_wrong_keyword_is_told():
    for call in (lambda: flambeau.add(x, y=x), lambda: flambeau.pow(x, power=2), lambda: nn.functional.dropout(x, q=1.0)):
        with pytest.raises(TypeError):
            call()
