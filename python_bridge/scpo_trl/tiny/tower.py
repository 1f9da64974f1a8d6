"""The tower's own lesson: what a picture or each of its cells holds, through a linear head that is thrown away."""

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
    """Compute what the projector gets of each picture: the tower's patches without its class token.

    Args:
        model: The LLaVA.
        images: uint8, shape (scenes, 3, side, side).
        batch_size: Pictures at a time.

    Returns:
        float32, shape (scenes, image tokens, vision hidden).
    """
    tower = model.model.vision_tower
    parts = [tower(to_pixel_values(part)).last_hidden_state[:, 1:] for part in images.split(batch_size)]
    return torch.cat(parts)


class TowerReader(nn.Module):
    """Linear head that tells, from the tower's patches, what each cell of a picture's grid holds."""

    def __init__(self, hidden: int, labels: int, grid: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, labels)
        self.grid = grid

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Map patch features (batch, patches, hidden) to logits (batch, cells, labels): the likeliest patch speaks."""
        logits = self.linear(patches)
        batch, count, labels = logits.shape
        part = math.isqrt(count) // self.grid
        cells = logits.view(batch, self.grid, part, self.grid, part, labels).transpose(2, 3)
        return torch.logsumexp(cells.reshape(batch, self.grid**2, part**2, labels), dim=2)


def cell_labels(base: Scenes, names: Sequence[str]) -> torch.Tensor:
    """Tell what each cell of each picture holds, shape (scenes, cells, labels); where unknown a picture is one cell."""
    if not base.cells:
        holds = torch.zeros(len(base), 1, len(names))
        for index, objects in enumerate(base.objects):
            holds[index, 0, [names.index(name) for name in objects]] = 1
        return holds
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
    """Train the tower, in training mode, to tell which objects a picture holds, or each cell and on which tile.

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
        # Summed over the labels: as a mean the loss of 40 mostly absent objects is all but zero.
        loss = nn.functional.binary_cross_entropy_with_logits(reader(patches), holds[scenes], reduction="sum")
        return loss / len(scenes)

    run_part("tower", clock, build_optimizer([tower, reader], learning_rate, weight_decay), loss_of, report)
