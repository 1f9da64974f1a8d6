"""Every option of TRL's `DPOConfig` and every column of its data sets is honoured, mapped or refused."""

from __future__ import annotations

import copy
import json
from dataclasses import MISSING, fields
from types import SimpleNamespace
from typing import Any

import pytest
from stock_rows import doubled, rows_of
from transformers import LlamaConfig, LlavaConfig, MixtralConfig, TrainingArguments
from trl import DPOConfig
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

from scpo_trl import SCPOConfig, SCPOTrainer, UserError
from scpo_trl.trainer.config import scpo_config_from
from scpo_trl.trainer.requirements import require_no_router_loss
from scpo_trl.trainer.rows.collator import QuadCollator

REFUSED: dict[str, Any] = {
    "auto_find_batch_size": True,
    "dataloader_drop_last": True,
    "dataloader_in_order": False,
    "dataloader_multiprocessing_context": "spawn",
    "dataloader_persistent_workers": True,
    "discopop_tau": 0.1,
    "f_divergence_type": "js_divergence",
    "ignore_data_skip": True,
    "label_smoothing": 0.1,
    "ld_alpha": 0.5,
    "lr_scheduler_kwargs": {"num_cycles": 2},
    "pad_to_multiple_of": 8,
    "padding_free": True,
    "precompute_ref_log_probs": True,
    "sync_ref_model": True,
    "train_sampling_strategy": "sequential",
    "truncation_mode": "keep_end",
    "use_liger_kernel": True,
    "use_weighting": True,
}
"""A value of each option that would have no effect."""

WITH_THE_MODEL = {"router_aux_loss_coef"}
"""Refused or not by what the model is."""

MAPPED = {
    "loss_type": "dpo for sigmoid, TRL's other names, and names of this package",
    "loss_weights": "one for each loss",
    "beta": "default of every loss's beta",
    "learning_rate": "of each stage",
    "lr_scheduler_type": "anew in each stage",
    "warmup_steps": "of each stage",
    "num_train_epochs": "of each stage",
    "max_steps": "of all stages",
    "data_seed": "draws the order of the pairs, as seed does without it",
    "precompute_ref_batch_size": "of the reference table",
    "ref_model_mixup_alpha": "reference_alpha, by scpo_config_from",
    "ref_model_sync_steps": "reference_update_steps, by scpo_config_from",
    "model_init_kwargs": "with torch_dtype under its new name",
}

WITHOUT_EFFECT_IN_STOCK_TOO = {
    "dataset_num_proc": "rows with images are not tokenised before the training",
    "pad_token": "read for rows of text alone",
    "f_alpha_divergence_coef": "for f_divergence_type=alpha_divergence, which is refused",
    "label_smoothing_factor": "for the loss of transformers",
    "average_tokens_across_devices": "for the loss of transformers",
    "length_column_name": "for train_sampling_strategy=group_by_length, which is refused",
    "liger_kernel_config": "for use_liger_kernel, which is refused",
}

OF_THE_SUPERCLASS = {"trust_remote_code", "disable_dropout", "max_length", "activation_offloading"}
"""What DPOConfig adds and SCPOTrainer leaves to DPOTrainer, or does as it does."""


def test_every_option_is_accounted_for() -> None:
    known = REFUSED.keys() | WITH_THE_MODEL | MAPPED.keys() | WITHOUT_EFFECT_IN_STOCK_TOO.keys() | OF_THE_SUPERCLASS
    inherited = {field.name for field in fields(TrainingArguments)}
    found = {field.name for field in fields(DPOConfig) if field.init}
    # An option that TRL adds must be looked at; those of transformers reach the loop of transformers, which is used.
    assert found - inherited - known == set()
    # Those that concern what SCPOTrainer makes itself: the order of the rows, their batches, the schedule, the loss.
    concerned = ("data_", "dataloader_", "lr_scheduler", "label_smoothing", "train_sampling", "group_by", "ignore_data")
    others = {"dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor"}
    assert {name for name in found if name.startswith(concerned)} - known == others


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_have_no_effect_is_refused(make_config, name: str) -> None:
    stock = {field.name: field.default for field in fields(DPOConfig)}
    if name not in stock:
        pytest.skip(f"this TRL has no {name}")
    assert stock[name] is not MISSING and stock[name] != REFUSED[name]
    with pytest.raises(UserError, match=rf"^{name}="):
        make_config(**{name: REFUSED[name]})


def test_every_other_option_is_carried_over_as_it_is(tmp_path) -> None:
    args = DPOConfig(output_dir=str(tmp_path), bf16=False, use_cpu=True, report_to="none")
    ours = scpo_config_from(args)
    same = [field.name for field in fields(DPOConfig) if field.init and field.name != "loss_type"]
    assert {name: getattr(ours, name) for name in same} == {name: getattr(args, name) for name in same}


