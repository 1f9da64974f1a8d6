"""The dialogue with the director, hung onto the trainer's events: a stage is an epoch of the trainer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, cast

from accelerate import Accelerator
from torch.optim import Optimizer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from scpo_trl.errors import UserError
from scpo_trl.losses import Objective, build_objective
from scpo_trl.trainer.checkpoints.resumption import Position
from scpo_trl.trainer.checkpoints.saved_training import save_training
from scpo_trl.trainer.director.director import Decision, Director, HeldOutReport, Stage
from scpo_trl.trainer.director.records import PairRecorder
from scpo_trl.trainer.evaluation.scored_pairs import MicroBatch, ScoredPairs
from scpo_trl.trainer.model.model_folder import checkpoint_folder, save_model_folder
from scpo_trl.trainer.reference.reference import OpenTable, Reference
from scpo_trl.trainer.rows.combinations import combinations_to_score
from scpo_trl.trainer.rows.contrast import Contrast
from scpo_trl.trainer.rows.row_numbers import row_numbers
from scpo_trl.trainer.stages.main_process import in_main_process
from scpo_trl.trainer.stages.sampler import StageSampler
from scpo_trl.trainer.stages.schedule import StageSchedule
from scpo_trl.trainer.stages.stage_summary import StageSummary
from scpo_trl.trainer.stages.step import CompletedStep, StepInProgress, held_out_report


class StagedTrainer(Protocol):
    """What the loop needs of the trainer whose callbacks it receives: `SCPOTrainer`."""

    accelerator: Accelerator
    optimizer: Any
    lr_scheduler: Any
    processing_class: Any
    contrast: Contrast | None
    scores_all_combinations: bool
    checkpoint_directory: Path

    @property
    def policy(self) -> Any:
        """The model under training, without the wrappers of the training."""
        ...

    @property
    def evaluation_rows(self) -> Sequence[int]:
        """Numbers of the rows of the evaluation's data sets."""
        ...

    def evaluate_pairs(self, pairs: Sequence[int], combinations: Sequence[str]) -> ScoredPairs:
        """Scores pairs with the open stage's loss, without training on them."""
        ...

    def make_batches_ahead(self) -> None:
        """Makes the micro-batches of the next optimiser step, whose pairs must be known."""
        ...

    def note_metrics(self, metrics: Mapping[str, float], tokens: int) -> None:
        """Takes a step's metrics for the next line of the log."""
        ...

    def log_stage(self, metrics: dict[str, float]) -> None:
        """Logs the summary of a stage."""
        ...

    def whole_weights(self) -> Mapping[str, Any] | None:
        """Weights that are shared out over the processes, brought together; None: each process has all of them."""
        ...

    def save_checkpoint_into(self, folder: Path) -> Path:
        """Writes the whole training into a folder of its own within `folder`, which is returned."""
        ...


