"""Architecture, tokenizer and processor of the embedded model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    CLIPVisionConfig,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

DESCRIBE_PROMPT = "Describe the picture."

UNKNOWN_TOKEN = "<unk>"
PAD_TOKEN = "<pad>"
EOS_TOKEN = "</s>"
IMAGE_TOKEN = "<image>"
USER_TOKEN = "<|user|>"
ASSISTANT_TOKEN = "<|assistant|>"
# The padding token is not the first one: TRL's collators take an identifier of 0 for "no padding token".
SPECIAL_TOKENS = (UNKNOWN_TOKEN, PAD_TOKEN, EOS_TOKEN, IMAGE_TOKEN, USER_TOKEN, ASSISTANT_TOKEN)
PUNCTUATION = (".", ",", "?", "!", ":", ";", "'")

BLANK = "▁"
_WORD = re.compile(r"\w+")

# Images go before the text of their turn, as in LLaVA's own template.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{- '<|user|>' -}}"
    "{%- if message['content'] is string -%}"
    "{{- message['content'] -}}"
    "{%- else -%}"
    "{%- for part in message['content'] if part['type'] == 'image' -%}{{- '<image>' -}}{%- endfor -%}"
    "{%- for part in message['content'] if part['type'] == 'text' -%}{{- part['text'] -}}{%- endfor -%}"
    "{%- endif -%}"
    "{%- elif message['role'] == 'assistant' -%}"
    "{{- '<|assistant|>' -}}"
    "{%- generation -%}"
    "{%- if message['content'] is string -%}"
    "{{- message['content'] -}}"
    "{%- else -%}"
    "{%- for part in message['content'] if part['type'] == 'text' -%}{{- part['text'] -}}{%- endfor -%}"
    "{%- endif -%}"
    "{{- '</s>' -}}"
    "{%- endgeneration -%}"
    "{%- else -%}"
    "{{- raise_exception(\"role: found '\" + message['role'] + \"', expected 'user' or 'assistant'\") -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


@dataclass(frozen=True)
class Sizes:
    """Widths and depths of the tiny LLaVA; the defaults are the shipped model's.

    Attributes:
        image: Side of the square image, in pixels.
        patch: Side of a square patch, in pixels.
        vision_hidden, vision_layers, vision_heads, vision_intermediate: The CLIP tower.
        text_hidden, text_layers, text_heads, text_intermediate: The Llama.
        positions: Longest sequence, in tokens.
    """

    image: int = 64
    patch: int = 16
    vision_hidden: int = 128
    vision_layers: int = 4
    vision_heads: int = 4
    vision_intermediate: int = 384
    text_hidden: int = 128
    text_layers: int = 3
    text_heads: int = 4
    text_intermediate: int = 320
    positions: int = 512

    @property
    def image_tokens(self) -> int:
        """Image tokens an image takes in the language model."""
        return (self.image // self.patch) ** 2


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Build the word-level tokenizer of the texts' words.

    A word and the same word after a blank are two tokens, so that decoding gives the text back to the letter.

    Args:
        texts: Prompts and answers whose words make the vocabulary.

    Returns:
        A fast tokenizer without beginning-of-sequence token; `</s>` ends a turn.
    """
    words = sorted({word for text in texts for word in _WORD.findall(text)})
    tokens = [*SPECIAL_TOKENS, BLANK]
    for word in [*PUNCTUATION, *words]:
        tokens += [word, BLANK + word]
    model = models.WordLevel({token: index for index, token in enumerate(tokens)}, unk_token=UNKNOWN_TOKEN)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="never", split=True),
            pre_tokenizers.Split(Regex(rf"{BLANK}?[^\w\s{BLANK}]"), behavior="isolated"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=BLANK, prepend_scheme="never", split=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN_TOKEN,
        pad_token=PAD_TOKEN,
        eos_token=EOS_TOKEN,
        additional_special_tokens=[IMAGE_TOKEN, USER_TOKEN, ASSISTANT_TOKEN],
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
        padding_side="left",
    )


def build_processor(texts: Iterable[str], sizes: Sizes | None = None) -> LlavaProcessor:
    """Build the processor: images to pixel values, chat messages to tokens.

    Args:
        texts: Prompts and answers whose words make the vocabulary.
        sizes: Sizes of the model that the processor feeds.

    Returns:
        A processor whose chat template puts each image before its turn's text.
    """
    sizes = sizes or Sizes()
    image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": sizes.image},
        crop_size={"height": sizes.image, "width": sizes.image},
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    return LlavaProcessor(
        image_processor=image_processor,
        tokenizer=build_tokenizer(texts),
        patch_size=sizes.patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token=IMAGE_TOKEN,
        chat_template=CHAT_TEMPLATE,
    )


def build_model(processor: LlavaProcessor, sizes: Sizes | None = None) -> LlavaForConditionalGeneration:
    """Build an untrained tiny LLaVA (CLIP tower, projector, Llama) in float32 without dropout.

    Args:
        processor: Gives the vocabulary and the special tokens.
        sizes: Widths and depths.

    Returns:
        The model with weights drawn from torch's global generator.
    """
    sizes = sizes or Sizes()
    tokenizer: Any = processor.tokenizer
    tokens: dict[str, Any] = {
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=sizes.vision_hidden,
            intermediate_size=sizes.vision_intermediate,
            num_hidden_layers=sizes.vision_layers,
            num_attention_heads=sizes.vision_heads,
            image_size=sizes.image,
            patch_size=sizes.patch,
            projection_dim=sizes.vision_hidden,
            attention_dropout=0.0,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=sizes.text_hidden,
            intermediate_size=sizes.text_intermediate,
            num_hidden_layers=sizes.text_layers,
            num_attention_heads=sizes.text_heads,
            num_key_value_heads=sizes.text_heads,
            max_position_embeddings=sizes.positions,
            attention_dropout=0.0,
            # 0.02 is meant for wide models; here it starts the learning late.
            initializer_range=0.06,
            tie_word_embeddings=False,
            **tokens,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=sizes.image_tokens,
        projector_hidden_act="gelu",
        vision_feature_select_strategy="default",
        # The tower is small: its last layer speaks, none is idle.
        vision_feature_layer=-1,
        tie_word_embeddings=False,
        **tokens,
    )
    model = LlavaForConditionalGeneration(config)
    cast(torch.nn.Module, model).to(torch.float32)
    model.generation_config = GenerationConfig(max_new_tokens=32, do_sample=False, **tokens)
    return model
