"""The JSON Schema of a type, as the dataclasses of options use them."""

from __future__ import annotations

import types
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

_SIMPLE: dict[Any, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def type_schema(annotation: Any) -> dict[str, Any]:
    """What values a type has; `{}`, which takes any, for a type that JSON does not know.

    Args:
        annotation: A resolved annotation: simple types, enumerations, literals, lists, dictionaries and unions of them.
    """
    if annotation in _SIMPLE:
        return {"type": _SIMPLE[annotation]}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"enum": [member.value for member in annotation]}
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"enum": list(parts)}
    if annotation is dict or origin is dict:
        inner = type_schema(parts[1]) if parts else {}
        return {"type": "object", **({"additionalProperties": inner} if inner else {})}
    if annotation is list or origin is list:
        inner = type_schema(parts[0]) if parts else {}
        return {"type": "array", **({"items": inner} if inner else {})}
    if origin in (Union, types.UnionType):
        return _union(parts)
    return {}


def _union(parts: tuple[Any, ...]) -> dict[str, Any]:
    if any(isinstance(part, type) and issubclass(part, Enum) for part in parts):
        # `SchedulerType | str` is a member of the enumeration or its value.
        parts = tuple(part for part in parts if part is not str)
    # None is said last, whichever way it is written.
    schemas = [type_schema(part) for part in sorted(parts, key=lambda part: part is type(None))]
    if {} in schemas:
        return {}
    if any(set(schema) == {"enum"} for schema in schemas):
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    merged: dict[str, Any] = {"type": [schema["type"] for schema in schemas]}
    for schema in schemas:
        merged.update({key: value for key, value in schema.items() if key != "type"})
    return merged
