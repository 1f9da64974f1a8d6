"""Plain fine-tuning on the chosen texts: the control that any preference loss has to beat."""

from __future__ import annotations

from dataclasses import dataclass

from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.checks import require_switch
from scpo_trl.losses.output import LossOutput, detached, quad_margins
from scpo_trl.losses.registry import register_loss


@dataclass(frozen=True)
class SFTParameters:
    """Parameters of `sft`.

    Attributes:
        both_directions: 1: also learn `rejected` on `rejected_images`, and take the mean of the two.
        per_token: 1: mean over all completion tokens of the batch, so that a long text counts for more; 0: sum over a
            text's tokens, every text alike.
    """

    both_directions: float = 0.0
    per_token: float = 0.0

    def __post_init__(self) -> None:
        require_switch("sft", both_directions=self.both_directions, per_token=self.per_token)


def _combinations(parameters: SFTParameters) -> tuple[str, ...]:
    return ("ww", "ll") if parameters.both_directions else ("ww",)


@register_loss("sft", parameters=SFTParameters, needs_reference=False, combinations=_combinations)
def sft_loss(batch: LossInput, parameters: SFTParameters) -> LossOutput:
    """Negative log-likelihood of the chosen text on its image, optionally with that of the other matched pair.

    Args:
        batch: Log-probabilities under the policy, and the texts' lengths; the reference is ignored.
        parameters: See `SFTParameters`.

    Returns:
        Losses (B,), nats a text, or nats a token with `per_token`, where their mean over the batch is the cross
        entropy over all its completion tokens; term `sft`; rewards and margins are zero, since nothing is compared.

    Source: maximum likelihood; `per_token` is the normalisation of TRL's own loss "sft".
    """
    policy = batch.policy
    log_likelihoods, tokens, texts = policy.ww, batch.chosen_tokens, 1
    if parameters.both_directions:
        log_likelihoods, tokens, texts = policy.ww + policy.ll, tokens + batch.rejected_tokens, 2
    divisor = tokens.sum() / len(tokens) if parameters.per_token else texts
    losses = -log_likelihoods / divisor
    nothing = policy.minus(policy).detach()
    return LossOutput(losses, nothing, quad_margins(nothing, 1.0, 1.0), detached({"sft": losses}))
