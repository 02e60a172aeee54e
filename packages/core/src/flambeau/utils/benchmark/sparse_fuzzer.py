"""Random sparse tensors to measure with."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

import flambeau
from flambeau.utils.benchmark.fuzzer import FuzzedTensor


class FuzzedSparseTensor(FuzzedTensor):
    """A named sparse COO tensor.  Its parameters "density", "coalesced" and, with sparse_dim, "sparse_dim" say how it is filled."""

    def __init__(self, name: str, size: Sequence[str | int], min_elements: int | None = None, max_elements: int | None = None,
                 dim_parameter: str | None = None, sparse_dim: str | None = None, nnz: str | None = None, density: str | None = None,
                 coalesced: str | None = None, dtype: Any = flambeau.float32, cuda: bool = False) -> None:  # fmt: skip
        super().__init__(name, size, min_elements=min_elements, max_elements=max_elements, dim_parameter=dim_parameter, dtype=dtype,
                         cuda=cuda)
        self._sparse_dim, self._density, self._coalesced = sparse_dim, density, coalesced

    @staticmethod
    def sparse_tensor_constructor(size: int | Sequence[int], dtype: Any, sparse_dim: int, nnz: int, is_coalesced: bool) -> Any:
        """nnz random entries; where not is_coalesced, a second value at each place."""
        size = [size] * sparse_dim if isinstance(size, int) else list(size)
        values = FuzzedTensor.default_tensor_constructor([nnz, *size[sparse_dim:]], dtype)
        places = (flambeau.rand(sparse_dim, nnz) * flambeau.tensor(size[:sparse_dim]).unsqueeze(1)).long()
        if not is_coalesced:
            values, places = flambeau.cat([values, flambeau.randn_like(values)]), flambeau.cat([places, places], 1)
        x = flambeau.sparse_coo_tensor(places, values, size)
        return x.coalesce() if is_coalesced else x

    def _make_tensor(self, params: dict[str, Any], state: np.random.RandomState) -> tuple[Any, dict[str, Any]]:
        size, _ = self._resolved(params)
        density = params["density"]
        sparse_dim = min(params["sparse_dim"] if self._sparse_dim else len(size), len(size))
        x = self.sparse_tensor_constructor(size, self._dtype, sparse_dim, ceil(sum(size) * density), params["coalesced"])
        x = x.cuda() if self._cuda else x
        return x, {"numel": x.numel(), "shape": x.shape, "is_coalesced": x.is_coalesced(), "density": density, "sparsity": 1.0 - density,
                   "sparse_dim": x.sparse_dim(), "dense_dim": x.dense_dim(), "is_hybrid": len(size) > sparse_dim,
                   "dtype": str(self._dtype)}  # fmt: skip
