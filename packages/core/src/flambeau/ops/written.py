"""In-place forms by rule: a method computed and then written into its own tensor, and changes of a tensor's own axes."""
from __future__ import annotations

from ..context import grad as mode
from ..tensor import Tensor, live_views, plain
from ..write import in_graph, wrote
from .border import _in_place

# methods whose in-place form is the method, then the write
WRITTEN = """addbmm addmm addmv addr baddbmm clamp_max clamp_min index_copy index_fill index_reduce masked_scatter put renorm scatter
scatter_reduce""".split()
# methods that give a view of other axes: in place, the tensor becomes that view
AXES = "squeeze unsqueeze t transpose swapaxes swapdims".split()
SAME = {"absolute_": "abs_", "arccos_": "acos_", "arcsin_": "asin_", "arctan_": "atan_", "arctan2_": "atan2_", "multiply_": "mul_",
        "subtract_": "sub_", "divide_": "div_", "true_divide_": "div_", "negative_": "neg_", "not_equal_": "ne_", "greater_": "gt_",
        "greater_equal_": "ge_", "less_": "lt_", "less_equal_": "le_"}  # fmt: skip


def _reaxed(name: str):
    def call(input: Tensor, *args, **kwargs) -> Tensor:
        if input.process is not None:
            raise RuntimeError(f"{name}_(): a tensor inside a function transform keeps its axes; use {name}")
        if mode.enabled and in_graph(input):
            if input.node is not None and input.node.is_leaf:
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
            if live_views(input):
                raise RuntimeError(f"{name}_(): the tensor has views with a history, which follow its axes; use {name}")
        before = plain(input.array)
        before.node, before.base, before.source, before.cell = input.node, input.base, input.source, input.cell
        after = getattr(type(input), name)(before, *args, **kwargs)
        if after is before:
            return input
        wrote(input)
        input.array, input.node = after.array, after.node
        if input.base is not None:
            input.base, input.source = after.base, after.source
        return input

    call.__name__, call.__doc__ = name + "_", f"`{name}` of the tensor itself, which keeps its memory."
    return call


for _name in WRITTEN:
    setattr(Tensor, _name + "_", _in_place(getattr(Tensor, _name)))
for _name in AXES:
    setattr(Tensor, _name + "_", _reaxed(_name))
for _name, _same in SAME.items():
    setattr(Tensor, _name, getattr(Tensor, _same))
