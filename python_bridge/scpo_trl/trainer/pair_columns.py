"""The columns of a data set of contrast pairs."""

from __future__ import annotations

from datasets import Dataset

from scpo_trl.errors import UserError

COLUMNS = ("images", "rejected_images", "prompt", "chosen", "rejected")
"""Columns that a pair needs."""


def require_pairs(dataset: Dataset) -> None:
    """Refuses a data set that lacks a column, or whose row has the same text twice.

    Raises:
        UserError: names the columns or the row.
    """
    missing = [column for column in COLUMNS if column not in dataset.column_names]
    if missing:
        raise UserError(
            f"train_dataset lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: expected "
            f"{', '.join(COLUMNS)}; it has {', '.join(dataset.column_names)}"
        )
    for row, (chosen, rejected) in enumerate(zip(dataset["chosen"], dataset["rejected"], strict=True)):
        if chosen == rejected:
            raise UserError(
                f"train_dataset: row {row}: chosen and rejected are both {chosen!r}: expected two texts of which each "
                "is true of one image; remove the row or correct it"
            )
