"""Parquet files as data sets with images, read without touching a cache folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import PIL.Image
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from scpo_trl.errors import UserError
from scpo_trl.service.image_bytes import decode_image, open_image
from scpo_trl.service.roots import Roots

# Its functions are made at run time, which type checkers cannot see.
compute: Any = pyarrow.compute

TEXT_COLUMNS = ("prompt", "chosen", "rejected")
IMAGE_COLUMNS = ("images", "rejected_images")
PAIR_COLUMNS = (*IMAGE_COLUMNS, *TEXT_COLUMNS)

LARGEST_TABLE = 512 * 1024**2
"""Bytes that the columns of a file may take in memory, or `MOST_TIMES` the file's own where that is more."""

MOST_TIMES = 16
_ROWS_AT_ONCE = 64
_MEND = "write the file again"


@dataclass(frozen=True)
class OpenedFile:
    """A Parquet file in memory.

    Attributes:
        path: Where it lies, symbolic links followed.
        sha256: Lower-case hex digest of the file's bytes.
        dataset: Its rows, with the columns that were asked for; columns of images decode to PIL images.
        columns: Names of all columns of the file.
    """

    path: Path
    sha256: str
    dataset: datasets.Dataset
    columns: tuple[str, ...]

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
            for row in range(self.dataset.num_rows):
                for data, where in self._encoded(row, column):
                    open_image(data, where, _MEND)

    def check_images(self, rows: Iterable[int]) -> None:
        """Decode every image of some pairs; raises as `images` at the first that is missing or damaged."""
        for row in rows:
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
            where = f"{self.path}: row {row}, column {column}" + (f", picture {number}" if len(values) > 1 else "")
            data = one.get("bytes") if isinstance(one, dict) else None
            if not data:
                raise UserError(f"{where}: found no picture, expected its encoded bytes")
            yield data, where


