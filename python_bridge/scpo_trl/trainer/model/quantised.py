"""Adapters on a base that bitsandbytes holds in 4 or 8 bits."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def keep_differentiable(model: Any) -> None:
    """Has layers of 4 bits on a CPU keep the form that a training can differentiate.

    On CPUs with AVX512-BF16 bitsandbytes packs a layer's weights anew at its first evaluation, for a kernel that is
    faster and has no backward pass; the layer then stays so, and a table of references is made before any training.
    """
    for module in model.modules():
        if getattr(module, "support_avx512bf16_for_cpu", False):
            module.support_avx512bf16_for_cpu = False


def trainable_weights(model: Any) -> dict[Any, Tensor]:
    """What a model's trainable parameters hold; none of a model that is still to be loaded."""
    if not isinstance(model, torch.nn.Module):
        return {}
    return {parameter: parameter.data for parameter in model.parameters() if parameter.requires_grad}


def keep_adapter_type(model: Any, before: dict[Any, Tensor]) -> None:
    """Gives an adapter on a quantised base float32 again.

    The stock trainer makes its weights bfloat16, in which a step of AdamW at a small rate moves few of them.

    Args:
        model: The policy.
        before: What `trainable_weights` held before the stock trainer had it.
    """
    if not (getattr(model, "is_loaded_in_4bit", False) or getattr(model, "is_loaded_in_8bit", False)):
        return
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype == torch.bfloat16:
            parameter.data = before.get(parameter, parameter.data.float())