class StageLoop(TrainerCallback):
    """Opens stages, reports steps, carries out decisions.

    Args:
        trainer: The trainer whose events these are.
        director: Decides.
        reference: What the policy is compared with.
        sampler: Hands out the open stage's pairs.
        schedule: Follows the open stage's learning rate.
        record_pairs: Takes the records of each step's pairs, or None.
    """

    def __init__(
        self,
        trainer: StagedTrainer,
        director: Director,
        reference: Reference,
        sampler: StageSampler,
        schedule: StageSchedule,
        record_pairs: PairRecorder | None,
    ) -> None:
        self._trainer = trainer
        self._director = director
        self._reference = reference
        self._sampler = sampler
        self._schedule = schedule
        self._record_pairs = record_pairs
        self._next: Stage | None = None
        self._stages_opened = 0
        self._opened_at = 0
        self._step_in_stage = 0
        self._steps_in_epoch = 0
        self._over = False
        self._stopped = False
        self._evaluate_next = False
        self._paused = False
        self._resuming: Position | None = None
        self._step = StepInProgress()
        self._summary = StageSummary()
        self.stage: Stage | None = None
        """The open stage."""
        self.objective: Objective | None = None
        """The loss of the open stage, or of the last."""
        self.combinations: tuple[str, ...] = ()
        """The combinations of text and image that it scores."""

    def begin_again(self) -> None:
        """The next training begins with the first stage, wherever an earlier one ended or broke off."""
        self._sampler.close()
        self._director.resume(0, 0)
        self._next = self._resuming = self.stage = None
        self._evaluate_next = self._paused = False
        self._step = StepInProgress()

    def resume(self, position: Position) -> None:
        """The next training resumes at `position`, with its reference already restored."""
        self._resuming = position

    def position(self) -> Position:
        """The training's position, between two optimiser steps."""
        within = self.stage is not None
        return Position(
            stages_before=self._stages_opened - 1,
            within=within,
            steps=self._step_in_stage if within else 0,
            opened_at=self._opened_at,
            over=within and self._over,
            evaluate_next=within and self._evaluate_next,
            summary=self._summary.state() if within else {},
        )

    def add(self, micro_batch: MicroBatch) -> None:
        """Adds a forward pass to the optimiser step under way."""
        self._step.micro_batches.append(micro_batch)

    def set_grad_norm(self, grad_norm: float) -> None:
        """Notes the gradient's norm before clipping."""
        self._step.grad_norm = grad_norm

    def begin_step(self, seconds: float) -> None:
        """An optimiser step began with the making of its batches, which took `seconds`."""
        self._step = StepInProgress(started=time.perf_counter() - seconds)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._stages_opened = 0
        position = self._resuming
        # The trainer looks at its limit after a step alone, and would take one more.
        self._stopped = position is not None and state.global_step >= state.max_steps
        if position is not None:
            self._stages_opened = position.stages_before
            self._director.resume(position.stages_before, position.steps * self._sampler.pairs_per_step)
            # What the checkpoint's trainer had decided about the end of its epoch is done with.
            control.should_epoch_stop = control.should_training_stop = False
        self._await_stage(control)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        stage, position = self._next, self._resuming
        self._resuming = None
        if stage is None:
            return
        self.objective = build_objective(stage.losses)
        self.combinations = combinations_to_score(
            self.objective, self._trainer.contrast, self._trainer.scores_all_combinations
        )
        within = position is not None and position.within
        started = time.perf_counter()
        if not self.objective.needs_reference:
            self._reference.skip()
        else:
            rows = (stage.pairs, stage.held_out_pairs, self._trainer.evaluation_rows)
            table = OpenTable(stage, row_numbers(chain.from_iterable(rows)), self.combinations)
            if within:
                self._reference.reopen(table)
            else:
                self._reference.open(table, self._director.table_progress)
        seconds = time.perf_counter() - started
        scheduler = self._trainer.lr_scheduler
        assert scheduler is not None
        self._opened_at = position.opened_at if position is not None and within else state.global_step
        self._schedule.open(stage, self._opened_at, state.global_step, scheduler)
        self._over = self._stopped or (position is not None and position.over)
        self._sampler.open(stage, self.combinations, over=self._over)
        self.stage = stage
        self._step_in_stage = position.steps if position is not None and within else 0
        self._evaluate_next = position is not None and within and position.evaluate_next
        self._summary = StageSummary(position.summary if position is not None and within else None)
        self._steps_in_epoch = 0
        self._director.stage_opened(stage, seconds)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        optimizer = cast(Optimizer, self._trainer.optimizer)
        self._step.learning_rate = optimizer.param_groups[0]["lr"]
        self._reference.mark_policy_moved()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        assert self.stage is not None
        step, stage = self._step, self.stage
        seconds = time.perf_counter() - step.started
        self._step_in_stage += 1
        self._steps_in_epoch += 1
        self._sampler.mark_trained()
        state.epoch = self._stages_opened - 1 + min(self._step_in_stage / max(stage.steps, 1), 1.0)
        step.gather(self._trainer.accelerator)
        completed = CompletedStep(state.global_step, stage, self._step_in_stage, step, seconds)
        report = completed.report(self._held_out(stage))
        self._director.step_taken(report)
        # What the decision does not need is done while it is on its way.
        metrics = completed.scored.metrics()
        self._trainer.note_metrics({**metrics, "stage": float(stage.stage)}, completed.scored.tokens)
        self._summary.add({"loss": report.loss, **metrics})
        if self._record_pairs is not None:
            self._record_pairs(completed.records())
        self._carry_out(self._director.decide(self._trainer.make_batches_ahead), state, control)

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.stage is None:
            return
        closed, self.stage = self.stage, None
        unused = self._sampler.unused()
        self._sampler.close()
        if self._paused:
            return
        self._director.stage_closed(closed.stage, self._step_in_stage, unused)
        if self._step_in_stage > 0 and args.logging_strategy != "no":
            self._trainer.log_stage(self._summary.metrics(closed.stage))
        if self._steps_in_epoch == 0 and not self._stopped:
            # The trainer takes an epoch without a batch for the end of the data; a stage may have no step.
            control.should_training_stop = False
        if not control.should_training_stop:
            self._await_stage(control)

    def _await_stage(self, control: TrainerControl) -> None:
        self._next = self._director.open_stage()
        if self._next is None:
            control.should_training_stop = True
        else:
            self._stages_opened += 1

    def _held_out(self, stage: Stage) -> HeldOutReport | None:
        if not self._evaluate_next:
            return None
        started = time.perf_counter()
        scored = self._trainer.evaluate_pairs(stage.held_out_pairs, self.combinations)
        return held_out_report(scored, time.perf_counter() - started)

    def _carry_out(self, decision: Decision, state: TrainerState, control: TrainerControl) -> None:
        if decision.move_reference_alpha is not None:
            self._reference.move(decision.move_reference_alpha, self._director.table_progress)
        if decision.checkpoint:
            folder = checkpoint_folder(self._trainer.checkpoint_directory, decision.checkpoint)
            model, processor = self._trainer.policy, self._trainer.processing_class
            whole = self._trainer.whole_weights()
            weights = in_main_process(
                self._trainer.accelerator, lambda: save_model_folder(model, processor, folder, whole)
            )
            self._director.checkpoint_saved(str(folder), state.global_step, weights)
        if decision.evaluate_held_out and self.stage is not None and not self.stage.held_out_pairs:
            raise UserError("decision.evaluate_held_out: the open stage has no held-out pairs: open it with some")
        self._evaluate_next = decision.evaluate_held_out
        # Before the training is saved: it must know that its stage is over.
        self._over = self._over or decision.end_stage or decision.stop
        if decision.save_training:
            folder = checkpoint_folder(self._trainer.checkpoint_directory, decision.save_training)
            save_training(self._trainer.accelerator, self._trainer.save_checkpoint_into, folder)
            self._director.training_saved(str(folder), state.global_step)
        if decision.end_stage or decision.stop:
            control.should_epoch_stop = True
        self._paused = decision.pause
        self._stopped = self._stopped or decision.stop
        if decision.stop or decision.pause:
            control.should_training_stop = True
