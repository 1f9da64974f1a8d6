"""What one optimiser step did, gathered over its micro-batches and over all processes.

Shape legend: N pairs of the step.
"""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import Tensor

from scpo_trl.losses import QuadLogps
from scpo_trl.trainer.director.director import HeldOutReport, PairReport, QuadMeans, Stage, StepReport
from scpo_trl.trainer.director.records import PairRecord
from scpo_trl.trainer.evaluation.scored_pairs import MicroBatch, ScoredPairs

_MARGINS = ("textual", "visual", "textual_mirror", "visual_mirror")


@dataclass
class StepInProgress:
    """The micro-batches of the optimiser step under way, and what the trainer learns of it meanwhile."""

    micro_batches: list[MicroBatch] = field(default_factory=list)
    grad_norm: float = math.nan
    learning_rate: float = math.nan
    started: float = 0.0

    def gather(self, accelerator: Accelerator) -> None:
        """Takes in the micro-batches of all processes, in the order in which one process would have them."""
        if accelerator.num_processes == 1:
            return
        gathered: list[list[MicroBatch]] = gather_object([self.micro_batches])
        self.micro_batches = [part for parts in zip(*gathered, strict=True) for part in parts]


class CompletedStep:
    """A finished optimiser step, as a report for the director and as records for people.

    Args:
        step: Optimiser steps since training started.
        stage: The open stage.
        step_in_stage: Optimiser steps since it opened.
        gathered: The step's micro-batches.
        seconds: Wall-clock time without waiting for the director.
    """

    def __init__(self, step: int, stage: Stage, step_in_stage: int, gathered: StepInProgress, seconds: float) -> None:
        self._step = step
        self._stage = stage
        self._step_in_stage = step_in_stage
        self._gathered = gathered
        self._seconds = seconds
        self.scored = ScoredPairs(gathered.micro_batches)

    def report(self, held_out: HeldOutReport | None = None) -> StepReport:
        """The step's means, and the margins of its pairs.

        Args:
            held_out: The evaluation that was asked for with this step.
        """
        scored = self.scored
        return StepReport(
            step=self._step,
            stage=self._stage.stage,
            step_in_stage=self._step_in_stage,
            loss=scored.losses.mean().item(),
            terms=scored.mean_terms(),
            accuracies=scored.accuracies(),
            rewards=QuadMeans(*(values.mean().item() for values in scored.rewards[:4])),
            kl_reference=scored.kl_reference(),
            kl_initial=scored.kl_initial(),
            learning_rate=self._gathered.learning_rate,
            grad_norm=self._gathered.grad_norm,
            seconds=self._seconds,
            tokens=scored.tokens,
            memory_bytes=peak_memory_bytes(),
            pairs=[
                PairReport(pair, margins)
                for pair, margins in zip(scored.pairs, _named_rows(scored.margins, len(scored.pairs)), strict=True)
            ],
            held_out=held_out,
        )

    def records(self) -> list[PairRecord]:
        """One record a pair, in the order of training."""
        scored = self.scored
        zeros = QuadLogps(*(torch.zeros_like(values) for values in scored.policy))
        columns = zip(
            scored.pairs,
            _rows(scored.policy[:4]),
            _rows((scored.reference or zeros)[:4]),
            _rows(scored.rewards[:4]),
            _rows(self._margin_columns()),
            strict=True,
        )
        return [
            PairRecord(
                self._step,
                self._stage.stage,
                pair,
                QuadMeans(*policy),
                QuadMeans(*reference),
                QuadMeans(*rewards),
                *margins,
            )
            for pair, policy, reference, rewards, margins in columns
        ]

    def _margin_columns(self) -> list[Tensor]:
        unknown = torch.full_like(self.scored.losses, torch.nan)
        return [self.scored.margins.get(name, unknown) for name in _MARGINS]


def held_out_report(scored: ScoredPairs, seconds: float) -> HeldOutReport:
    """An evaluation of held-out pairs as a report for the director.

    Args:
        scored: The pairs under the policy.
        seconds: Wall-clock time that scoring them took.
    """
    return HeldOutReport(
        pairs=len(scored.pairs),
        loss=scored.losses.mean().item(),
        terms=scored.mean_terms(),
        accuracies=scored.accuracies(),
        margins=scored.mean_margins(),
        kl_reference=scored.kl_reference(),
        seconds=seconds,
    )


def peak_memory_bytes() -> int:
    """Most memory used so far: of the accelerator if there is one, otherwise of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _named_rows(columns: Mapping[str, Tensor], rows: int) -> list[dict[str, float]]:
    """The columns' values by name, row by row, those left out that were not computed."""
    values = {name: column.tolist() for name, column in columns.items()}
    return [
        {name: column[row] for name, column in values.items() if not math.isnan(column[row])} for row in range(rows)
    ]


def _rows(columns: Sequence[Tensor]) -> list[list[float]]:
    return torch.stack(list(columns), dim=1).tolist()
