"""Encoders beside the model, built tiny from their real classes, and the signals that need no picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
import transformers
from datasets import Dataset

from scpo_trl.difficulty.encoders import ImageEncoder
from scpo_trl.difficulty.signals import Encoders, Signal, score_pairs
from scpo_trl.difficulty.transport import patch_transport
from scpo_trl.errors import UserError

SIZES: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION: dict[str, Any] = {**SIZES, "image_size": 32, "patch_size": 8}
TEXT: dict[str, Any] = {**SIZES, "vocab_size": 99, "max_position_embeddings": 16}


def save(kind: str, folder: Path) -> Path:
    """A random encoder of a kind, with its image processor."""
    torch.manual_seed(0)
    size = {"height": 32, "width": 32}
    if kind == "clip":
        config = transformers.CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=24)
        model: transformers.PreTrainedModel = transformers.CLIPModel(config)
        processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size)
    elif kind == "siglip":
        model = transformers.SiglipModel(transformers.SiglipConfig(vision_config=VISION, text_config=TEXT))
        processor = transformers.SiglipImageProcessorPil(size=size)
    elif kind == "dinov2":
        model = transformers.Dinov2Model(transformers.Dinov2Config(mlp_ratio=2, **VISION))
        processor = transformers.BitImageProcessorPil(size={"shortest_edge": 32}, crop_size=size)
    else:
        config = transformers.Dinov2WithRegistersConfig(mlp_ratio=2, num_register_tokens=4, **VISION)
        model = transformers.Dinov2WithRegistersModel(config)
        processor = transformers.BitImageProcessorPil(size={"shortest_edge": 32}, crop_size=size)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def pictures(count: int) -> list[PIL.Image.Image]:
    """Noise in colours."""
    rng = np.random.default_rng(3)
    return [PIL.Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.mark.parametrize("kind", ["clip", "siglip", "dinov2", "dinov2-registers"])
def test_encoders_give_embeddings_and_patches(kind: str, tmp_path: Path) -> None:
    encoder = ImageEncoder(save(kind, tmp_path / kind), torch.device("cpu"), "image_encoder")
    with torch.inference_mode():
        embeddings, patches = encoder.embeddings(pictures(3)), encoder.patches(pictures(3))
    assert embeddings.shape == (3, 24 if kind == "clip" else 32)
    # 32 pixels in patches of 8; class and register tokens left out.
    assert patches.shape == (3, 16, 32)
    model = transformers.AutoModel.from_pretrained(tmp_path / kind).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path / kind)
    pixels = processor(images=pictures(3), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        vision = getattr(model, "vision_model", model)(pixel_values=pixels)
        pooled = model.visual_projection(vision.pooler_output) if kind == "clip" else vision.pooler_output
    torch.testing.assert_close(patches, vision.last_hidden_state[:, -16:])
    torch.testing.assert_close(embeddings, pooled)


def test_encoders_take_the_place_of_the_tower(
    tmp_path: Path, make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    clip = ImageEncoder(save("clip", tmp_path / "clip"), torch.device("cpu"), "image_encoder")
    dino = ImageEncoder(save("dinov2", tmp_path / "dino"), torch.device("cpu"), "patch_encoder")
    rows = [make_pairs()[row] for row in range(4)]
    signals: tuple[Signal, ...] = ("image_similarity", "transport_distance")
    encoders = Encoders(clip, dino)
    batches = score_pairs(make_model(), processor, rows.__getitem__, range(4), signals, batch_size=3, encoders=encoders)
    scored = [score for batch in batches for score in batch]
    with torch.inference_mode():
        for score, row in zip(scored, rows, strict=True):
            sides = [[row[side][0].convert("RGB")] for side in ("images", "rejected_images")]
            one, other = (clip.embeddings(side) for side in sides)
            cosine = float((one @ other.T) / one.norm() / other.norm())
            assert score.image_similarity == pytest.approx(cosine, abs=1e-5)
            distance = float(patch_transport(*(dino.patches(side) for side in sides)))
            assert score.transport_distance == pytest.approx(distance, abs=1e-4)


def test_encoders_alone_need_no_model(tmp_path: Path, make_pairs: Callable[..., Dataset]) -> None:
    clip = ImageEncoder(save("clip", tmp_path / "clip"), torch.device("cpu"), "image_encoder")
    row = make_pairs()[0]
    (score,) = next(score_pairs(None, None, [row].__getitem__, [0], ("image_similarity",), encoders=Encoders(clip)))
    with torch.inference_mode():
        one, other = (clip.embeddings([row[side][0].convert("RGB")]) for side in ("images", "rejected_images"))
    assert score.image_similarity == pytest.approx(float(torch.cosine_similarity(one, other)), abs=1e-5)
    for signal in ("transport_distance", "blind_margin"):
        with pytest.raises(UserError, match=f"signals: {signal} asked for without a model"):
            next(score_pairs(None, None, [row].__getitem__, [0], ("image_similarity", signal), encoders=Encoders(clip)))


def test_margin_without_the_picture_and_tokens(
    make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    rows, model = [make_pairs()[row] for row in (0, 4, 7)], make_model()
    scored = [
        score
        for batch in score_pairs(model, processor, rows.__getitem__, range(3), ("blind_margin", "tokens"), batch_size=2)
        for score in batch
    ]
    for score, row in zip(scored, rows, strict=True):
        # The text alone, one sequence at a time, with the pictures of another row: neither may matter.
        swapped = {**row, "images": rows[0]["images"], "rejected_images": rows[1]["images"]}
        (alone,) = next(score_pairs(model, processor, [swapped].__getitem__, [0], ("blind_margin",)))
        assert score.blind_margin == pytest.approx(alone.blind_margin, abs=1e-4)
        (mirror,) = next(
            score_pairs(
                model,
                processor,
                [{**row, "chosen": row["rejected"], "rejected": row["chosen"]}].__getitem__,
                [0],
                ("blind_margin", "tokens"),
            )
        )
        assert mirror.blind_margin == pytest.approx(-(score.blind_margin or 0.0), abs=1e-4)
        assert mirror.tokens == score.tokens
        lengths = [len(processor.tokenizer(str(row[text])).input_ids) for text in ("prompt", "chosen", "rejected")]
        assert score.tokens is not None and score.tokens > max(lengths)


def test_folders_that_hold_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"patch_encoder: .* has no \.safetensors file"):
        ImageEncoder(tmp_path, torch.device("cpu"), "patch_encoder")
    folder = save("clip", tmp_path / "clip")
    (folder / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"image_encoder: .* cannot be loaded"):
        ImageEncoder(folder, torch.device("cpu"), "image_encoder")
    bert = tmp_path / "bert"
    transformers.BertModel(transformers.BertConfig(**TEXT)).save_pretrained(bert)
    with pytest.raises(UserError, match="image_encoder"):
        ImageEncoder(bert, torch.device("cpu"), "image_encoder")
