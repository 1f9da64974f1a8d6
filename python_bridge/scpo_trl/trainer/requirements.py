"""What `SCPOTrainer` refuses when it is made."""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from torch import nn
from transformers import PreTrainedConfig

from scpo_trl.errors import UserError


class NoReferenceModel(nn.Identity):
    """Stands where the stock trainer expects a reference model, which it would otherwise load."""

    config = PreTrainedConfig()


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
            "optimizers holds a scheduler, but the schedule starts anew with each stage: set lr_scheduler_type and "
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
            "number"
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
