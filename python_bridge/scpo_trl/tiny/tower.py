"""The tower's own lesson: to name the objects of a picture, through a linear head that is thrown away afterwards."""

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
    """Linear head that tells, from the tower's patches, which objects a picture holds."""

    def __init__(self, hidden: int, objects: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, objects)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Map patch features (batch, patches, hidden) to logits (batch, objects): the likeliest patch speaks."""
        return torch.logsumexp(self.linear(patches), dim=1)


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
    """Train the tower, in training mode, to tell which objects a picture holds.

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
    holds = torch.zeros(len(base), len(names))
    for index, objects in enumerate(base.objects):
        holds[index, [names.index(name) for name in objects]] = 1
    tower = model.model.vision_tower
    reader = TowerReader(tower.config.hidden_size, len(names))
    nn.init.constant_(reader.linear.bias, -math.log(len(names) * model.config.image_seq_length))

    def loss_of() -> torch.Tensor:
        scenes = draw()
        patches = tower(to_pixel_values(base.images[scenes])).last_hidden_state[:, 1:]
        # Summed over the objects: as a mean the loss of 40 mostly absent objects is all but zero.
        loss = nn.functional.binary_cross_entropy_with_logits(reader(patches), holds[scenes], reduction="sum")
        return loss / len(scenes)

    run_part("tower", clock, build_optimizer([tower, reader], learning_rate, weight_decay), loss_of, report)
