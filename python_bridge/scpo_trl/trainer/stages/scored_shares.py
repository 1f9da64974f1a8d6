"""Rows to score without training on them, shared out over the processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scpo_trl.trainer.rows.pair_rows import PairKey
from scpo_trl.trainer.stages.sampler import StepShape

NO_STAGE = -1
"""Stands for the stage in rows that no stage draws."""


class ScoredShares:
    """This process's part of some rows, chunk by chunk.

    All processes get equally many of each chunk, filled up with a repeated pair, since FSDP and ZeRO wait for each
    other.

    Args:
        pairs: Rows.
        combinations: Combinations of text and image.
        size: Rows of a batch in one process.
        processes: How many processes there are, and which one this is.
    """

    def __init__(self, pairs: Sequence[int], combinations: tuple[str, ...], size: int, processes: StepShape) -> None:
        self._pairs = pairs
        self._combinations = combinations
        self._processes = processes
        self._chunk = size * processes.processes

    def counts(self) -> Iterator[int]:
        """How many rows of all processes each chunk has."""
        for start in range(0, len(self._pairs), self._chunk):
            yield min(self._chunk, len(self._pairs) - start)

    def __len__(self) -> int:
        return sum(-(-count // self._processes.processes) for count in self.counts())

    def __iter__(self) -> Iterator[PairKey]:
        process = self._processes.process
        for start in range(0, len(self._pairs), self._chunk):
            chunk = list(self._pairs[start : start + self._chunk])
            share = -(-len(chunk) // self._processes.processes)
            filled = chunk + [chunk[-1]] * (share * self._processes.processes - len(chunk))
            for pair in filled[process * share : (process + 1) * share]:
                yield PairKey(pair, NO_STAGE, self._combinations)
