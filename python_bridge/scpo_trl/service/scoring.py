"""ScorePairs: the signals of a data set's pairs as messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from scpo.v1 import pair_pb2, trainer_pb2
from scpo_trl.dialogue.messages import quad_message
from scpo_trl.difficulty.encoders import ImageEncoder
from scpo_trl.difficulty.signals import (
    BATCH_SIZE,
    DEFAULT_SIGNALS,
    SIGNALS,
    Encoders,
    PairSignals,
    Signal,
    score_pairs,
    signals_by_model,
)
from scpo_trl.errors import UserError
from scpo_trl.service.image_bytes import require_bounded_sizes
from scpo_trl.service.model_folder import check_model_folder
from scpo_trl.service.model_store import ModelStore
from scpo_trl.service.opened_file import IMAGE_COLUMNS, TEXT_COLUMNS
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.roots import Roots

_SIGNALS: dict[int, Signal] = {
    trainer_pb2.SIGNAL_ENTROPY: "entropy",
    trainer_pb2.SIGNAL_IMAGE_SIMILARITY: "image_similarity",
    trainer_pb2.SIGNAL_TRANSPORT_DISTANCE: "transport_distance",
    trainer_pb2.SIGNAL_LOGPS: "logps",
    trainer_pb2.SIGNAL_BLIND_MARGIN: "blind_margin",
    trainer_pb2.SIGNAL_TOKENS: "tokens",
}


def score_responses(
    request: trainer_pb2.ScorePairsRequest, models: ModelStore, files: PairFiles, roots: Roots
) -> Iterator[trainer_pb2.ScorePairsResponse]:
    """Score the pairs that a request names; one response a batch, with progress.

    Raises:
        UserError: An unknown signal, a damaged image, an encoder that cannot be loaded.
        NotReadyError: A signal needs a model and none is loaded.
    """
    for signal in request.signals:
        if signal not in _SIGNALS:
            raise UserError(f"signals: found {signal}, expected {', '.join(name.upper() for name in SIGNALS)}")
    signals: tuple[Signal, ...] = (
        tuple(dict.fromkeys(_SIGNALS[signal] for signal in request.signals)) or DEFAULT_SIGNALS
    )
    by_model = signals_by_model(signals, images=bool(request.image_encoder), patches=bool(request.patch_encoder))
    loaded = models.get() if by_model else None
    opened = files.open_pairs(request.dataset.path, request.dataset.sha256, rows=list(request.pairs) or None)
    pairs = list(request.pairs) or list(range(opened.dataset.num_rows))
    texts = opened.dataset.select_columns(list(TEXT_COLUMNS))

    def read_row(pair: int) -> dict[str, Any]:
        images = {column: opened.images(pair, column) for column in IMAGE_COLUMNS}
        return {**texts[pair], **images}

    encoders = Encoders(
        images=_encoder(request.image_encoder, "image_encoder", roots, models.device),
        patches=_encoder(request.patch_encoder, "patch_encoder", roots, models.device),
    )
    done = 0
    batches = score_pairs(
        None if loaded is None else loaded.model,
        None if loaded is None else loaded.processor,
        read_row,
        pairs,
        signals,
        batch_size=request.batch_size or BATCH_SIZE,
        encoders=encoders,
    )
    for batch in batches:
        done += len(batch)
        yield trainer_pb2.ScorePairsResponse(
            scores=[score_message(score) for score in batch], done=done, total=len(pairs)
        )


def _encoder(path: str, field: str, roots: Roots, device: torch.device) -> ImageEncoder | None:
    if not path:
        return None
    folder = roots.folder(path, field)
    check_model_folder(folder, field)
    encoder = ImageEncoder(folder, device, field)
    require_bounded_sizes(encoder.image_processor, f"{field}: {path}")
    return encoder


def score_message(score: PairSignals) -> pair_pb2.PairScore:
    """Turn one pair's signals into their message; a signal that was not asked for stays absent."""
    return pair_pb2.PairScore(
        pair=score.pair,
        entropy=score.entropy,
        image_similarity=score.image_similarity,
        transport_distance=score.transport_distance,
        logps=None if score.logps is None else quad_message(score.logps),
        blind_margin=score.blind_margin,
        tokens=score.tokens,
    )
