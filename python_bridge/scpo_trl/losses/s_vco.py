"""Symmetrical visual contrastive optimisation: each text on its image, on the other image, and on none."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.errors import UserError
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_not_negative, require_positive
from scpo_trl.losses.output import LossOutput, logistic, quad_margins, weighted_sum
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class SVCOParameters:
    """Parameters of `s-vco`; the published objective is the defaults.

    The weights are ours, 1 in the public code, which has a beta for each term (all 0.1) and drops a term whose beta
    is 0.

    Attributes:
        beta: Scale of the rewards.
        attend: Weight of the preference for the chosen text's own image over none; 0 switches it off.
        reject: Weight of the preference for no image over the other image, under the chosen text.
        attend_mirror: `attend` with the pair's roles exchanged.
        reject_mirror: `reject` with the pair's roles exchanged.
    """

    beta: float = 0.1
    attend: float = 1.0
    reject: float = 1.0
    attend_mirror: float = 1.0
    reject_mirror: float = 1.0

    def __post_init__(self) -> None:
        require_positive("s-vco", beta=self.beta)
        weights = {name: getattr(self, name) for name in ("attend", "reject", "attend_mirror", "reject_mirror")}
        require_not_negative("s-vco", **weights)
        if not any(weights.values()):
            raise UserError("loss 's-vco' has no term switched on: expected at least one weight greater than 0")


def _combinations(parameters: SVCOParameters) -> list[str]:
    read_by_weight = (
        (parameters.attend, ("ww", "w0")),
        (parameters.reject, ("w0", "wl")),
        (parameters.attend_mirror, ("ll", "l0")),
        (parameters.reject_mirror, ("l0", "lw")),
    )
    return [name for weight, names in read_by_weight if weight for name in names]


@register_loss("s-vco", parameters=SVCOParameters, combinations=_combinations)
def s_vco_loss(batch: LossInput, parameters: SVCOParameters) -> LossOutput:
    """Each text must gain by its own image and lose by the other one, both measured against no image.

    With 0 for the prompt without its image:

        L = -ls(b [D(y_w|v_w) - D(y_w|0)])     attend
            -ls(b [D(y_w|0)   - D(y_w|v_l)])   reject
            -ls(b [D(y_l|v_l) - D(y_l|0)])     attend_mirror
            -ls(b [D(y_l|0)   - D(y_l|v_w)])   reject_mirror

    Args:
        batch: Log-probabilities under policy and reference, `w0` and `l0` among them.
        parameters: See `SVCOParameters`.

    Returns:
        Losses (B,); terms `attend`, `reject`, `attend_mirror`, `reject_mirror`; margins of the same names besides the
        usual four.

    Source: Wu et al., arXiv 2502.13928; beta and the four terms as in `trainer.py` and `run_svco_example.sh` of
    s-vco/s-vco.
    """
    difference = batch.policy.minus(batch.reference)
    ww, lw, wl, ll, w0, l0 = difference
    own = {
        "attend": parameters.beta * (ww - w0),
        "reject": parameters.beta * (w0 - wl),
        "attend_mirror": parameters.beta * (ll - l0),
        "reject_mirror": parameters.beta * (l0 - lw),
    }
    terms = {name: (getattr(parameters, name), logistic(margin)) for name, margin in own.items()}
    margins = {**quad_margins(difference, parameters.beta, parameters.beta), **own}
    return weighted_sum(terms, difference, parameters.beta, margins)
