"""Image encoders besides the trained model, for s_CLIP and d_OT: CLIP, SigLIP, DINOv2 and what is built like them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import PIL.Image
import torch
import transformers
from torch import Tensor

from scpo_trl.errors import UserError

Image = PIL.Image.Image


class ImageEncoder:
    """Turns images into one embedding each, or one feature a patch.

    Args:
        folder: A saved model with config.json, safetensors and preprocessor_config.json.
        device: Where it computes.
        field: Name of the request's field, for messages.

    Raises:
        UserError: The folder holds no such model.
    """

    def __init__(self, folder: Path, device: torch.device, field: str) -> None:
        self._folder = folder
        self._field = field
        if not any(folder.glob("*.safetensors")):
            raise UserError(f"{field}: {folder} has no .safetensors file, expected an image encoder in that format")
        try:
            # Left out, trust_remote_code would be asked for on the terminal.
            safe = {"local_files_only": True, "trust_remote_code": False}
            self._processor: Any = transformers.AutoImageProcessor.from_pretrained(folder, **safe)
            model: Any = transformers.AutoModel.from_pretrained(folder, use_safetensors=True, **safe)
        except Exception as error:
            # Damaged configs and weights raise almost anything.
            raise UserError(f"{field}: {folder} cannot be loaded ({type(error).__name__}: {error})") from error
        self._model = model.to(device).eval()
        vision = getattr(model, "vision_model", model)
        config = getattr(model.config, "vision_config", None) or model.config
        if not hasattr(config, "patch_size"):
            raise UserError(
                f"{field}: {folder} holds a {type(model).__name__}, expected a vision transformer such as CLIP, SigLIP "
                "or DINOv2"
            )
        self._vision: Any = vision
        self._patch = int(config.patch_size)

    @property
    def image_processor(self) -> Any:
        """What images go through first."""
        return self._processor

    def embeddings(self, images: Sequence[Image]) -> Tensor:
        """Give one embedding an image: the joint space of image and text where there is one, else the pooled output.

        Args:
            images: In RGB, B of them.

        Returns:
            Shape (B, D), float32.
        """
        inputs = self._inputs(images)
        if hasattr(self._model, "get_image_features"):
            found = self._model.get_image_features(**inputs)
            return _pooled(found).float()
        return _pooled(self._vision(**inputs)).float()

    def patches(self, images: Sequence[Image]) -> Tensor:
        """Give one feature a patch, without class and register tokens.

        Args:
            images: In RGB, B of them.

        Returns:
            Shape (B, P, D), float32.
        """
        inputs = self._inputs(images)
        height, width = inputs["pixel_values"].shape[-2:]
        count = (height // self._patch) * (width // self._patch)
        hidden = self._vision(**inputs).last_hidden_state
        # Class and register tokens precede the patches in all of them.
        extra = hidden.shape[1] - count
        if extra < 0:
            raise UserError(
                f"{self._field}: {self._folder} gives {hidden.shape[1]} features for {count} patches; expected "
                "one a patch, as CLIP, SigLIP and DINOv2 give"
            )
        return hidden[:, extra:].float()

    def _inputs(self, images: Sequence[Image]) -> dict[str, Tensor]:
        pixels = self._processor(images=list(images), return_tensors="pt")["pixel_values"]
        return {"pixel_values": pixels.to(self._model.device, self._model.dtype)}


def _pooled(output: Any) -> Tensor:
    """The embedding of an output that some versions wrap and others do not."""
    if isinstance(output, Tensor):
        return output
    pooled = getattr(output, "pooler_output", None)
    return output.last_hidden_state.mean(dim=1) if pooled is None else pooled
