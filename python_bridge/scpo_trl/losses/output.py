"""What a loss returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from scpo_trl.losses.quad import QuadLogps


class LossOutput(NamedTuple):
    """A loss over a batch of contrast quadruples, and what it is made of; every tensor has shape (B,)."""

    losses: Tensor
    """Loss of each quadruple; the only part with a gradient."""
    rewards: QuadLogps
    """Implicit rewards, beta times D(y|v), detached; zero for a loss without a reference, NaN for a combination that
    was not computed.

    All are scaled by beta alone, while the mirror margins use beta_mirror: a mirror margin is the difference of
    its two rewards only where the two scales are equal.
    """
    margins: Mapping[str, Tensor]
    """Reward margins by name (`textual`, `visual` scaled by beta; `visual_mirror`, `textual_mirror` by beta_mirror),
    detached; NaN where a combination was not computed. A loss may add margins of its own."""
    terms: Mapping[str, Tensor]
    """Value of each term that is switched on, before weighting, by name, detached."""


def logistic(margin: Tensor) -> Tensor:
    """-log sigmoid of a margin, elementwise: ln 2 at 0."""
    return -F.logsigmoid(margin)


def quad_margins(difference: QuadLogps, beta: float, beta_mirror: float) -> dict[str, Tensor]:
    """The four margins of a quadruple.

    Args:
        difference: D(y|v) = log pi(y|v,x) - log ref(y|v,x) of the combinations, each (B,), nats.
        beta: Scale of the two margins whose better combination is chosen given images.
        beta_mirror: Scale of the two margins whose better combination is rejected given rejected_images.

    Returns:
        Margins (B,) by name. Textual: the two texts on `images`. Visual: the two images under `chosen`. The mirrors:
        the same with the pair's roles exchanged.
    """
    ww, lw, wl, ll = difference[:4]
    return {
        "textual": beta * (ww - lw),
        "visual": beta * (ww - wl),
        "visual_mirror": beta_mirror * (ll - lw),
        "textual_mirror": beta_mirror * (ll - wl),
    }


WeightedTerms = Mapping[str, tuple[float, Tensor]]
"""Weight and value (B,) of each term by name."""


def weighted_sum(terms: WeightedTerms, difference: QuadLogps, beta: float, margins: Mapping[str, Tensor]) -> LossOutput:
    """The output of a loss that is a weighted sum of terms.

    Args:
        terms: Terms of the loss. One with weight 0 is left out: what it would need may not have been computed.
        difference: D(y|v) of the combinations, each (B,), nats.
        beta: Scale of the rewards.
        margins: Margins (B,) by name.
    """
    on = {name: (weight, value) for name, (weight, value) in terms.items() if weight}
    losses = sum((weight * value for weight, value in on.values()), start=torch.zeros_like(difference.ww))
    return LossOutput(
        losses,
        difference.scaled(beta).detach(),
        detached(margins),
        detached({name: value for name, (_, value) in on.items()}),
    )


def detached(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same values by name, cut from the graph."""
    return {name: value.detach() for name, value in values.items()}
