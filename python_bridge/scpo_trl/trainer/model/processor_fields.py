"""Fields that processors of older exports lack and whose answer the model's config holds."""

from __future__ import annotations

from typing import Any

_WITH_CLASS_TOKEN = ("clip_vision_model",)
"""Vision towers that put a token of the whole image before those of its patches."""


def complete_processor(processor: Any, config: Any) -> None:
    """Gives a processor of the LLaVA family the patch size and the choice of features that its files leave open.

    Args:
        processor: Changed in place; one that leaves nothing open stays as it is.
        config: Of its model.
    """
    vision = getattr(config, "vision_config", None)
    size = getattr(vision, "patch_size", None)
    if getattr(processor, "patch_size", 0) is None and size is not None:
        processor.patch_size = size
        processor.num_additional_image_tokens = int(getattr(vision, "model_type", "") in _WITH_CLASS_TOKEN)
    strategy = getattr(config, "vision_feature_select_strategy", None)
    if getattr(processor, "vision_feature_select_strategy", "") is None and strategy is not None:
        processor.vision_feature_select_strategy = strategy
