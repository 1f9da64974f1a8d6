"""Numbers of rows, of which a data set may have millions: eight bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

RowNumbers = Sequence[int]


def row_array(rows: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Row numbers for numpy; those of an `array` are shared with it."""
    if isinstance(rows, array):
        return np.frombuffer(rows, dtype=np.int64) if len(rows) else np.zeros(0, dtype=np.int64)
    if isinstance(rows, (np.ndarray, Sequence)):
        return np.asarray(rows, dtype=np.int64)
    return np.fromiter(rows, dtype=np.int64)


def row_numbers(rows: Iterable[int]) -> RowNumbers:
    """Row numbers to keep, as a sequence."""
    return array("q", row_array(rows).tobytes())


def distinct_rows(rows: Iterable[int]) -> RowNumbers:
    """Row numbers, each once, where it comes first."""
    values = row_array(rows)
    _, first = np.unique(values, return_index=True)
    return row_numbers(values[np.sort(first)])
