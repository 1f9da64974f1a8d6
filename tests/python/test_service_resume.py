"""A training directed over its stream that is saved, dies, and goes on as if nothing had happened."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from service_fixtures import Dialogue, World, decision, feed, open_stage, start

from scpo.v1 import trainer_pb2

pytest_plugins = ["service_fixtures"]

COSINE = trainer_pb2.LEARNING_RATE_SCHEDULE_COSINE
KEEP = trainer_pb2.REFERENCE_AT_OPEN_KEEP

# Two stages of three steps, two pairs a step; the reference moves softly within the first and is kept by the second.
FEEDS = {0: [0, 1, 2, 3, 4, 5], 1: [6, 7, 8, 9, 0, 1]}
STAGES: dict[int, dict[str, Any]] = {
    0: {"keep_reference_weights": True, "schedule": COSINE},
    1: {"keep_reference_weights": True, "schedule": COSINE, "reference": KEEP},
}
MOVES = {2: {"move_reference_alpha": 0.5}}


def told(report: Any) -> bytes:
    """A report without what a clock or the process's memory says."""
    report.seconds = 0
    report.memory_bytes = 0
    return report.SerializeToString(deterministic=True)


class Run:
    """Plays the client's part of one training, from its beginning or from a saved step."""

    def __init__(self, world: World, resume_from: int = 0, **fields: Any) -> None:
        world.load()
        self.reports: dict[int, bytes] = {}
        self.models: dict[str, str] = {}
        self.unused: dict[int, list[int]] = {}
        self.dialogue = Dialogue(world.stub)
        name = f"step-{resume_from}" if resume_from else ""
        self.dialogue.send(start(world, checkpoint_directory=str(world.root / "saved"), resume_from=name, **fields))
        self.step = resume_from

    def play(self, ends: Sequence[int] = (3, 6), pause_after: int | None = None) -> Run:
        """From the saved step to the end, saving after every step."""
        self.dialogue.expect("started")
        # After a stage's last step the stage is still the one that was open when the training was saved.
        first = 0 if self.step <= ends[0] else 1
        for stage in range(first, 2):
            opened = 0 if stage == 0 else ends[0]
            self.dialogue.send(open_stage(stage, range(12), **STAGES[stage]))
            self.dialogue.expect("stage_opened")
            if self.step < ends[stage]:
                self.dialogue.send(feed(FEEDS[stage][2 * (self.step - opened) :], last=True))
            while self.step < ends[stage]:
                report = self.dialogue.expect("step_report")
                self.step = report.step
                self.reports[report.step] = told(report)
                if self.step == pause_after:
                    self.dialogue.send(decision(self.step, save_training=f"step-{self.step}", pause=True))
                    assert self.dialogue.expect("checkpoint_saved").training
                    assert self.dialogue.expect("ended").steps == self.step
                    return self
                self.decide(self.step == ends[stage])
            closed = self.dialogue.expect("stage_closed")
            assert closed.steps == ends[stage] - opened
            self.unused[stage] = list(closed.unused_pairs)
        self.dialogue.close()
        assert self.dialogue.expect("ended").steps == ends[1]
        return self

    def decide(self, last: bool) -> None:
        checkpoint = "end" if last else ""
        name = f"step-{self.step}"
        move = MOVES.get(self.step, {})
        self.dialogue.send(decision(self.step, save_training=name, checkpoint=checkpoint, end_stage=last, **move))
        if last:
            self.models[f"end-{self.step}"] = self.dialogue.expect("checkpoint_saved").weights_sha256
        saved = self.dialogue.expect("checkpoint_saved")
        assert (saved.name, saved.step, saved.training) == (name, self.step, True)


