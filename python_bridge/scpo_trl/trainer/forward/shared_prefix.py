"""Both texts on an image in one row after their common prompt.

A row holds the prompt once, then the first text, and in columns of its own the second. A mask hides the texts from each
other and every text's positions continue from the prompt's end, so that each token sees what it would see in its own
row.

Source: prefix sharing for preference pairs of text, arXiv 2410.20305; here for every image of a quadruple.

Shape legend: N sequences of the batch, R rows (an image of a pair each), P columns of a prompt, K of a text, C of a
prompt and its first text, S of the second texts, L = C + S.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask

from scpo_trl.trainer.forward.prefix_attention import CAUSAL_COLUMNS
from scpo_trl.trainer.rows.collator import COMBINATIONS_KEY, NOT_FOR_THE_MODEL

_OF_TOKENS = frozenset({"input_ids", "attention_mask"})
_ALIGNMENT = 16


@dataclass(frozen=True)
class SharedRows:
    """A batch with shared prompts.

    Attributes:
        inputs: What the model's forward takes.
        logits_to_keep: How many of the last columns hold all that predict a token of a text.
        labels: By text, first and second of a row, its tokens (R, K).
        masks: Likewise, which of them belong to the text (R, K).
        positions: Likewise, the position among the kept logits that predicts each token (R, K).
        images: Letters of the images, each with the rows of all pairs.
        places: By combination, its rows and whether it is their first text (0) or second (1), in the order of the
            batch's blocks.
    """

    inputs: dict[str, Any]
    logits_to_keep: int
    labels: tuple[Tensor, Tensor]
    masks: tuple[Tensor, Tensor]
    positions: tuple[Tensor, Tensor]
    images: tuple[str, ...]
    places: dict[str, tuple[slice, int]]


def share_prefixes(batch: Mapping[str, Any], attention: str, dtype: torch.dtype, causal_kernel: bool) -> SharedRows:
    """Lays a batch out with one row for each image.

    Args:
        batch: From `QuadCollator`: a block of B sequences for each combination.
        attention: `sdpa` or `eager`, which add the mask to the scores, or `flex_attention`, which leaves out what a
            block mask hides.
        dtype: Of the scores.
        causal_kernel: Whether the rows are for `prefix_attention`, in which prompts begin in the first column. Prompts
            whose lengths differ by more than a text end in the same column anyway, so that no logits are made for
            most of the longer ones, and have a mask.
    """
    blocks: tuple[str, ...] = tuple(batch[COMBINATIONS_KEY])
    images = tuple(dict.fromkeys(block[1] for block in blocks))
    pairs = len(batch["input_ids"]) // len(blocks)
    device = batch["input_ids"].device

    ids, completion, attended = batch["input_ids"], batch["completion_mask"].bool(), batch["attention_mask"].bool()
    # Any text token will do in empty places: it is not an image's.
    filler = ids[completion][0]
    prompt_ids, prompt_mask = _to_the_left(ids, attended & ~completion)
    text_ids, text_mask = _to_the_left(ids, completion)

    sequences: tuple[list[int], list[int]] = ([], [])
    places: dict[str, tuple[slice, int]] = {}
    has_second = torch.zeros(len(images) * pairs, 1, dtype=torch.bool, device=device)
    for number, image in enumerate(images):
        rows = slice(number * pairs, (number + 1) * pairs)
        known = [index for index, block in enumerate(blocks) if block[1] == image]
        places.update({blocks[index]: (rows, text) for text, index in enumerate(known)})
        has_second[rows] = len(known) > 1
        for text, index in zip(sequences, (known[0], known[-1]), strict=True):
            text.extend(range(index * pairs, (index + 1) * pairs))
    first, second = (torch.tensor(text, device=device) for text in sequences)
    labels = (text_ids[first], text_ids[second])
    masks = (text_mask[first], text_mask[second] & has_second)

    prompt_ids, prompt = prompt_ids[first], prompt_mask[first].sum(dim=1, keepdim=True)
    causal_kernel = causal_kernel and attention == "sdpa" and bool(prompt.max() - prompt.min() <= text_ids.shape[1])
    starts = torch.zeros_like(prompt) if causal_kernel else prompt_ids.shape[1] - prompt
    ends = starts + prompt
    first_length = masks[0].sum(dim=1, keepdim=True)
    width = int((ends + first_length).max())
    seconds = int(masks[1].sum(dim=1).max())

    offset = torch.arange(width, device=device) - starts
    of_text = offset - prompt
    in_prompt = (offset >= 0) & (of_text < 0)
    in_first = (of_text >= 0) & (of_text < first_length)
    row_ids = torch.where(in_prompt, _gathered(prompt_ids, offset), _gathered(labels[0], of_text))
    shared_ids = torch.cat((row_ids, labels[1][:, :seconds]), dim=1)
    shared_mask = torch.cat((in_prompt | in_first, masks[1][:, :seconds]), dim=1)
    text_columns = torch.arange(text_ids.shape[1], device=device)
    inputs: dict[str, Any] = {
        "input_ids": torch.where(shared_mask, shared_ids, filler),
        "attention_mask": _attention(shared_mask, ends, width, attention, dtype, causal_kernel),
        "position_ids": torch.cat((offset.clamp(min=0), prompt + text_columns[:seconds]), dim=1),
        **_first_images(batch, blocks, images),
    }
    if causal_kernel:
        inputs[CAUSAL_COLUMNS] = width
    # A token is predicted by the one before it, and the first of every text by the prompt's last.
    predicting = ends - 1 + text_columns, torch.where(text_columns == 0, ends - 1, width - 1 + text_columns)
    skipped = int(ends.min()) - 1
    kept = width + seconds - skipped
    of_first, of_second = ((columns - skipped).clamp(max=kept - 1) for columns in predicting)
    return SharedRows(
        inputs, kept, labels, masks, (of_first, of_second), images, {block: places[block] for block in blocks}
    )


def _to_the_left(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The tokens under `mask` from the first column on, as many columns as the longest row has."""
    # A stable sort keeps the tokens' order and moves the others to the end.
    columns = torch.argsort(mask.to(torch.int8), dim=1, descending=True, stable=True)[:, : int(mask.sum(dim=1).max())]
    return ids.gather(1, columns), mask.gather(1, columns)


