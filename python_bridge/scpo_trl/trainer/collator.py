"""From rows of the data set to one batch with the four combinations of every pair.

Shape legend: B pairs, 4B sequences in four blocks of B, L tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import ProcessorMixin
from trl.data_utils import apply_chat_template, is_conversational, prepare_multimodal_messages
from trl.trainer.utils import flush_left, pad

from scpo_trl.errors import UserError

PAIR_KEY = "pair_indices"
"""Where a row carries its number in the data set."""

STAGE_KEY = "drawn_in_stage"
"""Where a row carries the number of the stage that drew it; its column `stage` is only a plan."""


class RenderedPair(NamedTuple):
    """A pair's texts as the tokenizer sees them."""

    prompt: str
    chosen: str
    rejected: str


class QuadCollator:
    """Turns B pairs into 4B sequences: what TRL's `DataCollatorForVisionPreference` makes of the doubled batch
    `[(images, chosen, rejected)] * B + [(rejected_images, rejected, chosen)] * B`.

    The blocks are (images, chosen), (rejected_images, rejected), (images, rejected), (rejected_images, chosen): first
    the matched combinations, then the mismatched. The image processor sees each image once.

    A prompt of plain text without the image token becomes a user's message with the images before the text and is
    rendered with the chat template, generation prompt on. A prompt that holds the image token stays as it is, and the
    end-of-sequence token is appended to its texts. Messages are rendered with the chat template.

    Args:
        processor: Processor of the model, with a tokenizer that has a padding token.
        max_length: Longest sequence in tokens; longer texts are cut at their end. None: no limit.
    """

    def __init__(self, processor: ProcessorMixin, max_length: int | None = None) -> None:
        self.processor: Any = processor
        self.max_length = max_length
        self._rendered: dict[tuple[str, str, str, int], RenderedPair] = {}

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One batch.

        Args:
            rows: B rows with the columns of a pair; optionally `pair_indices` and `drawn_in_stage`.

        Returns:
            `input_ids`, `attention_mask`, `completion_mask` (4B, L), the image processor's tensors for 4B sequences,
            `pair_indices` (B,) and `drawn_in_stage` where the rows have them.

        Raises:
            UserError: a row cannot be rendered, or `max_length` leaves nothing of a text.
        """
        rendered = [self._render(row) for row in rows]
        prompts = self._process_prompts(rows, rendered)
        prompt_ids, prompt_mask = prompts.pop("input_ids"), prompts.pop("attention_mask")
        completion_ids, completion_mask = self._process_completions(rendered)
        padding = torch.zeros_like(prompt_mask)
        sequences = {
            "input_ids": torch.cat((prompt_ids, completion_ids), dim=1),
            "completion_mask": torch.cat((padding, completion_mask), dim=1),
        }
        for name in ("token_type_ids", "mm_token_type_ids"):
            if name in prompts:
                sequences[name] = torch.cat((prompts.pop(name), torch.zeros_like(completion_ids)), dim=1)
        attention_mask = torch.cat((prompt_mask, completion_mask), dim=1)
        flushed = flush_left(attention_mask, *sequences.values())
        batch: dict[str, Any] = dict(zip(("attention_mask", *sequences), flushed, strict=True))
        if self.max_length is not None:
            batch = {name: values[:, : self.max_length] for name, values in batch.items()}
        batch.update(prompts)
        self._require_completions(batch["completion_mask"], rows)
        if all(PAIR_KEY in row for row in rows):
            batch[PAIR_KEY] = torch.tensor([row[PAIR_KEY] for row in rows], dtype=torch.long)
        if STAGE_KEY in rows[0]:
            batch[STAGE_KEY] = rows[0][STAGE_KEY]
        return batch

    def _render(self, row: Mapping[str, Any]) -> RenderedPair:
        prompt, chosen, rejected = row["prompt"], row["chosen"], row["rejected"]
        if len(row["images"]) != len(row["rejected_images"]):
            raise UserError(
                f"{_name(row)} has {len(row['images'])} images but {len(row['rejected_images'])} rejected_images: "
                "expected the same number"
            )
        if is_conversational({"prompt": prompt, "chosen": chosen, "rejected": rejected}):
            return self._render_messages(prompt, chosen, rejected, len(row["images"]))
        if not all(isinstance(text, str) for text in (prompt, chosen, rejected)):
            raise UserError(f"{_name(row)}: expected prompt, chosen and rejected to be all text or all messages")
        key = (prompt, chosen, rejected, len(row["images"]))
        if key not in self._rendered:
            self._rendered[key] = self._render_text(*key)
        return self._rendered[key]

    def _render_text(self, prompt: str, chosen: str, rejected: str, images: int) -> RenderedPair:
        image_token = getattr(self.processor, "image_token", None)
        if image_token is not None and image_token in prompt:
            end = self.processor.tokenizer.eos_token
            return RenderedPair(prompt, _ending_with(chosen, end), _ending_with(rejected, end))
        return self._render_messages(
            [{"role": "user", "content": prompt}],
            [{"role": "assistant", "content": chosen}],
            [{"role": "assistant", "content": rejected}],
            images,
        )

    def _render_messages(
        self, prompt: list[dict[str, Any]], chosen: list[dict[str, Any]], rejected: list[dict[str, Any]], images: int
    ) -> RenderedPair:
        if getattr(self.processor, "chat_template", None) is None:
            raise UserError(
                "the processor has no chat template to render a prompt without an image token: give it one "
                f"(processor.chat_template) or write {getattr(self.processor, 'image_token', 'the image token')} "
                "into the prompts"
            )
        # The template only needs to know where images stand, so a placeholder serves for both images of a pair.
        example = {
            "prompt": prepare_multimodal_messages(prompt, images=["image"] * images),
            "chosen": prepare_multimodal_messages(chosen),
            "rejected": prepare_multimodal_messages(rejected),
        }
        return RenderedPair(**apply_chat_template(example, self.processor))

    def _process_prompts(self, rows: Sequence[Mapping[str, Any]], rendered: list[RenderedPair]) -> dict[str, Tensor]:
        images = [list(row["images"]) for row in rows] + [list(row["rejected_images"]) for row in rows]
        processed = self.processor(
            images=images,
            text=[pair.prompt for pair in rendered] * 2,
            padding=True,
            padding_side="left",
            return_tensors="pt",
            add_special_tokens=False,
        )
        return {name: torch.cat((values, values)) for name, values in processed.items()}

    def _process_completions(self, rendered: list[RenderedPair]) -> tuple[Tensor, Tensor]:
        tokenize = {"padding": True, "padding_side": "right", "return_tensors": "pt", "add_special_tokens": False}
        chosen = self.processor(text=[pair.chosen for pair in rendered], **tokenize)
        rejected = self.processor(text=[pair.rejected for pair in rendered], **tokenize)
        tokenizer = self.processor.tokenizer
        pad_token_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
        chosen_ids, rejected_ids = pad([chosen["input_ids"], rejected["input_ids"]], padding_value=pad_token_id)
        chosen_mask, rejected_mask = pad([chosen["attention_mask"], rejected["attention_mask"]], padding_value=0)
        return (
            torch.cat((chosen_ids, rejected_ids, rejected_ids, chosen_ids)),
            torch.cat((chosen_mask, rejected_mask, rejected_mask, chosen_mask)),
        )

    def _require_completions(self, completion_mask: Tensor, rows: Sequence[Mapping[str, Any]]) -> None:
        empty = (completion_mask.sum(dim=1) == 0).nonzero().flatten().tolist()
        if not empty:
            return
        row = rows[empty[0] % len(rows)]
        if self.max_length is None:
            raise UserError(f"{_name(row)} has an empty text in chosen or rejected: expected at least one token")
        raise UserError(
            f"{_name(row)}: max_length={self.max_length} leaves no token of a text, since prompt and image tokens fill "
            "it: raise max_length or set it to None"
        )


def _ending_with(text: str, end: str) -> str:
    return text if text.endswith(end) else text + end


def _name(row: Mapping[str, Any]) -> str:
    return f"pair {row[PAIR_KEY]}" if PAIR_KEY in row else "a pair"
