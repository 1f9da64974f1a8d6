"""The methods of a trainer called a second time, or after an interruption, as in a notebook."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import TrainerCallback

from scpo_trl import SCPOTrainer, UserError
from scpo_trl.trainer.model.model_folder import weights_sha256


class InterruptOnce(TrainerCallback):
    """Ctrl-C after a step, once."""

    def __init__(self, step: int) -> None:
        self.step: int | None = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            self.step = None
            raise KeyboardInterrupt


@pytest.fixture
def make_trainer(make_model, make_config, make_pairs, processor):
    def build(out: Path, **settings: Any) -> SCPOTrainer:
        return SCPOTrainer(
            model=make_model(),
            args=make_config(output_dir=str(out), **settings),
            train_dataset=make_pairs(),
            eval_dataset=make_pairs(5, seed=1),
            processing_class=processor,
        )

    return build


def told(trainer: SCPOTrainer, name: str) -> list[float]:
    return [entry[name] for entry in trainer.state.log_history if "loss" in entry and name in entry]


@pytest.mark.parametrize("reference_mode", ["table", "live"])
def test_a_second_training_starts_over_from_the_weights_of_the_first(
    make_trainer, tmp_path: Path, reference_mode: str
) -> None:
    trainer = make_trainer(tmp_path, reference_mode=reference_mode)
    trainer.train()
    after_first = weights_sha256(trainer.policy)
    trainer.train()
    assert trainer.state.global_step == 6
    assert told(trainer, "stage") == [0, 0, 1, 1, 2, 2]
    assert told(trainer, "num_tokens")[0] < told(trainer, "num_tokens")[-1] / 4
    # At policy = reference each of the four terms is ln 2, and the second training's initial model is its own.
    for opening in told(trainer, "loss")[::2]:
        assert opening == pytest.approx(4 * math.log(2), abs=1e-3)
    assert weights_sha256(trainer.policy) != after_first
    if reference_mode == "table":
        assert told(trainer, "kl/initial")[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("step", [1, 3, 4])
def test_after_an_interruption_a_training_starts_over(make_trainer, tmp_path: Path, step: int) -> None:
    trainer = make_trainer(tmp_path)
    trainer.add_callback(InterruptOnce(step))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    trainer.train()
    assert trainer.state.global_step == 6
    assert told(trainer, "stage") == [0, 0, 1, 1, 2, 2]


def test_after_an_interruption_the_same_trainer_resumes_exactly(make_trainer, tmp_path: Path) -> None:
    settings = {"save_strategy": "steps", "save_steps": 1, "lr_scheduler_type": "cosine"}
    whole = make_trainer(tmp_path / "whole", **settings)
    whole.train()
    trainer = make_trainer(tmp_path / "cut", **settings)
    trainer.add_callback(InterruptOnce(4))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    trainer.train(resume_from_checkpoint=True)
    assert told(trainer, "loss") == told(whole, "loss")
    assert weights_sha256(trainer.policy) == weights_sha256(whole.policy)


def test_predicting_is_evaluating_with_the_predictions(make_trainer, make_pairs, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, max_steps=2)
    trainer.train()
    evaluated = trainer.evaluate()
    predicted = trainer.predict(trainer.eval_dataset)
    assert predicted.metrics["test_loss"] == pytest.approx(evaluated["eval_loss"], abs=1e-6)
    assert predicted.predictions.shape == predicted.label_ids.shape == (5, 6)
    scored = trainer.score_pairs(trainer.evaluation_rows)
    assert np.allclose(predicted.predictions[:, :4], scored[:, :4].numpy(), atol=1e-4)
    with pytest.raises(UserError, match="eval_dataset"):
        trainer.predict(make_pairs(3, seed=9))
