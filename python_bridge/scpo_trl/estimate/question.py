"""What is asked about a training: the fields of the JSON that crosses from TypeScript."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from scpo_trl.errors import UserError


@dataclass(frozen=True)
class Question:
    """A training.

    Attributes:
        model: Folder, or name on the hub.
        pairs: Parquet file of its pairs.
        settings: As for a directed training, see `parse_training`.
        losses: Of each stage, as names, weights and parameters.
        batch_size: Pairs of a forward and backward pass in one process.
        accumulation: Passes of an optimiser step.
        processes: How many train together.
        shards: Among how many of them weights, gradients and states of the optimiser are shared out; 1: each has all.
        gpu: Whether a GPU computes.
        rows: Pairs that are trained on.
        work: Whether operations are counted beside memory.
    """

    model: str
    pairs: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    losses: Sequence[Sequence[Mapping[str, Any]]] = ()
    batch_size: int = 1
    accumulation: int = 1
    processes: int = 1
    shards: int = 1
    gpu: bool = True
    rows: int = 0
    work: bool = True

    def changed(self, change: Mapping[str, Any]) -> Question:
        """The question with other fields; settings are added to those that are there."""
        settings = {**self.settings, **change.get("settings", {})}
        return replace(self, **{**change, "settings": settings})


def parse_question(text: str) -> tuple[Question, list[Mapping[str, Any]]]:
    """A question, and what is to be changed in it.

    Args:
        text: A JSON object with the question's fields, and `changes`, a list of such objects.

    Raises:
        UserError: Another content.
    """
    try:
        content = json.loads(text)
        changes = content.pop("changes", [])
        question = Question(**content)
        known = {one.name for one in fields(Question)}
        if any(set(change) - known for change in changes):
            raise TypeError("a change of an unknown field")
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"the question cannot be read ({error})") from error
    return question, changes
