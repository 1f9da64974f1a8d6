"""Evaluating while and after training: which rows, and the metrics over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.losses import LossOutput, QuadLogps
from scpo_trl.trainer.evaluation.scored_pairs import MicroBatch, ScoredPairs

UNNAMED = "eval_dataset"
"""Name of the data set where there is one without a name."""


def named_datasets(eval_dataset: Dataset | Mapping[str, Dataset] | None) -> dict[str, Dataset]:
    """The evaluation's data sets by name.

    Raises:
        UserError: one is not a `datasets.Dataset`.
    """
    if eval_dataset is None:
        return {}
    named = dict(eval_dataset) if isinstance(eval_dataset, Mapping) else {UNNAMED: eval_dataset}
    for name, dataset in named.items():
        if not isinstance(dataset, Dataset):
            raise UserError(f"eval_dataset {name!r} is a {type(dataset).__name__}: expected a datasets.Dataset")
    return named


class EvaluationRows:
    """Finds the rows that an evaluation asks for.

    Args:
        ranges: Numbers of the rows by the data set's name.
        known: What the trainer holds as `eval_dataset`.
        asked: A name, one of the known data sets, or None for the only one.
    """

    def __init__(self, ranges: Mapping[str, range], known: Any, asked: str | Dataset | None) -> None:
        self.rows: Sequence[int] = ranges[self._name(ranges, known, asked)]

    @staticmethod
    def _name(ranges: Mapping[str, range], known: Any, asked: str | Dataset | None) -> str:
        named = known if isinstance(known, Mapping) else {UNNAMED: known}
        if asked is None and len(ranges) == 1:
            return next(iter(ranges))
        if isinstance(asked, str) and asked in ranges:
            return asked
        for name, dataset in named.items():
            if asked is not None and dataset is asked:
                return name
        if not ranges:
            raise UserError("there is nothing to evaluate on: give eval_dataset to SCPOTrainer when it is made")
        raise UserError(
            "this data set was not among those that SCPOTrainer was made with, whose rows the reference knows: give it "
            f"as eval_dataset then; known are {', '.join(ranges)}"
        )


class ScoredEvaluation:
    """Collects the forward passes of an evaluation."""

    def __init__(self) -> None:
        self._parts: list[MicroBatch] = []

    def clear(self) -> None:
        """A new evaluation begins."""
        self._parts = []

    def add(self, part: MicroBatch) -> None:
        """Adds a forward pass."""
        self._parts.append(part)

    def scored(self, accelerator: Accelerator) -> ScoredPairs | None:
        """The pairs of all processes, each once: the last batch is filled up with repeated pairs; None without any."""
        parts = self._parts
        if accelerator.num_processes > 1:
            parts = [part for gathered in gather_object([parts]) for part in gathered]
        seen: set[int] = set()
        own: list[MicroBatch] = []
        for part in parts:
            pairs = part.pairs.tolist()
            keep = [index for index, pair in enumerate(pairs) if pair not in seen and pair not in pairs[:index]]
            seen.update(pairs)
            if keep:
                own.append(_some(part, keep))
        return ScoredPairs(own) if own else None

    def metrics(self, accelerator: Accelerator) -> dict[str, float]:
        """Means over the pairs of all processes."""
        scored = self.scored(accelerator)
        if scored is None:
            return {}
        # Over pairs: the stock figure counts sequences, and cuts off some of them in the last batch.
        return {"loss": scored.losses.mean().item(), **scored.metrics()}


def _some(part: MicroBatch, keep: list[int]) -> MicroBatch:
    chosen = torch.tensor(keep)

    def some(values: QuadLogps | None) -> QuadLogps | None:
        return None if values is None else QuadLogps(*(value[chosen] for value in values))

    output = part.output
    rewards, policy = some(output.rewards), some(part.policy)
    assert rewards is not None
    assert policy is not None
    return MicroBatch(
        pairs=part.pairs[chosen],
        output=LossOutput(
            output.losses[chosen],
            rewards,
            {name: values[chosen] for name, values in output.margins.items()},
            {name: values[chosen] for name, values in output.terms.items()},
        ),
        policy=policy,
        reference=some(part.reference),
        initial=some(part.initial),
        tokens=part.tokens,
    )
