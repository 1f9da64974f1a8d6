"""Which layers of a model FSDP shards one by one."""

from __future__ import annotations

from typing import Any

from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy


def name_sharded_layers(model: Any, plugin: Any) -> None:
    """Names the layers that FSDP shards one by one, where the user named none: those of the language model.

    Left to itself, accelerate takes the model's own list, and refuses one with a class that the model lacks. LLaVA's
    holds such: its tower brings along the list of the whole of CLIP, text encoder included. The tower is sharded with
    the rest in one piece, since processes need not encode the same number of images at the same time.

    Args:
        model: The policy, unwrapped.
        plugin: accelerate's settings of FSDP, which are changed; None: the training is not sharded so.
    """
    if plugin is None or plugin.auto_wrap_policy is not transformer_auto_wrap_policy:
        return
    if plugin.transformer_cls_names_to_wrap is None:
        there = {type(module).__name__ for module in model.get_decoder().modules()}
        plugin.transformer_cls_names_to_wrap = sorted(there.intersection(model._no_split_modules or ()))
