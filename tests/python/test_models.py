"""Several families of vision-language models, each with its own processor."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from tiny_models import FAMILIES, TinyModel, llava
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference
from unpadded import contrast_rows, spoken, unpadded_logp

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.losses import WeightedLoss, build_objective
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.quad import COMBINATIONS
from scpo_trl.trainer.forward.forward import completion_tokens, quad_logps
from scpo_trl.trainer.forward.forward_path import ForwardPath, accepts_logits_to_keep
from scpo_trl.trainer.model.model_support import require_support
from scpo_trl.trainer.rows.collator import QuadCollator


@pytest.fixture(scope="module", params=list(FAMILIES))
def tiny(request: pytest.FixtureRequest) -> TinyModel:
    return FAMILIES[request.param]()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return contrast_rows()


def test_every_combination_by_hand(tiny: TinyModel, rows) -> None:
    model = tiny.model.eval()
    assert accepts_logits_to_keep(model)
    batch = QuadCollator(tiny.processor)([{**row, "combinations": COMBINATIONS} for row in rows])
    with torch.no_grad():
        logps = quad_logps(model, batch, ForwardPath(trim_logits=True))
        for combination in COMBINATIONS:
            expected = [unpadded_logp(*tiny, row, combination).item() for row in rows]
            assert getattr(logps, combination).tolist() == pytest.approx(expected, rel=1e-5, abs=1e-4), combination
        # An image is seen: another gives another value.
        assert (logps.ww - logps.wl).abs().min() > 1e-3
        assert (logps.ww - logps.w0).abs().min() > 1e-3


def test_equals_the_stock_collator_on_the_doubled_batch(tiny: TinyModel, rows) -> None:
    processor = copy.copy(tiny.processor)
    if processor.chat_template == llava().processor.chat_template:
        # The stock collator leaves the end of an answer to the template, and this one's has none.
        processor.chat_template = processor.chat_template.replace(
            "{{ ' ' }}{% endif %}{% endfor %}", "{{ '</s>' }}{% endif %}{% endfor %}"
        )
        assert "</s>" in processor.chat_template
    exchanged = [{**spoken(row, len(row["images"])), "images": row["rejected_images"]} for row in rows]
    doubled = [{**spoken(row, len(row["images"])), "images": row["images"]} for row in rows] + [
        {**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in exchanged
    ]
    stock = DataCollatorForVisionPreference(processor)(doubled)
    ours = QuadCollator(processor)(rows)
    assert ours.pop("combinations") == ("ww", "ll", "lw", "wl")
    assert set(ours) == set(stock)
    for name in stock:
        assert torch.equal(ours[name], stock[name]), name


def test_learns_a_pair(tiny: TinyModel, rows) -> None:
    """A few steps on the loss lower it, and the image tower's gradient is not zero."""
    model = copy.deepcopy(tiny.model).train()
    objective = build_objective(WeightedLoss("scpo"))
    batch = QuadCollator(tiny.processor)([{**row, "combinations": objective.combinations} for row in rows])
    with torch.no_grad():
        reference = quad_logps(model, batch, ForwardPath(trim_logits=True))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for step in range(4):
        output = objective(
            LossInput(quad_logps(model, batch, ForwardPath(trim_logits=True)), reference, *completion_tokens(batch))
        )
        losses.append(output.losses.mean().item())
        output.losses.mean().backward()
        if step == 0:
            gradients = {n: p.grad for n, p in model.named_parameters() if "vision_tower" in n or "visual" in n}
            assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients.values())
        optimizer.step()
        optimizer.zero_grad()
    # At the reference each of the four terms is ln 2.
    assert losses[0] == pytest.approx(4 * np.log(2), abs=1e-3)
    assert losses[-1] < losses[0] - 0.1


def test_trains(tiny: TinyModel, rows, make_config) -> None:
    """Both texts on both images and on none, each row a step, images fetched by a worker."""
    trainer = SCPOTrainer(
        model=copy.deepcopy(tiny.model),
        args=make_config(
            loss_type=["s-vco"],
            per_device_train_batch_size=1,
            gradient_checkpointing=True,
            dataloader_num_workers=1,
            shuffle_within_stage=False,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tiny.processor,
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 2
    assert losses[0] == pytest.approx(4 * np.log(2), abs=1e-3)
    assert losses[1] != pytest.approx(losses[0], abs=1e-3)


def test_counts_the_tokens_of_each_text(tiny: TinyModel, rows) -> None:
    tokenizer = tiny.processor.tokenizer
    expected = [[len(tokenizer(row[name])["input_ids"]) + 1 for row in rows] for name in ("chosen", "rejected")]
    for combinations in (COMBINATIONS, ("lw", "wl")):
        batch = QuadCollator(tiny.processor)([{**row, "combinations": combinations} for row in rows])
        assert [counts.tolist() for counts in completion_tokens(batch)] == expected
    batch = QuadCollator(tiny.processor)([{**row, "combinations": ("ww",)} for row in rows])
    assert [counts.tolist() for counts in completion_tokens(batch)] == [expected[0], [0, 0]]


def test_is_supported(tiny: TinyModel) -> None:
    require_support(tiny.model, tiny.processor)


class TestWhatAModelMayLack:
    def test_a_tokenizer_alone(self) -> None:
        model, processor = llava()
        with pytest.raises(UserError, match="takes no images: expected the processor of LlavaForConditionalGeneration"):
            require_support(model, processor.tokenizer)

    def test_a_model_of_text(self) -> None:
        text = LlamaForCausalLM(LlamaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
        with pytest.raises(UserError, match="LlamaForCausalLM takes no pixel_values: expected a vision-language model"):
            require_support(text, llava().processor)

    def test_fewer_embeddings_than_tokens(self) -> None:
        model, processor = llava()
        tokens = len(processor.tokenizer)
        processor.tokenizer.add_tokens(["bird"])
        with pytest.raises(UserError, match=f"has {tokens} embeddings for {tokens + 1} tokens"):
            require_support(model, processor)

    def test_another_image_token(self) -> None:
        model, processor = llava()
        model.config.image_token_id = 7
        with pytest.raises(UserError, match="looks for images at token 7, LlavaProcessor puts them at token"):
            require_support(model, processor)

    def test_nothing_to_pad_with(self) -> None:
        model, processor = llava()
        processor.tokenizer.pad_token = processor.tokenizer.eos_token = None
        with pytest.raises(UserError, match="neither a padding nor an end-of-sequence token"):
            require_support(model, processor)

    def test_a_processor_that_counts_image_tokens_otherwise(self, rows) -> None:
        model, processor = llava()
        processor.num_additional_image_tokens = 2
        batch = QuadCollator(processor)(rows)
        with pytest.raises(UserError, match="another number of image tokens than the model has features"):
            quad_logps(model, batch, ForwardPath(trim_logits=True))

    def test_image_tokens_of_its_own(self, rows, monkeypatch) -> None:
        processor = llava().processor
        original = type(processor).__call__

        def crossing(self: Any, *args: Any, **kwargs: Any) -> Any:
            return {**original(self, *args, **kwargs), "cross_attention_mask": torch.ones(2, 9, 1, 1)}

        monkeypatch.setattr(type(processor), "__call__", crossing)
        with pytest.raises(UserError, match="attends to images across its layers"):
            QuadCollator(processor)(rows)
