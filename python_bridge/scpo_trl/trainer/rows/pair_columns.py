"""The columns of a data set of contrast pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute
from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.contrast import Contrast
from scpo_trl.trainer.rows.images import SINGULAR, Side, images_of
from scpo_trl.trainer.rows.mapped_pages import sparing
from scpo_trl.trainer.rows.pair_text import FOR_THE_TEMPLATE, pair_texts

# Its functions are made at run time, which type checkers cannot see.
compute: Any = pyarrow.compute

COLUMNS = ("images", "rejected_images", "prompt", "chosen", "rejected")
"""Columns of a pair."""

ACCEPTED_COLUMNS = (*COLUMNS, *SINGULAR.values(), *FOR_THE_TEMPLATE)
"""Columns that the collator reads: those of a pair, the names of the image columns where they hold one image, and what
the chat template takes besides."""

_LISTED_ROWS = 10
_CHUNK = 100


def require_pairs(dataset: Dataset, contrast: Contrast | None = None, name: str = "train_dataset") -> None:
    """Refuses a data set of which a row is no pair.

    A pair has `images` or `image`, `chosen`, `rejected`, `prompt` unless `chosen` and `rejected` are messages that
    share their beginning, and `rejected_images` or `rejected_image` unless they are made.

    Args:
        dataset: The rows.
        contrast: How contrast images are made; None: the rows hold them.
        name: What messages call the data set.

    Raises:
        UserError: There are no rows. Names the missing columns, or the rows without images, with a different number of
            images on the two sides, or with the same text twice.
    """
    if len(dataset) == 0:
        raise UserError(f"{name} has no rows: expected at least one contrast pair")
    _require_columns(dataset, contrast, name)
    counts = {side: image_counts(dataset, side) for side in _sides(contrast)}
    for side, found in counts.items():
        _refuse(name, np.flatnonzero(found == 0).tolist(), f"no {side}", "at least one")
    if contrast is None:
        unequal = np.flatnonzero(counts["images"] != counts["rejected_images"]).tolist()
        _refuse(name, unequal, "different numbers of images and rejected_images", "the same number of both")
    for row, values in enumerate(text_rows(dataset)):
        _, chosen, rejected = pair_texts(values, f"{name}: row {row}")
        if chosen == rejected:
            raise UserError(
                f"{name}: row {row}: chosen and rejected are both {_text(chosen)!r}: expected two texts of which each "
                "is true of one image; remove the row or correct it"
            )


def image_column(dataset: Dataset, side: Side) -> str | None:
    """The column that holds a side's images, or None."""
    return next((column for column in (side, SINGULAR[side]) if column in dataset.column_names), None)


def text_columns(dataset: Dataset) -> list[str]:
    """The columns that a pair's texts are rendered from."""
    return [column for column in ("prompt", "chosen", "rejected", *FOR_THE_TEMPLATE) if column in dataset.column_names]


def text_rows(dataset: Dataset, further: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """What the rows say, in order, and their cells in further columns."""
    chosen = dataset.select_columns([*text_columns(dataset), *further])
    for values in sparing(dataset, chosen):
        assert isinstance(values, dict)
        yield values


def plan_column(dataset: Dataset, name: str) -> np.ndarray[Any, Any] | None:
    """A column of numbers that stages are made of, by row; NaN where a row has none. None: there is no such column."""
    if name not in dataset.column_names:
        return None
    column = dataset.select_columns([name]).with_format("arrow")[:][name]  # type: ignore[index]
    values = column.to_numpy(zero_copy_only=False) if isinstance(column, pyarrow.Array) else column.to_numpy()
    return values.astype(np.float64) if values.dtype == object or column.null_count else values


def image_counts(dataset: Dataset, side: Side) -> np.ndarray[Any, Any]:
    """How many images each row has on a side, without decoding one; 0 for a row whose image or list is missing."""
    counts = np.zeros(len(dataset), dtype=np.int32)
    start = 0
    for values in _image_tables(dataset, side):
        kind = values.type.storage_type if isinstance(values.type, pyarrow.BaseExtensionType) else values.type
        if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
            found = compute.fill_null(compute.list_value_length(values), 0)
        else:
            found = compute.is_valid(values)
        counts[start : start + len(values)] = found.to_numpy()
        start += len(values)
    return counts


def raw_images(dataset: Dataset, side: Side) -> Iterator[list[Any]]:
    """The images of a side row by row, as encoded bytes or paths."""
    for values in _image_tables(dataset, side):
        for value in values.to_pylist():
            yield images_of({side: value}, side)


def _image_tables(dataset: Dataset, side: Side) -> Iterator[Any]:
    column = image_column(dataset, side)
    assert column is not None, f"no column holds {side}"
    tables: Any = dataset.select_columns([column]).with_format("arrow").iter(_CHUNK)
    for table in sparing(dataset, tables):
        yield table[column]


def _sides(contrast: Contrast | None) -> tuple[Side, ...]:
    return ("images", "rejected_images") if contrast is None else ("images",)


def _require_columns(dataset: Dataset, contrast: Contrast | None, name: str) -> None:
    missing: list[str] = [side for side in _sides(contrast) if image_column(dataset, side) is None]
    missing += [column for column in ("chosen", "rejected") if column not in dataset.column_names]
    if "prompt" not in dataset.column_names and not _holds_messages(dataset):
        missing.append("prompt")
    if missing:
        made = "; or set contrast to crop, mask, noise or none" if missing == ["rejected_images"] else ""
        raise UserError(
            f"{name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: expected "
            f"{', '.join(COLUMNS)}; it has {', '.join(dataset.column_names)}{made}"
        )
    for side in _sides(contrast):
        if {side, SINGULAR[side]} <= set(dataset.column_names):
            raise UserError(f"{name} has both {side} and {SINGULAR[side]}: expected one of them; remove the other")


def _holds_messages(dataset: Dataset) -> bool:
    if "chosen" not in dataset.column_names or len(dataset) == 0:
        return False
    return isinstance(dataset.select_columns(["chosen"])[0]["chosen"], list)


def _refuse(name: str, rows: Sequence[int], found: str, expected: str) -> None:
    if rows:
        listed = ", ".join(map(str, rows[:_LISTED_ROWS])) + (", ..." if len(rows) > _LISTED_ROWS else "")
        raise UserError(
            f"{name}: {len(rows)} row{'s have' if len(rows) > 1 else ' has'} {found} (row {listed}): expected "
            f"{expected}; remove or correct them"
        )


def _text(completion: Any) -> Any:
    """The text of a completion, where it is a message, for messages to the user."""
    if isinstance(completion, list) and len(completion) == 1:
        return completion[0].get("content", completion)
    return completion
