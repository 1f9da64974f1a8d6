"""The reference as a table of log-probabilities, so that no second model stays in memory.

When a stage opens, the reference is the policy, a former reference or the initial model; its four log-probabilities of
every pair that the stage may draw are computed once, before the policy moves on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scpo_trl.errors import UserError
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.trainer.director import Stage

Progress = Callable[[int, int], None]
"""Takes the number of pairs done and their total."""

ScorePairs = Callable[[Sequence[int], Progress], Tensor]
"""The policy's four log-probabilities of the given rows, (n, 4) in the order of `QuadLogps`, without gradient."""

Weights = Mapping[str, Tensor]
"""Copies of the trainable parameters on the CPU, by name."""


class ReferenceTable:
    """Four log-probabilities a pair, for some of the rows of a data set.

    Args:
        rows: Rows of the data set.
    """

    def __init__(self, rows: int) -> None:
        self._values = torch.zeros(rows, 4, dtype=torch.float32)
        self._known = torch.zeros(rows, dtype=torch.bool)

    def fill(self, pairs: Sequence[int], values: Tensor) -> None:
        """Stores `values` (n, 4), nats, for the n rows `pairs`."""
        self._values[list(pairs)] = values.to(self._values)
        self._known[list(pairs)] = True

    def missing(self, pairs: Iterable[int]) -> list[int]:
        """Those of `pairs` that the table lacks, each once, in order."""
        return [pair for pair in dict.fromkeys(pairs) if not self._known[pair]]

    def lookup(self, pairs: Tensor, device: torch.device) -> QuadLogps:
        """Log-probabilities of the rows `pairs` (B,), each (B,), nats."""
        indices = pairs.cpu()
        assert bool(self._known[indices].all()), "the table lacks a pair that is being trained on"
        return QuadLogps(*self._values[indices].to(device).unbind(dim=1))


