"""Plain fine-tuning on the chosen texts: the control that any preference loss has to beat."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.losses.checks import require_switch
from scpo_trl.losses.output import LossOutput, detached, quad_margins
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class SFTParameters:
    """Parameters of `sft`.

    Attributes:
        both_directions: 1: also learn `rejected` on `rejected_images`, and take the mean of the two.
    """

    both_directions: float = 0.0

    def __post_init__(self) -> None:
        require_switch("sft", both_directions=self.both_directions)


@register_loss("sft", parameters=SFTParameters, needs_reference=False)
def sft_loss(policy: QuadLogps, reference: QuadLogps, parameters: SFTParameters) -> LossOutput:
    """Negative log-likelihood of the chosen text on its image, optionally averaged with that of the other matched pair.

    Args:
        policy: Log-probabilities under the policy, each (B,), nats summed over the completion.
        reference: Ignored.
        parameters: See `SFTParameters`.

    Returns:
        Losses (B,); term `sft`; rewards and margins are zero, since nothing is compared.
    """
    losses = -(policy.ww + policy.ll) / 2 if parameters.both_directions else -policy.ww
    nothing = policy.minus(policy).detach()
    return LossOutput(losses, nothing, quad_margins(nothing, 1.0, 1.0), detached({"sft": losses}))
