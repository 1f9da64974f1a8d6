"""A stage's means, logged once when it closes."""

from __future__ import annotations

from collections.abc import Mapping


class StageSummary:
    """Sums each metric over the steps of a stage.

    Args:
        state: Sums of the steps before an interruption, from `state`.
    """

    def __init__(self, state: Mapping[str, tuple[float, int]] | None = None) -> None:
        self._sums: dict[str, tuple[float, int]] = {
            name: (total, steps) for name, (total, steps) in (state or {}).items()
        }

    def add(self, metrics: Mapping[str, float]) -> None:
        """Adds the metrics of a step."""
        for name, value in metrics.items():
            total, steps = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, steps + 1)

    def metrics(self, stage: int) -> dict[str, float]:
        """Means over the stage's steps, named `stage_<number>/<metric>`."""
        return {f"stage_{stage}/{name}": total / steps for name, (total, steps) in self._sums.items()}

    def state(self) -> dict[str, tuple[float, int]]:
        """The state that an interrupted stage resumes from."""
        return dict(self._sums)
