"""Direct preference optimisation on the texts of a contrast quadruple."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_positive, require_switch
from scpo_trl.losses.output import LossOutput, detached, logistic, quad_margins
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class DPOParameters:
    """Parameters of `dpo`.

    Attributes:
        beta: Scale of the implicit rewards.
        both_directions: 1: also prefer `rejected` to `chosen` on `rejected_images`, and take the mean of the two.
    """

    beta: float = 0.1
    both_directions: float = 0.0

    def __post_init__(self) -> None:
        require_positive("dpo", beta=self.beta)
        require_switch("dpo", both_directions=self.both_directions)


def _combinations(parameters: DPOParameters) -> tuple[str, ...]:
    return ("ww", "lw", "wl", "ll") if parameters.both_directions else ("ww", "lw")


@register_loss("dpo", parameters=DPOParameters, combinations=_combinations)
def dpo_loss(batch: LossInput, parameters: DPOParameters) -> LossOutput:
    """-log sigmoid of the textual margin, optionally averaged with that of its mirror.

    Args:
        batch: Log-probabilities under policy and reference.
        parameters: See `DPOParameters`.

    Returns:
        Losses (B,); terms `textual` and, with both directions, `textual_mirror`.

    Source: Rafailov et al., arXiv 2305.18290, Eq. (7). The second direction is that equation on the exchanged pair.
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta)
    names = ("textual", "textual_mirror") if parameters.both_directions else ("textual",)
    terms = {name: logistic(margins[name]) for name in names}
    losses = torch.stack(list(terms.values())).mean(dim=0)
    return LossOutput(losses, difference.scaled(parameters.beta).detach(), detached(margins), detached(terms))
