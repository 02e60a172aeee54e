"""Helpers of tests: `assert_close` compares, `make_tensor` makes inputs."""
from __future__ import annotations

from .close import assert_allclose, assert_close
from .make import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
