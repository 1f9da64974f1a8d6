"""Images of a row, in whichever form a data set holds them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL.Image
import PIL.ImageOps

from scpo_trl.errors import UserError

Side = Literal["images", "rejected_images"]

SINGULAR: Mapping[Side, str] = {"images": "image", "rejected_images": "rejected_image"}
"""What a column may also be called; it then holds one image a row."""

_ORIENTATION = 0x0112
"""EXIF tag that says how an image must be rotated to be upright."""


def images_of(row: Mapping[str, Any], side: Side) -> list[Any]:
    """The undecoded images of one side of a row.

    Args:
        row: Has the column `side`, a list or one image, or its singular.
        side: `images` or `rejected_images`.

    Returns:
        The images in the row's order; empty if it has none.
    """
    value = row[side] if row.get(side) is not None else row.get(SINGULAR[side])
    if value is None:
        return []
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return list(value)
    return [value]


def decode_image(value: Any, name: str) -> PIL.Image.Image:
    """An image in RGB, upright, what is transparent over white, as TypeScript's `openImage` gives it.

    Args:
        value: A PIL image, encoded bytes, the path of a file, or a mapping with `bytes` or `path`.
        name: What messages call it, such as `row 3, images`.

    Raises:
        UserError: another form, a file that cannot be read, or bytes that are no image.
    """
    image = value if isinstance(value, PIL.Image.Image) else _open(value, name)
    try:
        # One that is given decoded was turned when it was decoded.
        return as_rgb(image) if isinstance(value, PIL.Image.Image) else upright_rgb(image)
    except UserError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and its own, by format
        raise UserError(f"{name}: the picture cannot be decoded ({type(error).__name__}: {error})") from error


def upright_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """An opened image turned as its metadata says, as `as_rgb` gives it."""
    if image.getexif().get(_ORIENTATION) is not None:
        image = PIL.ImageOps.exif_transpose(image)
    return as_rgb(image)


def as_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    """The image with 8 bits of red, green and blue: of 16 bits the upper ones, what is transparent over white."""
    if image.mode.startswith("I;16") or (image.mode == "I" and getattr(image, "format", None) == "PNG"):
        # Pillow itself clips: everything but the darkest 255 greys of 65536 would be white.
        upper = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return PIL.Image.fromarray(upper).convert("RGB")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    seen = image.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def image_size(value: Any, name: str) -> tuple[int, int]:
    """Width and height of an image as `decode_image` would give it, in pixels, from its header alone.

    Args:
        value: As for `decode_image`.
        name: As for `decode_image`.
    """
    image = value if isinstance(value, PIL.Image.Image) else _open(value, name)
    turned = not isinstance(value, PIL.Image.Image) and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else (image.width, image.height)


def _open(value: Any, name: str) -> PIL.Image.Image:
    """The image, of which only the header is read so far."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, (bytes, bytearray)):
        source: Any = io.BytesIO(value)
        found = f"{len(value)} bytes"
    elif isinstance(value, (str, Path)):
        source = Path(value)
        found = str(value)
    else:
        raise UserError(
            f"{name}: found {type(value).__name__}: expected a PIL image, encoded bytes, the path of a file, or a "
            "mapping with bytes or path"
        )
    try:
        return PIL.Image.open(source)
    except FileNotFoundError:
        raise UserError(f"{name}: no file at {found}: expected a picture; correct the path") from None
    except PIL.UnidentifiedImageError:
        raise UserError(f"{name}: found {found} that are no picture: expected an encoded one, such as PNG") from None
    except Exception as error:
        raise UserError(f"{name}: the picture cannot be read ({type(error).__name__}: {error})") from error
