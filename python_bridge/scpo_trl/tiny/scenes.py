"""Scene files (Parquet) read into tensors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image

from scpo_trl.errors import UserError

_BASE_COLUMNS = ("caption", "cells", "tiles")


@dataclass(frozen=True)
class Scenes:
    """Drawn scenes with their ground truth.

    Attributes:
        images: Images, uint8, shape (scenes, 3, side, side).
        objects: Names of the objects in each image.
        captions: One caption a scene; empty for evaluation scenes.
        questions: Questions of each scene; those of evaluation scenes are yes/no questions.
        answers: Their answers, "Yes." or "No.", or a text where the question is an open one.
        kinds: What each question asks for, for example "count".
        cells: Name of the object in each cell of each image's grid, row by row, "" where there is none; empty for
            evaluation scenes.
        tiles: Colour of the tile in each cell, likewise.
    """

    images: torch.Tensor
    objects: list[list[str]]
    captions: list[str]
    questions: list[list[str]]
    answers: list[list[str]]
    kinds: list[list[str]]
    cells: list[list[str]]
    tiles: list[list[str]]

    def __len__(self) -> int:
        return len(self.objects)

    def pick(self, indices: Sequence[int]) -> Scenes:
        """Give the scenes at some indices."""
        return Scenes(
            self.images[list(indices)],
            [self.objects[index] for index in indices],
            [self.captions[index] for index in indices] if self.captions else [],
            [self.questions[index] for index in indices],
            [self.answers[index] for index in indices],
            [self.kinds[index] for index in indices],
            *([rows[index] for index in indices] if rows else [] for rows in (self.cells, self.tiles)),
        )

    def head(self, count: int) -> Scenes:
        """Give the first `count` scenes."""
        return self.pick(range(min(count, len(self))))


def read_scenes(path: Path, side: int, *, captions: bool, limit: int | None = None) -> Scenes:
    """Read a scene file and decode its images once.

    Args:
        path: Parquet file with the columns image, objects, questions, answers, kinds and, of base scenes,
            caption, cells and tiles.
        side: Expected side of the square images, in pixels.
        captions: Whether they are base scenes, with captions and what each cell holds.
        limit: Read only this many scenes.

    Returns:
        The scenes, images as uint8.

    Raises:
        UserError: The file or a column is missing, or an image has another size.
    """
    columns = ["image", "objects", "questions", "answers", "kinds", *(_BASE_COLUMNS if captions else [])]
    if not path.is_file():
        raise UserError(f"{path}: found no such file, expected a Parquet file of scenes")
    held = pq.read_schema(path).names
    missing = [name for name in columns if name not in held]
    if missing:
        raise UserError(f"{path}: column {missing[0]!r} not found, expected the columns {', '.join(columns)}")
    table = pq.read_table(path, columns=columns)
    if limit is not None:
        table = table.slice(0, limit)
    if table.num_rows == 0:
        raise UserError(f"{path}: found 0 rows, expected at least one scene")
    images = np.empty((table.num_rows, 3, side, side), dtype=np.uint8)
    row = 0
    for chunk in table.column("image").chunks:
        for image in chunk:
            with Image.open(io.BytesIO(image["bytes"].as_py())) as opened:
                if opened.size != (side, side):
                    width, height = opened.size
                    raise UserError(f"{path}: row {row}: image is {width}x{height}, expected {side}x{side} pixels")
                images[row] = np.asarray(opened.convert("RGB")).transpose(2, 0, 1)
            row += 1
    return Scenes(
        torch.from_numpy(images),
        table.column("objects").to_pylist(),
        table.column("caption").to_pylist() if captions else [],
        table.column("questions").to_pylist(),
        table.column("answers").to_pylist(),
        table.column("kinds").to_pylist(),
        *(table.column(name).to_pylist() if captions else [] for name in ("cells", "tiles")),
    )


def object_names(scenes: Sequence[Scenes]) -> list[str]:
    """Give the sorted names of all objects of the scenes."""
    return sorted({name for part in scenes for objects in part.objects for name in objects})


def to_pixel_values(images: torch.Tensor) -> torch.Tensor:
    """Scale images of the model's own size as the processor does.

    Args:
        images: uint8, shape (batch, 3, side, side).

    Returns:
        float32 in -1..1, same shape.
    """
    return images.to(torch.float32).div_(127.5).sub_(1.0)
