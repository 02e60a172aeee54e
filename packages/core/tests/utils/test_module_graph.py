"""The rows of a module's graph: every op in its module, joined by the names of what it takes."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import context, nn
from flambeau.utils.module_graph import module_graph


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
        self.norm = nn.BatchNorm1d(3)
        self.twin = self.body[0]

    def forward(self, first, pair):
        both = flambeau.cat([self.norm(self.body(first)), pair[0] * 2 + flambeau.ones(3), self.twin(pair[1])])
        return both, {"sum": both.sum()}


def test_every_op_is_in_its_module_and_leads_from_the_inputs_to_the_outputs():
    model, x = Block(), flambeau.ones(2, 3)
    model.norm.eval()
    rows = module_graph(model, (x, (x + 1, x + 2)))
    names = [row.name for row in rows]
    assert len(set(names)) == len(names) and names[:3] == ["input/first", "input/pair", "input/pair.1"]
    assert names[-2:] == ["output/output.1", "output/output.2"] and rows[-2].shapes == ((6, 3),)
    for i, row in enumerate(rows):
        assert set(row.inputs) <= set(names[:i]), row
    assert names.count("Block/Sequential[body]/Linear[0]/weight") == 1  # it is the twin's, too
    linears = [row for row in rows if row.op == "aten::linear"]
    assert [row.inputs[0] for row in linears] == ["input/first", "input/pair.1"] and linears[0].shapes == ((2, 3),)
    (joined,) = (row for row in rows if row.op == "aten::cat")
    assert len(joined.inputs) == 3 and joined.name == "Block/cat" and "dim" in joined.text()
    assert any(name.startswith("Block/BatchNorm1d[norm]/running_mean") for name in names)
    assert [row.name for row in rows if row.op == "prim::Constant"] == ["Block/constant"]  # the ones, which nothing led to
    # the module is as it was, and nothing watches any more
    assert model.training and model.body[1].training and not model.norm.training and not model.norm._forward_hooks
    assert model.norm.num_batches_tracked == 0 and not context.modes


def test_what_has_no_graph():
    x = flambeau.ones(1)

    class Dict(nn.Module):
        def forward(self, x):
            return {"y": x + 1}

    class Nothing(nn.Module):
        def forward(self, x):
            return x.sum().item()

    assert module_graph(Dict(), x, strict=False)[-1].inputs == ("Dict/add",)
    for model, given, error, match in (
        (Dict(), x, RuntimeError, "use_strict_trace=False"), (Nothing(), x, RuntimeError, "gives no tensor"),
        (nn.Linear(1, 1), None, TypeError, "called with"), (print, x, TypeError, "expected a module"),
        (nn.Linear(3, 1), x, RuntimeError, "shape|size"),
    ):  # fmt: skip
        with pytest.raises(error, match=match):
            module_graph(model, given)
        assert not context.modes
