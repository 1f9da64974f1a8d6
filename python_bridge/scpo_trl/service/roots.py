"""The folders that the service may read and write."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from scpo.v1.rules import LONGEST_PATH, LONGEST_PATH_PART, MOST_PATH_PARTS
from scpo_trl.errors import UserError

LONGEST_TARGET = 200
"""Bytes of a new name: it is written under a longer one first."""

_SHOWN = 80


class Roots:
    """Folders that requests' paths must lie under, after symbolic links are followed.

    Args:
        folders: Existing folders, at least one.
        readable: Further folders that may be read but not written.

    Raises:
        UserError: No folder, or one that does not exist.
    """

    def __init__(self, folders: Sequence[str | Path], readable: Sequence[str | Path] = ()) -> None:
        if not folders:
            raise UserError("root: found none, expected at least one folder; give --root DIR")
        for folder in folders:
            if not Path(folder).is_dir():
                raise UserError(f"root {folder}: no such folder; create it or give another --root")
        self.writable = tuple(Path(folder).resolve() for folder in folders)
        self.readable = (*self.writable, *(Path(folder).resolve() for folder in readable))

    def require_outside(self, *secrets: str) -> None:
        """Raise `UserError` when a file that clients must not read, if it is named, lies under a root."""
        for secret in filter(None, secrets):
            root = next((root for root in self.readable if Path(secret).resolve().is_relative_to(root)), None)
            if root is not None:
                raise UserError(f"root: {secret} lies under {root}, where clients may read it; keep it elsewhere")

    def file(self, path: str, field: str) -> Path:
        """Give the resolved path of an existing file under a root.

        Args:
            path: Absolute path.
            field: Name of the request's field, for messages.

        Raises:
            UserError: Not absolute, outside the roots, or no file.
        """
        resolved = self._inside(path, field, self.readable)
        if not _is(Path.is_file, resolved, field):
            raise UserError(f"{field}: no such file: {path}")
        return resolved

    def files(self, path: str, field: str) -> tuple[Path, list[Path]]:
        """Give the files that a path names, which all lie under a root.

        Args:
            path: Absolute path of a file; of a folder, for all Parquet files in it; or with `*` in its last part, for
                all files that it fits. They are in the order of their names.
            field: Name of the request's field, for messages.

        Returns:
            The resolved path, and the files.

        Raises:
            UserError: Not absolute, outside the roots, or no file.
        """
        check_path(path, field)
        name = Path(path).name
        if "*" not in name and not _is(Path.is_dir, self._inside(path, field, self.readable), field):
            file = self.file(path, field)
            return file, [file]
        pattern = name if "*" in name else "*.parquet"
        folder = self.folder(path if pattern != name else str(Path(path).parent), field)
        kept = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
        names = sorted(
            (found.name for found in folder.iterdir() if kept.fullmatch(found.name) and not found.name.startswith(".")),
            key=os.fsencode,
        )
        if not names:
            raise UserError(f"{field}: {path}: found no file that {pattern} fits, expected at least one")
        return folder / name if pattern == name else folder, [self.file(str(folder / name), field) for name in names]

    def folder(self, path: str, field: str) -> Path:
        """Give the resolved path of an existing folder under a root; errors as `file`."""
        resolved = self._inside(path, field, self.readable)
        if not _is(Path.is_dir, resolved, field):
            raise UserError(f"{field}: no such folder: {path}")
        return resolved

    def target(self, path: str, field: str) -> Path:
        """Give the resolved path of something to write below a root; it need not exist yet.

        Raises:
            UserError: Not absolute, outside the roots, or a root itself.
        """
        resolved = self._inside(path, field, self.writable)
        if resolved in self.writable:
            raise UserError(f"{field}: found the root {path} itself, expected a path below it")
        if len(os.fsencode(resolved.name)) > LONGEST_TARGET:
            raise UserError(f"{field}: found a name of more than {LONGEST_TARGET} bytes: {resolved.name[:_SHOWN]}...")
        return resolved

    def _inside(self, path: str, field: str, allowed: tuple[Path, ...]) -> Path:
        check_path(path, field)
        try:
            resolved = Path(path).resolve()
        except (OSError, RuntimeError) as error:
            raise UserError(f"{field}: cannot follow {path}: {error}") from error
        if not any(resolved.is_relative_to(root) for root in allowed):
            raise UserError(
                f"{field}: {path} lies outside the trainer's roots ({', '.join(map(str, self.writable))}); "
                "move it there or start the trainer with another root"
            )
        return resolved


def check_path(path: str, field: str) -> None:
    """Check a client's path before the system sees it.

    Args:
        path: What the client sent.
        field: Name of the request's field, for messages.

    Raises:
        UserError: Empty, not absolute, too long, too deep, or with control characters.
    """
    if not path:
        raise UserError(f"{field}: found nothing, expected an absolute path")
    shown = repr(path if len(path) <= _SHOWN else path[:_SHOWN] + "...")
    size = len(os.fsencode(path))
    if size > LONGEST_PATH:
        raise UserError(f"{field}: found {shown} of {size} bytes, expected at most {LONGEST_PATH}")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in path):
        raise UserError(f"{field}: found {shown}, expected an absolute path without control characters")
    if not path.startswith("/"):
        raise UserError(f"{field}: found {shown}, expected an absolute path")
    parts = path.split("/")
    longest = max(len(os.fsencode(part)) for part in parts)
    if longest > LONGEST_PATH_PART or len(parts) > MOST_PATH_PARTS:
        raise UserError(
            f"{field}: found {shown} with {len(parts)} parts, the longest of {longest} bytes, expected at most "
            f"{MOST_PATH_PARTS} parts of at most {LONGEST_PATH_PART} bytes"
        )


def _is(kind: Callable[[Path], bool], path: Path, field: str) -> bool:
    try:
        return kind(path)
    except OSError as error:
        raise UserError(f"{field}: cannot look at {path} ({error.strerror})") from error
