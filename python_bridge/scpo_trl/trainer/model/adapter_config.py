"""PEFT's configuration of a new adapter, out of TRL's options."""

from __future__ import annotations

import re
from typing import Any

from trl import ModelConfig, get_peft_config

_NAME = re.compile(r"[\w.]+")


def adapter_config(model: ModelConfig) -> Any:
    """As TRL makes it; but a single name in `lora_target_modules` is the name of modules, as one of several is.

    TRL hands a list of one on as a text, and PEFT takes a text for a pattern of whole paths.

    Returns:
        A `LoraConfig`; None without `use_peft`.
    """
    config: Any = get_peft_config(model)
    if config is not None and isinstance(config.target_modules, str) and _NAME.fullmatch(config.target_modules):
        config.target_modules = {config.target_modules}
    return config
