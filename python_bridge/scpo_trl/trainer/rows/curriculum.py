"""Stages from the columns of a data set: what the plugin decides about order without a director of its own.

The rules are those of the TypeScript curriculum `staged`; both are held to the same cases by tests.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from scpo_trl.errors import UserError

Numbers = Sequence[Any] | np.ndarray[Any, Any]

CURRICULA = ("easy-to-hard", "hard-to-easy", "shuffled")
"""Orders of the stages; the last two are the controls of every comparison."""


def cut_stages(difficulties: Sequence[float] | np.ndarray[Any, Any], stages: int) -> list[int]:
    """Cuts pairs into stages of equal size by difficulty; ties go by the pair's row.

    Args:
        difficulties: By row, shape (n,); 0 easy to 1 hard.
        stages: Number of stages, 1 to n.

    Returns:
        Stage by row, 0 (easiest) to stages - 1; sizes differ by at most one.

    Raises:
        UserError: there are fewer rows than stages.
    """
    if not 1 <= stages <= len(difficulties):
        raise UserError(
            f"stages is {stages}: expected a whole number from 1 to the number of rows, {len(difficulties)}"
        )
    ranked = np.argsort(np.asarray(difficulties, dtype=np.float64), kind="stable")
    cut = np.empty(len(ranked), dtype=np.int64)
    cut[ranked] = np.arange(len(ranked)) * stages // len(ranked)
    return cut.tolist()


def stage_groups(
    stage: Numbers | None, difficulty: Numbers | None, stages: int | None, rows: int
) -> dict[int, list[int]]:
    """Rows by level, easy first.

    Args:
        stage: The column `stage` by row, None or NaN for a row without one; or None.
        difficulty: The column `difficulty` by row, likewise; or None.
        stages: Number of stages to cut the column `difficulty` into; 1 puts all rows into one stage; None: the column
            `stage` decides, and without it all rows are one stage.
        rows: Number of rows.

    Returns:
        Rows by number of the stage, ascending; the rows in their order.

    Raises:
        UserError: a row has no stage or no difficulty, or there are fewer rows than stages.
    """
    if stages == 1:
        return {0: list(range(rows))}
    if stages is not None:
        return _grouped(cut_stages(_difficulties(difficulty, stages, rows), stages))
    bare = None if stage is None else np.isnan(np.asarray(stage, dtype=np.float64))
    if bare is None or bare.all():
        return {0: list(range(rows))}
    if bare.any():
        raise UserError(
            f"row {int(bare.argmax())} has no stage while others have one: fill the column stage or leave it out"
        )
    return _grouped(np.asarray(stage, dtype=np.int64))


def order_groups(groups: dict[int, list[int]], curriculum: str, seed: int) -> list[tuple[int, list[int]]]:
    """Stages in the order of training.

    Args:
        groups: Rows by level.
        curriculum: `easy-to-hard`: levels ascending; `hard-to-easy`: descending; `shuffled`: groups of the same sizes
            and numbers, each drawn from all rows.
        seed: Of the draw.

    Returns:
        Number and rows of each stage.
    """
    ascending = sorted(groups.items())
    if curriculum == "hard-to-easy":
        return ascending[::-1]
    if curriculum == "shuffled":
        drawn = sorted(row for rows in groups.values() for row in rows)
        random.Random(f"{seed}/curriculum").shuffle(drawn)
        mixed, start = [], 0
        for level, rows in ascending:
            mixed.append((level, sorted(drawn[start : start + len(rows)])))
            start += len(rows)
        return mixed
    return ascending


def stage_feed(rows: Sequence[int], epochs: int, pairs_per_step: int, shuffle: random.Random | None) -> list[int]:
    """The pairs of a stage in training order, filled up to whole optimiser steps from its front.

    Args:
        rows: Rows of the stage.
        epochs: Passes over them.
        pairs_per_step: Pairs of an optimiser step.
        shuffle: Gives every pass an order of its own; None: the rows' order.
    """
    feed: list[int] = []
    for _ in range(epochs):
        order = list(rows)
        if shuffle is not None:
            shuffle.shuffle(order)
        feed += order
    used = len(feed)
    return feed + [feed[filler % used] for filler in range(-used % pairs_per_step)]


def _difficulties(difficulty: Numbers | None, stages: int, rows: int) -> np.ndarray[Any, Any]:
    if difficulty is None:
        raise UserError(
            f"stages={stages} cuts the column difficulty, which train_dataset lacks: score the pairs first, add a "
            "column stage, or set stages=1"
        )
    values = np.asarray(difficulty, dtype=np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        raise UserError(f"row {int(bad.argmax())} has no difficulty: expected one for every row to cut {stages} stages")
    assert len(values) == rows
    return values


def _grouped(levels: Sequence[int] | np.ndarray[Any, Any]) -> dict[int, list[int]]:
    of_row = np.asarray(levels)
    return {int(level): np.flatnonzero(of_row == level).tolist() for level in np.unique(of_row)}
