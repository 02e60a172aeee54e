"""`SummaryWriter` for TensorBoard, by the library tensorboardX: `pip install "flambeau[tensorboard]"`."""

from __future__ import annotations

import os
import time
from typing import Any

import flambeau
from flambeau.utils.module_graph import Row, module_graph

try:
    import tensorboardX
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboardX.proto.tensor_pb2 import TensorProto
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboardX.proto.types_pb2 import DataType
    from tensorboardX.proto.versions_pb2 import VersionDef
    from tensorboardX.summary import hparams
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


    def get_logdir(self) -> str:
        """The folder that is written to."""
        return self.logdir

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
                   new_style: bool = False, double_precision: bool = False, *,
                   display_name: str = "", summary_description: str = "") -> None:  # fmt: skip
        """A number. new_style writes it as a tensor, of float64 where double_precision; otherwise it is a float32."""
        if not new_style:
            super().add_scalar(tag, plain(scalar_value), global_step, walltime, display_name, summary_description)
            return
        number = flambeau.as_tensor(scalar_value, dtype=flambeau.float64 if double_precision else flambeau.float32).detach()
        if number.numel() != 1:
            raise ValueError(f"add_scalar({tag!r}): expected one number, got a tensor of shape {list(number.shape)}")
        about = {"display_name": display_name, "summary_description": summary_description}
        self._add_values(tag, number.reshape(()), "scalars", global_step, walltime, **about)

    def add_tensor(self, tag: str, tensor: flambeau.Tensor, global_step: int | None = None, walltime: float | None = None) -> None:
        """A whole tensor of numbers.  ValueError for a dtype that TensorBoard does not have, and for 2 GB and more."""
        if tensor.nbytes >= 1 << 31:
            raise ValueError(f"add_tensor({tag!r}): expected a tensor of less than 2 GB, got {tensor.nbytes} bytes")
        self._add_values(tag, tensor.detach(), "tensor", global_step, walltime)

    def _add_values(self, tag: str, tensor: flambeau.Tensor, plugin: str, step: Any, walltime: Any, **about: str) -> None:
        kind = KINDS.get(tensor.dtype)
        if kind is None:
            raise ValueError(f"{tag} has unsupported tensor dtype {tensor.dtype}: convert it with .float()")
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=n) for n in tensor.shape])
        values = TensorProto(dtype=DataType.Value(kind), tensor_shape=shape, tensor_content=tensor.cpu().contiguous().array.tobytes())
        told = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin), **about)
        self._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=tag, metadata=told, tensor=values)]), step, walltime)

    def add_hparams(self, hparam_dict: dict[str, Any], metric_dict: dict[str, Any],
                    hparam_domain_discrete: dict[str, list[Any]] | None = None,
                    run_name: str | None = None, global_step: int | None = None) -> None:  # fmt: skip
        """A run under its settings, in the folder `run_name` below this one, the time by default.

        hparam_domain_discrete: all values that a setting may take.  TypeError where it names no setting, or they are of another type.
        """
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        settings = {name: value.item() if isinstance(value, flambeau.Tensor) else value for name, value in hparam_dict.items()}
        domains = hparam_domain_discrete or {}
        for name, domain in domains.items():
            if name not in settings or not isinstance(domain, list) or not all(isinstance(v, type(settings[name])) for v in domain):
                raise TypeError(f"parameter: hparam_domain_discrete[{name!r}] should be a list of same type as hparam_dict[{name!r}].")
        experiment, *session = hparams(settings, plain(metric_dict))
        told = experiment.value[0].metadata.plugin_data
        content = HParamsPluginData.FromString(told.content)
        for info in content.experiment.hparam_infos:
            info.domain_discrete.extend(domains.get(info.name, []))
        told.content = content.SerializeToString()
        with SummaryWriter(os.path.join(self.logdir, run_name or str(time.time()))) as run:
            for summary in (experiment, *session):
                run._get_file_writer().add_summary(summary, global_step)
            for name, value in metric_dict.items():
                run.add_scalar(name, value, global_step)

    def add_image_with_boxes(self, tag: str, img_tensor: Any, box_tensor: Any, global_step: int | None = None,
                             walltime: float | None = None,
                             rescale: float = 1, dataformats: str = "CHW", labels: Any = None) -> None:  # fmt: skip
        """A picture (3, H, W) with boxes (n, 4) on it, of corners (x, y, x, y), and a label for each."""
        super().add_image_with_boxes(tag, plain(img_tensor), plain(box_tensor), global_step, walltime, dataformats, labels, rescale=rescale)


KINDS = {
    flambeau.float32: "DT_FLOAT", flambeau.float64: "DT_DOUBLE", flambeau.float16: "DT_HALF", flambeau.bfloat16: "DT_BFLOAT16",
    flambeau.int8: "DT_INT8", flambeau.int16: "DT_INT16", flambeau.int32: "DT_INT32", flambeau.int64: "DT_INT64",
    flambeau.uint8: "DT_UINT8", flambeau.bool: "DT_BOOL", flambeau.complex64: "DT_COMPLEX64", flambeau.complex128: "DT_COMPLEX128",
}  # fmt: skip


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
    if _name.startswith("add_") and _name not in vars(SummaryWriter):
        setattr(SummaryWriter, _name, _taking_tensors(_name))
