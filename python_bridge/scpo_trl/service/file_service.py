"""FileService: files to and from a client that shares no disk with the trainer."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import grpc

from scpo.v1 import files_pb2, files_pb2_grpc
from scpo_trl.errors import UserError
from scpo_trl.service.errors import streaming, unary
from scpo_trl.service.idle_streams import taken_within, within
from scpo_trl.service.own_folders import MARK, require_placeable, require_removable
from scpo_trl.service.roots import Roots, check_path
from scpo_trl.service.uploads import MOST_FILES, Uploads

CHUNK = 1024 * 1024


class FileService(files_pb2_grpc.FileServiceServicer):
    """Serves the files below the roots.

    Args:
        roots: Folders that requests' paths must lie under.
        uploads: Takes files.
    """

    def __init__(self, roots: Roots, uploads: Uploads) -> None:
        self._roots = roots
        self._uploads = uploads

    @unary
    def FindUpload(self, request: files_pb2.FindUploadRequest, context: grpc.ServicerContext):
        path, received = self._uploads.find(request.sha256)
        return files_pb2.FindUploadResponse(path="" if path is None else str(path), received=received)

    @unary
    def UploadFile(self, request_iterator: Iterator[files_pb2.UploadFileRequest], context: grpc.ServicerContext):
        requests = within(request_iterator, "chunk")
        first = next(requests, None)
        if first is None or first.WhichOneof("request") != "start":
            raise UserError("start: found nothing, expected UploadStart first")
        start = first.start
        path = self._uploads.receive(start.sha256, start.size, start.offset, _chunks(requests))
        return files_pb2.UploadFileResponse(path=str(path))

    @unary
    def PlaceFolder(self, request: files_pb2.PlaceFolderRequest, context: grpc.ServicerContext):
        target = self._roots.target(request.path, "path") if request.path else None
        if target is not None:
            require_placeable(self._roots, target)
        files = {file.path: file.sha256 for file in request.files}
        return files_pb2.PlaceFolderResponse(path=str(self._uploads.place(files, target)))

    @unary
    def ListFolder(self, request: files_pb2.ListFolderRequest, context: grpc.ServicerContext):
        folder = self._roots.folder(request.path, "path")
        paths = sorted(islice(_files(folder), MOST_FILES + 1))
        if len(paths) > MOST_FILES:
            raise UserError(f"path: {folder} holds more than {MOST_FILES} files, expected at most that")
        for path in paths:
            check_path(str(path), "path")
        try:
            files = [
                files_pb2.FolderFile(
                    path=path.relative_to(folder).as_posix(), sha256=_sha256(path), size=path.stat().st_size
                )
                for path in paths
            ]
        except OSError as error:
            raise UserError(f"path: {folder} cannot be read ({error})") from error
        return files_pb2.ListFolderResponse(files=files)

    @streaming
    def DownloadFile(
        self, request: files_pb2.DownloadFileRequest, context: grpc.ServicerContext
    ) -> Iterator[files_pb2.DownloadFileResponse]:
        path = self._roots.file(request.path, "path")
        size = path.stat().st_size
        if request.offset > size:
            raise UserError(f"offset: found {request.offset}, but {path} has {size} bytes")
        try:
            file = path.open("rb")
        except OSError as error:
            raise UserError(f"path: {path} cannot be read ({error.strerror})") from error
        with file:
            file.seek(request.offset)
            while chunk := file.read(CHUNK):
                with taken_within(context):
                    yield files_pb2.DownloadFileResponse(chunk=chunk)

    @unary
    def RemoveFolder(self, request: files_pb2.RemoveFolderRequest, context: grpc.ServicerContext):
        folder = self._roots.target(request.path, "path")
        require_removable(self._roots, folder)
        shutil.rmtree(folder, ignore_errors=True)
        return files_pb2.RemoveFolderResponse()


def _chunks(requests: Iterator[files_pb2.UploadFileRequest]) -> Iterator[bytes]:
    for request in requests:
        if request.WhichOneof("request") != "chunk":
            raise UserError("chunk: found a second UploadStart, expected bytes")
        yield request.chunk


def _files(folder: Path) -> Iterator[Path]:
    """Regular files; symbolic links are left out, since they may lead anywhere."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            if name != MARK and path.is_file() and not path.is_symlink():
                yield path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
