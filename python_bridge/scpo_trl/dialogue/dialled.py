"""A director whom the training dials: the Train dialogue from the other side of the connection."""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
from torch import distributed

from scpo.v1 import director_pb2, director_pb2_grpc, pair_pb2, trainer_pb2
from scpo.v1.rules import LOOPBACK_HOST, TCP_ADDRESS
from scpo_trl.dialogue.access import TOKEN_VARIABLE, read_file, read_token
from scpo_trl.dialogue.group import FirstFailedError, Group, words_group
from scpo_trl.dialogue.job import Job
from scpo_trl.dialogue.messages import require_checkpoint_name
from scpo_trl.dialogue.one_line import one_line
from scpo_trl.dialogue.protocol import PROTOCOL_VERSION
from scpo_trl.dialogue.remote_director import RemoteDirector
from scpo_trl.dialogue.shared_director import SharedDirector
from scpo_trl.errors import NonFiniteLossError, UserError
from scpo_trl.trainer.director.address import DirectorAddress
from scpo_trl.trainer.director.director import Stage
from scpo_trl.trainer.director.offer import Beginning, Offer
from scpo_trl.trainer.model.sealed_folder import MANIFEST, folder_damage
from scpo_trl.trainer.out_of_memory import is_out_of_memory

GOODBYE_SECONDS = 10.0
"""How long the end of a training waits until the director has heard of it."""

_RETRY_SECONDS = 0.5
_MESSAGE_BYTES = 64 * 1024 * 1024


class DialledDirector(SharedDirector):
    """Implements `OfferedDirector` in every process; the first one holds the stream.

    Args:
        address: Where the director listens.
        pairs_per_step: Pairs of an optimiser step in all processes together.

    Raises:
        UserError: The address is none, needs a token or TLS that it does not have, or a file of these cannot be read.
    """

    def __init__(self, address: DirectorAddress, pairs_per_step: int) -> None:
        several = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
        super().__init__(_Processes.join() if several else Group(0, 1, None), None, pairs_per_step)
        self._line = _Line(address)
        self._pairs = pairs_per_step

    def begin(self, offer: Callable[[], Offer]) -> str:
        """See `OfferedDirector`."""
        return self._processes.share(lambda: self._begin(offer()))

    def _begin(self, offer: Offer) -> str:
        self._line.dial()
        self._line.offer(_offer_message(offer))
        while True:
            start = self._line.start()
            name = start.resume_from
            require_checkpoint_name(name, "start.resume_from")
            damage = folder_damage(Path(offer.output_dir) / name) if name else None
            if damage is None:
                break
            damaged = trainer_pb2.CheckpointDamaged(name=name)
            self._line.send(_failed(f"{name}: {damage}", checkpoint_damaged=damaged))
        self._director = _Asked(self._line, offer, self._pairs)
        return name

    def begun(self, beginning: Beginning) -> None:
        """See `OfferedDirector`."""
        started = trainer_pb2.TrainingStarted(
            trainable_parameters=beginning.trainable_parameters,
            stored_dtype=beginning.stored_dtype,
            weights_dtype=beginning.weights_dtype,
            autocast_dtype=beginning.autocast_dtype,
        )
        self._processes.share(lambda: self._line.send(trainer_pb2.TrainResponse(started=started)))

    def ended(self, steps: int) -> None:
        """See `OfferedDirector`."""
        if self._processes.first:
            seconds = time.monotonic() - self._line.began
            ended = trainer_pb2.TrainingEnded(steps=steps, seconds=seconds)
            self._line.hang_up(trainer_pb2.TrainResponse(ended=ended))

    def failed(self, error: BaseException, steps: int) -> None:
        """See `OfferedDirector`; what the director cannot act upon breaks the stream, as a death does."""
        if self._processes.first:
            self._line.hang_up(_failure_message(error, steps))


class _Processes(Group):
    """Those of a training that its user started: what fails in the first is one mistake, told once."""

    @classmethod
    def join(cls) -> _Processes:
        """Meet the others."""
        return cls(distributed.get_rank(), distributed.get_world_size(), words_group())

    def hear(self) -> Any:
        """See `Group`; raises `UserError`, of which the first process tells."""
        try:
            return super().hear()
        except FirstFailedError as error:
            raise UserError(f"the first process left the training: {error}") from None


