"""How long a GPU works on a call: two events on the stream that the call's kernels run on."""

from __future__ import annotations

from typing import Any

from flambeau.cuda.runtime import gpu


class Ticks:
    """The beginning and the end of a call on the current stream of a device.

    The time between them is the GPU's, from the first kernel of the call to the end of the last, and what it waited for the host between.
    """

    def __init__(self, device: Any) -> None:
        self.device = device
        self.first, self.last = self._now(), None

    def _now(self) -> Any:
        with self.device:
            event = gpu().cuda.Event()
            event.record()
        return event

    def end(self) -> None:
        self.last = self._now()

    def microseconds(self) -> float:
        """Waits until the GPU has come to the end; 0 where the call failed."""
        if self.last is None:
            return 0.0
        self.last.synchronize()
        return 1e3 * gpu().cuda.get_elapsed_time(self.first, self.last)
