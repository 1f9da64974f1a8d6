"""Models and rows of the shapes that `step.py` measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
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

SPECIAL = ["<unk>", "<pad>", "<s>", "</s>", "<image>"]
TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}<s> {% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}"
    "{% else %}{{ m['content'][0]['text'] if m['content'] is not string else m['content'] }} </s>"
    "{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Shape:
    """Sizes of a model and its rows.

    Attributes:
        about: What it stands for.
        hidden, intermediate, layers, vocabulary: Of the language model.
        tower_hidden, tower_layers: Of the vision tower, whose inner layers are four times as wide.
        patches: Along each edge of an image; its square is the number of image tokens.
        prompt, answer: Tokens.
        tower_frozen: Whether the tower is left as it is.
        batch: Pairs of a step.
    """

    about: str
    hidden: int
    intermediate: int
    layers: int
    vocabulary: int
    tower_hidden: int
    tower_layers: int
    patches: int
    prompt: int
    answer: int
    tower_frozen: bool
    batch: int = 1


SHAPES = {
    "A": Shape("LLaVA-1.5-like, everything trained", 384, 1024, 6, 768, 96, 6, 24, 50, 90, False),
    "B": Shape("tower-heavy, tower frozen", 256, 688, 6, 768, 576, 8, 14, 50, 90, True, 2),
    "C": Shape("long answers, everything trained", 384, 1024, 6, 768, 96, 6, 24, 50, 400, False),
}
# As 7 B models are, with fewer layers.
GPU_SHAPES = {
    "A": Shape("LLaVA-1.5-like, everything trained", 3072, 8192, 16, 16384, 768, 12, 24, 50, 90, False, 2),
    "B": Shape("tower-heavy, tower frozen", 1024, 2816, 16, 8192, 1536, 28, 14, 50, 90, True, 8),
    "C": Shape("long answers, everything trained", 3072, 8192, 16, 16384, 768, 12, 24, 50, 400, False, 2),
}


def shapes_of(device: str) -> dict[str, Shape]:
    """Shapes by name, of a size for the device."""
    return GPU_SHAPES if device == "cuda" else SHAPES


def make_processor(shape: Shape) -> LlavaProcessor:
    """A processor with a word for every token."""
    words = SPECIAL + [f"w{number}" for number in range(shape.vocabulary - len(SPECIAL))]
    backend = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=["<image>"],
    )
    pixels = shape.patches * 14
    images = CLIPImageProcessorPil(
        size={"shortest_edge": pixels}, crop_size={"height": pixels, "width": pixels}, do_convert_rgb=True
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


def make_model(shape: Shape, device: str, exact: bool = False) -> LlavaForConditionalGeneration:
    """The same random model every time, in float32 on a CPU or where it is to be exact, else in bfloat16."""
    torch.manual_seed(0)
    with torch.device(device):
        model = _model(shape)
    return model.to(torch.float32 if exact or device == "cpu" else torch.bfloat16)


def _model(shape: Shape) -> LlavaForConditionalGeneration:
    return LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=CLIPVisionConfig(
                hidden_size=shape.tower_hidden,
                intermediate_size=4 * shape.tower_hidden,
                num_hidden_layers=shape.tower_layers,
                num_attention_heads=max(shape.tower_hidden // 48, 1),
                image_size=shape.patches * 14,
                patch_size=14,
            ),
            text_config=LlamaConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.hidden,
                intermediate_size=shape.intermediate,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.hidden // 64,
                num_key_value_heads=shape.hidden // 64,
                max_position_embeddings=2048,
                pad_token_id=1,
                bos_token_id=2,
                eos_token_id=3,
            ),
            image_token_index=4,
            vision_feature_layer=-2,
            vision_feature_select_strategy="default",
            image_seq_length=shape.patches**2,
        )
    )


def make_pairs(shape: Shape, count: int) -> Dataset:
    """Pairs of noise pictures and random words, answers of nearly the same length."""
    rng = np.random.default_rng(0)
    pixels = shape.patches * 14

    def picture() -> Picture.Image:
        return Picture.fromarray(rng.integers(0, 256, (pixels, pixels, 3), dtype=np.uint8))

    def words(length: int) -> str:
        return " ".join(f"w{number}" for number in rng.integers(0, shape.vocabulary - len(SPECIAL), length))

    def answer() -> str:
        return words(shape.answer - 1 - int(rng.integers(0, shape.answer // 20)))

    rows = {
        "images": [[picture()] for _ in range(count)],
        "rejected_images": [[picture()] for _ in range(count)],
        "prompt": [words(shape.prompt - 2) for _ in range(count)],
        "chosen": [answer() for _ in range(count)],
        "rejected": [answer() for _ in range(count)],
    }
    image = Sequence(Image())
    text = Value("string")
    features = Features({"images": image, "rejected_images": image, "prompt": text, "chosen": text, "rejected": text})
    return Dataset.from_dict(rows, features=features)


def stock_rows(pairs: Dataset, doubled: bool) -> Dataset:
    """The rows as stock DPO takes them; doubled: also each pair's other direction, right after it."""

    def message(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    def converted() -> Any:
        for row in pairs:
            user = message("user", row["prompt"])
            chosen, rejected = message("assistant", row["chosen"]), message("assistant", row["rejected"])
            yield {"images": row["images"], "prompt": user, "chosen": chosen, "rejected": rejected}
            if doubled:
                yield {"images": row["rejected_images"], "prompt": user, "chosen": rejected, "rejected": chosen}

    turns = [{"role": Value("string"), "content": Value("string")}]
    features = Features({"images": Sequence(Image()), "prompt": turns, "chosen": turns, "rejected": turns})
    return Dataset.from_list(list(converted()), features=features)
