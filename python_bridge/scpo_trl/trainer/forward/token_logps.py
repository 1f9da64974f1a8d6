"""Log-probabilities of tokens from logits, without a copy of the logits.

Shape legend: N rows, P positions with logits, V vocabulary, M tokens.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def token_logps(logits: Tensor, labels: Tensor, positions: Tensor) -> Tensor:
    """The log-probability of every token at the position that predicts it.

    The softmax is taken in single precision, or in that of the logits if it is higher, one row after the other, and is
    computed again in the backward pass: besides the logits, only their gradient is as large as they are.

    Args:
        logits: (N, P, V).
        labels: Tokens (N, M).
        positions: The position that predicts each token (N, M); a position may predict several.

    Returns:
        (N, M), nats, at least in single precision.
    """
    return _TokenLogps.apply(logits, labels, positions)  # type: ignore[no-any-return]


class _TokenLogps(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, positions: Tensor) -> Tensor:
        exact = torch.promote_types(logits.dtype, torch.float32)
        normaliser_NP = torch.stack([torch.logsumexp(row.to(exact), dim=-1) for row in logits])
        chosen_NM = logits[torch.arange(len(logits), device=logits.device)[:, None], positions, labels]
        ctx.save_for_backward(logits, labels, positions, normaliser_NP)
        return chosen_NM.to(exact) - normaliser_NP.gather(1, positions)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        logits, labels, positions, normaliser_NP = ctx.saved_tensors
        (gradient_NM,) = gradients
        gradient_NPV = torch.empty_like(logits)
        for row, (logits_PV, normaliser_P) in enumerate(zip(logits, normaliser_NP, strict=True)):
            # d(logit - logsumexp) = one at the token, less the softmax.
            shares_PV = (logits_PV.to(normaliser_P.dtype) - normaliser_P[:, None]).exp_()
            whole_P = torch.zeros_like(normaliser_P).index_add_(0, positions[row], gradient_NM[row])
            shares_PV.mul_(-whole_P[:, None])
            shares_PV.index_put_((positions[row], labels[row]), gradient_NM[row], accumulate=True)
            gradient_NPV[row] = shares_PV
        return gradient_NPV, None, None
