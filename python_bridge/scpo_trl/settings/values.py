"""Whether a value out of JSON is one that a setting's schema takes, and in words what it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type[Any], ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
_WORDS: Mapping[str, str] = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
    "array": "a list",
    "object": "an object",
}


def takes(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a schema of `training_schema` takes a value."""
    if "anyOf" in schema:
        return any(takes(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return any(type(one) is type(value) and one == value for one in schema["enum"])
    kinds = _kinds(schema)
    if kinds and not any(_is(kind, value) for kind in kinds):
        return False
    if isinstance(value, list):
        return len(value) >= schema.get("minItems", 0) and all(takes(schema.get("items", {}), one) for one in value)
    if isinstance(value, dict):
        return all(takes(schema.get("additionalProperties", {}), one) for one in value.values())
    if isinstance(value, str):
        return len(value) >= schema.get("minLength", 0)
    if isinstance(value, int | float) and not isinstance(value, bool):
        above = schema.get("exclusiveMinimum")
        return schema.get("minimum", value) <= value <= schema.get("maximum", value) and (
            above is None or value > above
        )
    return True


def in_words(schema: Mapping[str, Any]) -> str:
    """What `takes` takes."""
    if "anyOf" in schema:
        return " or ".join(in_words(one) for one in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(json.dumps(one) for one in schema['enum'])}"
    limits = [
        words.format(schema[key])
        for key, words in (("minimum", "from {}"), ("exclusiveMinimum", "above {}"), ("maximum", "up to {}"))
        if key in schema
    ]
    inner = f" (of which each is {in_words(schema['items'])})" if schema.get("items") else ""
    return " ".join([" or ".join(_WORDS[kind] for kind in _kinds(schema)) + inner, *limits])


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _is(kind: str, value: Any) -> bool:
    # In Python a bool is an int.
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
