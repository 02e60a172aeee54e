"""The functions behind the modules: PyTorch's `torch.nn.functional`, with its names, signatures and errors.

Here arguments are checked and given their usual form; the arithmetic itself is in the cards of `flambeau.ops`.
"""

from ...overriding.asking import published
from .activation import *  # noqa: F403
from .attention import *  # noqa: F403
from .bag import *  # noqa: F403
from .class_loss import *  # noqa: F403
from .conv import *  # noqa: F403
from .distance import *  # noqa: F403
from .dropout import *  # noqa: F403
from .grid import *  # noqa: F403
from .linear import *  # noqa: F403
from .linear_loss import *  # noqa: F403
from .margin_loss import *  # noqa: F403
from .normalization import *  # noqa: F403
from .number_loss import *  # noqa: F403
from .padding import *  # noqa: F403
from .patches import *  # noqa: F403
from .pooling import *  # noqa: F403
from .sequence_loss import *  # noqa: F403
from .sparse import *  # noqa: F403
from .transposed import *  # noqa: F403
from .unpooling import *  # noqa: F403
from .vision import *  # noqa: F403

published([name for name, found in globals().items() if name[0].islower() and name != "published" and callable(found)], globals())
del published
