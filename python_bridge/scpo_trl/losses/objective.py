"""What a stage trains on: one registered loss, or a weighted sum of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from scpo_trl.errors import UserError
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.output import LossOutput
from scpo_trl.losses.registry import LossFunction, get_loss, ordered


@dataclass(frozen=True)
class WeightedLoss:
    """A registered loss as a configuration names it.

    Attributes:
        name: Registered name.
        parameters: Values by parameter name; one left out takes its default.
        weight: Factor of the loss in a mixture.
    """

    name: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0


@dataclass(frozen=True)
class ObjectiveLoss:
    """A loss of an objective, ready to be computed.

    Attributes:
        name: Registered name.
        parameters: An instance of the loss's own dataclass.
        weight: Factor of the loss in the sum.
        needs_reference: Whether it compares with a reference.
        combinations: Combinations of text and image that it reads.
        function: The loss.
    """

    name: str
    parameters: Any
    weight: float
    needs_reference: bool
    combinations: tuple[str, ...]
    function: LossFunction[Any]


@dataclass(frozen=True)
class Objective:
    """A weighted sum of losses.

    Rewards and margins are those of the first loss that needs a reference, or of the first if none does. Terms keep
    their names where there is one loss and are named `loss/term` where there are several.

    Attributes:
        losses: The losses, in the order of the configuration.
    """

    losses: tuple[ObjectiveLoss, ...]

    @property
    def combinations(self) -> tuple[str, ...]:
        """Combinations that any of the losses reads, in the order of `COMBINATIONS`."""
        return ordered([name for loss in self.losses for name in loss.combinations])

    @property
    def needs_reference(self) -> bool:
        """Whether any of the losses compares with a reference."""
        return any(loss.needs_reference for loss in self.losses)

    def __call__(self, batch: LossInput) -> LossOutput:
        """The sum on a batch of B quadruples: losses, rewards, margins and terms, each (B,)."""
        outputs = [loss.function(batch, loss.parameters) for loss in self.losses]
        if len(outputs) == 1 and self.losses[0].weight == 1:
            return outputs[0]
        weighted = [loss.weight * output.losses for loss, output in zip(self.losses, outputs, strict=True)]
        leading = next((index for index, loss in enumerate(self.losses) if loss.needs_reference), 0)
        terms = {
            f"{loss.name}/{name}" if len(outputs) > 1 else name: value
            for loss, output in zip(self.losses, outputs, strict=True)
            for name, value in output.terms.items()
        }
        return outputs[leading]._replace(losses=torch.stack(weighted).sum(dim=0), terms=terms)


def build_objective(losses: Sequence[WeightedLoss] | WeightedLoss) -> Objective:
    """An objective with its parameters filled in.

    Args:
        losses: One loss, or several to be added up.

    Raises:
        UserError: no loss, a loss named twice or unknown, an unknown parameter, or a number out of its range.
    """
    given = [losses] if isinstance(losses, WeightedLoss) else list(losses)
    if not given:
        raise UserError("found no loss: expected at least one")
    names = [loss.name for loss in given]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"loss {name!r} is named {names.count(name)} times: expected once, with its weight")
    return Objective(tuple(_ready(loss) for loss in given))


def _ready(given: WeightedLoss) -> ObjectiveLoss:
    loss = get_loss(given.name)
    known = loss.parameter_names()
    for key, value in given.parameters.items():
        if key not in known:
            expected = f"one of {', '.join(known)}" if known else "none, this loss has no parameters"
            raise UserError(f"unknown parameter {key!r} of loss {given.name!r}: expected {expected}")
        if not _is_finite(value):
            raise UserError(f"parameter {key!r} of loss {given.name!r} is {value!r}: expected a finite number")
    if not _is_finite(given.weight) or given.weight < 0:
        raise UserError(f"weight of loss {given.name!r} is {given.weight!r}: expected a finite number, 0 or more")
    parameters = loss.parameters(**{key: float(value) for key, value in given.parameters.items()})
    return ObjectiveLoss(
        given.name,
        parameters,
        float(given.weight),
        loss.needs_reference,
        loss.combinations(parameters),
        loss.function,
    )


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
