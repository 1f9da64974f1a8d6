"""A training as it is offered to a director whom it dials."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset

from scpo_trl.errors import UserError
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.director import ReferenceMode
from scpo_trl.trainer.director.offer import Beginning, Offer
from scpo_trl.trainer.model.model_folder import state_sha256
from scpo_trl.trainer.model.precision import dtype_name, stored_dtype
from scpo_trl.trainer.model.sealed_folder import MANIFEST
from scpo_trl.trainer.rows.pair_columns import plan_column
from scpo_trl.trainer.rows.row_numbers import row_numbers
from scpo_trl.trainer.stages.sampler import StepShape

_OWN_STAGES = ("stages", "stage_epochs", "stage_learning_rates")
"""Options that only a training without a director reads."""

_MAY_CHANGE = re.compile(
    # What the director says or keeps.
    r"seed|data_seed|learning_rate|lr_scheduler_type|warmup_.*|loss_.*|num_train_epochs|max_steps|gradient_accumulation_steps"
    r"|.*batch_size|stages|stage_.*|curriculum|shuffle_.*|reference_.*|sync_ref_.*|ref_model_.*|precompute_.*"
    # Where it computes, how fast and with how much memory.
    r"|use_cpu|local_rank|ddp_.*|fsdp.*|deepspeed|accelerator_config|parallelism_config|torch_.*|tf32|.*activation_.*"
    r"|gradient_checkpointing.*|dataloader_.*|dataset_num_proc|use_cache|savings_off|feature_cache_.*|optim_target_.*"
    # What is told, kept and looked at.
    r"|output_dir|run_name|project|report_to|trackio_.*|hub_.*|push_.*|log_.*|logging_.*|disable_tqdm|include_.*|skip_.*"
    r"|save_.*|.*eval.*|prediction_loss_only|load_best_.*|metric_for_.*|greater_is_better|do_.*|resume_.*|restore_.*"
    r"|ignore_data_skip|enable_jit_.*|all_combinations|debug|model_init_kwargs|trust_remote_code|remove_unused_columns"
    r"|label_names|length_column_name"
)
"""Settings that may be others when a training is started again; all others decide what it learns."""


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
        settings={**learnt_by(args), **_adapter(policy)},
        output_dir=str(folder),
        saved_trainings=saved_trainings(folder),
        weights_sha256=_initial_sha256(policy),
        reference_mode=cast(ReferenceMode, args.reference_mode),
    )


def learnt_by(args: SCPOConfig) -> dict[str, Any]:
    """Settings that decide what a training learns and that no director says, the same at each of its starts."""
    found: dict[str, Any] = {}
    for option in fields(args):
        value = getattr(args, option.name)
        value = getattr(value, "value", value)
        if option.init and not _MAY_CHANGE.fullmatch(option.name) and _is_json(value):
            found[option.name] = value
    return found


def _adapter(policy: Any) -> dict[str, Any]:
    """How the adapter under training is made, under the names of TRL's options."""
    config: Any = getattr(policy, "peft_config", {}).get("default")
    if config is None or not hasattr(config, "lora_alpha"):
        return {}
    return {
        "lora_r": config.r,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": config.lora_dropout,
        "use_rslora": config.use_rslora,
        "use_dora": config.use_dora,
    }


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


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
