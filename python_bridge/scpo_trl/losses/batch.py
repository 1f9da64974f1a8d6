"""What a loss is computed from."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from scpo_trl.losses.quad import QuadLogps


class LossInput(NamedTuple):
    """A batch of B contrast quadruples as a loss sees them: log-probabilities and lengths, no model and no text."""

    policy: QuadLogps
    """Log-probabilities under the policy, each (B,), nats summed over the completion's tokens."""
    reference: QuadLogps
    """The same under the reference, without gradient; the policy's own values where no loss needs a reference."""
    chosen_tokens: Tensor
    """Tokens of each chosen completion, (B,)."""
    rejected_tokens: Tensor
    """Tokens of each rejected completion, (B,)."""
