"""Whether a model and its processor have what training on contrast pairs needs."""

from __future__ import annotations

import inspect
from typing import Any

from transformers import PreTrainedTokenizerBase

from scpo_trl.errors import UserError


def require_support(model: Any, processor: Any) -> None:
    """Refuses a model or processor that cannot train on images with texts.

    Args:
        model: The policy, with or without adapters.
        processor: Its processor.

    Raises:
        UserError: The processor takes no images or has no tokenizer, the tokenizer has nothing to pad with, the model
            has a Q-Former, its forward takes no pixels, its embeddings are fewer than the tokens, or model and
            processor name different image tokens.
    """
    base: Any = model
    while callable(inner := getattr(base, "get_base_model", None)):
        base = inner()
    require_processor(processor, type(base).__name__)
    if getattr(base.config, "qformer_config", None) is not None:
        raise UserError(
            f"{type(base).__name__} reads images through a Q-Former, which is not supported: take a model that reads "
            "image tokens in its text, such as LLaVA, Qwen2.5-VL or Gemma 3"
        )
    taken = inspect.signature(base.forward).parameters
    if "pixel_values" not in taken:
        raise UserError(
            f"{type(base).__name__} takes no pixel_values: expected a vision-language model, such as "
            "LlavaForConditionalGeneration; load it with AutoModelForImageTextToText"
        )
    embeddings, tokens = base.get_input_embeddings().num_embeddings, len(processor.tokenizer)
    if embeddings < tokens:
        raise UserError(
            f"{type(base).__name__} has {embeddings} embeddings for {tokens} tokens: load the processor that belongs "
            "to the model, or call model.resize_token_embeddings(len(processor.tokenizer))"
        )
    ours = getattr(base.config, "image_token_id", None) or getattr(base.config, "image_token_index", None)
    named = (getattr(part, "image_token_id", None) for part in (processor, processor.tokenizer))
    theirs = {int(token) for token in named if token is not None}
    if ours is not None and theirs and ours not in theirs:
        raise UserError(
            f"{type(base).__name__} looks for images at token {ours}, {type(processor).__name__} puts them at token "
            f"{', '.join(map(str, sorted(theirs)))}: load the processor that belongs to the model"
        )


def require_processor(processor: Any, model: str) -> None:
    """Refuses a processor that cannot turn images with texts into a model's inputs.

    Args:
        processor: What the user gave as such.
        model: What messages call the model.

    Raises:
        UserError: It takes no images or has no tokenizer, or the tokenizer has nothing to pad with.
    """
    found = type(processor).__name__
    if isinstance(processor, PreTrainedTokenizerBase) or getattr(processor, "image_processor", None) is None:
        raise UserError(
            f"processing_class is a {found}, which takes no images: expected the processor of {model}; load it with "
            "AutoProcessor"
        )
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None:
        raise UserError(f"{found} has no tokenizer: expected the processor of {model}; load it with AutoProcessor")
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is None:
        raise UserError(f"the tokenizer of {found} has neither a padding nor an end-of-sequence token: set pad_token")
