"""SDPA over rows with a shared prompt: the causal kernel for prompt and first text, a mask for the second text alone.

A mask over the whole row would make the kernel compute the scores that it hides, which are half of them.

Shape legend: R rows, H heads, L columns, C of them causal, D width of a head.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, cat
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS, AttentionInterface

CAUSAL_COLUMNS = "scpo_causal_columns"
"""Keyword of the model's forward: C; the mask then holds the columns after them alone, (R, 1, L - C, L)."""


def register_prefix_attention() -> None:
    """Makes transformers' attention `sdpa` heed `CAUSAL_COLUMNS`; without the keyword it is what it was."""
    usual: Any = ALL_ATTENTION_FUNCTIONS["sdpa"]
    if getattr(usual, "heeds_causal_columns", False):
        return

    def sdpa(
        module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
    ) -> tuple[Tensor, None]:
        causal = options.pop(CAUSAL_COLUMNS, None)
        if causal is None:
            return usual(module, query, key, value, attention_mask, **options)
        queries, masked = query.split((causal, query.shape[2] - causal), dim=2)
        first, _ = usual(module, queries, key[:, :, :causal], value[:, :, :causal], None, **options)
        second, _ = usual(module, masked, key, value, attention_mask, **options)
        return cat((first, second), dim=1), None

    sdpa.heeds_causal_columns = True  # type: ignore[attr-defined]
    AttentionInterface.register("sdpa", sdpa)
