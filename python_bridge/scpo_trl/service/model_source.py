"""Where a model comes from: a folder, the folder of an adapter with its base, or a name on the Hugging Face hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scpo_trl.errors import UserError
from scpo_trl.service.model_folder import ADAPTER_SETTINGS, adapter_settings, check_adapter_folder, check_model_folder
from scpo_trl.service.roots import Roots

_HUB_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
_FILES = ("*.json", "*.safetensors", "*.jinja", "*.txt", "*.model")
_CODE = ("*.py",)
_PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


@dataclass(frozen=True)
class ModelSource:
    """A model's files on this machine.

    Attributes:
        name: What the request called it: a resolved folder, or a name on the hub.
        folder: The folder of the whole model.
        base: What names that model in an adapter: its folder, or a name on the hub.
        revision: Of a base on the hub; None: that of a folder.
        adapter: The folder of its adapter, if it has one.
        processor: The folder of its processor.
    """

    name: str
    folder: Path
    base: str
    revision: str | None
    adapter: Path | None
    processor: Path


class ModelSources:
    """Finds models, within what clients may reach.

    Args:
        roots: Folders that models must lie under.
        hub: Whether a client may name models on the hub.
    """

    def __init__(self, roots: Roots, hub: bool) -> None:
        self._roots = roots
        self._hub = hub

    def find(self, path: str, revision: str | None, code: bool, field: str = "path") -> ModelSource:
        """Finds a model.

        Args:
            path: Absolute path of a folder under a root, or a name on the hub.
            revision: Branch, tag or commit of a model on the hub; None: the newest.
            code: Whether Python files are fetched with it.
            field: Name of the request's field, for messages.

        Raises:
            UserError: Not such a folder, one that names files elsewhere, a name where none is taken, or one that
                cannot be fetched.
        """
        folder = self._folder(path, revision, code, field)
        if (folder / ADAPTER_SETTINGS).is_file():
            check_adapter_folder(folder, field)
            return self._with_base(path if _HUB_NAME.fullmatch(path) else str(folder), folder, code, field)
        return self._whole(path, folder, revision, field)

    def _folder(self, path: str, revision: str | None, code: bool, field: str) -> Path:
        if _HUB_NAME.fullmatch(path):
            return self._fetched(path, revision, code, field)
        if revision is not None:
            raise UserError(f"settings.model_revision: found {revision!r} for a folder, expected a name on the hub")
        return self._roots.folder(path, field)

    def _whole(self, path: str, folder: Path, revision: str | None, field: str) -> ModelSource:
        if not (folder / "config.json").is_file():
            raise UserError(f"{field}: {path} has no config.json, expected the folder of a saved model")
        check_model_folder(folder, field)
        name = path if _HUB_NAME.fullmatch(path) else str(folder)
        return ModelSource(name, folder, name, revision, None, folder)

    def _with_base(self, name: str, adapter: Path, code: bool, field: str) -> ModelSource:
        settings = adapter_settings(adapter, field)
        named = f"{field}: {adapter}/adapter_config.json: base_model_name_or_path"
        base, revision = settings.get("base_model_name_or_path"), settings.get("revision")
        if not isinstance(base, str) or not base:
            raise UserError(f"{named}: found {_shown(base)}, expected the folder of the base model")
        if revision is not None and not isinstance(revision, str):
            raise UserError(
                f"{field}: {adapter}/adapter_config.json: revision: found {_shown(revision)}, expected text"
            )
        folder = self._folder(base, revision if _HUB_NAME.fullmatch(base) else None, code, named)
        if (folder / ADAPTER_SETTINGS).is_file():
            raise UserError(f"{named}: {base} holds an adapter itself, expected a whole model; merge that one first")
        found = self._whole(base, folder, revision, named)
        own = any((adapter / file).is_file() for file in _PROCESSOR_FILES)
        return ModelSource(name, found.folder, found.base, found.revision, adapter, adapter if own else found.processor)

    def _fetched(self, name: str, revision: str | None, code: bool, field: str) -> Path:
        if not self._hub:
            raise UserError(
                f"{field}: found the name {name}, but this service listens on a TCP address and takes folders "
                "only; start it with --allow-hub if its clients may have models fetched"
            )
        from huggingface_hub import snapshot_download

        try:
            fetched: Any = snapshot_download(
                name, revision=revision, allow_patterns=[*_FILES, *(_CODE if code else ())]
            )
        except Exception as error:
            # The hub's client raises a dozen kinds, those of its transport among them.
            raise UserError(
                f"{field}: {name} cannot be fetched from the hub ({_first_line(error)}): expected the name of a model "
                "that can be reached from here, or a folder"
            ) from error
        return Path(fetched)


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _first_line(error: BaseException) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__).rstrip(".:")
