"""Networks and their parts: PyTorch's `torch.nn`."""

from ..aliases import alias
from . import attention as attention
from . import functional as functional
from . import grad as grad
from . import init as init
from . import modules as modules
from . import utils as utils
from .activation import *  # noqa: F403
from .adaptive import *  # noqa: F403
from .container import *  # noqa: F403
from .conv import *  # noqa: F403
from .conv_transpose import *  # noqa: F403
from .dropout import *  # noqa: F403
from .factory import factory_kwargs
from .lazy import *  # noqa: F403
from .linear import *  # noqa: F403
from .linear_loss import *  # noqa: F403
from .loss import *  # noqa: F403
from .module import *  # noqa: F403
from .multihead import *  # noqa: F403
from .norm import *  # noqa: F403
from .padding import *  # noqa: F403
from .parallel import *  # noqa: F403
from .parameter import *  # noqa: F403
from .parameter_container import *  # noqa: F403
from .pooling import *  # noqa: F403
from .resize import *  # noqa: F403
from .rnn import *  # noqa: F403
from .rnn_cell import *  # noqa: F403
from .sequence_loss import *  # noqa: F403
from .sparse import *  # noqa: F403
from .sync_norm import *  # noqa: F403
from .transformer import *  # noqa: F403
from .transformer_decoder import *  # noqa: F403
from .uninitialized import UninitializedBuffer, UninitializedParameter
from .unpooling import *  # noqa: F403

alias(__name__, {
    "common_types": """nn.common: _size_1_t _size_2_t _size_3_t _size_4_t _size_5_t _size_6_t _size_any_t _ratio_2_t _ratio_3_t
        _ratio_any_t _tensor_list_t _maybe_indices_t _crop_2_t""",
})  # fmt: skip
alias("flambeau.nn.utils", {
    "clip_grad": "nn.utils: clip_grad_norm clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_=clip_grads_with_norm_ get_total_norm",
    "convert_parameters": "nn.utils: parameters_to_vector vector_to_parameters",
    "init": "nn.utils: skip_init",
})  # fmt: skip
