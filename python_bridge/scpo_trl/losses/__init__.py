"""Losses on the log-probabilities of a contrast quadruple: tensors in, tensors out, no model and no trainer."""

from scpo_trl.losses import (  # noqa: F401  (importing registers them)
    chip,
    dpo,
    mdpo,
    rdpo,
    s_vco,
    scpo,
    sft,
    symmpo,
    trl_margin,
    trl_rewards,
    trl_sorted,
)
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.objective import Objective, WeightedLoss, build_objective
from scpo_trl.losses.output import LossOutput
from scpo_trl.losses.quad import COMBINATIONS, QuadLogps
from scpo_trl.losses.registry import get_loss, loss_names, register_loss

__all__ = [
    "COMBINATIONS",
    "LossInput",
    "LossOutput",
    "Objective",
    "QuadLogps",
    "WeightedLoss",
    "build_objective",
    "get_loss",
    "loss_names",
    "register_loss",
]
