"""What hostile clients and hostile files try against the trainer service; one service for all of them."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import PIL.Image
import pyarrow.parquet
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from safetensors.torch import load_file
from service_fixtures import World, refused, serve, start

from scpo.v1 import files_pb2, files_pb2_grpc, pair_pb2, trainer_pb2, trainer_pb2_grpc
from scpo_trl.dialogue.one_line import OneLineFormatter
from scpo_trl.errors import UserError
from scpo_trl.service import idle_streams, pair_files, templates
from scpo_trl.service.addresses import check_address
from scpo_trl.service.pair_files import PAIR_COLUMNS, PairFiles
from scpo_trl.service.roots import Roots
from scpo_trl.service.security import Security
from scpo_trl.service.server import ServerOptions, create_server
from scpo_trl.service.uploads import Uploads
from scpo_trl.trainer.model.model_folder import checkpoint_folder, save_model_folder
from scpo_trl.trainer.model.sealed_folder import require_nothing_foreign, seal_folder

pytest_plugins = ["service_fixtures"]

DATA = b"bytes"


@pytest.fixture(scope="module")
def served(
    model_folder: Path, make_pairs: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with serve(tmp_path_factory.mktemp("root"), model_folder, make_pairs) as world:
        yield world


@pytest.fixture(scope="module")
def files(served: World) -> files_pb2_grpc.FileServiceStub:
    return files_pb2_grpc.FileServiceStub(served.channel)


def upload(files: files_pb2_grpc.FileServiceStub, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    begin = files_pb2.UploadStart(sha256=sha256, size=len(data))
    files.UploadFile(iter([files_pb2.UploadFileRequest(start=begin), files_pb2.UploadFileRequest(chunk=data)]))
    return sha256


def place(files: files_pb2_grpc.FileServiceStub, target: Path | str, data: bytes = DATA) -> Path:
    placed = [files_pb2.FolderFile(path="config.json", sha256=upload(files, data))]
    return Path(files.PlaceFolder(files_pb2.PlaceFolderRequest(files=placed, path=str(target))).path)


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestOthersData:
    def test_nothing_but_what_the_trainer_made_is_replaced(
        self, served: World, files: files_pb2_grpc.FileServiceStub
    ) -> None:
        datasets = served.root / "datasets" / "mine"
        datasets.mkdir(parents=True)
        (datasets / "pairs.txt").write_text("the only copy")
        upload(files, b"another")
        before = listing(served.root)
        for target in (
            datasets.parent,
            datasets,
            datasets / "pairs.txt",
            served.model,
            served.pairs,
            served.root / "uploads",
            served.root / "uploads" / "new",
            served.root / "folders",
            served.root / "folders" / "new",
            served.root / "trainings",
        ):
            refused(lambda target=target: place(files, target), "path: ", str(target))
        assert listing(served.root) == {**before, f"uploads/{hashlib.sha256(DATA).hexdigest()}": DATA}

    def test_what_a_client_placed_itself_is_replaced(
        self, served: World, files: files_pb2_grpc.FileServiceStub
    ) -> None:
        target = served.root / "trainings" / "key" / "step-1"
        assert place(files, target, b"old") == target
        assert place(files, target, b"new") == target
        assert listing(target) == {"config.json": b"new"}
        assert [path.name for path in target.parent.iterdir()] == ["step-1"]
        (target.parent / "file").write_bytes(b"")
        refused(lambda: place(files, target.parent / "file"), "is a file")
        files.RemoveFolder(files_pb2.RemoveFolderRequest(path=str(target.parent)))
        assert not target.parent.exists()

    def test_a_folder_of_that_name_that_the_trainer_did_not_make(
        self, model_folder: Path, make_pairs: Callable[..., Any], tmp_path: Path
    ) -> None:
        kept = tmp_path / "trainings" / "2019" / "results.txt"
        kept.parent.mkdir(parents=True)
        kept.write_text("the only copy")
        with serve(tmp_path, model_folder, make_pairs) as world:
            files = files_pb2_grpc.FileServiceStub(world.channel)
            refused(lambda: place(files, kept.parent), "the trainer did not make")
            refused(lambda: place(files, kept.parent.parent / "new"), "the trainer did not make")
            removal = files_pb2.RemoveFolderRequest(path=str(kept.parent))
            refused(lambda: files.RemoveFolder(removal), "the trainer did not make")
        assert kept.read_text() == "the only copy"

    def test_a_checkpoint_replaces_checkpoints_only(self, tmp_path: Path) -> None:
        (tmp_path / "datasets").mkdir()
        assert checkpoint_folder(tmp_path, "datasets") == tmp_path / "datasets"
        (tmp_path / "datasets" / "pairs.parquet").write_bytes(b"")
        (tmp_path / "file").write_bytes(b"")
        for name in ("datasets", "file"):
            with pytest.raises(UserError, match=f"{tmp_path / name} exists and is no checkpoint"):
                checkpoint_folder(tmp_path, name)
        for number, file in enumerate(("config.json", "adapter_config.json", "MANIFEST.json")):
            (tmp_path / f"stage-{number}").mkdir()
            (tmp_path / f"stage-{number}" / file).write_bytes(b"")
            assert checkpoint_folder(tmp_path, f"stage-{number}").is_dir()

    def test_a_checkpoint_replaces_no_file_of_others(self, tmp_path: Path, make_model) -> None:
        model, folder = make_model(), tmp_path / "mine"
        save_model_folder(model, None, folder)
        (folder / "notes").mkdir()
        (folder / "notes" / "thesis.txt").write_text("the only copy")
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        line = rf"^{folder} holds notes/thesis.txt, which no training wrote there and which stays: move it away[^\n]*$"
        with pytest.raises(UserError, match=line):
            save_model_folder(make_model(), None, folder)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]
        (folder / "notes" / "thesis.txt").unlink()
        save_model_folder(make_model(), None, folder)

    def test_a_saved_training_is_replaced_with_all_that_its_seal_names(self, tmp_path: Path) -> None:
        old, new = tmp_path / "old", tmp_path / "new"
        for folder, files in ((old, ("weights", "rng_state_1.pth")), (new, ("weights",))):
            folder.mkdir()
            for name in files:
                (folder / name).write_bytes(b"1")
        seal_folder(old)
        require_nothing_foreign(old, new)
        (old / "mine").write_bytes(b"1")
        with pytest.raises(UserError, match="old holds mine, which no training wrote there"):
            require_nothing_foreign(old, new)

    def test_only_a_dead_socket_makes_room_for_a_new_one(self) -> None:
        with tempfile.TemporaryDirectory(prefix="scpo-") as directory:
            folder = Path(directory)
            (folder / "file").write_text("the only copy")
            (folder / "folder").mkdir()
            (folder / "link").symlink_to(folder / "file")
            for name in ("file", "folder", "link"):
                with pytest.raises(UserError, match=f"{folder / name} is no socket; choose another path"):
                    check_address(f"unix://{folder / name}")
            assert (folder / "file").read_text() == "the only copy" and (folder / "link").is_symlink()
            # Whoever is too busy to take another connection is alive.
            busy = folder / "busy.sock"
            with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
                listener.bind(str(busy))
                listener.listen(0)
                client.connect(str(busy))
                with pytest.raises(UserError, match="another service listens"):
                    check_address(f"unix://{busy}")
            check_address(f"unix://{busy}")
            assert not busy.exists()
            (folder / "behind").symlink_to(folder / "folder")
            with pytest.raises(UserError, match="folder of your own"):
                check_address(f"unix://{folder}/behind/trainer.sock")


HOSTILE_PATHS = {
    "a zero byte": "/a\0b",
    "a line break": "/a\n2026-01-01 ERROR forged",
    "an escape": "/a\x1b[2J",
    "a line separator": "/a\u2028b",
    "a long part": "/" + "x" * 256,
    "a long part in bytes": "/" + "\u00e9" * 128,
    "a long path": "/x" * 2100,
    "many parts": "/" * 300 + "x",
    "megabytes": "/x" * 1_000_000,
    "relative": "model",
    "home": "~/model",
    "nothing": "",
}


class TestPaths:
    @pytest.mark.parametrize("kind", HOSTILE_PATHS)
    def test_refused_in_one_line_before_the_system_sees_them(
        self, served: World, files: files_pb2_grpc.FileServiceStub, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        hostile = HOSTILE_PATHS[kind]
        path = str(served.root) + hostile if hostile.startswith("/") else hostile
        served.load()
        prompt = trainer_pb2.Prompt(image_path=path, text="USER :")
        calls: dict[str, tuple[str, Callable[[], Any]]] = {
            "load": ("path: ", lambda: served.stub.LoadModel(trainer_pb2.LoadModelRequest(path=path))),
            "export": ("path: ", lambda: served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=path))),
            "list": ("path: ", lambda: files.ListFolder(files_pb2.ListFolderRequest(path=path))),
            "download": ("path: ", lambda: files.DownloadFile(files_pb2.DownloadFileRequest(path=path))),
            "remove": ("path: ", lambda: files.RemoveFolder(files_pb2.RemoveFolderRequest(path=path))),
            "score": (
                "dataset.path: ",
                lambda: served.stub.ScorePairs(trainer_pb2.ScorePairsRequest(dataset=pair_pb2.Dataset(path=path))),
            ),
            "train": (
                "start.dataset.path: ",
                lambda: served.stub.Train(iter([start(served, dataset=pair_pb2.Dataset(path=path))])),
            ),
        }
        if path:
            calls["place"] = ("path: ", lambda: place(files, path))
            calls["generate"] = (
                "prompts[0].image_path: ",
                lambda: served.stub.Generate(trainer_pb2.GenerateRequest(prompts=[prompt], max_new_tokens=1)),
            )
            calls["checkpoints"] = (
                "start.checkpoint_directory: ",
                lambda: served.stub.Train(iter([start(served, checkpoint_directory=path)])),
            )
        for field, call in calls.values():
            refused(call, field)
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []

    def test_new_names_leave_room_for_the_name_that_they_are_written_under(self, served: World) -> None:
        served.load()
        request = trainer_pb2.ExportModelRequest(path=str(served.root / ("x" * 240)))
        refused(lambda: served.stub.ExportModel(request), "path: ", "more than 200 bytes")

    def test_downloads_begin_within_the_file(self, served: World, files: files_pb2_grpc.FileServiceStub) -> None:
        request = files_pb2.DownloadFileRequest(path=str(served.pairs), offset=2**64 - 1)
        refused(lambda: files.DownloadFile(request), "offset: ")

    def test_a_file_whose_name_is_no_text(self, served: World, files: files_pb2_grpc.FileServiceStub) -> None:
        folder = served.root / "odd"
        folder.mkdir()
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"")
        refused(lambda: files.ListFolder(files_pb2.ListFolderRequest(path=str(folder))), "path: ", "\\udcff")


class TestLines:
    @pytest.mark.parametrize("text", ["\u00e9" * 230, "%" * 230, "\U0001f600" * 60])
    def test_an_error_fits_into_the_headers_of_every_client(self, served: World, text: str) -> None:
        """Clients take 8 KB of headers, and some no more."""
        path = str(served.root) + ("/" + text) * 8
        with grpc.insecure_channel(served.server.address, [("grpc.max_metadata_size", 8192)]) as channel:
            stub = trainer_pb2_grpc.TrainerServiceStub(channel)
            refused(lambda: stub.LoadModel(trainer_pb2.LoadModelRequest(path=path)), "path: ")

    def test_what_is_no_message_is_the_clients_mistake(self, served: World, caplog: pytest.LogCaptureFixture) -> None:
        served.load()
        channel, service = served.channel, "/scpo.v1.TrainerService"
        begun = start(served).SerializeToString()
        part = "request: found no message of the contract"
        refused(lambda: channel.unary_unary(f"{service}/LoadModel")(b"\x0a\xff"), part)
        refused(lambda: channel.unary_stream(f"{service}/ScorePairs")(b"\x0a\xff"), part)
        refused(lambda: channel.stream_unary("/scpo.v1.FileService/UploadFile")(iter([b"\x0a\xff"])), part)
        for messages in ([b"\x0a\xff"], [begun, b"\x0a\xff"]):
            refused(lambda messages=messages: channel.stream_stream(f"{service}/Train")(iter(messages)), part)
        reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        for messages in ([b"\x3a\xff"], [b"\x3a\x00", b"\x3a\xff"]):
            refused(lambda messages=messages: reflect(iter(messages)), part)
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []

    def test_nobody_writes_lines_of_the_log(self) -> None:
        formatter = OneLineFormatter("%(asctime)s %(levelname)s: %(message)s")
        forged = "one\n2026-01-01 00:00:00 ERROR: forged\r\x1b[2J\u202e"
        try:
            raise ValueError(forged)
        except ValueError:
            record = logging.LogRecord("x", logging.ERROR, "", 0, "%s", (forged,), sys.exc_info())
        first, *others = formatter.format(record).split("\n")
        assert first.endswith(r"ERROR: one\n2026-01-01 00:00:00 ERROR: forged\r\x1b[2J\u202e")
        assert all(line.startswith("  | ") and line.isprintable() for line in others)
        assert any("forged" in line for line in others)


@pytest.fixture
def copy(served: World) -> Path:
    """A copy of the model in the served folder, to be spoilt."""
    folder = served.root / f"copy-{uuid.uuid4().hex[:8]}"
    shutil.copytree(served.model, folder)
    return folder


def load(served: World, folder: Path) -> trainer_pb2.LoadModelResponse:
    return served.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(folder)))


def edit(path: Path, **fields: Any) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **fields}))


class TestModelFolders:
    @pytest.fixture(scope="class")
    def outside(self, served: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("outside")
        for file in served.model.iterdir():
            shutil.copy(file, folder)
        return folder

    def test_the_index_of_weights_names_files_of_the_folder(self, served: World, copy: Path, outside: Path) -> None:
        weights = copy / "model.safetensors"
        names = list(load_file(weights))
        index = copy / "model.safetensors.index.json"
        weights.rename(copy / "shard.safetensors")

        def write(file: object) -> None:
            index.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(names, file)}))

        write("shard.safetensors")
        assert load(served, copy).weights_sha256 == served.load().weights_sha256
        for file in (
            str(outside / "model.safetensors"),
            os.path.relpath(outside / "model.safetensors", copy),
            "../model/model.safetensors",
            "..",
            "",
            None,
            "\0",
        ):
            write(file)
            refused(lambda: load(served, copy), "path: ", "weight_map", "expected the name of a file in")
        write("none.safetensors")
        refused(lambda: load(served, copy), "names none.safetensors, which is not in the folder")
        for content in ("[]", "{", '{"weight_map": []}', "[" * 100_000):
            index.write_text(content)
            refused(lambda: load(served, copy), "path: ", "model.safetensors.index.json")

    def test_links_stay_in_the_folder(self, served: World, copy: Path, outside: Path) -> None:
        for name in ("model.safetensors", "config.json", "tokenizer.json"):
            file = copy / name
            kept = file.rename(copy / f"kept-{name}")
            file.symlink_to(outside / name)
            refused(lambda: load(served, copy), "path: ", f"{file} is a link that leads out")
            file.unlink()
            file.symlink_to(kept)
            assert load(served, copy).parameters > 0
            kept.replace(file)

    def test_the_cache_of_the_hub_is_made_of_links(self, served: World) -> None:
        snapshot = served.root / "models--a--b" / "snapshots" / "0123"
        blobs = snapshot.parent.parent / "blobs"
        snapshot.mkdir(parents=True)
        blobs.mkdir()
        for number, file in enumerate(served.model.iterdir()):
            shutil.copy(file, blobs / str(number))
            (snapshot / file.name).symlink_to(Path("..", "..", "blobs", str(number)))
        assert load(served, snapshot).parameters > 0

    @pytest.mark.parametrize(
        ("file", "field"), [("config.json", "transformers_weights"), ("tokenizer_config.json", "vocab_file")]
    )
    def test_settings_name_files_of_the_folder(
        self, served: World, copy: Path, outside: Path, file: str, field: str
    ) -> None:
        edit(copy / file, **{field: str(outside / "model.safetensors")})
        refused(lambda: load(served, copy), "path: ", f"{file}: {field}", "expected the name of a file in")

    def test_a_path_that_a_tokenizer_keeps_does_no_harm(self, served: World, copy: Path) -> None:
        edit(
            copy / "tokenizer_config.json", special_tokens_map_file=__file__, tokenizer_file="/home/none/tokenizer.json"
        )
        assert load(served, copy).parameters > 0

    def test_an_adapter_names_a_base_model_elsewhere(self, served: World, copy: Path, outside: Path) -> None:
        (copy / "model.safetensors").rename(copy / "adapter_model.safetensors")
        edit(copy / "adapter_config.json", base_model_name_or_path=str(outside), peft_type="LORA")
        refused(lambda: load(served, copy), "path: ", "adapter_config.json", "outside the trainer's roots")

    def test_a_training_is_resumed_from_such_folders_only(self, served: World, outside: Path) -> None:
        served.load()
        checkpoints = served.root / "resumed"
        (checkpoints / "step-1").mkdir(parents=True)
        for file in outside.iterdir():
            shutil.copy(file, checkpoints / "step-1")
        index = {"metadata": {}, "weight_map": {"x": "../../model/model.safetensors"}}
        (checkpoints / "step-1" / "model.safetensors.index.json").write_text(json.dumps(index))
        seal_folder(checkpoints / "step-1")
        (checkpoints / "step-2").symlink_to(outside)
        for name, part in (("step-1", "weight_map"), ("step-2", "outside the trainer's roots")):
            request = start(served, checkpoint_directory=str(checkpoints), resume_from=name)
            refused(lambda request=request: served.stub.Train(iter([request])), "start.resume_from: ", part)

    @pytest.mark.parametrize("token", ["", "0123456789abcdef"])
    def test_no_code_of_a_model_runs_over_tcp(self, served: World, copy: Path, token: str) -> None:
        ran = served.root / f"ran-{len(token)}"
        code = f"open({str(ran)!r}, 'w')\nfrom transformers import LlavaConfig\nclass Own(LlavaConfig): pass\n"
        (copy / "own.py").write_text(code)
        edit(copy / "config.json", auto_map={"AutoConfig": "own.Own"}, model_type="own")
        options = ServerOptions(
            listen="127.0.0.1:0", roots=[served.root], threads=1, security=Security(token=token or None)
        )
        server = create_server(options)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        try:
            with grpc.insecure_channel(server.address) as channel:
                stub = trainer_pb2_grpc.TrainerServiceStub(channel)
                for trust, part in ((True, "--allow-remote-code"), (False, "cannot be loaded")):
                    request = trainer_pb2.LoadModelRequest(path=str(copy), trust_remote_code=trust)
                    refused(lambda request=request: stub.LoadModel(request, metadata=metadata), part)
        finally:
            server.stop()
        assert not ran.exists()
        assert load(served, served.model).parameters > 0


class TestUploads:
    def test_uploads_at_once_stay_within_the_limit_together(self, tmp_path: Path) -> None:
        uploads = Uploads(tmp_path, largest_total=10_000)
        contents = [bytes([number]) * 3000 for number in range(6)]
        started = threading.Barrier(6)
        outcomes: list[str] = []

        def chunks(data: bytes) -> Iterator[bytes]:
            started.wait(10)
            yield data

        def receive(data: bytes) -> None:
            try:
                uploads.receive(hashlib.sha256(data).hexdigest(), len(data), 0, chunks(data))
                outcomes.append("taken")
            except UserError as error:
                outcomes.append(str(error))
                started.wait(10)

        threads = [threading.Thread(target=receive, args=(data,)) for data in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert outcomes.count("taken") == 3, outcomes
        assert sum("exceed the limit of 10000" in outcome for outcome in outcomes) == 3
        assert sum(len(data) for data in listing(tmp_path).values()) <= 10_000

    def test_the_rest_of_an_upload_counts_once(self, tmp_path: Path) -> None:
        uploads = Uploads(tmp_path, largest_total=10_000)
        data = bytes(9000)
        sha256 = hashlib.sha256(data).hexdigest()
        with pytest.raises(UserError, match="cut off"):
            uploads.receive(sha256, len(data), 0, [data[:5000]])
        assert uploads.receive(sha256, len(data), 5000, [data[5000:]]).read_bytes() == data


def healthy(served: World) -> bool:
    """Whether a health check is answered within a second."""
    health: Any = health_pb2_grpc.HealthStub(served.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=1)
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def refused_meanwhile(served: World, call: Callable[[], Any], *parts: str) -> None:
    """Expects what `refused` does, and that health is answered within a second for as long as that takes."""
    with ThreadPoolExecutor(1) as calling:
        refusing = calling.submit(refused, call, *parts)
        checks = 0
        while not refusing.done() or checks == 0:
            assert healthy(served)
            checks += 1
            time.sleep(0.02)
        refusing.result()


class TestBudgets:
    @pytest.mark.parametrize(
        ("template", "part"),
        [
            ("{%for a in range(99999)%}{%for b in range(99999)%}{%endfor%}{%endfor%}", "does not end"),
            ("{{ 'a' * 3000000000 }}", "takes more than 536870912 bytes of memory"),
            ("{{ 'a'|center(3000000000) }}", "takes more than 536870912 bytes of memory"),
            ("{{ 'a' * 5000000 }}", "more than 4000000 characters"),
            ("{{ 1 / 0 }}", "ZeroDivisionError"),
            ("{{ ", "TemplateSyntaxError"),
            ("{{ ''.__class__.__mro__ }}", "SecurityError"),
        ],
    )
    def test_a_template_ends(
        self, served: World, copy: Path, template: str, part: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        served.load()
        monkeypatch.setattr(templates, "SECONDS", 1)
        (copy / "chat_template.jinja").write_text(template)
        request = trainer_pb2.LoadModelRequest(path=str(copy))
        refused_meanwhile(served, lambda: served.stub.LoadModel(request, timeout=60), "chat template", part)
        assert served.load().image_tokens == 4

    def test_pictures_in_messages_change_no_rendering(self, served: World) -> None:
        # Whoever trains in the service's own process renders as ever: stock collators leave pictures in messages.
        content = [{"type": "image", "image": PIL.Image.new("RGB", (2, 2))}, {"type": "text", "text": "what?"}]
        template = (
            "{% for message in messages %}{% for part in message.content %}[{{ part.type }}]{% endfor %}{% endfor %}"
        )
        arguments = {"conversations": [[{"role": "user", "content": content}]], "chat_template": template}
        elsewhere = templates.TemplateProcess()
        try:
            assert elsewhere.render(**arguments)[0] == templates._in_process(**arguments)[0] == ["[image][text]"]
        finally:
            elsewhere.close()

    def test_idle_streams_hold_nobody_up(
        self, served: World, files: files_pb2_grpc.FileServiceStub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(idle_streams, "IDLE_SECONDS", 3)
        silent = threading.Event()

        def nothing() -> Iterator[Any]:
            silent.wait(60)
            yield from ()

        def begun(data: bytes) -> Iterator[files_pb2.UploadFileRequest]:
            begin = files_pb2.UploadStart(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
            yield files_pb2.UploadFileRequest(start=begin)
            silent.wait(60)

        calls = [served.stub.Train(nothing()) for _ in range(17)]
        uploads = [files.UploadFile.future(begun(bytes([number]))) for number in range(17)]
        try:
            time.sleep(0.5)
            assert healthy(served)
            listed = files_pb2.ListFolderRequest(path=str(served.model))
            assert files.ListFolder(listed, timeout=20).files
            refused(lambda: list(calls[0]), "start: found nothing for 3 s", code=grpc.StatusCode.DEADLINE_EXCEEDED)
            refused(uploads[0].result, "chunk: found nothing for 3 s", code=grpc.StatusCode.DEADLINE_EXCEEDED)
            refused(uploads[16].result, "chunk: found nothing for 3 s", code=grpc.StatusCode.DEADLINE_EXCEEDED)
        finally:
            silent.set()
            for call in (*calls, *uploads):
                call.cancel()
        assert served.load().parameters > 0

    @pytest.mark.parametrize(
        ("kind", "part"),
        [
            ("pixels", "13000 x 13000 pixels, expected at most 64000000"),
            ("strip", "1 x 1000 pixels"),
            ("GIF", "no picture"),
            ("TIFF", "no picture"),
            ("BMP", "no picture"),
        ],
    )
    def test_pictures_are_small_and_of_three_formats(self, served: World, kind: str, part: str) -> None:
        size = {"pixels": (13_000, 13_000), "strip": (1, 1000)}.get(kind, (8, 8))
        encoded = io.BytesIO()
        PIL.Image.new("L", size).save(encoded, kind if kind.isupper() else "PNG")
        picture = served.root / f"picture-{kind}"
        picture.write_bytes(encoded.getvalue())
        served.load()
        prompt = trainer_pb2.Prompt(image_path=str(picture), text="a dog")
        request = trainer_pb2.GenerateRequest(prompts=[prompt], max_new_tokens=1)
        refused_meanwhile(served, lambda: served.stub.Generate(request), str(picture), part)
        table = pyarrow.parquet.read_table(served.pairs)
        images = table["images"].to_pylist()
        images[3] = [{"bytes": encoded.getvalue(), "path": None}]
        path = served.root / f"pairs-{kind}.parquet"
        column = pyarrow.array(images, table.schema.field("images").type)
        pyarrow.parquet.write_table(table.set_column(0, "images", column), path)
        row = (f"{path}: row 3, column images", part)
        request = start(served, dataset=served.dataset(path))
        refused_meanwhile(served, lambda: served.stub.Train(iter([request])), *row)
        scoring = trainer_pb2.ScorePairsRequest(dataset=served.dataset(path), signals=[trainer_pb2.SIGNAL_TOKENS])
        refused_meanwhile(served, lambda: served.stub.ScorePairs(scoring), *row)

    def test_only_the_columns_of_pairs_are_read(self, served: World) -> None:
        table = pyarrow.parquet.read_table(served.pairs)
        extra = pyarrow.array(["x" * 1_000_000] * table.num_rows)
        path = served.root / "extra.parquet"
        pyarrow.parquet.write_table(table.append_column("extra", extra), path, compression="zstd")
        opened = PairFiles(Roots([served.root])).open_pairs(str(path), "")
        assert set(opened.dataset.column_names) == set(PAIR_COLUMNS)
        assert opened.dataset.data.nbytes < 1_000_000
        assert "extra" in opened.columns

    @pytest.mark.parametrize("encoding", ["compressed", "repeated"])
    def test_a_table_is_within_its_budget(self, served: World, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Compressed pages tell their size; a value that is stored once and repeated does not."""
        monkeypatch.setattr(pair_files, "LARGEST_TABLE", 4_000_000)
        prompts: Any = pyarrow.array(
            ["x" * 400_000 + (str(row) if encoding == "compressed" else "") for row in range(12)]
        )
        table = pyarrow.parquet.read_table(served.pairs)
        path = served.root / f"{encoding}.parquet"
        position = table.column_names.index("prompt")
        pyarrow.parquet.write_table(
            table.set_column(position, "prompt", prompts),
            path,
            compression="zstd",
            use_dictionary=encoding == "repeated",
        )
        assert path.stat().st_size < 100_000
        scoring = trainer_pb2.ScorePairsRequest(dataset=served.dataset(path))
        part = "bytes in memory or more, expected at most 4000000"
        refused_meanwhile(served, lambda: served.stub.ScorePairs(scoring), str(path), part)

    @pytest.mark.parametrize("field", ["size", "crop_size"])
    def test_a_processor_scales_to_sizes_within_the_budget(self, served: World, copy: Path, field: str) -> None:
        for name in ("preprocessor_config.json", "processor_config.json"):
            if not (copy / name).exists():
                continue
            content = json.loads((copy / name).read_text())
            holder = content.get("image_processor", content)
            holder[field] = {"height": 20_000, "width": 20_000}
            (copy / name).write_text(json.dumps(content))
        part = f"image processor has {field} 20000, expected at most 4096"
        refused_meanwhile(served, lambda: load(served, copy), "path: ", part)
