"""Complete model folders, and the hash that says whether two models have the same weights."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scpo_trl.errors import UserError
from scpo_trl.trainer.model.sealed_folder import (
    MANIFEST,
    put_in_place,
    require_nothing_foreign,
    sync_folder,
    writing_failed,
)


def weights_sha256(model: nn.Module) -> str:
    """Hash of a model's weights.

    Args:
        model: Unwrapped, so that names are those of the model class.

    Returns:
        Lower-case hex SHA-256 over name, type, shape and bytes of every entry of the state dict, in the order of names.
    """
    return state_sha256(model.state_dict())


def state_sha256(state: Mapping[str, Any]) -> str:
    """Hash of a state dict's entries, see `weights_sha256`."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}\0{tensor.dtype}\0{list(tensor.shape)}\0".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def save_model_folder(
    model: Any, processor: Any, folder: str | os.PathLike[str], state: Mapping[str, Any] | None = None
) -> str:
    """Writes model and processor as a folder that `from_pretrained` reads; complete or not there at all.

    Args:
        model: A `PreTrainedModel`, unwrapped.
        processor: Its processor, or None.
        folder: Where to; replaced if it exists.
        state: The whole weights of a model that is shared out over processes; None: the model's own.

    Returns:
        The weights' hash, see `weights_sha256`.

    Raises:
        UserError: it cannot be written; an earlier folder stays as it was.
    """
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.writing")
    temporary.mkdir()
    try:
        model.save_pretrained(temporary, **({} if state is None else {"state_dict": state}))
        if processor is not None:
            processor.save_pretrained(temporary)
        sync_folder(temporary)
        require_nothing_foreign(target, temporary)
        put_in_place(temporary, target)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if not isinstance(error, Exception) or isinstance(error, UserError):
            raise
        # Writers raise almost anything at a full disk: OSError, RuntimeError, an exception of safetensors.
        raise writing_failed(target, error) from error
    return state_sha256(model.state_dict() if state is None else state)


_CHECKPOINT_FILES = (MANIFEST, "config.json", "adapter_config.json")


def checkpoint_folder(directory: str | os.PathLike[str], name: str) -> Path:
    """The folder of the checkpoint `name` under `directory`.

    Raises:
        UserError: `name` is not a plain folder name, or something other than a checkpoint has it.
    """
    if not name or name.startswith(".") or Path(name).name != name:
        raise UserError(f"checkpoint name {name!r}: expected a plain folder name such as 'stage-1'")
    folder = Path(directory) / name
    empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not empty and not any((folder / file).is_file() for file in _CHECKPOINT_FILES):
        raise UserError(f"checkpoint name {name!r}: {folder} exists and is no checkpoint; choose another directory")
    return folder