class PairFiles:
    """Opens the Parquet files that requests name; keeps the one opened last."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._lock = threading.Lock()
        self._last: tuple[tuple[str, int, int, tuple[str, ...]], OpenedFile] | None = None

    def open(self, path: str, sha256: str, columns: Sequence[str], field: str = "dataset") -> OpenedFile:
        """Open a Parquet file.

        Args:
            path: Absolute path under a root.
            sha256: Digest that the file must have; empty: any.
            columns: Those that are read; one that the file lacks is left out.
            field: Name of the request's field, for messages.

        Raises:
            UserError: Outside the roots, missing, damaged, empty, too large in memory, or with another digest than
                `sha256`.
        """
        resolved = self._roots.file(path, f"{field}.path")
        stat = resolved.stat()
        key = (str(resolved), stat.st_mtime_ns, stat.st_size, tuple(columns))
        with self._lock:
            opened = self._last[1] if self._last is not None and self._last[0] == key else None
            if opened is None:
                self._last = None
                opened = _read(resolved, columns)
                self._last = (key, opened)
        if sha256 and sha256 != opened.sha256:
            raise UserError(
                f"{field}.sha256: {path} has {opened.sha256}, expected {sha256}: "
                "the file changed since it was hashed, or the hash belongs to another file"
            )
        return opened

    def open_pairs(
        self,
        path: str,
        sha256: str,
        field: str = "dataset",
        rows: Sequence[int] | None = None,
        *,
        made: bool = False,
    ) -> OpenedFile:
        """Open a file of contrast quadruples; errors as `open`, and for missing columns or values.

        Args:
            path: As for `open`.
            sha256: As for `open`.
            field: As for `open`.
            rows: Rows that have to be complete, in the request's field `pairs`; None: all.
            made: Whether contrast images are made of `images`, so that the file need have none.
        """
        opened = self.open(path, sha256, PAIR_COLUMNS, field)
        if rows is not None:
            opened.check_rows(rows, "pairs")
        check_pair_columns(opened, rows, made=made)
        return opened


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
        column = opened.dataset.data.column(name)
        if not (pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)):
            raise UserError(f"{opened.path}: column {name}: found {column.type}, expected text")
        empty = compute.equal(compute.utf8_length(column), 0).fill_null(True)
        _refuse(opened, name, empty, "found no text, expected some", rows)
    table = opened.dataset.data
    same = compute.equal(table.column("chosen"), table.column("rejected"))
    _refuse(opened, "rejected", same, "found the text of chosen again, expected another", rows)
    for name in images:
        check_image_column(opened, name, rows)
    ours, *others = (_image_counts(table.column(name)) for name in images)
    for theirs in others:
        unequal = compute.not_equal(ours, theirs)
        _refuse(opened, "rejected_images", unequal, "expected as many pictures as in images", rows)


def check_image_column(opened: OpenedFile, name: str, rows: Sequence[int] | None = None) -> None:
    """Raise `UserError` unless a column holds images, at least one a row: encoded bytes, alone or in a list."""
    if name not in opened.dataset.column_names:
        raise UserError(f"{opened.path}: column {name}: not found, found {', '.join(opened.columns)}")
    column = opened.dataset.data.column(name)
    row_of = None
    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        bad = compute.equal(compute.list_value_length(column), 0).fill_null(True)
        _refuse(opened, name, bad, "found no picture, expected a list of at least one picture", rows)
        row_of = compute.list_parent_indices(column)
        column = compute.list_flatten(column)
    if not (pyarrow.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0):
        raise UserError(
            f"{opened.path}: column {name}: found {column.type}, expected struct<bytes, path> or a list of such"
        )
    if rows is not None:
        return
    # An image given by path alone would let a file name any place of the disk, or the network.
    bare = compute.is_null(compute.struct_field(column, "bytes"))
    if row_of is not None:
        bare = compute.is_in(pyarrow.array(range(opened.dataset.num_rows)), row_of.filter(bare).cast(pyarrow.int64()))
    _refuse(opened, name, bare, "found no picture bytes, expected the picture embedded in the file")


def _image_counts(column: Any) -> Any:
    """How many images each row of a checked column has."""
    if pyarrow.types.is_list(column.type) or pyarrow.types.is_large_list(column.type):
        return compute.list_value_length(column).cast(pyarrow.int64())
    return pyarrow.chunked_array([pyarrow.array([1] * len(column), pyarrow.int64())])


def _refuse(opened: OpenedFile, column: str, bad: Any, message: str, rows: Sequence[int] | None = None) -> None:
    row = compute.index(bad if rows is None else bad.take(pyarrow.array(rows, pyarrow.int64())), True).as_py()
    if row >= 0:
        row = row if rows is None else rows[row]
        raise UserError(f"{opened.path}: row {row}, column {column}: {message}")


def _read(path: Path, columns: Sequence[str]) -> OpenedFile:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        parquet = pyarrow.parquet.ParquetFile(path)
        names = tuple(parquet.schema_arrow.names)
        table = _read_bounded(parquet, path, [name for name in names if name in columns])
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error}); write or copy it again") from error
    if table.num_rows == 0:
        raise UserError(f"{path}: found no rows, expected at least one")
    try:
        features = _with_images(datasets.Features.from_arrow_schema(table.schema))
        table = table.replace_schema_metadata(None).cast(features.arrow_schema.remove_metadata())
        # The fingerprint spares datasets a hash over the whole table.
        dataset = datasets.Dataset(table, info=datasets.DatasetInfo(features=features), fingerprint=digest[:32])
    except (pyarrow.ArrowException, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: the columns cannot be read as a data set ({error}); write it again") from error
    return OpenedFile(path=path, sha256=digest, dataset=dataset, columns=names)


def _read_bounded(parquet: pyarrow.parquet.ParquetFile, path: Path, columns: Sequence[str]) -> pyarrow.Table:
    """Read columns within the budget: as the file tells their size, and as it turns out."""
    largest = max(LARGEST_TABLE, MOST_TIMES * path.stat().st_size)
    groups = [parquet.metadata.row_group(number) for number in range(parquet.num_row_groups)]
    parts = [group.column(number) for group in groups for number in range(group.num_columns)]
    told = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)
    batches = []
    read = 0
    if told <= largest:
        for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=columns):
            batches.append(batch)
            read += batch.nbytes
            if read > largest:
                break
    if max(told, read) > largest:
        raise UserError(
            f"{path}: its columns {', '.join(columns)} take {max(told, read)} bytes in memory or more, expected at "
            f"most {largest} of a file of {path.stat().st_size}; split the file"
        )
    return pyarrow.Table.from_batches(batches, pyarrow.schema([parquet.schema_arrow.field(name) for name in columns]))


def _with_images(features: datasets.Features) -> datasets.Features:
    return datasets.Features({name: _image_feature(feature) for name, feature in features.items()})


def _image_feature(feature: Any) -> Any:
    """A struct of bytes and path is an image even when the writer left out the huggingface metadata."""
    if isinstance(feature, dict) and set(feature) == {"bytes", "path"}:
        return datasets.Image()
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return datasets.List(_image_feature(feature.feature))
    return feature
