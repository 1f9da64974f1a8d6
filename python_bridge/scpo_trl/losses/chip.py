"""The visual part of cross-modal hierarchical preference optimisation: both margins inside one sigmoid."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_not_negative, require_positive
from scpo_trl.losses.output import LossOutput, logistic, quad_margins, weighted_sum
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class CHiPParameters:
    """Parameters of `chip`; the published code is the defaults.

    Attributes:
        beta: Scale of the rewards.
        gamma: Weight of the visual margin inside the sigmoid; the weight is ours, 1 in the public code.
    """

    beta: float = 0.1
    gamma: float = 1.0

    def __post_init__(self) -> None:
        require_positive("chip", beta=self.beta)
        require_not_negative("chip", gamma=self.gamma)


def _combinations(parameters: CHiPParameters) -> tuple[str, ...]:
    return ("ww", "lw", "wl") if parameters.gamma else ("ww", "lw")


@register_loss("chip", parameters=CHiPParameters, combinations=_combinations)
def chip_loss(batch: LossInput, parameters: CHiPParameters) -> LossOutput:
    """Textual and visual preference added up before the sigmoid, so that one side can make up for the other.

        L = -ls(b ([D(y_w|v_w) - D(y_l|v_w)] + gamma [D(y_w|v_w) - D(y_w|v_l)]))

    The hierarchy's other levels, weights on the tokens in which the texts differ and a divergence summed over tokens,
    need more than a text's log-probability and are left out.

    Args:
        batch: Log-probabilities under policy and reference; `rejected_images` stand for the paper's noised image.
        parameters: See `CHiPParameters`.

    Returns:
        Losses (B,); term `combined`.

    Source: Fu et al., arXiv 2501.16629; the one sigmoid and beta as in `muffin/muffin/train/trainers.py` of
    LVUGAI/CHiP with `use_cross_modal_loss` alone.
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta)
    combined = margins["textual"]
    if parameters.gamma:
        combined = combined + parameters.gamma * margins["visual"]
    return weighted_sum({"combined": (1.0, logistic(combined))}, difference, parameters.beta, margins)
