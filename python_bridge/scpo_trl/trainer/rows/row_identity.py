"""Which rows a data set holds, and in which order, as one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from datasets import Dataset

from scpo_trl.trainer.rows.images import Side
from scpo_trl.trainer.rows.pair_columns import image_column, raw_images, text_rows

_ENDS = 4096
"""Bytes at either end of an encoded image that distinguish it from others of its length."""

_PLAN = ("stage", "difficulty")
"""Columns that the stages are made of."""

_SIDES: tuple[Side, ...] = ("images", "rejected_images")


def rows_sha256(datasets: Iterable[Dataset]) -> str:
    """Hash of the rows of data sets, in order.

    Args:
        datasets: With the columns of a pair.

    Returns:
        Lower-case hex SHA-256 over texts, stages and images. An image is known by its length and its ends, one that
        lies in a file by the file's name, so that a data set may be moved.
    """
    digest = hashlib.sha256()
    for dataset in datasets:
        digest.update(f"{len(dataset)} rows\n".encode())
        for values in text_rows(dataset, [name for name in _PLAN if name in dataset.column_names]):
            digest.update(json.dumps(values, sort_keys=True, default=str).encode() + b"\n")
        for side in _SIDES:
            if image_column(dataset, side) is None:
                continue
            for images in raw_images(dataset, side):
                digest.update(f"{len(images)} {side}\n".encode())
                for image in images:
                    digest.update(_identity(image) + b"\n")
    return digest.hexdigest()


def _identity(image: Any) -> bytes:
    content: Any = image
    if isinstance(image, dict):
        content = image["bytes"] if image.get("bytes") is not None else image.get("path")
    if isinstance(content, (bytes, bytearray)):
        return str(len(content)).encode() + hashlib.sha256(content[:_ENDS] + content[-_ENDS:]).digest()
    return PurePath(str(content)).name.encode()
