"""Weights of a checkpoint, put back into the model under training.

The stock loading matches the names in the file with those of the model and only warns of those that do not match; for
vision-language models whose files carry older names that restores nothing. Here whatever is missing is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from scpo_trl.errors import UserError


def load_checkpoint_weights(model: nn.Module, folder: str | Path) -> None:
    """Loads a checkpoint's weights: the whole model's, or those of every adapter.

    Args:
        model: The policy, unwrapped: a `PreTrainedModel` or a `PeftModel`.
        folder: The checkpoint.

    Raises:
        UserError: a file is missing, or does not have the model's weights.
    """
    if hasattr(model, "peft_config"):
        _load_adapters(model, Path(folder))
    else:
        _load_model(model, Path(folder))


def _load_model(model: Any, folder: Path) -> None:
    try:
        # from_pretrained knows how names changed over the versions; float32 holds the narrower types exactly.
        saved, report = type(model).from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    except OSError as error:
        raise UserError(f"{folder}: no model to resume from ({error})") from error
    missing = [name for name in report["missing_keys"] if name not in (model._tied_weights_keys or [])]
    if missing:
        raise UserError(
            f"{folder}: the checkpoint lacks {len(missing)} of the model's weights (the first is "
            f"{sorted(missing)[0]}): expected a checkpoint of this model"
        )
    model.load_state_dict(saved.state_dict(), strict=True)


def _load_adapters(model: Any, folder: Path) -> None:
    from peft import set_peft_model_state_dict
    from peft.utils.save_and_load import load_peft_weights

    for adapter in model.peft_config:
        path = folder if adapter == "default" else folder / adapter
        if not (path / "adapter_config.json").is_file():
            raise UserError(f"{path}: no adapter {adapter!r} to resume from: expected a checkpoint of this model")
        weights = load_peft_weights(str(path), device="cpu")
        report = set_peft_model_state_dict(model, weights, adapter_name=adapter)
        missing = [name for name in getattr(report, "missing_keys", []) if f".{adapter}." in name]
        if missing or getattr(report, "unexpected_keys", []):
            raise UserError(
                f"{path}: adapter {adapter!r} does not fit the model (the first difference is "
                f"{[*missing, *report.unexpected_keys][0]}): expected a checkpoint of this model"
            )
