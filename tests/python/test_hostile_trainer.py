"""What hostile clients and hostile files try against the trainer service; one service for all of them."""

from __future__ import annotations

import hashlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from service_fixtures import World, refused, serve

from scpo.v1 import files_pb2, files_pb2_grpc
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.uploads import Uploads
from scpo_trl.trainer.checkpoint import checkpoint_folder

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
