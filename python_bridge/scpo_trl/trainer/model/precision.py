"""The types of a training: float32 weights, whatever they were stored in, and what the passes compute in.

A step of AdamW moves a weight by about the learning rate. bfloat16 keeps 8 bits of a weight, so that a step of 1e-6
rounds away from every weight above about 5e-4; float16 keeps 11, and Adam's epsilon of 1e-8 is 0 in it, so that a step
is no longer bounded by the learning rate. Weights under training are therefore float32, and the passes may compute in
16 bits on them ("mixed precision").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

from scpo_trl.errors import UserError

Precision = Literal["auto", "float32", "bf16", "fp16"]
"""What the passes compute in; auto: bfloat16 where the model was stored in 16 bits, else the weights' own type."""

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def stored_dtype(model: nn.Module) -> torch.dtype:
    """The type that a model's weights were stored in, just after loading: the narrowest that a weight has."""
    dtypes = {value.dtype for value in model.parameters() if value.is_floating_point()}
    return min(dtypes, key=lambda dtype: dtype.itemsize, default=torch.float32)


def widen_weights(model: nn.Module) -> None:
    """Makes every weight that is narrower than float32 a float32, in place; no value changes."""
    for value in _narrow(model):
        value.data = value.data.float()
    config: Any = getattr(model, "config", None)
    if config is not None:
        config.dtype = next(model.parameters()).dtype


def autocast_dtype(precision: Precision, stored: torch.dtype, device: torch.device, field: str) -> torch.dtype | None:
    """What the passes of a training compute in where that is not the type of the weights.

    Args:
        precision: As asked for.
        stored: The type that the weights were stored in.
        device: Where the training computes.
        field: The setting, for the message.

    Raises:
        UserError: The device cannot compute so.
    """
    if precision == "auto":
        return torch.bfloat16 if stored.itemsize < torch.float32.itemsize and _has_bfloat16(device) else None
    if precision == "fp16" and device.type != "cuda":
        raise UserError(
            f"{field}: found fp16 on {device.type}, expected a CUDA GPU, since its gradients are scaled there alone: "
            "set bf16, or float32"
        )
    if precision == "bf16" and not _has_bfloat16(device):
        raise UserError(f"{field}: found bf16, which this GPU does not compute in: set fp16, or float32")
    return _AUTOCAST.get(precision)


def dtype_name(dtype: torch.dtype | None) -> str:
    """A type's name, such as bfloat16; empty for None."""
    return "" if dtype is None else str(dtype).removeprefix("torch.")


def _has_bfloat16(device: torch.device) -> bool:
    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def _narrow(model: nn.Module) -> Iterator[Tensor]:
    for value in (*model.parameters(), *model.buffers()):
        if value.is_floating_point() and value.dtype.itemsize < torch.float32.itemsize:
            yield value
