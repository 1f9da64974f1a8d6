"""From an image file's bytes to pixels, within a budget that is checked before anything is decoded."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping
from typing import Any

import PIL.Image

from scpo.v1.rules import LARGEST_IMAGE, LONGEST_STRIP
from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.images import upright_rgb

FORMATS = ("PNG", "JPEG", "WEBP")

LARGEST_EDGE = 4096
"""Pixels of an edge that a processor scales or crops to."""

_SIZES = ("size", "crop_size", "pad_size", "max_image_size", "image_grid_pinpoints", "max_pixels", "min_pixels")


def open_image(data: bytes, where: str, mend: str) -> PIL.Image.Image:
    """Read an image's header.

    Args:
        data: All of the image's file.
        where: Where the bytes come from, for messages.
        mend: What to do about damaged ones, for messages.

    Returns:
        The image, not decoded.

    Raises:
        UserError: No PNG, JPEG or WebP, or an image beyond the budget.
    """
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
    except PIL.UnidentifiedImageError as error:
        raise UserError(
            f"{where}: found {len(data)} bytes that are no picture, expected a PNG, JPEG or WebP file; {mend}"
        ) from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and its own, by format
        raise UserError(f"{where}: the picture cannot be read ({type(error).__name__}: {error}); {mend}") from error
    width, height = image.size
    if width * height > LARGEST_IMAGE:
        raise UserError(
            f"{where}: found a picture of {width} x {height} pixels, expected at most {LARGEST_IMAGE}; scale it"
        )
    if max(width, height) > LONGEST_STRIP * min(width, height):
        raise UserError(
            f"{where}: found a picture of {width} x {height} pixels, expected no side more than {LONGEST_STRIP} times "
            "as long as the other; crop it"
        )
    return image


def decode_image(data: bytes, where: str, mend: str) -> PIL.Image.Image:
    """Decode an image as `upright_rgb` does; arguments and errors as `open_image`, and one for a damaged image."""
    image = open_image(data, where, mend)
    try:
        image.load()
        return upright_rgb(image)
    except Exception as error:
        raise UserError(f"{where}: the picture cannot be decoded ({type(error).__name__}: {error}); {mend}") from error


def require_bounded_sizes(image_processor: Any, where: str) -> None:
    """Raise `UserError` when an image processor scales images beyond the budget."""
    # Those that keep an image's shape bound its pixels, not its edges.
    kwargs = getattr(getattr(type(image_processor), "valid_kwargs", None), "__annotations__", {})
    largest = LARGEST_IMAGE if "max_pixels" in kwargs else LARGEST_EDGE
    for name in _SIZES:
        for number in _numbers(getattr(image_processor, name, None)):
            if number > largest:
                raise UserError(
                    f"{where}: its image processor has {name} {number}, expected at most {largest}; correct "
                    "preprocessor_config.json or processor_config.json"
                )


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, Mapping):
        yield from _numbers(list(value.values()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _numbers(list(vars(value).values()))
