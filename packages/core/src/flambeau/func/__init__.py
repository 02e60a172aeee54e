"""Transforms of functions.  They nest freely, and serve ops that users define as well as the built-in ones."""
from __future__ import annotations

from . import custom, pytree
from .functionalize import functionalize
from .grad import grad, grad_and_value, hessian, jacfwd, jacrev, vjp
from .jvp import jvp
from .linear import linearize
from .stateless import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .vmap import vmap

__all__ = ["functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "pytree",
           "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
