"""PyTorch's switch for what `empty` gives where algorithms are to be deterministic."""

from __future__ import annotations

# PyTorch fills such memory with NaN while `use_deterministic_algorithms(True)` holds and this is True. Here memory that nobody wrote to
# is left as it is in either case: the switch is kept so that programs can set it and read it back.
fill_uninitialized_memory = True
