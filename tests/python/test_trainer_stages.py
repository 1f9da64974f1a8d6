"""Whole trainings on the tiny LLaVA, led by the stage column."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.trainer.director.director import StepReport
from scpo_trl.trainer.director.local_director import LocalDirector
from scpo_trl.trainer.model.model_folder import weights_sha256
from scpo_trl.trainer.model.weights import copy_weights
from scpo_trl.trainer.stages.schedule import schedule_shape

LN2 = math.log(2)


class Listening(LocalDirector):
    """The local director, keeping the reports and the trained pairs."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.reports: list[StepReport] = []
        self.unused: list[list[int]] = []

    def step_taken(self, report: StepReport) -> None:
        self.reports.append(report)
        super().step_taken(report)

    def stage_closed(self, stage: int, steps: int, unused_pairs: Any) -> None:
        self.unused.append(list(unused_pairs))


@pytest.fixture
def train(make_model, make_config, make_pairs, processor):
    def run(count: int = 12, model: Any = None, pairs: Any = None, **settings: Any) -> tuple[SCPOTrainer, Listening]:
        pairs = pairs or make_pairs(count)
        args = make_config(**settings)
        director = Listening(args, pairs)
        trainer = SCPOTrainer(
            model=model or make_model(), args=args, train_dataset=pairs, processing_class=processor, director=director
        )
        trainer.train()
        return trainer, director

    return run


def at_ln_2(report: StepReport) -> bool:
    return all(math.isclose(value, LN2, abs_tol=1e-6) for value in report.terms.values())


def test_the_reference_is_the_policy_at_every_stage_start(train) -> None:
    _, director = train()
    assert [(report.stage, report.step_in_stage) for report in director.reports] == [
        (stage, step) for stage in range(3) for step in (1, 2)
    ]
    assert [at_ln_2(report) for report in director.reports] == [True, False] * 3
    for report in director.reports:
        assert list(report.terms) == ["textual", "visual", "visual_mirror", "textual_mirror"]
        assert report.loss == pytest.approx(sum(report.terms.values()), abs=1e-5)
        assert (report.kl_reference < 1e-9) == (report.step_in_stage == 1)
        assert (report.kl_initial < 1e-9) == (report.step == 1)


def test_drift_of_a_share_of_the_pairs(train) -> None:
    _, whole = train()
    _, some = train(drift_share=0.25)
    assert [r.loss for r in some.reports] == [r.loss for r in whole.reports]
    # The first stage's pairs are known anyway; of the eight later ones, two.
    known = [[not math.isnan(r.kl_initial) for r in director.reports] for director in (whole, some)]
    assert known[0] == [True] * 6
    assert known[1][:2] == [True, True]
    assert 1 <= sum(known[1][2:]) <= 2
    _, none = train(drift_share=0.0)
    assert [math.isnan(r.kl_initial) for r in none.reports] == [False, False, True, True, True, True]


def test_a_fixed_reference_stays_the_initial_model(train) -> None:
    _, director = train(reference_update="fixed")
    assert [at_ln_2(report) for report in director.reports] == [True] + [False] * 5
    for report in director.reports:
        assert report.kl_reference == report.kl_initial


def test_a_reference_that_moves_every_other_step(train) -> None:
    # Five steps in one stage, then the stage boundary, which such a reference ignores.
    _, director = train(12, reference_update="steps", reference_update_steps=3)
    assert [at_ln_2(report) for report in director.reports] == [True, False, False, True, False, False]


def test_every_pair_is_trained_once_in_its_stage(train) -> None:
    _, director = train()
    trained = {
        stage: sorted(p.pair for r in director.reports if r.stage == stage for p in r.pairs) for stage in range(3)
    }
    assert trained == {0: [0, 1, 2, 3], 1: [4, 5, 6, 7], 2: [8, 9, 10, 11]}
    assert director.unused == [[], [], []]


def test_order_epochs_and_filling_up(train, make_pairs) -> None:
    pairs = make_pairs(6, stage=[1, 0, 1, 0, 1, 1])
    backwards = {"curriculum": "hard-to-easy", "shuffle_within_stage": False}
    _, director = train(pairs=pairs, per_device_train_batch_size=3, **backwards)
    assert [[p.pair for p in report.pairs] for report in director.reports] == [[0, 2, 4], [5, 0, 2], [1, 3, 1]]
    _, director = train(pairs=pairs, stage_epochs=[1, 2], **backwards)
    assert [[p.pair for p in report.pairs] for report in director.reports] == [[0, 2], [4, 5], [1, 3], [1, 3]]


