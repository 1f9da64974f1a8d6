"""Symmetric multimodal preference optimisation: the two texts compared on each of the two images."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_not_negative, require_positive
from scpo_trl.losses.output import LossOutput, logistic, quad_margins, weighted_sum
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class SymMPOParameters:
    """Parameters of `symmpo`; the published objective is the defaults.

    Attributes:
        beta: Scale of the rewards.
        pair: Weight of the symmetric pair.
        anchor: Weight of the anchors on both matched texts; the weight is ours, 1 in the public code.
        consistency: Weight of the squared difference of the two margins, which beta does not scale.
    """

    beta: float = 0.1
    pair: float = 0.5
    anchor: float = 1.0
    consistency: float = 1e-4

    def __post_init__(self) -> None:
        require_positive("symmpo", beta=self.beta)
        require_not_negative("symmpo", pair=self.pair, anchor=self.anchor, consistency=self.consistency)


def _combinations(parameters: SymMPOParameters) -> list[str]:
    read = ["ww", "lw"]
    if parameters.pair or parameters.consistency:
        read += ["wl", "ll"]
    if parameters.anchor:
        read += ["ll"]
    return read


@register_loss("symmpo", parameters=SymMPOParameters, combinations=_combinations)
def symmpo_loss(batch: LossInput, parameters: SymMPOParameters) -> LossOutput:
    """DPO, the two texts compared on both images, anchors on the matched texts, and equal margins on both sides.

    With a = D(y_w|v_w) - D(y_l|v_w) and m = D(y_l|v_l) - D(y_w|v_l):

        L = -ls(b a)                                      textual
            + pair (-ls(b a) - ls(b m))                   pair
            + anchor (-ls(b D(y_w|v_w)) - ls(b D(y_l|v_l)))
            + consistency (a - m)^2

    The paper has a third text, a rejected one for the first term alone; in a contrast quadruple `rejected` serves in
    both places.

    Args:
        batch: Log-probabilities under policy and reference.
        parameters: See `SymMPOParameters`.

    Returns:
        Losses (B,); terms `textual`, `pair`, `anchor`, `consistency`, the last in squared nats.

    Source: Liu et al., arXiv 2506.11712; weights, beta and the unscaled margins as in `muffin/train/trainers.py` and
    `script/train/llava15_train_main.sh` of Liuwq-bit/SymMPO.
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta)
    ww, lw, wl, ll = difference[:4]
    textual, mirror = logistic(margins["textual"]), logistic(margins["textual_mirror"])
    terms = {
        "textual": (1.0, textual),
        "pair": (parameters.pair, textual + mirror),
        "anchor": (parameters.anchor, logistic(parameters.beta * ww) + logistic(parameters.beta * ll)),
        "consistency": (parameters.consistency, ((ww - lw) - (ll - wl)).square()),
    }
    return weighted_sum(terms, difference, parameters.beta, margins)
