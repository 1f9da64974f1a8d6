"""What TRL's own losses share: the two texts on `images`, a beta, one term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from scpo_trl.errors import UserError
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_positive
from scpo_trl.losses.output import LossOutput, quad_margins, weighted_sum

READS = ("ww", "lw")
"""TRL knows one image a pair."""


@dataclass(frozen=True)
class BetaParameters:
    """Parameters of a loss that has beta alone.

    Attributes:
        beta: Scale of the rewards.
    """

    loss: ClassVar[str]
    beta: float = 0.1

    def __post_init__(self) -> None:
        require_positive(self.loss, beta=self.beta)


def require_share(loss: str, label_smoothing: float) -> None:
    """Raises UserError unless the share is one of pairs the wrong way round: from 0, below one half."""
    if not 0 <= label_smoothing < 0.5:
        raise UserError(
            f"parameter 'label_smoothing' of loss {loss!r} is {label_smoothing:g}: expected a share from 0 to below 0.5"
        )


def one_term(batch: LossInput, parameters: BetaParameters, losses: Tensor) -> LossOutput:
    """The output of a loss that is one term, named like the loss.

    Args:
        batch: What the loss was computed from.
        parameters: Those of the loss.
        losses: Its values (B,).
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta)
    return weighted_sum({parameters.loss: (1.0, losses)}, difference, parameters.beta, margins)
