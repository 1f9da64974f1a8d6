"""From a batch to the log-probabilities of every pair.

Shape legend: B pairs, C combinations, N = C * B sequences, L tokens, K positions with logits, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from trl.trainer.utils import selective_log_softmax

from scpo_trl.errors import UserError
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.trainer.collator import COMBINATIONS_KEY, NOT_FOR_THE_MODEL

_MISMATCH = "image features and image tokens do not match"


def accepts_logits_to_keep(model: nn.Module) -> bool:
    """Whether the model's forward, under its adapters, can compute logits for a sequence's last positions alone."""
    base: Any = model
    while callable(inner := getattr(base, "get_base_model", None)):
        base = inner()
    return "logits_to_keep" in inspect.signature(base.forward).parameters


def model_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a batch that the model's forward takes."""
    return {name: value for name, value in batch.items() if name not in NOT_FOR_THE_MODEL}


def sequence_logps(model: nn.Module, batch: Mapping[str, Any], *, trim_logits: bool) -> Tensor:
    """Log-probability of every sequence's completion given what stands before it.

    Args:
        model: The model as wrapped for training; its forward is called once.
        batch: From `QuadCollator`.
        trim_logits: Ask for logits from the first completion token of the batch on; needs `accepts_logits_to_keep`.

    Returns:
        (N,), nats summed over the completion's tokens.
    """
    inputs = model_inputs(batch)
    labels_NL, mask_NL = batch["input_ids"], batch["completion_mask"]
    # Position k predicts token k + 1, so the first logits needed stand one before the first completion token.
    first = int(mask_NL.any(dim=0).to(torch.int8).argmax())
    first = max(first - 1, 0) if trim_logits else 0
    if trim_logits:
        inputs["logits_to_keep"] = labels_NL.shape[1] - first
    logits_NKV = _logits(model, inputs)
    labels_NK, mask_NK = labels_NL[:, first + 1 :], mask_NL[:, first + 1 :]
    token_logps_NK = selective_log_softmax(logits_NKV[:, :-1], labels_NK)
    # where, not a product: a padded position may hold an infinity.
    return torch.where(mask_NK.bool(), token_logps_NK, torch.zeros_like(token_logps_NK)).sum(dim=1)


def _logits(model: nn.Module, inputs: Mapping[str, Any]) -> Tensor:
    try:
        return model(**inputs, use_cache=False).logits
    except (ValueError, RuntimeError) as error:
        if _MISMATCH not in str(error).lower():
            raise
        raise UserError(
            "the processor makes another number of image tokens than the model has features for an image "
            f"({str(error).splitlines()[0]}): give the processor the model's patch size, "
            "vision_feature_select_strategy and number of additional image tokens"
        ) from error


def quad_logps(model: nn.Module, batch: Mapping[str, Any], *, trim_logits: bool) -> QuadLogps:
    """The log-probabilities of every pair's combinations in one forward pass.

    Args:
        model: The model as wrapped for training.
        batch: From `QuadCollator`.
        trim_logits: See `sequence_logps`.

    Returns:
        Log-probabilities, each (B,), nats summed over the completion's tokens; NaN for a combination that the batch
        does not hold.
    """
    blocks: tuple[str, ...] = tuple(batch[COMBINATIONS_KEY])
    logps = sequence_logps(model, batch, trim_logits=trim_logits).chunk(len(blocks))
    return QuadLogps.of(dict(zip(blocks, logps, strict=True)))


def completion_tokens(batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """How many tokens the texts of every pair have in a batch, the end-of-sequence token among them.

    Args:
        batch: From `QuadCollator`.

    Returns:
        Tokens of `chosen` and of `rejected`, each (B,), counted where a text stands first in the batch; 0 for a text
        that the batch does not hold.
    """
    blocks: tuple[str, ...] = tuple(batch[COMBINATIONS_KEY])
    counts = dict(zip(blocks, batch["completion_mask"].sum(dim=1).chunk(len(blocks)), strict=True))
    nothing = torch.zeros_like(next(iter(counts.values())))
    chosen = next((count for block, count in counts.items() if block[0] == "w"), nothing)
    rejected = next((count for block, count in counts.items() if block[0] == "l"), nothing)
    return chosen, rejected
