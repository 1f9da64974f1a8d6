"""Opens the Parquet files that requests name, of which no process holds more than a part in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pyarrow.parquet

from scpo_trl.errors import UserError
from scpo_trl.service.opened_file import PAIR_COLUMNS, OpenedFile
from scpo_trl.service.pair_columns import check_pair_columns
from scpo_trl.service.roots import Roots
from scpo_trl.service.row_copies import require_room, row_copy, write_rows

LARGEST_TABLE = 512 * 1024**2
"""Bytes that the columns of files may take in a copy, or `MOST_TIMES` the files' own where that is more."""

MOST_TIMES = 16

_Key = tuple[tuple[str, int, int], ...]


class PairFiles:
    """Opens the Parquet files that requests name; keeps what was opened last.

    Args:
        roots: Folders that the files must lie under.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._lock = threading.Lock()
        self._digest: tuple[_Key, str] | None = None
        self._last: tuple[_Key, tuple[str, ...], OpenedFile] | None = None

    def open(self, path: str, sha256: str, columns: Sequence[str], field: str = "dataset") -> OpenedFile:
        """Open a Parquet file, or several as one.

        Args:
            path: Absolute path under a root: a file; a folder, for all of its Parquet files in the order of their
                names; or a file's name with `*`, for all that it fits.
            sha256: Digest that the bytes must have; empty: any. Of several files it is that of what `sha256sum` says of
                them: a line for each with its digest, two spaces and its name.
            columns: Those that are read; one that the file lacks is left out.
            field: Name of the request's field, for messages.

        Raises:
            UserError: Outside the roots, missing, damaged, empty, too large for the disk, or with another digest than
                `sha256`.
        """
        resolved, files = self._roots.files(path, f"{field}.path")
        with self._lock:
            key = _key(files)
            digest = self._digest[1] if self._digest is not None and self._digest[0] == key else None
            if digest is None:
                digest = _sha256(files, alone=files == [resolved])
                self._digest = (key, digest)
            if sha256 and sha256 != digest:
                raise UserError(
                    f"{field}.sha256: {path} has {digest}, expected {sha256}: "
                    "the file changed since it was hashed, or the hash belongs to another file"
                )
            wanted = tuple(columns)
            opened = self._last[2] if self._last is not None and self._last[:2] == (key, wanted) else None
            if opened is None:
                self._last = None
                opened = _opened(resolved, files, digest, wanted)
                self._last = (key, wanted, opened)
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


def _key(files: Sequence[Path]) -> _Key:
    return tuple((str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)


def _sha256(files: Sequence[Path], *, alone: bool) -> str:
    digests: list[str] = []
    for file in files:
        try:
            with file.open("rb") as content:
                digests.append(hashlib.file_digest(content, "sha256").hexdigest())
        except OSError as error:
            raise UserError(f"{file}: not a readable Parquet file ({error}); write or copy it again") from error
    if alone:
        return digests[0]
    lines = "".join(f"{digest}  {file.name}\n" for digest, file in zip(digests, files, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def _opened(path: Path, files: Sequence[Path], digest: str, columns: Sequence[str]) -> OpenedFile:
    described = [_described(file) for file in files]
    names = tuple(described[0].schema.to_arrow_schema().names)
    wanted = [name for name in names if name in columns]
    schema = _schema(files[0], described[0], wanted)
    for file, description in zip(files[1:], described[1:], strict=True):
        found = _schema(file, description, wanted)
        for name in wanted:
            ours, theirs = schema.field(name).type, found.field(name).type
            if ours != theirs:
                raise UserError(
                    f"{file}: column {name}: found {theirs}, expected {ours} as in {files[0]}; write the file again"
                )
    if sum(description.num_rows for description in described) == 0:
        raise UserError(f"{path}: found no rows, expected at least one")
    size = sum(file.stat().st_size for file in files)
    largest = max(LARGEST_TABLE, MOST_TIMES * size)

    def check(read: int) -> None:
        if read > largest:
            raise UserError(
                f"{path}: its columns {', '.join(wanted)} take {read} bytes in memory or more, expected at "
                f"most {largest} of a file of {size}; split the file"
            )

    told = sum(_uncompressed(description, wanted) for description in described)
    check(told)

    def write(target: Path) -> None:
        require_room(path, told)
        try:
            write_rows(files, wanted, schema, target, check)
        except (OSError, pyarrow.ArrowException) as error:
            raise UserError(f"{path}: not a readable Parquet file ({error}); write or copy it again") from error

    copy = row_copy(f"{digest} {schema}", write)
    starts = [0]
    for description in described[:-1]:
        starts.append(starts[-1] + description.num_rows)
    return OpenedFile(
        path=path,
        sha256=digest,
        dataset=datasets.Dataset.from_file(str(copy.path)),
        columns=names,
        files=tuple(files),
        starts=tuple(starts),
        copy=copy,
    )


def _described(path: Path) -> pyarrow.parquet.FileMetaData:
    try:
        return pyarrow.parquet.read_metadata(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error}); write or copy it again") from error


def _uncompressed(description: pyarrow.parquet.FileMetaData, columns: Sequence[str]) -> int:
    groups = [description.row_group(number) for number in range(description.num_row_groups)]
    parts = [group.column(number) for group in groups for number in range(group.num_columns)]
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)


def _schema(path: Path, description: pyarrow.parquet.FileMetaData, columns: Sequence[str]) -> pyarrow.Schema:
    """Of the copy, with the features of a data set."""
    try:
        whole = description.schema.to_arrow_schema()
        missing = next((name for name in columns if name not in whole.names), None)
        if missing is not None:
            raise UserError(f"{path}: column {missing}: not found, found {', '.join(whole.names)}")
        plain = pyarrow.schema([whole.field(name) for name in columns])
        features = datasets.Features.from_arrow_schema(plain.with_metadata(whole.metadata))
        return _with_images(features).arrow_schema
    except (pyarrow.ArrowException, ValueError, TypeError, KeyError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: the columns cannot be read as a data set ({error}); write it again") from error


def _with_images(features: datasets.Features) -> datasets.Features:
    return datasets.Features({name: _image_feature(feature) for name, feature in features.items()})


def _image_feature(feature: Any) -> Any:
    """A struct of bytes and path is an image even when the writer left out the huggingface metadata."""
    if isinstance(feature, dict) and set(feature) == {"bytes", "path"}:
        return datasets.Image()
    if isinstance(feature, (datasets.List, datasets.LargeList)):
        return datasets.List(_image_feature(feature.feature))
    return feature
