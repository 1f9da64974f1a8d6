"""A model and its processor out of a folder, checked."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from scpo_trl.errors import UserError
from scpo_trl.service.image_bytes import require_bounded_sizes
from scpo_trl.settings.parsing import TrainingSettings
from scpo_trl.trainer.model.quantised import keep_differentiable

NAMED = 3
"""Weights named in a message before the rest is counted."""

_PLACED = ("device_map", "quantization_config", "revision", "local_files_only", "use_safetensors", "cache_dir")


def loading_options(settings: TrainingSettings, device: torch.device, at: str = "settings") -> dict[str, Any]:
    """Arguments of `from_pretrained` that settings ask for.

    Args:
        settings: Of the request.
        device: Where the model is to compute.
        at: What the settings are, in messages.

    Raises:
        UserError: A quantisation that cannot be had here, or settings that exclude each other.
    """
    from trl import get_quantization_config

    model = settings.model_config(at)
    further = settings.training.get("model_init_kwargs") or {}
    if not isinstance(further, Mapping):
        raise UserError(f"{at}.model_init_kwargs: found a text, expected an object")
    for name in _PLACED:
        if name in further:
            raise UserError(f"{at}.model_init_kwargs.{name}: the service decides about it; leave it out")
    options: dict[str, Any] = {"dtype": settings.model.get("dtype") or "auto"}
    if model.attn_implementation is not None:
        options["attn_implementation"] = model.attn_implementation
    if model.load_in_4bit or model.load_in_8bit:
        name = "load_in_4bit" if model.load_in_4bit else "load_in_8bit"
        if importlib.util.find_spec("bitsandbytes") is None:
            raise UserError(f"{at}.{name}: bitsandbytes is missing: pip install bitsandbytes, or leave it out")
        if device.type not in ("cuda", "cpu"):
            raise UserError(f"{at}.{name}: found a model for {device.type}, expected a CUDA GPU or a CPU: leave it out")
        options["quantization_config"] = get_quantization_config(model)
        options["device_map"] = {"": device}
    return {**options, **further}


def load_processor(folder: Path, name: str, trust_remote_code: bool) -> Any:
    """The processor in a folder.

    Args:
        folder: Checked, see `ModelSources`.
        name: What messages call it.
        trust_remote_code: Run the Python code that the folder may bring.

    Raises:
        UserError: It cannot be loaded, takes no images, scales them beyond the budget, or has no padding token.
    """
    try:
        processor: Any = transformers.AutoProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError) as error:
        raise UserError(f"path: {name}: its processor cannot be loaded ({type(error).__name__}: {error})") from error
    if getattr(processor, "tokenizer", None) is None or getattr(processor, "image_processor", None) is None:
        raise UserError(
            f"path: {name}: found a {type(processor).__name__}, expected a processor of pictures and text; "
            "save the processor beside the model"
        )
    require_bounded_sizes(processor.image_processor, f"path: {name}")
    if processor.tokenizer.pad_token_id is None:
        raise UserError(f"path: {name}: its tokenizer has no padding token; set one and save the processor again")
    return processor


def load_model(folder: Path, name: str, trust_remote_code: bool, options: Mapping[str, Any]) -> Any:
    """The whole model in a folder.

    Args:
        folder: Checked, see `ModelSources`.
        name: What messages call it.
        trust_remote_code: Run the Python code that the folder may bring.
        options: Further arguments of `from_pretrained`.

    Raises:
        UserError: It cannot be loaded, the weights do not fit the architecture, or are not finite.
    """
    try:
        loaded: Any = transformers.AutoModelForImageTextToText.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=trust_remote_code,
            # Wrong shapes are refused below in one line; otherwise they raise a table of many.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **options,
        )
        model, info = loaded
    except Exception as error:
        # Damaged configs and weights raise almost anything: safetensors has exceptions of its own, configs raise
        # TypeError and KeyError. Whatever it is, it is the folder's fault, or that of a setting it does not go with.
        raise UserError(f"path: {name}: its model cannot be loaded ({type(error).__name__}: {error})") from error
    missing, unexpected = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    mismatched = sorted(info["mismatched_keys"])
    if missing:
        raise UserError(f"path: {name}: weights are missing: {_named(missing)}; export the whole model again")
    if mismatched:
        weight, found, expected = mismatched[0][:3]
        raise UserError(
            f"path: {name}: weight {weight} has shape {list(found)}, config.json asks for {list(expected)}"
            f"{_more(len(mismatched) - 1)}; the files belong to different models"
        )
    if unexpected:
        raise UserError(
            f"path: {name}: config.json's architecture has no weights named {_named(unexpected)}; "
            "the files belong to different models"
        )
    if info["error_msgs"]:
        raise UserError(f"path: {name}: weights cannot be loaded: {info['error_msgs'][0]}")
    require_finite(model, name)
    keep_differentiable(model)
    return model


def require_finite(model: Any, name: str) -> None:
    """Raise `UserError` when a weight is not a finite number."""
    for weight, value in model.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise UserError(f"path: {name}: weight {weight} holds NaN or infinite numbers; export the model again")


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + _more(len(names) - NAMED)


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
