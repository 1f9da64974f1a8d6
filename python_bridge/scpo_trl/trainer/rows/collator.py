"""From rows of the data set to one batch with the combinations of text and image that a loss reads.

Shape legend: B pairs, C combinations, N = C * B sequences in C blocks of B, L tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import ProcessorMixin
from trl.trainer.utils import flush_left, pad

from scpo_trl.errors import UserError
from scpo_trl.losses.quad import COMBINATIONS
from scpo_trl.trainer.rows.contrast import Contrast
from scpo_trl.trainer.rows.images import Side, decode_image, images_of
from scpo_trl.trainer.rows.pair_text import PairRenderer, RenderedPair
from scpo_trl.trainer.rows.sequence_start import SequenceStart

PAIR_KEY = "pair_indices"
"""Where a row carries its number in the data set."""

STAGE_KEY = "drawn_in_stage"
"""Where a row carries the number of the stage that drew it; its column `stage` is only a plan."""

COMBINATIONS_KEY = "combinations"
"""Where a row carries the combinations to build, and a batch the order of its blocks."""

NOT_FOR_THE_MODEL = frozenset({"completion_mask", PAIR_KEY, STAGE_KEY, COMBINATIONS_KEY})
"""What a batch holds besides the model's inputs."""

_BLOCKS = ("ww", "ll", "lw", "wl", "w0", "l0")
_ALL_IMAGES, _ONE_IMAGE = ("ww", "lw", "wl", "ll"), ("ww", "lw")
_SIDES: dict[str, Side] = {"w": "images", "l": "rejected_images"}
OF_TOKENS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
"""What a processor gives for each token."""


