"""The signals of a tiny LLaVA's pairs against direct forward passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from datasets import Dataset
from tiny_models import FAMILIES

from scpo_trl.difficulty.signals import patch_features, score_pairs
from scpo_trl.errors import UserError


@pytest.fixture(scope="module")
def scored(make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any) -> list[Any]:
    rows = make_pairs()
    batches = score_pairs(make_model(), processor, rows.__getitem__, range(12), batch_size=5)
    return [signals for batch in batches for signals in batch]


def test_entropy_and_logps_of_one_text_at_a_time(
    scored: list[Any], make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    model, row = make_model().eval(), make_pairs()[4]
    prompt = processor.tokenizer("<s> USER : " + "<image> " * 4 + "Describe the picture . ASSISTANT :").input_ids

    def alone(text: str, picture: Any) -> tuple[float, float]:
        answer = processor.tokenizer(text + " </s>").input_ids
        pixels = processor.image_processor(picture, return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([prompt + answer]), pixel_values=pixels).logits[0]
        logps = logits[len(prompt) - 1 : -1].log_softmax(-1)
        total = sum(logps[k, token].item() for k, token in enumerate(answer))
        return total, -(logps.exp() * logps).sum(-1).mean().item()

    ww, entropy_w = alone(row["chosen"], row["images"])
    ll, entropy_l = alone(row["rejected"], row["rejected_images"])
    lw, _ = alone(row["rejected"], row["images"])
    wl, _ = alone(row["chosen"], row["rejected_images"])
    found = scored[4]
    assert (found.logps.ww, found.logps.lw, found.logps.wl, found.logps.ll) == pytest.approx((ww, lw, wl, ll), abs=1e-4)
    assert found.entropy == pytest.approx((entropy_w + entropy_l) / 2, abs=1e-5)


def test_batch_size_does_not_matter(
    scored: list[Any], make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    rows = make_pairs()
    for batch in score_pairs(make_model(), processor, rows.__getitem__, [9, 3], batch_size=1):
        for found in batch:
            expected = scored[found.pair]
            assert found.entropy == pytest.approx(expected.entropy, abs=1e-5)
            assert found.image_similarity == pytest.approx(expected.image_similarity, abs=1e-5)
            assert found.transport_distance == pytest.approx(expected.transport_distance, abs=1e-4)


def test_only_what_is_asked_for(
    scored: list[Any], make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    rows = make_pairs()
    [[found]] = score_pairs(make_model(), processor, rows.__getitem__, [2], signals=["entropy"])
    assert (found.image_similarity, found.transport_distance, found.logps) == (None, None, None)
    assert found.entropy == pytest.approx(scored[2].entropy, abs=1e-5)
    [[found]] = score_pairs(make_model(), processor, rows.__getitem__, [2], signals=["image_similarity"])
    assert found.entropy is None


def test_patch_features_are_what_the_projector_sees(make_model: Callable[..., Any]) -> None:
    model = make_model().eval()
    pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        states = model.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-1]
        torch.testing.assert_close(patch_features(model, pixels), states[:, 1:])


def test_names_the_pair_whose_numbers_are_not_finite(
    make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    model = make_model()
    with torch.no_grad():
        model.lm_head.weight[5] = float("nan")
    with pytest.raises(UserError, match="pair 6: the model gives entropy nan"):
        list(score_pairs(model, processor, make_pairs().__getitem__, [6], signals=["entropy"]))


def test_refuses_a_model_without_projector(processor: Any) -> None:
    with pytest.raises(UserError, match="multi_modal_projector"):
        patch_features(torch.nn.Linear(2, 2), torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize("family", ["llava-next", "qwen2.5-vl"])
def test_a_model_of_tiles_or_loose_patches_gives_what_it_can(make_pairs: Callable[..., Dataset], family: str) -> None:
    model, processor = FAMILIES[family]()
    rows = make_pairs()
    [both] = score_pairs(model, processor, rows.__getitem__, [3, 4], signals=["entropy", "logps"])
    [[alone]] = score_pairs(model, processor, rows.__getitem__, [4], signals=["entropy"])
    assert both[1].entropy == pytest.approx(alone.entropy, abs=1e-5)
    with pytest.raises(UserError, match="need one whole picture a text"):
        list(score_pairs(model, processor, rows.__getitem__, [3], signals=["image_similarity"]))


def test_two_pictures_a_side_are_not_mixed_up(
    make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
) -> None:
    row = make_pairs()[0]
    twice = {**row, "images": row["images"] * 2, "rejected_images": row["rejected_images"] * 2}
    with pytest.raises(UserError, match=r"pixels of shape \(4, 3, 16, 16\) for 2 texts"):
        list(score_pairs(make_model(), processor, lambda _: twice, [0], signals=["transport_distance"]))
