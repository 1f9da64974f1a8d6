"""The learning rate of a stage: warm-up, then constant, linear or cosine, restarting with every stage."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from scpo_trl.trainer.director.director import Schedule, Stage


def schedule_shape(schedule: Schedule, step: int, steps: int, warmup_steps: int) -> float:
    """The share of the peak learning rate with which a step of a stage is taken.

    Args:
        schedule: What follows the warm-up.
        step: Steps taken in the stage before this one; 0 for the first.
        steps: Planned steps of the stage; later ones keep the end value.
        warmup_steps: Steps of linear warm-up: the first takes 1 / (warmup_steps + 1), so that no step is wasted at 0.

    Returns:
        Between 0 and 1. `linear` and `cosine` would reach 0 at step `steps`, one after the last planned.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if schedule == "constant":
        return 1.0
    progress = min((step - warmup_steps) / max(steps - warmup_steps, 1), 1.0)
    if schedule == "linear":
        return 1.0 - progress
    return 0.5 * (1.0 + math.cos(math.pi * progress))


class StageSchedule:
    """Gives a `LambdaLR` the factor that belongs to the open stage.

    The optimiser's state is kept across stages; only the schedule restarts (our reconstruction).

    Args:
        base_learning_rate: Rate with which the optimiser was built; a stage's peak is set relative to it.
    """

    def __init__(self, base_learning_rate: float) -> None:
        self._base = base_learning_rate
        self._stage: Stage | None = None
        self._opened_at = 0

    def factor(self, step: int) -> float:
        """The factor on the base learning rate for the step taken after `step` steps of the training."""
        stage = self._stage
        if stage is None:
            return 1.0
        shape = schedule_shape(stage.schedule, step - self._opened_at, stage.steps, stage.warmup_steps)
        return stage.learning_rate / self._base * shape

    def create(self, optimizer: Optimizer) -> LambdaLR:
        """A scheduler for `optimizer` that follows the open stage."""
        return LambdaLR(optimizer, lr_lambda=lambda step: self.factor(step))

    def open(self, stage: Stage, opened_at: int, step: int, scheduler: LRScheduler) -> None:
        """Makes `stage`, which opened after `opened_at` steps of the training, the open stage after `step` steps.

        The scheduler took its step for the coming one while the former stage was open, so the rates are set again here.
        """
        self._stage = stage
        self._opened_at = opened_at
        factor = self.factor(step)
        rates = [base * factor for base in scheduler.base_lrs]
        for group, rate in zip(scheduler.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        scheduler._last_lr = rates
