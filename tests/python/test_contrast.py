"""Contrast images made from a row's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from stock_rows import rows_of
from torch.utils.data import DataLoader

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.collator import QuadCollator
from scpo_trl.trainer.rows.contrast import Contrast


def noise_picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("strength", [None, 0.5, 0.95])
def test_a_crop_shows_a_part_of_the_asked_size(strength: float | None) -> None:
    """Red counts columns and green rows, so that the colours of the crop tell which rectangle it shows."""
    largest = 1 - (0.8 if strength is None else strength)
    shares, corners = [], set()
    for blue in range(40):
        pixels = np.zeros((200, 250, 3), dtype=np.uint8)
        pixels[..., 0], pixels[..., 1], pixels[..., 2] = np.arange(250), np.arange(200)[:, None], blue
        crop = Contrast("crop", strength).apply(Image.fromarray(pixels))
        assert crop.size == (250, 200)
        shown = np.asarray(crop, dtype=int)
        width, height = (np.ptp(shown[..., channel]) + 1 for channel in (0, 1))
        corners.add((shown[..., 0].min() // 25, shown[..., 1].min() // 20))
        shares.append(width * height / (250 * 200))
        assert 0.5 < (width / 250) / (height / 200) < 2
    # A pixel of rounding on each edge.
    assert max(shares) < 1.15 * largest + 0.01
    assert min(shares) < 0.5 * largest < max(shares)
    assert all(len({corner[axis] for corner in corners}) > 3 for axis in (0, 1))


@pytest.mark.parametrize(("strength", "cells"), [(None, 98), (0.25, 49), (1.0, 196), (0.001, 1)])
def test_a_mask_blackens_the_asked_cells_and_leaves_the_rest(strength: float | None, cells: int) -> None:
    picture = Image.new("RGB", (28, 42), (200, 100, 50))
    masked = np.asarray(Contrast("mask", strength).apply(picture))
    black = (masked == 0).all(axis=-1)
    assert black.sum() == cells * 2 * 3
    assert (masked[~black] == (200, 100, 50)).all()
    # Whole cells of 2 x 3 pixels.
    assert all(len(np.unique(cell)) == 1 for row in np.split(black, 14) for cell in np.split(row, 14, axis=1))


def test_a_mask_of_an_image_smaller_than_the_grid() -> None:
    for red in range(1, 9):
        masked = np.asarray(Contrast("mask", 0.25).apply(Image.new("RGB", (4, 2), (red, 9, 9))))
        assert (masked == 0).all(axis=-1).sum() == 2


@pytest.mark.parametrize(("strength", "step"), [(0.1, 100), (0.25, 250), (None, 500)])
def test_noise_follows_the_diffusion_process(strength: float | None, step: int) -> None:
    """On one colour the mean shrinks by sqrt(a) towards grey and the deviation is sqrt(1 - a)."""
    betas = torch.sigmoid(torch.linspace(-6, 6, 1000, dtype=torch.float64)) * (0.005 - 0.00001) + 0.00001
    a = torch.cumprod(1 - betas, dim=0)[step].item()
    value = 0.2 / math.sqrt(a)
    level = round((value + 1) * 127.5)
    noisy = np.asarray(Contrast("noise", strength).apply(Image.new("RGB", (300, 300), (level,) * 3)), dtype=float)
    found = noisy / 127.5 - 1
    if 4 * math.sqrt(1 - a) < 0.8:  # else the clipped tails count
        assert found.mean() == pytest.approx(math.sqrt(a) * (level / 127.5 - 1), abs=0.005)
        assert found.std() == pytest.approx(math.sqrt(1 - a), rel=0.02)
    # Clipping leaves the median alone, and the share beyond one deviation.
    middle = np.median(found)
    assert middle == pytest.approx(0.2, abs=0.02)
    if math.sqrt(1 - a) < 0.75:
        assert (np.abs(found - middle) < math.sqrt(1 - a)).mean() == pytest.approx(0.683, abs=0.01)


@pytest.mark.parametrize("kind", ["crop", "mask", "noise"])
def test_the_same_image_gives_the_same_contrast_and_another_gives_another(kind: Any) -> None:
    first, again, other = (np.asarray(Contrast(kind).apply(noise_picture(seed=seed))).tobytes() for seed in (0, 0, 1))
    assert first == again != other
    # Two flat images of other colours: what is drawn differs, not the picture alone.
    masks = [
        (np.asarray(Contrast("mask").apply(Image.new("RGB", (28, 28), c))) == 0).all(axis=-1) for c in ("red", "tan")
    ]
    assert (masks[0] != masks[1]).any()


def test_workers_and_epochs_see_the_same_contrast(processor, make_pairs) -> None:
    rows = [{**row, "pair_indices": i} for i, row in enumerate(rows_of(make_pairs(), 4))]
    for row in rows:
        del row["rejected_images"]
    collator = QuadCollator(processor, contrast=Contrast("noise"))
    expected = [collator(rows[start : start + 2])["pixel_values"] for start in (0, 2)]
    loader = DataLoader(rows, batch_size=2, collate_fn=collator, num_workers=2)  # type: ignore[arg-type]
    for _ in range(2):
        for batch, values in zip(loader, expected, strict=True):
            assert torch.equal(batch["pixel_values"], values)


def test_the_collator_shows_the_contrast_in_place_of_rejected_images(processor, make_pairs) -> None:
    rows = rows_of(make_pairs(), 3)
    by_hand = [{**row, "rejected_images": [Contrast("mask", 0.4).apply(row["images"][0])]} for row in rows]
    made = QuadCollator(processor, contrast=Contrast("mask", 0.4))(rows)
    given = QuadCollator(processor)(by_hand)
    assert all(torch.equal(made[name], given[name]) for name in ("input_ids", "pixel_values", "completion_mask"))


def test_without_a_contrast_image_only_one_image_is_shown(processor, make_pairs) -> None:
    rows = rows_of(make_pairs(), 2)
    batch = QuadCollator(processor, contrast=Contrast("none"))(rows)
    assert batch["combinations"] == ("ww", "lw")
    assert batch["pixel_values"].shape[0] == batch["input_ids"].shape[0] == 4
    with pytest.raises(UserError, match="contrast is 'none', but the combinations wl show a contrast image"):
        QuadCollator(processor, contrast=Contrast("none"))([{**row, "combinations": ("ww", "wl")} for row in rows])


@pytest.mark.parametrize(
    ("kind", "strength", "message"),
    [
        ("blur", None, "contrast is 'blur': expected one of crop, mask, noise, none"),
        ("crop", 1.0, "leaves nothing of a crop"),
        ("noise", 0.0, "contrast_strength is 0.0: expected more than 0 and at most 1"),
        ("mask", 1.5, "contrast_strength is 1.5"),
        ("none", 0.5, "contrast_strength is 0.5 but contrast is 'none'"),
    ],
)
def test_mistakes_are_named(kind: Any, strength: float | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Contrast(kind, strength)
