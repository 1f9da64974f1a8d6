"""Token rows in which an image's caption and questions share its image tokens.

Every segment sees the image and itself, so the image tokens are computed once an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration, LlavaProcessor

from scpo_trl.tiny.evaluate import render
from scpo_trl.tiny.model import DESCRIBE_PROMPT
from scpo_trl.tiny.scenes import Scenes

IGNORED = -100


@dataclass(frozen=True)
class PackedTexts:
    """Token rows in which a scene's caption and questions follow one image.

    Attributes:
        prefix: Tokens up to the end of the image, shape (prefix,).
        captions: Caption segments, shape (scenes, caption length), padded at the end.
        questions: Question segments, shape (all questions, question length), padded at the end.
        first_question: Index of each scene's first question, shape (scenes,).
        question_count: Number of each scene's questions, shape (scenes,).
        caption_labels, question_labels: Same shapes; IGNORED where there is no target.
        mask: What a token may look at, bool, shape (1, 1, row, row); True means visible.
        positions: Position of each token, shape (1, row); every segment starts over after the image.
    """

    prefix: torch.Tensor
    captions: torch.Tensor
    questions: torch.Tensor
    first_question: torch.Tensor
    question_count: torch.Tensor
    caption_labels: torch.Tensor
    question_labels: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor

    def rows(
        self, scenes: torch.Tensor, questions: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Lay out the rows of some scenes with freshly drawn questions.

        Args:
            scenes: Indices, shape (batch,).
            questions: Questions a scene; drawn without repetition where it has enough.
            generator: Draws the questions.

        Returns:
            Token identifiers and labels, both of shape (batch, row).
        """
        counts = self.question_count[scenes]
        offset = torch.randint(0, 1 << 20, scenes.shape, generator=generator)
        input_ids = [self.prefix.expand(len(scenes), -1), self.captions[scenes]]
        labels = [torch.full_like(input_ids[0], IGNORED), self.caption_labels[scenes]]
        for drawn in range(questions):
            chosen = self.first_question[scenes] + (offset + drawn) % counts
            input_ids.append(self.questions[chosen])
            labels.append(self.question_labels[chosen])
        return torch.cat(input_ids, dim=1), torch.cat(labels, dim=1)


def pack_texts(processor: LlavaProcessor, scenes: Scenes, image_tokens: int, questions: int) -> PackedTexts:
    """Tokenise captions and questions of the scenes for shared rows.

    Args:
        processor: Gives template and tokenizer.
        scenes: Scenes with captions, questions and answers.
        image_tokens: Image tokens an image takes.
        questions: Question segments a row.

    Returns:
        The tokens, the labels, and the mask that keeps the segments apart.
    """
    tokenizer: Any = processor.tokenizer
    image = processor.image_token
    start = render(processor, "").split(image)[0] + image * image_tokens

    @cache  # few texts, asked of many scenes
    def segment(question: str, answer: str) -> tuple[list[int], list[int]]:
        asked = tokenizer.encode(render(processor, question).split(image, 1)[1], add_special_tokens=False)
        answered = tokenizer.encode(answer + tokenizer.eos_token, add_special_tokens=False)
        return asked + answered, [IGNORED] * len(asked) + answered

    def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        width = max(len(row) for row in rows)
        return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])

    captions = [segment(DESCRIBE_PROMPT, caption) for caption in scenes.captions]
    asked = [
        segment(question, answer)
        for pair in zip(scenes.questions, scenes.answers, strict=True)
        for question, answer in zip(*pair, strict=True)
    ]
    count = torch.tensor([len(row) for row in scenes.questions])
    prefix = torch.tensor(tokenizer.encode(start, add_special_tokens=False))
    caption_ids = padded([ids for ids, _ in captions], tokenizer.pad_token_id)
    question_ids = padded([ids for ids, _ in asked], tokenizer.pad_token_id)
    widths = [len(prefix), caption_ids.shape[1], *[question_ids.shape[1]] * questions]
    part = torch.cat([torch.full((width,), index) for index, width in enumerate(widths)])
    positions = torch.cat(
        [torch.arange(len(prefix)), *[torch.arange(width) + len(prefix) for width in widths[1:]]],
    )
    mask = ((part[None, :] == part[:, None]) | (part[None, :] == 0)).tril()
    return PackedTexts(
        prefix=prefix,
        captions=caption_ids,
        questions=question_ids,
        first_question=count.cumsum(0) - count,
        question_count=count,
        caption_labels=padded([labels for _, labels in captions], IGNORED),
        question_labels=padded([labels for _, labels in asked], IGNORED),
        mask=mask[None, None],
        positions=positions[None],
    )


def row_loss(
    model: LlavaForConditionalGeneration,
    packed: PackedTexts,
    input_ids: torch.Tensor,
    labels: torch.Tensor,
    features: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy in nats a token, averaged over the answer tokens of packed rows.

    Args:
        model: The LLaVA.
        packed: Mask and positions of the rows.
        input_ids: Shape (batch, row).
        labels: Shape (batch, row), IGNORED outside the answers.
        features: The tower's patches without its class token, shape (batch, image tokens, vision hidden).

    Returns:
        The loss, a scalar.
    """
    embeddings = model.get_input_embeddings()(input_ids)
    first = len(packed.prefix) - features.shape[1]
    projected = model.model.multi_modal_projector(features)
    embeddings = torch.cat([embeddings[:, :first], projected, embeddings[:, len(packed.prefix) :]], dim=1)
    hidden = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=packed.mask.expand(len(input_ids), -1, -1, -1),
        position_ids=packed.positions.expand(len(input_ids), -1),
        use_cache=False,
    ).last_hidden_state
    # Only positions whose next token is part of an answer need logits.
    targets = labels[:, 1:]
    targeted = targets != IGNORED
    logits = model.lm_head(hidden[:, :-1][targeted])
    return nn.functional.cross_entropy(logits, targets[targeted])