def test_stages_cut_from_the_column_difficulty(train, make_pairs) -> None:
    pairs = make_pairs(6).remove_columns("stage").add_column("difficulty", [0.9, 0.1, 0.5, 0.5, 0.2, 1.0])
    _, director = train(pairs=pairs, stages=3, shuffle_within_stage=False)
    trained = [(report.stage, [p.pair for p in report.pairs]) for report in director.reports]
    assert trained == [(0, [1, 4]), (1, [2, 3]), (2, [0, 5])]


def test_the_learning_rate_starts_anew_with_each_stage(train) -> None:
    settings = {"lr_scheduler_type": "cosine", "warmup_steps": 1, "stage_learning_rates": [1e-3, 2e-3, 4e-3]}
    trainer, director = train(24, **settings)
    shapes = [0.5, 1.0, 0.5 * (1 + math.cos(math.pi / 3)), 0.5 * (1 + math.cos(2 * math.pi / 3))]
    expected = [peak * shape for peak in (1e-3, 2e-3, 4e-3) for shape in shapes]
    assert [report.learning_rate for report in director.reports] == pytest.approx(expected, rel=1e-12)
    logged = [entry["learning_rate"] for entry in trainer.state.log_history if "learning_rate" in entry]
    assert logged == pytest.approx(expected, rel=1e-12)


