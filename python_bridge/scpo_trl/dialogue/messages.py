"""Between the contract's messages and the trainer's own terms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scpo.v1 import pair_pb2, telemetry_pb2, trainer_pb2
from scpo.v1.rules import CHECKPOINT_NAME, LEARNING_RATE
from scpo_trl.errors import UserError
from scpo_trl.losses import WeightedLoss
from scpo_trl.trainer.config import filled_in
from scpo_trl.trainer.director.director import Decision, HeldOutReport, ReferenceAtOpen, Schedule, Stage, StepReport
from scpo_trl.trainer.director.records import PairRecord
from scpo_trl.trainer.rows.row_numbers import distinct_rows, row_array

SCHEDULES: dict[int, Schedule] = {
    trainer_pb2.LEARNING_RATE_SCHEDULE_CONSTANT: "constant",
    trainer_pb2.LEARNING_RATE_SCHEDULE_LINEAR: "linear",
    trainer_pb2.LEARNING_RATE_SCHEDULE_COSINE: "cosine",
}
REFERENCES: dict[int, ReferenceAtOpen] = {
    trainer_pb2.REFERENCE_AT_OPEN_POLICY: "policy",
    trainer_pb2.REFERENCE_AT_OPEN_KEEP: "keep",
    trainer_pb2.REFERENCE_AT_OPEN_INITIAL: "initial",
}


def stage_of(message: trainer_pb2.OpenStage, rows: int, beta: float) -> Stage:
    """Check an OpenStage and turn it into the trainer's terms.

    Args:
        message: The request.
        rows: Rows of the data set.
        beta: The settings' beta, for losses that leave theirs out.

    Raises:
        UserError: A field is missing, not finite or out of range.
    """
    if not message.pairs:
        raise UserError("open_stage.pairs: found none, expected every pair that the stage may draw")
    beyond = next((pair for pair in message.pairs if pair >= rows), None)
    if beyond is not None:
        raise UserError(f"open_stage.pairs: found {beyond}, but the data set has {rows} rows (counted from 0)")
    if message.steps < 1:
        raise UserError("open_stage.steps: found 0, expected the planned optimiser steps, at least 1")
    if not LEARNING_RATE.allows(message.learning_rate):
        raise UserError(f"open_stage.learning_rate: found {message.learning_rate}, expected {LEARNING_RATE.expected}")
    if message.schedule not in SCHEDULES:
        raise UserError("open_stage.schedule: found none, expected CONSTANT, LINEAR or COSINE")
    if message.reference not in REFERENCES:
        raise UserError("open_stage.reference: found none, expected POLICY, KEEP or INITIAL")
    _check_held_out(message, rows)
    return Stage(
        stage=message.stage,
        pairs=distinct_rows(message.pairs),
        steps=message.steps,
        losses=_losses(message.objective, beta),
        learning_rate=message.learning_rate,
        schedule=SCHEDULES[message.schedule],
        warmup_steps=message.warmup_steps,
        reference=REFERENCES[message.reference],
        keep_reference_weights=message.keep_reference_weights,
        held_out_pairs=distinct_rows(message.held_out_pairs),
    )


def _losses(objective: trainer_pb2.Objective, beta: float) -> list[WeightedLoss]:
    if not objective.losses:
        raise UserError("open_stage.objective.losses: found none, expected at least one loss")
    for at, loss in enumerate(objective.losses):
        field = f"open_stage.objective.losses[{at}]"
        if not loss.name:
            raise UserError(f"{field}.name: found nothing, expected the name of a loss")
        for name, value in sorted(loss.parameters.items()):
            if not math.isfinite(value):
                raise UserError(f"{field}.parameters[{name}]: found {value}, expected a finite number")
    return filled_in(
        [
            WeightedLoss(loss.name, dict(loss.parameters), loss.weight if loss.HasField("weight") else 1.0)
            for loss in objective.losses
        ],
        beta,
    )


def _check_held_out(message: trainer_pb2.OpenStage, rows: int) -> None:
    held_out = row_array(message.held_out_pairs)
    for pair in held_out[held_out >= rows][:1]:
        raise UserError(f"open_stage.held_out_pairs: found {pair}, but the data set has {rows} rows (from 0)")
    for pair in held_out[np.isin(held_out, row_array(message.pairs))][:1]:
        raise UserError(f"open_stage.held_out_pairs: found {pair}, which open_stage.pairs has as well")


def decision_of(message: trainer_pb2.Decision) -> Decision:
    """Check a Decision and turn it into the trainer's terms; raises `UserError`."""
    alpha = message.move_reference_alpha if message.HasField("move_reference_alpha") else None
    if alpha is not None and not 0 < alpha <= 1:
        raise UserError(f"decision.move_reference_alpha: found {alpha}, expected a number above 0 and at most 1")
    require_checkpoint_name(message.checkpoint, "decision.checkpoint")
    require_checkpoint_name(message.save_training, "decision.save_training")
    return Decision(
        reason=message.reason,
        move_reference_alpha=alpha,
        checkpoint=message.checkpoint,
        end_stage=message.end_stage,
        stop=message.stop,
        evaluate_held_out=message.evaluate_held_out,
        save_training=message.save_training,
        pause=message.pause,
    )


