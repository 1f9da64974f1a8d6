"""The tokens that a tokenizer puts before a text, by the rule of transformers' `apply_chat_template`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_ANY_TEXT = "a"


class SequenceStart:
    """Puts the beginning-of-sequence token before prompts that do not begin with it, where the tokenizer adds one.

    As `processor.apply_chat_template(..., tokenize=True)` does for a prompt alone; decided for each row, so that a
    batch may hold prompts of both kinds. What a tokenizer adds after a text is left out: a completion follows.

    Args:
        tokenizer: Of the model's processor.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._begin: str | None = tokenizer.bos_token
        bare = tokenizer(_ANY_TEXT, add_special_tokens=False)["input_ids"]
        whole = tokenizer(_ANY_TEXT)["input_ids"]
        starts = (at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
        self._tokens: list[int] = whole[: next(starts, 0)]
        pad = tokenizer.pad_token_id
        self._pad: int = tokenizer.eos_token_id if pad is None else pad

    def tokens(self, prompt: str) -> list[int]:
        """What precedes a prompt's own tokens."""
        return [] if self._begin is not None and prompt.startswith(self._begin) else self._tokens

    def put_before(self, inputs: Mapping[str, Any], prompts: Sequence[str], of_tokens: Sequence[str]) -> dict[str, Any]:
        """A processor's output with the starts of its prompts.

        Args:
            inputs: Of prompts processed with `add_special_tokens=False` and padded on the left.
            prompts: The B texts.
            of_tokens: Names of the entries that have a value for each token, (B, P); zero is their value for a start,
                but for `input_ids` and `attention_mask`.
        """
        starts = [self.tokens(prompt) for prompt in prompts]
        width = max(map(len, starts), default=0)
        if width == 0:
            return dict(inputs)
        mask = inputs["attention_mask"]
        first = (mask.shape[1] - mask.sum(dim=1)).tolist()
        longer = {name: values for name, values in inputs.items() if name in of_tokens}
        for name, values in longer.items():
            filled: Tensor = F.pad(values, (width, 0), value=self._pad if name == "input_ids" else 0)
            if name in ("input_ids", "attention_mask"):
                for row, start in enumerate(starts):
                    end = width + first[row]
                    filled[row, end - len(start) : end] = torch.tensor(start) if name == "input_ids" else 1
            longer[name] = filled
        return {**inputs, **longer}
