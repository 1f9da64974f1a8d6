"""Pages of memory-mapped data sets, let go once they have been read.

The system counts every page of a file that a process has looked at as the process's own until it needs the memory for
something else. A pass over a data set would so make a process seem as large as the data set, and limits that go by that
number end it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from datasets import Dataset

Item = TypeVar("Item")

KEPT_BYTES = 64 * 1024**2
"""Of files' pages that a process may have gathered before it lets go of them."""

_MAPS = Path("/proc/self/maps")
_STATM = Path("/proc/self/statm")
_DONTNEED = 4
"""Of madvise: what is read again is read from the file, or from what the system still has of it."""


class MappedPages:
    """Pages that this process has of the files of data sets; outside Linux it does nothing.

    Args:
        datasets: Memory-mapped or not.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        found = {os.path.realpath(file["filename"]) for dataset in datasets for file in dataset.cache_files}
        self._files = frozenset(found if _MAPS.exists() else ())
        self._floor = _files_bytes() if self._files else 0

    def keep_few(self) -> None:
        """Lets go of the pages if they have become many."""
        if not self._files or _files_bytes() - self._floor <= KEPT_BYTES:
            return
        for start, length in self._regions():
            ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), _DONTNEED)
        # What else was mapped meanwhile, such as a library, stays.
        self._floor = _files_bytes()

    def _regions(self) -> Iterator[tuple[int, int]]:
        for line in _MAPS.read_text().splitlines():
            parts = line.split(maxsplit=5)
            # A file that was removed stays mapped. Pages that can be written may hold more than the file.
            if len(parts) == 6 and parts[5].removesuffix(" (deleted)") in self._files and parts[1][1] != "w":
                start, end = (int(edge, 16) for edge in parts[0].split("-"))
                yield start, end - start


def sparing(dataset: Dataset, items: Iterable[Item]) -> Iterator[Item]:
    """Items that are made of a data set, whose pages are let go on the way."""
    pages = MappedPages([dataset])
    for item in items:
        yield item
        pages.keep_few()


def _files_bytes() -> int:
    return int(_STATM.read_text().split()[2]) * _PAGE


_PAGE = os.sysconf("SC_PAGE_SIZE")
