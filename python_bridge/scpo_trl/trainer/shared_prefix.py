"""Both texts on an image in one row after their common prompt.

A row holds the prompt once, padded on the left, then the texts one after the other. A mask hides the texts from each
other and every text's positions go on from the prompt's end, so that each token sees what it would see in a row of its
own.

Source: prefix sharing for preference pairs of text, arXiv 2410.20305; here for every image of a quadruple.

Shape legend: R rows (an image of a pair each), P columns of the prompt, K columns of a text, T texts, L = P + T * K.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask

from scpo_trl.trainer.collator import COMBINATIONS_KEY, NOT_FOR_THE_MODEL

_OF_TOKENS = frozenset({"input_ids", "attention_mask"})
_ALIGNMENT = 16


@dataclass(frozen=True)
class SharedRows:
    """A batch with shared prompts.

    Attributes:
        inputs: What the model's forward takes.
        labels: Tokens of the texts (R, T * K).
        mask: Which of them belong to a text (R, T * K).
        prompt_columns: P.
        text_columns: K.
        images: Letters of the images, each with the rows of all pairs.
        places: By combination, its rows and its text, in the order of the batch's blocks.
    """

    inputs: dict[str, Any]
    labels: Tensor
    mask: Tensor
    prompt_columns: int
    text_columns: int
    images: tuple[str, ...]
    places: dict[str, tuple[slice, int]]

    def columns(self) -> Tensor:
        """Columns whose logits predict a token of a text: the prompt's last, then all of the texts."""
        first = self.prompt_columns - 1
        return torch.arange(first, first + 1 + self.labels.shape[1], device=self.labels.device)


def share_prefixes(batch: Mapping[str, Any], attention: str, dtype: torch.dtype) -> SharedRows:
    """Lays a batch out anew, a row for each image.

    Args:
        batch: From `QuadCollator`: a block of B sequences for each combination.
        attention: `sdpa` or `eager`, which add the mask to the scores, or `flex_attention`, which leaves out what a
            block mask hides.
        dtype: Of the scores.
    """
    blocks: tuple[str, ...] = tuple(batch[COMBINATIONS_KEY])
    images = tuple(dict.fromkeys(block[1] for block in blocks))
    texts = tuple(dict.fromkeys(block[0] for block in blocks))
    of_block = dict(zip(blocks, range(len(blocks)), strict=True))
    pairs = len(batch["input_ids"]) // len(blocks)

    ids, completion, attended = batch["input_ids"], batch["completion_mask"].bool(), batch["attention_mask"].bool()
    # Any token of a text will do where nothing stands: it is not that of an image.
    filler = ids[completion][0]
    prompt_ids, prompt_mask = _aligned(ids, attended & ~completion, filler, left=True)
    text_ids, text_mask = _aligned(ids, completion, filler, left=False)
    prompt_columns, text_columns = prompt_ids.shape[1], text_ids.shape[1]

    row_ids, row_mask, places = [], [], {}
    for number, image in enumerate(images):
        known = [of_block[text + image] for text in texts if text + image in of_block]
        first = slice(known[0] * pairs, (known[0] + 1) * pairs)
        parts_ids, parts_mask = [prompt_ids[first]], [prompt_mask[first]]
        for position, text in enumerate(texts):
            block = of_block.get(text + image)
            if block is None:
                parts_ids.append(filler.expand_as(text_ids[first]))
                parts_mask.append(torch.zeros_like(text_mask[first]))
                continue
            rows = slice(block * pairs, (block + 1) * pairs)
            parts_ids.append(text_ids[rows])
            parts_mask.append(text_mask[rows])
            places[text + image] = (slice(number * pairs, (number + 1) * pairs), position)
        row_ids.append(torch.cat(parts_ids, dim=1))
        row_mask.append(torch.cat(parts_mask, dim=1))
    shared_ids, shared_mask = torch.cat(row_ids), torch.cat(row_mask)
    inputs: dict[str, Any] = {
        "input_ids": shared_ids,
        "attention_mask": _attention(shared_mask, prompt_columns, text_columns, attention, dtype),
        "position_ids": _positions(shared_mask, prompt_columns, text_columns),
        **_first_images(batch, blocks, images),
    }
    return SharedRows(
        inputs,
        shared_ids[:, prompt_columns:],
        shared_mask[:, prompt_columns:],
        prompt_columns,
        text_columns,
        images,
        {block: places[block] for block in blocks},
    )


def _aligned(ids: Tensor, mask: Tensor, filler: Tensor, *, left: bool) -> tuple[Tensor, Tensor]:
    """The tokens under `mask`, padded on the left or on the right to the longest."""
    width = int(mask.sum(dim=1).max())
    # A stable sort keeps the tokens' order and moves the others to one side.
    order = torch.argsort(mask.to(torch.int8), dim=1, descending=not left, stable=True)
    columns = order[:, -width:] if left else order[:, :width]
    kept = mask.gather(1, columns)
    return torch.where(kept, ids.gather(1, columns), filler), kept


def _positions(mask: Tensor, prompt_columns: int, text_columns: int) -> Tensor:
    prompt = mask[:, :prompt_columns].long()
    in_prompt = (prompt.cumsum(dim=1) - 1).clamp(min=0)
    length = prompt.sum(dim=1, keepdim=True)
    columns = torch.arange(mask.shape[1] - prompt_columns, device=mask.device)
    return torch.cat((in_prompt, length + columns % text_columns), dim=1)


def _attention(mask: Tensor, prompt_columns: int, text_columns: int, attention: str, dtype: torch.dtype) -> Any:
    """Which column sees which, (R, 1, L, L): itself and what stands before it in the prompt and in its own text."""
    rows, width = mask.shape
    column = torch.arange(width, device=mask.device)
    part = torch.where(column < prompt_columns, 0, 1 + (column - prompt_columns) // text_columns)

    def sees(row: Tensor, head: Tensor | None, query: Tensor, key: Tensor) -> Tensor:
        before = (query >= key) & ((part[key] == 0) | (part[query] == part[key])) & mask[row, key]
        # A padded column sees itself, lest its softmax have nothing to share out.
        return before | (query == key)

    if attention == "flex_attention":
        return create_block_mask(sees, rows, None, width, width, device=mask.device)
    seen = sees(torch.arange(rows, device=mask.device)[:, None, None], None, column[:, None], column[None, :])
    # What is added, and not a mask of booleans, of which SDPA makes such a sum anew in every layer and keeps it for the
    # backward pass; rows of aligned length, lest it copy them for that.
    aligned = -(-width // _ALIGNMENT) * _ALIGNMENT
    added = torch.zeros((rows, 1, width, aligned), dtype=dtype, device=mask.device)[..., :width]
    return added.masked_fill_(~seen[:, None], torch.finfo(dtype).min)


def _first_images(batch: Mapping[str, Any], blocks: tuple[str, ...], images: tuple[str, ...]) -> dict[str, Any]:
    """The image tensors, of which every shown block has a part of its own, once for each image."""
    shown = [block[1] for block in blocks if block[1] != "0"]
    wanted = [shown.index(image) for image in images if image != "0"]
    tensors: dict[str, Any] = {}
    for name, values in batch.items():
        if name in _OF_TOKENS or name in NOT_FOR_THE_MODEL:
            continue
        parts = values.chunk(len(shown))
        chosen = [parts[index] for index in wanted]
        whole = wanted == list(range(len(wanted)))
        tensors[name] = values[: sum(len(part) for part in chosen)] if whole else torch.cat(chosen)
    return tensors
