"""Tiny models of several families as folders that the service loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiny_models import TinyModel, llava, qwen2_5_vl
from transformers import AutoProcessor, Qwen2_5_VLConfig, Qwen2_5_VLProcessor


class PicturesAlone(Qwen2_5_VLProcessor):
    """Qwen2.5-VL's processor without that of videos, which needs torchvision."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        return [name for name in super().get_attributes() if name != "video_processor"]

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        if argument is None and argument_name == "video_processor":
            return None
        return super().check_argument_for_proper_class(argument_name, argument)


AutoProcessor.register(Qwen2_5_VLConfig, PicturesAlone, exist_ok=True)


def _qwen() -> TinyModel:
    model, processor = qwen2_5_vl()
    return TinyModel(
        model,
        PicturesAlone(
            image_processor=processor.image_processor,
            tokenizer=processor.tokenizer,
            chat_template=processor.chat_template,
        ),
    )


FAMILIES: dict[str, Callable[[], TinyModel]] = {"llava-1.5": llava, "qwen2.5-vl": _qwen}
"""Builders by family: the same weights every time."""


def save_family(name: str, folder: Path, dtype: Any = None) -> None:
    """Writes a family's model and processor into a folder."""
    model, processor = FAMILIES[name]()
    (model if dtype is None else model.to(dtype)).save_pretrained(folder)
    processor.save_pretrained(folder)
