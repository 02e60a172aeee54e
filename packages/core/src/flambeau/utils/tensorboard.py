"""`SummaryWriter` for TensorBoard, by the library tensorboardX: `pip install "flambeau[tensorboard]"`."""

from __future__ import annotations

from typing import Any

import flambeau

try:
    import tensorboardX
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

    def add_graph(self, model: Any, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("add_graph needs a trace of the model, which TensorBoard is not given: print(model) shows its parts")


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
