"""A training as it is offered to a director whom it dials."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.offer import Beginning, Offer
from scpo_trl.trainer.model.model_folder import state_sha256
from scpo_trl.trainer.model.precision import dtype_name, stored_dtype
from scpo_trl.trainer.model.sealed_folder import MANIFEST
from scpo_trl.trainer.rows.pair_columns import plan_column
from scpo_trl.trainer.rows.row_numbers import row_numbers
from scpo_trl.trainer.stages.sampler import StepShape

_OWN_STAGES = ("stages", "stage_epochs", "stage_learning_rates")
"""Options that only a training without a director reads."""

_LEARNT_BY = (
    "beta",
    "weight_decay",
    "max_grad_norm",
    "frozen_prefixes",
    "bf16",
    "fp16",
    "optim",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "max_length",
    "contrast",
    "contrast_strength",
)
"""Settings that decide what a training learns and that no director says; the same at every start of one training."""


def require_directable(args: SCPOConfig) -> None:
    """Raises `UserError` where the settings contradict a director at an address."""
    for name in _OWN_STAGES:
        if getattr(args, name) is not None:
            raise UserError(
                f"{name} is {getattr(args, name)} and a director is given, which decides about stages: leave it out "
                "here, and set it in the director's run.yaml"
            )
    if args.max_steps > 0:
        raise UserError(f"max_steps is {args.max_steps}, but the director decides about steps: leave it out")
    if args.save_only_model:
        raise UserError("save_only_model leaves out what a directed training resumes from: leave it out")


def training_offer(
    args: SCPOConfig, dataset: Dataset, rows_sha256: str, shape: StepShape, policy: Any, output_dir: Path
) -> Offer:
    """What a director is told.

    Args:
        args: Settings of the training.
        dataset: Its rows.
        rows_sha256: Hash of all rows that the trainer knows.
        shape: How the pairs of an optimiser step are shared out.
        policy: The model, not yet shared out over processes.
        output_dir: Folder of the checkpoints.
    """
    folder = output_dir.resolve()
    return Offer(
        name=args.run_name or folder.name,
        rows=len(dataset),
        rows_sha256=rows_sha256,
        difficulties=_difficulties(dataset),
        stages=_stages(dataset),
        batch_size=shape.batch_size * shape.processes,
        gradient_accumulation_steps=shape.accumulation,
        processes=shape.processes,
        seed=args.seed,
        settings={name: getattr(getattr(args, name), "value", getattr(args, name)) for name in _LEARNT_BY},
        output_dir=str(folder),
        saved_trainings=saved_trainings(folder),
        weights_sha256=_initial_sha256(policy),
    )


def beginning(args: SCPOConfig, policy: Any) -> Beginning:
    """What the training that begins is."""
    autocast = torch.bfloat16 if args.bf16 else torch.float16 if args.fp16 else None
    return Beginning(
        trainable_parameters=sum(weight.numel() for weight in policy.parameters() if weight.requires_grad),
        stored_dtype=dtype_name(stored_dtype(policy)),
        weights_dtype=dtype_name(policy.dtype),
        autocast_dtype=dtype_name(autocast),
    )


def saved_trainings(folder: Path) -> list[str]:
    """Names of the whole trainings that were saved in a folder to their end, oldest first."""
    found = [path.parent for path in folder.glob(f"step-*/{MANIFEST}")]
    return [path.name for path in sorted(found, key=lambda path: (path / MANIFEST).stat().st_mtime_ns)]


def _initial_sha256(policy: Any) -> str:
    """A new adapter begins at random: only what lies beneath adapters is the same at every start."""
    trained = {name for name, weight in policy.named_parameters() if weight.requires_grad}
    left_out = trained if hasattr(policy, "peft_config") else set()
    return state_sha256({name: value for name, value in policy.state_dict().items() if name not in left_out})


def _difficulties(dataset: Dataset) -> Sequence[float] | None:
    found = plan_column(dataset, "difficulty")
    return None if found is None else array("d", found.astype(np.float64).tobytes())


def _stages(dataset: Dataset) -> Sequence[int] | None:
    found = plan_column(dataset, "stage")
    bare = None if found is None else np.isnan(found.astype(np.float64))
    if found is None or bare is None or bare.all():
        return None
    if bare.any():
        raise UserError(
            f"row {int(bare.argmax())} has no stage while others have one: fill the column stage or leave it out"
        )
    return row_numbers(found)
