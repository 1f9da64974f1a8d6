"""Whether each row of an opened file is a pair; the file is looked at a part at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from scpo_trl.errors import UserError
from scpo_trl.service.opened_file import IMAGE_COLUMNS, TEXT_COLUMNS, OpenedFile

# Its functions are made at run time, which type checkers cannot see.
compute: Any = pyarrow.compute


class _Part:
    """Some rows of a file.

    Args:
        opened: The file.
        batch: The rows.
        start: Number of the first.
        wanted: Which rows of the file are looked at; None: all.
    """

    def __init__(self, opened: OpenedFile, batch: pyarrow.RecordBatch, start: int, wanted: Any) -> None:
        self.opened = opened
        self.batch = batch
        self._start = start
        self._wanted = None if wanted is None else wanted[start : start + batch.num_rows]

    def column(self, name: str) -> Any:
        """A column's values."""
        return self.batch.column(self.batch.schema.get_field_index(name))

    def refuse(self, column: str, bad: Any, message: str) -> None:
        """Raise `UserError` at the first row for which `bad` is true."""
        found = np.asarray(bad.fill_null(False))
        if self._wanted is not None:
            found = found & self._wanted
        if found.any():
            place = self.opened.place(self._start + int(found.argmax()))
            raise UserError(f"{place}, column {column}: {message}")


def check_pair_columns(opened: OpenedFile, rows: Sequence[int] | None = None, *, made: bool = False) -> None:
    """Raise `UserError` unless each row is a pair.

    A pair has images, equally many on each side, and three texts, `rejected` other than `chosen`.

    Args:
        opened: The file.
        rows: Those that are looked at; None: all. Bytes of their images are not: `OpenedFile.images` does that.
        made: Whether contrast images are made, so that `rejected_images` are not looked at.
    """
    images = IMAGE_COLUMNS[:1] if made else IMAGE_COLUMNS
    expected = (*images, *TEXT_COLUMNS)
    missing = [name for name in expected if name not in opened.dataset.column_names]
    if missing:
        raise UserError(
            f"{opened.path}: column {missing[0]}: not found, expected the columns {', '.join(expected)}; "
            f"found {', '.join(opened.columns)}"
        )
    for name in TEXT_COLUMNS:
        kind = opened.dataset.data.schema.field(name).type
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise UserError(f"{opened.path}: column {name}: found {kind}, expected text")
    for name in images:
        _require_images(opened, name)
    for part in _parts(opened, rows):
        for name in TEXT_COLUMNS:
            empty = compute.equal(compute.utf8_length(part.column(name)), 0).fill_null(True)
            part.refuse(name, empty, "found no text, expected some")
        same = compute.equal(part.column("chosen"), part.column("rejected"))
        part.refuse("rejected", same, "found the text of chosen again, expected another")
        for name in images:
            _check_images(part, name, embedded=rows is None)
        ours, *others = (_image_counts(part.column(name)) for name in images)
        for theirs in others:
            unequal = compute.not_equal(ours, theirs)
            part.refuse("rejected_images", unequal, "expected as many pictures as in images")


def check_image_column(opened: OpenedFile, name: str) -> None:
    """Raise `UserError` unless a column holds images, at least one a row: encoded bytes, alone or in a list."""
    if name not in opened.dataset.column_names:
        raise UserError(f"{opened.path}: column {name}: not found, found {', '.join(opened.columns)}")
    _require_images(opened, name)
    for part in _parts(opened, None):
        _check_images(part, name, embedded=True)


def _parts(opened: OpenedFile, rows: Sequence[int] | None) -> Iterator[_Part]:
    wanted = None
    if rows is not None:
        wanted = np.zeros(opened.dataset.num_rows, dtype=bool)
        wanted[np.asarray(rows, dtype=np.int64)] = True
    start = 0
    for batch in opened.batches():
        yield _Part(opened, batch, start, wanted)
        start += batch.num_rows


def _require_images(opened: OpenedFile, name: str) -> None:
    kind = opened.dataset.data.schema.field(name).type
    if _is_list(kind):
        kind = kind.value_type
    if not (pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0):
        raise UserError(f"{opened.path}: column {name}: found {kind}, expected struct<bytes, path> or a list of such")


def _check_images(part: _Part, name: str, *, embedded: bool) -> None:
    column = part.column(name)
    row_of = None
    if _is_list(column.type):
        bad = compute.equal(compute.list_value_length(column), 0).fill_null(True)
        part.refuse(name, bad, "found no picture, expected a list of at least one picture")
        row_of = compute.list_parent_indices(column)
        column = compute.list_flatten(column)
    if not embedded:
        return
    # An image given by path alone would let a file name any place of the disk, or the network.
    bare = compute.is_null(compute.struct_field(column, "bytes"))
    if row_of is not None:
        numbers = pyarrow.array(np.arange(part.batch.num_rows))
        bare = compute.is_in(numbers, row_of.filter(bare).cast(pyarrow.int64()))
    part.refuse(name, bare, "found no picture bytes, expected the picture embedded in the file")


def _image_counts(column: Any) -> Any:
    """How many images each row of a checked column has."""
    if _is_list(column.type):
        return compute.list_value_length(column).cast(pyarrow.int64())
    return pyarrow.array(np.ones(len(column), dtype=np.int64))


def _is_list(kind: Any) -> bool:
    return pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind)
