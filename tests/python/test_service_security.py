"""Who may call the service, and what files it takes from callers."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from service_fixtures import World, decision, feed, open_stage, refused, start

from scpo.v1 import files_pb2, files_pb2_grpc, trainer_pb2, trainer_pb2_grpc
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.errors import NotReadyError
from scpo_trl.service.roots import Roots
from scpo_trl.service.security import Security, read_security
from scpo_trl.service.server import MESSAGE_BYTES, ServerOptions, create_server
from scpo_trl.service.training_settings import shared_out
from scpo_trl.service.uploads import Uploads

pytest_plugins = ["service_fixtures"]

TOKEN = "0123456789abcdef" * 2
DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


class TestAddressesAndSecrets:
    def test_other_machines_only_with_protection(self) -> None:
        assert check_address("0.0.0.0:50051", protected=True) == "0.0.0.0:50051"
        with pytest.raises(UserError, match="only with --tls-certificate"):
            check_address("0.0.0.0:50051")
        assert not Security(token=TOKEN).protects
        assert not Security(credentials=grpc.ssl_server_credentials([(b"", b"")])).protects

    def test_secrets_come_from_private_files_outside_the_roots(self, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(f"{TOKEN}\n")
        file.chmod(0o644)
        with pytest.raises(UserError, match="chmod 600"):
            read_security(token_file=str(file))
        file.chmod(0o600)
        assert read_security(token_file=str(file)).token == TOKEN
        assert TOKEN not in repr(read_security(token_file=str(file)))
        with pytest.raises(UserError, match="lies under"):
            Roots([tmp_path]).require_outside("", str(file))
        file.write_text("short")
        for settings, message in (
            ({"token_file": str(file)}, "expected 32 or more"),
            ({"token": "short"}, r"\$SCPO_TOKEN: found another text of 5 characters"),
            ({"token_file": str(tmp_path / "none")}, "cannot read"),
            ({"certificate": str(file)}, "belong together"),
            ({"client_authority": str(file)}, "asks for certificates"),
            ({"certificate": str(file), "key": str(file)}, "no PEM text"),
        ):
            with pytest.raises(UserError, match=message):
                read_security(**settings)


class TestCalls:
    @pytest.fixture
    def guarded(self, tmp_path: Path) -> Iterator[grpc.Channel]:
        options = ServerOptions(
            listen="127.0.0.1:0", roots=[tmp_path], threads=1, security=Security(token=TOKEN), upload_limit=20_000
        )
        server = create_server(options)
        with grpc.insecure_channel(server.address) as channel:
            yield channel
        server.stop()

    def test_every_call_but_a_health_check_bears_the_token(self, guarded: grpc.Channel) -> None:
        stub = trainer_pb2_grpc.TrainerServiceStub(guarded)
        for metadata in (
            [],
            [("authorization", TOKEN)],
            [("authorization", f"Bearer {TOKEN}x")],
            [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer x")],
        ):
            for call in (
                lambda metadata=metadata: stub.Describe(trainer_pb2.DescribeRequest(), metadata=metadata),
                lambda metadata=metadata: stub.Train(iter([]), metadata=metadata),
            ):
                refused(call, "token: ", code=grpc.StatusCode.UNAUTHENTICATED)
        described = stub.Describe(trainer_pb2.DescribeRequest(), metadata=[("authorization", f"Bearer {TOKEN}")])
        assert described.protocol_version == 3
        health: Any = health_pb2_grpc.HealthStub(guarded)
        assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING

    def test_a_lost_client_frees_the_service(self, world: World) -> None:
        """A connection whose other end is silent, as after a pulled cable."""
        options = ServerOptions(
            listen="127.0.0.1:0", roots=[world.root], threads=1, keepalive=1.0, keepalive_answer=1.0
        )
        server = create_server(options)
        relay = Relay(int(server.address.rpartition(":")[2]))
        try:
            channel = grpc.insecure_channel(f"127.0.0.1:{relay.port}")
            stub = trainer_pb2_grpc.TrainerServiceStub(channel)
            stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(world.model)))
            hold = threading.Event()

            def requests() -> Iterator[trainer_pb2.TrainRequest]:
                yield start(world)
                yield open_stage(0, [0, 1, 2, 3])
                yield feed([0, 1, 2, 3])
                hold.wait(60)
                yield decision(1)

            call = stub.Train(requests())
            for response in call:
                if response.WhichOneof("response") == "step_report":
                    break
            assert not server.work_ended(timeout=0)
            relay.cut()
            began = time.monotonic()
            assert server.work_ended(timeout=30)
            assert time.monotonic() - began < 30
            hold.set()
        finally:
            relay.close()
            server.stop()

    def test_errors_name_the_field(self, world: World) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            world.stub.LoadModel(trainer_pb2.LoadModelRequest(path="relative"))
        status = rpc_status.from_call(caught.value)  # type: ignore[arg-type]
        assert status is not None
        info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        assert status.details[0].Unpack(info) and status.details[1].Unpack(request)
        assert (info.reason, info.domain) == ("INVALID_REQUEST", "scpo")
        violation = request.field_violations[0]
        assert (violation.field, violation.description[:15]) == ("path", "found 'relative")

    def test_oversized_messages_are_refused(self, world: World) -> None:
        files = files_pb2_grpc.FileServiceStub(world.channel)
        chunk = files_pb2.UploadFileRequest(chunk=bytes(MESSAGE_BYTES + 1))
        refused(lambda: files.UploadFile(iter([chunk])), code=grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_files_stay_inside_the_roots(self, world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
        files = files_pb2_grpc.FileServiceStub(world.channel)
        outside = tmp_path_factory.mktemp("outside") / "secret"
        outside.write_text("secret")
        (world.root / "link").symlink_to(outside)
        for path in (str(outside), f"{world.root}/../{outside.parent.name}/secret", str(world.root / "link")):
            refused(lambda path=path: files.DownloadFile(files_pb2.DownloadFileRequest(path=path)), "outside")
        refused(lambda: files.RemoveFolder(files_pb2.RemoveFolderRequest(path=str(world.model))), "trainings/")
        listed = files.ListFolder(files_pb2.ListFolderRequest(path=str(world.root))).files
        assert "pairs.parquet" in {file.path for file in listed} and "link" not in {file.path for file in listed}


class Relay:
    """Carries bytes between a client and the service until it is cut, and then nothing, without closing."""

    def __init__(self, target: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._cut = threading.Event()
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, args=(target,), daemon=True).start()

    def cut(self) -> None:
        self._cut.set()

    def close(self) -> None:
        for opened in self._sockets:
            opened.close()

    def _accept(self, target: int) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", target))
        self._sockets += [client, server]
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        while data := source.recv(65536):
            if self._cut.is_set():
                self._cut.wait()
                threading.Event().wait(60)
            sink.sendall(data)


class TestUploads:
    @pytest.fixture
    def uploads(self, tmp_path: Path) -> Uploads:
        return Uploads(tmp_path, largest_total=20_000)

    def test_interrupted_and_resumed(self, uploads: Uploads) -> None:
        def broken() -> Iterator[bytes]:
            yield DATA[:3000]
            raise ConnectionError("the client went away")

        with pytest.raises(ConnectionError):
            uploads.receive(SHA256, len(DATA), 0, broken())
        assert uploads.find(SHA256) == (None, 3000)
        with pytest.raises(UserError, match="at most 3000"):
            uploads.receive(SHA256, len(DATA), 3001, [])
        path = uploads.receive(SHA256, len(DATA), 3000, [DATA[3000:5000], DATA[5000:]])
        assert path.read_bytes() == DATA
        assert uploads.find(SHA256) == (path, 0)
        assert uploads.receive(SHA256, len(DATA), 0, []) == path

    def test_tampered_long_short_and_large(self, uploads: Uploads) -> None:
        for data, message in (
            (DATA[:-1] + b"x", "the bytes have"),
            (DATA + b"x", "more than"),
        ):
            with pytest.raises(UserError, match=message):
                uploads.receive(SHA256, len(DATA), 0, [data])
            assert uploads.find(SHA256) == (None, 0)
        with pytest.raises(UserError, match="cut off"):
            uploads.receive(SHA256, len(DATA), 0, [DATA[:10]])
        with pytest.raises(UserError, match="exceed the limit"):
            uploads.receive("0" * 64, 30_000, 0, [])
        for name in ("../../etc/passwd", SHA256.upper(), "", "a"):
            with pytest.raises(UserError, match="64 lower-case"):
                uploads.find(name)

    def test_one_at_a_time(self, uploads: Uploads) -> None:
        def meanwhile() -> Iterator[bytes]:
            with pytest.raises(NotReadyError, match="another call"):
                uploads.receive(SHA256, len(DATA), 0, [DATA])
            yield DATA

        uploads.receive(SHA256, len(DATA), 0, meanwhile())

    def test_folders_of_uploads(self, uploads: Uploads, tmp_path: Path) -> None:
        uploads.receive(SHA256, len(DATA), 0, [DATA])
        placed = uploads.place({"config.json": SHA256, "sub/model.safetensors": SHA256}, None)
        assert (placed / "sub" / "model.safetensors").read_bytes() == DATA
        assert uploads.place({"config.json": SHA256, "sub/model.safetensors": SHA256}, None) == placed
        for name in ("../x", "/etc/x", "a/../../x", ".hidden", "a//..", "a\\b", ""):
            with pytest.raises(UserError, match=r"files\.path"):
                uploads.place({name: SHA256}, tmp_path / "target")
        with pytest.raises(UserError, match="was not uploaded"):
            uploads.place({"a": "0" * 64}, tmp_path / "target")
        assert not (tmp_path / "target").exists()


def test_an_optimiser_steps_pairs_are_shared_out() -> None:
    assert shared_out(4, 3, 2) == (2, 3)
    assert shared_out(1, 4, 2) == (1, 2)
    with pytest.raises(UserError, match="a multiple of 2"):
        shared_out(3, 5, 2)
