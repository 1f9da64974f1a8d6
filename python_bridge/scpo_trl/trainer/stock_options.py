"""Options of TRL's `DPOConfig` that `SCPOTrainer` has no use for, and what it calls otherwise."""

from __future__ import annotations

from typing import Any

from scpo_trl.errors import UserError

_STOCK_ONLY: dict[str, Any] = {
    "ld_alpha": None,
    "f_divergence_type": "reverse_kl",
    "label_smoothing": 0.0,
    "discopop_tau": 0.05,
    "use_weighting": False,
    "sync_ref_model": False,
    "precompute_ref_log_probs": False,
    "padding_free": False,
    "use_liger_kernel": False,
    "pad_to_multiple_of": None,
    "auto_find_batch_size": False,
    "group_by_length": False,
    "truncation_mode": "keep_start",
    "train_sampling_strategy": "random",
    "lr_scheduler_kwargs": None,
    "dataloader_drop_last": False,
    "dataloader_persistent_workers": False,
    "dataloader_multiprocessing_context": None,
    "dataloader_in_order": True,
    "ignore_data_skip": False,
}

OTHER_NAMES: dict[str, str] = {"sigmoid": "dpo"}
"""What TRL calls losses of this package."""

SAME_NAMES = frozenset(
    {
        "aot",
        "aot_unpaired",
        "apo_down",
        "apo_zero",
        "bco_pair",
        "discopop",
        "exo_pair",
        "hinge",
        "ipo",
        "nca_pair",
        "robust",
        "sft",
        "sigmoid_norm",
        "sppo_hard",
    }
)
"""Losses that have the same name in TRL and here."""

_INSTEAD = {
    "label_smoothing": "it is a parameter of robust, exo_pair, aot and aot_unpaired: set it in loss_parameters",
    "discopop_tau": "it is tau, a parameter of discopop: set it in loss_parameters",
    "sync_ref_model": "set reference_update='steps', reference_update_steps and reference_alpha",
    "precompute_ref_log_probs": "the reference is a table unless reference_mode='live'",
    "auto_find_batch_size": "set per_device_train_batch_size, and gradient_accumulation_steps for the rest",
    "group_by_length": "the curriculum decides the order",
    "train_sampling_strategy": "the curriculum decides the order; shuffle_within_stage=False keeps the data set's",
    "lr_scheduler_kwargs": "the schedules constant, linear and cosine take none",
    "dataloader_drop_last": "a stage is filled up to whole steps",
    "ignore_data_skip": "a resumed training draws the pairs that come next, without skipping any",
}


def without_effect() -> dict[str, str]:
    """Options that have no effect whatever their value, and what to do instead."""
    return {name: _INSTEAD.get(name, "it has no effect in SCPOTrainer") for name in _STOCK_ONLY}


def require_effect(settings: Any) -> None:
    """Refuses settings that would have no effect.

    Args:
        settings: A `DPOConfig`; an option that this TRL lacks counts as left out.

    Raises:
        UserError: Names the option and what to set instead.
    """
    for name, stock in _STOCK_ONLY.items():
        value = getattr(settings, name, stock)
        if value != stock:
            instead = _INSTEAD.get(name, "leave it out")
            raise UserError(f"{name}={value!r} has no effect in SCPOTrainer: {instead}")
