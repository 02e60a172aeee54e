"""Mixed precision: `autocast` runs each op in the dtype that suits it, `GradScaler` keeps float16's small gradients from vanishing."""

from flambeau.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from flambeau.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
