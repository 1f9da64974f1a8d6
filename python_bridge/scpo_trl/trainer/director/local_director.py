"""A director for trainings without a remote one: stages from a column, fixed rules for the reference."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.director import Decision, ReferenceAtOpen, ReferenceMode, Schedule, Stage, StepReport
from scpo_trl.trainer.rows.curriculum import order_groups, stage_feed, stage_groups
from scpo_trl.trainer.rows.pair_columns import plan_column

Number = TypeVar("Number", int, float)

SCHEDULES = ("constant", "linear", "cosine")


class LocalDirector:
    """Trains the stages of the data set's column `stage`, or of its column `difficulty` cut up, one after the other.

    A stage's pairs are shuffled with the seed unless `shuffle_within_stage` is off; its last optimiser step is filled
    up with pairs from the stage's beginning. It decides alike in every process.

    Args:
        args: Settings.
        dataset: The pairs.

    Raises:
        UserError: a setting does not fit the data set, or a row has no stage while others have one.
    """

    def __init__(self, args: SCPOConfig, dataset: Dataset) -> None:
        stage, difficulty = plan_column(dataset, "stage"), plan_column(dataset, "difficulty")
        groups = stage_groups(stage, difficulty, args.stages, len(dataset))
        seed = args.seed if args.data_seed is None else args.data_seed
        ordered = order_groups(groups, args.curriculum, seed)
        rates = _by_stage("stage_learning_rates", args.stage_learning_rates, args.learning_rate, len(ordered))
        epochs = _by_stage("stage_epochs", args.stage_epochs, int(args.num_train_epochs), len(ordered))
        pairs_per_step = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
        self._args = args
        self._feeds: list[list[int]] = []
        self._stages: list[Stage] = []
        for position, (number, rows) in enumerate(ordered):
            shuffle = random.Random(f"{seed}/{position}") if args.shuffle_within_stage else None
            feed = stage_feed(rows, epochs[position], pairs_per_step, shuffle)
            self._feeds.append(feed)
            self._stages.append(
                self._stage(position, number, rows, len(feed) // pairs_per_step, rates[position], len(ordered))
            )
        self._position = -1
        self._step = 0
        self._skipped: dict[int, int] = {}

    @property
    def stages(self) -> Sequence[Stage]:
        """The stages in the order of training."""
        return self._stages

    @property
    def planned_steps(self) -> int:
        """Optimiser steps of all stages together."""
        return sum(stage.steps for stage in self._stages)

    def resume(self, stages_before: int, pairs: int) -> None:
        """Goes on in the stage with this number of stages before it, after `pairs` of its pairs."""
        self._position = stages_before - 1
        self._skipped = {stages_before: pairs}

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
        return iter(self._feeds[self._position][self._skipped.get(self._position, 0) :])

    def step_taken(self, report: StepReport) -> None:
        """Notes the step's number."""
        self._step = report.step

    def decide(self, make_batches: Callable[[], None]) -> Decision:
        """Moves the reference every `reference_update_steps` steps if so set."""
        args = self._args
        if args.reference_update == "steps" and self._step % args.reference_update_steps == 0:
            return Decision(
                reason=f"every {args.reference_update_steps} steps", move_reference_alpha=args.reference_alpha
            )
        return Decision()

    def checkpoint_saved(self, path: str, step: int, weights_sha256: str) -> None:
        """Never asks for a checkpoint: transformers' save_strategy does."""

    def training_saved(self, path: str, step: int) -> None:
        """Never asks for it: transformers' save_strategy does."""

    def stage_closed(self, stage: int, steps: int, unused_pairs: Sequence[int]) -> None:
        """Ignores the closing."""

    def _stage(self, position: int, number: int, rows: list[int], steps: int, rate: float, stages: int) -> Stage:
        args = self._args
        named = getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type)
        # What transformers calls constant takes no warm-up; here warmup_steps decides.
        schedule = "constant" if named == "constant_with_warmup" else named
        if schedule not in SCHEDULES:
            raise UserError(f"lr_scheduler_type is {schedule!r}: expected one of {', '.join(SCHEDULES)}")
        by_steps = args.reference_update == "steps"
        reference: ReferenceAtOpen = "policy" if args.reference_update == "stage" or position == 0 else "keep"
        return Stage(
            stage=number,
            pairs=rows,
            steps=steps,
            losses=args.losses(),
            learning_rate=rate,
            schedule=cast(Schedule, schedule),
            warmup_steps=args.get_warmup_steps(steps),
            reference=reference,
            # Across a stage boundary a reference that moved in mid-stage must be asked about new pairs.
            keep_reference_weights=by_steps and (args.reference_alpha < 1 or stages > 1),
            reference_mode=cast(ReferenceMode, args.reference_mode),
        )


def _by_stage(name: str, given: list[Number] | None, default: Number, stages: int) -> list[Number]:
    if given is None:
        return [default] * stages
    if len(given) != stages:
        raise UserError(f"{name} has {len(given)} entries for {stages} stages: expected one for each")
    return given
