"""Losses on the four log-probabilities of a contrast quadruple: tensors in, tensors out, no model and no trainer."""

from scpo_trl.losses import dpo, scpo, sft  # noqa: F401  (importing registers them)
from scpo_trl.losses.output import LossOutput
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.losses.registry import Objective, build_objective, get_loss, loss_names, register_loss

__all__ = ["LossOutput", "Objective", "QuadLogps", "build_objective", "get_loss", "loss_names", "register_loss"]
