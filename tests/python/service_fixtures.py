"""A running trainer service on a Unix socket, with a model and pairs on disk, and a scripted director."""

from __future__ import annotations

import hashlib
import json
import queue
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
import grpc
import pytest

from scpo.v1 import pair_pb2, trainer_pb2, trainer_pb2_grpc
from scpo_trl.service.process import settle
from scpo_trl.service.server import RunningServer, ServerOptions, create_server

datasets.disable_progress_bars()
settle()

CONSTANT = trainer_pb2.LEARNING_RATE_SCHEDULE_CONSTANT
POLICY = trainer_pb2.REFERENCE_AT_OPEN_POLICY


@dataclass
class World:
    """A served folder: `root` holds `model` (weights and processor) and `pairs` (a Parquet file of 12 rows)."""

    server: RunningServer
    channel: grpc.Channel
    stub: trainer_pb2_grpc.TrainerServiceStub
    root: Path
    model: Path
    pairs: Path

    def dataset(self, path: Path | None = None) -> pair_pb2.Dataset:
        path = path or self.pairs
        return pair_pb2.Dataset(path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    def load(self) -> trainer_pb2.LoadModelResponse:
        return self.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(self.model)))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Any], processor: Any) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    make_model().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def world(model_folder: Path, make_pairs: Callable[..., Any], tmp_path: Path) -> Iterator[World]:
    with serve(tmp_path, model_folder, make_pairs) as served:
        yield served


@contextmanager
def serve(root: Path, model_folder: Path, make_pairs: Callable[..., Any], **options: Any) -> Iterator[World]:
    """Fills a folder and serves it; `options` are more of `ServerOptions`."""
    pairs = root / "pairs.parquet"
    make_pairs().to_parquet(pairs)
    model = root / "model"
    model.mkdir()
    for file in model_folder.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    with tempfile.TemporaryDirectory(prefix="scpo-") as directory:
        listen = f"unix://{directory}/trainer.sock"
        server = create_server(ServerOptions(**{"listen": listen, "roots": [root], "threads": 1, **options}))
        channel = grpc.insecure_channel(server.address)
        stub = trainer_pb2_grpc.TrainerServiceStub(channel)
        yield World(server=server, channel=channel, stub=stub, root=root, model=model, pairs=pairs)
        channel.close()
        server.stop()


def status_of(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    """Status of a call that must fail; streams are read to their end."""
    try:
        answer = call()
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        return error.code(), error.details()  # type: ignore[attr-defined]
    raise AssertionError("the call succeeded")


def refused(call: Callable[[], Any], *parts: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> None:
    """Expects one line that holds every part, under the status `code`."""
    found, details = status_of(call)
    assert found is code, (found, details)
    assert "\n" not in details
    for part in parts:
        assert part in details, (part, details)


def objective(*losses: str | tuple[str, float], **parameters: float) -> trainer_pb2.Objective:
    """Losses by name, or by name and weight; the parameters are those of the first."""
    named = [(loss, None) if isinstance(loss, str) else loss for loss in losses]
    return trainer_pb2.Objective(
        losses=[
            trainer_pb2.WeightedLoss(name=name, weight=weight, parameters=parameters if at == 0 else {})
            for at, (name, weight) in enumerate(named)
        ]
    )


def start(world: World, settings: dict[str, Any] | None = None, **fields: Any) -> trainer_pb2.TrainRequest:
    """A StartTraining; `settings` are those of its JSON object."""
    values = {
        "dataset": world.dataset(),
        "batch_size": 2,
        "gradient_accumulation_steps": 1,
        "seed": 3,
        "settings": json.dumps(settings or {}),
        **fields,
    }
    return trainer_pb2.TrainRequest(start=trainer_pb2.StartTraining(**values))


def open_stage(stage: int, pairs: Sequence[int], **fields: Any) -> trainer_pb2.TrainRequest:
    values = {
        "stage": stage,
        "pairs": pairs,
        "steps": 3,
        "objective": objective("scpo"),
        "learning_rate": 1e-2,
        "schedule": CONSTANT,
        "reference": POLICY,
        **fields,
    }
    return trainer_pb2.TrainRequest(open_stage=trainer_pb2.OpenStage(**values))


def feed(pairs: Sequence[int], last: bool = False) -> trainer_pb2.TrainRequest:
    return trainer_pb2.TrainRequest(feed_pairs=trainer_pb2.FeedPairs(pairs=pairs, last=last))


def decision(step: int, **fields: Any) -> trainer_pb2.TrainRequest:
    return trainer_pb2.TrainRequest(decision=trainer_pb2.Decision(step=step, **fields))


@dataclass
class Dialogue:
    """One Train stream, written to by the test as it reads."""

    stub: trainer_pb2_grpc.TrainerServiceStub
    seen: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._requests: queue.Queue[trainer_pb2.TrainRequest | None] = queue.Queue()
        self.call = self.stub.Train(iter(self._requests.get, None))

    def send(self, *requests: trainer_pb2.TrainRequest) -> None:
        for request in requests:
            self._requests.put(request)

    def close(self) -> None:
        """Ends the client's side of the stream."""
        self._requests.put(None)

    def expect(self, kind: str) -> Any:
        """The next response but progress of the table; must be of `kind`."""
        while True:
            response = next(self.call)
            found = response.WhichOneof("response")
            self.seen.append(found)
            if found != "table_progress" or kind == "table_progress":
                assert found == kind, (found, kind, response)
                return getattr(response, found)

    def refused(self, *parts: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> None:
        """Expects the stream to end with an error."""
        refused(lambda: self.call, *parts, code=code)
