"""Adapters of the loaded model: made new, loaded, compared with what settings say, written alone or merged."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping
from typing import Any

from safetensors import safe_open
from transformers import set_seed

from scpo_trl.errors import UserError
from scpo_trl.service.model_folder import ADAPTER_SETTINGS, ADAPTER_WEIGHTS
from scpo_trl.service.model_loading import load_model
from scpo_trl.service.model_source import ModelSource
from scpo_trl.settings.parsing import OF_ADAPTERS, TrainingSettings
from scpo_trl.trainer.library_mistakes import first_line
from scpo_trl.trainer.model.adapter_config import adapter_config


def has_adapter(model: Any) -> bool:
    """Whether a model carries an adapter."""
    return hasattr(model, "peft_config")


def adapted(model: Any, source: ModelSource, settings: TrainingSettings, seed: int, at: str) -> Any:
    """The model with the adapter that settings ask for: a new one, the one that it has, or none.

    Args:
        model: The policy.
        source: Where it comes from; the adapter's files will name it.
        settings: Of the training.
        seed: What a new adapter's weights are drawn with.
        at: What the settings are, in messages.

    Raises:
        UserError: The adapter does not fit the model, or the model has another one.
    """
    if not settings.model.get("use_peft"):
        return model
    _require_peft(f"{at}.use_peft")
    from peft import PeftModel, get_peft_model

    config: Any = adapter_config(settings.model_config(at))
    if has_adapter(model):
        require_same_adapter(model, settings, at)
        return model
    set_seed(seed)
    try:
        whole = get_peft_model(model, config)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{at}.use_peft: {first_line(error).rstrip('.:')}: name modules of the model in lora_target_modules, such "
            "as q_proj and v_proj"
        ) from error
    assert isinstance(whole, PeftModel)
    made: Any = whole.peft_config["default"]
    made.base_model_name_or_path, made.revision = source.base, source.revision
    return whole


def load_adapter(model: Any, source: ModelSource) -> Any:
    """The base model with the adapter of its source, ready to be trained on.

    Raises:
        UserError: The adapter cannot be loaded, does not fit, or changes the sequence instead of the weights.
    """
    _require_peft(f"path: {source.name}")
    from peft import PeftModel

    assert source.adapter is not None
    try:
        whole = PeftModel.from_pretrained(model, str(source.adapter), is_trainable=True, local_files_only=True)
    except Exception as error:
        # Damaged settings and weights raise almost anything.
        raise UserError(
            f"path: {source.name}: its adapter cannot be loaded ({type(error).__name__}: {first_line(error)})"
        ) from error
    config: Any = whole.peft_config["default"]
    if config.is_prompt_learning:
        raise UserError(
            f"path: {source.name}: found an adapter of {config.peft_type.value}, which puts tokens of its own before "
            "the image's: expected LoRA, DoRA or IA3"
        )
    _require_all_weights(whole, source)
    config.base_model_name_or_path, config.revision = source.base, source.revision
    return whole


def _require_all_weights(whole: Any, source: ModelSource) -> None:
    """PEFT only warns of weights that belong to another model."""
    from peft import get_peft_model_state_dict

    assert source.adapter is not None
    expected = get_peft_model_state_dict(whole, save_embedding_layers=False).keys()
    with safe_open(str(source.adapter / ADAPTER_WEIGHTS), framework="pt") as file:
        found = set(file.keys())
    wrong = sorted({*(expected - found), *(name for name in found - expected if ".lora_" in name)})
    if wrong:
        raise UserError(
            f"path: {source.name}: its adapter's weights are not those of an adapter of {source.base} (the first "
            f"difference of {len(wrong)} is {wrong[0]}): correct base_model_name_or_path in {ADAPTER_SETTINGS}"
        )


def require_same_adapter(model: Any, settings: TrainingSettings, at: str) -> None:
    """Raise `UserError` when settings describe another adapter than the one that the model has."""
    config = model.peft_config["default"]
    for name, field in OF_ADAPTERS.items():
        if name not in settings.model:
            continue
        asked, found = (_plain(value) for value in (settings.model[name], getattr(config, field, None)))
        # An adapter made of `all-linear`, a pattern or the default of its architecture holds the modules' own names.
        open_targets = name == "lora_target_modules" and not isinstance(settings.model[name], list)
        if asked != found and not open_targets:
            raise UserError(
                f"{at}.{name}: found {asked}, but the model has an adapter with {found}, which the training goes on "
                "with: leave it out, or start from the base model"
            )


def merged(model: Any, source: ModelSource, trust_remote_code: bool, options: Mapping[str, Any]) -> Any:
    """The whole model with the adapter merged into its base.

    The base is read anew, so that the loaded model stays as it is and quantised weights play no part.

    Args:
        model: The loaded model.
        source: Where its base comes from.
        trust_remote_code: As its base was loaded.
        options: Arguments of `from_pretrained` that its base was loaded with.

    Raises:
        UserError: The base is no longer what it was.
    """
    from peft import PeftModel

    kept = {name: value for name, value in options.items() if name not in ("quantization_config", "device_map")}
    with tempfile.TemporaryDirectory(prefix="scpo-adapter-") as folder:
        model.save_pretrained(folder)
        base = load_model(source.folder, source.base, trust_remote_code, kept)
        whole: Any = PeftModel.from_pretrained(base, folder, local_files_only=True)
        return whole.merge_and_unload()


def _require_peft(what: str) -> None:
    if importlib.util.find_spec("peft") is None:
        raise UserError(f"{what}: adapters need the package peft, which is missing: pip install 'scpo-trl[peft]'")


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, set)):
        items = sorted(map(str, value))
        # TRL hands a list of one on as its only item.
        return items[0] if len(items) == 1 else items
    return getattr(value, "value", value)
