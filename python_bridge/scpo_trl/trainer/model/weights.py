"""Copies of the trainable weights: kept, blended, and put into the model for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from scpo_trl.errors import UserError

Weights = Mapping[str, Tensor]
"""Copies of the trainable parameters by name; under FSDP this process's shards."""


def _shard(parameter: Tensor) -> Tensor:
    """The part of a parameter that is in this process."""
    to_local = getattr(parameter, "to_local", None)
    return parameter if to_local is None else to_local()


def _reshard(model: nn.Module) -> None:
    """Frees what FSDP gathered for a forward pass, so that the parameters are this process's shards again."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def copy_weights(model: nn.Module, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Copies of the trainable parameters; the frozen ones are the same in policy and reference.

    With adapters, only the adapters, however many.

    Args:
        model: The policy, unwrapped.
        device: Where the copies go.

    Raises:
        UserError: the parameters are partitioned by DeepSpeed ZeRO-3.
    """
    _reshard(model)
    copies = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if hasattr(parameter, "ds_id"):
            raise UserError(
                "the reference's weights cannot be kept under DeepSpeed ZeRO-3, which partitions them: set "
                "reference_mode='table' with reference_update='stage', 'fixed', or 'steps' with reference_alpha=1"
            )
        copies[name] = _shard(parameter.detach()).to(device, copy=True)
    return copies


def blend_weights(policy: Weights, reference: Weights, alpha: float) -> dict[str, Tensor]:
    """alpha * policy + (1 - alpha) * reference, entry by entry.

    Source: the soft update of TR-DPO, arXiv 2404.09656, Eq. (5).
    """
    return {name: alpha * value + (1.0 - alpha) * reference[name] for name, value in policy.items()}


@contextmanager
def weights_swapped(model: nn.Module, weights: Weights) -> Iterator[None]:
    """Runs with other weights in the model, then restores its own to the bit.

    A parameter that is whole in this process only changes the memory that it points to; a shard, whose memory belongs
    to FSDP, is overwritten and written back.
    """
    _reshard(model)
    parameters = dict(model.named_parameters())
    own: dict[str, Tensor] = {}
    try:
        with torch.no_grad():
            for name, value in weights.items():
                parameter = parameters[name]
                if hasattr(parameter, "to_local"):
                    own[name] = _shard(parameter.detach()).clone()
                    _shard(parameter.detach()).copy_(value)
                else:
                    own[name] = parameter.data
                    parameter.data = value.to(parameter.device, parameter.dtype)
        yield
    finally:
        # What was gathered within holds the other weights.
        _reshard(model)
        with torch.no_grad():
            for name, value in own.items():
                parameter = parameters[name]
                if hasattr(parameter, "to_local"):
                    _shard(parameter.detach()).copy_(value)
                else:
                    parameter.data = value