@dataclass
class ReferenceState:
    """A reference in force: what it says of the pairs, and its weights where they are kept."""

    table: ReferenceTable
    weights: Weights | None = None


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the trainable parameters on the CPU; the frozen ones are the same in policy and reference."""
    return {
        name: parameter.detach().to("cpu", copy=True)
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def blend_weights(policy: Weights, reference: Weights, alpha: float) -> dict[str, Tensor]:
    """alpha * policy + (1 - alpha) * reference, entry by entry.

    Source: the soft update of TR-DPO, arXiv 2404.09656, Eq. (5).
    """
    return {name: alpha * value + (1.0 - alpha) * reference[name] for name, value in policy.items()}


@contextmanager
def weights_swapped(model: nn.Module, weights: Weights) -> Iterator[None]:
    """Runs with other weights in the model, then restores its own to the bit."""
    parameters = dict(model.named_parameters())
    own = {name: parameters[name].detach().clone() for name in weights}
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(value)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in own.items():
                parameters[name].copy_(value)


class Reference:
    """What the policy is compared with, as stages open and as it moves within them.

    Args:
        model: The policy, unwrapped.
        score_pairs: Log-probabilities of rows under the weights that are in the model when it is called.
        rows: Rows of the data set.
    """

    def __init__(self, model: nn.Module, score_pairs: ScorePairs, rows: int) -> None:
        self._model = model
        self._score_pairs = score_pairs
        self._rows = rows
        self._policy_is_initial = True
        self._initial: ReferenceState | None = None
        self._current: ReferenceState | None = None
        self._stage: Stage | None = None

    @property
    def has_initial(self) -> bool:
        """Whether log-probabilities of the initial model are known, so that drift from it can be measured."""
        return self._initial is not None

    def mark_policy_moved(self) -> None:
        """Hears that the policy is no longer the initial model."""
        self._policy_is_initial = False

    def open(self, stage: Stage, progress: Progress) -> None:
        """Puts the reference that `stage` asks for in force and makes sure that it knows the stage's pairs.

        While the policy is still the initial model the table covers the whole data set: it serves this stage, later
        stages that ask for the initial model, and the drift from it.

        Raises:
            UserError: the stage needs a former reference whose weights are gone.
        """
        self._stage = stage
        if self._policy_is_initial:
            self._open_initial(stage, progress)
        elif stage.reference == "policy":
            self._current = ReferenceState(
                self._table(stage.pairs, progress), copy_weights(self._model) if stage.keep_reference_weights else None
            )
        else:
            self._open_former(stage, progress)

    def skip(self) -> None:
        """A stage opens whose loss needs no reference; the one in force stays what it is."""
        self._stage = None

    def move(self, alpha: float, progress: Progress) -> None:
        """Moves the reference within the open stage: ref <- alpha * policy + (1 - alpha) * ref.

        Args:
            alpha: 1 is a hard move; less needs `keep_reference_weights`.
            progress: Hears how the stage's table is computed anew.

        Raises:
            UserError: `alpha` is out of range, or a soft move without kept weights.
        """
        stage, current = self._stage, self._current
        if stage is None or current is None:
            raise UserError("cannot move the reference: the open stage's loss does not use one")
        if not 0 < alpha <= 1:
            raise UserError(f"cannot move the reference with alpha {alpha:g}: expected more than 0 and at most 1")
        if alpha == 1:
            weights = copy_weights(self._model) if stage.keep_reference_weights else None
            self._current = ReferenceState(self._table(stage.pairs, progress), weights)
            return
        if current.weights is None:
            raise UserError(
                f"cannot move the reference of stage {stage.stage} softly (alpha {alpha:g}): its weights were not "
                "kept: open the stage with keep_reference_weights, or move with alpha 1"
            )
        blended = blend_weights(copy_weights(self._model), current.weights, alpha)
        self._current = ReferenceState(self._table_under(blended, stage.pairs, progress), blended)

    def lookup(self, pairs: Tensor, device: torch.device) -> QuadLogps:
        """The reference's log-probabilities of the rows `pairs` (B,), each (B,), nats."""
        assert self._current is not None
        return self._current.table.lookup(pairs, device)

    def lookup_initial(self, pairs: Tensor, device: torch.device) -> QuadLogps:
        """The same under the initial model; needs `has_initial`."""
        assert self._initial is not None
        return self._initial.table.lookup(pairs, device)

    def _open_initial(self, stage: Stage, progress: Progress) -> None:
        if self._initial is None:
            self._initial = ReferenceState(self._table(range(self._rows), progress))
        if stage.keep_reference_weights and self._initial.weights is None:
            self._initial.weights = copy_weights(self._model)
        self._current = ReferenceState(self._initial.table, self._initial.weights)

    def _open_former(self, stage: Stage, progress: Progress) -> None:
        former = self._initial if stage.reference == "initial" else self._current
        if former is None:
            raise UserError(
                f"stage {stage.stage} asks for the reference {stage.reference!r}, but no stage before it had one: "
                "begin with a stage whose loss needs a reference, or ask for 'policy'"
            )
        if stage.keep_reference_weights and former.weights is None:
            raise UserError(
                f"stage {stage.stage} is to keep the weights of the reference {stage.reference!r}, which were not kept "
                "before: set keep_reference_weights from the first stage on"
            )
        missing = former.table.missing(stage.pairs)
        if missing:
            if former.weights is None:
                raise UserError(
                    f"stage {stage.stage} keeps a reference that does not know {len(missing)} of its pairs (the first "
                    f"is {missing[0]}): set keep_reference_weights in the stages before, or ask for 'policy'"
                )
            with weights_swapped(self._model, former.weights):
                former.table.fill(missing, self._score_pairs(missing, progress))
        self._current = ReferenceState(former.table, former.weights)

    def _table(self, pairs: Sequence[int], progress: Progress) -> ReferenceTable:
        table = ReferenceTable(self._rows)
        distinct = list(dict.fromkeys(pairs))
        table.fill(distinct, self._score_pairs(distinct, progress))
        return table

    def _table_under(self, weights: Weights, pairs: Sequence[int], progress: Progress) -> ReferenceTable:
        with weights_swapped(self._model, weights):
            return self._table(pairs, progress)
