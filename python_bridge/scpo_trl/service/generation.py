"""Greedy answers to prompts about pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import PIL.Image
import torch
import transformers

from scpo_trl.errors import UserError
from scpo_trl.service.pair_files import OpenedFile, check_picture_column
from scpo_trl.service.prompts import render_prompt

BATCH_SIZE = 250
"""Prompts a batch when the request leaves it to us."""


@dataclass(frozen=True)
class PicturePrompt:
    """A question about the picture in one row: `row` of the data set, and the plain `text`."""

    row: int
    text: str


def generate_answers(
    model: Any,
    processor: Any,
    opened: OpenedFile,
    image_column: str,
    prompts: Sequence[PicturePrompt],
    max_new_tokens: int,
    batch_size: int = BATCH_SIZE,
) -> Iterator[list[tuple[int, str]]]:
    """Answer prompts greedily, batch by batch.

    Prompts of like length share a batch; the order depends on nothing but the request, so equal requests give equal
    answers.

    Args:
        model: A generative model of pictures and text, in evaluation mode.
        processor: Its processor.
        opened: The file that holds the pictures.
        image_column: Column with one picture, or with a list whose first picture is taken.
        prompts: What to answer.
        max_new_tokens: Longest answer in tokens, at least 1.
        batch_size: Prompts a batch.

    Yields:
        Position in `prompts` and answer of each prompt of one batch, without special tokens and outer blanks.

    Raises:
        UserError: No prompts, a row beyond the file, a damaged picture, a column without pictures.
    """
    if not prompts:
        raise UserError("prompts: found none, expected at least one")
    if max_new_tokens < 1:
        raise UserError("max_new_tokens: found 0, expected at least 1")
    check_picture_column(opened, image_column)
    opened.check_rows((prompt.row for prompt in prompts), "prompts.row")
    order = sorted(range(len(prompts)), key=lambda position: (len(prompts[position].text), prompts[position].text))
    for start in range(0, len(order), batch_size):
        positions = order[start : start + batch_size]
        pictures = _pictures(opened, image_column, [prompts[position].row for position in positions])
        texts = [render_prompt(processor, prompts[position].text) for position in positions]
        yield list(zip(positions, _answer(model, processor, pictures, texts, max_new_tokens), strict=True))


def _pictures(opened: OpenedFile, column: str, rows: Sequence[int]) -> list[PIL.Image.Image]:
    decoded = {row: opened.picture(row, column) for row in dict.fromkeys(rows)}
    return [decoded[row] for row in rows]


def _answer(
    model: Any, processor: Any, pictures: list[PIL.Image.Image], texts: list[str], max_new_tokens: int
) -> list[str]:
    tokenizer = processor.tokenizer
    # The template brings its own beginning of sequence; left padding puts every answer right after its prompt.
    inputs = processor(
        images=[[picture] for picture in pictures],
        text=texts,
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    ).to(model.device)
    ends = model.generation_config.eos_token_id
    config = transformers.GenerationConfig(
        do_sample=False,
        num_beams=1,
        use_cache=True,
        max_new_tokens=max_new_tokens,
        eos_token_id=tokenizer.eos_token_id if ends is None else ends,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.inference_mode():
        tokens = model.generate(**inputs, generation_config=config)
    answers = tokens[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(answers, skip_special_tokens=True)]
