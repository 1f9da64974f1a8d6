"""Contrast images made from the images of a row, for data sets that have none."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import PIL.Image

from scpo_trl.errors import UserError

ContrastKind = Literal["crop", "mask", "noise", "none"]
CONTRAST_KINDS: tuple[ContrastKind, ...] = get_args(ContrastKind)

DEFAULT_STRENGTHS: dict[str, float] = {"crop": 0.8, "mask": 0.5, "noise": 0.5}

NOISE_STEPS = 1000
MASK_CELLS = 14
"""Cells along each edge of the grid that `mask` blackens."""

_LEAST_CROP = 0.05
"""Least share of what a crop may keep that it does keep."""
_LOG_PROPORTION = math.log(4 / 3)
"""A crop's proportions differ from the image's by at most this factor, logarithm of."""


@dataclass(frozen=True)
class Contrast:
    """How the contrast image of a row is made from its image; used for every row in place of `rejected_images`.

    The same image gives the same contrast image in every process, worker and epoch: what is drawn is drawn from a
    digest of its pixels.

    Attributes:
        kind: `crop`: a part of the image, stretched to its size. `mask`: cells of a 14 x 14 grid blackened. `noise`:
            Gaussian noise of a diffusion process. `none`: no contrast image, for losses that read none.
        strength: How much is lost, more than 0 and at most 1. `crop`: the least share of the image's area that is cut
            away (0.8 if None); the crop keeps between a twentieth and all of the rest. `mask`: the share of the cells
            (0.5 if None). `noise`: the step of the diffusion process, divided by its 1000 steps (0.5 if None). `none`
            has no strength.

    Raises:
        UserError: An unknown kind, or a strength out of its range.

    Source: `crop` keeps 1 % to 20 % of the image's area, as mDPO's code does (Wang et al., arXiv 2406.11839), with
    proportions within 3:4 and 4:3 of the image's own. `noise` has the schedule of visual contrastive decoding (Leng et
    al., arXiv 2311.16922) and its step 500, as CHiP's code does (Fu et al., arXiv 2501.16629); both add it after the
    image processor, here it is added before, to pixels scaled to [-1, 1], and clipped. `mask` and its default are ours.
    """

    kind: ContrastKind
    strength: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in CONTRAST_KINDS:
            raise UserError(f"contrast is {self.kind!r}: expected one of {', '.join(CONTRAST_KINDS)}")
        if self.kind == "none":
            if self.strength is not None:
                raise UserError(f"contrast_strength is {self.strength} but contrast is 'none': leave it out")
        elif self.strength is not None and not 0 < self.strength <= 1:
            raise UserError(f"contrast_strength is {self.strength}: expected more than 0 and at most 1")
        if self.kind == "crop" and self.strength == 1:
            raise UserError("contrast_strength is 1, which leaves nothing of a crop: expected less than 1")

    @property
    def amount(self) -> float:
        """The strength, or its default."""
        return DEFAULT_STRENGTHS.get(self.kind, 0.0) if self.strength is None else self.strength

    def apply(self, image: PIL.Image.Image) -> PIL.Image.Image:
        """The contrast image of an image in RGB, of the same size.

        Raises:
            UserError: The kind is `none`.
        """
        if self.kind == "none":
            raise UserError(
                "contrast is 'none', but the loss reads rejected_images: set contrast to crop, mask or noise"
            )
        rng = np.random.default_rng(self._seed(image))
        make: Any = {"crop": _crop, "mask": _mask, "noise": _noise}[self.kind]
        return make(image, self.amount, rng)

    def _seed(self, image: PIL.Image.Image) -> int:
        digest = hashlib.blake2b(f"{self.kind} {image.size}".encode(), digest_size=8)
        digest.update(image.tobytes())
        return int.from_bytes(digest.digest(), "big")


def _crop(image: PIL.Image.Image, strength: float, rng: np.random.Generator) -> PIL.Image.Image:
    """A part of the image with at most 1 - strength of its area, stretched to the image's size."""
    share = (1 - strength) * rng.uniform(_LEAST_CROP, 1.0)
    proportion = math.exp(rng.uniform(-_LOG_PROPORTION, _LOG_PROPORTION)) * image.width / image.height
    area = share * image.width * image.height
    width = min(image.width, max(1, math.floor(math.sqrt(area * proportion))))
    height = min(image.height, max(1, math.floor(math.sqrt(area / proportion))))
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    part = image.crop((left, top, left + width, top + height))
    return part.resize(image.size, PIL.Image.Resampling.BICUBIC)


def _mask(image: PIL.Image.Image, strength: float, rng: np.random.Generator) -> PIL.Image.Image:
    """Cells of a grid over the image, drawn without repetition, in black."""
    rows, columns = min(MASK_CELLS, image.height), min(MASK_CELLS, image.width)
    cells = rows * columns
    blackened = np.zeros(cells, dtype=bool)
    blackened[rng.permutation(cells)[: max(1, round(strength * cells))]] = True
    row_of = np.arange(image.height) * rows // image.height
    column_of = np.arange(image.width) * columns // image.width
    pixels = np.array(image)
    pixels[blackened.reshape(rows, columns)[np.ix_(row_of, column_of)]] = 0
    return PIL.Image.fromarray(pixels)


def _noise(image: PIL.Image.Image, strength: float, rng: np.random.Generator) -> PIL.Image.Image:
    """sqrt(a) x + sqrt(1 - a) e for pixels x in [-1, 1] and standard normal e, a the share of the signal left."""
    kept = _signal_left(round(strength * NOISE_STEPS))
    pixels = np.asarray(image, dtype=np.float64) / 127.5 - 1
    noisy = math.sqrt(kept) * pixels + math.sqrt(1 - kept) * rng.standard_normal(pixels.shape)
    return PIL.Image.fromarray(np.clip(np.rint((noisy + 1) * 127.5), 0, 255).astype(np.uint8))


def _signal_left(step: int) -> float:
    """Product of 1 - beta up to a step, counted from 0; the betas rise along a sigmoid from 1e-5 to 5e-3."""
    betas = 1 / (1 + np.exp(-np.linspace(-6, 6, NOISE_STEPS))) * (5e-3 - 1e-5) + 1e-5
    return float(np.prod(1 - betas[: step + 1]))
