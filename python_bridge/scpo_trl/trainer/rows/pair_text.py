"""A pair's texts as the tokenizer sees them, from plain text or from messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jinja2
from transformers import ProcessorMixin
from trl.data_utils import apply_chat_template, is_conversational, prepare_multimodal_messages

from scpo_trl.errors import UserError

Messages = list[dict[str, Any]]

FOR_THE_TEMPLATE = ("chat_template_kwargs", "tools")
"""TRL's columns for what a chat template takes besides messages, such as `{"enable_thinking": False}`."""

_REMEMBERED = 65_536
"""Plain rows whose rendering is kept."""


class RenderedPair(NamedTuple):
    """A pair's texts as the tokenizer sees them."""

    prompt: str
    chosen: str
    rejected: str


class PairRenderer:
    """Renders the texts of rows.

    A prompt of plain text without the image token becomes a user's message with the images before the text and is
    rendered with the chat template, generation prompt on. A prompt that holds the image token stays as it is. Messages
    are rendered with the chat template; without `prompt` it is what the messages of `chosen` and `rejected` share at
    their beginning. Both forms end with the end-of-sequence token, unless the chat template has already ended the text
    with a special token.

    Args:
        processor: Processor of the model.
    """

    def __init__(self, processor: ProcessorMixin) -> None:
        self._processor: Any = processor
        self._rendered: dict[tuple[str, str, str, str, int], RenderedPair] = {}

    def render(self, row: Mapping[str, Any], images: int, name: str) -> RenderedPair:
        """The texts of a row.

        Args:
            row: Has `chosen`, `rejected` and, unless they are messages that share their beginning, `prompt`.
            images: Images of the row; 0 renders the prompt with its images left out.
            name: What messages call the row.

        Raises:
            UserError: The texts are neither all plain nor all messages, or cannot be rendered.
        """
        prompt, chosen, rejected = pair_texts(row, name)
        further = _for_the_template(row)
        if not isinstance(prompt, str):
            return self._render_messages(prompt, chosen, rejected, further, images, name)
        key = (prompt, chosen, rejected, json.dumps(further, sort_keys=True, default=str), images)
        if key not in self._rendered:
            if len(self._rendered) >= _REMEMBERED:
                self._rendered.clear()
            self._rendered[key] = self._render_text(prompt, chosen, rejected, further, images, name)
        return self._rendered[key]

    def _render_text(
        self, prompt: str, chosen: str, rejected: str, further: dict[str, Any], images: int, name: str
    ) -> RenderedPair:
        token = getattr(self._processor, "image_token", None)
        if token is not None and token in prompt:
            if images == 0:
                prompt = _without_image_tokens(prompt, token)
            elif prompt.count(token) != images:
                raise UserError(
                    f"{name} has {images} images but {prompt.count(token)} times {token} in its prompt: expected one "
                    "for each image"
                )
            end = self._processor.tokenizer.eos_token or ""
            return RenderedPair(prompt, _ending_with(chosen, end), _ending_with(rejected, end))
        return self._render_messages(
            [{"role": "user", "content": prompt}],
            [{"role": "assistant", "content": chosen}],
            [{"role": "assistant", "content": rejected}],
            further,
            images,
            name,
        )

    def _render_messages(
        self,
        prompt: Messages,
        chosen: Messages,
        rejected: Messages,
        further: dict[str, Any],
        images: int,
        name: str,
    ) -> RenderedPair:
        if getattr(self._processor, "chat_template", None) is None:
            raise UserError(
                "the processor has no chat template to render a prompt without an image token: give it one "
                f"(processor.chat_template) or write {getattr(self._processor, 'image_token', 'the image token')} "
                "into the prompts"
            )
        if images == 0:
            prompt = _without_image_parts(prompt)
        rendered = self._apply_template(prompt, chosen, rejected, further, images, name)
        # A text may already end as the template ends it.
        for column, messages in (("chosen", chosen), ("rejected", rejected)):
            end = self._special_end(_last_text(messages))
            if end is None:
                continue
            bare = _without_end(messages, end)
            other = rejected if column == "chosen" else chosen
            both = (bare, other) if column == "chosen" else (other, bare)
            ended = self._apply_template(prompt, *both, further, images, name)[column]
            if ended.rstrip().endswith(end):
                rendered[column] = ended
        return RenderedPair(rendered["prompt"], self._ended(rendered["chosen"]), self._ended(rendered["rejected"]))

    def _apply_template(
        self,
        prompt: Messages,
        chosen: Messages,
        rejected: Messages,
        further: dict[str, Any],
        images: int,
        name: str,
    ) -> dict[str, str]:
        # The template only needs to know where images are, so a placeholder serves for both images of a pair.
        try:
            example = {
                "prompt": prepare_multimodal_messages(prompt, images=["image"] * images),
                "chosen": prepare_multimodal_messages(chosen, images=[]),
                "rejected": prepare_multimodal_messages(rejected, images=[]),
                "chat_template_kwargs": further.get("chat_template_kwargs", {}),
            }
            return apply_chat_template(example, self._processor, tools=further.get("tools"))
        except (ValueError, TypeError, jinja2.TemplateError) as error:
            raise UserError(f"{name} cannot be rendered with the chat template: {error}{_mend(error)}") from error

    def _ended(self, completion: str) -> str:
        """The completion with an end-of-sequence token, unless the template ended it with a special token itself."""
        if self._special_end(completion) is not None:
            return completion
        return completion.rstrip() + (self._processor.tokenizer.eos_token or "")

    def _special_end(self, text: str) -> str | None:
        """The special token that a text ends with."""
        stripped = text.rstrip()
        specials = (str(token) for token in self._processor.tokenizer.added_tokens_decoder.values() if token.special)
        return next((token for token in specials if stripped.endswith(token)), None)


