"""Families of functions whose files are read when the first of them is used: `import flambeau` stays quick, however many there are."""
from __future__ import annotations

from importlib import import_module

from ..overriding.asking import asking
from ..spelling import older
from ..write import taking_out

_BOTH = {
    "questions":
        "is_conj is_neg is_signed is_same_size is_distributed get_device moveaxis nonzero_static unsafe_split_with_sizes",
    "places":
        "take put take_along_dim index_put index_fill index_copy masked_scatter scatter scatter_reduce index_reduce unique_consecutive",
    "shapes":
        "tensor_split hsplit vsplit dsplit split_with_sizes unsafe_split unsafe_chunk ravel broadcast_to swapdims adjoint "
        "fliplr flipud rot90 diag_embed diag diagflat trace select_scatter slice_scatter diagonal_scatter narrow_copy",
    "statistics":
        "kthvalue median nanmedian quantile nanquantile mode nansum nanmean aminmax argwhere diff cov corrcoef bincount histc "
        "cummax cummin",
    "products":
        "vdot inner cross kron addmv addr addbmm",
    "matrix":
        "cholesky_solve cholesky_inverse triangular_solve det logdet slogdet matrix_power",
    "factors":
        "pinverse geqrf ormqr",
    "norms":
        "renorm",
    "histogram":
        "histogram",
    "memory":
        "as_strided as_strided_scatter msort",
}
_FUNCTIONS = {
    "leftovers":
        "eig lstsq solve symeig",
    "questions":
        "is_tensor is_storage is_complex is_floating_point numel typename detach detach_ index_put_ addmv_ select_copy slice_copy "
        "split_copy detach_copy view_as_real_copy view_as_complex_copy frobenius_norm nuclear_norm vander sym_int sym_float "
        "sym_not sym_max sym_min sym_sum sym_ite sym_sqrt cond while_loop FloatTensor DoubleTensor HalfTensor BFloat16Tensor ByteTensor "
        "CharTensor ShortTensor IntTensor LongTensor BoolTensor",
    "checks":
        "_assert _check _check_index _check_value _check_type _check_not_implemented _check_is_size _check_with _check_tensor_all "
        "_check_tensor_all_with",
    "places":
        "unravel_index",
    "shapes":
        "atleast_1d atleast_2d atleast_3d hstack vstack row_stack dstack column_stack block_diag cartesian_prod combinations "
        "tril_indices triu_indices alias_copy permute_copy squeeze_copy unsqueeze_copy transpose_copy expand_copy diagonal_copy "
        "split_with_sizes_copy view_copy",
    "statistics":
        "trapezoid trapz cumulative_trapezoid searchsorted bucketize isin",
    "products":
        "tensordot chain_matmul",
    "factors":
        "lu_unpack",
    "norms":
        "cdist pdist",
    "lowrank":
        "svd_lowrank pca_lowrank",
    "histogram":
        "histogramdd",
    "gradient":
        "gradient",
    "exchange":
        "asarray from_dlpack to_dlpack",
    "segments":
        "hash_tensor segment_reduce",
    "samplers":
        "poisson binomial _standard_gamma _sample_dirichlet",
    "memory":
        "as_strided_ as_strided_copy empty_strided empty_permuted unfold_copy t_copy unbind_copy resize_as_",
    "sparse_products":
        "dsmm hspmm saddmm smm spmm sspaddmm",
    "storage_sources":
        "from_file",
    "storage":
        "UntypedStorage TypedStorage Storage DoubleStorage FloatStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage "
        "CharStorage ByteStorage BoolStorage ComplexDoubleStorage ComplexFloatStorage",
    "sparse":
        "sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor sparse_compressed_tensor",
}
_METHODS = {
    "byhand":
        "apply_ map_ map2_ fill_diagonal_ set_ new module_load",
    "sharing":
        "share_memory_ is_shared pin_memory is_pinned",
    "samplers":
        "exponential_ cauchy_ log_normal_ geometric_",
    "memory":
        "as_strided_ new_empty_strided resize_ resize_as_ storage_offset is_set_to dim_order",
    "storage_sources":
        "from_file",
    "storage":
        "storage untyped_storage typed_storage storage_type",
    "leftovers":
        "eig lstsq solve symeig xpu ipu mtia reinforce resize resize_as",
    "sparse":
        "to_sparse to_sparse_coo to_sparse_csr to_sparse_csc to_sparse_bsr to_sparse_bsc to_dense sparse_mask",
}
# where a method has another name in its file
_RENAMED = {
    "inverse": ("matrix", "inv"), "cholesky": ("matrix", "old_cholesky"), "matrix_exp": ("matrix", "matrix_exp"),
    "orgqr": ("products", "householder_product"), "qr": ("factors", "old_qr"),
    "svd": ("factors", "old_svd"),
    "lu": ("factors", "old_lu"), "lu_solve": ("factors", "old_lu_solve"),
}
# functions that take out= by rule; those whose out may share no memory with an input
OUT = frozenset("""addcdiv addcmul addmm baddbmm alias_copy aminmax bucketize clamp_max clamp_min cummax cummin diag diagonal_copy
diff dot expand_copy frexp gather histc index_add index_copy index_reduce index_select isin kthvalue max median min mode mv nanmean
nanmedian nanquantile nansum narrow_copy norm outer permute_copy quantile renorm round scatter scatter_add
scatter_reduce searchsorted slice_scatter
sort squeeze_copy std take take_along_dim
topk transpose_copy unsqueeze_copy var view_copy masked_select
select_copy slice_copy split_copy detach_copy view_as_real_copy view_as_complex_copy frobenius_norm nuclear_norm
nonzero_static range""".split())
APART = frozenset("gather index_select index_add scatter scatter_add take masked_select kthvalue".split())
SHARED = {name: (module, name) for module, names in _BOTH.items() for name in names.split()} | _RENAMED
METHODS = SHARED | {name: (module, name) for module, names in _METHODS.items() for name in names.split()}
METHODS["_typed_storage"] = ("storage", "typed_storage")
METHODS["type"] = ("questions", "as_type")
FUNCTIONS = SHARED | {name: (module, name) for module, names in _FUNCTIONS.items() for name in names.split()}
FUNCTIONS["range"] = ("questions", "closed_range")


def function(name: str):
    """The function of `flambeau.*` that has this name."""
    module, own = FUNCTIONS[name]
    found = getattr(import_module(f"{__package__}.{module}"), own)
    if name in OUT:
        found = taking_out(found, name in APART)
    return found if hasattr(found, "card") or isinstance(found, type) else asking(found, "flambeau")


def method(name: str):
    """A method that fetches its function when it is first called."""
    module, own = METHODS[name]

    def call(self, *args, **kwargs):
        return getattr(import_module(f"{__package__}.{module}"), own)(self, *args, **kwargs)

    call.__name__ = name
    call = older(3, "beta", "alpha")(call) if name in ("addbmm", "addmv", "addr") else call
    call.__doc__ = f"See `flambeau.{name}`."
    return call


def sparse_layouts():
    """The module of sparse tensors' layouts, read when one is asked for."""
    return import_module(f"{__package__}.sparse_layouts")


def exchange():
    """The module of DLPack and the array API, read when the first of them is asked for."""
    return import_module(f"{__package__}.exchange")
