"""TRL's losses of the two rewards, each on its own: with r_w = b D(y_w|v_w) and r_l = b D(y_l|v_w)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.output import LossOutput, logistic
from scpo_trl.losses.registry import register_loss
from scpo_trl.losses.trl_base import READS, BetaParameters, one_term


@dataclass(frozen=True)
class NCAPairParameters(BetaParameters):
    """Parameters of `nca_pair`.

    Attributes:
        beta: Scale of the rewards.
    """

    loss: ClassVar[str] = "nca_pair"


@dataclass(frozen=True)
class BCOPairParameters(BetaParameters):
    """Parameters of `bco_pair`.

    Attributes:
        beta: Scale of the rewards.
    """

    loss: ClassVar[str] = "bco_pair"


@dataclass(frozen=True)
class SPPOHardParameters(BetaParameters):
    """Parameters of `sppo_hard`.

    Attributes:
        beta: D of the chosen text is drawn to 1 / (2 beta), of the rejected one to -1 / (2 beta).
    """

    loss: ClassVar[str] = "sppo_hard"


@dataclass(frozen=True)
class APOZeroParameters(BetaParameters):
    """Parameters of `apo_zero`.

    Attributes:
        beta: Scale of the rewards.
    """

    loss: ClassVar[str] = "apo_zero"


@dataclass(frozen=True)
class APODownParameters(BetaParameters):
    """Parameters of `apo_down`.

    Attributes:
        beta: Scale of the rewards.
    """

    loss: ClassVar[str] = "apo_down"


@register_loss("nca_pair", parameters=NCAPairParameters, combinations=READS)
def nca_pair_loss(batch: LossInput, parameters: NCAPairParameters) -> LossOutput:
    """-ls(r_w) - 0.5 ls(-r_w) - 0.5 ls(-r_l).

    Source: Chen et al., arXiv 2402.05369, as TRL computes it.
    """
    chosen, rejected = _rewards(batch, parameters)
    losses = logistic(chosen) + 0.5 * logistic(-chosen) + 0.5 * logistic(-rejected)
    return one_term(batch, parameters, losses)


@register_loss("bco_pair", parameters=BCOPairParameters, combinations=READS)
def bco_pair_loss(batch: LossInput, parameters: BCOPairParameters) -> LossOutput:
    """-ls(r_w) - ls(-r_l), without the paper's running mean of the rewards, which TRL leaves out too.

    Source: Jung et al., arXiv 2404.04656, as TRL computes it.
    """
    chosen, rejected = _rewards(batch, parameters)
    return one_term(batch, parameters, logistic(chosen) + logistic(-rejected))


@register_loss("sppo_hard", parameters=SPPOHardParameters, combinations=READS)
def sppo_hard_loss(batch: LossInput, parameters: SPPOHardParameters) -> LossOutput:
    """(D(y_w|v_w) - 1 / (2 b))^2 + (D(y_l|v_w) + 1 / (2 b))^2.

    Source: Wu et al., arXiv 2405.00675, Eq. (4.7) with probabilities 1 and 0, as TRL computes it.
    """
    difference = batch.policy.minus(batch.reference)
    goal = 0.5 / parameters.beta
    return one_term(batch, parameters, (difference.ww - goal) ** 2 + (difference.lw + goal) ** 2)


@register_loss("apo_zero", parameters=APOZeroParameters, combinations=READS)
def apo_zero_loss(batch: LossInput, parameters: APOZeroParameters) -> LossOutput:
    """1 - sigmoid(r_w) + sigmoid(r_l): for chosen texts better than the model's own.

    Source: D'Oosterlinck et al., arXiv 2408.06266, Eq. (7), as TRL computes it.
    """
    chosen, rejected = _rewards(batch, parameters)
    return one_term(batch, parameters, torch.sigmoid(-chosen) + torch.sigmoid(rejected))


@register_loss("apo_down", parameters=APODownParameters, combinations=READS)
def apo_down_loss(batch: LossInput, parameters: APODownParameters) -> LossOutput:
    """sigmoid(r_w) + 1 - sigmoid(r_w - r_l): for chosen texts worse than the model's own.

    Source: D'Oosterlinck et al., arXiv 2408.06266, Eq. (8), as TRL computes it.
    """
    chosen, rejected = _rewards(batch, parameters)
    return one_term(batch, parameters, torch.sigmoid(chosen) + torch.sigmoid(rejected - chosen))


def _rewards(batch: LossInput, parameters: BetaParameters) -> tuple[Tensor, Tensor]:
    difference = batch.policy.minus(batch.reference)
    return parameters.beta * difference.ww, parameters.beta * difference.lw
