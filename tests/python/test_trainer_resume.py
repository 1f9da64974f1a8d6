"""Trainings that stop at any step and go on as if nothing had happened."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from scripted_director import ScriptedDirector
from transformers import TrainerCallback

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.losses import WeightedLoss
from scpo_trl.trainer.director.director import Decision, Stage
from scpo_trl.trainer.model.model_folder import weights_sha256

LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "lora_dropout": 0.1}

# Twelve pairs in three stages, two a step: steps 1-2, 3-4, 5-6. Dropout makes the random numbers matter.
RUNS: dict[str, dict[str, Any]] = {
    "stage table": {},
    "moved softly": {"reference_update": "steps", "reference_update_steps": 2, "reference_alpha": 0.5},
    "live": {
        "reference_mode": "live",
        "reference_update": "steps",
        "reference_update_steps": 3,
        "reference_alpha": 0.6,
    },
    "fixed, accumulated": {
        "reference_update": "fixed",
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 2,
    },
}


class StopAt(TrainerCallback):
    """Ends a training after a step, as a crash would: nothing of ours is told."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise KeyboardInterrupt


@pytest.fixture
def make_trainer(make_model, make_config, make_pairs, processor):
    def build(out: Path, lora: bool = False, director: Any = None, **settings: Any) -> SCPOTrainer:
        defaults = {"save_strategy": "steps", "save_steps": 1, "disable_dropout": False, "lr_scheduler_type": "cosine"}
        return SCPOTrainer(
            model=make_model(),
            args=make_config(**{**defaults, "output_dir": str(out), **settings}),
            train_dataset=make_pairs(),
            processing_class=processor,
            director=director,
            peft_config=LoraConfig(**LORA) if lora else None,
        )

    return build


