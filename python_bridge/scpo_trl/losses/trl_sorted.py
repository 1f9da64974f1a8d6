"""TRL's losses of a batch as a whole: its sorted values are compared rank by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.output import LossOutput, logistic
from scpo_trl.losses.registry import register_loss
from scpo_trl.losses.trl_base import READS, BetaParameters, one_term, require_share


@dataclass(frozen=True)
class _SortedParameters(BetaParameters):
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_share(self.loss, self.label_smoothing)


@dataclass(frozen=True)
class AOTParameters(_SortedParameters):
    """Parameters of `aot`.

    Attributes:
        beta: Scale of the rewards.
        label_smoothing: Share of the pairs that are thought to be the wrong way round, from 0 and below 0.5.
    """

    loss: ClassVar[str] = "aot"


@dataclass(frozen=True)
class AOTUnpairedParameters(_SortedParameters):
    """Parameters of `aot_unpaired`.

    Attributes:
        beta: Scale of the rewards.
        label_smoothing: Share of the pairs that are thought to be the wrong way round, from 0 and below 0.5.
    """

    loss: ClassVar[str] = "aot_unpaired"


@register_loss("aot", parameters=AOTParameters, combinations=READS)
def aot_loss(batch: LossInput, parameters: AOTParameters) -> LossOutput:
    """The logistic loss of the policy's log-ratio of the two texts over the reference's log-ratio of the same rank.

    A pair's loss is the one of its own policy log-ratio; the batch is that of one forward pass in one process, as in
    TRL, so that with one pair a pass this is `dpo`.

    Source: Melnyk et al., arXiv 2406.05882, as TRL computes it.
    """
    policy, reference = (side.ww - side.lw for side in (batch.policy, batch.reference))
    return one_term(batch, parameters, _smoothed(parameters, policy - _same_rank(policy, reference)))


@register_loss("aot_unpaired", parameters=AOTUnpairedParameters, combinations=READS)
def aot_unpaired_loss(batch: LossInput, parameters: AOTUnpairedParameters) -> LossOutput:
    """The logistic loss of D of a chosen text over D of the rejected text of the same rank.

    A pair's loss is the one of its chosen text; the batch is that of one forward pass in one process, as in TRL.

    Source: Melnyk et al., arXiv 2406.05882, as TRL computes it.
    """
    difference = batch.policy.minus(batch.reference)
    return one_term(batch, parameters, _smoothed(parameters, difference.ww - _same_rank(difference.ww, difference.lw)))


def _same_rank(values: Tensor, others: Tensor) -> Tensor:
    """Of each value the one among `others` that has its rank."""
    return others.sort().values[values.detach().argsort().argsort()]


def _smoothed(parameters: _SortedParameters, difference: Tensor) -> Tensor:
    margin, flipped = parameters.beta * difference, parameters.label_smoothing
    return (1 - flipped) * logistic(margin) + flipped * logistic(-margin)
