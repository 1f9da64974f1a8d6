"""From a picture file's bytes to pixels."""

from __future__ import annotations

import io

import PIL.Image

from scpo_trl.errors import UserError


def decode_picture(data: bytes, where: str, mend: str) -> PIL.Image.Image:
    """Decode a picture as RGB.

    Args:
        data: All of the picture's file.
        where: Where the bytes come from, for messages.
        mend: What to do about damaged ones, for messages.

    Raises:
        UserError: No picture, or a damaged one.
    """
    try:
        image = PIL.Image.open(io.BytesIO(data))
        image.load()
    except PIL.UnidentifiedImageError as error:
        raise UserError(f"{where}: found {len(data)} bytes that are no picture; {mend}") from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and its own, by format
        raise UserError(f"{where}: the picture cannot be decoded ({type(error).__name__}: {error}); {mend}") from error
    return image.convert("RGB")
