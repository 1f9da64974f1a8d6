"""The director at the other end of a Train stream."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from scpo.v1 import trainer_pb2
from scpo_trl.dialogue.job import Job
from scpo_trl.dialogue.messages import decision_of, report_message, stage_of
from scpo_trl.errors import UserError
from scpo_trl.trainer.director.director import Decision, Stage, StepReport

logger = logging.getLogger(__name__)


class RemoteDirector:
    """Implements `Director` over a stream of requests and a function that sends responses.

    A thread of its own reads the requests, so that a request that breaks the dialogue, or a client that goes away,
    ends the training at its next step and not only when the trainer next waits.

    Args:
        job: The training; cancelled when the client goes away.
        send: Sends one response; called from the training's thread only.
        rows: Rows of the data set.
        pairs_per_step: Pairs of an optimiser step.
        checkpoints: Whether the training has a checkpoint folder.
        beta: The settings' beta, for losses that leave theirs out.
    """

    def __init__(
        self,
        job: Job,
        send: Callable[[trainer_pb2.TrainResponse], None],
        rows: int,
        pairs_per_step: int,
        checkpoints: bool,
        beta: float,
    ) -> None:
        self._job = job
        self._send = send
        self._rows = rows
        self._pairs_per_step = pairs_per_step
        self._checkpoints = checkpoints
        self._beta = beta
        self._condition = threading.Condition()
        self._failure: Exception | None = None
        self._half_closed = False
        self._stopped = False
        self._waiting_stage: Stage | None = None
        self._open: Stage | None = None
        self._allowed: frozenset[int] = frozenset()
        self._fed: deque[int] = deque()
        self._fed_last = False
        self._ending = False
        self._step = 0
        self._reported_step: int | None = None
        self._decision: Decision | None = None
        job.on_cancel(self._wake)

    # The reader's side.

    def read(self, requests: Iterable[trainer_pb2.TrainRequest]) -> None:
        """Take every request that follows StartTraining; returns when the stream ends or breaks the dialogue."""
        following = iter(requests)
        while True:
            try:
                request = next(following)
            except StopIteration:
                with self._condition:
                    self._half_closed = True
                    self._condition.notify_all()
                return
            except UserError as error:
                with self._condition:
                    self._failure = error
                    self._condition.notify_all()
                return
            except Exception as error:  # gRPC raises a bare Exception when the client is gone.
                logger.debug("request stream ended: %r", error)
                self._job.cancel("the client went away")
                return
            with self._condition:
                try:
                    self._take(request)
                except Exception as error:
                    self._failure = error
                    return
                finally:
                    self._condition.notify_all()

    def _take(self, request: trainer_pb2.TrainRequest) -> None:
        kind = request.WhichOneof("request")
        if kind == "open_stage":
            self._take_stage(request.open_stage)
        elif kind == "feed_pairs":
            self._take_pairs(request.feed_pairs)
        elif kind == "decision":
            self._take_decision(request.decision)
        elif kind == "start":
            raise UserError("start: found a second StartTraining, expected one a stream")
        else:
            raise UserError("Train: found an empty request, expected OpenStage, FeedPairs or Decision")

    def _take_stage(self, message: trainer_pb2.OpenStage) -> None:
        if self._stopped:
            raise UserError(f"open_stage: stage {message.stage} was opened after a decision to stop")
        if self._open is not None or self._waiting_stage is not None:
            stage = self._open or self._waiting_stage
            assert stage is not None
            raise UserError(
                f"open_stage: stage {message.stage} was opened while stage {stage.stage} is open; "
                "wait for its StageClosed"
            )
        stage = stage_of(message, self._rows, self._beta)
        self._waiting_stage = stage
        self._allowed = frozenset(stage.pairs)
        self._fed.clear()
        self._fed_last = False
        self._ending = False

    def _take_pairs(self, message: trainer_pb2.FeedPairs) -> None:
        stage = self._open or self._waiting_stage
        if stage is None:
            raise UserError("feed_pairs: no stage is open; send OpenStage first")
        if self._ending:
            raise UserError(f"feed_pairs: stage {stage.stage} was already told to end")
        if self._fed_last:
            raise UserError(f"feed_pairs: stage {stage.stage} was already fed its last pairs")
        for pair in message.pairs:
            if pair not in self._allowed:
                raise UserError(f"feed_pairs.pairs: found {pair}, which open_stage.pairs of stage {stage.stage} lacks")
        self._fed.extend(message.pairs)
        self._fed_last = message.last

    def _take_decision(self, message: trainer_pb2.Decision) -> None:
        if self._reported_step is None:
            raise UserError(f"decision.step: found {message.step}, but no step report awaits a decision")
        if message.step != self._reported_step:
            raise UserError(f"decision.step: found {message.step}, expected {self._reported_step}, the reported step")
        decision = decision_of(message)
        for field in ("checkpoint", "save_training"):
            name = getattr(decision, field)
            if name and not self._checkpoints:
                raise UserError(f"decision.{field}: found {name!r}, but start.checkpoint_directory was empty")
        self._decision = decision
        self._reported_step = None
        self._stopped = self._stopped or decision.stop or decision.pause
        self._ending = self._ending or decision.end_stage or self._stopped

    # The trainer's side: see `Director`.

    def resume(self, stages_before: int, pairs: int) -> None:
        """Do nothing: the client knows where the saved training stands, opens its stage and feeds what follows."""

    def open_stage(self) -> Stage | None:
        """Wait for OpenStage; None when the client closed its side of the stream or decided to stop."""
        with self._condition:
            while True:
                self._check()
                if self._stopped:
                    return None
                if self._waiting_stage is not None:
                    self._open, self._waiting_stage = self._waiting_stage, None
                    return self._open
                if self._half_closed:
                    return None
                self._condition.wait()

    def table_progress(self, done: int, total: int) -> None:
        """Send TableProgress."""
        self._check()
        self._respond(table_progress=trainer_pb2.TableProgress(done=done, total=total))

    def stage_opened(self, stage: Stage, table_seconds: float) -> None:
        """Send StageOpened."""
        self._respond(stage_opened=trainer_pb2.StageOpened(stage=stage.stage, table_seconds=table_seconds))

    def pairs(self) -> Iterator[int]:
        """Give the fed pairs in order; ends after the last, or when the stage was told to end."""
        while True:
            with self._condition:
                self._wait(
                    lambda: bool(self._fed) or self._fed_last or self._ending,
                    "the stage waited for pairs: feed them, and say `last` with the last",
                )
                if not self._fed:
                    return
                pair = self._fed.popleft()
            yield pair

    def step_taken(self, report: StepReport) -> None:
        """Send StepReport."""
        with self._condition:
            self._check()
            self._decision = None
            self._step = self._reported_step = report.step
        self._respond(step_report=report_message(report))

    def decide(self, make_batches: Callable[[], None]) -> Decision:
        """Wait for the Decision that answers the last StepReport, and make the next step's batches meanwhile."""
        with self._condition:
            known = len(self._fed) >= self._pairs_per_step
        if known:
            make_batches()
        with self._condition:
            self._wait(lambda: self._decision is not None, f"step {self._step} waited for its decision")
            decision, self._decision = self._decision, None
            assert decision is not None
            return decision

    def checkpoint_saved(self, path: str, step: int, weights_sha256: str) -> None:
        """Send CheckpointSaved."""
        self._respond(
            checkpoint_saved=trainer_pb2.CheckpointSaved(
                path=path, step=step, weights_sha256=weights_sha256, name=Path(path).name
            )
        )

    def training_saved(self, path: str, step: int) -> None:
        """Send CheckpointSaved for the whole training."""
        self._respond(
            checkpoint_saved=trainer_pb2.CheckpointSaved(path=path, step=step, name=Path(path).name, training=True)
        )

    def stage_closed(self, stage: int, steps: int, unused_pairs: Sequence[int]) -> None:
        """Send StageClosed; pairs that were fed but never drawn count as unused."""
        with self._condition:
            unused = [*unused_pairs, *self._fed]
            self._fed.clear()
            # Before the response: the client may open the next stage as soon as it reads it.
            self._open = None
        self._respond(stage_closed=trainer_pb2.StageClosed(stage=stage, steps=steps, unused_pairs=unused))

    def _wait(self, ready: Callable[[], bool], meanwhile: str) -> None:
        while True:
            self._check()
            if ready():
                return
            if self._half_closed:
                raise UserError(f"Train: the request stream ended while {meanwhile}")
            self._condition.wait()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._job.check()

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()

    def _respond(self, **response: Any) -> None:
        self._send(trainer_pb2.TrainResponse(**response))
