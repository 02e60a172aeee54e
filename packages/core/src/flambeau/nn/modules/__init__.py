"""PyTorch's paths for modules: `flambeau.nn.modules.batchnorm`, and every module of `flambeau.nn` itself."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...aliases import alias
from . import module as module
from . import utils as utils

__all__ = ["module", "utils"]

alias(__name__, {
    "activation": """nn: CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid LogSoftmax Mish MultiheadAttention
        PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold""",
    "adaptive": "nn: AdaptiveLogSoftmaxWithLoss",
    "batchnorm": """nn: BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d;
        nn.norm: _BatchNorm _NormBase=_Running; nn.lazy: _LazyNormBase=_LazyNorm""",
    "channelshuffle": "nn: ChannelShuffle",
    "container": "nn: Container ModuleDict ModuleList ParameterDict ParameterList Sequential",
    "conv": """nn: Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d
        LazyConvTranspose2d LazyConvTranspose3d; nn.conv: _ConvNd=_Conv; nn.conv_transpose: _ConvTransposeNd=_ConvTranspose""",
    "distance": "nn: CosineSimilarity PairwiseDistance",
    "dropout": "nn: AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout; nn.dropout: _DropoutNd=_Dropout",
    "flatten": "nn: Flatten Unflatten",
    "fold": "nn: Fold Unfold",
    "instancenorm": """nn: InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d;
        nn.norm: _InstanceNorm""",
    "lazy": "nn.lazy: LazyModuleMixin",
    "linear": "nn: Bilinear Identity LazyLinear Linear; nn.multihead: NonDynamicallyQuantizableLinear",
    "loss": """nn: BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss HingeEmbeddingLoss HuberLoss
        KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss
        PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss; nn.loss: _Loss _WeightedLoss""",
    "normalization": "nn: CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
    "padding": """nn: CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d
        ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d""",
    "pixelshuffle": "nn: PixelShuffle PixelUnshuffle",
    "pooling": """nn: AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d
        AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d MaxPool3d
        MaxUnpool1d MaxUnpool2d MaxUnpool3d; nn.pooling: _MaxPoolNd=_MaxPool _AvgPoolNd=_AvgPool _LPPoolNd=_LPPool
        _AdaptiveAvgPoolNd=_AdaptiveAvgPool _AdaptiveMaxPoolNd=_AdaptiveMaxPool; nn.unpooling: _MaxUnpoolNd=_MaxUnpool""",
    "rnn": "nn: GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
    "sparse": "nn: Embedding EmbeddingBag",
    "transformer": "nn: Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer",
    "upsampling": "nn: Upsample UpsamplingBilinear2d UpsamplingNearest2d",
})  # fmt: skip


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("flambeau.nn"), name)
