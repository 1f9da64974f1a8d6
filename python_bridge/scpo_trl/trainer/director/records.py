"""Per-pair telemetry: what every pair did in every optimiser step, for people rather than for decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scpo_trl.trainer.director.director import QuadMeans


@dataclass(frozen=True)
class PairRecord:
    """What one pair did in one optimiser step; mirrors `PairRecord` of the contract.

    Attributes:
        step: Optimiser steps since training started; the first is 1.
        stage: Number of the stage.
        pair: Row of the pair in the data set.
        policy: Log-probabilities under the policy before the step, nats a sequence.
        reference: The same under the reference; zeros when the loss needs no reference.
        rewards: beta-scaled implicit rewards.
        textual_margin: Rewards on `images`: chosen minus rejected.
        visual_margin: Rewards of `chosen`: images minus rejected_images.
        textual_mirror_margin: Rewards on `rejected_images`: rejected minus chosen.
        visual_mirror_margin: Rewards of `rejected`: rejected_images minus images.
    """

    step: int
    stage: int
    pair: int
    policy: QuadMeans
    reference: QuadMeans
    rewards: QuadMeans
    textual_margin: float
    visual_margin: float
    textual_mirror_margin: float
    visual_mirror_margin: float


PairRecorder = Callable[[list[PairRecord]], None]
"""Takes the records of one optimiser step; called once a step, after it."""
