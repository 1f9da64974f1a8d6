"""Trainings whose director decides at unplanned steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from scripted_director import ScriptedDirector
from transformers import LlavaForConditionalGeneration

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.losses import WeightedLoss
from scpo_trl.trainer.director.director import Decision, Stage
from scpo_trl.trainer.director.records import PairRecord
from scpo_trl.trainer.model.model_folder import weights_sha256
from scpo_trl.trainer.model.weights import copy_weights

LN2 = math.log(2)
ALL = range(12)


def stage(
    number: int = 0, loss: str = "scpo", loss_parameters: dict[str, float] | None = None, **settings: Any
) -> Stage:
    return Stage(
        **{
            "stage": number,
            "losses": [WeightedLoss(loss, loss_parameters or {})],
            "pairs": ALL,
            "steps": 6,
            "learning_rate": 1e-2,
            "schedule": "constant",
            **settings,
        }
    )


@pytest.fixture
def direct(make_model, make_config, make_pairs, processor):
    def run(
        stages: Sequence[Stage],
        feeds: Sequence[Sequence[int]],
        decisions: dict[int, Decision] | None = None,
        record_pairs: Any = None,
        **settings: Any,
    ) -> tuple[SCPOTrainer, ScriptedDirector]:
        director = ScriptedDirector(stages, feeds, decisions or {})
        trainer = SCPOTrainer(
            model=make_model(),
            args=make_config(**settings),
            train_dataset=make_pairs(),
            processing_class=processor,
            director=director,
            record_pairs=record_pairs,
        )
        trainer.train()
        return trainer, director

    return run


def at_ln_2(report: Any) -> bool:
    return all(math.isclose(value, LN2, abs_tol=1e-6) for value in report.terms.values())


def test_the_order_of_the_dialogue(direct) -> None:
    _, director = direct([stage(4), stage(9)], [[0, 1, 2, 3], [4, 5]])
    assert director.heard == (
        [("table", (done, 12)) for done in range(2, 13, 2)]
        + [("opened", 4), ("step", 1), ("step", 2), ("closed", 4)]
        + [("table", (done, 12)) for done in range(2, 13, 2)]
        + [("opened", 9), ("step", 3), ("closed", 9)]
    )
    assert director.closed == [(4, 2, []), (9, 1, [])]
    assert [[p.pair for p in report.pairs] for report in director.reports] == [[0, 1], [2, 3], [4, 5]]


def test_a_stage_ends_at_an_unplanned_step(direct) -> None:
    trainer, director = direct([stage(0), stage(1)], [range(12), [5, 6]], {2: Decision(end_stage=True)})
    assert director.closed[0][:2] == (0, 2)
    assert director.closed[1] == (1, 1, [])
    assert [report.stage for report in director.reports] == [0, 0, 1]
    assert at_ln_2(director.reports[2])
    shorter, _ = direct([stage(0), stage(1)], [range(4), [5, 6]])
    assert weights_sha256(trainer.policy) == weights_sha256(shorter.policy)


def test_stopping_ends_the_training(direct) -> None:
    trainer, director = direct([stage(0), stage(1)], [range(12), [5, 6]], {3: Decision(stop=True)})
    assert [report.step for report in director.reports] == [1, 2, 3]
    assert director.opened == 1
    assert director.closed[0][:2] == (0, 3)
    assert trainer.state.global_step == 3


def test_the_reference_moves_at_an_unplanned_step(direct) -> None:
    moved, director = direct([stage(0)], [range(10)], {3: Decision(move_reference_alpha=1.0)})
    assert [at_ln_2(report) for report in director.reports] == [True, False, False, True, False]
    assert director.reports[3].kl_reference < 1e-9 < director.reports[3].kl_initial
    unmoved, other = direct([stage(0)], [range(10)])
    assert [at_ln_2(report) for report in other.reports] == [True] + [False] * 4
    assert [r.loss for r in director.reports[:3]] == [r.loss for r in other.reports[:3]]
    assert weights_sha256(moved.policy) != weights_sha256(unmoved.policy)


def test_pairs_given_out_but_not_trained_on_are_reported(direct) -> None:
    # Three pairs are left at the end: one whole step and one pair that fills none.
    _, director = direct([stage(0), stage(1)], [[0, 1, 2], [7]])
    assert director.closed == [(0, 1, [2]), (1, 0, [7])]
    assert len(director.reports) == 1


def test_a_stage_without_a_step_does_not_end_the_training(direct) -> None:
    _, director = direct([stage(0), stage(1), stage(2)], [[], [0], [0, 1]])
    assert director.closed == [(0, 0, []), (1, 0, [0]), (2, 1, [])]
    assert at_ln_2(director.reports[0])


def test_a_soft_move_blends_the_weights(direct, make_model) -> None:
    """After one step the table must be what a model with the blended weights says."""
    weights: list[dict[str, torch.Tensor]] = []

    class Keeping(ScriptedDirector):
        def step_taken(self, report: Any) -> None:
            weights.append(copy_weights(self.trainer.policy))  # type: ignore[attr-defined]
            super().step_taken(report)

    initial = copy_weights(make_model())
    records: list[PairRecord] = []
    direct_with = {"decisions": {1: Decision(move_reference_alpha=0.25), 2: Decision(move_reference_alpha=0.5)}}
    trainer, director = direct(
        [stage(0, keep_reference_weights=True)], [[0, 1, 2, 3, 4, 5]], record_pairs=records.extend, **direct_with
    )
    # The same training again, keeping the policy's weights before and after each step.
    again = SCPOTrainer(
        model=make_model(),
        args=trainer.args,
        train_dataset=trainer.train_dataset,
        processing_class=trainer.processing_class,
        director=(keeping := Keeping(director.stages, director.feeds, director.decisions)),
    )
    keeping.trainer = again  # type: ignore[attr-defined]
    again.train()
    assert weights_sha256(again.policy) == weights_sha256(trainer.policy)
    blended = {name: 0.25 * weights[0][name] + 0.75 * value for name, value in initial.items()}
    twice = {name: 0.5 * weights[1][name] + 0.5 * value for name, value in blended.items()}
    for reference, pairs in ((initial, [0, 1]), (blended, [2, 3]), (twice, [4, 5])):
        again.policy.load_state_dict(reference, strict=False)
        expected = again.score_pairs(pairs)
        for pair, row in zip(pairs, expected.tolist(), strict=True):
            record = next(record for record in records if record.pair == pair)
            said = record.reference
            assert [said.ww, said.lw, said.wl, said.ll] == pytest.approx(row[:4], abs=1e-4)
    assert not at_ln_2(director.reports[1])


def test_moving_the_reference_leaves_the_policy_alone(direct) -> None:
    """A move after the last step cannot change the weights, hard or soft."""
    plain, _ = direct([stage(0, keep_reference_weights=True)], [range(4)])
    for alpha in (0.3, 1.0):
        moved, _ = direct(
            [stage(0, keep_reference_weights=True)], [range(4)], {2: Decision(move_reference_alpha=alpha)}
        )
        assert weights_sha256(moved.policy) == weights_sha256(plain.policy)


def test_reference_modes_at_a_boundary(direct) -> None:
    def kls(mode: str) -> tuple[float, float]:
        stages = [stage(0), stage(1), stage(2, reference=mode)]
        _, director = direct(stages, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
        return director.reports[-1].kl_reference, director.reports[-1].kl_initial

    policy, initial, keep = kls("policy"), kls("initial"), kls("keep")
    assert policy[0] < 1e-9
    assert initial[0] == initial[1] > 0
    assert 1e-9 < keep[0] != keep[1]


def test_a_kept_reference_is_asked_about_new_pairs(direct) -> None:
    first, second, feeds = range(6), range(6, 12), [[0, 1], [2, 3], [8, 9]]

    def references(keep: bool, before: Sequence[int], after: Sequence[int]) -> list[list[float]]:
        records: list[PairRecord] = []
        stages = [
            stage(0, pairs=before, keep_reference_weights=keep),
            stage(1, pairs=before, keep_reference_weights=keep),
            stage(2, pairs=after, reference="keep"),
        ]
        direct(stages, feeds, record_pairs=records.extend)
        return [[r.reference.ww, r.reference.lw, r.reference.wl, r.reference.ll] for r in records[-2:]]

    # With all pairs in every stage the table made at the second stage's start already knows the last stage's.
    known, asked = references(False, ALL, ALL), references(True, first, second)
    assert asked[0] == pytest.approx(known[0], abs=1e-4)
    assert asked[1] == pytest.approx(known[1], abs=1e-4)
    with pytest.raises(
        UserError, match=r"stage 2 keeps a reference that does not know 6 of its pairs \(the first is 6\)"
    ):
        references(False, first, second)


def test_objectives_change_between_stages(direct) -> None:
    stages = [stage(0), stage(1, loss="dpo", loss_parameters={"beta": 0.2}), stage(2, loss="sft")]
    _, director = direct(stages, [[0, 1], [2, 3], [4, 5]])
    assert [list(report.terms) for report in director.reports][1:] == [["textual"], ["sft"]]
    # Drift from the initial model is known to the end, since its table was made before the policy moved.
    assert director.reports[2].kl_initial > 0


def test_checkpoints_are_complete_folders(direct, processor) -> None:
    trainer, director = direct(
        [stage(0)], [range(4)], {1: Decision(checkpoint="after-1"), 2: Decision(checkpoint="after-2")}
    )
    assert [step for _, step, _ in director.checkpoints] == [1, 2]
    hashes = [sha for _, _, sha in director.checkpoints]
    assert hashes[0] != hashes[1] == weights_sha256(trainer.policy)
    for path, _, sha in director.checkpoints:
        loaded = LlavaForConditionalGeneration.from_pretrained(path)
        assert weights_sha256(loaded) == sha
        assert type(processor).from_pretrained(path).chat_template == processor.chat_template
    folder = Path(director.checkpoints[0][0])
    assert sorted(entry.name for entry in folder.parent.iterdir()) == ["after-1", "after-2"]


def test_records_hold_what_the_report_averages(direct) -> None:
    batches: list[list[PairRecord]] = []
    _, director = direct([stage(0)], [range(8)], record_pairs=batches.append, gradient_accumulation_steps=2)
    assert [[record.pair for record in batch] for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    for batch, report in zip(batches, director.reports, strict=True):
        assert {record.step for record in batch} == {report.step}
        for record, pair in zip(batch, report.pairs, strict=True):
            rewards = record.rewards
            assert rewards.ww == pytest.approx(0.1 * (record.policy.ww - record.reference.ww), abs=1e-5)
            assert record.textual_margin == pair.margins["textual"] == pytest.approx(rewards.ww - rewards.lw, abs=1e-5)
            assert record.visual_margin == pair.margins["visual"] == pytest.approx(rewards.ww - rewards.wl, abs=1e-5)
            assert record.textual_mirror_margin == pytest.approx(rewards.ll - rewards.wl, abs=1e-5)
            assert record.visual_mirror_margin == pytest.approx(rewards.ll - rewards.lw, abs=1e-5)
        assert report.rewards.ww == pytest.approx(sum(r.rewards.ww for r in batch) / 4)
        assert report.accuracies["visual"] == sum(r.visual_margin > 0 for r in batch) / 4
        squares = [(getattr(r.policy, c) - getattr(r.reference, c)) ** 2 / 2 for r in batch for c in ("ww", "ll")]
        assert report.kl_reference == pytest.approx(sum(squares) / 8)
        assert report.tokens > 0
        assert report.memory_bytes > 1e7
        assert report.seconds > 0


def test_a_loss_that_is_not_finite_is_named_before_the_weights_move(direct, make_model) -> None:
    broken: dict[str, Any] = {}

    class Breaking(ScriptedDirector):
        def step_taken(self, report: Any) -> None:
            if report.step == 2:
                with torch.no_grad():
                    trainer.policy.lm_head.weight[0, 0] = math.nan
                broken.update(copy_weights(trainer.policy))
            super().step_taken(report)

    template, _ = direct([stage(0)], [[]])
    director = Breaking([stage(0)], [range(12)])
    trainer = SCPOTrainer(
        model=make_model(),
        args=template.args,
        train_dataset=template.train_dataset,
        processing_class=template.processing_class,
        director=director,
    )
    with pytest.raises(UserError, match=r"the loss is nan in step 3, in the data set's rows 4, 5: expected a finite"):
        trainer.train()
    for name, value in copy_weights(trainer.policy).items():
        assert torch.equal(value.nan_to_num(), broken[name].nan_to_num())


@pytest.mark.parametrize(
    ("stages", "feeds", "decisions", "message"),
    [
        ([stage(3, pairs=[0, 1])], [[0, 5]], {}, "pair 5 was fed to stage 3 but is not among the pairs it opened with"),
        ([stage(loss="spco")], [[0, 1]], {}, "unknown loss 'spco'"),
        ([stage(loss_parameters={"b": 1})], [[0, 1]], {}, "unknown parameter 'b' of loss 'scpo'"),
        (
            [stage()],
            [[0, 1]],
            {1: Decision(move_reference_alpha=0.5)},
            r"cannot move the reference of stage 0 softly \(alpha 0.5\): its weights were not kept",
        ),
        ([stage()], [[0, 1]], {1: Decision(move_reference_alpha=1.5)}, "alpha 1.5: expected more than 0 and at most 1"),
        (
            [stage(loss="sft")],
            [[0, 1]],
            {1: Decision(move_reference_alpha=1.0)},
            "the open stage's loss does not use one",
        ),
        (
            [stage()],
            [[0, 1]],
            {1: Decision(checkpoint="../up")},
            "checkpoint name '../up': expected a plain folder name",
        ),
        (
            [stage(0, loss="sft"), stage(1, reference="keep")],
            [[0, 1], [2, 3]],
            {},
            "stage 1 asks for the reference 'keep', but no stage before it had one",
        ),
        (
            [stage(0), stage(1), stage(2, reference="keep", keep_reference_weights=True)],
            [[0, 1], [2, 3], [4, 5]],
            {},
            "stage 2 is to keep the weights of the reference 'keep', which were not kept before",
        ),
    ],
)
def test_wishes_that_cannot_be_met_are_named(direct, stages, feeds, decisions, message: str) -> None:
    with pytest.raises(UserError, match=message):
        direct(stages, feeds, decisions)


HELD_OUT = [8, 9, 10]


def test_held_out_pairs_are_scored_by_policy_and_reference_when_asked_for(direct, make_model) -> None:
    opened = stage(pairs=range(8), held_out_pairs=HELD_OUT)
    decisions = {1: Decision(evaluate_held_out=True), 2: Decision(stop=True)}
    trainer, director = direct([opened], [[0, 1, 2, 3, 4, 5]], decisions)
    assert [report.held_out is None for report in director.reports] == [True, False]
    report = director.reports[1].held_out
    policy = trainer.score_pairs(HELD_OUT).double()
    after = {name: value.clone() for name, value in trainer.policy.state_dict().items()}
    trainer.policy.load_state_dict(make_model().state_dict())
    reference = trainer.score_pairs(HELD_OUT).double()
    trainer.policy.load_state_dict(after)
    ww, lw, wl, ll = (policy - reference)[:, :4].T
    margins = {
        "textual": 0.1 * (ww - lw),
        "visual": 0.1 * (ww - wl),
        "textual_mirror": 0.1 * (ll - wl),
        "visual_mirror": 0.1 * (ll - lw),
    }
    assert report.pairs == 3
    assert report.accuracies == {name: (values > 0).double().mean().item() for name, values in margins.items()}
    assert report.margins == pytest.approx({name: values.mean().item() for name, values in margins.items()}, abs=1e-5)
    # SCPO with its defaults is the sum of its four terms.
    losses = [-torch.nn.functional.logsigmoid(values).mean().item() for values in margins.values()]
    assert report.loss == pytest.approx(sum(losses), abs=1e-5)
    kl = (torch.cat([ww, ll]).square() / 2).mean().item()
    assert report.kl_reference == pytest.approx(kl, rel=1e-3)


def test_an_evaluation_of_held_out_pairs_changes_nothing(direct) -> None:
    opened = stage(pairs=range(8), held_out_pairs=HELD_OUT)
    feed = [0, 1, 2, 3, 4, 5]
    asking = {step: Decision(evaluate_held_out=True) for step in (1, 2)}
    quiet, _ = direct([opened], [feed])
    asked, director = direct([opened], [feed], asking)
    assert [report.held_out is None for report in director.reports] == [True, False, False]
    assert weights_sha256(asked.policy) == weights_sha256(quiet.policy)


def test_a_stage_without_held_out_pairs_cannot_be_evaluated_on_them(direct) -> None:
    with pytest.raises(UserError, match="evaluate_held_out: the open stage has no held-out pairs"):
        direct([stage()], [[0, 1, 2, 3]], {1: Decision(evaluate_held_out=True)})
