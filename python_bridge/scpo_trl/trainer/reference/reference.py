"""What the policy is compared with, as stages open and as it moves within them.

When a stage opens, the reference is the policy, a former reference or the initial model. By default its
log-probabilities of every pair that the stage may draw are tabled once, before the policy moves on. A live reference is
a copy of the trainable weights that scores every batch: one more forward pass a step, cheaper where the
reference moves often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scpo_trl.errors import UserError
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.trainer.director.director import Stage
from scpo_trl.trainer.model.weights import Weights, blend_weights, copy_weights, weights_swapped
from scpo_trl.trainer.reference.reference_table import ReferenceTable
from scpo_trl.trainer.rows.collator import PAIR_KEY
from scpo_trl.trainer.rows.row_numbers import distinct_rows, row_array, row_numbers

Progress = Callable[[int, int], None]
"""Takes the number of pairs done and their total."""

ScorePairs = Callable[[Sequence[int], Sequence[str], Progress], Tensor]
"""The policy's log-probabilities of rows under some combinations, (n, 6) in the order of `COMBINATIONS`, the others
NaN, without gradient."""

ScoreBatch = Callable[[Mapping[str, Any]], QuadLogps]
"""The policy's log-probabilities of a batch, without gradient."""


@dataclass
class ReferenceState:
    """A reference in force: what it says of the pairs, and its weights where they are kept; a live one has no table."""

    table: ReferenceTable | None
    weights: Weights | None = None


@dataclass(frozen=True)
class OpenTable:
    """What the reference of the open stage must know: rows and combinations."""

    stage: Stage
    pairs: Sequence[int]
    combinations: Sequence[str]


