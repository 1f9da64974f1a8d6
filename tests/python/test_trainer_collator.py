from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from stock_rows import doubled, rows_of
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.collator import QuadCollator


@pytest.mark.parametrize("prompt", ["Describe the picture .", "<s> USER : <image> Describe the picture . ASSISTANT : "])
def test_equals_the_stock_collator_on_the_doubled_batch(processor, make_pairs, prompt: str) -> None:
    rows = rows_of(make_pairs(4, prompt=[prompt, prompt + " and a cat .", prompt, prompt]))
    ours = QuadCollator(processor)(rows)
    stock = DataCollatorForVisionPreference(processor)(doubled(rows))
    assert ours.pop("combinations") == ("ww", "ll", "lw", "wl")
    assert set(ours) == set(stock)
    for name in stock:
        assert torch.equal(ours[name], stock[name]), name
    # The comparison covers padding on both sides and texts of different lengths.
    assert len(set(ours["attention_mask"].sum(dim=1).tolist())) > 2


def test_messages_equal_their_plain_text(processor, make_pairs) -> None:
    rows = rows_of(make_pairs())
    messages = [
        {
            **row,
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "chosen": [{"role": "assistant", "content": row["chosen"]}],
            "rejected": [{"role": "assistant", "content": row["rejected"]}],
        }
        for row in rows
    ]
    plain, rendered = QuadCollator(processor)(rows), QuadCollator(processor)(messages)
    assert plain.pop("combinations") == rendered.pop("combinations")
    assert all(torch.equal(plain[name], rendered[name]) for name in plain)


def test_blocks_and_completions(processor, make_pairs) -> None:
    rows = rows_of(make_pairs(), 2)
    batch = QuadCollator(processor)(rows)
    texts = [
        processor.tokenizer.decode(ids[mask.bool()])
        for ids, mask in zip(batch["input_ids"], batch["completion_mask"], strict=True)
    ]
    chosen, rejected = ([f"{row[name]} </s>" for row in rows] for name in ("chosen", "rejected"))
    assert texts == [*chosen, *rejected, *rejected, *chosen]
    pictures = batch["pixel_values"].chunk(4)
    assert torch.equal(pictures[0], pictures[2])
    assert torch.equal(pictures[1], pictures[3])
    assert not torch.equal(pictures[0], pictures[1])
    assert (batch["input_ids"] == processor.image_token_id).sum(dim=1).tolist() == [4] * 8


def test_each_image_is_processed_once(processor, make_pairs, monkeypatch) -> None:
    seen: list[int] = []
    image_processor = type(processor.image_processor)
    original = image_processor.preprocess

    def counting(self: Any, images: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(sum(len(entry) if isinstance(entry, list) else 1 for entry in images))
        return original(self, images, *args, **kwargs)

    monkeypatch.setattr(image_processor, "preprocess", counting)
    QuadCollator(processor)(rows_of(make_pairs(), 3))
    assert sum(seen) == 6


def test_carries_pairs_and_stage(processor, make_pairs) -> None:
    rows = [{**row, "pair_indices": 7 + i, "drawn_in_stage": 2} for i, row in enumerate(rows_of(make_pairs(), 2))]
    batch = QuadCollator(processor)(rows)
    assert batch["pair_indices"].tolist() == [7, 8]
    assert batch["drawn_in_stage"] == 2


def test_cuts_texts_but_never_image_tokens(processor, make_pairs) -> None:
    rows = [{**row, "pair_indices": 5} for row in rows_of(make_pairs(), 1)]
    whole = QuadCollator(processor)(rows)
    first = int(whole["completion_mask"][0].argmax())
    cut = QuadCollator(processor, max_length=first + 1)(rows)
    assert cut["completion_mask"].sum(dim=1).tolist() == [1] * 4
    with pytest.raises(UserError, match=f"pair 5: max_length={first} leaves no token of a text"):
        QuadCollator(processor, max_length=first)(rows)


def test_mistakes_are_named(processor, make_pairs) -> None:
    processor = copy.deepcopy(processor)
    row = {**make_pairs()[0], "pair_indices": 3}
    with pytest.raises(UserError, match="pair 3 has 1 images but 0 rejected_images: expected the same number"):
        QuadCollator(processor)([{**row, "rejected_images": []}])
    with pytest.raises(UserError, match="pair 3: expected prompt, chosen and rejected to be all text or all messages"):
        QuadCollator(processor)([{**row, "chosen": None}])
    empty = {**row, "prompt": "<image> a", "chosen": "", "rejected": ""}
    processor.tokenizer.eos_token = ""
    with pytest.raises(UserError, match="pair 3 has an empty text in chosen or rejected"):
        QuadCollator(processor)([empty])
    processor.chat_template = None
    with pytest.raises(UserError, match="no chat template to render a prompt without an image token"):
        QuadCollator(processor)([row])


@pytest.mark.parametrize("form", ["text", "messages"])
def test_a_text_that_already_ends_as_the_template_ends_it_is_not_ended_twice(processor, make_pairs, form: str) -> None:
    row = make_pairs(1)[0]
    ended = {**row, "chosen": f"{row['chosen']} </s>", "rejected": f"{row['rejected']}</s>\n"}
    if form == "messages":
        ended = {
            **ended,
            "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": row["prompt"]}]}],
            "chosen": [{"role": "assistant", "content": ended["chosen"]}],
            "rejected": [{"role": "assistant", "content": [{"type": "text", "text": ended["rejected"]}]}],
        }
    collator = QuadCollator(processor)
    plain, found = collator([row]), collator([ended])
    assert torch.equal(found["input_ids"], plain["input_ids"])
    end = processor.tokenizer.eos_token_id
    assert ((found["input_ids"] == end) & found["completion_mask"].bool()).sum(dim=1).tolist() == [1] * 4
