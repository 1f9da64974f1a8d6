"""A file of rows as a request named it, looked at row by row."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import datasets
import PIL.Image
import pyarrow

from scpo_trl.errors import UserError
from scpo_trl.service.image_bytes import decode_image, open_image
from scpo_trl.service.row_copies import RowCopy
from scpo_trl.trainer.rows.mapped_pages import sparing

TEXT_COLUMNS = ("prompt", "chosen", "rejected")
IMAGE_COLUMNS = ("images", "rejected_images")
PAIR_COLUMNS = (*IMAGE_COLUMNS, *TEXT_COLUMNS)

_MEND = "write the file again"


@dataclass(frozen=True)
class OpenedFile:
    """A Parquet file, or several whose rows follow each other, as a memory-mapped data set.

    Attributes:
        path: Where it lies, symbolic links followed; of several files their folder or pattern.
        sha256: Lower-case hex digest of the bytes, see `PairFiles.open`.
        dataset: The rows, with the columns that were asked for; columns of images decode to PIL images.
        columns: Names of all columns of the first file.
        files: The files.
        starts: Number of the first row of each.
        copy: What is mapped.
    """

    path: Path
    sha256: str
    dataset: datasets.Dataset
    columns: tuple[str, ...]
    files: tuple[Path, ...]
    starts: tuple[int, ...]
    copy: RowCopy

    def place(self, row: int) -> str:
        """What messages call a row: its file and its number there."""
        file = bisect.bisect_right(self.starts, row) - 1
        return f"{self.files[file]}: row {row - self.starts[file]}"

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        """The rows in order, a part at a time."""
        return sparing(self.dataset, self.dataset.data.to_batches())

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Those of the images of pairs that the file has."""
        return tuple(name for name in IMAGE_COLUMNS if name in self.dataset.column_names)

    def images(self, row: int, column: str) -> list[PIL.Image.Image]:
        """Decode a row's images: the column's own, or those of its list; at least one.

        Raises:
            UserError: An image is missing or damaged; names file, row and column.
        """
        return [decode_image(data, where, _MEND) for data, where in self._encoded(row, column)]

    def check_headers(self) -> None:
        """Raise `UserError` at the first image of a pair that `images` would not take; decodes none."""
        for column in self.image_columns:
            for row in sparing(self.dataset, range(self.dataset.num_rows)):
                for data, where in self._encoded(row, column):
                    open_image(data, where, _MEND)

    def check_images(self, rows: Iterable[int]) -> None:
        """Decode every image of some pairs; raises as `images` at the first that is missing or damaged."""
        for row in sparing(self.dataset, rows):
            for column in self.image_columns:
                self.images(row, column)

    def check_rows(self, rows: Iterable[int], field: str) -> None:
        """Raise `UserError` when a row lies beyond the file's end."""
        for row in rows:
            if row >= self.dataset.num_rows:
                raise UserError(
                    f"{field}: found row {row}, but {self.path} has {self.dataset.num_rows} rows (counted from 0)"
                )

    def _encoded(self, row: int, column: str) -> Iterator[tuple[bytes, str]]:
        """The bytes of each of a row's images, and what messages call it."""
        value = self.dataset.data.column(column)[row].as_py()
        values = (value or [None]) if isinstance(value, list) else [value]
        for number, one in enumerate(values, start=1):
            where = f"{self.place(row)}, column {column}" + (f", picture {number}" if len(values) > 1 else "")
            data = one.get("bytes") if isinstance(one, dict) else None
            if not data:
                raise UserError(f"{where}: found no picture, expected its encoded bytes")
            yield data, where
