"""Copies of the rows of Parquet files that every process of a machine looks at by number, none of which holds them.

Parquet can only be read from a row group's beginning, and stages draw rows from all over a file. The columns that are
needed are therefore written once to an Arrow file, which is memory-mapped. The processes of a machine share it, and it
goes with the last of them: each holds a lock on it, which ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, overload

import pyarrow
import pyarrow.parquet

from scpo_trl.errors import UserError

_ROWS_AT_ONCE = 64
_BATCH_ROWS = 1000
_BATCH_BYTES = 16 * 1024**2
_READ_AHEAD = 1024**2


def copies_folder() -> Path:
    """The folder that copies lie in, this user's alone: in `TMPDIR`, or else in `/var/tmp`, which is on a disk.

    Raises:
        UserError: Somebody else's folder has its name.
    """
    disk = Path("/var/tmp")
    told = os.environ.get("TMPDIR")
    parent = Path(told or (disk if os.access(disk, os.W_OK) else tempfile.gettempdir()))
    folder = parent / f"scpo-rows-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or folder.is_symlink():
        raise UserError(f"{folder}: expected a folder that only this user may enter: remove it, or set TMPDIR")
    return folder


class RowCopy:
    """An Arrow file in use; it is removed when nobody uses it any more.

    Args:
        path: The file.
        held: The file, opened, with a shared lock.
    """

    def __init__(self, path: Path, held: IO[bytes]) -> None:
        self.path = path
        self._finish = weakref.finalize(self, _drop, path, held, os.getpid())

    def close(self) -> None:
        """No longer uses the file; what is mapped of it stays readable."""
        self._finish()


def row_copy(name: str, write: Callable[[Path], object]) -> RowCopy:
    """The copy of a name, which another process of this machine may be using already.

    Args:
        name: Says what is in it, to the bit.
        write: Writes the file; what it raises is raised.
    """
    folder = copies_folder()
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()}.arrow"
    _sweep(folder)
    making = path.with_suffix(".lock")
    making_held = _held(making, fcntl.LOCK_EX)
    try:
        held = _held(path, fcntl.LOCK_SH, make=False)
        if held is None:
            new = path.with_suffix(".new")
            held = _held(new, fcntl.LOCK_SH)
            try:
                write(new)
                new.replace(path)
            except BaseException:
                new.unlink(missing_ok=True)
                held.close()
                raise
    finally:
        _drop(making, making_held, os.getpid())
    return RowCopy(path, held)


def write_rows(
    files: Sequence[Path], columns: Sequence[str], schema: pyarrow.Schema, path: Path, check: Callable[[int], None]
) -> None:
    """Copies columns of Parquet files to one Arrow file; memory holds a few megabytes of them at a time.

    Args:
        files: One after the other.
        columns: Of each of them.
        schema: Of the copy.
        path: The copy.
        check: Told how many bytes were read so far; may raise.

    Raises:
        OSError: A file cannot be read, or the copy cannot be written.
        pyarrow.ArrowException: A file is damaged, or its columns have no such types.
    """
    read = 0
    with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as writer:
        for batches in _grouped(_batches(files, columns)):
            read += sum(batch.nbytes for batch in batches)
            check(read)
            bare = schema.remove_metadata()
            table = pyarrow.Table.from_batches([batch.replace_schema_metadata(None) for batch in batches])
            for batch in table.cast(bare).combine_chunks().to_batches():
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    pyarrow.default_memory_pool().release_unused()


def require_room(path: Path, size: int) -> None:
    """Raise `UserError` where the copies' folder has no room for so many bytes of a file."""
    folder = copies_folder()
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"{path}: its rows take {size} bytes in {folder}, where {free} are free: make room, or set TMPDIR to a "
            "folder of a larger disk"
        )


def _batches(files: Iterable[Path], columns: Sequence[str]) -> Iterator[pyarrow.RecordBatch]:
    for path in files:
        # Buffered, since a column of a row group may be larger than the memory.
        with pyarrow.parquet.ParquetFile(path, buffer_size=_READ_AHEAD, pre_buffer=False) as parquet:
            yield from parquet.iter_batches(_ROWS_AT_ONCE, columns=list(columns), use_threads=False)


def _grouped(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[list[pyarrow.RecordBatch]]:
    """Batches that make one of the copy, each with its own description to be read when the copy is opened."""
    group: list[pyarrow.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


def _sweep(folder: Path) -> None:
    """Removes what processes that died have left, perhaps with their machine and half written."""
    for found in folder.iterdir():
        try:
            held = found.open("rb")
        except FileNotFoundError:
            continue
        _drop(found, held, os.getpid())


@overload
def _held(path: Path, lock: int) -> IO[bytes]: ...
@overload
def _held(path: Path, lock: int, *, make: bool) -> IO[bytes] | None: ...
def _held(path: Path, lock: int, *, make: bool = True) -> IO[bytes] | None:
    """A file with a lock on what has that name; made where there is none, or else None."""
    while True:
        try:
            held = path.open("ab" if make else "rb")
        except FileNotFoundError:
            return None
        fcntl.flock(held, lock)
        if _is_at(path, held):
            return held
        # Removed by another process between the two calls.
        held.close()


def _drop(path: Path, held: IO[bytes], process: int) -> None:
    """Lets go of a file, and removes it if nobody else has a lock on it."""
    if os.getpid() != process:
        # A forked process shares the lock of its parent, which still uses the file.
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(path, held):
            path.unlink()
    except OSError:
        pass
    finally:
        held.close()


def _is_at(path: Path, held: IO[bytes]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(held.fileno()))
    except FileNotFoundError:
        return False
