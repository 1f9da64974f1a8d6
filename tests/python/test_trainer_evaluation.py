"""Evaluating while training, and the metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.losses import LossInput, QuadLogps, WeightedLoss, build_objective


@pytest.fixture
def make_trainer(make_model, make_config, make_pairs, processor):
    def build(evaluation: Any = None, compute_metrics: Any = None, **settings: Any) -> SCPOTrainer:
        return SCPOTrainer(
            model=make_model(),
            args=make_config(**settings),
            train_dataset=make_pairs(),
            eval_dataset=make_pairs(5, seed=1) if evaluation is None else evaluation,
            processing_class=processor,
            compute_metrics=compute_metrics,
        )

    return build


def expected_loss(policy: torch.Tensor, reference: torch.Tensor) -> float:
    tokens = torch.ones(len(policy))
    batch = LossInput(QuadLogps(*policy.unbind(1)), QuadLogps(*reference.unbind(1)), tokens, tokens)
    return build_objective(WeightedLoss("scpo"))(batch).losses.mean().item()


def test_every_row_reaches_the_metrics_whatever_the_batch(make_trainer) -> None:
    for size in (1, 2, 3, 8):
        trainer = make_trainer(
            compute_metrics=lambda prediction: {"rows": float(len(prediction.predictions))},
            per_device_eval_batch_size=size,
        )
        assert trainer.evaluate()["eval_rows"] == 5, size


@pytest.mark.parametrize("mode", ["table", "live"])
def test_evaluation_uses_the_reference_in_force(make_trainer, mode: str) -> None:
    """Five rows in batches of two, so that the last batch is not full; after each stage."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def keep(prediction: Any) -> dict[str, float]:
        seen.append((torch.tensor(prediction.predictions), torch.tensor(prediction.label_ids)))
        return {"rows": float(len(prediction.predictions))}

    trainer = make_trainer(
        compute_metrics=keep, eval_strategy="steps", eval_steps=1, per_device_eval_batch_size=2, reference_mode=mode
    )
    trainer.train()
    evaluations = [entry for entry in trainer.state.log_history if "eval_loss" in entry]
    assert len(evaluations) == 6
    for entry, (policy, reference) in zip(evaluations, seen, strict=True):
        assert entry["eval_rows"] == 5
        assert policy.shape == reference.shape == (5, 6)
        assert entry["eval_loss"] == pytest.approx(expected_loss(policy, reference), abs=1e-5)
        margins = 0.1 * (policy - reference)
        textual = torch.cat((margins[:, 0] - margins[:, 1], margins[:, 3] - margins[:, 2]))
        assert entry["eval_rewards/margins"] == pytest.approx(textual.mean().item(), abs=1e-5)
        assert entry["eval_accuracies/visual"] == ((margins[:, 0] - margins[:, 2]) > 0).double().mean().item()
    # The reference of the rows moves with the stages: two steps each.
    references = [reference[:, :4] for _, reference in seen]
    torch.testing.assert_close(references[0], references[1], rtol=0, atol=1e-4)
    assert not torch.allclose(references[1], references[2], atol=1e-2)
    torch.testing.assert_close(references[2], seen[1][0][:, :4], rtol=0, atol=1e-4)


def test_evaluation_changes_nothing_in_training(make_trainer) -> None:
    plain, evaluated = make_trainer(), make_trainer(eval_strategy="steps", eval_steps=1)
    plain.train()
    evaluated.train()

    def losses(trainer: SCPOTrainer) -> list[float]:
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    assert losses(plain) == losses(evaluated)


def test_evaluation_before_and_after_training(make_trainer, make_pairs) -> None:
    trainer = make_trainer(evaluation={"near": make_pairs(3, seed=1), "far": make_pairs(4, seed=2)})
    before = trainer.evaluate()
    assert before["eval_near_loss"] == pytest.approx(4 * np.log(2), abs=1e-6)
    assert before["eval_far_kl/initial"] == pytest.approx(0, abs=1e-9)
    trainer.train()
    after = trainer.evaluate()
    assert after["eval_near_kl/initial"] > 1e-3
    assert after["eval_far_loss"] != before["eval_far_loss"]
    with pytest.raises(UserError, match="this data set was not among those that SCPOTrainer was made with"):
        trainer.evaluate(make_pairs(3, seed=9))


def test_evaluation_without_a_data_set_is_named(make_trainer, make_pairs, make_model, make_config, processor) -> None:
    trainer = SCPOTrainer(
        model=make_model(), args=make_config(), train_dataset=make_pairs(), processing_class=processor
    )
    with pytest.raises((UserError, ValueError), match="eval_dataset"):
        trainer.evaluate()
    with pytest.raises(UserError, match="eval_dataset lacks the column rejected_images"):
        make_trainer(evaluation=make_pairs(3).remove_columns("rejected_images"))


def test_metrics_by_term_side_and_stage(make_trainer) -> None:
    trainer = make_trainer()
    trainer.train()
    steps = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert [entry["stage"] for entry in steps] == [0, 0, 1, 1, 2, 2]
    for entry in steps:
        for side in ("textual", "visual", "textual_mirror", "visual_mirror"):
            assert {f"terms/{side}", f"margins/{side}", f"accuracies/{side}"} <= set(entry)
        both = (entry["margins/textual"] + entry["margins/textual_mirror"]) / 2
        assert entry["rewards/margins"] == pytest.approx(both, abs=1e-6)
        assert entry["rewards/margins"] == pytest.approx(entry["rewards/chosen"] - entry["rewards/rejected"], abs=1e-6)
        assert {"kl/reference", "kl/initial", "num_tokens"} <= set(entry)
    closed = [entry for entry in trainer.state.log_history if any(name.startswith("stage_") for name in entry)]
    assert [next(iter(entry)).split("/")[0] for entry in closed] == ["stage_0", "stage_1", "stage_2"]
    mean = (steps[2]["margins/visual"] + steps[3]["margins/visual"]) / 2
    assert closed[1]["stage_1/margins/visual"] == pytest.approx(mean)


def test_every_objective_trains(make_trainer) -> None:
    for loss in ("scpo", "dpo", "mdpo", "s-vco", "symmpo", "rdpo", "chip", "sft", ["scpo", "sft"]):
        trainer = make_trainer(loss_type=loss, max_steps=2)
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        assert len(losses) == 2
        assert np.isfinite(losses).all(), loss


def test_only_what_the_loss_reads_is_scored_on_request(make_trainer) -> None:
    trainer = make_trainer(loss_type="dpo", all_combinations=False)
    trainer.train()
    entry = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert {"margins/textual", "rewards/margins"} <= set(entry)
    assert not {"margins/visual", "accuracies/visual", "margins/textual_mirror"} & set(entry)
    whole = make_trainer(loss_type="dpo")
    whole.train()
    other = next(entry for entry in whole.state.log_history if "loss" in entry)
    assert other["loss"] == pytest.approx(entry["loss"], abs=1e-5)
    assert "margins/visual" in other


@pytest.mark.parametrize("settings", [{"gradient_checkpointing": True}, {"bf16": True}, {"dataloader_num_workers": 2}])
def test_features_of_scale_keep_the_numbers(make_trainer, settings: dict[str, Any]) -> None:
    plain, scaled = make_trainer(), make_trainer(**settings)
    plain.train()
    scaled.train()
    pairs = zip(plain.state.log_history, scaled.state.log_history, strict=True)
    losses = [(a["loss"], b["loss"]) for a, b in pairs if "loss" in a]
    tolerance = 0.15 if "bf16" in settings else 1e-5
    for mine, other in losses:
        assert other == pytest.approx(mine, abs=tolerance)
