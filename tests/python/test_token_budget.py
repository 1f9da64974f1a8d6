"""Prompts that leave no room for texts are found before a training."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import Dataset, Features, List, Value
from datasets import Image as ImageColumn
from PIL import Image
from tiny_models import FAMILIES

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.collator import QuadCollator
from scpo_trl.trainer.rows.contrast import Contrast
from scpo_trl.trainer.rows.token_budget import require_room

SIZES = [[(16, 16)], [(64, 48)], [(16, 16), (16, 48)], [(30, 20)]]


def pairs_of(sizes: list[list[tuple[int, int]]], **columns: list[Any]) -> Dataset:
    pictures = [[Image.new("RGB", size, "red") for size in row] for row in sizes]
    rows = {
        "images": pictures,
        "rejected_images": [row[::-1] for row in pictures],
        "prompt": ["Describe the picture ."] * (len(sizes) - 1) + ["a " * 9],
        "chosen": ["dog ."] * len(sizes),
        "rejected": ["cat ."] * len(sizes),
        **columns,
    }
    text = Value("string")
    features = Features(
        images=List(ImageColumn()), rejected_images=List(ImageColumn()), prompt=text, chosen=text, rejected=text
    )
    return Dataset.from_dict(rows, features=features)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rows_are_those_whose_prompts_fill_it(family: str) -> None:
    """Against the lengths of the prompts as the collator processes them."""
    processor = FAMILIES[family]().processor
    pairs, collator = pairs_of(SIZES), QuadCollator(processor)
    needed = []
    rows = [pairs[row] for row in range(len(pairs))]
    for row in rows:
        batch = collator([row])
        needed.append(int((batch["attention_mask"] - batch["completion_mask"])[:2].sum(dim=1).max()))
    assert len(set(needed)) > 1
    require_room(pairs, collator, max(needed) + 1)
    require_room(pairs, collator, None)
    for limit in sorted(set(needed)):
        short = [f"{row} ({tokens} tokens)" for row, tokens in enumerate(needed) if tokens >= limit]
        with pytest.raises(UserError) as refused:
            require_room(pairs, collator, limit, "eval_dataset")
        assert f"eval_dataset: max_length={limit} leaves no room" in str(refused.value)
        assert f"row {', '.join(short)}; set max_length to more than {max(needed)}" in str(refused.value)
    # What passes can be collated, with a token of every text; what does not cannot.
    assert QuadCollator(processor, max(needed) + 1)(rows)["completion_mask"].any(dim=1).all()
    with pytest.raises(UserError, match="leaves no token of a text"):
        QuadCollator(processor, max(needed))(rows)


def test_no_image_is_opened_where_all_have_as_many_tokens() -> None:
    processor = FAMILIES["llava-1.5"]().processor
    pairs = pairs_of(SIZES[:2])
    columns: dict[str, Any] = dict(pairs.to_dict())  # type: ignore[arg-type]
    columns["images"] = [[{"bytes": b"no picture", "path": None}]] * 2
    broken = Dataset.from_dict(columns, features=pairs.features)
    with pytest.raises(UserError, match="max_length=8 leaves no room"):
        require_room(broken, QuadCollator(processor, contrast=Contrast("mask")), 8)


def test_with_a_contrast_the_other_column_is_not_looked_at() -> None:
    processor = FAMILIES["qwen2.5-vl"]().processor
    large = [[Image.new("RGB", (64, 64))]] * 2
    pairs = pairs_of([[(16, 16)]] * 2, rejected_images=large)
    collator = QuadCollator(processor, contrast=Contrast("crop"))
    require_room(pairs, collator, 30)
    with pytest.raises(UserError, match="max_length=30"):
        require_room(pairs, QuadCollator(processor), 30)


def test_texts_that_are_cut_to_the_same_are_listed(processor) -> None:
    same = ["a dog and a cat .", "a cat .", "a dog and a cat .", "a dog"]
    other = ["a dog and a cup .", "a dog .", "a dog and a car .", "a dog and a cup ."]
    pairs = pairs_of(SIZES[:1] * 4, prompt=["Describe the picture ."] * 4, chosen=same, rejected=other)
    collator = QuadCollator(processor)
    masks = collator([pairs[0]])
    prompt = int((masks["attention_mask"] - masks["completion_mask"])[0].sum())
    # The fifth token tells rows 0 and 2 apart, the second row 1, the third row 3, whose text ends there.
    require_room(pairs, collator, prompt + 5)
    with pytest.raises(UserError) as refused:
        require_room(pairs, collator, prompt + 4, "eval_dataset")
    assert f"row 0 ({prompt + 5} tokens), 2 ({prompt + 5} tokens);" in str(refused.value)
    assert "eval_dataset: max_length" in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(UserError, match=rf"in 3 rows: row 0 .*, 2 .*, 3 \({prompt + 3} tokens\)"):
        require_room(pairs, collator, prompt + 2)
