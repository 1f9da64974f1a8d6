"""What a step could take if each of its parts ran as fast as in stock DPO's step with two sequences.

Counted operations cannot say that: an operation of a small language model takes longer than one of a tower, and a
backward pass is seldom twice its forward pass.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from step_shapes import Shape
from torch import Tensor


@dataclass(frozen=True)
class Limit:
    """Seconds of the parts of stock's two sequences of every pair of a step, medians.

    Attributes:
        tower: One pass of the vision tower over an image of every pair, without gradient. (The batch has each twice.)
        tower_trained: Forward and backward; 0 where the tower is frozen.
        language: The language model's forward pass over two sequences of every pair, without gradient.
        language_trained: Forward and backward.
    """

    tower: float
    tower_trained: float
    language: float
    language_trained: float

    def seconds(self, shape: Shape, epochs: int) -> float:
        """Of a step with both images once and both texts of each in one row, and its share of the stage's table."""
        prompt, answer = shape.patches**2 + shape.prompt, shape.answer
        longer = (prompt + 2 * answer) / (prompt + answer)
        # A frozen tower's features, once kept for the table, are there for the step.
        tower = 2 * (self.tower if shape.tower_frozen else self.tower_trained * epochs + self.tower) / epochs
        return tower + longer * (self.language_trained + self.language / epochs)


class PartsClock:
    """Times the parts of stock's step with two sequences.

    Args:
        model: In the state in which it is trained.
        batch: Stock's, of two sequences for every pair of a step, each with its image.
        shape: Of the model.
    """

    def __init__(self, model: Any, batch: dict[str, Tensor], shape: Shape) -> None:
        self._model, self._shape = model, shape
        self._pixels = batch["pixel_values"]
        self._inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        self._taken: dict[str, list[float]] = {}

    def round(self) -> None:
        """Every part once."""
        self._model.train()
        tower = self._model.model.vision_tower
        images = self._pixels[: len(self._pixels) // 2]
        with torch.no_grad():
            seen = tower(self._pixels, output_hidden_states=True, return_dict=True)
            self._time("tower", lambda: tower(images, output_hidden_states=True, return_dict=True))
        if not self._shape.tower_frozen:
            self._time("tower_trained", lambda: tower(images).last_hidden_state.sum().backward())
        # The whole model, whose tower knows the answer.
        tower.forward = lambda *args, **options: seen
        try:
            with torch.no_grad():
                self._time("language", self._whole)
            self._time("language_trained", lambda: self._whole().logsumexp(-1).sum().backward())
        finally:
            del tower.forward
        self._model.zero_grad(set_to_none=True)

    def limit(self) -> Limit:
        """Medians of the rounds."""
        median = {name: statistics.median(seconds) for name, seconds in self._taken.items()}
        return Limit(median["tower"], median.get("tower_trained", 0.0), median["language"], median["language_trained"])

    def _whole(self) -> Tensor:
        return self._model(**self._inputs, pixel_values=self._pixels, use_cache=False).logits

    def _time(self, part: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        work()
        self._taken.setdefault(part, []).append(time.perf_counter() - started)
