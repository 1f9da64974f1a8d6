"""The folders of a root that are the trainer's own, told by a mark rather than by their names."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scpo_trl.errors import UserError
from scpo_trl.service.roots import Roots

UPLOADS = "uploads"
FOLDERS = "folders"
TRAININGS = "trainings"
"""Folder of a root in whose folders clients may write again, and which they may remove."""

MARK = ".scpo-trainer"
"""File that says that the trainer made the folder with all that it holds."""

_MARK_TEXT = "The trainer service made this folder; its clients may replace and remove what lies in it.\n"


def require_placeable(roots: Roots, target: Path) -> None:
    """Check where a client may place a folder, and make `trainings` when it is to lie there.

    Args:
        roots: Folders that requests' paths must lie under.
        target: Where; resolved, below a root.

    Raises:
        UserError: A file, or a folder that the trainer did not make, or one of those that it keeps for itself.
    """
    for root in roots.writable:
        for name in (UPLOADS, FOLDERS):
            if target.is_relative_to(root / name):
                raise UserError(f"path: {target} lies in {root / name}, which the trainer keeps for itself")
        if target == root / TRAININGS:
            raise UserError(f"path: found {target} itself, expected a folder below it")
    if prepare_trainings(roots, target):
        if target.exists() and not target.is_dir():
            raise UserError(f"path: {target} is a file, expected a folder or a new name")
    elif target.exists():
        raise UserError(
            f"path: {target} exists and is not the trainer's own, so it stays as it is; choose a new name, or one "
            f"below {TRAININGS}/ of a root"
        )


def require_removable(roots: Roots, target: Path) -> None:
    """Raise `UserError` unless a path lies below a folder `trainings` that the trainer made."""
    root = _root_of_training(roots, target)
    if root is None:
        raise UserError(f"path: found {target}, expected a folder below {TRAININGS}/ of a root")
    if (root / TRAININGS).exists():
        _require_mark(root / TRAININGS, "path")


def prepare_trainings(roots: Roots, target: Path, field: str = "path") -> bool:
    """Make the folder `trainings` that a path lies in, with its mark.

    Args:
        roots: Folders that requests' paths must lie under.
        target: The path, resolved.
        field: Name of the request's field, for messages.

    Returns:
        Whether the path lies in one.

    Raises:
        UserError: There is a folder of that name that the trainer did not make.
    """
    root = _root_of_training(roots, target)
    if root is None:
        return False
    folder = root / TRAININGS
    if not folder.exists():
        # With its mark from the first moment on: another call may make it at the same time.
        temporary = Path(tempfile.mkdtemp(prefix=f".{TRAININGS}-", dir=root))
        (temporary / MARK).write_text(_MARK_TEXT)
        try:
            temporary.rename(folder)
        except OSError:
            shutil.rmtree(temporary)
    _require_mark(folder, field)
    return True


def _root_of_training(roots: Roots, target: Path) -> Path | None:
    return next((root for root in roots.writable if target.parent.is_relative_to(root / TRAININGS)), None)


def _require_mark(folder: Path, field: str) -> None:
    if not (folder / MARK).is_file():
        raise UserError(
            f"{field}: the trainer did not make {folder}, so what lies there stays as it is; give the trainer another "
            f"--root, or, if an earlier version of it made the folder, put an empty file {MARK} there"
        )
