"""The rows of the training's and the evaluation's data sets under one numbering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from datasets import Dataset as RowDataset
from torch.utils.data import Dataset

from scpo_trl.trainer.rows.collator import COMBINATIONS_KEY, PAIR_KEY, STAGE_KEY
from scpo_trl.trainer.rows.mapped_pages import MappedPages
from scpo_trl.trainer.rows.pair_columns import ACCEPTED_COLUMNS
from scpo_trl.trainer.rows.row_identity import rows_sha256


class PairKey(NamedTuple):
    """What a sampler asks of the rows."""

    pair: int
    """Number of the row over all data sets."""
    stage: int
    """Number of the stage that draws it."""
    combinations: tuple[str, ...]
    """Combinations of text and image to build."""


class PairRows(Dataset[dict[str, Any]]):
    """Rows with the columns of a pair, each carrying its own number, who drew it and what to build of it.

    The training's rows come first, so that their numbers are those of their data set; then those of the evaluation's
    data sets, in their order. A reference that knows rows by number thereby serves both.

    Args:
        train: The training's rows.
        evaluation: Data sets to evaluate on, by name.
    """

    def __init__(self, train: RowDataset, evaluation: Mapping[str, RowDataset]) -> None:
        self._given: list[RowDataset] = []
        self._parts: list[RowDataset] = []
        self._starts: list[int] = []
        self._total = 0
        self.ranges: dict[str, range] = {}
        """Numbers of the rows of each of the evaluation's data sets, by name."""
        self._append(train)
        for name, dataset in evaluation.items():
            start = self._total
            self._append(dataset)
            self.ranges[name] = range(start, self._total)
        self._pages = MappedPages(self._given)

    @cached_property
    def sha256(self) -> str:
        """Hash of all rows in their order, see `rows_sha256`."""
        return rows_sha256(self._given)

    def _append(self, dataset: RowDataset) -> None:
        self._given.append(dataset)
        self._parts.append(dataset.select_columns([name for name in ACCEPTED_COLUMNS if name in dataset.column_names]))
        self._starts.append(self._total)
        self._total += len(dataset)

    @property
    def evaluation_rows(self) -> range:
        """Numbers of all rows that are only evaluated on."""
        return range(len(self._parts[0]), self._total)

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, key: PairKey) -> dict[str, Any]:
        part = max(index for index, start in enumerate(self._starts) if start <= key.pair)
        row = self._parts[part][key.pair - self._starts[part]]
        self._pages.keep_few()
        return {**row, PAIR_KEY: key.pair, STAGE_KEY: key.stage, COMBINATIONS_KEY: key.combinations}


class AskedRows(Dataset[dict[str, Any]]):
    """Some rows in the order in which they are asked for; as long as they are many, which accelerate goes by."""

    def __init__(self, rows: PairRows, keys: Sequence[PairKey]) -> None:
        self._rows, self._keys = rows, keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, position: int) -> dict[str, Any]:
        return self._rows[self._keys[position]]
