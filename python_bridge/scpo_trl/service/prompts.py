"""Plain prompts in the form a model was trained on."""

from __future__ import annotations

from typing import Any

from scpo_trl.errors import UserError


def render_prompt(processor: Any, text: str) -> str:
    """Render a prompt with the processor's chat template: one picture, then the text, then the answer's opening.

    Args:
        processor: A processor with a chat template.
        text: The prompt; one that holds the image token already stays as it is.

    Returns:
        Text for the processor, with one image token.

    Raises:
        UserError: The processor has no chat template.
    """
    if getattr(processor, "image_token", None) and processor.image_token in text:
        return text
    if not getattr(processor, "chat_template", None):
        raise UserError("the model's processor has no chat template; save one with the model (chat_template.jinja)")
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}
    return processor.apply_chat_template([message], add_generation_prompt=True, tokenize=False)
