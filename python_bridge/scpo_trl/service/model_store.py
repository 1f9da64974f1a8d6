"""The one loaded model: from a local folder, checked, and back to one."""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image
import torch
import transformers

from scpo_trl.errors import UserError
from scpo_trl.service.errors import NotReadyError
from scpo_trl.service.model_folder import check_model_folder
from scpo_trl.service.own_folders import prepare_trainings
from scpo_trl.service.picture_bytes import require_bounded_sizes
from scpo_trl.service.prompts import render_prompt
from scpo_trl.service.roots import Roots
from scpo_trl.trainer.model.model_folder import save_model_folder
from scpo_trl.trainer.model.precision import stored_dtype
from scpo_trl.trainer.model.processor_fields import complete_processor

logger = logging.getLogger(__name__)

NAMED = 3
"""Weights named in a message before the rest is counted."""


@dataclass(frozen=True)
class LoadedModel:
    """A model and its processor.

    Attributes:
        path: The folder they came from.
        model: In evaluation mode, on the device that the service computes on.
        processor: Its processor.
        stored_dtype: What the weights were stored in; a training makes them float32.
    """

    path: Path
    model: Any
    processor: Any
    stored_dtype: torch.dtype

    @property
    def parameters(self) -> int:
        """Number of weights, shared ones counted once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def image_tokens(self) -> int:
        """Tokens that one picture takes in a prompt."""
        picture = PIL.Image.new("RGB", (64, 64))
        inputs = self.processor(images=[picture], text=[render_prompt(self.processor, "")], return_tensors="pt")
        return int((inputs["input_ids"] == self.model.config.image_token_id).sum())


class ModelStore:
    """Holds the loaded model; not for use by two threads at once."""

    def __init__(self, roots: Roots, device: torch.device) -> None:
        self._roots = roots
        self._device = device
        self._loaded: LoadedModel | None = None

    @property
    def device(self) -> torch.device:
        """Where models compute."""
        return self._device

    @property
    def path(self) -> str:
        """Folder of the loaded model; empty when none is loaded."""
        return "" if self._loaded is None else str(self._loaded.path)

    def get(self) -> LoadedModel:
        """The loaded model; raises `NotReadyError` when there is none."""
        if self._loaded is None:
            raise NotReadyError("no model is loaded; call LoadModel first")
        return self._loaded

    def load(self, path: str, trust_remote_code: bool) -> LoadedModel:
        """Replace the loaded model by the one in a folder.

        Args:
            path: Absolute path of a folder under a root with config.json, safetensors and processor files.
            trust_remote_code: Run the Python code that the folder may bring.

        Raises:
            UserError: Not such a folder, one that names files elsewhere, or the weights do not fit the architecture, or
                are not finite.
        """
        folder = self._roots.folder(path, "path")
        if not (folder / "config.json").is_file():
            raise UserError(f"path: {path} has no config.json, expected the folder of a saved model")
        check_model_folder(folder, "path")
        # Two models need not fit at once, so the old one goes first; a failed load leaves none.
        self._loaded = None
        gc.collect()
        processor = _load_processor(folder, path, trust_remote_code)
        model = _load_model(folder, path, trust_remote_code)
        complete_processor(processor, model.config)
        model.to(self._device).eval()
        self._loaded = LoadedModel(path=folder, model=model, processor=processor, stored_dtype=stored_dtype(model))
        return self._loaded

    def export(self, path: str) -> str:
        """Write the loaded model and its processor to a new folder, complete or not at all.

        Args:
            path: Absolute path below a root; must not exist yet.

        Returns:
            SHA-256 over the weights.

        Raises:
            UserError: The path is taken, or its parent does not exist.
            NotReadyError: No model is loaded.
        """
        loaded = self.get()
        target = self._roots.target(path, "path")
        if target.exists():
            raise UserError(f"path: {path} exists already; remove it or choose another name")
        prepare_trainings(self._roots, target)
        if not target.parent.is_dir():
            raise UserError(f"path: no such folder: {target.parent}; create it first")
        return save_model_folder(loaded.model, loaded.processor, target)


def _load_processor(folder: Path, path: str, trust_remote_code: bool) -> Any:
    try:
        processor: Any = transformers.AutoProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError) as error:
        raise UserError(f"path: {path}: its processor cannot be loaded ({type(error).__name__}: {error})") from error
    if getattr(processor, "tokenizer", None) is None or getattr(processor, "image_processor", None) is None:
        raise UserError(
            f"path: {path}: found a {type(processor).__name__}, expected a processor of pictures and text; "
            "save the processor beside the model"
        )
    require_bounded_sizes(processor.image_processor, f"path: {path}")
    if processor.tokenizer.pad_token_id is None:
        raise UserError(f"path: {path}: its tokenizer has no padding token; set one and save the processor again")
    return processor


def _load_model(folder: Path, path: str, trust_remote_code: bool) -> Any:
    try:
        loaded: Any = transformers.AutoModelForImageTextToText.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            # Wrong shapes are refused below in one line; otherwise they raise a table of many.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        model, info = loaded
    except Exception as error:
        # Damaged configs and weights raise almost anything: safetensors has exceptions of its own, configs raise
        # TypeError and KeyError. Whatever it is, it is the folder's fault.
        raise UserError(f"path: {path}: its model cannot be loaded ({type(error).__name__}: {error})") from error
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    mismatched = sorted(info["mismatched_keys"])
    if missing:
        raise UserError(f"path: {path}: weights are missing: {_named(missing)}; export the whole model again")
    if mismatched:
        name, found, expected = mismatched[0][:3]
        raise UserError(
            f"path: {path}: weight {name} has shape {list(found)}, config.json asks for {list(expected)}"
            f"{_more(len(mismatched) - 1)}; the files belong to different models"
        )
    if unexpected:
        raise UserError(
            f"path: {path}: config.json's architecture has no weights named {_named(unexpected)}; "
            "the files belong to different models"
        )
    if info["error_msgs"]:
        raise UserError(f"path: {path}: weights cannot be loaded: {info['error_msgs'][0]}")
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"path: {path}: weight {name} holds NaN or infinite numbers; export the model again")
    return model


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + _more(len(names) - NAMED)


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
