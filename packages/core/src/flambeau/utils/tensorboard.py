"""`SummaryWriter` for TensorBoard, by the library tensorboardX: `pip install "flambeau[tensorboard]"`."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau.utils.module_graph import Row, module_graph

try:
    import tensorboardX
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboardX.proto.versions_pb2 import VersionDef
except ImportError as error:
    raise ImportError('flambeau.utils.tensorboard writes through tensorboardX, which is not installed: pip install "flambeau[tensorboard]"'
                      ) from error

__all__ = ["SummaryWriter"]


def plain(value: Any) -> Any:
    """Tensors, in lists and dicts too, as NumPy's arrays (half precision as float32), which is what the library takes."""
    if isinstance(value, flambeau.Tensor):
        value = value.detach().cpu()
        return (value.float() if value.is_floating_point() and value.itemsize < 4 else value).numpy()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


class SummaryWriter(tensorboardX.SummaryWriter):
    """Writes scalars, images, histograms, texts … to a folder that TensorBoard shows: PyTorch's methods, which take tensors."""

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True) -> None:
        """What `model` does with `input_to_model`, a tensor or a tuple of arguments: the operations in their modules.

        The module is called once, as in evaluation. verbose prints the rows. use_strict_trace=False takes modules that give dicts.
        """
        rows = module_graph(model, input_to_model, use_strict_trace)
        if verbose:
            print("\n".join(f"{row.name}: {row.op}({', '.join(row.inputs)}) -> {row.shapes} {row.text()}" for row in rows))
        self._get_file_writer().add_onnx_graph(graph_def(rows))  # which writes any graph


def graph_def(rows: list[Row]) -> GraphDef:
    """The rows in TensorBoard's own format."""
    nodes = []
    for row in rows:
        shapes = [TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in shape]) for shape in row.shapes]
        told = {"_output_shapes": AttrValue(list=AttrValue.ListValue(shape=shapes)), "attr": AttrValue(s=row.text().encode())}
        nodes.append(NodeDef(name=row.name, op=row.op, input=row.inputs, attr=told))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _taking_tensors(name: str) -> Any:
    from functools import wraps

    own = getattr(tensorboardX.SummaryWriter, name)

    @wraps(own)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return own(self, *map(plain, args), **{key: plain(value) for key, value in kwargs.items()})

    return method


for _name in dir(tensorboardX.SummaryWriter):
    if _name.startswith("add_") and _name != "add_graph":
        setattr(SummaryWriter, _name, _taking_tensors(_name))
