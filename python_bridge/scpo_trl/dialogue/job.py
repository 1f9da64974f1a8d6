"""Work that can be asked to end from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class CancelledWork(Exception):
    """The work ended because its client went away or the service shuts down."""


class Job:
    """One piece of heavy work.

    Attributes:
        name: What is in progress, such as "a training".
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = threading.Event()
        self._reason: str | None = None
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        """Whether the work should end."""
        return self._reason is not None

    def cancel(self, reason: str) -> None:
        """Ask the work to end; it does at its next `check`."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def on_cancel(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the job is cancelled, at once when it is already."""
        with self._lock:
            self._wakers.append(wake)
            cancelled = self._reason is not None
        if cancelled:
            wake()

    def check(self) -> None:
        """Raise `CancelledWork` when the work should end."""
        if self._reason is not None:
            raise CancelledWork(self._reason)
