"""Folders that are there with all of their bytes, or not there at all.

A folder is written under another name, sealed with the hash of each of its files, and renamed: whatever carries the
final name was complete once, and the seal says whether it still is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from scpo_trl.errors import UserError

MANIFEST = "MANIFEST.json"
FORMAT = 1


def seal_folder(folder: Path) -> None:
    """Writes the manifest of a folder's files, and has the disk take all of it."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(_files(folder))
    }
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, "files": files}, indent=2))
    sync_folder(folder)


def folder_damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder.

    Returns:
        A few words that name the file, or None when every file is as it was sealed.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files: dict[str, dict[str, object]] = manifest["files"]
        for name, expected in files.items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != expected["bytes"]:
                return f"{name} has {path.stat().st_size} bytes, expected {expected['bytes']}"
            if _sha256(path) != expected["sha256"]:
                return f"{name} is not what was written: its SHA-256 is another"
    except FileNotFoundError:
        return f"{MANIFEST} is missing" if folder.is_dir() else "the folder is missing"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        return f"{MANIFEST} cannot be read ({error})"
    return None


def sync_folder(folder: Path) -> None:
    """Has the disk take a folder's files and names."""
    for path in _files(folder):
        _sync(path)
    for path, _, _ in os.walk(folder):
        _sync(Path(path))


def put_in_place(temporary: Path, target: Path) -> None:
    """Gives a finished folder its name; one that has it already is replaced, and stays when that fails."""
    replaced: Path | None = None
    if target.exists():
        replaced = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.replaced")
        target.rename(replaced)
    try:
        temporary.rename(target)
    except OSError:
        if replaced is not None:
            replaced.rename(target)
        raise
    _sync(target.parent)
    if replaced is not None:
        shutil.rmtree(replaced, ignore_errors=True)


def require_nothing_foreign(folder: Path, successor: Path) -> None:
    """Looks at a folder that is to be replaced.

    Raises:
        UserError: It holds a file that neither its own seal nor its successor knows, which would be lost.
    """
    try:
        known = set(json.loads((folder / MANIFEST).read_text())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        known = set()
    known |= {path.relative_to(successor).as_posix() for path in _files(successor)}
    for name in sorted(path.relative_to(folder).as_posix() for path in _files(folder)):
        if name not in known:
            raise UserError(
                f"{folder} holds {name}, which no training wrote there and which stays: move it away, or choose "
                "another directory, and resume"
            )


def writing_failed(target: Path, error: BaseException) -> UserError:
    """One line for a folder that could not be written."""
    try:
        free = f"{shutil.disk_usage(target.parent).free // 1024**2} MiB are free there"
    except OSError as unknown:
        free = str(unknown)
    return UserError(
        f"{target.name}: cannot be written into {target.parent} ({error}; {free}): what was saved before it "
        "stays; make room and resume"
    )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
