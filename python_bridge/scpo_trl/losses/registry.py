"""Losses by name.

To add one: write a function of (batch, parameters) with a frozen dataclass of float parameters, decorate it with
`register_loss`, import its module in `scpo_trl.losses`, and test it: three files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from scpo_trl.errors import UserError
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.output import LossOutput
from scpo_trl.losses.quad import COMBINATIONS

P = TypeVar("P")
LossFunction = Callable[[LossInput, P], LossOutput]


@dataclass(frozen=True)
class RegisteredLoss(Generic[P]):
    """A loss function with what has to be known of it before it is called.

    Attributes:
        name: What plans and configurations call it.
        function: The loss.
        parameters: The dataclass of its parameters.
        needs_reference: Whether it compares with a reference.
        combinations: Which combinations it reads under given parameters, in the order of `COMBINATIONS`.
    """

    name: str
    function: LossFunction[P]
    parameters: type[P]
    needs_reference: bool
    combinations: Callable[[P], tuple[str, ...]]

    def parameter_names(self) -> list[str]:
        """Names of the parameters, in the order of their declaration."""
        return [field.name for field in fields(self.parameters)]  # type: ignore[arg-type]


_LOSSES: dict[str, RegisteredLoss[Any]] = {}


def register_loss(
    name: str,
    *,
    parameters: type[P],
    needs_reference: bool = True,
    combinations: Sequence[str] | Callable[[P], Sequence[str]],
) -> Callable[[LossFunction[P]], LossFunction[P]]:
    """Registers the decorated function as a loss.

    Args:
        name: What plans and configurations call it.
        parameters: A frozen dataclass whose fields are floats with defaults.
        needs_reference: False if the loss ignores the reference, so that none need be computed.
        combinations: Combinations of text and image that the loss reads, of `COMBINATIONS`; or a function that tells
            them from the parameters, where a weight of 0 spares some.

    Raises:
        ValueError: the name is taken, or a combination is unknown.
    """
    if not callable(combinations):
        ordered(combinations)

    def combinations_under(values: P) -> tuple[str, ...]:
        return ordered(combinations(values) if callable(combinations) else combinations)

    def register(function: LossFunction[P]) -> LossFunction[P]:
        if name in _LOSSES:
            raise ValueError(f"a loss named {name!r} is already registered by {_LOSSES[name].function.__module__}")
        _LOSSES[name] = RegisteredLoss(name, function, parameters, needs_reference, combinations_under)
        return function

    return register


def ordered(combinations: Sequence[str]) -> tuple[str, ...]:
    """The same combinations, each once, in the order of `COMBINATIONS`.

    Raises:
        ValueError: one is unknown.
    """
    for name in combinations:
        if name not in COMBINATIONS:
            raise ValueError(f"unknown combination {name!r}: expected some of {', '.join(COMBINATIONS)}")
    return tuple(name for name in COMBINATIONS if name in combinations)


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
