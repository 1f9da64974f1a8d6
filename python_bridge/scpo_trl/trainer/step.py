"""What one optimiser step did, gathered over its micro-batches.

Shape legend: B pairs of a micro-batch, N pairs of the step.
"""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from scpo_trl.losses import LossOutput, QuadLogps
from scpo_trl.trainer.director import PairReport, QuadMeans, Stage, StepReport
from scpo_trl.trainer.records import PairRecord


@dataclass(frozen=True)
class MicroBatch:
    """One forward pass with its loss; tensors (B,), detached.

    Attributes:
        pairs: Rows of the pairs.
        output: What the loss returned.
        policy: Log-probabilities under the policy.
        reference: Under the reference, or None when the loss needs none.
        initial: Under the initial model, or None when they are not known.
        tokens: Tokens of the forward pass without padding.
    """

    pairs: Tensor
    output: LossOutput
    policy: QuadLogps
    reference: QuadLogps | None
    initial: QuadLogps | None
    tokens: int


@dataclass
class StepInProgress:
    """The micro-batches of the optimiser step under way, and what the trainer learns of it meanwhile."""

    micro_batches: list[MicroBatch] = field(default_factory=list)
    grad_norm: float = math.nan
    learning_rate: float = math.nan
    started: float = 0.0
    waited: float = 0.0


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
        parts = gathered.micro_batches
        self._pairs: list[int] = [pair for part in parts for pair in part.pairs.tolist()]
        self._policy = _joined([part.policy for part in parts])
        self._reference = _joined_if_known([part.reference for part in parts])
        self._initial = _joined_if_known([part.initial for part in parts])
        self._rewards = _joined([part.output.rewards for part in parts])
        self._margins = {name: _cat([part.output.margins[name] for part in parts]) for name in parts[0].output.margins}
        self._terms = {name: _cat([part.output.terms[name] for part in parts]) for name in parts[0].output.terms}
        self._losses = _cat([part.output.losses for part in parts])

    def report(self) -> StepReport:
        """The step's means, and the margins of its pairs."""
        return StepReport(
            step=self._step,
            stage=self._stage.stage,
            step_in_stage=self._step_in_stage,
            loss=_mean(self._losses),
            terms={name: _mean(values) for name, values in self._terms.items()},
            accuracies={name: _mean((values > 0).double()) for name, values in self._margins.items()},
            rewards=QuadMeans(*(_mean(values) for values in self._rewards)),
            kl_reference=_k2(self._policy, self._reference),
            kl_initial=_k2(self._policy, self._initial),
            learning_rate=self._gathered.learning_rate,
            grad_norm=self._gathered.grad_norm,
            seconds=self._seconds,
            tokens=sum(part.tokens for part in self._gathered.micro_batches),
            memory_bytes=peak_memory_bytes(),
            pairs=[
                PairReport(pair, *margins)
                for pair, margins in zip(self._pairs, _rows(self._margin_columns()), strict=True)
            ],
        )

    def records(self) -> list[PairRecord]:
        """One record a pair, in the order of training."""
        zeros = QuadLogps(*(torch.zeros_like(values) for values in self._policy))
        columns = zip(
            self._pairs,
            _rows(self._policy),
            _rows(self._reference or zeros),
            _rows(self._rewards),
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
        return [self._margins[name] for name in ("textual", "visual", "textual_mirror", "visual_mirror")]


def peak_memory_bytes() -> int:
    """Most memory used so far: of the accelerator if there is one, otherwise of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _cat(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.detach().cpu().double() for part in parts])


def _joined(parts: Sequence[QuadLogps]) -> QuadLogps:
    return QuadLogps(*(_cat(values) for values in zip(*parts, strict=True)))


def _joined_if_known(parts: Sequence[QuadLogps | None]) -> QuadLogps | None:
    known = [part for part in parts if part is not None]
    return _joined(known) if len(known) == len(parts) else None


def _mean(values: Tensor) -> float:
    return values.mean().item()


def _rows(columns: Sequence[Tensor]) -> list[list[float]]:
    return torch.stack(list(columns), dim=1).tolist()


def _k2(policy: QuadLogps, other: QuadLogps | None) -> float:
    """Mean of (log pi - log other)^2 / 2 over the matched texts, nats a sequence; NaN without the other."""
    if other is None:
        return math.nan
    difference = policy.minus(other)
    return _mean(torch.cat((difference.ww, difference.ll)).square() / 2)
