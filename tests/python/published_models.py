"""Models of 7B to 13B at their real size, without weights: their published configurations, on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from transformers import (
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

# https://huggingface.co/openai/clip-vit-large-patch14-336/blob/main/config.json
CLIP: dict[str, Any] = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
    "projection_dim": 768,
    "vocab_size": 32000,
}
# https://huggingface.co/lmsys/vicuna-7b-v1.5/blob/main/config.json; llava-hf pads the vocabulary to 32064.
VICUNA_7B: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 32064,
    "max_position_embeddings": 4096,
}
# https://huggingface.co/lmsys/vicuna-13b-v1.5/blob/main/config.json
VICUNA_13B: dict[str, Any] = {
    **VICUNA_7B,
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_hidden_layers": 40,
    "num_attention_heads": 40,
    "num_key_value_heads": 40,
}
# https://huggingface.co/Qwen/Qwen2.5-VL-7B-Instruct/blob/main/config.json
QWEN2_5_TEXT: dict[str, Any] = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "max_position_embeddings": 128000,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}
QWEN2_5_TOWER: dict[str, Any] = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 3584,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "window_size": 112,
    "fullatt_block_indexes": [7, 15, 23, 31],
}
# https://huggingface.co/Qwen/Qwen3-VL-8B-Instruct/blob/main/config.json
QWEN3_TEXT: dict[str, Any] = {
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "max_position_embeddings": 262144,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 5e6,
        "mrope_interleaved": True,
        "mrope_section": [24, 20, 20],
    },
}
QWEN3_TOWER: dict[str, Any] = {
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_heads": 16,
    "out_hidden_size": 4096,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "num_position_embeddings": 2304,
    "deepstack_visual_indexes": [8, 16, 24],
}


class PublishedModel(NamedTuple):
    """A model and what is published of it.

    Attributes:
        build: The model on the meta device.
        parameters: Number of its weights.
        text: Configuration of its language model.
        tower: Configuration of its vision tower.
        family: Its tiny build, see `tiny_models`.
    """

    build: Callable[[], Any]
    parameters: int
    text: dict[str, Any]
    tower: dict[str, Any]
    family: str


def _meta(model: type[Any], config: type[Any], text: dict[str, Any], tower: dict[str, Any]) -> Callable[[], Any]:
    def build() -> Any:
        with torch.device("meta"):
            return model(config(text_config=dict(text), vision_config=dict(tower)))

    return build


MODELS: dict[str, PublishedModel] = {
    "llava-1.5-7b": PublishedModel(
        _meta(LlavaForConditionalGeneration, LlavaConfig, VICUNA_7B, CLIP), 7063427072, VICUNA_7B, CLIP, "llava-1.5"
    ),
    "llava-1.5-13b": PublishedModel(
        _meta(LlavaForConditionalGeneration, LlavaConfig, VICUNA_13B, CLIP),
        13015864320 + 2 * 64 * 5120 + 303507456 + (1024 + 1) * 5120 + (5120 + 1) * 5120,
        VICUNA_13B,
        CLIP,
        "llava-1.5",
    ),
    # LLaVA-1.5's, and the embedding of 4096 numbers that ends a line of an image.
    "llava-1.6-7b": PublishedModel(
        _meta(LlavaNextForConditionalGeneration, LlavaNextConfig, VICUNA_7B, CLIP),
        7063427072 + 4096,
        VICUNA_7B,
        CLIP,
        "llava-next",
    ),
    "qwen2.5-vl-7b": PublishedModel(
        _meta(Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLConfig, QWEN2_5_TEXT, QWEN2_5_TOWER),
        8292166656,
        QWEN2_5_TEXT,
        QWEN2_5_TOWER,
        "qwen2.5-vl",
    ),
    "qwen3-vl-8b": PublishedModel(
        _meta(Qwen3VLForConditionalGeneration, Qwen3VLConfig, QWEN3_TEXT, QWEN3_TOWER),
        8767123696,
        QWEN3_TEXT,
        QWEN3_TOWER,
        "qwen3-vl",
    ),
}
"""By name. Counts are `safetensors.total` of the hub's pages; the 13B's is Llama 2 13B's, 64 more words
in and out, the tower of CLIP ViT-L/14 at 336 pixels, and the projector."""
