"""Whether the prompts of a data set leave room for their texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import PIL.Image
from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.collator import QuadCollator
from scpo_trl.trainer.rows.images import Side, image_size, images_of
from scpo_trl.trainer.rows.pair_columns import image_column, image_counts, raw_images, text_columns, text_rows

Sizes = tuple[tuple[int, int], ...]
"""Width and height of each image of a row, in pixels."""

_LISTED_ROWS = 10
_PROBES = ((64, 64), (64, 640), (640, 64), (337, 500), (1600, 1200))
"""Sizes of which every known size-sensitive processor distinguishes at least two."""


def require_room(dataset: Dataset, collator: QuadCollator, max_length: int | None, name: str = "train_dataset") -> None:
    """Refuses a data set of which `max_length` leaves nothing to learn from.

    That is a row whose prompt with its image tokens leaves no token for the texts, or whose two texts are the same as
    far as there is room for them.

    Image tokens are counted by processing a black image of the same size, once for each size that occurs; where the
    processor gives every size the same number, no image is opened. The images themselves are not decoded.

    Args:
        dataset: Rows that `require_pairs` has passed.
        collator: Renders and processes the rows.
        max_length: Longest sequence in tokens; None: nothing to check.
        name: What messages call the data set.

    Raises:
        UserError: Lists the rows with the tokens that each needs before its texts.
    """
    if max_length is None:
        return
    lengths = _PromptLengths(collator)
    sides: tuple[Side, ...] = ("images", "rejected_images") if collator.contrast is None else ("images",)
    short: list[tuple[int, int]] = []
    alike: list[tuple[int, int]] = []
    for row, (values, sizes_by_side) in enumerate(
        zip(text_rows(dataset), _sizes_by_row(dataset, sides, lengths, name), strict=True)
    ):
        label = f"{name}: row {row}"
        needed = max(lengths.tokens(values, side_sizes, label) for side_sizes in sizes_by_side)
        if needed >= max_length:
            short.append((row, needed))
        elif (differing := lengths.first_difference(values, len(sizes_by_side[0]), label)) >= max_length - needed:
            alike.append((row, needed + differing + 1))
    if alike and not short:
        raise UserError(
            f"{name}: max_length={max_length} cuts chosen and rejected to the same text in {len(alike)} "
            f"row{'s' if len(alike) > 1 else ''}: row {_listed(alike)}; set max_length to at least "
            f"{max(needed for _, needed in alike)} or to None, or remove the rows"
        )
    if short:
        raise UserError(
            f"{name}: max_length={max_length} leaves no room for the texts of {len(short)} "
            f"row{'s' if len(short) > 1 else ''}, whose prompt and image tokens fill it: row {_listed(short)}; set "
            f"max_length to more than {max(needed for _, needed in short)} or to None"
        )


def _listed(rows: Sequence[tuple[int, int]]) -> str:
    listed = ", ".join(f"{row} ({needed} tokens)" for row, needed in rows[:_LISTED_ROWS])
    return listed + (f", and {len(rows) - _LISTED_ROWS} more" if len(rows) > _LISTED_ROWS else "")


class _PromptLengths:
    """Tokens of rendered prompts with their image tokens."""

    def __init__(self, collator: QuadCollator) -> None:
        self._processor = collator.processor
        self._renderer = collator.renderer
        self._start = collator.start
        self._added: dict[Sizes, int] = {}
        self._minds_size: bool | None = None

    def minds_size(self, row: dict[str, Any], name: str) -> bool:
        """Whether the processor gives images of different sizes different numbers of tokens, tried with a row."""
        if self._minds_size is None:
            self._minds_size = len({self.tokens(row, (probe,), name) for probe in _PROBES}) > 1
        return self._minds_size

    def tokens(self, row: dict[str, Any], sizes: Sizes, name: str) -> int:
        """Tokens of a row's prompt with images of these sizes."""
        prompt = self._renderer.render(row, len(sizes), name).prompt
        plain = len(self._processor.tokenizer(prompt, add_special_tokens=False)["input_ids"])
        if sizes not in self._added:
            images = [PIL.Image.new("RGB", size) for size in sizes]
            whole = self._processor(images=[images], text=[prompt], add_special_tokens=False, return_tensors="pt")
            self._added[sizes] = whole["input_ids"].shape[1] - plain
        return len(self._start.tokens(prompt)) + plain + self._added[sizes]

    def first_difference(self, row: dict[str, Any], images: int, name: str) -> int:
        """Position of the first token in which a row's two texts differ."""
        rendered = self._renderer.render(row, images, name)
        chosen, rejected = self._processor.tokenizer([rendered.chosen, rendered.rejected], add_special_tokens=False)[
            "input_ids"
        ]
        shared = (at for at, (ours, theirs) in enumerate(zip(chosen, rejected, strict=False)) if ours != theirs)
        return next(shared, min(len(chosen), len(rejected)))


def _sizes_by_row(dataset: Dataset, sides: Sequence[Side], lengths: _PromptLengths, name: str) -> Iterator[list[Sizes]]:
    """For each row the images' sizes of every side; all equal if the processor ignores sizes."""
    counts = image_counts(dataset, "images")
    probe = dataset.select_columns(text_columns(dataset))
    ones = np.flatnonzero(counts == 1)
    single = int(ones[0]) if len(ones) else None
    if single is not None and not lengths.minds_size(probe[single], f"{name}: row {single}"):
        for count in counts:
            yield [(_PROBES[0],) * int(count)]
        return
    columns = [raw_images(dataset, side) for side in sides]
    for row, by_side in enumerate(zip(*columns, strict=True)):
        yield [
            tuple(_size(dataset, row, side, position, image, name) for position, image in enumerate(images))
            for side, images in zip(sides, by_side, strict=True)
        ]


def _size(dataset: Dataset, row: int, side: Side, position: int, image: Any, name: str) -> tuple[int, int]:
    label = f"{name}: row {row}, {side}"
    try:
        return image_size(image, label)
    except UserError:
        # An image of a column of images may be where only datasets can reach it, such as in an archive.
        column = image_column(dataset, side)
        decoded = images_of(dataset.select_columns([str(column)])[row], side)[position]
        return image_size(decoded, label)
