"""Tiny models of several families as folders that the service loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiny_models import TinyModel, llava, llava_next, qwen2_5_vl, qwen3_vl
from transformers import AutoProcessor, Qwen2_5_VLConfig, Qwen2_5_VLProcessor, Qwen3VLConfig, Qwen3VLProcessor


class _PicturesAlone:
    """A processor without that of videos, which needs torchvision."""

    @classmethod
    def get_attributes(cls) -> list[str]:
        return [name for name in super().get_attributes() if name != "video_processor"]  # type: ignore[misc]

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        if argument is None and argument_name == "video_processor":
            return None
        return super().check_argument_for_proper_class(argument_name, argument)  # type: ignore[misc]


class PicturesAlone(_PicturesAlone, Qwen2_5_VLProcessor):
    """Qwen2.5-VL's."""


class PicturesAlone3(_PicturesAlone, Qwen3VLProcessor):
    """Qwen3-VL's."""


AutoProcessor.register(Qwen2_5_VLConfig, PicturesAlone, exist_ok=True)
AutoProcessor.register(Qwen3VLConfig, PicturesAlone3, exist_ok=True)


def _in_folders(build: Callable[[], TinyModel], processor_class: type[Any]) -> TinyModel:
    model, processor = build()
    return TinyModel(
        model,
        processor_class(
            image_processor=processor.image_processor,
            tokenizer=processor.tokenizer,
            chat_template=processor.chat_template,
        ),
    )


FAMILIES: dict[str, Callable[[], TinyModel]] = {
    "llava-1.5": llava,
    "llava-next": llava_next,
    "qwen2.5-vl": lambda: _in_folders(qwen2_5_vl, PicturesAlone),
    "qwen3-vl": lambda: _in_folders(qwen3_vl, PicturesAlone3),
}
"""Builders by family: the same weights every time."""


def save_family(name: str, folder: Path, dtype: Any = None) -> None:
    """Writes a family's model and processor into a folder."""
    model, processor = FAMILIES[name]()
    (model if dtype is None else model.to(dtype)).save_pretrained(folder)
    processor.save_pretrained(folder)
