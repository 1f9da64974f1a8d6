"""Semantic Curriculum Preference Optimization for TRL."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scpo_trl.errors import UserError
    from scpo_trl.registration import register, registered, unregister
    from scpo_trl.trainer.config import SCPOConfig
    from scpo_trl.trainer.director.address import DirectorAddress
    from scpo_trl.trainer.scpo_trainer import SCPOTrainer

__all__ = ["DirectorAddress", "SCPOConfig", "SCPOTrainer", "UserError", "register", "registered", "unregister"]

# Importing TRL takes seconds, so the classes that need it load on first use.
_HOMES = {
    "DirectorAddress": "scpo_trl.trainer.director.address",
    "SCPOConfig": "scpo_trl.trainer.config",
    "SCPOTrainer": "scpo_trl.trainer.scpo_trainer",
    "UserError": "scpo_trl.errors",
    "register": "scpo_trl.registration",
    "registered": "scpo_trl.registration",
    "unregister": "scpo_trl.registration",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        if name != "UserError":
            import_module("scpo_trl.trl_range").require_supported_trl()
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
