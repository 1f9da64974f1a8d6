"""TRL's losses of one margin: the textual one, on `images`, as a whole or by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from scpo_trl.errors import UserError
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_positive
from scpo_trl.losses.output import LossOutput, logistic
from scpo_trl.losses.registry import register_loss
from scpo_trl.losses.trl_base import READS, BetaParameters, one_term, require_share


@dataclass(frozen=True)
class HingeParameters(BetaParameters):
    """Parameters of `hinge`.

    Attributes:
        beta: Scale of the rewards.
    """

    loss: ClassVar[str] = "hinge"


@dataclass(frozen=True)
class IPOParameters(BetaParameters):
    """Parameters of `ipo`.

    Attributes:
        beta: The paper's regularisation tau; the margin by token is drawn to 1 / (2 beta).
    """

    loss: ClassVar[str] = "ipo"


@dataclass(frozen=True)
class SigmoidNormParameters(BetaParameters):
    """Parameters of `sigmoid_norm`.

    Attributes:
        beta: Scale of the rewards by token.
    """

    loss: ClassVar[str] = "sigmoid_norm"


@dataclass(frozen=True)
class RobustParameters(BetaParameters):
    """Parameters of `robust`.

    Attributes:
        beta: Scale of the rewards.
        label_smoothing: Share of the pairs that are thought to be the wrong way round, from 0 and below 0.5.
    """

    loss: ClassVar[str] = "robust"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share("robust", self.label_smoothing)


@dataclass(frozen=True)
class EXOPairParameters(BetaParameters):
    """Parameters of `exo_pair`.

    Attributes:
        beta: Scale of the rewards.
        label_smoothing: Probability of `rejected` in the distribution that the policy is drawn to.
    """

    loss: ClassVar[str] = "exo_pair"
    label_smoothing: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.label_smoothing < 1:
            raise UserError(
                f"parameter 'label_smoothing' of loss 'exo_pair' is {self.label_smoothing:g}: expected more than 0 and "
                "less than 1"
            )


@dataclass(frozen=True)
class DiscoPOPParameters(BetaParameters):
    """Parameters of `discopop`.

    Attributes:
        beta: Scale of the rewards.
        tau: Width, as a margin, of the passage from the logistic to the exponential loss.
    """

    loss: ClassVar[str] = "discopop"
    tau: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive("discopop", tau=self.tau)


@register_loss("hinge", parameters=HingeParameters, combinations=READS)
def hinge_loss(batch: LossInput, parameters: HingeParameters) -> LossOutput:
    """max(0, 1 - b [D(y_w|v_w) - D(y_l|v_w)]).

    Source: Zhao et al., arXiv 2305.10425 (SLiC), as TRL computes it.
    """
    return one_term(batch, parameters, torch.relu(1 - _margin(batch, parameters)))


@register_loss("ipo", parameters=IPOParameters, combinations=READS)
def ipo_loss(batch: LossInput, parameters: IPOParameters) -> LossOutput:
    """(D(y_w|v_w) / |y_w| - D(y_l|v_w) / |y_l| - 1 / (2 b))^2.

    Source: Azar et al., arXiv 2310.12036, Eq. (17); D by token as in TRL.
    """
    return one_term(batch, parameters, (_by_token(batch) - 1 / (2 * parameters.beta)) ** 2)


@register_loss("sigmoid_norm", parameters=SigmoidNormParameters, combinations=READS)
def sigmoid_norm_loss(batch: LossInput, parameters: SigmoidNormParameters) -> LossOutput:
    """-ls(b [D(y_w|v_w) / |y_w| - D(y_l|v_w) / |y_l|]).

    Source: Lambert et al., arXiv 2411.15124, the length-normalised DPO, as TRL computes it.
    """
    return one_term(batch, parameters, logistic(parameters.beta * _by_token(batch)))


@register_loss("robust", parameters=RobustParameters, combinations=READS)
def robust_loss(batch: LossInput, parameters: RobustParameters) -> LossOutput:
    """(-(1 - e) ls(m) + e ls(-m)) / (1 - 2 e), where m is the margin; `dpo` where e is 0.

    Source: Chowdhury et al., arXiv 2403.00409, as TRL computes it.
    """
    margin, flipped = _margin(batch, parameters), parameters.label_smoothing
    losses = ((1 - flipped) * logistic(margin) - flipped * logistic(-margin)) / (1 - 2 * flipped)
    return one_term(batch, parameters, losses)


@register_loss("exo_pair", parameters=EXOPairParameters, combinations=READS)
def exo_pair_loss(batch: LossInput, parameters: EXOPairParameters) -> LossOutput:
    """KL divergence of (sigmoid(m), sigmoid(-m)) from (1 - e, e), where m is the margin.

    Source: Ji et al., arXiv 2402.00856, Eq. (16), as TRL computes it.
    """
    margin, smoothing = _margin(batch, parameters), torch.tensor(parameters.label_smoothing)
    losses = torch.sigmoid(margin) * (F.logsigmoid(margin) - torch.log1p(-smoothing)) + torch.sigmoid(-margin) * (
        F.logsigmoid(-margin) - torch.log(smoothing)
    )
    return one_term(batch, parameters, losses)


@register_loss("discopop", parameters=DiscoPOPParameters, combinations=READS)
def discopop_loss(batch: LossInput, parameters: DiscoPOPParameters) -> LossOutput:
    """-ls(m) (1 - s) + exp(-m) s with s = sigmoid(m / tau), where m is the margin.

    Source: Lu et al., arXiv 2406.08414, Eq. (5), as TRL computes it.
    """
    margin = _margin(batch, parameters)
    modulation = margin / parameters.tau
    # exp(-m) overflows where s vanishes; their product does not.
    exponential = torch.exp(F.logsigmoid(modulation) - margin)
    return one_term(batch, parameters, logistic(margin) * torch.sigmoid(-modulation) + exponential)


def _margin(batch: LossInput, parameters: BetaParameters) -> Tensor:
    difference = batch.policy.minus(batch.reference)
    return parameters.beta * (difference.ww - difference.lw)


def _by_token(batch: LossInput) -> Tensor:
    difference = batch.policy.minus(batch.reference)
    return difference.ww / batch.chosen_tokens - difference.lw / batch.rejected_tokens
