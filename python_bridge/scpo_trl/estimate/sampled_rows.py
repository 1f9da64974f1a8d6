"""Rows of a pairs' file that stand for all of them: the longest, and usual ones."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.collator import PAIR_KEY, QuadCollator

_TEXTS = ("prompt", "chosen", "rejected")
_LONGEST = 32
"""Rows with the longest texts that are looked at closely, at least."""
_SPREAD = 64
"""Rows spread over the file that are looked at closely."""
_AT_ONCE = 1024


@dataclass(frozen=True)
class SampledRows:
    """Some rows in the order of their lengths.

    Attributes:
        total: Rows of the file.
        longest: Rows with the most tokens, the longest first.
        usual: Rows spread over the file, the most usual length first.
        tokens: By number of a row, the tokens of its longest sequence.
    """

    total: int
    longest: Sequence[Mapping[str, Any]]
    usual: Sequence[Mapping[str, Any]]
    tokens: Mapping[int, int]

    def largest_batch(self, pairs: int) -> list[Mapping[str, Any]]:
        """The rows of the largest batch that the data can make."""
        return _filled(self.longest, pairs)

    def usual_batch(self, pairs: int) -> list[Mapping[str, Any]]:
        """The rows of a usual batch."""
        return _filled(self.usual, pairs)


def sampled_rows(path: Path, collator: QuadCollator, pairs: int) -> SampledRows:
    """Looks at the texts of all rows and, closely, at some.

    Args:
        path: Parquet file.
        collator: Of the training; it counts the tokens.
        pairs: Rows of a batch.

    Raises:
        UserError: The file cannot be read, is empty, or a row cannot be rendered.
    """
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise UserError(f"data.pairs: {path} cannot be read as Parquet ({str(error).splitlines()[0]})") from error
    total = file.metadata.num_rows
    if total == 0:
        raise UserError(f"data.pairs: {path} has no rows, expected at least one")
    by_length = heapq.nlargest(max(_LONGEST, pairs), zip(_lengths(file), range(total), strict=True))
    spread = {row * total // min(_SPREAD, total) for row in range(min(_SPREAD, total))}
    wanted = sorted({row for _, row in by_length} | spread)
    rows = {row: {**content, PAIR_KEY: row} for row, content in zip(wanted, _read(file, wanted), strict=True)}
    tokens = {row: int(collator([content])["attention_mask"].sum(dim=1).max()) for row, content in rows.items()}
    middle = sorted(tokens[row] for row in spread)[len(spread) // 2]
    return SampledRows(
        total,
        [rows[row] for row in sorted(rows, key=lambda row: -tokens[row])],
        [rows[row] for row in sorted(spread, key=lambda row: abs(tokens[row] - middle))],
        tokens,
    )


def _filled(rows: Sequence[Mapping[str, Any]], pairs: int) -> list[Mapping[str, Any]]:
    return [rows[at % len(rows)] for at in range(pairs)]


def _lengths(file: Any) -> Iterable[int]:
    columns = [name for name in _TEXTS if name in file.schema_arrow.names]
    for batch in file.iter_batches(_AT_ONCE, columns=columns):
        for row in batch.to_pylist():
            yield sum(len(text if isinstance(text, str) else json.dumps(text)) for text in row.values() if text)


def _read(file: Any, wanted: Sequence[int]) -> list[dict[str, Any]]:
    """Some rows, one group of the file after the other."""
    found: list[dict[str, Any]] = []
    start = 0
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        inside = [row - start for row in wanted if start <= row < start + count]
        if inside:
            found.extend(file.read_row_group(group).take(inside).to_pylist())
        start += count
    return found
