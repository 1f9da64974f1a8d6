"""Parameters that a training leaves as they are."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from scpo_trl.errors import UserError


def freeze(model: nn.Module, prefixes: Sequence[str]) -> None:
    """Freezes the parameters whose names, without what adapters put before them, start with one of `prefixes`.

    Raises:
        UserError: a prefix matches no parameter.
    """
    names = [_own_name(name) for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            parts = sorted({".".join(name.split(".")[:2]) for name in names})
            raise UserError(
                f"frozen_prefixes: no parameter's name starts with {prefix!r}; the model's parameters start with "
                f"{', '.join(parts)}"
            )
    for name, parameter in model.named_parameters():
        if _own_name(name).startswith(tuple(prefixes)):
            parameter.requires_grad_(False)


def _own_name(name: str) -> str:
    return name.removeprefix("base_model.model.")
