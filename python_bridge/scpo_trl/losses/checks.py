"""Range checks of loss parameters, each with the one line that a user needs."""

from __future__ import annotations

from scpo_trl.errors import UserError


def require_positive(loss: str, **values: float) -> None:
    """Raises UserError unless every value is greater than 0."""
    for name, value in values.items():
        if not value > 0:
            raise UserError(f"parameter {name!r} of loss {loss!r} is {value:g}: expected a number greater than 0")


def require_not_negative(loss: str, **values: float) -> None:
    """Raises UserError if a value is less than 0."""
    for name, value in values.items():
        if value < 0:
            raise UserError(f"parameter {name!r} of loss {loss!r} is {value:g}: expected 0 or more")


def require_switch(loss: str, **values: float) -> None:
    """Raises UserError unless every value is 0 or 1."""
    for name, value in values.items():
        if value not in (0.0, 1.0):
            raise UserError(f"parameter {name!r} of loss {loss!r} is {value:g}: expected 0 (off) or 1 (on)")