class _Asked(RemoteDirector):
    """The director at the other end of the line, who also says how many saved trainings stay."""

    def __init__(self, line: _Line, offer: Offer, pairs_per_step: int) -> None:
        job = Job("a training")
        super().__init__(
            job,
            line.send,
            rows=offer.rows,
            pairs_per_step=pairs_per_step,
            checkpoints=True,
            beta=offer.settings["beta"],
        )
        self._folder, self._line, self._mode = Path(offer.output_dir), line, offer.reference_mode
        threading.Thread(target=self.read, args=(line.requests(),), name="scpo-requests", daemon=True).start()

    def open_stage(self) -> Stage | None:
        """Wait for OpenStage; the reference is kept as the training's own settings say."""
        stage = super().open_stage()
        return None if stage is None else replace(stage, reference_mode=self._mode)

    def training_saved(self, path: str, step: int) -> None:
        """Send CheckpointSaved, and remove the oldest saved training where there are too many."""
        super().training_saved(path, step)
        saved = sorted(self._folder.glob(f"step-*/{MANIFEST}"), key=lambda file: file.stat().st_mtime_ns)
        for old in saved[: -self._line.keep]:
            shutil.rmtree(old.parent, ignore_errors=True)


class _Line:
    """The connection to the director, in the first process."""

    def __init__(self, at: DirectorAddress) -> None:
        self._at = at
        self._target = _target(at)
        self._token = read_token(at.token_file or "", os.environ.get(TOKEN_VARIABLE, ""), "director.token_file")
        self._roots = None if at.authority is None else read_file(at.authority, "director.authority")
        self._local = _is_local(self._target)
        if not self._local and self._token is None:
            raise UserError(
                f"director: {at.address} is not of this machine, which needs a token: name its file (token_file, "
                f"--director_token_file) or set {TOKEN_VARIABLE}"
            )
        self._waiting: queue.SimpleQueue[director_pb2.DirectRequest | None] = queue.SimpleQueue()
        self._channel: grpc.Channel | None = None
        self._call: Any = None
        self.keep = 1
        """How many saved trainings stay."""
        self.began = 0.0

    def dial(self) -> None:
        """Connect; wait for a director that does not listen yet.

        Raises:
            UserError: Nobody answers in time, or somebody else does.
        """
        self._close()
        options: list[tuple[str, int | str]] = [
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.enable_http_proxy", 0 if self._local else 1),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.initial_reconnect_backoff_ms", 100),
        ]
        if self._at.server_name is not None:
            options.append(("grpc.ssl_target_name_override", self._at.server_name))
        if self._local and self._roots is None:
            self._channel = grpc.insecure_channel(self._target, options)
        else:
            self._channel = grpc.secure_channel(self._target, grpc.ssl_channel_credentials(self._roots), options)
        try:
            grpc.channel_ready_future(self._channel).result(timeout=self._at.wait_seconds)
        except grpc.FutureTimeoutError:
            reason = self._unreachable()
            self._close()
            raise UserError(
                f"director: nobody answered at {self._at.address} within {self._at.wait_seconds:g} s ({reason}): start "
                f"`scpo direct run.yaml --listen {self._at.address}`, or check address, port, firewall and certificate"
            ) from None

    def _unreachable(self) -> str:
        try:
            next(director_pb2_grpc.DirectorServiceStub(self._channel).Direct(iter(()), timeout=2))
        except grpc.RpcError as error:
            return one_line(error.details() or "no answer")  # type: ignore[attr-defined]
        return "no answer"

    def offer(self, message: director_pb2.TrainingOffer) -> None:
        """Open the stream with the training's offer."""
        self.began = time.monotonic()
        self._waiting = queue.SimpleQueue()
        bearer = () if self._token is None else (("authorization", f"Bearer {self._token}"),)
        stub = director_pb2_grpc.DirectorServiceStub(self._channel)
        self._waiting.put(director_pb2.DirectRequest(offer=message))
        self._call = stub.Direct(iter(self._waiting.get, None), metadata=bearer)

    def start(self) -> trainer_pb2.StartTraining:
        """Wait for StartTraining.

        Raises:
            UserError: The director refuses the training, or went away.
        """
        answer = self._answer()
        if answer is None or answer.request.WhichOneof("request") != "start":
            raise UserError(f"director: {self._at.address} did not answer the offer with a start: update it")
        self.keep = max(1, answer.keep_trainings)
        return answer.request.start

    def requests(self) -> Iterator[trainer_pb2.TrainRequest]:
        """The requests that follow StartTraining; raises `UserError` when the director goes away."""
        while (answer := self._answer()) is not None:
            yield answer.request
        raise UserError(self._gone("it closed the stream"))

    def send(self, response: trainer_pb2.TrainResponse) -> None:
        """Send a response."""
        self._waiting.put(director_pb2.DirectRequest(response=response))

    def hang_up(self, last: trainer_pb2.TrainResponse | None) -> None:
        """End the stream with a last response, or break it."""
        call = self._call
        if call is None:
            return
        if last is not None:
            self.send(last)
            self._waiting.put(None)
            deadline = time.monotonic() + GOODBYE_SECONDS
            while call.is_active() and time.monotonic() < deadline:
                time.sleep(0.02)
        call.cancel()
        self._close()

    def _answer(self) -> director_pb2.DirectResponse | None:
        try:
            return next(self._call, None)
        except grpc.RpcError as error:
            raise self._mistake(error) from None

    def _mistake(self, error: Any) -> UserError:
        code, details = error.code(), one_line(error.details() or "")
        if code is grpc.StatusCode.UNAUTHENTICATED:
            found = "no token was sent" if self._token is None else "the token that was sent is not the director's"
            return UserError(
                f"director: {self._at.address} refused the training: {found}: set {TOKEN_VARIABLE}, or name the file "
                "(token_file, --director_token_file)"
            )
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return UserError(
                f"director: {self._at.address} is another service, expected `scpo direct run.yaml --listen "
                f"{self._at.address}`: check the port"
            )
        if code in (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ABORTED):
            return UserError(f"director: {details}")
        return UserError(self._gone(details))

    def _gone(self, why: str) -> str:
        return (
            f"director: {self._at.address} went away ({why}): start it again (`scpo resume` in its run's folder), then "
            "this training, which goes on from its newest saved training"
        )

    def _close(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._channel = self._call = None


def _target(at: DirectorAddress) -> str:
    address = at.address
    if address.startswith("unix:") or TCP_ADDRESS.allows(address):
        # As the command line of tools writes it, too.
        return (
            address if not address.startswith("unix:/") or address.startswith("unix:///") else f"unix://{address[5:]}"
        )
    raise UserError(f"director: found {address!r}, expected unix:///absolute/path or {TCP_ADDRESS.expected}")


def _is_local(target: str) -> bool:
    return target.startswith("unix:") or LOOPBACK_HOST.allows(target.rpartition(":")[0])


def _offer_message(offer: Offer) -> director_pb2.TrainingOffer:
    return director_pb2.TrainingOffer(
        protocol_version=PROTOCOL_VERSION,
        package_version=metadata.version("scpo-trl"),
        name=offer.name,
        own=trainer_pb2.StartTraining(
            dataset=pair_pb2.Dataset(sha256=offer.rows_sha256),
            batch_size=offer.batch_size,
            gradient_accumulation_steps=offer.gradient_accumulation_steps,
            seed=offer.seed,
            checkpoint_directory=offer.output_dir,
            settings=json.dumps(dict(offer.settings)),
        ),
        rows=offer.rows,
        difficulties=offer.difficulties or (),
        stages=offer.stages or (),
        weights_sha256=offer.weights_sha256,
        saved_trainings=offer.saved_trainings,
        processes=offer.processes,
        host=socket.gethostname(),
    )


def _failure_message(error: BaseException, steps: int) -> trainer_pb2.TrainResponse | None:
    """What the director is told; None for what a fresh start of the training may mend."""
    if isinstance(error, NonFiniteLossError):
        found = trainer_pb2.LossNotFinite(
            step=error.step, stage=error.stage, pairs=error.pairs, bad_pairs=error.bad_pairs
        )
        return _failed(str(error), loss_not_finite=found)
    if is_out_of_memory(error):
        return _failed(f"{type(error).__name__}: {error}", out_of_memory=trainer_pb2.OutOfMemory(step=steps))
    if isinstance(error, UserError):
        return _failed(str(error))
    return None


def _failed(message: str, **cause: Any) -> trainer_pb2.TrainResponse:
    return trainer_pb2.TrainResponse(failed=trainer_pb2.TrainingFailed(message=one_line(message), **cause))
