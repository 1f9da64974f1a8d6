"""Log-probabilities of a reference by row, so that no second model stays in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from scpo_trl.losses.quad import COMBINATIONS, QuadLogps
from scpo_trl.trainer.rows.row_numbers import distinct_rows, row_array, row_numbers


class ReferenceTable:
    """One log-probability for each row and combination; those that were never computed are NaN.

    Args:
        rows: Rows of all data sets together.
    """

    def __init__(self, rows: int) -> None:
        self.values = torch.full((rows, len(COMBINATIONS)), torch.nan, dtype=torch.float32)

    def fill(self, pairs: Sequence[int], values: Tensor) -> None:
        """Stores `values` (n, 6), nats, for the n rows `pairs`; NaN leaves an entry as it was."""
        index = torch.from_numpy(row_array(pairs).copy())
        rows = self.values[index]
        self.values[index] = torch.where(values.isnan(), rows, values.to(rows))

    def missing(self, pairs: Iterable[int], combinations: Sequence[str]) -> Sequence[int]:
        """Those of `pairs` that lack one of `combinations`, each once, in order."""
        distinct = row_array(distinct_rows(pairs)).copy()
        columns = [COMBINATIONS.index(name) for name in combinations]
        lacking = self.values[torch.from_numpy(distinct)][:, columns].isnan().any(dim=1)
        return row_numbers(distinct[lacking.numpy()])

    def lookup(self, pairs: Tensor, device: torch.device) -> QuadLogps:
        """Log-probabilities of the rows `pairs` (B,), each (B,), nats."""
        return QuadLogps(*self.values[pairs.cpu()].to(device).unbind(dim=1))