def pair_texts(row: Mapping[str, Any], name: str) -> tuple[Any, Any, Any]:
    """Prompt, chosen and rejected of a row: three plain texts, or three lists of messages.

    Args:
        row: Has `chosen` and `rejected`; `prompt` too, unless they are messages that share their beginning.
        name: What messages call the row.

    Raises:
        UserError: The texts are neither all plain nor all messages, or messages share no beginning.
    """
    prompt, chosen, rejected = row.get("prompt"), row.get("chosen"), row.get("rejected")
    if all(isinstance(text, str) for text in (prompt, chosen, rejected)):
        return prompt, chosen, rejected
    if not all(_is_messages(text) for text in (chosen, rejected, *([prompt] if prompt else []))):
        raise UserError(f"{name}: expected prompt, chosen and rejected to be all text or all messages")
    chosen, rejected = _plain_messages(chosen or []), _plain_messages(rejected or [])
    if prompt:
        return _plain_messages(prompt), chosen, rejected
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    if shared == 0:
        raise UserError(
            f"{name} has no prompt, and the messages of chosen and rejected do not begin alike: give it a prompt"
        )
    return chosen[:shared], chosen[shared:], rejected[shared:]


def _mend(error: Exception) -> str:
    """What to do about a template that joins contents as if they were text."""
    # The service renders in another process, and its refusal names what was raised there.
    if not isinstance(error, TypeError) and "TypeError:" not in str(error):
        return ""
    return (
        "; it takes text alone where messages with images hold lists of parts: give the processor the chat template "
        "of a vision-language model, or write the image token into the prompts"
    )


def _for_the_template(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the row's chat template takes besides messages, without the empty keys that a column of structs fills in."""
    further: dict[str, Any] = {}
    if given := row.get("chat_template_kwargs"):
        further["chat_template_kwargs"] = _filled(given)
    if tools := row.get("tools"):
        further["tools"] = json.loads(tools) if isinstance(tools, str) else tools
    return further


def _is_messages(value: Any) -> bool:
    return bool(value) and is_conversational({"prompt": value})


def _plain_messages(messages: Sequence[Mapping[str, Any]]) -> Messages:
    """Messages without the empty keys that a column of structs fills in."""
    return [
        {
            key: [_filled(part) for part in value] if key == "content" and isinstance(value, list) else value
            for key, value in _filled(message).items()
        }
        for message in messages
    ]


def _filled(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}


def _last_text(messages: Messages) -> str:
    """The text that the last message ends with; empty where it ends with something else."""
    content = messages[-1].get("content") if messages else None
    if isinstance(content, list):
        content = content[-1].get("text") if content else None
    return content if isinstance(content, str) else ""


def _without_end(messages: Messages, end: str) -> Messages:
    """The messages without the end of the last one's text."""
    *before, last = messages
    bare = _last_text(messages).rstrip().removesuffix(end).rstrip()
    content = last["content"]
    cut = [*content[:-1], {**content[-1], "text": bare}] if isinstance(content, list) else bare
    return [*before, {**last, "content": cut}]


def _without_image_parts(messages: Messages) -> Messages:
    return [
        {**message, "content": [part for part in message["content"] if part.get("type") != "image"]}
        if isinstance(message.get("content"), list)
        else message
        for message in messages
    ]


def _without_image_tokens(prompt: str, token: str) -> str:
    """The prompt without image tokens, the markers that Qwen's models set around them, and the line break after."""
    return re.sub(rf"(<\|vision_start\|>)?{re.escape(token)}(<\|vision_end\|>)?\n?", "", prompt)


def _ending_with(text: str, end: str) -> str:
    return text if text.endswith(end) else text + end
