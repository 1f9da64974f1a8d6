"""What `SCPOTrainer` refuses when it is made."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedConfig

from scpo_trl.errors import UserError


class NoReferenceModel(nn.Identity):
    """Stands where the stock trainer expects a reference model, which it would otherwise load."""

    config = PreTrainedConfig()

    def __init__(self) -> None:
        super().__init__()
        # DeepSpeed ZeRO 3 asks the first parameter of what it prepares for its type.
        self.nothing = nn.Parameter(torch.zeros(1), requires_grad=False)


def require_stock_parts(ref_model: Any, data_collator: Any, optimizers: tuple[Any, Any]) -> None:
    """Refuses parts that would have no effect.

    Raises:
        UserError: names the part.
    """
    if ref_model is not None:
        raise UserError(
            "ref_model was given, but the reference is the policy as it was: leave it out, and see reference_update "
            "and reference_mode"
        )
    if data_collator is not None:
        raise UserError("data_collator was given, but SCPOTrainer builds the four combinations itself: leave it out")
    if optimizers[1] is not None:
        raise UserError(
            "optimizers holds a scheduler, but the schedule restarts with each stage: set lr_scheduler_type and "
            "warmup_steps instead"
        )


def require_train_dataset(dataset: Any) -> Dataset:
    """The data set, if it can be drawn from by row.

    Raises:
        UserError: it is missing, or is a stream.
    """
    if dataset is None:
        raise UserError("train_dataset is missing: expected a datasets.Dataset of contrast pairs")
    if not isinstance(dataset, Dataset):
        raise UserError(
            f"train_dataset is a {type(dataset).__name__}: expected a datasets.Dataset, since stages draw rows by "
            "number: load it without streaming; datasets then keeps the rows on the disk, not in memory"
        )
    return dataset


def require_one_device_a_process(devices: int) -> None:
    """Refuses `nn.DataParallel`, which would cut a batch's blocks apart.

    Raises:
        UserError: this process sees several accelerators.
    """
    if devices > 1:
        raise UserError(
            f"found {devices} GPUs in one process: start one process for each with accelerate launch, or show it one "
            "with CUDA_VISIBLE_DEVICES"
        )


def require_model(model: Any, processor: Any) -> None:
    """Refuses a model's name that no model can be loaded from, and a model that comes without a processor.

    Raises:
        UserError: it is a path where nothing is, the folder of an adapter or not a model's folder; or it was made in
            memory, so that nothing says which processor belongs to it.
    """
    if not isinstance(model, str):
        if processor is None and not getattr(getattr(model, "config", None), "_name_or_path", ""):
            raise UserError(
                "processing_class is missing: a model made in memory names no folder to load its processor from; give "
                "the processor"
            )
        return
    folder = Path(model)
    if not folder.is_dir():
        if folder.exists() or not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", model):
            found = "a file" if folder.exists() else "nothing there"
            raise UserError(f"model {model}: expected a folder with a model in it, found {found}")
        return
    if (folder / "config.json").is_file():
        return
    if (folder / "adapter_config.json").is_file():
        base = _base_of(folder / "adapter_config.json")
        raise UserError(
            f"model {model}: it holds an adapter of {base}, not a whole model: to train on, give "
            "PeftModel.from_pretrained(base, folder, is_trainable=True) as model, or merge the adapter into its base "
            "(merge_and_unload) and save that"
        )
    raise UserError(f"model {model}: the folder has no config.json: expected a model saved by save_pretrained")


def require_adapters(model: Any, peft_config: Any) -> None:
    """Refuses adapters that change the sequence instead of the weights.

    Raises:
        UserError: an adapter is one of prompt tuning or its kin.
    """
    present = getattr(model, "peft_config", None)
    for config in (peft_config, *(present.values() if isinstance(present, Mapping) else ())):
        if getattr(config, "is_prompt_learning", False):
            raise UserError(
                f"peft_config is a {type(config).__name__}, which puts tokens of its own before the image's and the "
                "text's: not supported; use LoRA, DoRA or IA3"
            )


def require_no_router_loss(config: Any, args: Any) -> None:
    """Refuses the load-balancing loss of a mixture of experts, which is not added here.

    Args:
        config: The model's.
        args: The trainer's settings. A `router_aux_loss_coef` of None, a newer TRL's default, is the model's own; an
            older TRL knows no such loss.

    Raises:
        UserError: the loss is asked for, as it is by default.
    """
    text = config.get_text_config()
    if getattr(text, "output_router_logits", None) is None:
        return
    coefficient = getattr(args, "router_aux_loss_coef", 0.0)
    if coefficient is None:
        coefficient = getattr(text, "router_aux_loss_coef", 0.0)
    if coefficient != 0:
        raise UserError(
            "router_aux_loss_coef: the model is a mixture of experts, whose load-balancing loss SCPOTrainer does not "
            "add: set router_aux_loss_coef=0 to train without it"
        )


def _base_of(adapter: Path) -> str:
    try:
        return str(json.loads(adapter.read_text())["base_model_name_or_path"] or "an unnamed model")
    except (OSError, ValueError, LookupError, TypeError):
        return "an unnamed model"
