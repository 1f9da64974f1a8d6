"""A director for trainings without a remote one: stages from a column, fixed rules for the reference."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, cast

from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.losses import get_loss
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director import Decision, ReferenceAtOpen, Schedule, Stage, StepReport

_SCHEDULES = ("constant", "linear", "cosine")


class LocalDirector:
    """Trains the stages of the data set's `stage` column one after the other.

    A stage's pairs are shuffled with the seed unless `shuffle_within_stage` is off; its last optimiser step is filled
    up with pairs from the stage's beginning. A data set without the column, or with it empty, is one stage.

    Args:
        args: Settings.
        dataset: The pairs.

    Raises:
        UserError: a setting does not fit the data set, or a row has no stage while others have one.
    """

    def __init__(self, args: SCPOConfig, dataset: Dataset) -> None:
        rows = _rows_by_stage(dataset)
        order = sorted(rows) if args.stage_order is None else args.stage_order
        for stage in order:
            if stage not in rows:
                raise UserError(
                    f"stage_order names stage {stage}, but the column stage holds {', '.join(map(str, sorted(rows)))}"
                )
        rates = args.stage_learning_rates
        if rates is not None and len(rates) != len(order):
            raise UserError(
                f"stage_learning_rates has {len(rates)} entries for {len(order)} stages: expected one for each"
            )
        self._args = args
        self._feeds: list[list[int]] = []
        self._stages: list[Stage] = []
        for position, stage in enumerate(order):
            feed = self._feed(position, rows[stage])
            rate = args.learning_rate if rates is None else rates[position]
            self._feeds.append(feed)
            self._stages.append(self._stage(position, stage, rows[stage], len(feed), rate, len(order)))
        self._position = -1

    @property
    def planned_steps(self) -> int:
        """Optimiser steps of all stages together."""
        return sum(stage.steps for stage in self._stages)

    def open_stage(self) -> Stage | None:
        """The next stage of the order, or None after the last."""
        self._position += 1
        return self._stages[self._position] if self._position < len(self._stages) else None

    def table_progress(self, done: int, total: int) -> None:
        """Ignores the progress."""

    def stage_opened(self, stage: Stage, table_seconds: float) -> None:
        """Ignores the opening."""

    def pairs(self) -> Iterator[int]:
        """The open stage's pairs in training order."""
        return iter(self._feeds[self._position])

    def decide(self, report: StepReport) -> Decision:
        """Moves the reference every `reference_update_steps` steps if so set."""
        args = self._args
        if args.reference_update == "steps" and report.step % args.reference_update_steps == 0:
            return Decision(
                reason=f"every {args.reference_update_steps} steps", move_reference_alpha=args.reference_alpha
            )
        return Decision()

    def checkpoint_saved(self, path: str, step: int, weights_sha256: str) -> None:
        """Never asks for a checkpoint: transformers' save_strategy does."""

    def stage_closed(self, stage: int, steps: int, unused_pairs: Sequence[int]) -> None:
        """Ignores the closing."""

    def _feed(self, position: int, rows: list[int]) -> list[int]:
        args = self._args
        seed = args.seed if args.data_seed is None else args.data_seed
        rng = random.Random(f"{seed}/{position}")
        feed: list[int] = []
        for _ in range(int(args.num_train_epochs)):
            epoch = list(rows)
            if args.shuffle_within_stage:
                rng.shuffle(epoch)
            feed += epoch
        pairs_per_step = args.per_device_train_batch_size * args.gradient_accumulation_steps
        short = -len(feed) % pairs_per_step
        return feed + [feed[index % len(feed)] for index in range(short)]

    def _stage(self, position: int, stage: int, rows: list[int], fed: int, rate: float, stages: int) -> Stage:
        args = self._args
        schedule = getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)
        if schedule not in _SCHEDULES:
            raise UserError(f"lr_scheduler_type is {schedule!r}: expected one of {', '.join(_SCHEDULES)}")
        steps = fed // (args.per_device_train_batch_size * args.gradient_accumulation_steps)
        by_steps = args.reference_update == "steps"
        reference: ReferenceAtOpen = "policy" if args.reference_update == "stage" or position == 0 else "keep"
        return Stage(
            stage=stage,
            pairs=rows,
            steps=steps,
            loss=args.objective,
            loss_parameters=_loss_parameters(args),
            learning_rate=rate,
            schedule=cast(Schedule, schedule),
            warmup_steps=args.get_warmup_steps(steps),
            reference=reference,
            # Across a stage boundary a reference that moved in mid-stage must be asked about new pairs.
            keep_reference_weights=by_steps and (args.reference_alpha < 1 or stages > 1),
        )


def _loss_parameters(args: SCPOConfig) -> dict[str, float]:
    given = args.objective_parameters or {}
    assert not isinstance(given, str)
    known = get_loss(args.objective).parameter_names()
    defaults: dict[str, Any] = {name: args.beta for name in ("beta", "beta_mirror") if name in known}
    return {**defaults, **given}


def _rows_by_stage(dataset: Dataset) -> dict[int, list[int]]:
    column = dataset["stage"] if "stage" in dataset.column_names else None
    stages = [None] * len(dataset) if column is None else list(column)
    if all(stage is None for stage in stages):
        return {0: list(range(len(dataset)))}
    rows: dict[int, list[int]] = {}
    for row, stage in enumerate(stages):
        if stage is None:
            raise UserError(f"row {row} has no stage while others have one: fill the column stage or leave it out")
        rows.setdefault(int(stage), []).append(row)
    return rows
