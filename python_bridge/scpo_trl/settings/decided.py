"""Options of `trl-scpo` that a directed training is told elsewhere, and marks on those that it is told in its settings.

A directed training is one that TypeScript decides about: a run of `run.yaml` or of the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scpo_trl.trainer.stock_options import OTHER_NAMES, without_effect


def _each(names: str, words: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), words)


ELSEWHERE: Mapping[str, str] = {
    # Data.
    **_each(
        "dataset_name dataset_config dataset_train_split dataset_test_split dataset_test_name dataset_streaming "
        "datasets streaming test_split_size",
        "data.pairs names the pairs",
    ),
    **_each(
        "remove_unused_columns label_names length_column_name dataset_num_proc",
        "the columns are those of the pairs' file, data.pairs",
    ),
    # The model and where it goes.
    "model_name_or_path": "model says it",
    "output_dir": "id names the run's folder",
    "merge_adapter": "a run saves what it trained; trl-scpo merges adapters",
    **_each("director director_token_file director_authority", "the run itself directs the training"),
    "ignore_bias_buffers": "set ddp_broadcast_buffers to false instead",
    **_each(
        "push_to_hub hub_model_id hub_strategy hub_token hub_private_repo hub_always_push hub_revision",
        "a run uploads nothing; hf upload takes a folder of its checkpoints",
    ),
    # What the curriculum decides.
    "num_train_epochs": "curriculum.epochs says it",
    "max_steps": "curriculum.epochs says how much is trained",
    "stages": "curriculum.stages says it",
    "curriculum": "curriculum.order says it",
    "stage_epochs": "curriculum.epochs says it",
    "stage_learning_rates": "stages[].learning_rate says it",
    "shuffle_within_stage": "curriculum.policy decides the order",
    "data_seed": "seed draws the order of the pairs too",
    # What the reference policy decides.
    "reference_update": "reference.policy says it",
    "reference_update_steps": "reference.steps says it",
    "reference_alpha": "reference.alpha says it",
    "reference_mode": "the reference of a run is a table; reference.policy says when it moves",
    "sync_ref_model": "reference.policy says when the reference moves",
    "ref_model_sync_steps": "reference.steps says it",
    "ref_model_mixup_alpha": "reference.alpha says it",
    "precompute_ref_log_probs": "the reference of a run is a table",
    # Saving and going on.
    **_each(
        "save_strategy save_steps save_only_model save_on_each_node enable_jit_checkpoint",
        "checkpoints.every_steps says when the training is saved",
    ),
    "save_total_limit": "checkpoints.keep says it",
    **_each(
        "load_best_model_at_end metric_for_best_model greater_is_better",
        "the model of every stage stays in the run's folder",
    ),
    **_each("resume_from_checkpoint restore_callback_states_from_checkpoint", "scpo resume goes on with a run"),
    # Evaluation.
    **_each(
        "eval_strategy eval_steps eval_delay eval_on_start eval_accumulation_steps eval_do_concat_batches "
        "eval_use_gather_object per_device_eval_batch_size prediction_loss_only include_for_metrics batch_eval_metrics "
        "bf16_full_eval fp16_full_eval",
        "evaluation says what is scored",
    ),
    # The log.
    **_each(
        "logging_strategy logging_steps logging_first_step logging_nan_inf_filter log_on_each_node disable_tqdm",
        "every optimiser step of a run is logged",
    ),
    **_each(
        "skip_memory_metrics include_num_input_tokens_seen", "the log of a run holds memory and tokens of every step"
    ),
    # Processes and devices.
    "local_rank": "backend.processes says how many train together",
    "use_cpu": "a trainer takes the GPU that it sees; CUDA_VISIBLE_DEVICES='' hides it",
    "parallelism_config": "no file holds such an object; backend.arguments configures the launcher",
    **_each(
        "fsdp fsdp_config deepspeed",
        "a trainer of a run holds the whole model in each process; to share weights out, start the training with "
        "accelerate launch and direct it with scpo direct",
    ),
    "accelerator_config": "the batches of a run are made by its director; leave it out",
    # Without effect on a training of this package.
    **_each("do_train do_eval do_predict", "it has no effect"),
    **_each(
        "f_alpha_divergence_coef label_smoothing_factor liger_kernel_config average_tokens_across_devices",
        "no loss here reads it",
    ),
    "pad_token": "rows with images do not read it",
    "warmup_ratio": "set warmup_steps; below 1 it is a share of a stage's steps",
}
"""Options by name, and who decides: the field of `run.yaml`, or in words."""


def elsewhere() -> dict[str, str]:
    """`ELSEWHERE`, and the options of TRL that have no effect in `SCPOTrainer`."""
    return {**without_effect(), **ELSEWHERE}


_UINT32 = 2**32 - 1

NARROWED: Mapping[str, Mapping[str, Any]] = {
    "learning_rate": {
        "type": "number",
        "exclusiveMinimum": 0,
        "description": "Peak of the learning rate in each stage.",
    },
    "lr_scheduler_type": {
        "enum": ["constant", "constant_with_warmup", "linear", "cosine"],
        "description": "How the learning rate goes from its peak over a stage's steps; linear and cosine end at 0.",
    },
    "warmup_steps": {
        "type": "number",
        "minimum": 0,
        "description": "Optimiser steps of each stage in which the rate rises from 0; below 1 a share of them.",
    },
    "per_device_train_batch_size": {
        "type": "integer",
        "minimum": 1,
        "maximum": _UINT32,
        "description": "Pairs of a forward and backward pass in one process.",
    },
    "gradient_accumulation_steps": {
        "type": "integer",
        "minimum": 1,
        "maximum": _UINT32,
        "description": "Passes of an optimiser step.",
    },
    "seed": {
        "type": "integer",
        "minimum": 0,
        "maximum": _UINT32,
        "description": "Seed of the order of the pairs, of dropout and of new adapters.",
    },
    "weight_decay": {"type": "number", "minimum": 0},
    "max_grad_norm": {"type": "number", "minimum": 0},
    "beta": {"type": "number", "exclusiveMinimum": 0},
    "loss_type": {
        "type": ["string", "array"],
        "minLength": 1,
        "minItems": 1,
        "items": {"type": "string", "minLength": 1},
        "x-other-names": OTHER_NAMES,
    },
    "loss_weights": {"type": ["array", "null"], "minItems": 1, "items": {"type": "number"}},
    "loss_parameters": {
        "type": ["object", "null"],
        "additionalProperties": {"type": ["number", "object"], "additionalProperties": {"type": "number"}},
    },
    "frozen_prefixes": {"type": "array", "items": {"type": "string", "minLength": 1}},
    # TRL takes "all-linear" and other single texts for what its type calls a list.
    "lora_target_modules": {"type": ["string", "array", "null"], "items": {"type": "string"}},
    # Left out, these are as the service has them.
    "max_length": {
        "type": ["integer", "null"],
        "default": None,
        "description": "Longest sequence in tokens, image tokens among them; longer texts are cut at their end. Left "
        "out: no limit.",
    },
    "gradient_checkpointing": {
        "type": "boolean",
        "default": None,
        "description": "Compute activations again in the backward pass, for less memory. Left out: on a GPU only.",
    },
    "dataloader_pin_memory": {
        "type": "boolean",
        "default": None,
        "description": "Whether to pin memory of batches. Left out: on a GPU only.",
    },
    "use_cache": {"type": "boolean", "default": True},
    "dtype": {
        "enum": ["auto", "bfloat16", "float16", "float32", None],
        "default": None,
        "description": "What the model is loaded in; a whole model is trained in float32 all the same. Left out: as it "
        "is stored.",
    },
    "bf16": {
        "type": ["boolean", "null"],
        "description": "Passes compute in bfloat16 (true) or as fp16 says; left out: in bfloat16 for a model that is "
        "stored in 16 bits, where the device computes in it.",
    },
}
"""What the trainer takes of an option where its type allows more."""

FOLDERS = frozenset({"feature_cache_dir"})
"""Options that name a folder."""

CLIENTS: Mapping[str, tuple[Any, ...]] = {
    "trust_remote_code": (False,),
    # Keyword arguments of from_pretrained, code and paths among them.
    "model_init_kwargs": (None,),
    # A name with a slash is a kernel that is fetched and run.
    "attn_implementation": (None, "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"),
    # They send figures to other services, with what this machine knows of accounts there.
    "report_to": ("none",),
    "trackio_space_id": (None,),
    "trackio_bucket_id": (None,),
    "trackio_static_space_id": (None,),
    "torch_compile_backend": (None, "inductor", "eager", "aot_eager", "cudagraphs"),
    "debug": ("",),
}
"""Options that have code run, reach other services or read files: the values that a client of a service may give."""
