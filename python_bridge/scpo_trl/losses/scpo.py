"""The objective of semantic curriculum preference optimisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scpo_trl.errors import UserError
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_not_negative, require_positive, require_switch
from scpo_trl.losses.output import LossOutput, logistic, quad_margins, weighted_sum
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class SCPOParameters:
    """Parameters of `scpo`; all defaults are our reconstruction.

    Attributes:
        beta: Scale of the rewards in the complementary terms (b).
        beta_mirror: Scale of the rewards in the symmetry terms (b').
        mirror_weight: Weight of the symmetry terms (lambda).
        textual: Weight of the textual term; 0 switches it off.
        visual: Weight of the visual term; 0 switches it off.
        visual_mirror: Weight of the visual mirror within the symmetry terms; 0 switches it off.
        textual_mirror: Weight of the textual mirror within the symmetry terms; 0 switches it off.
        anchor: Weight of the anchor, which keeps both matched texts likely; 0 switches it off.
        anchor_delta: Reward that a matched text must exceed for its anchor to fall under ln 2.
        one_sigmoid: 1: one sigmoid over the sum of a side's two margins instead of one sigmoid a margin.
        gamma: Weight of the visual margin inside that one sigmoid.
    """

    beta: float = 0.1
    beta_mirror: float = 0.1
    mirror_weight: float = 1.0
    textual: float = 1.0
    visual: float = 1.0
    visual_mirror: float = 1.0
    textual_mirror: float = 1.0
    anchor: float = 0.0
    anchor_delta: float = 0.0
    one_sigmoid: float = 0.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        require_positive("scpo", beta=self.beta, beta_mirror=self.beta_mirror)
        require_not_negative(
            "scpo",
            mirror_weight=self.mirror_weight,
            textual=self.textual,
            visual=self.visual,
            visual_mirror=self.visual_mirror,
            textual_mirror=self.textual_mirror,
            anchor=self.anchor,
            gamma=self.gamma,
        )
        require_switch("scpo", one_sigmoid=self.one_sigmoid)
        gamma = self.gamma if self.one_sigmoid else 1.0
        mirrors = self.mirror_weight * (gamma * self.visual_mirror + self.textual_mirror)
        if self.textual + gamma * self.visual + mirrors + self.anchor == 0:
            raise UserError("loss 'scpo' has no term switched on: expected at least one weight greater than 0")


def _combinations(parameters: SCPOParameters) -> list[str]:
    gamma = parameters.gamma if parameters.one_sigmoid else 1.0
    read_by_weight = (
        (parameters.textual, ("ww", "lw")),
        (gamma * parameters.visual, ("ww", "wl")),
        (gamma * parameters.mirror_weight * parameters.visual_mirror, ("ll", "lw")),
        (parameters.mirror_weight * parameters.textual_mirror, ("ll", "wl")),
        (parameters.anchor, ("ww", "ll")),
    )
    return [name for weight, names in read_by_weight if weight for name in names]


@register_loss("scpo", parameters=SCPOParameters, combinations=_combinations)
def scpo_loss(batch: LossInput, parameters: SCPOParameters) -> LossOutput:
    """Complementary textual and visual preferences, plus lambda times the same with the pair's roles exchanged.

    L = L_CCO + lambda * L_CSO + anchor weight * L_anchor, with D(y|v) = log pi(y|v,x) - log ref(y|v,x) and
    ls = log sigmoid:

        L_CCO    = -ls(b [D(y_w|v_w) - D(y_l|v_w)])   textual
                   -ls(b [D(y_w|v_w) - D(y_w|v_l)])   visual
        L_CSO    = -ls(b'[D(y_l|v_l) - D(y_l|v_w)])   visual mirror
                   -ls(b'[D(y_l|v_l) - D(y_w|v_l)])   textual mirror
        L_anchor = -ls(b D(y_w|v_w) - delta) - ls(b D(y_l|v_l) - delta)

    Args:
        batch: Log-probabilities under policy and reference.
        parameters: See `SCPOParameters`.

    Returns:
        Losses (B,); a term for every weight that is not 0: `textual`, `visual`, `visual_mirror`, `textual_mirror`,
        `anchor`, or with one sigmoid `combined`, `combined_mirror`, `anchor`.

    Source: Li et al., arXiv 2509.24491: the names CCO and CSO, "complementary textual and visual preference losses with
    a cross-modal symmetry loss", and the weight lambda are the paper's. The formulas are our reconstruction: textual
    and visual preference as in DPO (2305.18290) and mDPO (2406.11839), the mirrors as in SymMPO (2506.11712) and later
    code of the paper's first author, the anchor as in mDPO and SymMPO, the one sigmoid as in the code of CHiP.
    """
    difference = batch.policy.minus(batch.reference)
    margins = quad_margins(difference, parameters.beta, parameters.beta_mirror)
    terms = _one_sigmoid(margins, parameters) if parameters.one_sigmoid else _sigmoid_a_margin(margins, parameters)
    if parameters.anchor:
        ww, ll = parameters.beta * difference.ww, parameters.beta * difference.ll
        delta = parameters.anchor_delta
        terms["anchor"] = (parameters.anchor, logistic(ww - delta) + logistic(ll - delta))
    return weighted_sum(terms, difference, parameters.beta, margins)


def _sigmoid_a_margin(margins: dict[str, Tensor], parameters: SCPOParameters) -> dict[str, tuple[float, Tensor]]:
    weights = {
        "textual": parameters.textual,
        "visual": parameters.visual,
        "visual_mirror": parameters.mirror_weight * parameters.visual_mirror,
        "textual_mirror": parameters.mirror_weight * parameters.textual_mirror,
    }
    return {name: (weight, logistic(margins[name])) for name, weight in weights.items()}


def _one_sigmoid(margins: dict[str, Tensor], parameters: SCPOParameters) -> dict[str, tuple[float, Tensor]]:
    sides = {
        "combined": (1.0, {"textual": parameters.textual, "visual": parameters.gamma * parameters.visual}),
        "combined_mirror": (
            parameters.mirror_weight,
            {
                "textual_mirror": parameters.textual_mirror,
                "visual_mirror": parameters.gamma * parameters.visual_mirror,
            },
        ),
    }
    terms: dict[str, tuple[float, Tensor]] = {}
    for name, (weight, factors) in sides.items():
        # A margin of weight 0 may not have been computed: it must stay out of the sum, where 0 times NaN is NaN.
        weighted = [factor * margins[margin] for margin, factor in factors.items() if factor]
        if weight and weighted:
            terms[name] = (weight, logistic(torch.stack(weighted).sum(dim=0)))
    return terms
