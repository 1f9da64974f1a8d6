"""A model's folder as a closed set: what is loaded from it lies in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scpo_trl.errors import UserError

MOST_ENTRIES = 10_000
LARGEST_JSON = 64 * 1024**2
"""Bytes of a settings file or an index; tokenizers, which have no fields that name files, may be larger."""

ADAPTER_SETTINGS = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"

_INDEX = ".safetensors.index.json"
_WEIGHTS_FIELD = "transformers_weights"
_NAMES_A_FILE = ("_file", "_files")
"""How fields of settings end whose values libraries open as files."""

_NEVER_OPENED = "special_tokens_map_file"
"""Tokenizers keep where they were once loaded from."""


def check_model_folder(folder: Path, field: str) -> None:
    """Refuse a folder from which files outside of it would be read.

    Args:
        folder: Resolved; exists.
        field: Name of the request's field, for messages.

    Raises:
        UserError: A symbolic link that leads out, an index or a setting that names a file elsewhere, an adapter, whose
            base model lies elsewhere, or no weights as safetensors.
    """
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"{field}: {folder} has no .safetensors file, expected weights in that format only")
    if (folder / ADAPTER_SETTINGS).exists():
        raise UserError(
            f"{field}: {folder} holds an adapter ({ADAPTER_SETTINGS}), which names a base model elsewhere; expected a "
            "whole model: merge the adapter into it and save that"
        )
    _check_files(folder, field)


def check_adapter_folder(folder: Path, field: str) -> None:
    """Refuse the folder of an adapter from which files outside of it would be read, but for its base model's.

    Args:
        folder: Resolved; has an adapter's settings.
        field: Name of the request's field, for messages.

    Raises:
        UserError: As `check_model_folder`, and settings that have a module imported by its name.
    """
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise UserError(f"{field}: {folder} has no {ADAPTER_WEIGHTS}, expected the adapter's weights in that file only")
    settings = adapter_settings(folder, field)
    if settings.get("megatron_config") is not None:
        raise UserError(f"{field}: {folder}/{ADAPTER_SETTINGS}: found megatron_config, expected an adapter without it")
    _check_files(folder, field)


def check_saved(folder: Path, field: str) -> None:
    """As `check_model_folder`, for a folder that may hold an adapter, whose base is loaded already."""
    if (folder / ADAPTER_SETTINGS).exists():
        check_adapter_folder(folder, field)
    else:
        check_model_folder(folder, field)


def adapter_settings(folder: Path, field: str) -> dict[str, Any]:
    """What an adapter's folder says of it; raises `UserError` when that is no JSON object."""
    content = _read_json(folder / ADAPTER_SETTINGS, field)
    if not isinstance(content, dict):
        raise UserError(f"{field}: {folder}/{ADAPTER_SETTINGS} holds no object, expected the settings of an adapter")
    return content


def _check_files(folder: Path, field: str) -> None:
    for path in _entries(folder, field):
        if path.is_symlink() and not _stays(path, folder):
            raise UserError(f"{field}: {path} is a link that leads out of the folder; put the file itself there")
    for path in sorted(folder.glob("*.json")):
        if path.name == "tokenizer.json":
            continue
        content = _read_json(path, field)
        if path.name.endswith(_INDEX):
            _check_index(content, path, field)
        else:
            for name, value in _named_files(content):
                if name == _WEIGHTS_FIELD or _lies_elsewhere(value, folder):
                    _require_plain(value, f"{path}: {name}", folder, field)


def _entries(folder: Path, field: str) -> Iterator[Path]:
    found = (Path(parent) / name for parent, folders, files in os.walk(folder) for name in (*folders, *files))
    for count, path in enumerate(found):
        if count == MOST_ENTRIES:
            raise UserError(f"{field}: {folder} holds more than {MOST_ENTRIES} files, expected those of a saved model")
        yield path


def _stays(link: Path, folder: Path) -> bool:
    """A snapshot in the cache of the Hugging Face hub is made of links to the blobs beside it."""
    target = link.resolve()
    blobs = folder.parent.parent / "blobs"
    return target.is_relative_to(folder) or (folder.parent.name == "snapshots" and target.parent == blobs)


def _check_index(content: Any, path: Path, field: str) -> None:
    weights = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise UserError(f"{field}: {path} has no weight_map, expected the index of a saved model")
    for weight, file in weights.items():
        _require_plain(file, f"{path}: weight_map: {weight}", path.parent, field)
    missing = next((file for file in sorted(set(weights.values())) if not (path.parent / file).is_file()), None)
    if missing is not None:
        raise UserError(f"{field}: {path} names {missing}, which is not in the folder; copy the whole model")


def _named_files(content: Any) -> Iterator[tuple[str, Any]]:
    """Fields that name files, at any depth."""
    waiting = [("", content)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in value]
        elif name != _NEVER_OPENED and name.endswith((*_NAMES_A_FILE, _WEIGHTS_FIELD)) and value is not None:
            yield name, value


def _lies_elsewhere(file: Any, folder: Path) -> bool:
    """Whether there is such a file outside of the folder; a path of another machine does no harm."""
    if not isinstance(file, str) or "\0" in file:
        return True
    try:
        path = (folder / file).resolve()
        return path.exists() and not path.is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def _require_plain(file: Any, where: str, folder: Path, field: str) -> None:
    if not isinstance(file, str) or file in ("", ".", "..") or "/" in file or "\\" in file or "\0" in file:
        raise UserError(f"{field}: {where}: found {str(file)[:80]!r}, expected the name of a file in {folder}")


def _read_json(path: Path, field: str) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_JSON + 1)
        if len(content) > LARGEST_JSON:
            raise UserError(f"{field}: {path} has more than {LARGEST_JSON} bytes, expected the settings of a model")
        return json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{field}: {path} cannot be read ({type(error).__name__}: {error})") from error
