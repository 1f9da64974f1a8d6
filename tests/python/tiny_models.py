"""Vision-language models of several families, small enough to train in a test, with processors of their own classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    Gemma3Processor,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessorPil,
    LlavaNextProcessor,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessorPil,
    LlavaOnevisionProcessor,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Config,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    SiglipVisionConfig,
)

WORDS = "Describe the picture . a an dog cat car tree ball cup and USER: ASSISTANT: user assistant model".split()  # noqa: SIM905


class TinyModel(NamedTuple):
    """A model in float32 and its processor."""

    model: Any
    processor: Any


def _tokenizer(specials: list[str], *, eos: str, **named: str) -> Any:
    """A tokenizer of whole words; `specials` are cut out of the text wherever they stand."""
    tokens = ["<unk>", "<pad>", *dict.fromkeys([eos, *named.values(), *specials]), *WORDS]
    words = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.add_special_tokens(specials)
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", pad_token="<pad>", eos_token=eos, extra_special_tokens=named
    )


def _without_video(processor_class: Any) -> Any:
    """The class, which then takes no video processor: those need torchvision."""

    class WithoutVideo(processor_class):
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if argument is None and argument_name == "video_processor":
                return None
            return super().check_argument_for_proper_class(argument_name, argument)

    return WithoutVideo


def _template(user: str, image: str, after_user: str, assistant: str, after_assistant: str) -> str:
    """A chat template: a turn of the user with its images before its text, a turn of the assistant."""
    return (
        "{% for message in messages %}"
        f"{{% if message['role'] == 'user' %}}{{{{ {user!r} }}}}"
        "{% for part in message['content'] if part['type'] == 'image' %}"
        f"{{{{ {image!r} }}}}{{% endfor %}}"
        "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
        f"{{{{ {after_user!r} }}}}"
        f"{{% else %}}{{{{ {assistant!r} }}}}"
        "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
        f"{{{{ {after_assistant!r} }}}}{{% endif %}}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{{{{ {assistant!r} }}}}{{% endif %}}"
    )


CHATML: dict[str, str] = {
    "user": "<|im_start|>user\n",
    "after_user": "<|im_end|>\n",
    "assistant": "<|im_start|>assistant\n",
}

_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
}
_TOWER: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def _seeded(build: Callable[[], Any]) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build()


def _text(tokenizer: Any) -> dict[str, Any]:
    return {
        **_TEXT,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
    }


def llava() -> TinyModel:
    """LLaVA-1.5: CLIP, one square of 16 x 16 pixels in 4 tokens; its template does not end an answer."""
    tokenizer = _tokenizer(["<image>"], eos="</s>")
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}, do_convert_rgb=True
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("USER: ", "<image>\n", " ", "ASSISTANT: ", " "),
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**_TOWER, image_size=16, patch_size=8, projection_dim=32),
        text_config=LlamaConfig(**_text(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=4,
    )
    return TinyModel(_seeded(lambda: LlavaForConditionalGeneration(config)), processor)


def llava_next() -> TinyModel:
    """LLaVA-NeXT: CLIP, tiles of 16 x 16 pixels chosen by the image's proportions."""
    tokenizer = _tokenizer(["<image>", "[INST]", "[/INST]"], eos="</s>")
    grid = [[16, 32], [32, 16], [32, 32]]
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessorPil(
            size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}, image_grid_pinpoints=grid
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("[INST] ", "<image>\n", " [/INST] ", "", "</s>"),
    )
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(**_TOWER, image_size=16, patch_size=8, projection_dim=32),
        text_config=LlamaConfig(**_text(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grid,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=4,
    )
    return TinyModel(_seeded(lambda: LlavaNextForConditionalGeneration(config)), processor)


def llava_onevision() -> TinyModel:
    """LLaVA-OneVision: SigLIP and Qwen2, tiles of 16 x 16 pixels, one tile an image where a row has several."""
    tokenizer = _tokenizer(["<image>", "<video>", "<|im_start|>"], eos="<|im_end|>")
    grid = [[16, 32], [32, 16], [32, 32]]
    processor = _without_video(LlavaOnevisionProcessor)(
        image_processor=LlavaOnevisionImageProcessorPil(size={"height": 16, "width": 16}, image_grid_pinpoints=grid),
        tokenizer=tokenizer,
        num_image_tokens=4,
        vision_feature_select_strategy="full",
        chat_template=_template(image="<image>", after_assistant="<|im_end|>\n", **CHATML),
    )
    config = LlavaOnevisionConfig(
        vision_config=SiglipVisionConfig(**_TOWER, image_size=16, patch_size=8, vision_use_head=False),
        text_config=Qwen2Config(**_text(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=grid,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_9",
    )
    return TinyModel(_seeded(lambda: LlavaOnevisionForConditionalGeneration(config)), processor)


def gemma3() -> TinyModel:
    """Gemma 3: SigLIP, 4 tokens an image, which attend to each other both ways."""
    tokenizer = _tokenizer(
        ["<start_of_turn>", "<end_of_turn>"],
        eos="<eos>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        image_token="<image_soft_token>",
    )
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 16, "width": 16}),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=_template(
            "<start_of_turn>user\n",
            "<start_of_image>",
            "<end_of_turn>\n",
            "<start_of_turn>model\n",
            "<end_of_turn>\n",
        ),
    )
    config = Gemma3Config(
        vision_config=SiglipVisionConfig(**_TOWER, image_size=16, patch_size=4, vision_use_head=False).to_dict(),
        text_config=Gemma3TextConfig(**_text(tokenizer), head_dim=16, sliding_window=64).to_dict(),
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )

    def build() -> Gemma3ForConditionalGeneration:
        model = Gemma3ForConditionalGeneration(config)
        # It begins at zero, with which every image would look the same.
        torch.nn.init.normal_(model.model.multi_modal_projector.mm_input_projection_weight, std=0.2)
        return model

    return TinyModel(_seeded(build), processor)


