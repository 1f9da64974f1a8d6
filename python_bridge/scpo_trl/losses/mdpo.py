"""Conditional preference optimisation with an anchor on the chosen text."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_not_negative, require_positive
from scpo_trl.losses.output import LossOutput, logistic, quad_margins, weighted_sum
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class MDPOParameters:
    """Parameters of `mdpo`; the published objective is the defaults.

    Attributes:
        beta: Scale of the rewards.
        visual: Weight of the conditional (visual) term; 0 switches it off, as in the paper's ablation.
        anchor: Weight of the anchor; 0 switches it off, as in the paper's ablation.
        anchor_delta: Reward that the chosen text must exceed for its anchor to fall under ln 2; 0 in the public code.
    """

    beta: float = 0.1
    visual: float = 1.0
    anchor: float = 1.0
    anchor_delta: float = 0.0

    def __post_init__(self) -> None:
        require_positive("mdpo", beta=self.beta)
        require_not_negative("mdpo", visual=self.visual, anchor=self.anchor)


def _combinations(parameters: MDPOParameters) -> tuple[str, ...]:
    return ("ww", "lw", "wl") if parameters.visual else ("ww", "lw")


@register_loss("mdpo", parameters=MDPOParameters, combinations=_combinations)
def mdpo_loss(batch: LossInput, parameters: MDPOParameters) -> LossOutput:
    """DPO, the same preference between two images under the chosen text, and an anchor that keeps that text likely.

        L = -ls(b [D(y_w|v_w) - D(y_l|v_w)])   textual
            -ls(b [D(y_w|v_w) - D(y_w|v_l)])   visual
            -ls(b D(y_w|v_w) - delta)          anchor

    Args:
        batch: Log-probabilities under policy and reference; `rejected_images` stand for the damaged image, which in
            the paper is a crop of `images` (contrast "crop" makes one).
        parameters: See `MDPOParameters`.

    Returns:
        Losses (B,); terms `textual`, `visual`, `anchor`.

    Source: Wang et al., arXiv 2406.11839; weights and beta as in `mdpo_trainer.py` of luka-group/mDPO.
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta)
    terms = {
        "textual": (1.0, logistic(margins["textual"])),
        "visual": (parameters.visual, logistic(margins["visual"])),
        "anchor": (parameters.anchor, logistic(parameters.beta * difference.ww - parameters.anchor_delta)),
    }
    return weighted_sum(terms, difference, parameters.beta, margins)