def losses(trainer: SCPOTrainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def lines(trainer: SCPOTrainer) -> list[dict[str, float]]:
    """What was logged, without what a clock says."""
    timed = ("runtime", "per_second", "flos", "train_loss")
    return [
        {name: value for name, value in entry.items() if not any(word in name for word in timed)}
        for entry in trainer.state.log_history
    ]


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("name", RUNS)
def test_resuming_at_any_step_changes_nothing(make_trainer, tmp_path: Path, name: str, lora: bool) -> None:
    settings = {**RUNS[name], "learning_rate": 5e-2 if lora else 1e-2}
    whole = make_trainer(tmp_path / "whole", lora, **settings)
    whole.train()
    assert len(losses(whole)) == 6
    for step in (1, 2, 3, 6):
        resumed = make_trainer(tmp_path / "resumed", lora, **settings)
        resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{step}"))
        assert lines(resumed) == lines(whole), step
        assert weights_sha256(resumed.policy) == weights_sha256(whole.policy), step


def test_an_interrupted_training_goes_on_from_its_newest_checkpoint(make_trainer, tmp_path: Path) -> None:
    whole = make_trainer(tmp_path / "whole")
    whole.train()
    stopped = make_trainer(tmp_path / "stopped", save_steps=2)
    stopped.add_callback(StopAt(4))
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    # A checkpoint that was cut off while it was written is passed over.
    cut = tmp_path / "stopped" / "checkpoint-5"
    shutil.copytree(tmp_path / "stopped" / "checkpoint-4", cut)
    (cut / "scpo_state.json").unlink()
    resumed = make_trainer(tmp_path / "stopped", save_steps=2)
    resumed.train(resume_from_checkpoint=True)
    assert losses(resumed) == losses(whole)
    assert weights_sha256(resumed.policy) == weights_sha256(whole.policy)
    with pytest.raises(UserError, match=r"checkpoint-5 has no scpo_state.json: it was cut off"):
        make_trainer(tmp_path / "again").train(resume_from_checkpoint=str(cut))


def test_resuming_between_stages_and_with_workers(make_trainer, tmp_path: Path) -> None:
    settings = {"save_strategy": "epoch", "dataloader_num_workers": 1}
    whole = make_trainer(tmp_path / "whole", **settings)
    whole.train()
    assert sorted(p.name for p in (tmp_path / "whole").glob("checkpoint-*")) == [f"checkpoint-{k}" for k in (2, 4, 6)]
    resumed = make_trainer(tmp_path / "resumed", **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-4"))
    assert losses(resumed) == losses(whole)


def test_a_training_longer_than_asked_for_at_first(make_trainer, tmp_path: Path) -> None:
    whole = make_trainer(tmp_path / "whole")
    whole.train()
    short = make_trainer(tmp_path / "short", max_steps=3)
    short.train()
    longer = make_trainer(tmp_path / "short")
    longer.train(resume_from_checkpoint=True)
    assert losses(longer) == losses(whole)
    # Resuming what is finished trains no further step.
    again = make_trainer(tmp_path / "short")
    again.train(resume_from_checkpoint=True)
    assert again.state.global_step == 6
    capped = make_trainer(tmp_path / "short", max_steps=3)
    capped.train(resume_from_checkpoint=str(tmp_path / "short" / "checkpoint-3"))
    assert capped.state.global_step == 3


def test_a_stage_that_was_told_to_end_stays_ended(make_trainer, tmp_path: Path) -> None:
    stages = [
        Stage(number, range(12), 6, [WeightedLoss("scpo")], learning_rate=1e-2, schedule="constant")
        for number in (0, 1)
    ]

    def director() -> ScriptedDirector:
        return ScriptedDirector(stages, [range(12), range(4)], {2: Decision(end_stage=True)})

    whole = make_trainer(tmp_path / "whole", director=director())
    whole.train()
    assert whole.state.global_step == 4
    resumed = make_trainer(tmp_path / "resumed", director=director())
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    assert losses(resumed) == losses(whole)


def test_an_evaluation_of_held_out_pairs_that_was_asked_for_is_made_after_resuming(
    make_trainer, tmp_path: Path
) -> None:
    stages = [
        Stage(0, range(8), 4, [WeightedLoss("scpo")], learning_rate=1e-2, schedule="constant", held_out_pairs=[8, 9])
    ]

    def director() -> ScriptedDirector:
        return ScriptedDirector(stages, [range(8)], {2: Decision(evaluate_held_out=True)})

    whole = director()
    make_trainer(tmp_path / "whole", director=whole).train()
    resumed = director()
    folder = str(tmp_path / "whole" / "checkpoint-2")
    make_trainer(tmp_path / "resumed", director=resumed).train(resume_from_checkpoint=folder)
    before, after = whole.reports[2].held_out, resumed.reports[0].held_out
    assert before is not None
    assert after is not None
    assert replace(after, seconds=0) == replace(before, seconds=0)
    assert [report.held_out is None for report in resumed.reports] == [False, True]


def test_several_adapters_resume(make_model, make_config, make_pairs, processor, tmp_path: Path) -> None:
    def trainer(out: str) -> SCPOTrainer:
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = get_peft_model(make_model(), LoraConfig(**LORA, init_lora_weights=False))
            model.add_adapter("other", LoraConfig(**LORA, init_lora_weights=False))
        args = make_config(output_dir=str(tmp_path / out), save_strategy="steps", save_steps=3)
        return SCPOTrainer(model=model, args=args, train_dataset=make_pairs(), processing_class=processor)

    whole = trainer("whole")
    before = {name: p.clone() for name, p in whole.policy.named_parameters() if ".other." in name}
    whole.train()
    assert all(torch.equal(p, before[name]) for name, p in whole.policy.named_parameters() if ".other." in name)
    assert list(whole.policy.peft_config) == ["default", "other"]
    resumed = trainer("resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-3"))
    assert losses(resumed) == losses(whole)
    assert weights_sha256(resumed.policy) == weights_sha256(whole.policy)


def test_what_cannot_be_resumed_is_named(make_trainer, make_model, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run")
    with pytest.raises(UserError, match="holds no complete checkpoint to resume from"):
        trainer.train(resume_from_checkpoint=True)
    trainer.train()
    checkpoint = tmp_path / "run" / "checkpoint-3"
    with pytest.raises(UserError, match="was written with pairs_per_step 2, this training has 4"):
        make_trainer(tmp_path / "b", gradient_accumulation_steps=2).train(resume_from_checkpoint=str(checkpoint))
    torn = json.loads((checkpoint / "scpo_state.json").read_text())
    del torn["position"]
    (checkpoint / "scpo_state.json").write_text(json.dumps(torn))
    with pytest.raises(UserError, match=r"scpo_state.json: cannot be read \('position'\)"):
        make_trainer(tmp_path / "c").train(resume_from_checkpoint=str(checkpoint))
    tables = tmp_path / "run" / "checkpoint-4" / "scpo_reference_tables.safetensors"
    tables.write_bytes(tables.read_bytes()[:100])
    with pytest.raises(UserError, match=r"scpo_reference_tables\.safetensors: cannot be read"):
        make_trainer(tmp_path / "d").train(resume_from_checkpoint=str(tables.parent))


def test_the_best_model_is_loaded_at_the_end(make_trainer, make_pairs, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run")
    trainer.train()
    first = tmp_path / "run" / "checkpoint-1"
    trainer.state.best_model_checkpoint = str(first)
    trainer._load_best_model()
    again = make_trainer(tmp_path / "again", max_steps=1)
    again.train()
    assert weights_sha256(trainer.policy) == weights_sha256(again.policy)


@pytest.mark.parametrize("reference_mode", ["table", "live"])
def test_other_rows_are_refused(
    make_trainer, make_model, make_config, make_pairs, processor, tmp_path: Path, reference_mode: str
) -> None:
    make_trainer(tmp_path / "whole", max_steps=2, reference_mode=reference_mode).train()
    rows = make_pairs()
    one_picture = make_pairs(rejected_images=[*rows[:11]["rejected_images"], rows[0]["rejected_images"]])
    one_text = make_pairs(prompt=[*rows[:11]["prompt"], "Describe a picture ."])
    again = {"output_dir": str(tmp_path / "again"), "save_strategy": "steps", "reference_mode": reference_mode}
    for other in (rows.shuffle(seed=1), one_picture, one_text):
        trainer = SCPOTrainer(
            model=make_model(), args=make_config(**again), train_dataset=other, processing_class=processor
        )
        with pytest.raises(UserError, match=r"checkpoint-2.*other rows.*same rows in the same order") as told:
            trainer.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
        assert "\n" not in str(told.value)
