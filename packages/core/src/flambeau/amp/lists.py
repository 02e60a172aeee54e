"""Which ops autocast casts for: PyTorch's lists, a device each.  Names are of functions marked `casting.listed`, or of cards.

LOWER   floating inputs become the autocast dtype
FULL    they become float32
WIDEST  they become the widest of them
LIKE    they stay, and the results are of the first one's dtype: a norm of bfloat16 by float32 weights is bfloat16
END     they stay, and float32 results become the autocast dtype: PyTorch's last step there is a product of matrices
KEEP    they stay, and so do those of the ops inside: an op that PyTorch has no rule for, made here of ops that have one

float64, integers and tensors of other devices stay as they are in every case.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

LOWER, FULL, WIDEST, LIKE, END, KEEP = "lower", "full", "widest", "like", "end", "keep"

# cards that only the functions named beside call
CARDS = {
    "conv": "convolution", "attention": "scaled_dot_product_attention", "einsum_of": "einsum", "matrix_vector": "mv",
    "mean_cross_entropy": "cross_entropy", "conv_input": "conv_transpose", "l2_norm": "norm", "power_norm": "norm",
}  # fmt: skip
PRODUCTS = """matmul mm bmm linear addmm addbmm baddbmm einsum prelu convolution conv_transpose scaled_dot_product_attention vecdot
    conv_transpose1d conv_transpose2d conv_transpose3d multi_dot chain_matmul"""
LOSSES = """binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss hinge_embedding_loss huber_loss kl_div l1_loss
    margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss
    triplet_margin_loss cross_entropy"""

CPU = {
    LOWER: PRODUCTS + " inner tensordot lstm_layer rnn_layer",
    FULL: LOSSES + """ ctc_loss cdist cholesky cholesky_inverse cholesky_solve view_as_complex stft geqrf lu lu_solve quantile nanquantile
        adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d max_pool3d max_unpool1d max_unpool2d max_unpool3d fractional_max_pool2d
        fractional_max_pool3d padded ormqr qr triangular_solve svd polar pinverse trace grid_sample prod inverse
        fft fft2 fftn hfft hfft2 hfftn rfft rfft2 rfftn ifft ifft2 ifftn ihfft ihfft2 ihfftn irfft irfft2 irfftn
        linalg_cholesky_ex linalg_eig linalg_eigvals linalg_eigh linalg_eigvalsh linalg_lu_factor_ex linalg_inv_ex linalg_solve_ex
        linalg_svd linalg_svdvals linalg_qr linalg_solve_triangular
        cholesky_ex eig eigvals eigh eigvalsh inv inv_ex solve svdvals old_lu old_qr old_svd old_lu_solve
        cond lstsq householder_product matrix_rank tensorinv tensorsolve""",
    WIDEST: "cat stack index_copy",
    LIKE: "layer_norm group_norm rms_norm batch_norm instance_norm gru_layer lstm_cell gru_cell",
    END: "pinv",
    KEEP: "mv dot vdot outer ger addmv addr bilinear adaptive_avg_pool1d adaptive_avg_pool2d interpolate fold unfold "
          "multilabel_soft_margin_loss",
}  # fmt: skip
CUDA = {
    LOWER: PRODUCTS + " mv addmv addr lstm_layer gru_layer rnn_layer lstm_cell gru_cell",
    FULL: LOSSES.replace("binary_cross_entropy ", "").replace(" cross_entropy", "") + """ acos asin cosh erfinv exp expm1 log log10 log2
        log1p reciprocal rsqrt sinh tan pow softplus layer_norm rms_norm group_norm norm vector_norm matrix_norm cosine_similarity dist
        pdist cdist renorm logsumexp interpolate prod softmax log_softmax cumprod cumsum sum""",
    WIDEST: "addcdiv addcmul atan2 bilinear cross dot vdot grid_sample index_put tensordot scatter_add cat stack",
    LIKE: "batch_norm instance_norm",
    KEEP: "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d multilabel_soft_margin_loss outer ger fold unfold",
}  # fmt: skip

POLICIES = {
    device: {name: policy for policy, names in lists.items() for name in names.split()} for device, lists in (("cpu", CPU), ("cuda", CUDA))
}


def is_no_product(equation: str, *operands: object) -> bool:
    """Whether an einsum multiplies nothing with anything, or sums nothing: PyTorch makes no product of matrices of it on the CPU."""
    terms, arrow, result = equation.replace(" ", "").partition("->")
    letters = [c for c in terms if c.isalpha()]
    kept = set(result) if arrow else {c for c in letters if letters.count(c) == 1}
    return "," not in terms or not {c for c in letters if letters.count(c) > 1} - kept


def is_one_number(a: Any, b: Any, dims: Any = 2, **_options: Any) -> bool:
    """Whether a tensordot gives one number: PyTorch takes the inner product of two vectors then."""
    pairs = (range(a.ndim - dims, a.ndim), range(dims)) if isinstance(dims, int) else dims
    rest = [n for x, summed in zip((a, b), pairs) for i, n in enumerate(x.shape) if i not in [d % x.ndim for d in summed]]
    return prod(rest) == 1


# what an op with a rule is spared: (device, name) -> whether the arguments are such
SPARED: dict[tuple[str, str], Callable[..., bool]] = {
    ("cpu", "einsum"): is_no_product,
    ("cpu", "max_pool3d"): lambda *args, return_indices=False, **_: bool(return_indices or args[6:] and args[6]),
    ("cpu", "inner"): lambda a, b, **_: a.ndim == b.ndim == 1 or 0 in (a.ndim, b.ndim),
    ("cpu", "tensordot"): is_one_number,
    ("cpu", "padded"): lambda _input, _sides, mode: mode == "circular",
}
REFUSED = {
    ("cuda", "binary_cross_entropy"): "flambeau.nn.functional.binary_cross_entropy and flambeau.nn.BCELoss are unsafe to autocast.\n"
    "Many models use a sigmoid layer right before the binary cross entropy layer. In this case, combine the two layers using "
    "flambeau.nn.functional.binary_cross_entropy_with_logits or flambeau.nn.BCEWithLogitsLoss, which are safe to autocast."
}  # fmt: skip
for _device, _policies in POLICIES.items():
    _policies.update({card: _policies[name] for card, name in CARDS.items() if name in _policies})
