"""Products of a sparse matrix, given by its entries, with a dense one."""
from __future__ import annotations

from functools import lru_cache

import numpy as np

from .native import loop, threads
from .scatter import scatter_add

__all__ = ["entries_product"]


@lru_cache(1)
def _scipy():
    """SciPy's sparse matrices, or None where SciPy is not installed."""
    try:
        import scipy.sparse
    except ModuleNotFoundError:
        return None
    return scipy.sparse


def entries_product(values, dense, rows, cols, pointers, n: int):
    """values[k] · dense[cols[k]] added up at rows[k].  (nnz), (m, j), (nnz), (nnz), (n + 1) or None -> (n, j)

    pointers, where the entries are sorted by row, says where each row begins.

    >>> entries_product(np.array([2.0, 3.0]), np.eye(2), np.array([1, 1]), np.array([0, 1]), None, 2).tolist()
    [[0.0, 0.0], [2.0, 3.0]]
    """
    if pointers is not None and type(dense) is np.ndarray and values.dtype == dense.dtype and dense.dtype.str in ("<f4", "<f8"):
        run = loop("lines", "TTqqqq->T", "(k),(m,j),(k),(n),(n),()->(n,j)")
        if run is not None:
            values, dense, cols = np.ascontiguousarray(values), np.ascontiguousarray(dense), np.ascontiguousarray(cols, np.int64)
            pointers = np.ascontiguousarray(pointers, np.int64)
            return run(values, dense, cols, pointers[:-1], pointers[1:], threads(values.size * dense.shape[1]))
    library = _scipy()
    if library is None or values.dtype.kind not in "fc" or values.dtype.itemsize < 4 or not values.size:
        return scatter_add((n, dense.shape[1]), values.dtype, (rows,), values[:, None] * dense[cols])
    shape = (n, dense.shape[0])
    if pointers is not None:
        return library.csr_array((values, cols, pointers), shape=shape) @ dense
    return library.coo_array((values, (rows, cols)), shape=shape) @ dense
