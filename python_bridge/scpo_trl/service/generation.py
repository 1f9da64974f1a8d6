"""Greedy answers to prompts about images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import PIL.Image
import torch
import transformers

from scpo_trl.errors import UserError
from scpo_trl.service.images import ImagePrompt, OpenImages
from scpo_trl.service.prompts import render_prompt
from scpo_trl.trainer.rows.collator import OF_TOKENS
from scpo_trl.trainer.rows.sequence_start import SequenceStart

BATCH_SIZE = 250
"""Prompts a batch when the request leaves it to us."""


def generate_answers(
    model: Any,
    processor: Any,
    prompts: Sequence[ImagePrompt],
    open_images: OpenImages,
    max_new_tokens: int,
    batch_size: int = BATCH_SIZE,
) -> Iterator[list[tuple[int, str]]]:
    """Answer prompts greedily, batch by batch.

    Prompts of like length share a batch, prompts without an image never one with others; the order depends on nothing
    but the request, so equal requests give equal answers.

    Args:
        model: A generative model of images and text, in evaluation mode.
        processor: Its processor.
        prompts: What to answer, at least one.
        open_images: Gives the images that a prompt names.
        max_new_tokens: Longest answer in tokens, at least 1.
        batch_size: Prompts a batch.

    Yields:
        Position in `prompts` and answer of each prompt of one batch, without special tokens and outer blanks.

    Raises:
        UserError: No answer may have a token, or an image cannot be opened.
    """
    if max_new_tokens < 1:
        raise UserError("max_new_tokens: found 0, expected at least 1")
    order = sorted(range(len(prompts)), key=lambda position: (len(prompts[position].text), prompts[position].text))
    imaged = [position for position in order if prompts[position].image is not None]
    plain = [position for position in order if prompts[position].image is None]
    for kind in (imaged, plain):
        for start in range(0, len(kind), batch_size):
            positions = kind[start : start + batch_size]
            batch = [prompts[position] for position in positions]
            images = _images(batch, open_images)
            texts = [
                render_prompt(processor, prompt.text, len(shown)) for prompt, shown in zip(batch, images, strict=True)
            ]
            yield list(zip(positions, _answer(model, processor, images, texts, max_new_tokens), strict=True))


def _images(batch: Sequence[ImagePrompt], open_images: OpenImages) -> list[list[PIL.Image.Image]]:
    """The images of each prompt, none of one without."""
    decoded = {name: open_images(name) for name in dict.fromkeys(p.image for p in batch) if name is not None}
    return [[] if prompt.image is None else decoded[prompt.image] for prompt in batch]


def _answer(
    model: Any, processor: Any, images: list[list[PIL.Image.Image]], texts: list[str], max_new_tokens: int
) -> list[str]:
    tokenizer = processor.tokenizer
    # Left padding puts every answer right after its prompt.
    inputs = processor(
        images=images if any(images) else None,
        text=texts,
        padding=True,
        padding_side="left",
        add_special_tokens=False,
        return_tensors="pt",
    )
    inputs.update(SequenceStart(tokenizer).put_before(inputs, texts, OF_TOKENS))
    inputs = inputs.to(model.device)
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
