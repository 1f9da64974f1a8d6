"""DPO with a visual preference against a retrieved image."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_not_negative, require_positive
from scpo_trl.losses.output import LossOutput, logistic, quad_margins, weighted_sum
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class RDPOParameters:
    """Parameters of `rdpo`; the published objective is the defaults.

    Attributes:
        beta: Scale of the rewards.
        visual: Weight of the visual term; the weight is ours, 1 in the public code.
    """

    beta: float = 0.1
    visual: float = 1.0

    def __post_init__(self) -> None:
        require_positive("rdpo", beta=self.beta)
        require_not_negative("rdpo", visual=self.visual)


def _combinations(parameters: RDPOParameters) -> tuple[str, ...]:
    return ("ww", "lw", "wl") if parameters.visual else ("ww", "lw")


@register_loss("rdpo", parameters=RDPOParameters, combinations=_combinations)
def rdpo_loss(batch: LossInput, parameters: RDPOParameters) -> LossOutput:
    """DPO and the same preference between two images under the chosen text.

        L = -ls(b [D(y_w|v_w) - D(y_l|v_w)])   textual
            -ls(b [D(y_w|v_w) - D(y_w|v_l)])   visual

    Args:
        batch: Log-probabilities under policy and reference; `rejected_images` stand for the image that the paper
            retrieves.
        parameters: See `RDPOParameters`.

    Returns:
        Losses (B,); terms `textual`, `visual`.

    Source: Xing et al. (Re-Align), arXiv 2502.13146; weights and beta as in `rDPOtrainer.py` and
    `train_lora_rdpo.sh` of taco-group/Re-Align. Not the robust DPO that TRL calls "robust".
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta)
    terms = {
        "textual": (1.0, logistic(margins["textual"])),
        "visual": (parameters.visual, logistic(margins["visual"])),
    }
    return weighted_sum(terms, difference, parameters.beta, margins)
