"""Plain prompts in the form a model was trained on."""

from __future__ import annotations

from typing import Any

from scpo_trl.errors import UserError


def render_prompt(processor: Any, text: str, images: int = 1) -> str:
    """Render a prompt with the processor's chat template: the images, then the text, then the answer's opening.

    Args:
        processor: A processor with a chat template.
        text: The prompt; one that holds the image token already stays as it is.
        images: How many there are.

    Returns:
        Text for the processor, with an image token for each image.

    Raises:
        UserError: The processor has no chat template.
    """
    if getattr(processor, "image_token", None) and processor.image_token in text:
        if not images:
            raise UserError(f"prompts: found {processor.image_token} in a prompt without a picture")
        return text
    if not getattr(processor, "chat_template", None):
        raise UserError("the model's processor has no chat template; save one with the model (chat_template.jinja)")
    content = [{"type": "image"}] * images
    message = {"role": "user", "content": [*content, {"type": "text", "text": text}]}
    return processor.apply_chat_template([message], add_generation_prompt=True, tokenize=False)
