"""What `flambeau.*` itself offers of the functions of networks where PyTorch spells it otherwise than in nn.functional.

There a reduction is a number (0 none, 1 mean, 2 sum; none where it is left out), dropout takes `train`, norms take their statistics in
another order, pools and bags give their places too. Each is the function of nn.functional: arguments are put into its order.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ... import nn
from ...ops.border import rsub
from ...tensor import Tensor

__all__ = """adaptive_max_pool1d alpha_dropout alpha_dropout_ dropout dropout_ feature_alpha_dropout feature_alpha_dropout_ feature_dropout
feature_dropout_ batch_norm instance_norm layer_norm group_norm native_batch_norm native_layer_norm native_group_norm native_dropout
native_channel_shuffle binary_cross_entropy_with_logits cosine_embedding_loss ctc_loss hinge_embedding_loss kl_div
margin_ranking_loss poisson_nll_loss triplet_margin_loss embedding embedding_bag embedding_renorm_ max_pool1d_with_indices
affine_grid_generator convolution constant_pad_nd norm_except_dim lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell
rnn_relu_cell""".split()

_REDUCTIONS = ("none", "mean", "sum")


def _reduction(number: int | str) -> str:
    if isinstance(number, str):
        return number
    if number not in (0, 1, 2):
        raise ValueError(f"reduction must be 0 (none), 1 (mean) or 2 (sum), got {number}")
    return _REDUCTIONS[number]


F = nn.functional


# ---- dropout: (input, p, train)
def _dropped(name: str, inplace: bool):
    function = getattr(F, name)

    def call(input: Tensor, p: float, train: bool) -> Tensor:
        return function(input, p, train, inplace)

    call.__name__ = call.__qualname__ = name + "_" * inplace
    call.__doc__ = f"`nn.functional.{name}` with p and train spelled out{', written into input' * inplace}.  (*) -> (*)"
    return call


dropout, dropout_ = _dropped("dropout", False), _dropped("dropout", True)
alpha_dropout, alpha_dropout_ = _dropped("alpha_dropout", False), _dropped("alpha_dropout", True)
feature_alpha_dropout, feature_alpha_dropout_ = _dropped("feature_alpha_dropout", False), _dropped("feature_alpha_dropout", True)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Whole channels dropped with chance p, and the others scaled.  (n, c, *) -> (n, c, *)"""
    if input.ndim < 2:
        raise RuntimeError("feature dropout requires at least 2 dimensions in the input")
    if not train or p == 0:
        return input
    if p == 1:
        return input * 0
    shape = input.shape[:2] + (1,) * (input.ndim - 2)
    kept = flambeau.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    return input * kept.div_(1 - p)


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """`feature_dropout`, written into input."""
    return input.copy_(feature_dropout(input, p, train))


def native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """Dropout and the mask of what it kept.  (*) -> (*), (*)"""
    if train is False or p == 0:
        return input.clone(), flambeau.ones_like(input, dtype=flambeau.bool)
    if p == 1:
        return flambeau.zeros_like(input), flambeau.zeros_like(input, dtype=flambeau.bool)
    kept = flambeau.empty_like(input).bernoulli_(1 - p).bool()
    return input * kept * (1 / (1 - p)), kept


# ---- norms
def batch_norm(input, weight, bias, running_mean, running_var, training: bool, momentum: float, eps: float, cudnn_enabled: bool = True):
    """Channels brought to mean 0 and variance 1, then scaled.  (n, c, *), (c), (c), (c), (c) -> (n, c, *)"""
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(input, weight, bias, running_mean, running_var, use_input_stats: bool, momentum: float, eps: float,
                  cudnn_enabled: bool = True):
    """Channels of each sample brought to mean 0 and variance 1.  (n, c, *) -> (n, c, *)"""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def layer_norm(input, normalized_shape: Sequence[int], weight=None, bias=None, eps: float = 1e-5, cudnn_enable: bool = True):
    """The last axes brought to mean 0 and variance 1, then scaled.  (*, s) -> (*, s)"""
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(input, num_groups: int, weight=None, bias=None, eps: float = 1e-5, cudnn_enabled: bool = True):
    """Groups of channels brought to mean 0 and variance 1.  (n, c, *) -> (n, c, *)"""
    return F.group_norm(input, num_groups, weight, bias, eps)


