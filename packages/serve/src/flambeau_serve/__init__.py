"""Flambeau models behind the Open Inference Protocol v2."""

__version__ = "0.1.0"

from .app import create_app
from .batching import Batcher
from .errors import ServeError
from .model import Model, load_model
from .server import running, serve
from .signature import Signature, TensorSpec

__all__ = ["Batcher", "Model", "ServeError", "Signature", "TensorSpec", "create_app", "load_model", "running", "serve"]