class QuadCollator:
    """Turns B pairs into a block of B sequences for each combination of text and image.

    The blocks are in the order ww, ll, lw, wl, w0, l0, of which those asked for are built: first the matched
    combinations, then the mismatched, then the prompt with its images left out. The four with images are what TRL's
    `DataCollatorForVisionPreference` makes of the doubled batch `[(images, chosen, rejected)] * B + [(rejected_images,
    rejected, chosen)] * B`.
    The image processor sees each image once. Texts are rendered by `PairRenderer` and begun by `SequenceStart`.

    Args:
        processor: Processor of the model, with a tokenizer that has a padding token.
        max_length: Longest sequence in tokens; longer texts are cut at their end. None: no limit.
        contrast: How `rejected_images` are made; None: the rows hold them.
    """

    def __init__(
        self, processor: ProcessorMixin, max_length: int | None = None, contrast: Contrast | None = None
    ) -> None:
        self.processor: Any = processor
        self.max_length = max_length
        self.contrast = contrast
        self.renderer = PairRenderer(processor)
        self.start = SequenceStart(self.processor.tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One batch.

        Args:
            rows: B rows with the columns of a pair; optionally `pair_indices`, `drawn_in_stage` and `combinations`
                (the first row's hold for all; without them the four with images, or `ww` and `lw` where the contrast
                is `none`).

        Returns:
            `input_ids`, `attention_mask`, `completion_mask` (N, L), the image processor's tensors, `combinations` (C
            names, the order of the blocks), `pair_indices` (B,) and `drawn_in_stage` where the rows have them.

        Raises:
            UserError: a row cannot be rendered, an image cannot be read, or `max_length` leaves nothing of a text.
        """
        blocks = self._blocks(rows)
        rendered = [self.renderer.render(row, len(images_of(row, "images")), row_name(row)) for row in rows]
        prompts = {letter: self._process_prompts(rows, rendered, letter) for letter in _letters(blocks, 1)}
        texts = self._process_completions(rendered, _letters(blocks, 0))
        batch = self._join(blocks, prompts, texts)
        if self.max_length is not None:
            batch = {name: values[:, : self.max_length] for name, values in batch.items()}
        self._require_completions(batch["completion_mask"], rows)
        batch.update(_image_tensors(blocks, prompts))
        batch[COMBINATIONS_KEY] = blocks
        if all(PAIR_KEY in row for row in rows):
            batch[PAIR_KEY] = torch.tensor([row[PAIR_KEY] for row in rows], dtype=torch.long)
        if STAGE_KEY in rows[0]:
            batch[STAGE_KEY] = rows[0][STAGE_KEY]
        return batch

    def _blocks(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        no_contrast = self.contrast is not None and self.contrast.kind == "none"
        asked = rows[0].get(COMBINATIONS_KEY) or (_ONE_IMAGE if no_contrast else _ALL_IMAGES)
        if unknown := [name for name in asked if name not in COMBINATIONS]:
            raise UserError(f"unknown combination {unknown[0]!r}: expected some of {', '.join(COMBINATIONS)}")
        if no_contrast and (shown := [name for name in asked if name[1] == "l"]):
            raise UserError(
                f"contrast is 'none', but the combinations {', '.join(shown)} show a contrast image: set contrast to "
                "crop, mask or noise, or give the rows rejected_images and leave contrast out"
            )
        return tuple(name for name in _BLOCKS if name in asked)

    def _process_prompts(
        self, rows: Sequence[Mapping[str, Any]], rendered: list[RenderedPair], letter: str
    ) -> dict[str, Tensor]:
        """The prompts (B, P), padded on the left, and the tensors of their images."""
        options = {"padding": True, "padding_side": "left", "return_tensors": "pt", "add_special_tokens": False}
        if letter == "0":
            blank = [self.renderer.render(row, 0, row_name(row)).prompt for row in rows]
            return self.start.put_before(self.processor(text=blank, **options), blank, OF_TOKENS)
        images = [self._images(row, letter) for row in rows]
        prompts = [pair.prompt for pair in rendered]
        processed = self.start.put_before(self.processor(images=images, text=prompts, **options), prompts, OF_TOKENS)
        if "cross_attention_mask" in processed:
            raise UserError(
                f"{type(self.processor).__name__} is for a model that attends to images across its layers, which is "
                "not supported: take one that reads image tokens in its text, such as LLaVA, Qwen2.5-VL or Gemma 3"
            )
        return processed

    def _images(self, row: Mapping[str, Any], letter: str) -> list[Any]:
        name = row_name(row)
        shown = images_of(row, "images")
        if not shown:
            raise UserError(f"{name} has no images: expected at least one")
        made = letter == "l" and self.contrast is not None
        side: Side = "images" if made else _SIDES[letter]
        images = images_of(row, side)
        if len(images) != len(shown):
            raise UserError(
                f"{name} has {len(shown)} images but {len(images)} rejected_images: expected the same number"
            )
        decoded = [decode_image(image, f"{name}, {side}") for image in images]
        if made:
            assert self.contrast is not None
            return [self.contrast.apply(image) for image in decoded]
        return decoded

    def _process_completions(
        self, rendered: list[RenderedPair], letters: Sequence[str]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """By text letter the tokens and their mask, each (B, K) with one K, padded on the right."""
        options = {"padding": True, "padding_side": "right", "return_tensors": "pt", "add_special_tokens": False}
        column = {"w": "chosen", "l": "rejected"}
        processed = [
            self.processor.tokenizer([getattr(pair, column[letter]) for pair in rendered], **options)
            for letter in letters
        ]
        ids = pad([entry["input_ids"] for entry in processed], padding_value=self._padding_token())
        masks = pad([entry["attention_mask"] for entry in processed], padding_value=0)
        return {letter: (ids[i].long(), masks[i].long()) for i, letter in enumerate(letters)}

    def _join(
        self,
        blocks: Sequence[str],
        prompts: Mapping[str, Mapping[str, Tensor]],
        texts: Mapping[str, tuple[Tensor, Tensor]],
    ) -> dict[str, Any]:
        """Prompts and completions of all blocks, flushed to the left: tensors (N, L) of tokens."""
        width = max(prompt["input_ids"].shape[1] for prompt in prompts.values())
        completion_ids = torch.cat([texts[block[0]][0] for block in blocks])
        completion_mask = torch.cat([texts[block[0]][1] for block in blocks])
        completions = {"input_ids": completion_ids, "attention_mask": completion_mask}
        joined: dict[str, Tensor] = {}
        for name in OF_TOKENS:
            if not any(name in prompt for prompt in prompts.values()):
                continue
            padding = self._padding_token() if name == "input_ids" else 0
            parts = []
            for block in blocks:
                prompt = prompts[block[1]]
                values = prompt[name] if name in prompt else torch.zeros_like(prompt["input_ids"])
                parts.append(F.pad(values, (width - values.shape[1], 0), value=padding))
            completion = completions.get(name, torch.zeros_like(completion_ids))
            joined[name] = torch.cat((torch.cat(parts), completion), dim=1)
        attention_mask = joined.pop("attention_mask")
        before = torch.zeros(len(completion_mask), width, dtype=completion_mask.dtype)
        joined["completion_mask"] = torch.cat((before, completion_mask), dim=1)
        flushed = flush_left(attention_mask, *joined.values())
        return dict(zip(("attention_mask", *joined), flushed, strict=True))

    def _padding_token(self) -> int:
        tokenizer = self.processor.tokenizer
        return tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id

    def _require_completions(self, completion_mask: Tensor, rows: Sequence[Mapping[str, Any]]) -> None:
        empty = (completion_mask.sum(dim=1) == 0).nonzero().flatten().tolist()
        if not empty:
            return
        name = row_name(rows[empty[0] % len(rows)])
        if self.max_length is None:
            raise UserError(f"{name} has an empty text in chosen or rejected: expected at least one token")
        raise UserError(
            f"{name}: max_length={self.max_length} leaves no token of a text, since prompt and image tokens fill it: "
            "raise max_length or set it to None"
        )


def row_name(row: Mapping[str, Any]) -> str:
    """What messages call a row."""
    return f"pair {row[PAIR_KEY]}" if PAIR_KEY in row else "a pair"


def _letters(blocks: Sequence[str], place: int) -> tuple[str, ...]:
    """The letters at one place of the blocks' names: 0 for texts, 1 for images."""
    return tuple(letter for letter in "wl0" if any(block[place] == letter for block in blocks))


def _image_tensors(blocks: Sequence[str], prompts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The image processor's tensors in the order of the sequences that show images.

    The two sides are processed apart, so that sizes that depend on a batch's largest image may differ: the smaller is
    filled with zeros at its end, as the image processors themselves do.
    """
    shown = [block[1] for block in blocks if block[1] != "0"]
    tensors: dict[str, Tensor] = {}
    for name in {name for letter in shown for name in prompts[letter] if name not in OF_TOKENS}:
        sides = {letter: prompts[letter][name] for letter in dict.fromkeys(shown)}
        sizes = [max(dimension) for dimension in zip(*(side.shape[1:] for side in sides.values()), strict=True)]
        filled = {letter: _filled(side, sizes) for letter, side in sides.items()}
        tensors[name] = torch.cat([filled[letter] for letter in shown])
    return tensors


def _filled(values: Tensor, sizes: Sequence[int]) -> Tensor:
    """The tensor with zeros at the end of every dimension but the first, up to `sizes`."""
    missing = [size - found for found, size in zip(values.shape[1:], sizes, strict=True)]
    if not any(missing):
        return values
    return F.pad(values, [end for amount in reversed(missing) for end in (0, amount)])