def test_sigmoid_is_dpo(make_config) -> None:
    def named(name: str) -> SCPOConfig:
        return make_config(
            loss_type=[name, "sft"], loss_weights=[1.0, 0.5], loss_parameters={name: {"beta": 0.3}}, contrast="none"
        )

    assert named("sigmoid").losses() == named("dpo").losses()
    assert make_config(loss_type="sigmoid", contrast="none").loss_type == ["dpo"]


def test_sigmoid_is_dpo_beside_a_loss_of_this_package_too(tmp_path) -> None:
    args = DPOConfig(
        output_dir=str(tmp_path), loss_type=["scpo", "sigmoid"], bf16=False, use_cpu=True, report_to="none"
    )
    assert [loss.name for loss in scpo_config_from(args).losses()] == ["scpo", "dpo"]


def rates(make_trainer: Any, schedule: str) -> list[float]:
    trainer = make_trainer(lr_scheduler_type=schedule, warmup_steps=2)
    trainer.train()
    return [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]


@pytest.fixture
def make_trainer(make_model, make_pairs, make_config, processor):
    def build(**settings: Any) -> SCPOTrainer:
        return SCPOTrainer(
            model=make_model(),
            args=make_config(**settings),
            train_dataset=make_pairs(8).remove_columns("stage"),
            processing_class=processor,
        )

    return build


def test_constant_with_warmup_is_constant_after_a_warm_up(make_trainer) -> None:
    found = rates(make_trainer, "constant_with_warmup")
    assert found == rates(make_trainer, "constant")
    assert found == pytest.approx([1e-2 / 3, 2e-2 / 3, 1e-2, 1e-2])


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"router_aux_loss_coef": 5.0}, True),
        ({"router_aux_loss_coef": 0.0}, False),
        # The model's own, as newer versions of TRL have it by default.
        ({"router_aux_loss_coef": None}, True),
        # Versions of TRL that add no such loss.
        ({}, False),
    ],
)
def test_the_load_balancing_loss_of_a_mixture_of_experts(settings: dict[str, Any], refused: bool) -> None:
    args = SimpleNamespace(**settings)
    require_no_router_loss(LlavaConfig(text_config=LlamaConfig()), args)
    routed = LlavaConfig(text_config=MixtralConfig(router_aux_loss_coef=0.02))
    if refused:
        with pytest.raises(UserError, match=r"^router_aux_loss_coef: .*set router_aux_loss_coef=0"):
            require_no_router_loss(routed, args)
    else:
        require_no_router_loss(routed, args)


def test_a_mixture_of_experts_meets_the_check(make_trainer, monkeypatch) -> None:
    def refuse(config: Any, args: Any) -> None:
        raise UserError(type(config).__name__)

    monkeypatch.setattr("scpo_trl.trainer.scpo_trainer.require_no_router_loss", refuse)
    with pytest.raises(UserError, match="LlavaConfig"):
        make_trainer()


TOOLS = json.dumps([{"type": "function", "function": {"name": "look", "parameters": {}}}])
LOUD = "{{ 'a cat ' if loud is defined and loud else '' }}{{ 'a cup ' if tools else '' }}"


@pytest.mark.parametrize("further", [{"chat_template_kwargs": {"loud": True, "left_out": None}}, {}])
def test_a_rows_own_options_of_the_template_reach_it(processor, make_pairs, further: dict[str, Any]) -> None:
    own = copy.copy(processor)
    own.chat_template = LOUD + processor.chat_template
    rows = [
        {
            **row,
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "chosen": [{"role": "assistant", "content": row["chosen"]}],
            "rejected": [{"role": "assistant", "content": row["rejected"]}],
        }
        for row in rows_of(make_pairs(2), 2)
    ]
    stock = DataCollatorForVisionPreference(own)([{**row, **further} for row in doubled(rows_of(make_pairs(2), 2))])
    ours = QuadCollator(own)([{**row, **further} for row in rows])
    assert ours["input_ids"].tolist() == stock["input_ids"].tolist()
    plain = [{**row, **further} for row in rows_of(make_pairs(2), 2)]
    assert QuadCollator(own)(plain)["input_ids"].tolist() == stock["input_ids"].tolist()
    assert own.tokenizer.decode(stock["input_ids"][0]).startswith("a cat") == bool(further)


def test_such_columns_reach_the_batches_of_a_training(make_model, make_config, make_pairs, processor) -> None:
    own = copy.copy(processor)
    own.chat_template = LOUD + processor.chat_template
    pairs = make_pairs(4)
    told = [
        pairs,
        pairs.add_column("chat_template_kwargs", [{"loud": True}] * 4),
        pairs.add_column("tools", [TOOLS] * 4),
    ]
    trainers = [
        SCPOTrainer(model=make_model(), args=make_config(max_steps=1), train_dataset=data, processing_class=own)
        for data in told
    ]
    # Without the prompts whose images are left out, which are not scored.
    scored = [trainer.score_pairs([0, 1])[:, :4] for trainer in trainers]
    assert all(values.isfinite().all() for values in scored)
    assert not scored[0].equal(scored[1])
    assert not scored[0].equal(scored[2])
