"""A director for several processes: the first asks, all hear the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from scpo_trl.dialogue.group import Group
from scpo_trl.trainer.director.director import Decision, Director, Stage, StepReport


class SharedDirector:
    """Implements `Director` in every process by what a director says in the first.

    The trainers of all processes ask at the same places, so each call is one word from the first process; when the
    director fails there, every process fails there.

    Args:
        processes: This process among the others.
        director: Asked in the first process; None in the others.
        pairs_per_step: Pairs of an optimiser step in all processes together.
    """

    def __init__(self, processes: Group, director: Director | None, pairs_per_step: int) -> None:
        self._processes = processes
        self._director = director
        self._pairs_per_step = pairs_per_step
        self._failure: Exception | None = None

    @property
    def _asked(self) -> Director:
        assert self._director is not None, "only the first process asks"
        return self._director

    def resume(self, stages_before: int, pairs: int) -> None:
        """See `Director`."""
        self._processes.share(lambda: self._asked.resume(stages_before, pairs))

    def open_stage(self) -> Stage | None:
        """See `Director`."""
        return self._processes.share(lambda: self._asked.open_stage())

    def table_progress(self, done: int, total: int) -> None:
        """See `Director`."""
        self._processes.share(lambda: self._asked.table_progress(done, total))

    def stage_opened(self, stage: Stage, table_seconds: float) -> None:
        """See `Director`."""
        self._processes.share(lambda: self._asked.stage_opened(stage, table_seconds))

    def pairs(self) -> Iterator[int]:
        """See `Director`; an optimiser step's pairs are one word."""
        feed = iter(()) if self._director is None else self._director.pairs()
        while True:
            step = self._processes.share(lambda: list(islice(feed, self._pairs_per_step)))
            yield from step
            if len(step) < self._pairs_per_step:
                return

    def step_taken(self, report: StepReport) -> None:
        """See `Director`; what fails in the first process fails in all with the decision: a step costs one word."""
        self._failure = None
        if self._director is not None:
            try:
                self._director.step_taken(report)
            except Exception as error:
                self._failure = error

    def decide(self, make_batches: Callable[[], None]) -> Decision:
        """See `Director`; several make no batches meanwhile, since pairs are words that all processes hear."""
        alone = self._processes.size == 1
        return self._processes.share(lambda: self._decided(make_batches if alone else lambda: None))

    def _decided(self, make_batches: Callable[[], None]) -> Decision:
        if self._failure is not None:
            raise self._failure
        return self._asked.decide(make_batches)

    def checkpoint_saved(self, path: str, step: int, weights_sha256: str) -> None:
        """See `Director`."""
        self._processes.share(lambda: self._asked.checkpoint_saved(path, step, weights_sha256))

    def training_saved(self, path: str, step: int) -> None:
        """See `Director`."""
        self._processes.share(lambda: self._asked.training_saved(path, step))

    def stage_closed(self, stage: int, steps: int, unused_pairs: Sequence[int]) -> None:
        """See `Director`."""
        self._processes.share(lambda: self._asked.stage_closed(stage, steps, unused_pairs))
