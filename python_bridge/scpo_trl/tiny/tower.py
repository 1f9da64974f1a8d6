"""The tower's own lesson: what an image or each of its cells holds, through a linear head that is thrown away."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration

from scpo_trl.tiny.scenes import Scenes, to_pixel_values
from scpo_trl.tiny.training_part import Clock, build_optimizer, run_part


@torch.no_grad()
def tower_features(model: LlavaForConditionalGeneration, images: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """Compute what the projector gets of each image: the tower's patches without its class token.

    Args:
        model: The LLaVA.
        images: uint8, shape (scenes, 3, side, side).
        batch_size: Images at a time.

    Returns:
        float32, shape (scenes, image tokens, vision hidden).
    """
    tower = model.model.vision_tower
    parts = [tower(to_pixel_values(part)).last_hidden_state[:, 1:] for part in images.split(batch_size)]
    return torch.cat(parts)


class TowerReader(nn.Module):
    """Linear heads that predict, from the tower's patches, what each cell of an image holds and which cell it is."""

    def __init__(self, hidden: int, labels: int, grid: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, labels)
        self.place = nn.Linear(hidden, grid**2)
        self.grid = grid

    def loss(self, patches: torch.Tensor, holds: torch.Tensor) -> torch.Tensor:
        """Give the loss of both heads, in nats an image and nats a patch, summed.

        Args:
            patches: The tower's patches, shape (batch, patches, hidden).
            holds: What each cell holds, 0 or 1, shape (batch, cells, labels).

        Returns:
            The loss, a scalar.
        """
        # Summed over the labels: as a mean the loss of 40 mostly absent objects is all but zero.
        held = nn.functional.binary_cross_entropy_with_logits(self(patches), holds, reduction="sum") / len(patches)
        # Without this target the last layer loses a patch's position, and questions about positions cannot be answered.
        places = self._by_cell(self.place(patches))
        cells = torch.arange(self.grid**2).view(1, -1, 1).expand(places.shape[:3])
        return held + nn.functional.cross_entropy(places.flatten(0, 2), cells.flatten())

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Map patch features (batch, patches, hidden) to logits (batch, cells, labels): the likeliest patch speaks."""
        return torch.logsumexp(self._by_cell(self.linear(patches)), dim=2)

    def _by_cell(self, values: torch.Tensor) -> torch.Tensor:
        """Sort values of patches, (batch, patches, width), into (batch, cells, patches of a cell, width)."""
        batch, count, width = values.shape
        part = math.isqrt(count) // self.grid
        cells = values.view(batch, self.grid, part, self.grid, part, width).transpose(2, 3)
        return cells.reshape(batch, self.grid**2, part**2, width)


def cell_labels(base: Scenes, names: Sequence[str]) -> torch.Tensor:
    """Tell what each cell of each image holds, shape (scenes, cells, labels): its object and its tile."""
    words = [*names, *sorted({tile for row in base.tiles for tile in row} - {""})]
    column = {word: index for index, word in enumerate(words)}
    holds = torch.zeros(len(base), len(base.cells[0]), len(words))
    for scene, cells in enumerate(zip(base.cells, base.tiles, strict=True)):
        for cell, held in enumerate(zip(*cells, strict=True)):
            holds[scene, cell, [column[word] for word in held if word]] = 1
    return holds


def train_tower(
    model: LlavaForConditionalGeneration,
    base: Scenes,
    names: Sequence[str],
    draw: Callable[[], torch.Tensor],
    clock: Clock,
    learning_rate: float,
    weight_decay: float,
    report: Callable[[str], None],
) -> None:
    """Train the tower, in training mode, to predict what each cell of an image holds and where each patch is.

    Args:
        model: The LLaVA; only its tower changes.
        base: Scenes to learn from.
        names: Names of all objects.
        draw: Gives the indices of a step's scenes, shape (batch,).
        clock: Tells when the training is over.
        learning_rate: Peak learning rate.
        weight_decay: AdamW's weight decay on matrices.
        report: Takes each progress line.
    """
    holds = cell_labels(base, names)
    tower = model.model.vision_tower
    reader = TowerReader(tower.config.hidden_size, holds.shape[2], math.isqrt(holds.shape[1]))
    nn.init.constant_(reader.linear.bias, -math.log(holds.shape[2] * model.config.image_seq_length))

    def loss_of() -> torch.Tensor:
        scenes = draw()
        patches = tower(to_pixel_values(base.images[scenes])).last_hidden_state[:, 1:]
        return reader.loss(patches, holds[scenes])

    run_part("tower", clock, build_optimizer([tower, reader], learning_rate, weight_decay), loss_of, report)
