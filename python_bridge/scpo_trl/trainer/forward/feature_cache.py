"""Features of images by name: in memory, and on disk where a folder is given, each within its bound."""

from __future__ import annotations

import os
import uuid
from collections import OrderedDict
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from scpo_trl.errors import UserError


class FeatureCache:
    """Keeps the features used last.

    Args:
        memory_bytes: Most bytes to keep in memory.
        folder: Where features go that memory has no room for; None: they are computed again.
        disk_bytes: Most bytes to keep in the folder.

    Raises:
        UserError: a bound is negative, or the folder cannot be made.
    """

    def __init__(self, memory_bytes: int, folder: str | os.PathLike[str] | None = None, disk_bytes: int = 0) -> None:
        if memory_bytes < 0 or disk_bytes < 0:
            raise UserError(f"the feature cache's bounds are {memory_bytes} and {disk_bytes} bytes: expected 0 or more")
        self._memory: OrderedDict[str, Tensor] = OrderedDict()
        self._memory_bytes = memory_bytes
        self._held = 0
        self._folder = None if folder is None else Path(folder)
        self._disk: OrderedDict[str, int] = OrderedDict()
        self._disk_bytes = disk_bytes
        self._on_disk = 0
        if self._folder is not None:
            self._open(self._folder)

    @property
    def held_bytes(self) -> int:
        """Bytes in memory."""
        return self._held

    @property
    def disk_held_bytes(self) -> int:
        """Bytes in the folder."""
        return self._on_disk

    def get(self, key: str) -> Tensor | None:
        """The features named `key`, on the device they were put from or the CPU; None if they are not kept."""
        found = self._memory.get(key)
        if found is not None:
            self._memory.move_to_end(key)
            return found
        if self._folder is None or key not in self._disk:
            return None
        path = self._folder / f"{key}.safetensors"
        try:
            features = load_file(path)["features"]
        except Exception:  # Torn by a crash, or gone: computed and written again.
            self._on_disk -= self._disk.pop(key)
            return None
        self._disk.move_to_end(key)
        self._remember(key, features)
        return features

    def put(self, key: str, features: Tensor) -> None:
        """Keeps features under a name; those used longest ago make room."""
        features = features.detach().clone()
        if self._folder is not None and key not in self._disk:
            self._write(key, features)
        self._remember(key, features)

    def _remember(self, key: str, features: Tensor) -> None:
        size = features.numel() * features.element_size()
        if size > self._memory_bytes or key in self._memory:
            return
        self._memory[key] = features
        self._held += size
        while self._held > self._memory_bytes:
            _, oldest = self._memory.popitem(last=False)
            self._held -= oldest.numel() * oldest.element_size()

    def _write(self, key: str, features: Tensor) -> None:
        assert self._folder is not None
        path = self._folder / f"{key}.safetensors"
        temporary = path.with_name(f".{key}.{uuid.uuid4().hex[:8]}")
        try:
            save_file({"features": features.to("cpu").contiguous()}, temporary)
            size = temporary.stat().st_size
            if size > self._disk_bytes:
                temporary.unlink()
                return
            temporary.replace(path)
        except OSError:
            # A full disk costs the saving, not the training.
            temporary.unlink(missing_ok=True)
            return
        self._disk[key] = size
        self._on_disk += size
        while self._on_disk > self._disk_bytes:
            oldest, freed = self._disk.popitem(last=False)
            (self._folder / f"{oldest}.safetensors").unlink(missing_ok=True)
            self._on_disk -= freed

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"feature_cache_dir {folder}: cannot be made ({error.strerror}): name a folder") from error
        for path in sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime):
            self._disk[path.stem] = path.stat().st_size
            self._on_disk += path.stat().st_size