def _moments(x: Tensor, axes: Sequence[int], eps: float) -> tuple[Tensor, Tensor]:
    wide = x.float() if x.dtype in (flambeau.float16, flambeau.bfloat16) else x
    var, mean = flambeau.var_mean(wide, axes, correction=0, keepdim=True)
    return mean, (var + eps).rsqrt()


def native_batch_norm(input, weight, bias, running_mean, running_var, training: bool, momentum: float, eps: float):
    """batch_norm, and the mean and 1/√(variance + eps) that it used (empty where it used the running ones).  -> (n, c, *), (c), (c)"""
    if not training:
        out = F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
        return out, input.new_empty(0), input.new_empty(0)
    mean, scale = _moments(input, [0, *range(2, input.ndim)], eps)
    return F.batch_norm(input, running_mean, running_var, weight, bias, True, momentum, eps), mean.reshape(-1), scale.reshape(-1)


def native_layer_norm(input, normalized_shape: Sequence[int], weight, bias, eps: float):
    """layer_norm, and the mean and 1/√(variance + eps) of every row.  (*, s) -> (*, s), (*, 1…), (*, 1…)"""
    out = F.layer_norm(input, normalized_shape, weight, bias, eps)
    return (out, *_moments(input, list(range(input.ndim - len(normalized_shape), input.ndim)), eps))


