"""Whether a training can move what it trains: some weights, of a type that holds a step."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from scpo_trl.errors import UserError
from scpo_trl.trainer.model.precision import dtype_name

SAMPLED = 65536
"""Weights of a parameter that are looked at, spread over it."""


def require_trainable(model: nn.Module, frozen_prefixes: Sequence[str]) -> None:
    """Refuses a model of which nothing is trained.

    Raises:
        UserError: No parameter requires a gradient.
    """
    if any(parameter.requires_grad for parameter in model.parameters()):
        return
    if frozen_prefixes:
        raise UserError("frozen_prefixes: every parameter is frozen; leave some to train")
    if hasattr(model, "peft_config"):
        raise UserError(
            "model: none of its adapters' weights are trained: load the adapter with is_trainable=True, as in "
            "PeftModel.from_pretrained(model, folder, is_trainable=True)"
        )
    raise UserError("model: none of its parameters has requires_grad: set requires_grad_(True) on those to train")


def check_weight_type(model: nn.Module, learning_rate: float) -> None:
    """Refuses weights under training that no optimiser step fits, and warns where most steps of a rate round away.

    Adapters are left as they are: theirs begin at 0, and the libraries choose their type.

    Args:
        model: The policy, unwrapped.
        learning_rate: Its peak, about which a step of AdamW moves a weight.

    Raises:
        UserError: Weights of the whole model are trained in float16.
    """
    if hasattr(model, "peft_config"):
        return
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    narrow = {parameter.dtype for parameter in trained if parameter.dtype.itemsize < torch.float32.itemsize}
    mend = "load the model with dtype float32 and set bf16=True, so that the passes alone compute in bfloat16"
    if torch.float16 in narrow:
        raise UserError(
            "model: its weights are trained in float16, in which the optimiser's epsilon is 0 and steps are hundreds "
            f"of times too long: {mend}"
        )
    if not narrow:
        return
    share = _share_lost(trained, learning_rate)
    warnings.warn(
        f"the weights are trained in {', '.join(sorted(map(dtype_name, narrow)))}: a step of learning_rate "
        f"{learning_rate:g} rounds away from {100 * share:.1f} % of them, which do not move: {mend}; or train an "
        "adapter",
        stacklevel=4,
    )


@torch.no_grad()
def _share_lost(parameters: Sequence[Any], step: float) -> float:
    lost = total = 0.0
    for parameter in parameters:
        values = parameter.detach().flatten()[:: max(1, parameter.numel() // SAMPLED)]
        unmoved = (values + step == values) & (values - step == values)
        lost += unmoved.double().mean().item() * parameter.numel()
        total += parameter.numel()
    return lost / total
