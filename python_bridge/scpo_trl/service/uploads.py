"""Files by their SHA-256, as clients without a shared disk send them; complete, or not there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from scpo.v1.rules import SHA256
from scpo_trl.errors import UserError
from scpo_trl.service.errors import NotReadyError
from scpo_trl.service.own_folders import FOLDERS, UPLOADS
from scpo_trl.trainer.model.sealed_folder import put_in_place

LARGEST_TOTAL = 512 * 1024**3
"""Bytes of all uploads together, unless set otherwise."""

SPARE = 1024**3
"""Bytes of the disk that uploads leave free."""

MOST_FILES = 10_000
DEEPEST = 8

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


class Uploads:
    """The folder `uploads` of a root, and `folders` beside it.

    Args:
        root: Where both lie; made when they are needed.
        largest_total: Bytes of all uploads together.
    """

    def __init__(self, root: Path, largest_total: int = LARGEST_TOTAL) -> None:
        self._directory = root / UPLOADS
        self._folders = root / FOLDERS
        self._largest_total = largest_total
        self._lock = threading.Lock()
        self._under_way: dict[str, int] = {}

    def find(self, sha256: str) -> tuple[Path | None, int]:
        """Look for a file.

        Returns:
            Its path when it is complete; else None and the bytes of an interrupted upload.
        """
        path = self._path(sha256)
        if path.is_file():
            return path, 0
        try:
            return None, self._partial(sha256).stat().st_size
        except FileNotFoundError:
            # None was begun, or one has ended or been removed meanwhile.
            return None, 0

    def receive(self, sha256: str, size: int, offset: int, chunks: Iterable[bytes]) -> Path:
        """Take a file's bytes; what came before an interruption is kept.

        Args:
            sha256: Digest that the whole file must have.
            size: Bytes of the whole file.
            offset: Where `chunks` go on.
            chunks: The bytes from there on.

        Returns:
            Where the file lies.

        Raises:
            UserError: Not a digest, too large, an offset beyond what is here, more or fewer bytes than told, or other
                bytes than the digest's: then nothing is kept.
            NotReadyError: The same file is being uploaded.
        """
        path, partial = self._path(sha256), self._partial(sha256)
        if path.is_file():
            return path
        with self._reserved(sha256, size):
            here = partial.stat().st_size if partial.is_file() else 0
            if offset > here:
                raise UserError(f"start.offset: found {offset}, expected at most {here}, the bytes that are here")
            with partial.open("r+b" if partial.is_file() else "w+b") as file:
                file.truncate(offset)
                file.seek(offset)
                for chunk in chunks:
                    offset += len(chunk)
                    if offset > size:
                        partial.unlink()
                        raise UserError(f"start.size: found more than the {size} bytes that were told")
                    file.write(chunk)
                if offset < size:
                    raise UserError(f"start.size: found {offset} bytes, expected {size}: the upload was cut off")
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                partial.unlink()
                raise UserError(f"start.sha256: the bytes have {found}, expected {sha256}: send the file again")
            partial.rename(path)
            return path

    def place(self, files: Mapping[str, str], target: Path | None) -> Path:
        """Make a folder of uploaded files.

        Args:
            files: SHA-256 by path within the folder.
            target: Where, as `require_placeable` allows; a folder that is there is replaced. None: a place that the
                content decides.

        Raises:
            UserError: A path leaves the folder or is hidden, a file was not uploaded, or the folder cannot be made.
        """
        if not 0 < len(files) <= MOST_FILES:
            raise UserError(f"files: found {len(files)}, expected 1 to {MOST_FILES}")
        sources = {name: self._source(name, sha256) for name, sha256 in sorted(files.items())}
        if target is None:
            content = "".join(f"{sha256} {name}\n" for name, sha256 in sorted(files.items()))
            target = self._folders / hashlib.sha256(content.encode()).hexdigest()
            if target.is_dir():
                return target
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.writing")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, source in sources.items():
                file = temporary / name
                file.parent.mkdir(parents=True, exist_ok=True)
                _link(source, file)
            put_in_place(temporary, target)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise UserError(f"path: cannot make the folder {target} ({error})") from error
        return target

    def _source(self, name: str, sha256: str) -> Path:
        parts = PurePosixPath(name).parts
        if not 0 < len(parts) <= DEEPEST or not all(_PART.fullmatch(part) for part in parts) or "\\" in name:
            raise UserError(
                f"files.path: found {name!r}, expected a relative path of letters, digits, '.', '_' and '-', not hidden"
            )
        path = self._path(sha256)
        if not path.is_file():
            raise UserError(f"files.sha256: {sha256} ({name}) was not uploaded")
        return path

    def _path(self, sha256: str) -> Path:
        if not SHA256.allows(sha256):
            raise UserError(f"sha256: found {sha256[:80]!r}, expected 64 lower-case hex digits")
        return self._directory / sha256

    def _partial(self, sha256: str) -> Path:
        return self._directory / f".{sha256}.part"

    @contextmanager
    def _reserved(self, sha256: str, size: int) -> Iterator[None]:
        """Keep room for a file, so that uploads under way at once stay within the limit together."""
        with self._lock:
            if sha256 in self._under_way:
                raise NotReadyError(f"busy: {sha256} is being uploaded by another call")
            self._require_room(sha256, size)
            self._under_way[sha256] = size
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[sha256]

    def _require_room(self, sha256: str, size: int) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        here = {file.name: file.stat().st_size for file in self._directory.iterdir() if file.is_file()}
        expected = {self._partial(other).name: told for other, told in {**self._under_way, sha256: size}.items()}
        used = sum({**here, **expected}.values()) - size
        if used + size > self._largest_total:
            raise UserError(
                f"start.size: {size} bytes beside {used} of other uploads exceed the limit of {self._largest_total}: "
                f"remove old files from {self._directory}, or start the trainer with a larger --upload-limit"
            )
        to_come = sum(told - min(told, here.get(name, 0)) for name, told in expected.items())
        if to_come + SPARE > shutil.disk_usage(self._directory).free:
            raise UserError(
                f"start.size: {size} bytes do not fit on the trainer's disk: make room in {self._directory}"
            )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # A disk without hard links, or another one.
        shutil.copyfile(source, target)
