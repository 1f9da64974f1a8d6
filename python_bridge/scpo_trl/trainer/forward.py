"""From a batch to the four log-probabilities of every pair.

Shape legend: B pairs, 4B sequences, L tokens, K positions with logits, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from trl.trainer.utils import selective_log_softmax

from scpo_trl.losses.quad import QuadLogps
from scpo_trl.trainer.collator import PAIR_KEY, STAGE_KEY

_NOT_FOR_THE_MODEL = frozenset({"completion_mask", PAIR_KEY, STAGE_KEY})


def accepts_logits_to_keep(model: nn.Module) -> bool:
    """Whether the model's forward can compute logits for a sequence's last positions alone."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters


def sequence_logps(model: nn.Module, batch: Mapping[str, Any], *, trim_logits: bool) -> Tensor:
    """Log-probability of every sequence's completion given what stands before it.

    Args:
        model: The model as wrapped for training; its forward is called once.
        batch: From `QuadCollator`.
        trim_logits: Ask for logits from the first completion token of the batch on; needs `accepts_logits_to_keep`.

    Returns:
        (4B,), nats summed over the completion's tokens.
    """
    inputs = {name: value for name, value in batch.items() if name not in _NOT_FOR_THE_MODEL}
    labels_NL, mask_NL = batch["input_ids"], batch["completion_mask"]
    # Position k predicts token k + 1, so the first logits needed stand one before the first completion token.
    first = int(mask_NL.any(dim=0).to(torch.int8).argmax())
    first = max(first - 1, 0) if trim_logits else 0
    if trim_logits:
        inputs["logits_to_keep"] = labels_NL.shape[1] - first
    logits_NKV = model(**inputs, use_cache=False).logits
    labels_NK, mask_NK = labels_NL[:, first + 1 :], mask_NL[:, first + 1 :]
    token_logps_NK = selective_log_softmax(logits_NKV[:, :-1], labels_NK)
    # where, not a product: a padded position may hold an infinity.
    return torch.where(mask_NK.bool(), token_logps_NK, torch.zeros_like(token_logps_NK)).sum(dim=1)


def quad_logps(model: nn.Module, batch: Mapping[str, Any], *, trim_logits: bool) -> QuadLogps:
    """The four log-probabilities of every pair in one forward pass.

    Args:
        model: The model as wrapped for training.
        batch: From `QuadCollator`: blocks (images, chosen), (rejected_images, rejected), (images, rejected),
            (rejected_images, chosen).
        trim_logits: See `sequence_logps`.

    Returns:
        Log-probabilities, each (B,), nats summed over the completion's tokens.
    """
    ww, ll, lw, wl = sequence_logps(model, batch, trim_logits=trim_logits).chunk(4)
    return QuadLogps(ww=ww, lw=lw, wl=wl, ll=ll)
