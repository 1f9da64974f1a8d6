"""Parameters that a training leaves as they are."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from scpo_trl.errors import UserError


def freeze(model: nn.Module, prefixes: Sequence[str]) -> None:
    """Freezes the parameters whose names start with one of `prefixes`.

    Raises:
        UserError: a prefix matches no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            parts = sorted({".".join(name.split(".")[:2]) for name in names})
            raise UserError(
                f"frozen_prefixes: no parameter's name starts with {prefix!r}; the model's parameters start with "
                f"{', '.join(parts)}"
            )
    for name, parameter in model.named_parameters():
        if name.startswith(tuple(prefixes)):
            parameter.requires_grad_(False)
