"""Settings of a directed training, out of the JSON object in which they cross from the director."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from trl import ModelConfig

from scpo_trl.errors import UserError
from scpo_trl.settings.check import names_of, require_settings
from scpo_trl.settings.schema import training_schema
from scpo_trl.settings.values import in_words, takes
from scpo_trl.trainer.config import SCPOConfig

OF_ADAPTERS: Mapping[str, str] = {
    "lora_r": "r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
    "lora_target_modules": "target_modules",
    "lora_target_parameters": "target_parameters",
    "lora_modules_to_save": "modules_to_save",
    "lora_task_type": "task_type",
    "use_rslora": "use_rslora",
    "use_dora": "use_dora",
}
"""Settings of an adapter, and what PEFT's configuration calls them."""

_OF_4BIT = ("bnb_4bit_quant_type", "use_bnb_nested_quant", "bnb_4bit_quant_storage")

LONGEST = 1024 * 1024
"""Characters of one object of settings."""


@dataclass(frozen=True)
class TrainingSettings:
    """The settings that were given; what was left out is not in here.

    Attributes:
        training: By name of a field of `SCPOConfig`.
        model: By name of a field of TRL's `ModelConfig`.
    """

    training: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)

    def model_config(self, at: str = "settings") -> ModelConfig:
        """The model's settings with their defaults.

        Args:
            at: What the settings are, in the message.

        Raises:
            UserError: two of them exclude each other.
        """
        try:
            return ModelConfig(**self.model)
        except (ValueError, TypeError) as error:
            raise UserError(f"{at}: {' '.join(str(error).split())}") from error


def parse_training(text: str, at: str = "settings") -> TrainingSettings:
    """Reads settings.

    Args:
        text: One JSON object; empty: no settings.
        at: What the settings are, in messages.

    Raises:
        UserError: not a JSON object, an unknown name, a setting that is told elsewhere, or a value that it does not
            take.
    """
    settings = _object(text, at)
    require_settings(settings, at)
    for name, value in settings.items():
        schema = _properties()[name]
        if not takes(schema, value):
            raise UserError(f"{at}.{name}: found {_shown(value)}, expected {in_words(schema)}")
    _require_effect(settings, at)
    # A name that moved from one of TRL's classes to the other is the training's.
    training = names_of(SCPOConfig)
    return TrainingSettings(
        training={name: value for name, value in settings.items() if name in training},
        model={name: value for name, value in settings.items() if name not in training},
    )


def _require_effect(settings: Mapping[str, Any], at: str) -> None:
    for name in settings:
        needed = "use_peft" if name in OF_ADAPTERS else "load_in_4bit" if name in _OF_4BIT else None
        if needed is not None and not settings.get(needed, False):
            raise UserError(f"{at}.{name}: it has no effect without {needed}: set that, or leave {name} out")


@cache
def _properties() -> Mapping[str, Mapping[str, Any]]:
    return training_schema()["properties"]


def _object(text: str, at: str) -> dict[str, Any]:
    if not text:
        return {}
    if len(text) > LONGEST:
        raise UserError(f"{at}: found {len(text)} characters, expected at most {LONGEST}")
    try:
        content = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{at}: found no JSON ({error}), expected one object") from error
    if not isinstance(content, dict):
        raise UserError(f"{at}: found {_shown(content)}, expected one object of settings by name")
    return content


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is set twice")
    return content


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:80] + "..."