_QWEN_TOWER: dict[str, Any] = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": 32,
    "patch_size": 4,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}


def _qwen_processor(kind: Any) -> Any:
    marks = ["<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    tokenizer = _tokenizer(marks, eos="<|im_end|>")
    return _without_video(kind)(
        image_processor=Qwen2VLImageProcessorPil(
            patch_size=4, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 64, "longest_edge": 4096}
        ),
        tokenizer=tokenizer,
        chat_template=_template(
            image="<|vision_start|><|image_pad|><|vision_end|>", after_assistant="<|im_end|>\n", **CHATML
        ),
    )


def _qwen_tokens(tokenizer: Any) -> dict[str, Any]:
    marks = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    return {f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{mark}|>") for name, mark in marks.items()}


def qwen2_5_vl() -> TinyModel:
    """Qwen2.5-VL: patches of 4 x 4 pixels at the image's own resolution, positions in three dimensions."""
    processor = _qwen_processor(Qwen2_5_VLProcessor)
    tokenizer = processor.tokenizer
    config = Qwen2_5_VLConfig(
        vision_config={
            **_QWEN_TOWER,
            "window_size": 16,
            "fullatt_block_indexes": [1],
        },
        text_config={
            **_text(tokenizer),
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
        },
        **_qwen_tokens(tokenizer),
    )
    return TinyModel(_seeded(lambda: Qwen2_5_VLForConditionalGeneration(config)), processor)


def qwen3_vl() -> TinyModel:
    """Qwen3-VL: as Qwen2.5-VL; features of an inner layer of the tower are added within the language model too."""
    processor = _qwen_processor(Qwen3VLProcessor)
    tokenizer = processor.tokenizer
    config = Qwen3VLConfig(
        vision_config={
            **_QWEN_TOWER,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        text_config={
            **_text(tokenizer),
            "head_dim": 16,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [3, 3, 2]},
        },
        **_qwen_tokens(tokenizer),
    )
    return TinyModel(_seeded(lambda: Qwen3VLForConditionalGeneration(config)), processor)


FAMILIES: dict[str, Callable[[], TinyModel]] = {
    "llava-1.5": llava,
    "llava-next": llava_next,
    "llava-onevision": llava_onevision,
    "gemma-3": gemma3,
    "qwen2.5-vl": qwen2_5_vl,
    "qwen3-vl": qwen3_vl,
}
"""Builders by family: the same weights every time."""