def _gathered(ids: Tensor, columns: Tensor) -> Tensor:
    return ids.gather(1, columns.clamp(0, ids.shape[1] - 1))


def _attention(mask: Tensor, ends: Tensor, width: int, attention: str, dtype: torch.dtype, causal_kernel: bool) -> Any:
    """Which column sees which: itself and what precedes it in the prompt and in its own text.

    (R, 1, L, L), or, for the causal kernel, (R, 1, S, L): the second texts alone have need of it.
    """
    rows, columns = mask.shape

    def sees(row: Tensor, head: Tensor | None, query: Tensor, key: Tensor) -> Tensor:
        of_one_text = (query < width) | (key < ends[row, 0]) | (key >= width)
        # A padded column sees itself, so that its softmax has something to normalise.
        return ((query >= key) & of_one_text & mask[row, key]) | (query == key)

    if attention == "flex_attention":
        return create_block_mask(sees, rows, None, columns, columns, device=mask.device)
    column = torch.arange(columns, device=mask.device)
    queries = column[width if causal_kernel else 0 :]
    seen = sees(torch.arange(rows, device=mask.device)[:, None, None], None, queries[:, None], column[None, :])
    # What is added, and not a mask of booleans, which SDPA turns into such a sum in every layer and keeps for the
    # backward pass; rows have an aligned length so that it need not copy them.
    aligned = -(-columns // _ALIGNMENT) * _ALIGNMENT
    added = torch.zeros((rows, 1, len(queries), aligned), dtype=dtype, device=mask.device)[..., :columns]
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
