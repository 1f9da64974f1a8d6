"""Which rows come next: whole optimiser steps of pairs, as the director gives them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from datasets import Dataset as RowDataset
from torch.utils.data import Dataset, Sampler

from scpo_trl.errors import UserError
from scpo_trl.trainer.collator import PAIR_KEY, STAGE_KEY
from scpo_trl.trainer.director import Director, Stage
from scpo_trl.trainer.pair_columns import COLUMNS

StagePair = tuple[int, int]
"""Number of the stage, row of the pair."""


class PairRows(Dataset[dict[str, Any]]):
    """Rows of the data set with the columns of a pair, each carrying its own number and the stage that drew it.

    Args:
        dataset: Has the columns of `COLUMNS`.
    """

    def __init__(self, dataset: RowDataset) -> None:
        self._rows = dataset.select_columns(list(COLUMNS))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: StagePair) -> dict[str, Any]:
        stage, pair = key
        return {**self._rows[pair], PAIR_KEY: pair, STAGE_KEY: stage}


class StageSampler(Sampler[StagePair]):
    """Pulls the pairs of the open stage from the director and hands them out in whole optimiser steps.

    It has no length, since a director may end a stage at any step. Pairs that no longer fill an optimiser step are
    pulled but not handed out.

    Args:
        director: Gives the pairs.
        pairs_per_step: Pairs of one optimiser step: batch size times accumulation.
    """

    def __init__(self, director: Director, pairs_per_step: int) -> None:
        self._director = director
        self._pairs_per_step = pairs_per_step
        self._stage: Stage | None = None
        self._allowed: frozenset[int] = frozenset()
        self._pulled: list[int] = []
        self._trained = 0
        self.waited = 0.0
        """Seconds spent waiting for the director's pairs so far."""

    def open(self, stage: Stage) -> None:
        """From now on draw from `stage`."""
        self._stage = stage
        self._allowed = frozenset(stage.pairs)
        self._pulled = []
        self._trained = 0

    def close(self) -> None:
        """No stage is open any more."""
        self._stage = None

    def mark_trained(self, pairs: int) -> None:
        """Counts `pairs` more pairs, in the order of handing out, as trained on."""
        self._trained += pairs

    def unused(self) -> list[int]:
        """Pairs that were pulled from the director but not trained on, in order."""
        return self._pulled[self._trained :]

    def __iter__(self) -> Iterator[StagePair]:
        stage = self._stage
        if stage is None:
            return
        feed = iter(self._director.pairs())
        while True:
            started = time.perf_counter()
            step = list(islice(feed, self._pairs_per_step))
            self.waited += time.perf_counter() - started
            self._pulled.extend(step)
            for pair in step:
                if pair not in self._allowed:
                    raise UserError(
                        f"pair {pair} was fed to stage {stage.stage} but is not among the pairs it opened with: "
                        "list every pair that a stage may draw when opening it"
                    )
            if len(step) < self._pairs_per_step:
                return
            yield from ((stage.stage, pair) for pair in step)
