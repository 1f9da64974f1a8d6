"""Where the images of prompts come from: the rows of a data set, or files of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import PIL.Image

from scpo.v1 import trainer_pb2
from scpo_trl.errors import UserError
from scpo_trl.service.image_bytes import decode_image
from scpo_trl.service.pair_columns import check_image_column
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.roots import Roots

OpenImages = Callable[[int | str], list[PIL.Image.Image]]


@dataclass(frozen=True)
class ImagePrompt:
    """A question and its images.

    Attributes:
        image: Row of a data set with one or several, or path of a file; None for a question without an image.
        text: The plain question.
    """

    image: int | str | None
    text: str


def prompts_of(
    request: trainer_pb2.GenerateRequest, files: PairFiles, roots: Roots
) -> tuple[list[ImagePrompt], OpenImages]:
    """Check a request's prompts and give them with what opens their images.

    Args:
        request: With a data set, whose rows the prompts name; or without, and each prompt names the file of its
            image or has none.
        files: Opens data sets.
        roots: Folders that files of images must lie under.

    Raises:
        UserError: No prompts, both kinds of image at once, a row beyond the file, a column without images, or a
            file that is missing or outside the roots.
    """
    if not request.prompts:
        raise UserError("prompts: found none, expected at least one")
    # Whoever names a column meant a data set: its own message says that it is missing.
    if request.HasField("dataset") or request.image_column:
        return _of_rows(request, files)
    return _of_files(request.prompts, roots)


def _of_rows(request: trainer_pb2.GenerateRequest, files: PairFiles) -> tuple[list[ImagePrompt], OpenImages]:
    beside = next((position for position, prompt in enumerate(request.prompts) if prompt.image_path), None)
    if beside is not None:
        raise UserError(
            f"prompts[{beside}].image_path: found {request.prompts[beside].image_path!r} beside a data set; "
            "name rows of the data set, or leave the data set out"
        )
    opened = files.open(request.dataset.path, request.dataset.sha256, [request.image_column])
    check_image_column(opened, request.image_column)
    opened.check_rows((prompt.row for prompt in request.prompts), "prompts.row")
    prompts = [ImagePrompt(image=prompt.row, text=prompt.text) for prompt in request.prompts]
    return prompts, lambda row: opened.images(int(row), request.image_column)


def _of_files(asked: Sequence[trainer_pb2.Prompt], roots: Roots) -> tuple[list[ImagePrompt], OpenImages]:
    prompts: list[ImagePrompt] = []
    for position, prompt in enumerate(asked):
        if prompt.row:
            raise UserError(f"prompts[{position}].row: found {prompt.row}, but the request has no data set")
        path = roots.file(prompt.image_path, f"prompts[{position}].image_path") if prompt.image_path else None
        prompts.append(ImagePrompt(image=None if path is None else str(path), text=prompt.text))
    return prompts, lambda path: [read_image(str(path))]


def read_image(path: str) -> PIL.Image.Image:
    """Read and decode an image's file as RGB; raises `UserError` that names it when that fails."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    return decode_image(data, path, "get the file again")
