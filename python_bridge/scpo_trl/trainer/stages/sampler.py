"""Which rows come next: whole optimiser steps of pairs, as the director gives them, shared out over the processes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from torch.utils.data import Sampler

from scpo_trl.errors import UserError
from scpo_trl.trainer.director.director import Director, Stage
from scpo_trl.trainer.rows.pair_rows import PairKey
from scpo_trl.trainer.rows.row_numbers import row_array


@dataclass(frozen=True)
class StepShape:
    """How the pairs of one optimiser step are shared out.

    Attributes:
        batch_size: Pairs of a forward pass in one process.
        accumulation: Forward passes of an optimiser step.
        processes: Number of processes.
        process: Number of this process, from 0.
    """

    batch_size: int
    accumulation: int
    processes: int = 1
    process: int = 0

    @property
    def pairs(self) -> int:
        """Pairs of an optimiser step in all processes together."""
        return self.batch_size * self.accumulation * self.processes

    def share(self, step: list[int]) -> list[int]:
        """This process's pairs of a whole step: of every forward pass the part that falls to it."""
        mine: list[int] = []
        for start in range(self.process * self.batch_size, self.pairs, self.batch_size * self.processes):
            mine += step[start : start + self.batch_size]
        return mine


class StageSampler(Sampler[PairKey]):
    """Pulls the pairs of the open stage from the director and hands them out in whole optimiser steps.

    It has no length, since a director may end a stage at any step. Pairs that no longer fill an optimiser step are
    pulled but not handed out.

    Args:
        director: Gives the pairs.
        shape: How a step is shared out.
    """

    def __init__(self, director: Director, shape: StepShape) -> None:
        self._director = director
        self._shape = shape
        self._stage: Stage | None = None
        self._combinations: tuple[str, ...] = ()
        self._allowed = row_array(())
        self._over = False
        self._untrained: deque[int] = deque()
        self.waited = 0.0
        """Seconds spent waiting for the director's pairs so far."""

    @property
    def pairs_per_step(self) -> int:
        """Pairs of an optimiser step in all processes together."""
        return self._shape.pairs

    def open(self, stage: Stage, combinations: tuple[str, ...], *, over: bool = False) -> None:
        """From now on draw from `stage`, whose rows are scored under `combinations`; `over`: nothing is left of it."""
        self._stage = stage
        self._combinations = combinations
        self._allowed = np.sort(row_array(stage.pairs))
        self._over = over
        self._untrained = deque()

    def close(self) -> None:
        """No stage is open any more."""
        self._stage = None

    def mark_trained(self) -> None:
        """Counts one more optimiser step, in the order of handing out, as trained on."""
        for _ in range(self._shape.pairs):
            self._untrained.popleft()

    def unused(self) -> list[int]:
        """Pairs that were pulled from the director but not trained on, in order."""
        return list(self._untrained)

    def _allows(self, pair: int) -> bool:
        at = int(np.searchsorted(self._allowed, pair))
        return at < len(self._allowed) and int(self._allowed[at]) == pair

    def __iter__(self) -> Iterator[PairKey]:
        stage = self._stage
        if stage is None or self._over:
            return
        feed = iter(self._director.pairs())
        while True:
            started = time.perf_counter()
            step = list(islice(feed, self._shape.pairs))
            self.waited += time.perf_counter() - started
            self._untrained.extend(step)
            for pair in step:
                if not self._allows(pair):
                    raise UserError(
                        f"pair {pair} was fed to stage {stage.stage} but is not among the pairs it opened with: "
                        "list every pair that a stage may draw when opening it"
                    )
            if len(step) < self._shape.pairs:
                return
            yield from (PairKey(pair, stage.stage, self._combinations) for pair in self._shape.share(step))
