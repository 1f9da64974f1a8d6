"""A client of `scpo serve` in Python: creates a run, watches it to its end, brings its last checkpoint.

    npx scpo serve --data runs/demo/data                    # in another terminal; prints where it listens
    python examples/service_client.py 127.0.0.1:50052 pairs-2000-seed-1-graded.parquet OUT

The second argument is a path below the service's --data folder. Set SCPO_TOKEN where the service asks for a token.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict

from scpo.v1 import run_pb2, run_pb2_grpc


def metadata() -> list[tuple[str, str]]:
    """What tells the service who calls."""
    token = os.environ.get("SCPO_TOKEN")
    return [] if token is None else [("authorization", f"Bearer {token}")]


def create(runs: run_pb2_grpc.RunServiceStub, pairs: str) -> str:
    """Queue a short run and give its name."""
    settings = {
        "model": "embedded",
        "data": {"pairs": pairs},
        "training": {
            "loss_parameters": {"anchor": 1},
            "learning_rate": 2e-4,
            "per_device_train_batch_size": 4,
            "frozen_prefixes": ["model.vision_tower"],
        },
        # So that each of the stages has a few pairs only: remove it to train on all of them.
        "curriculum": {"policy": "staged", "stages": 3},
    }
    # The same request_id may be sent again after a broken connection: the run is created once.
    request = run_pb2.CreateRunRequest(request_id=str(uuid.uuid4()))
    ParseDict(settings, request.settings)
    return runs.CreateRun(request, metadata=metadata()).run.name


def said(event: run_pb2.RunEvent) -> str:
    """One line about an event: its kind, and what it says."""
    kind = event.WhichOneof("event")
    if kind is None:
        return "an event of a newer service"
    if kind == "step":
        return f"step {event.step.step}: loss {event.step.loss:.4f}, learning rate {event.step.learning_rate:.2g}"
    fields = MessageToDict(getattr(event, kind), preserving_proto_field_name=True)
    return f"{kind.replace('_', ' ')}: {json.dumps(fields)}" if fields else kind.replace("_", " ")


def watch(runs: run_pb2_grpc.RunServiceStub, name: str) -> str:
    """Print what happens until the run ends, whatever happens to the connection; give the state of its end."""
    last = 0
    while True:
        try:
            for response in runs.WatchRun(run_pb2.WatchRunRequest(name=name, after_sequence=last), metadata=metadata()):
                event = response.event
                last = event.sequence
                print(said(event))
            run = runs.GetRun(run_pb2.GetRunRequest(name=name), metadata=metadata()).run
            return run_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_")
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise


def export(runs: run_pb2_grpc.RunServiceStub, name: str, out: Path) -> int:
    """Bring the files of a checkpoint, each checked against its hash; give their number."""
    files, digest = 0, hashlib.sha256()
    for piece in runs.ExportCheckpoint(run_pb2.ExportCheckpointRequest(name=name), metadata=metadata()):
        target = out / piece.path
        if not target.resolve().is_relative_to(out.resolve()):
            raise ValueError(f"{piece.path} leads out of {out}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb" if piece.offset == 0 else "ab") as file:
            file.write(piece.data)
        digest.update(piece.data)
        if piece.sha256:
            if digest.hexdigest() != piece.sha256:
                raise ValueError(f"{target} did not arrive whole")
            files, digest = files + 1, hashlib.sha256()
    return files


def main(address: str, pairs: str, out: Path) -> None:
    """Do all of it."""
    with grpc.insecure_channel(address) as channel:
        runs = run_pb2_grpc.RunServiceStub(channel)
        try:
            name = create(runs, pairs)
            print(name)
            print(watch(runs, name))
            saved = runs.ListCheckpoints(run_pb2.ListCheckpointsRequest(parent=name), metadata=metadata()).checkpoints
            if saved:
                print(f"{export(runs, saved[-1].name, out)} files of {saved[-1].name} in {out}")
        except grpc.RpcError as error:
            sys.exit(f"{address}: {error.code().name}: {error.details()}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("expected three arguments: ADDRESS PAIRS OUT, such as 127.0.0.1:50052 pairs.parquet checkpoint")
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
