"""Operations of torch's attention on a CPU, which its counter does not know.

Counted is what the kernel computes: all scores where a mask is added to them, those up to the diagonal where it is
causal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import sdpa_backward_flop_count, sdpa_flop_count

Shape = tuple[int, ...]


def _forward(
    query: Shape, key: Shape, value: Shape, dropout_p: float = 0.0, is_causal: bool = False, **options: Any
) -> int:
    return _computed(sdpa_flop_count(query, key, value), key[2], is_causal)


def _backward(
    grad_out: Shape,
    query: Shape,
    key: Shape,
    value: Shape,
    out: Shape,
    logsumexp: Shape,
    dropout_p: float,
    is_causal: bool,
    **options: Any,
) -> int:
    return _computed(sdpa_backward_flop_count(grad_out, query, key, value), key[2], is_causal)


def _computed(whole: int, columns: int, is_causal: bool) -> int:
    return whole * (columns + 1) // (2 * columns) if is_causal else whole


CPU_ATTENTION = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _forward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _backward,
}
