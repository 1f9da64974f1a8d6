"""The folders that the service may read and write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scpo_trl.errors import UserError


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
        if not resolved.is_file():
            raise UserError(f"{field}: no such file: {path}")
        return resolved

    def folder(self, path: str, field: str) -> Path:
        """Give the resolved path of an existing folder under a root; errors as `file`."""
        resolved = self._inside(path, field, self.readable)
        if not resolved.is_dir():
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
        return resolved

    def _inside(self, path: str, field: str, allowed: tuple[Path, ...]) -> Path:
        if not path:
            raise UserError(f"{field}: found nothing, expected an absolute path")
        if "\0" in path or not Path(path).is_absolute():
            raise UserError(f"{field}: found {path!r}, expected an absolute path")
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
