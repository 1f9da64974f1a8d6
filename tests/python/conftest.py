"""A LLaVA small enough to train in a test, with a processor and drawn pairs, all built in memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, Image, Sequence, Value
from PIL import Image as Picture
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

torch.set_num_threads(1)

PIXELS = 16
PATCH = 8
WORDS = "Describe the picture . a an dog cat car tree ball cup and USER : ASSISTANT".split()  # noqa: SIM905
# Padding is not the first token: the stock collator takes an identifier of 0 for "no padding token".
SPECIAL = ["<unk>", "<pad>", "<s>", "</s>", "<image>"]
TEMPLATE = (
    "{{ '<s> ' }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'USER : ' }}{% else %}{{ 'ASSISTANT : ' }}{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image> ' }}"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}{{ ' </s>' }}{% else %}{{ ' ' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT : ' }}{% endif %}"
)

QUIET = {
    "per_device_train_batch_size": 2,
    "learning_rate": 1e-2,
    "lr_scheduler_type": "constant",
    "bf16": False,
    "gradient_checkpointing": False,
    "use_cpu": True,
    "report_to": "none",
    "save_strategy": "no",
    "logging_steps": 1,
    "disable_tqdm": True,
    "seed": 7,
}
"""Settings of a quiet training in float32 on the CPU."""

FEATURES = Features(
    {
        "images": Sequence(Image()),
        "rejected_images": Sequence(Image()),
        "prompt": Value("string"),
        "chosen": Value("string"),
        "rejected": Value("string"),
        "stage": Value("int32"),
    }
)


@pytest.fixture(scope="session")
def processor() -> LlavaProcessor:
    """Word-level tokenizer, 16 x 16 pixels, 4 image tokens."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(SPECIAL + WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )
    images = CLIPImageProcessorPil(
        size={"shortest_edge": PIXELS}, crop_size={"height": PIXELS, "width": PIXELS}, do_convert_rgb=True
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


@pytest.fixture(scope="session")
def make_model() -> Callable[..., LlavaForConditionalGeneration]:
    """Builds the same random LLaVA every time it is called with the same seed."""

    def build(seed: int = 0) -> LlavaForConditionalGeneration:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return LlavaForConditionalGeneration(
                LlavaConfig(
                    vision_config=CLIPVisionConfig(
                        hidden_size=32,
                        intermediate_size=64,
                        num_hidden_layers=2,
                        num_attention_heads=2,
                        image_size=PIXELS,
                        patch_size=PATCH,
                        projection_dim=32,
                    ),
                    text_config=LlamaConfig(
                        vocab_size=len(SPECIAL) + len(WORDS),
                        hidden_size=32,
                        intermediate_size=64,
                        num_hidden_layers=2,
                        num_attention_heads=2,
                        num_key_value_heads=2,
                        max_position_embeddings=128,
                        initializer_range=0.2,
                        pad_token_id=SPECIAL.index("<pad>"),
                        bos_token_id=SPECIAL.index("<s>"),
                        eos_token_id=SPECIAL.index("</s>"),
                    ),
                    image_token_index=SPECIAL.index("<image>"),
                    vision_feature_layer=-1,
                    vision_feature_select_strategy="default",
                    image_seq_length=(PIXELS // PATCH) ** 2,
                )
            )

    return build


@pytest.fixture(scope="session")
def make_pairs() -> Callable[..., Dataset]:
    """Draws pairs: noise pictures, captions of different lengths, stages 0, 1, 2 in equal parts."""

    def build(count: int = 12, seed: int = 0, **columns: list[Any]) -> Dataset:
        rng = np.random.default_rng(seed)
        objects = ["a dog", "a cat", "a car", "a tree", "a ball", "a cup"]

        def picture() -> Picture.Image:
            return Picture.fromarray(rng.integers(0, 256, (PIXELS, PIXELS, 3), dtype=np.uint8))

        def caption() -> str:
            return " and ".join(rng.choice(objects, size=rng.integers(1, 4), replace=False)) + " ."

        def other_than(text: str) -> str:
            while (drawn := caption()) == text:
                pass
            return drawn

        chosen = [caption() for _ in range(count)]
        rows: dict[str, list[Any]] = {
            "images": [[picture()] for _ in range(count)],
            "rejected_images": [[picture()] for _ in range(count)],
            "prompt": ["Describe the picture ."] * count,
            "chosen": chosen,
            "rejected": [other_than(text) for text in chosen],
            "stage": [i * 3 // count for i in range(count)],
        }
        return Dataset.from_dict({**rows, **columns}, features=FEATURES)

    return build


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Any]:
    """Settings for a quiet training in float32 on the CPU."""
    from scpo_trl import SCPOConfig

    def build(**settings: Any) -> SCPOConfig:
        return SCPOConfig(
            **{
                **QUIET,
                "output_dir": str(tmp_path / "out"),
                **settings,
            }
        )

    return build
