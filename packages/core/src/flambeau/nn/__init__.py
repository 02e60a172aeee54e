"""Networks and their parts: PyTorch's `torch.nn`."""

from . import functional as functional
from . import init as init
from . import modules as modules
from . import utils as utils
from .activation import *  # noqa: F403
from .adaptive import *  # noqa: F403
from .attention import *  # noqa: F403
from .container import *  # noqa: F403
from .conv import *  # noqa: F403
from .conv_transpose import *  # noqa: F403
from .dropout import *  # noqa: F403
from .lazy import *  # noqa: F403
from .linear import *  # noqa: F403
from .linear_loss import *  # noqa: F403
from .loss import *  # noqa: F403
from .module import *  # noqa: F403
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
