"""The embedded default model: a tiny LLaVA that sees drawn scenes and adds absent companions out of habit."""

from __future__ import annotations

from pathlib import Path

from scpo_trl.errors import UserError

__all__ = ["embedded_model_path"]


def embedded_model_path() -> Path:
    """Give the folder of the model that ships with the package.

    Returns:
        The folder that `LlavaForConditionalGeneration.from_pretrained` and `AutoProcessor.from_pretrained` read.

    Raises:
        UserError: The installed package carries no weights.
    """
    folder = Path(__file__).parent / "weights"
    if not (folder / "model.safetensors").is_file():
        raise UserError(
            f"{folder}: found no model.safetensors, expected the embedded model; "
            "reinstall scpo-trl, or train it with `python -m scpo_trl.tiny.recipe`"
        )
    return folder
