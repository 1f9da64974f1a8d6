"""From a batch to the log-probabilities of every pair.

Shape legend: B pairs, C combinations, N = C * B sequences, L tokens, K positions with logits, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from scpo_trl.errors import UserError
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.trainer.forward.forward_path import ForwardPath
from scpo_trl.trainer.forward.prefix_attention import register_prefix_attention
from scpo_trl.trainer.forward.shared_prefix import share_prefixes
from scpo_trl.trainer.forward.token_logps import token_logps
from scpo_trl.trainer.forward.tower_features import TowerFeatures
from scpo_trl.trainer.rows.collator import COMBINATIONS_KEY, NOT_FOR_THE_MODEL

_MISMATCH = "image features and image tokens do not match"


def model_inputs(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a batch that the model's forward takes."""
    return {name: value for name, value in batch.items() if name not in NOT_FOR_THE_MODEL}


def quad_logps(
    model: nn.Module, batch: Mapping[str, Any], path: ForwardPath, tower: TowerFeatures | None = None
) -> QuadLogps:
    """The log-probabilities of every pair's combinations in one forward pass of the model as wrapped.

    Args:
        model: The model as wrapped for training; its forward is called once.
        batch: From `QuadCollator`.
        path: The savings to use.
        tower: Serves the vision tower's features where the path asks for it.

    Returns:
        Log-probabilities, each (B,), nats summed over the completion's tokens; NaN for a combination that the batch
        does not hold.
    """
    blocks: tuple[str, ...] = tuple(batch[COMBINATIONS_KEY])
    if path.shared_prefix and len({block[1] for block in blocks}) < len(blocks):
        return _shared_logps(model, batch, path, tower)
    with _serving(tower, path, batch, [block[1] for block in blocks if block[1] != "0"]):
        logps = _sequence_logps(model, batch, path.trim_logits).chunk(len(blocks))
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


def _serving(
    tower: TowerFeatures | None, path: ForwardPath, inputs: Mapping[str, Any], images: Sequence[str]
) -> AbstractContextManager[None]:
    """What the tower sees: the images of each block, or of each row, by their letters."""
    repeated = path.encode_once and len(set(images)) < len(images)
    if tower is None or inputs.get("pixel_values") is None or not (repeated or path.cached_features):
        return nullcontext()
    return tower.serving(path, images)


def _sequence_logps(model: nn.Module, batch: Mapping[str, Any], trim_logits: bool) -> Tensor:
    """Log-probability (N,) of every sequence's completion given what precedes it."""
    inputs = model_inputs(batch)
    labels_NL, mask_NL = batch["input_ids"], batch["completion_mask"]
    # Position k predicts token k + 1, so the first logits needed are one before the first completion token.
    first = int(mask_NL.any(dim=0).to(torch.int8).argmax())
    first = max(first - 1, 0) if trim_logits else 0
    if trim_logits:
        inputs["logits_to_keep"] = labels_NL.shape[1] - first
    logits_NKV = _logits(model, inputs)
    labels_NM = labels_NL[:, first + 1 :]
    positions_NM = torch.arange(labels_NM.shape[1], device=labels_NM.device).expand_as(labels_NM)
    return _summed(token_logps(logits_NKV, labels_NM, positions_NM), mask_NL[:, first + 1 :])


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


def _shared_logps(
    model: nn.Module, batch: Mapping[str, Any], path: ForwardPath, tower: TowerFeatures | None
) -> QuadLogps:
    attention, dtype = _attention_of(model)
    rows = share_prefixes(batch, attention, dtype, path.causal_kernel)
    inputs = rows.inputs
    if path.causal_kernel:
        register_prefix_attention()
    if path.trim_logits:
        inputs["logits_to_keep"] = rows.logits_to_keep
    with _serving(tower, path, inputs, [image for image in rows.images if image != "0"]):
        logits = _logits(model, inputs)
    if not path.trim_logits:
        logits = logits[:, -rows.logits_to_keep :]
    labels, positions = torch.cat(rows.labels, dim=1), torch.cat(rows.positions, dim=1)
    by_text = [
        _summed(logps, mask)
        for logps, mask in zip(token_logps(logits, labels, positions).chunk(2, dim=1), rows.masks, strict=True)
    ]
    return QuadLogps.of({block: by_text[text][where] for block, (where, text) in rows.places.items()})


def _summed(logps: Tensor, mask: Tensor) -> Tensor:
    # where, not a product: a padded position may hold an infinity.
    return torch.where(mask.bool(), logps, torch.zeros_like(logps)).sum(dim=1)


def _attention_of(model: nn.Module) -> tuple[str, torch.dtype]:
    """How the language model attends, and the type of its scores."""
    inner: Any = getattr(model, "module", model)
    parameter = next(inner.parameters())
    kind = parameter.device.type
    mixed = torch.is_autocast_enabled(kind)
    return (
        inner.config.get_text_config()._attn_implementation,
        torch.get_autocast_dtype(kind) if mixed else parameter.dtype,
    )
