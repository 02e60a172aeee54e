"""Which way attention goes, and attention with scores and masks of one's own: `bias`, `flex_attention`."""

from .sdpa import WARN_FOR_UNFUSED_KERNELS, SDPBackend, sdpa_kernel

__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "sdpa_kernel"]
