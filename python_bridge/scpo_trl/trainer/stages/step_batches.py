"""The micro-batches of an optimiser step, made when they are asked for or while the director decides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class MadeBatches(NamedTuple):
    """What the fetching of a step's micro-batches returned, and the seconds it took without waiting for pairs."""

    batches: Any
    seconds: float


class StepBatches:
    """Makes the micro-batches of one optimiser step after the other.

    Args:
        fetch: Takes the epoch's iterator and whatever else belongs to the asking; returns the micro-batches of a step.
        waited: Seconds spent waiting for the director's pairs so far.
    """

    def __init__(self, fetch: Callable[..., Any], waited: Callable[[], float]) -> None:
        self._fetch = fetch
        self._waited = waited
        self._asked: tuple[Any, ...] = ()
        self._ahead: MadeBatches | Exception | None = None

    def take(self, iterator: Iterator[Any], *further: Any) -> MadeBatches:
        """The micro-batches of the next step: those made ahead from this iterator, or fresh ones.

        Raises:
            Exception: what the fetching raised, be it ahead.
        """
        ahead = self._ahead if self._asked and self._asked[0] is iterator else None
        self._ahead, self._asked = None, (iterator, *further)
        made = self._make() if ahead is None else ahead
        if isinstance(made, Exception):
            raise made
        return made

    def make_ahead(self) -> None:
        """Makes the micro-batches of the step after the one that was asked for last, whose pairs must be known.

        A failure belongs to the step: if the director ends the stage first, it is never raised.
        """
        if self._ahead is not None or not self._asked:
            return
        try:
            self._ahead = self._make()
        except Exception as error:
            self._ahead = error

    def _make(self) -> MadeBatches:
        started, waited = time.perf_counter(), self._waited()
        batches = self._fetch(*self._asked)
        return MadeBatches(batches, time.perf_counter() - started - (self._waited() - waited))
