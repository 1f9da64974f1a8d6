"""The JSON Schema of a directed training's settings, made of the dataclasses that `trl-scpo` reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from enum import Enum
from typing import Any, get_type_hints

from trl import ModelConfig

from scpo_trl.settings.decided import CLIENTS, FOLDERS, NARROWED, elsewhere
from scpo_trl.settings.types import type_schema
from scpo_trl.trainer.config import SCPOConfig

SOURCES: tuple[type[Any], ...] = (SCPOConfig, ModelConfig)
"""The dataclasses whose fields are settings; of a name in several, the first counts."""


def training_schema(sources: Sequence[type[Any]] = SOURCES) -> dict[str, Any]:
    """The schema of `training` in `run.yaml`.

    A setting that is told elsewhere is `{"not": {}}`, and its description says where. The format `path-folder`
    marks what names a folder; `x-clients` holds the values that a client of a service may give,
    `x-other-names` other names of values.

    Args:
        sources: Dataclasses of options.
    """
    properties: dict[str, Any] = {}
    for source in sources:
        hints = get_type_hints(source)
        for option in fields(source):
            if option.init and option.name not in properties:
                properties[option.name] = _option_schema(option, hints[option.name])
    for name, words in elsewhere().items():
        properties[name] = {"not": {}, "description": words}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "How the model is loaded and trained: the options of trl-scpo, under TRL's names.",
        "type": "object",
        "properties": dict(sorted(properties.items())),
    }


def _option_schema(option: Field[Any], annotation: Any) -> dict[str, Any]:
    schema: dict[str, Any] = dict(NARROWED.get(option.name) or type_schema(annotation))
    choices = option.metadata.get("choices")
    if choices is not None and option.name not in NARROWED:
        nothing = [None] if "null" in schema.get("type", ()) else []
        schema = {"enum": [*choices, *nothing]}
    if option.name in FOLDERS:
        schema["format"] = "path-folder"
    default = schema.pop("default", _default(option))
    if default is not None:
        schema["default"] = default
    if option.name in CLIENTS:
        schema["x-clients"] = list(CLIENTS[option.name])
    # What argparse prints of a doubled per cent sign.
    help_text = " ".join(str(option.metadata.get("help", "")).split()).replace("%%", "%")
    schema["description"] = schema.pop("description", help_text)
    return schema


def _default(option: Field[Any]) -> Any:
    value = option.default
    if value is MISSING:
        value = None if option.default_factory is MISSING else option.default_factory()
    return value.value if isinstance(value, Enum) else value
