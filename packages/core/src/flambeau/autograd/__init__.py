"""Gradients: `backward`, `grad`, hooks, `Function`, and checks against finite differences."""
from __future__ import annotations

from ..context import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .function import Function
from .gradcheck import gradcheck, gradgradcheck
from .gradients import backward, grad

__all__ = ["Function", "backward", "enable_grad", "grad", "gradcheck", "gradgradcheck", "is_grad_enabled", "no_grad", "set_grad_enabled"]