def test_resuming_after_any_step_changes_nothing(world: World) -> None:
    whole = Run(world).play()
    assert len(whole.reports) == 6
    for step in (1, 2, 3, 4, 6):
        resumed = Run(world, resume_from=step).play()
        assert resumed.reports == {number: told for number, told in whole.reports.items() if number > step}, step
        assert resumed.models == {name: sha for name, sha in whole.models.items() if int(name[4:]) > step}, step
    # The last one left its model in the service: that of the saved training.
    exported = world.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(world.root / "exported")))
    assert exported.weights_sha256 == whole.models["end-6"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_model_stored_in_sixteen_bits_goes_on_exactly(world: World, make_model: Any, dtype: torch.dtype) -> None:
    make_model().to(dtype).save_pretrained(world.model)
    whole = Run(world).play()
    resumed = Run(world, resume_from=2).play()
    assert resumed.reports == {number: told for number, told in whole.reports.items() if number > 2}
    assert resumed.models == whole.models


def test_a_pause_leaves_the_stage_open(world: World) -> None:
    whole = Run(world).play()
    shutil.rmtree(world.root / "saved")
    Run(world).play(pause_after=2)
    # The decision to pause came in place of step 2's own, which moved the reference: only up to there the two agree.
    assert [path.name for path in (world.root / "saved").glob("step-2*")] == ["step-2"]
    still = Run(world).play(pause_after=1)
    resumed = Run(world, resume_from=1).play()
    assert {**still.reports, **resumed.reports} == whole.reports
    assert resumed.models == whole.models


def test_another_micro_batch_of_the_same_step_goes_on(world: World) -> None:
    whole = Run(world).play()
    resumed = Run(world, resume_from=2, batch_size=1, gradient_accumulation_steps=2).play()
    for step, told_then in whole.reports.items():
        if step > 2:
            then, now = trainer_pb2.StepReport(), trainer_pb2.StepReport()
            then.ParseFromString(told_then)
            now.ParseFromString(resumed.reports[step])
            assert now.loss == pytest.approx(then.loss, rel=1e-4)
            assert [pair.pair for pair in now.pairs] == [pair.pair for pair in then.pairs]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "optimizer.pt").unlink(), "optimizer.pt is missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"torn"), "model.safetensors has 4 bytes"),
        (lambda folder: _flip(folder / "model.safetensors"), "model.safetensors is not what was written"),
        (lambda folder: (folder / "MANIFEST.json").write_text("{"), "MANIFEST.json cannot be read"),
        (lambda folder: (folder / "MANIFEST.json").unlink(), "MANIFEST.json is missing"),
        (shutil.rmtree, "the folder is missing"),
    ],
)
def test_a_damaged_one_is_named_and_the_service_goes_on(world: World, damage: Any, words: str) -> None:
    Run(world).play(pause_after=1)
    damage(world.root / "saved" / "step-1")
    failed = Run(world, resume_from=1).dialogue.expect("failed")
    assert failed.checkpoint_damaged.name == "step-1"
    assert words in failed.message
    Run(world).play(pause_after=1)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_an_unfinished_save_is_not_there(world: World) -> None:
    (world.root / "saved").mkdir()
    (world.root / "saved" / ".step-1.writing").mkdir()
    (world.root / "saved" / ".step-1.writing" / "torn").write_text("")
    Run(world).play(pause_after=1)
    assert sorted(path.name for path in (world.root / "saved").iterdir()) == ["step-1"]
    names = {path.name for path in (world.root / "saved" / "step-1").iterdir()}
    assert {"MANIFEST.json", "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"} <= names
    assert "training_args.bin" not in names


def test_what_cannot_be_saved_or_resumed_is_named(world: World) -> None:
    Run(world).play(pause_after=1)
    other = Run(world, resume_from=1, gradient_accumulation_steps=2).dialogue
    other.expect("started")
    other.refused("pairs_per_step 2, this training has 4")
    world.load()
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world, checkpoint_directory=str(world.root / "saved"), resume_from="../saved"))
    dialogue.refused("start.resume_from", "'../saved'")
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world))
    dialogue.expect("started")
    dialogue.send(open_stage(0, range(12)), feed([0, 1], last=True))
    dialogue.expect("stage_opened")
    dialogue.expect("step_report")
    dialogue.send(decision(1, save_training="step-1"))
    dialogue.refused("decision.save_training", "checkpoint_directory was empty")


def test_a_loss_that_is_not_finite_names_step_and_pairs(world: World) -> None:
    run = Run(world)
    run.dialogue.expect("started")
    run.dialogue.send(open_stage(0, range(12), learning_rate=1e30), feed([4, 5, 6, 7], last=True))
    run.dialogue.expect("stage_opened")
    run.dialogue.expect("step_report")
    run.dialogue.send(decision(1))
    failed = run.dialogue.expect("failed")
    assert (failed.loss_not_finite.step, failed.loss_not_finite.stage) == (2, 0)
    assert list(failed.loss_not_finite.pairs) == [6, 7]
    assert set(failed.loss_not_finite.bad_pairs) <= {6, 7}
    assert "rows" in failed.message
    assert "\n" not in failed.message
    assert next(run.dialogue.call, None) is None
    Run(world).play(pause_after=1)