def test_schedule_shapes() -> None:
    assert [schedule_shape("constant", step, 4, 3) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [schedule_shape("linear", step, 4, 0) for step in range(6)] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert schedule_shape("cosine", 0, 1, 0) == 1.0
    assert schedule_shape("cosine", 2, 4, 0) == pytest.approx(0.5)
    assert schedule_shape("linear", 1, 1, 1) == 1.0


def test_gradient_accumulation_reports_whole_steps(train) -> None:
    settings = {"shuffle_within_stage": False, "optim": "sgd", "learning_rate": 0.01, "max_grad_norm": 0.0}
    whole, one = train(per_device_train_batch_size=4, **settings)
    parts, four = train(per_device_train_batch_size=1, gradient_accumulation_steps=4, **settings)
    assert len(one.reports) == len(four.reports) == 3
    for mine, theirs in zip(one.reports, four.reports, strict=True):
        assert [p.pair for p in mine.pairs] == [p.pair for p in theirs.pairs]
        assert mine.loss == pytest.approx(theirs.loss, abs=1e-4)
        assert mine.grad_norm == pytest.approx(theirs.grad_norm, rel=1e-3)
        assert mine.tokens == theirs.tokens
    for name, value in copy_weights(whole.policy).items():
        torch.testing.assert_close(value, copy_weights(parts.policy)[name], rtol=0, atol=1e-4)


def test_two_trainings_end_with_the_same_bits(train) -> None:
    (first, reports), (second, again) = train(), train()
    assert weights_sha256(first.policy) == weights_sha256(second.policy)
    assert [r.loss for r in reports.reports] == [r.loss for r in again.reports]
    other, _ = train(seed=8)
    assert weights_sha256(other.policy) != weights_sha256(first.policy)


def test_sft_trains_without_a_table(train) -> None:
    _, director = train(loss_type="sft", num_train_epochs=3, learning_rate=3e-3)
    losses = [report.loss for report in director.reports]
    assert sum(losses[-3:]) < sum(losses[:3])
    assert all(math.isnan(r.kl_reference) and math.isnan(r.kl_initial) for r in director.reports)
    assert all(p.margins["textual"] == 0.0 for r in director.reports for p in r.pairs)
    assert list(director.reports[0].terms) == ["sft"]


def test_preferences_are_learnt(train) -> None:
    _, director = train(count=4, stages=1, num_train_epochs=20, learning_rate=3e-3, loss_parameters={"beta": 0.5})
    assert director.reports[-1].loss < 0.5 * director.reports[0].loss
    assert set(director.reports[-1].accuracies.values()) == {1.0}


def test_frozen_parameters_stay_and_the_others_move(train, make_model) -> None:
    model = make_model()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    train(model=model, frozen_prefixes=["model.vision_tower", "lm_head"])
    for name, value in model.named_parameters():
        frozen = name.startswith(("model.vision_tower", "lm_head"))
        assert value.requires_grad != frozen
        assert torch.equal(value, before[name]) == frozen, name


def test_max_steps_limits_the_training(train) -> None:
    trainer, director = train(max_steps=3)
    assert [report.step for report in director.reports] == [1, 2, 3]
    assert trainer.args.max_steps == 3


def test_an_unstaged_data_set_is_one_stage(train, make_pairs) -> None:
    _, director = train(pairs=make_pairs(4).remove_columns("stage"))
    assert {report.stage for report in director.reports} == {0}
    assert len(director.reports) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss_type": "spco"}, "unknown loss 'spco'"),
        ({"loss_parameters": {"lambda": 1}}, "unknown parameter 'lambda' of loss 'scpo'"),
        ({"curriculum": "easy"}, "curriculum is 'easy': expected one of easy-to-hard, hard-to-easy, shuffled"),
        ({"stages": 2}, "stages=2 cuts the column difficulty, which train_dataset lacks"),
        ({"stages": 0}, "stages is 0: expected 1 or more"),
        ({"stage_epochs": [1]}, "stage_epochs has 1 entries for 3 stages"),
        ({"reference_mode": "model"}, "reference_mode is 'model': expected one of table, live"),
        ({"reference_alpha": 0.5}, "reference_alpha=0.5 needs reference_update='steps', found 'stage'"),
        ({"loss_weights": [1.0, 2.0]}, "loss_weights has 2 entries for 1 losses: expected one for each"),
        ({"loss_type": ["scpo", "sft"], "loss_parameters": {"beta": 1}}, "loss_parameters holds 'beta'"),
        ({"contrast": "crop"}, "contrast='crop' leaves ll without .* set loss_parameters={'mirror_weight': 0}"),
        ({"contrast": "none"}, "contrast='none' leaves wl, ll without an image that fits"),
        ({"drift_share": 0.5, "reference_update": "fixed"}, "drift_share=0.5 needs reference_update='stage'"),
        ({"drift_share": 1.5}, "drift_share is 1.5: expected a share from 0 to 1"),
        ({"savings_off": ["speed"]}, "savings_off is 'speed': expected one of trim_logits"),
        ({"contrast_strength": 0.5}, "contrast_strength=0.5 needs contrast='crop', 'mask' or 'noise', found None"),
        ({"auto_find_batch_size": True}, "auto_find_batch_size=True has no effect"),
        ({"stage_learning_rates": [1.0]}, "stage_learning_rates has 1 entries for 3 stages"),
        ({"reference_update": "often"}, "reference_update is 'often': expected one of stage, fixed, steps"),
        ({"reference_alpha": 0.0}, "reference_alpha is 0.0: expected more than 0 and at most 1"),
        ({"reference_update_steps": 0}, "reference_update_steps is 0: expected 1 or more"),
        ({"num_train_epochs": 1.5}, "num_train_epochs is 1.5: expected a whole number of passes"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0: expected more than 0"),
        ({"lr_scheduler_type": "polynomial"}, "lr_scheduler_type is 'polynomial': expected one of constant, linear"),
        ({"loss_type": ["kto"]}, "unknown loss 'kto': expected one of "),
        ({"sync_ref_model": True}, "sync_ref_model=True has no effect in SCPOTrainer: set reference_update='steps'"),
        (
            {"frozen_prefixes": ["vision"]},
            "no parameter's name starts with 'vision'; .* lm_head.weight, model.language_",
        ),
    ],
)
def test_mistakes_in_settings_are_named(train, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        train(**settings)


def test_missing_columns_and_half_staged_rows_are_named(train, make_pairs) -> None:
    with pytest.raises(UserError, match="train_dataset lacks the column rejected_images: expected images"):
        train(pairs=make_pairs().remove_columns("rejected_images"))
    with pytest.raises(UserError, match=r"row 0: chosen and rejected are both .*: expected two texts"):
        train(pairs=make_pairs().map(lambda row: {"rejected": row["chosen"]}))
    with pytest.raises(UserError, match="row 1 has no stage while others have one"):
        train(pairs=make_pairs(3, stage=[0, None, 1]))


def test_beta_of_the_settings_is_the_default_of_the_loss(make_config, make_pairs) -> None:
    pairs = make_pairs()

    def parameters(**settings: Any) -> dict[str, float]:
        stage = LocalDirector(make_config(beta=0.5, **settings), pairs).open_stage()
        assert stage is not None
        return dict(stage.losses[0].parameters)

    assert parameters() == {"beta": 0.5, "beta_mirror": 0.5}
    assert parameters(loss_parameters={"beta_mirror": 0.2}) == {"beta": 0.5, "beta_mirror": 0.2}
    assert parameters(loss_type="sft") == {}


def test_a_mixture_by_the_names_of_trl(make_config, make_pairs) -> None:
    settings = {"loss_type": ["scpo", "sft"], "loss_weights": [1.0, 0.1], "loss_parameters": {"scpo": {"anchor": 1}}}
    stage = LocalDirector(make_config(**settings), make_pairs()).open_stage()
    assert stage is not None
    assert [(loss.name, loss.weight) for loss in stage.losses] == [("scpo", 1.0), ("sft", 0.1)]
    assert stage.losses[0].parameters == {"beta": 0.1, "beta_mirror": 0.1, "anchor": 1}
    # "sft" beside another loss is what TRL calls by that name: the mean over tokens.
    assert stage.losses[1].parameters == {"per_token": 1.0}