class Reference:
    """The reference of the open stage, and the initial model's log-probabilities.

    Args:
        model: Gives the policy, unwrapped.
        score_pairs: Log-probabilities of rows under the weights that are in the model when it is called.
        score_batch: The same of a batch.
        rows: Rows of all data sets together.
        drift_share: Share of the rows of later stages that the initial model is asked about, only to measure how
            far the policy has drifted from it; less than 1 rules out stages that keep the initial model as their
            reference.
    """

    def __init__(
        self,
        model: Callable[[], nn.Module],
        score_pairs: ScorePairs,
        score_batch: ScoreBatch,
        rows: int,
        drift_share: float = 1.0,
    ) -> None:
        self._model = model
        self._score_pairs = score_pairs
        self._score_batch = score_batch
        self._rows = rows
        self._drift_share = drift_share
        self._open: OpenTable | None = None
        self.policy_is_initial = True
        self.initial: ReferenceState | None = None
        self.current: ReferenceState | None = None

    @property
    def has_initial(self) -> bool:
        """Whether log-probabilities of the initial model are known, so that drift from it can be measured."""
        return self.initial is not None

    def forget(self) -> None:
        """A new training begins: the policy, as it is, is the initial model."""
        self._open = self.initial = self.current = None
        self.policy_is_initial = True

    def mark_policy_moved(self) -> None:
        """Hears that the policy is no longer the initial model."""
        self.policy_is_initial = False

    def open(self, table: OpenTable, progress: Progress) -> None:
        """Puts the reference that the stage asks for in force and makes sure that it knows the stage's pairs.

        While the policy is still the initial model the table covers every row (or the share of the later stages' rows
        that was asked for): it serves this stage, later stages that ask for the initial model, and the drift from it.

        Raises:
            UserError: the stage needs a former reference whose weights are gone.
        """
        self._open = table
        stage = table.stage
        if self.policy_is_initial:
            self._open_initial(table, progress)
        elif stage.reference == "policy":
            self.current = self._at_policy(table, progress)
        else:
            self._open_former(table, progress)

    def reopen(self, table: OpenTable) -> None:
        """Goes on with a stage whose reference is already in force, after a resumption."""
        self._open = table

    def skip(self) -> None:
        """A stage opens whose loss needs no reference; the one in force stays what it is."""
        self._open = None

    def move(self, alpha: float, progress: Progress) -> None:
        """Moves the reference within the open stage: ref <- alpha * policy + (1 - alpha) * ref.

        Args:
            alpha: 1 is a hard move; less needs the reference's weights: a live reference, or `keep_reference_weights`.
            progress: Called as the stage's table is computed.

        Raises:
            UserError: `alpha` is out of range, or a soft move without kept weights.
        """
        table, current = self._open, self.current
        if table is None or current is None:
            raise UserError("cannot move the reference: the open stage's loss does not use one")
        if not 0 < alpha <= 1:
            raise UserError(f"cannot move the reference with alpha {alpha:g}: expected more than 0 and at most 1")
        if alpha == 1:
            self.current = self._at_policy(table, progress)
            return
        if current.weights is None:
            raise UserError(
                f"cannot move the reference of stage {table.stage.stage} softly (alpha {alpha:g}): its weights were "
                "not kept: open the stage with keep_reference_weights, or move with alpha 1"
            )
        device = next(iter(current.weights.values())).device
        blended = blend_weights(copy_weights(self._model(), device), current.weights, alpha)
        if table.stage.reference_mode == "live":
            self.current = ReferenceState(None, blended)
            return
        with weights_swapped(self._model(), blended):
            self.current = ReferenceState(self._table(table.pairs, table.combinations, progress), blended)

    def logps(self, batch: Mapping[str, Any], device: torch.device) -> QuadLogps:
        """The reference's log-probabilities of a batch, each (B,), nats."""
        current = self.current
        assert current is not None
        if current.table is not None:
            return current.table.lookup(batch[PAIR_KEY], device)
        assert current.weights is not None
        with weights_swapped(self._model(), current.weights):
            return self._score_batch(batch)

    def initial_logps(self, pairs: Tensor, device: torch.device) -> QuadLogps:
        """Those of the initial model, NaN for rows that it was never asked about; needs `has_initial`."""
        assert self.initial is not None
        assert self.initial.table is not None
        return self.initial.table.lookup(pairs, device)

    def knows(self, pairs: Sequence[int], combinations: Sequence[str]) -> bool:
        """Whether the current reference knows all these rows."""
        current = self.current
        if current is None:
            return False
        return current.table is None or not current.table.missing(pairs, combinations)

    def _keeps_weights(self, stage: Stage) -> bool:
        return stage.keep_reference_weights or stage.reference_mode == "live"

    def _copy(self, stage: Stage) -> Weights | None:
        if not self._keeps_weights(stage):
            return None
        model = self._model()
        live = stage.reference_mode == "live"
        return copy_weights(model, next(model.parameters()).device if live else "cpu")

    def _at_policy(self, table: OpenTable, progress: Progress) -> ReferenceState:
        if table.stage.reference_mode == "live":
            return ReferenceState(None, self._copy(table.stage))
        return ReferenceState(self._table(table.pairs, table.combinations, progress), self._copy(table.stage))

    def _open_initial(self, table: OpenTable, progress: Progress) -> None:
        if self.initial is None:
            self.initial = ReferenceState(ReferenceTable(self._rows))
        assert self.initial.table is not None
        missing = self.initial.table.missing(self._asked_of_initial(table.pairs), table.combinations)
        self.initial.table.fill(missing, self._score_pairs(missing, table.combinations, progress))
        if self.initial.weights is None:
            self.initial.weights = self._copy(table.stage)
        live = table.stage.reference_mode == "live"
        self.current = ReferenceState(None if live else self.initial.table, self.initial.weights)

    def _asked_of_initial(self, pairs: Sequence[int]) -> Sequence[int]:
        own = row_array(distinct_rows(pairs))
        is_later = np.ones(self._rows, dtype=bool)
        is_later[own] = False
        later = np.flatnonzero(is_later)
        # Spread evenly: every n-th row, n not rounded.
        count = round(len(later) * self._drift_share)
        some = later[np.arange(count) * len(later) // max(count, 1)]
        return row_numbers(np.concatenate((own, some)))

    def _open_former(self, table: OpenTable, progress: Progress) -> None:
        stage = table.stage
        former = self.initial if stage.reference == "initial" else self.current
        if former is None:
            raise UserError(
                f"stage {stage.stage} asks for the reference {stage.reference!r}, but no stage before it had one: "
                "begin with a stage whose loss needs a reference, or ask for 'policy'"
            )
        if self._keeps_weights(stage) and former.weights is None:
            raise UserError(
                f"stage {stage.stage} is to keep the weights of the reference {stage.reference!r}, which were not kept "
                "before: set keep_reference_weights from the first stage on"
            )
        if stage.reference_mode == "live":
            self.current = ReferenceState(None, former.weights)
            return
        known = former.table or ReferenceTable(self._rows)
        missing = known.missing(table.pairs, table.combinations)
        if missing:
            if former.weights is None:
                raise UserError(
                    f"stage {stage.stage} keeps a reference that does not know {len(missing)} of its pairs (the first "
                    f"is {missing[0]}): set keep_reference_weights in the stages before, or ask for 'policy'"
                )
            with weights_swapped(self._model(), former.weights):
                known.fill(missing, self._score_pairs(missing, table.combinations, progress))
        self.current = ReferenceState(known, former.weights)

    def _table(self, pairs: Sequence[int], combinations: Sequence[str], progress: Progress) -> ReferenceTable:
        table = ReferenceTable(self._rows)
        distinct = distinct_rows(pairs)
        table.fill(distinct, self._score_pairs(distinct, combinations, progress))
        return table
