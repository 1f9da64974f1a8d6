"""Train over a Unix socket: the dialogue, its violations, cancelling, telemetry."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pyarrow.parquet
import pytest
import torch
import zmq
from safetensors.torch import load_file
from service_fixtures import (
    Dialogue,
    World,
    decision,
    feed,
    objective,
    open_stage,
    refused,
    start,
)

from scpo.v1 import telemetry_pb2, trainer_pb2
from scpo_trl.trainer.model.model_folder import weights_sha256

pytest_plugins = ["service_fixtures"]

FAILED = grpc.StatusCode.FAILED_PRECONDITION


def begun(world: World, **fields: Any) -> Dialogue:
    """A training that has started."""
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world, **fields))
    dialogue.expect("started")
    return dialogue


def stepping(world: World, **fields: Any) -> Dialogue:
    """A training whose first step is reported and awaits its decision."""
    dialogue = begun(world, **fields)
    dialogue.send(open_stage(0, [0, 1, 2, 3]), feed([0, 1, 2, 3], last=True))
    dialogue.expect("stage_opened")
    assert dialogue.expect("step_report").step == 1
    return dialogue


def begun_parameters(world: World, **fields: Any) -> int:
    """Trainable parameters of a training that ends at once."""
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world, **fields))
    count = dialogue.expect("started").trainable_parameters
    dialogue.close()
    dialogue.expect("ended")
    return count


def usable(world: World) -> None:
    """The service takes and finishes another training of one step."""
    dialogue = begun(world)
    dialogue.send(open_stage(0, [0, 1]), feed([0, 1], last=True))
    dialogue.expect("stage_opened")
    dialogue.expect("step_report")
    dialogue.send(decision(1))
    dialogue.expect("stage_closed")
    dialogue.close()
    assert dialogue.expect("ended").steps == 1


class TestTrain:
    def test_two_stages_with_a_moved_reference_an_early_end_and_a_checkpoint(
        self, world: World, make_model: Callable[..., Any]
    ) -> None:
        world.load()
        checkpoints = world.root / "checkpoints"
        dialogue = begun(
            world, checkpoint_directory=str(checkpoints), settings={"frozen_prefixes": ["model.vision_tower"]}
        )
        dialogue.send(open_stage(0, range(8)), feed([3, 1, 0, 2]))
        assert dialogue.expect("stage_opened").stage == 0

        first = dialogue.expect("step_report")
        assert (first.step, first.stage, first.step_in_stage) == (1, 0, 1)
        assert [pair.pair for pair in first.pairs] == [3, 1]
        # The policy is the reference: every margin vanishes and every term is ln 2.
        for name in ("textual", "visual", "visual_mirror", "textual_mirror"):
            assert first.terms[name] == pytest.approx(math.log(2), abs=1e-5)
        assert first.loss == pytest.approx(4 * math.log(2), abs=1e-4)
        assert first.kl_reference == pytest.approx(0, abs=1e-6)
        dialogue.send(feed([4, 5], last=True), decision(1, reason="go on"))

        second = dialogue.expect("step_report")
        assert [pair.pair for pair in second.pairs] == [0, 2]
        assert second.kl_initial > 0
        dialogue.send(decision(2, move_reference_alpha=1.0))
        third = dialogue.expect("step_report")
        assert [pair.pair for pair in third.pairs] == [4, 5]
        # The reference was moved to the policy just before this step.
        assert third.terms["textual"] == pytest.approx(math.log(2), abs=1e-5)
        assert third.kl_reference == pytest.approx(0, abs=1e-6)
        assert third.kl_initial > 0
        dialogue.send(decision(3, checkpoint="after-easy"))
        saved = dialogue.expect("checkpoint_saved")
        closed = dialogue.expect("stage_closed")
        assert (closed.stage, closed.steps, list(closed.unused_pairs)) == (0, 3, [])

        dialogue.send(open_stage(1, range(12), learning_rate=1e-3), feed([11, 10, 9, 8, 7, 6, 5, 4], last=True))
        assert dialogue.expect("stage_opened").stage == 1
        fourth = dialogue.expect("step_report")
        assert (fourth.step, fourth.step_in_stage) == (4, 1)
        assert fourth.learning_rate == pytest.approx(1e-3)
        assert fourth.terms["textual"] == pytest.approx(math.log(2), abs=1e-5)
        dialogue.send(decision(4))
        dialogue.expect("step_report")
        dialogue.send(decision(5, end_stage=True))
        closed = dialogue.expect("stage_closed")
        assert (closed.stage, closed.steps) == (1, 2)
        assert list(closed.unused_pairs) == [7, 6, 5, 4]
        dialogue.close()
        ended = dialogue.expect("ended")
        assert ended.steps == 5
        assert next(dialogue.call, None) is None

        folder = Path(saved.path)
        assert (folder, saved.step) == (checkpoints / "after-easy", 3)
        initial, checkpoint = make_model(), load_file(folder / "model.safetensors")
        model = make_model()
        model.load_state_dict(type(model).from_pretrained(folder).state_dict())
        assert weights_sha256(model) == saved.weights_sha256
        for name, value in initial.named_parameters():
            same = torch.equal(dict(model.named_parameters())[name], value)
            assert same == name.startswith("model.vision_tower"), name
        assert len(checkpoint) > 0
        loaded = world.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(folder)))
        assert loaded.weights_sha256 == saved.weights_sha256

    def test_the_same_training_gives_the_same_weights(self, world: World) -> None:
        hashes = []
        for name in ("one", "two"):
            world.load()
            dialogue = begun(world, checkpoint_directory=str(world.root / "checkpoints"))
            dialogue.send(open_stage(0, [0, 1, 2, 3]), feed([0, 1, 2, 3], last=True))
            dialogue.expect("stage_opened")
            dialogue.expect("step_report")
            dialogue.send(decision(1))
            dialogue.expect("step_report")
            dialogue.send(decision(2, stop=True, checkpoint=name))
            hashes.append(dialogue.expect("checkpoint_saved").weights_sha256)
            dialogue.expect("stage_closed")
            dialogue.expect("ended")
        assert hashes[0] == hashes[1]

    def test_trains_the_loaded_model_in_place(self, world: World) -> None:
        before = world.load().weights_sha256
        usable(world)
        exported = world.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(world.root / "after")))
        assert exported.weights_sha256 != before

    def test_leaves_the_model_fit_for_answers_and_the_next_training(self, world: World) -> None:
        world.load()
        usable(world)
        dialogue = begun(
            world, settings={"frozen_prefixes": ["model.vision_tower"]}, checkpoint_directory=str(world.root / "out")
        )
        dialogue.send(open_stage(0, [0, 1]), feed([0, 1], last=True))
        dialogue.expect("stage_opened")
        dialogue.expect("step_report")
        dialogue.send(decision(1, stop=True, checkpoint="end"))
        config = json.loads((Path(dialogue.expect("checkpoint_saved").path) / "config.json").read_text())
        assert config.get("use_cache", True) is True
        dialogue.expect("stage_closed")
        dialogue.expect("ended")
        # The frozen parameters of one training are free again in the next.
        assert begun_parameters(world) > begun_parameters(world, settings={"frozen_prefixes": ["model.vision_tower"]})
        scores = world.stub.ScorePairs(trainer_pb2.ScorePairsRequest(dataset=world.dataset()))
        assert sum(len(response.scores) for response in scores) == 12

    def test_accumulates_batches(self, world: World) -> None:
        world.load()
        dialogue = begun(world, gradient_accumulation_steps=3)
        dialogue.send(open_stage(0, range(12)), feed(range(12), last=True))
        dialogue.expect("stage_opened")
        assert [pair.pair for pair in dialogue.expect("step_report").pairs] == [0, 1, 2, 3, 4, 5]
        dialogue.send(decision(1))
        assert [pair.pair for pair in dialogue.expect("step_report").pairs] == [6, 7, 8, 9, 10, 11]
        dialogue.send(decision(2))
        assert dialogue.expect("stage_closed").steps == 2

    def test_a_director_without_stages_ends_at_once(self, world: World) -> None:
        world.load()
        dialogue = begun(world)
        dialogue.close()
        assert dialogue.expect("ended").steps == 0
        usable(world)

    def test_only_one_heavy_work_at_a_time(self, world: World) -> None:
        world.load()
        dialogue = begun(world)
        score = lambda: world.stub.ScorePairs(trainer_pb2.ScorePairsRequest(dataset=world.dataset()))  # noqa: E731
        for call in (world.load, score, lambda: world.stub.Train(iter([start(world)]))):
            refused(call, "busy: a training is in progress", code=FAILED)
        assert world.stub.Describe(trainer_pb2.DescribeRequest()).model_path == str(world.model)
        dialogue.close()
        dialogue.expect("ended")
        assert len(list(score())) > 0


class TestViolations:
    @pytest.mark.parametrize("request_", [feed([0]), decision(1), open_stage(0, [0]), trainer_pb2.TrainRequest()])
    def test_starts_with_start_training(self, world: World, request_: trainer_pb2.TrainRequest) -> None:
        world.load()
        refused(lambda: world.stub.Train(iter([request_])), "expected StartTraining first")
        refused(lambda: world.stub.Train(iter([])), "expected StartTraining first")

    @pytest.mark.parametrize(
        ("requests", "parts"),
        [
            ([feed([0])], ["no stage is open"]),
            ([decision(1)], ["decision.step: found 1", "no step report"]),
            ([open_stage(0, [0, 1]), open_stage(1, [0, 1])], ["stage 1 was opened while stage 0 is open"]),
            ([open_stage(0, [0, 1]), feed([0, 2])], ["feed_pairs.pairs: found 2", "stage 0 lacks"]),
            ([open_stage(0, [0]), feed([0], last=True), feed([0])], ["already fed its last pairs"]),
            ([open_stage(0, [])], ["open_stage.pairs: found none"]),
            ([open_stage(0, [0, 12])], ["open_stage.pairs: found 12", "12 rows"]),
            ([open_stage(0, [0], steps=0)], ["open_stage.steps"]),
            ([open_stage(0, [0], learning_rate=math.nan)], ["open_stage.learning_rate: found nan"]),
            ([open_stage(0, [0], learning_rate=-1)], ["open_stage.learning_rate: found -1"]),
            ([open_stage(0, [0], schedule=0)], ["open_stage.schedule"]),
            ([open_stage(0, [0], reference=0)], ["open_stage.reference"]),
            ([open_stage(0, [0], objective=objective("none"))], ["'none'", "scpo"]),
            ([open_stage(0, [0], objective=objective())], ["open_stage.objective.losses"]),
            (
                [open_stage(0, [0], objective=objective("scpo", beta=math.inf))],
                ["open_stage.objective.losses[0].parameters[beta]: found inf"],
            ),
            (
                [open_stage(0, [0], objective=objective("scpo", bita=1))],
                ["'bita'", "beta"],
            ),
        ],
    )
    def test_ends_the_stream_and_leaves_the_service_usable(
        self, world: World, requests: list[trainer_pb2.TrainRequest], parts: list[str]
    ) -> None:
        world.load()
        dialogue = begun(world)
        dialogue.send(*requests)
        dialogue.refused(*parts)
        usable(world)

    @pytest.mark.parametrize(
        ("request_", "part"),
        [
            (decision(2), "decision.step: found 2, expected 1"),
            (decision(1, move_reference_alpha=0), "decision.move_reference_alpha: found 0"),
            (decision(1, move_reference_alpha=1.5), "decision.move_reference_alpha: found 1.5"),
            (decision(1, move_reference_alpha=math.nan), "decision.move_reference_alpha: found nan"),
            (decision(1, move_reference_alpha=0.5), "weights were not kept"),
            (decision(1, checkpoint="../outside"), "decision.checkpoint: found '../outside'"),
            (decision(1, checkpoint="one"), "start.checkpoint_directory was empty"),
            (open_stage(1, [0]), "stage 1 was opened while stage 0 is open"),
        ],
    )
    def test_answers_to_a_report(self, world: World, request_: trainer_pb2.TrainRequest, part: str) -> None:
        world.load()
        dialogue = stepping(world)
        dialogue.send(request_)
        dialogue.refused(part)

    def test_nothing_follows_an_end(self, world: World) -> None:
        world.load()
        dialogue = stepping(world)
        dialogue.send(decision(1, end_stage=True), feed([0]))
        dialogue.refused("feed_pairs: ")
        dialogue = stepping(world)
        dialogue.send(decision(1, stop=True), open_stage(1, [0]))
        # The training may be over before the violation is noticed; either way there is no further step.
        assert "step_report" not in [response.WhichOneof("response") for response in _until_error(dialogue)]

    def test_closing_the_stream_within_a_stage(self, world: World) -> None:
        world.load()
        dialogue = stepping(world)
        dialogue.close()
        dialogue.refused("the request stream ended while step 1 waited for its decision")
        dialogue = begun(world)
        dialogue.send(open_stage(0, [0, 1]), feed([0]))
        dialogue.expect("stage_opened")
        dialogue.close()
        dialogue.refused("the request stream ended while the stage waited for pairs")

    def test_what_a_training_starts_with(self, world: World) -> None:
        train = lambda **fields: world.stub.Train(iter([start(world, **fields)]))  # noqa: E731
        refused(lambda: train(), "no model is loaded", code=FAILED)
        world.load()
        refused(lambda: train(batch_size=0), "start.batch_size: found 0")
        refused(lambda: train(gradient_accumulation_steps=0), "start.gradient_accumulation_steps: found 0")
        refused(lambda: train(settings={"weight_decay": math.nan}), "start.settings: found no JSON", "NaN")
        refused(lambda: train(settings={"max_grad_norm": -1}), "start.settings.max_grad_norm: found -1")
        refused(lambda: train(seed=2**32), "start.seed: found 4294967296")
        refused(lambda: train(checkpoint_directory="/nowhere"), "outside the trainer's roots")
        refused(lambda: train(settings={"frozen_prefixes": ["vision"]}), "frozen_prefixes", "'vision'")
        refused(lambda: train(settings={"frozen_prefixes": ["model", "lm_head"]}), "every parameter is frozen")
        refused(lambda: train(telemetry_endpoint="tcp://10.0.0.1:5"), "start.telemetry_endpoint", "tcp://127.0.0.1")
        usable(world)


def _until_error(dialogue: Dialogue) -> list[trainer_pb2.TrainResponse]:
    responses = []
    with contextlib.suppress(grpc.RpcError):
        responses.extend(dialogue.call)
    return responses


class TestFailures:
    @pytest.mark.parametrize("moment", ["before a stage", "while waiting for pairs", "while waiting for a decision"])
    def test_a_cancelled_training_leaves_the_service_usable(self, world: World, moment: str) -> None:
        world.load()
        if moment == "before a stage":
            dialogue = begun(world)
        elif moment == "while waiting for pairs":
            dialogue = begun(world)
            dialogue.send(open_stage(0, [0, 1, 2]), feed([0]))
            dialogue.expect("stage_opened")
        else:
            dialogue = stepping(world)
        dialogue.call.cancel()
        began = time.monotonic()
        usable(world)
        assert time.monotonic() - began < 20

    def test_a_client_that_vanishes_leaves_the_service_usable(self, world: World) -> None:
        world.load()
        channel = grpc.insecure_channel(world.server.address)
        dialogue = Dialogue(type(world.stub)(channel))
        dialogue.send(start(world), open_stage(0, [0, 1, 2, 3]), feed([0, 1], last=False))
        dialogue.expect("started")
        channel.close()
        usable(world)

    def test_a_damaged_picture_is_named(self, world: World) -> None:
        world.load()
        table = pyarrow.parquet.read_table(world.pairs)
        rows = table.to_pylist()
        for damaged in (0, 7):
            changed = [dict(row) for row in rows]
            changed[damaged]["rejected_images"] = [{"bytes": b"damaged", "path": None}]
            path = world.root / f"damaged-{damaged}.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(changed, schema=table.schema), path)
            dialogue = Dialogue(world.stub)
            dialogue.send(start(world, dataset=world.dataset(path)))
            dialogue.send(open_stage(0, [0, 1]), feed([0, 1], last=True))
            dialogue.refused(str(path), f"row {damaged}, column rejected_images")
        usable(world)

    def test_a_loss_that_is_not_finite_ends_the_training(self, world: World) -> None:
        world.load()
        dialogue = stepping(world, settings={"max_grad_norm": 1e30})
        dialogue.send(decision(1, end_stage=True))
        dialogue.expect("stage_closed")
        dialogue.send(open_stage(1, [0, 1, 2, 3, 4, 5], learning_rate=1e30), feed([0, 1, 2, 3, 4, 5], last=True))
        dialogue.expect("stage_opened")
        dialogue.expect("step_report")
        dialogue.send(decision(2))
        failed = dialogue.expect("failed")
        assert failed.loss_not_finite.step == 3
        assert "expected a finite number" in failed.message
        world.load()
        usable(world)


class TestTelemetry:
    @pytest.fixture
    def pull(self, tmp_path: Path):
        context = zmq.Context()
        socket = context.socket(zmq.PULL)
        socket.set(zmq.RCVTIMEO, 5000)
        endpoint = f"ipc://{tmp_path}/telemetry.sock"
        socket.bind(endpoint)
        yield socket, endpoint
        context.destroy(linger=0)

    def test_every_pair_of_every_step_arrives_in_order(self, world: World, pull: Any) -> None:
        socket, endpoint = pull
        world.load()
        dialogue = stepping(world, telemetry_endpoint=endpoint)
        dialogue.send(decision(1))
        report = dialogue.expect("step_report")
        dialogue.send(decision(2))
        dialogue.expect("stage_closed")
        dialogue.close()
        dialogue.expect("ended")
        batches = [telemetry_pb2.TelemetryBatch.FromString(socket.recv()) for _ in range(3)]
        assert [batch.sequence for batch in batches] == [0, 1, 2]
        assert [batch.last for batch in batches] == [False, False, True]
        assert [[(r.step, r.pair) for r in batch.records] for batch in batches] == [
            [(1, 0), (1, 1)],
            [(2, 2), (2, 3)],
            [],
        ]
        for record, pair in zip(batches[1].records, report.pairs, strict=True):
            assert record.textual_margin == pytest.approx(pair.margins["textual"])
            drift = record.policy.chosen_given_images - record.reference.chosen_given_images
            assert record.rewards.chosen_given_images == pytest.approx(0.1 * drift, abs=1e-6)
        with pytest.raises(zmq.Again):
            socket.recv(zmq.NOBLOCK)

    def test_the_final_message_follows_a_failure(self, world: World, pull: Any) -> None:
        socket, endpoint = pull
        world.load()
        dialogue = stepping(world, telemetry_endpoint=endpoint)
        dialogue.call.cancel()
        batches = [telemetry_pb2.TelemetryBatch.FromString(socket.recv()) for _ in range(2)]
        assert [(batch.sequence, batch.last) for batch in batches] == [(0, False), (1, True)]

    def test_a_receiver_that_never_was_does_not_hold_up_a_training(self, world: World) -> None:
        world.load()
        began = time.monotonic()
        dialogue = stepping(world, telemetry_endpoint=f"ipc://{world.root}/nobody.sock")
        dialogue.send(decision(1, stop=True))
        dialogue.expect("stage_closed")
        dialogue.expect("ended")
        assert time.monotonic() - began < 20

    def test_lost_messages_leave_a_gap(self, tmp_path: Path) -> None:
        from scpo_trl.service import telemetry

        sender = telemetry.TelemetrySender(f"ipc://{tmp_path}/late.sock")
        waiting = int(sender._socket.get(zmq.SNDHWM))
        began = time.monotonic()
        for _ in range(waiting + 50):
            sender.record([])
        assert time.monotonic() - began < 20
        assert sender.dropped == 50
        context = zmq.Context()
        socket = context.socket(zmq.PULL)
        socket.set(zmq.RCVTIMEO, 5000)
        socket.bind(f"ipc://{tmp_path}/late.sock")
        received = [telemetry_pb2.TelemetryBatch.FromString(socket.recv()).sequence for _ in range(waiting)]
        assert received == list(range(waiting))
        sender.record([])
        assert telemetry_pb2.TelemetryBatch.FromString(socket.recv()).sequence == waiting + 50
        sender.close()
        context.destroy(linger=0)
