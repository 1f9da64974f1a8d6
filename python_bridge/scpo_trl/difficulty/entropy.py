"""Predictive entropy of a model on given answers (the method's H)."""

from __future__ import annotations

import torch
from torch import Tensor


def token_entropy(logits: Tensor) -> Tensor:
    """Give the entropy of the next-token distribution at every position.

    Args:
        logits: Unnormalised log-probabilities, shape (..., V).

    Returns:
        Entropy in nats, shape (...), float32; between 0 and ln V.
    """
    # entr(p) = -p ln p is 0 at p = 0, where p * log p would be NaN.
    return torch.special.entr(logits.float().softmax(dim=-1)).sum(dim=-1)


def mean_answer_entropy(logits: Tensor, answer_mask: Tensor) -> Tensor:
    """Average the predictive entropy over an answer's tokens.

    Args:
        logits: Logits that predict each token of the answer, shape (B, T, V).
        answer_mask: True where the predicted token belongs to the answer, shape (B, T).

    Returns:
        Mean entropy in nats a token, shape (B,).

    Raises:
        ValueError: An answer without tokens.

    Source: the paper names the model's uncertainty H; the average over answer tokens is our reconstruction.
    """
    counts = answer_mask.sum(dim=-1)
    if bool((counts == 0).any()):
        raise ValueError(f"answer {int((counts == 0).nonzero()[0])}: has no token, expected at least one")
    return (token_entropy(logits) * answer_mask).sum(dim=-1) / counts


def pair_entropy(chosen: Tensor, rejected: Tensor) -> Tensor:
    """Combine the entropies of the two matched texts of each pair.

    Args:
        chosen: Mean entropy of `chosen` given `images`, nats a token, shape (B,).
        rejected: Mean entropy of `rejected` given `rejected_images`, nats a token, shape (B,).

    Returns:
        Their mean, shape (B,): a long text weighs as much as a short one.

    Source: our reconstruction; the paper does not say on which text H is taken.
    """
    return (chosen + rejected) / 2
