"""Losses by name.

To add one: write a function of (policy, reference, parameters) with a frozen dataclass of float parameters, decorate it
with `register_loss`, and import its module in `scpo_trl.losses`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from scpo_trl.errors import UserError
from scpo_trl.losses.output import LossOutput
from scpo_trl.losses.quad import QuadLogps

P = TypeVar("P")
LossFunction = Callable[[QuadLogps, QuadLogps, P], LossOutput]


@dataclass(frozen=True)
class RegisteredLoss(Generic[P]):
    """A loss function with its name, the dataclass of its parameters, and whether it compares with a reference."""

    name: str
    function: LossFunction[P]
    parameters: type[P]
    needs_reference: bool

    def parameter_names(self) -> list[str]:
        """Names of the parameters, in the order of their declaration."""
        return [field.name for field in fields(self.parameters)]  # type: ignore[arg-type]


@dataclass(frozen=True)
class Objective:
    """A registered loss with its parameters: what a stage trains on."""

    name: str
    parameters: Any
    needs_reference: bool
    function: LossFunction[Any]

    def __call__(self, policy: QuadLogps, reference: QuadLogps) -> LossOutput:
        """Applies the loss to log-probabilities (B,) of the policy and of the reference."""
        return self.function(policy, reference, self.parameters)


_LOSSES: dict[str, RegisteredLoss[Any]] = {}


def register_loss(
    name: str, *, parameters: type[P], needs_reference: bool = True
) -> Callable[[LossFunction[P]], LossFunction[P]]:
    """Registers the decorated function as a loss.

    Args:
        name: What plans and configurations call it.
        parameters: A frozen dataclass whose fields are floats with defaults.
        needs_reference: False if the loss ignores the reference, so that no table need be computed.

    Raises:
        ValueError: the name is taken.
    """

    def register(function: LossFunction[P]) -> LossFunction[P]:
        if name in _LOSSES:
            raise ValueError(f"a loss named {name!r} is already registered by {_LOSSES[name].function.__module__}")
        _LOSSES[name] = RegisteredLoss(name, function, parameters, needs_reference)
        return function

    return register


def loss_names() -> list[str]:
    """Names of the registered losses, sorted."""
    return sorted(_LOSSES)


def get_loss(name: str) -> RegisteredLoss[Any]:
    """The loss registered under `name`.

    Raises:
        UserError: no loss has that name.
    """
    try:
        return _LOSSES[name]
    except KeyError:
        raise UserError(f"unknown loss {name!r}: expected one of {', '.join(loss_names())}") from None


def build_objective(name: str, parameters: Mapping[str, float] | None = None) -> Objective:
    """A loss with its parameters filled in.

    Args:
        name: Registered name of the loss.
        parameters: Values by parameter name; one left out takes its default.

    Raises:
        UserError: unknown loss, unknown parameter, or a value out of its range.
    """
    loss = get_loss(name)
    given = dict(parameters or {})
    known = loss.parameter_names()
    for key, value in given.items():
        if key not in known:
            expected = f"one of {', '.join(known)}" if known else "none, this loss has no parameters"
            raise UserError(f"unknown parameter {key!r} of loss {name!r}: expected {expected}")
        if isinstance(value, str) or not math.isfinite(value):
            raise UserError(f"parameter {key!r} of loss {name!r} is {value!r}: expected a finite number")
    values = {key: float(value) for key, value in given.items()}
    return Objective(name, loss.parameters(**values), loss.needs_reference, loss.function)