def require_checkpoint_name(name: str, field: str) -> None:
    """Raise `UserError` unless a name is empty or a plain folder name."""
    if name and not CHECKPOINT_NAME.allows(name):
        raise UserError(f"{field}: found {name!r}, expected {CHECKPOINT_NAME.expected}")


def quad_message(quad: Any) -> pair_pb2.QuadLogps:
    """Turn the four numbers `ww`, `lw`, `wl`, `ll` into their message."""
    return pair_pb2.QuadLogps(
        chosen_given_images=quad.ww,
        rejected_given_images=quad.lw,
        chosen_given_rejected_images=quad.wl,
        rejected_given_rejected_images=quad.ll,
    )


def report_message(report: StepReport) -> trainer_pb2.StepReport:
    """Turn the trainer's step report into its message."""
    return trainer_pb2.StepReport(
        step=report.step,
        stage=report.stage,
        step_in_stage=report.step_in_stage,
        loss=report.loss,
        terms=dict(report.terms),
        accuracies=dict(report.accuracies),
        rewards=quad_message(report.rewards),
        kl_reference=report.kl_reference,
        kl_initial=report.kl_initial,
        learning_rate=report.learning_rate,
        grad_norm=report.grad_norm,
        seconds=report.seconds,
        tokens=report.tokens,
        memory_bytes=report.memory_bytes,
        pairs=[trainer_pb2.PairReport(pair=pair.pair, margins=dict(pair.margins)) for pair in report.pairs],
        held_out=None if report.held_out is None else held_out_message(report.held_out),
    )


def held_out_message(report: HeldOutReport) -> trainer_pb2.HeldOutReport:
    """Turn an evaluation of held-out pairs into its message."""
    return trainer_pb2.HeldOutReport(
        pairs=report.pairs,
        loss=report.loss,
        terms=dict(report.terms),
        accuracies=dict(report.accuracies),
        margins=dict(report.margins),
        kl_reference=report.kl_reference,
        seconds=report.seconds,
    )


def record_message(record: PairRecord) -> telemetry_pb2.PairRecord:
    """Turn one pair's record into its message."""
    return telemetry_pb2.PairRecord(
        step=record.step,
        stage=record.stage,
        pair=record.pair,
        policy=quad_message(record.policy),
        reference=quad_message(record.reference),
        rewards=quad_message(record.rewards),
        textual_margin=record.textual_margin,
        visual_margin=record.visual_margin,
        textual_mirror_margin=record.textual_mirror_margin,
        visual_mirror_margin=record.visual_mirror_margin,
    )
