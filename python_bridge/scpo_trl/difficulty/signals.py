"""The signals of many pairs, batch by batch, from one model."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from trl.trainer.utils import selective_log_softmax

from scpo_trl.difficulty.encoders import ImageEncoder
from scpo_trl.difficulty.entropy import mean_answer_entropy, pair_entropy
from scpo_trl.difficulty.similarity import mean_patch_similarity
from scpo_trl.difficulty.transport import patch_transport
from scpo_trl.errors import UserError
from scpo_trl.trainer.director.director import QuadMeans
from scpo_trl.trainer.forward.forward import model_inputs
from scpo_trl.trainer.forward.forward_path import accepts_logits_to_keep
from scpo_trl.trainer.rows.collator import COMBINATIONS_KEY, PAIR_KEY, QuadCollator
from scpo_trl.trainer.rows.images import Side, decode_image, images_of

Signal = Literal["entropy", "image_similarity", "transport_distance", "logps", "blind_margin", "tokens"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

DEFAULT_SIGNALS: tuple[Signal, ...] = ("entropy", "image_similarity", "transport_distance", "logps")
"""What is computed when nothing else is asked for."""

BATCH_SIZE = 16
"""Pairs a forward pass when nothing else is asked for; four sequences each."""

_MATCHED = ("ww", "ll")
_BLIND = ("w0", "l0")
_ALL = ("ww", "lw", "wl", "ll")


@dataclass(frozen=True)
class PairSignals:
    """The signals of one pair; None for a signal that was not asked for.

    Attributes:
        pair: Row of the pair in its data set.
        entropy: Mean predictive entropy over the tokens of the two matched texts, nats.
        image_similarity: Cosine of the two images' mean patch features.
        transport_distance: Sinkhorn distance between the two images' patch features.
        logps: Log-probabilities of the four combinations, nats summed over the answer's tokens.
        blind_margin: Log-probability of chosen minus that of rejected when the prompt's image is left out, nats.
        tokens: Tokens of the longest of the pair's four sequences, the image's among them.
    """

    pair: int
    entropy: float | None = None
    image_similarity: float | None = None
    transport_distance: float | None = None
    logps: QuadMeans | None = None
    blind_margin: float | None = None
    tokens: int | None = None


@dataclass(frozen=True)
class Encoders:
    """What looks at images in place of the model's own tower; None: the tower.

    Attributes:
        images: For image_similarity: the cosine of two embeddings.
        patches: For transport_distance: the features between which mass is moved.
    """

    images: ImageEncoder | None = None
    patches: ImageEncoder | None = None


def score_pairs(
    model: Any,
    processor: Any,
    read_row: Callable[[int], Mapping[str, Any]],
    pairs: Sequence[int],
    signals: Collection[Signal] = DEFAULT_SIGNALS,
    batch_size: int = BATCH_SIZE,
    encoders: Encoders | None = None,
) -> Iterator[list[PairSignals]]:
    """Compute signals of pairs.

    Args:
        model: A model of images and text; put into evaluation mode. None will do where encoders give all signals.
        processor: Its processor.
        read_row: Gives a pair's row with decoded images.
        pairs: Rows to score.
        signals: What to compute.
        batch_size: Pairs a forward pass, at least 1.
        encoders: What looks at images in place of the model's tower.

    Yields:
        The signals of one batch, in the order of `pairs`.

    Raises:
        UserError: A signal that the model cannot give, a row that cannot be read, or a number that is not finite.
    """
    encoders = encoders or Encoders()
    by_model = signals_by_model(signals, images=encoders.images is not None, patches=encoders.patches is not None)
    if by_model and model is None:
        raise UserError(f"signals: {', '.join(by_model)} asked for without a model: give one, or an encoder")
    device = torch.device("cpu")
    if model is not None:
        model.eval()
        device = model.device
    collate = QuadCollator(processor) if by_model else None
    rest: list[Signal] = [signal for signal in by_model if signal != "blind_margin"]
    combinations = _ALL if "logps" in signals or "tokens" in signals else _MATCHED
    for start in range(0, len(pairs), batch_size):
        rows = pairs[start : start + batch_size]
        read = [{**read_row(pair), PAIR_KEY: pair} for pair in rows]
        with torch.inference_mode():
            columns = _encoder_signals(encoders, read, signals)
            if collate is not None and rest:
                batch = collate([{**row, COMBINATIONS_KEY: combinations} for row in read])
                columns |= _batch_signals(model, _to_device(batch, device), len(rows), rest)
            if collate is not None and "blind_margin" in by_model:
                blind = collate([{**row, COMBINATIONS_KEY: _BLIND} for row in read])
                columns["blind_margin"] = _blind_margins(model, _to_device(blind, device))
        scored = []
        for position, pair in enumerate(rows):
            values: dict[str, Any] = {name: column[position] for name, column in columns.items()}
            for name, value in values.items():
                _require_finite(pair, name, value)
            scored.append(PairSignals(pair=pair, **values))
        yield scored


def signals_by_model(signals: Collection[Signal], *, images: bool, patches: bool) -> list[Signal]:
    """Say which signals a model has to give.

    Args:
        signals: What is to be computed.
        images: Whether an encoder gives image_similarity.
        patches: Whether an encoder gives transport_distance.

    Returns:
        Those that no encoder gives.
    """
    given = {"image_similarity": images, "transport_distance": patches}
    return [signal for signal in signals if not given.get(signal, False)]


def patch_features(model: nn.Module, pixel_values: Tensor) -> Tensor:
    """Give what the projector sees of images: the tower's patch features, without CLS token where LLaVA drops it.

    Args:
        model: A LLaVA-like model with a module named `multi_modal_projector`.
        pixel_values: From the image processor, shape (B, C, H, W).

    Returns:
        Features, shape (B, P, D).

    Raises:
        UserError: The model has no such module.
    """
    projector = next((m for name, m in model.named_modules() if name.split(".")[-1] == "multi_modal_projector"), None)
    if projector is None:
        raise UserError(
            f"signals: {type(model).__name__} has no multi_modal_projector, which image_similarity and "
            "transport_distance look at; ask for entropy and logps only"
        )
    seen: list[Tensor] = []
    hook = projector.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0]))
    try:
        model.get_image_features(pixel_values=pixel_values)  # type: ignore[operator]
    finally:
        hook.remove()
    return seen[0]


Columns = dict[str, list[float] | list[QuadMeans] | list[int]]


def _encoder_signals(encoders: Encoders, rows: Sequence[Mapping[str, Any]], signals: Collection[Signal]) -> Columns:
    """The signals that separate encoders give."""
    columns: Columns = {}
    of_images = encoders.images if "image_similarity" in signals else None
    of_patches = encoders.patches if "transport_distance" in signals else None
    if of_images is None and of_patches is None:
        return columns
    sides: tuple[Side, ...] = ("images", "rejected_images")
    several = next((row[PAIR_KEY] for row in rows for side in sides if len(images_of(row, side)) > 1), None)
    if several is not None:
        raise UserError(
            f"pair {several}: found several pictures a side, expected one: image_similarity and transport_distance "
            "compare two pictures; ask for entropy and logps only"
        )
    images = [decode_image(images_of(row, side)[0], f"pair {row[PAIR_KEY]}, {side}") for side in sides for row in rows]
    if of_images is not None:
        one, other = of_images.embeddings(images).chunk(2)
        columns["image_similarity"] = torch.nn.functional.cosine_similarity(one, other, dim=-1).tolist()
    if of_patches is not None:
        one, other = of_patches.patches(images).chunk(2)
        columns["transport_distance"] = patch_transport(one, other).tolist()
    return columns


def _blind_margins(model: Any, batch: dict[str, Any]) -> list[float]:
    """Log-probability of chosen minus that of rejected, both without the image."""
    logits, labels, mask = _answer_logits(model, batch)
    token_logps = selective_log_softmax(logits, labels)
    chosen, rejected = torch.where(mask, token_logps, torch.zeros_like(token_logps)).sum(dim=1).chunk(2)
    return (chosen - rejected).tolist()


def _batch_signals(model: Any, batch: dict[str, Any], pairs: int, signals: Collection[Signal]) -> Columns:
    columns: Columns = {}
    if "tokens" in signals:
        columns["tokens"] = batch["attention_mask"].sum(dim=1).reshape(4, pairs).amax(dim=0).tolist()
    if "image_similarity" in signals or "transport_distance" in signals:
        # The collator's first two blocks show images and rejected_images.
        features, other = patch_features(model, _one_image_a_side(model, batch)[: 2 * pairs]).chunk(2)
        if "image_similarity" in signals:
            columns["image_similarity"] = mean_patch_similarity(features, other).tolist()
        if "transport_distance" in signals:
            columns["transport_distance"] = patch_transport(features, other).tolist()
    if "entropy" in signals or "logps" in signals:
        logits, labels, mask = _answer_logits(model, batch)
        if "entropy" in signals:
            chosen, rejected = mean_answer_entropy(logits[: 2 * pairs], mask[: 2 * pairs]).chunk(2)
            columns["entropy"] = pair_entropy(chosen, rejected).tolist()
        if "logps" in signals:
            token_logps = selective_log_softmax(logits, labels)
            sums = torch.where(mask, token_logps, torch.zeros_like(token_logps)).sum(dim=1)
            blocks = dict(zip(batch[COMBINATIONS_KEY], (block.tolist() for block in sums.chunk(4)), strict=True))
            columns["logps"] = [QuadMeans(*values) for values in zip(*(blocks[name] for name in _ALL), strict=True)]
    return columns


def _one_image_a_side(model: Any, batch: dict[str, Any]) -> Tensor:
    """The pixels of a batch (N, C, H, W), one image a sequence."""
    pixels = batch["pixel_values"]
    if pixels.dim() != 4 or pixels.shape[0] != batch["input_ids"].shape[0]:
        raise UserError(
            f"signals: {type(model).__name__} takes pixels of shape {tuple(pixels.shape)} for "
            f"{batch['input_ids'].shape[0]} texts: image_similarity and transport_distance need one whole picture a "
            "text, as LLaVA-1.5 takes it; ask for entropy and logps only"
        )
    return pixels


def _answer_logits(model: Any, batch: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (N, K, V), the tokens they predict (N, K), and where those belong to an answer (N, K)."""
    inputs = model_inputs(batch)
    labels, mask = batch["input_ids"], batch["completion_mask"].bool()
    first = 0
    if accepts_logits_to_keep(model):
        # Position k predicts token k + 1.
        first = max(int(mask.any(dim=0).to(torch.int8).argmax()) - 1, 0)
        inputs["logits_to_keep"] = labels.shape[1] - first
    logits = model(**inputs, use_cache=False).logits
    return logits[:, :-1].float(), labels[:, first + 1 :], mask[:, first + 1 :]


def _to_device(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in batch.items()}


def _require_finite(pair: int, name: str, value: float | QuadMeans) -> None:
    numbers = (value.ww, value.lw, value.wl, value.ll) if isinstance(value, QuadMeans) else (value,)
    if not all(math.isfinite(number) for number in numbers):
        raise UserError(f"pair {pair}: the model gives {name} {value}, expected finite numbers; load a sound model")