def native_group_norm(input, weight, bias, N: int, C: int, HxW: int, group: int, eps: float):
    """group_norm, and the mean and 1/√(variance + eps) of every group.  (n, c, *) -> (n, c, *), (n, group), (n, group)"""
    mean, scale = _moments(input.reshape(N, group, -1), [2], eps)
    return F.group_norm(input, group, weight, bias, eps), mean.reshape(N, group), scale.reshape(N, group)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm over every axis but one.  (a, *) -> (a, 1…)"""
    if dim == -1:
        return flambeau.norm(v, pow)
    return flambeau.norm(v, pow, [axis for axis in range(v.ndim) if axis != dim], keepdim=True)


# ---- losses: reduction is a number
def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction: int = 0):
    """Binary cross entropy of logits.  (*), (*) -> () or (*)"""
    return F.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight, reduction=_reduction(reduction))


def cosine_embedding_loss(input1, input2, target, margin: float = 0.0, reduction: int = 0):
    """1 − cos where target is 1, max(0, cos − margin) where it is −1.  (n, d), (n, d), (n) -> () or (n)"""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank: int = 0, reduction: int = 0, zero_infinity: bool = False):
    """−log of the chance of targets under every alignment.  (t, n, c), (n, s) -> () or (n)"""
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _reduction(reduction), zero_infinity)


def hinge_embedding_loss(input, target, margin: float = 1.0, reduction: int = 0):
    """x where target is 1, max(0, margin − x) where it is −1.  (*), (*) -> () or (*)"""
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def kl_div(input, target, reduction: int = 0, *, log_target: bool = False):
    """Σ target · (log target − input).  (*), (*) -> () or (*)"""
    if log_target:
        terms = target.exp() * (target - input)
    else:
        terms = flambeau.xlogy(target, target) - target * input
    how = _reduction(reduction)
    return terms if how == "none" else terms.mean() if how == "mean" else terms.sum()


def margin_ranking_loss(input1, input2, target, margin: float = 0.0, reduction: int = 0):
    """max(0, −target · (x₁ − x₂) + margin).  (*), (*), (*) -> () or (*)"""
    return F.margin_ranking_loss(*flambeau.broadcast_tensors(input1, input2, target), margin, reduction=_reduction(reduction))


def poisson_nll_loss(input, target, log_input: bool, full: bool, eps: float, reduction: int):
    """−log of the chance of counts.  (*), (*) -> () or (*)"""
    return F.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_reduction(reduction))


def triplet_margin_loss(anchor, positive, negative, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
                        reduction: int = 0):
    """max(0, d(anchor, positive) − d(anchor, negative) + margin).  (n, d), (n, d), (n, d) -> () or (n)"""
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction))


# ---- tables of rows: the table comes first
def embedding(weight, indices, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False):
    """Rows of a table.  (n, d), (*) -> (*, d)"""
    return F.embedding(indices, weight, None if padding_idx == -1 else padding_idx, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def embedding_renorm_(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """The named rows of a table scaled down to max_norm where they are longer, in place.  (n, d), (*) -> (n, d)"""
    with flambeau.no_grad():
        rows = indices.reshape(-1).unique()
        part = weight[rows]
        length = part.norm(norm_type, 1, keepdim=True)
        weight[rows] = flambeau.where(length > max_norm, part * (max_norm / (length + 1e-7)), part)
    return weight


def embedding_bag(weight, indices, offsets, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False, per_sample_weights=None,
                  include_last_offset: bool = False, padding_idx: int | None = None):
    """Sums (mode 0), means (1) or maxima (2) of bags of rows; the bag of every index, the size and the greatest places of every bag.

    (n, d), (k), (bags) -> (bags, d), (k), (bags), (bags, d) or (bags)
    """
    if mode not in (0, 1, 2):
        raise RuntimeError(f"embedding_bag: mode must be 0 (sum), 1 (mean) or 2 (max), got {mode}")
    out = F.embedding_bag(indices, weight, offsets, scale_grad_by_freq=scale_grad_by_freq, mode=("sum", "mean", "max")[mode], sparse=sparse,
                          per_sample_weights=per_sample_weights, include_last_offset=include_last_offset, padding_idx=padding_idx)
    if mode == 0:  # a sum needs none of the others for its gradient
        return out, indices.new_empty(0), offsets.new_zeros(len(out)), offsets.new_zeros(len(out))
    n = indices.numel()
    starts = offsets[:-1] if include_last_offset else offsets
    bags = flambeau.searchsorted(starts.contiguous(), flambeau.arange(n, dtype=offsets.dtype), right=True) - 1
    counted = flambeau.ones(n, dtype=offsets.dtype) if padding_idx is None else (indices != padding_idx).to(offsets.dtype)
    sizes = flambeau.zeros(len(starts), dtype=offsets.dtype).index_add(0, bags, counted)
    return out, bags.to(indices.dtype), sizes, sizes if mode < 2 else _greatest(weight, indices, bags, len(starts), padding_idx)


def _greatest(weight, indices, bags, count: int, padding_idx) -> Tensor:
    """For every bag and column, which row of the table is the greatest.  -> (bags, d)"""
    places = flambeau.full((count, weight.shape[1]), -1 if padding_idx is None else 0, dtype=indices.dtype)
    with flambeau.no_grad():
        for bag in range(count):
            rows = indices[bags == bag]
            rows = rows if padding_idx is None else rows[rows != padding_idx]
            if len(rows):
                places[bag] = rows[weight[rows].argmax(0)]
    return places


# ---- pools and convolutions
def adaptive_max_pool1d(input, output_size):
    """Maxima of windows that cover the axis, and their places.  (*, n) -> (*, output_size), (*, output_size)"""
    return F.adaptive_max_pool1d(input, output_size, return_indices=True)


def max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode: bool = False):
    """Maxima of windows and their places.  (*, n) -> (*, windows), (*, windows)"""
    return F.max_pool1d(input, kernel_size, stride or None, padding, dilation, ceil_mode, return_indices=True)


def affine_grid_generator(theta, size, align_corners: bool):
    """The places that affine maps take a grid to.  (n, 2, 3) -> (n, h, w, 2)"""
    return F.affine_grid(theta, size, align_corners)


def constant_pad_nd(input, pad: Sequence[int], value: float = 0):
    """A constant put around, last axis first.  (*) -> (*)"""
    return F.pad(input, pad, "constant", value)


def native_channel_shuffle(input, groups: int):
    """Channels of groups taken in turns.  (n, c, *) -> (n, c, *)"""
    return F.channel_shuffle(input, groups)


def convolution(input, weight, bias, stride, padding, dilation, transposed: bool, output_padding, groups: int):
    """A convolution, or its transpose, over one, two or three axes.  (n, c, *) -> (n, k, *)"""
    axes = weight.ndim - 2
    if axes not in (1, 2, 3):
        raise RuntimeError(f"convolution expects a weight of 3, 4 or 5 axes, got {weight.ndim}")
    if transposed:
        return getattr(F, f"conv_transpose{axes}d")(input, weight, bias, stride, padding, output_padding, groups, dilation)
    return getattr(F, f"conv{axes}d")(input, weight, bias, stride, padding, dilation, groups)


# ---- recurrent layers: weights come as one flat list, layer by layer
def _layers(kind: str, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float, train: bool, bidirectional: bool,
            batch_first: bool, **more: Any):
    each = (4 if has_biases else 2)
    hidden = params[1].shape[1]
    projected = kind == "LSTM" and len(params) == num_layers * (2 if bidirectional else 1) * (each + 1)
    if projected:
        more["proj_size"] = hidden
        hidden = params[0].shape[0] // 4
    with flambeau.device("meta"):
        layer = getattr(nn, kind)(params[0].shape[1], hidden, num_layers, bias=has_biases, batch_first=batch_first, dropout=dropout,
                                  bidirectional=bidirectional, **more)
    names = [name for name, _ in layer.named_parameters()]
    if len(names) != len(params):
        raise RuntimeError(f"{kind.lower()} of {num_layers} layers expects {len(names)} weights, got {len(params)}")
    layer.train(train)
    return layer, dict(zip(names, params, strict=True))


def _recurrent(kind: str, input, hx, args, more):
    if isinstance(args[0], (list, tuple)) and not isinstance(args[1], (list, tuple)):
        params, has_biases, num_layers, dropout, train, bidirectional, batch_first = args
        layer, weights = _layers(kind, params, has_biases, num_layers, dropout, train, bidirectional, batch_first, **more)
        return flambeau.func.functional_call(layer, weights, (input, tuple(hx) if kind == "LSTM" else hx))
    # packed: (data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)
    batch_sizes, (hidden, params, has_biases, num_layers, dropout, train, bidirectional) = hx, args
    layer, weights = _layers(kind, params, has_biases, num_layers, dropout, train, bidirectional, False, **more)
    packed = nn.utils.rnn.PackedSequence(input, batch_sizes)
    out, last = flambeau.func.functional_call(layer, weights, (packed, tuple(hidden) if kind == "LSTM" else hidden))
    return out.data, last


def lstm(input, hx, *args):
    """An LSTM of several layers: (input, (h, c), params, has_biases, num_layers, dropout, train, bidirectional, batch_first), or packed.

    (t, n, d), ((layers, n, h), (layers, n, h)) -> (t, n, h), (layers, n, h), (layers, n, h)
    """
    out, (h, c) = _recurrent("LSTM", input, hx, args, {})
    return out, h, c


def gru(input, hx, *args):
    """A GRU of several layers, with the arguments of `lstm`.  (t, n, d), (layers, n, h) -> (t, n, h), (layers, n, h)"""
    return _recurrent("GRU", input, hx, args, {})


def rnn_tanh(input, hx, *args):
    """A plain recurrent net with tanh, with the arguments of `lstm`.  (t, n, d), (layers, n, h) -> (t, n, h), (layers, n, h)"""
    return _recurrent("RNN", input, hx, args, {"nonlinearity": "tanh"})


def rnn_relu(input, hx, *args):
    """A plain recurrent net with ReLU, with the arguments of `lstm`.  (t, n, d), (layers, n, h) -> (t, n, h), (layers, n, h)"""
    return _recurrent("RNN", input, hx, args, {"nonlinearity": "relu"})


def _gates(input, hidden, w_ih, w_hh, b_ih, b_hh):
    return F.linear(input, w_ih, b_ih), F.linear(hidden, w_hh, b_hh)


def lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of an LSTM.  (n, d), ((n, h), (n, h)) -> (n, h), (n, h)"""
    h, c = hx
    x, y = _gates(input, h, w_ih, w_hh, b_ih, b_hh)
    i, f, g, o = (x + y).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of a GRU.  (n, d), (n, h) -> (n, h)"""
    x, y = _gates(input, hx, w_ih, w_hh, b_ih, b_hh)
    (r, z, n), (r_h, z_h, n_h) = x.chunk(3, -1), y.chunk(3, -1)
    r, z = (r + r_h).sigmoid(), (z + z_h).sigmoid()
    n = (n + r * n_h).tanh()
    return rsub(z, 1) * n + z * hx


def rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of a plain recurrent net with tanh.  (n, d), (n, h) -> (n, h)"""
    x, y = _gates(input, hx, w_ih, w_hh, b_ih, b_hh)
    return (x + y).tanh()


def rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of a plain recurrent net with ReLU.  (n, d), (n, h) -> (n, h)"""
    x, y = _gates(input, hx, w_ih, w_hh, b_ih, b_hh)
    return (x + y).relu()
