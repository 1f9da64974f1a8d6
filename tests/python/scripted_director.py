"""A director that follows a script and writes down what it hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scpo_trl.trainer.director.director import Decision, Stage, StepReport


@dataclass
class ScriptedDirector:
    """Stages, their feeds, and a decision for some steps of the training (the first is 1)."""

    stages: Sequence[Stage]
    feeds: Sequence[Sequence[int]]
    decisions: Mapping[int, Decision] = field(default_factory=dict)
    reports: list[StepReport] = field(default_factory=list)
    heard: list[tuple[str, object]] = field(default_factory=list)
    closed: list[tuple[int, int, list[int]]] = field(default_factory=list)
    checkpoints: list[tuple[str, int, str]] = field(default_factory=list)
    saved: list[tuple[str, int]] = field(default_factory=list)
    opened: int = 0
    skipped: dict[int, int] = field(default_factory=dict)

    def resume(self, stages_before: int, pairs: int) -> None:
        self.opened, self.skipped = stages_before, {stages_before + 1: pairs}

    def open_stage(self) -> Stage | None:
        self.opened += 1
        return self.stages[self.opened - 1] if self.opened <= len(self.stages) else None

    def table_progress(self, done: int, total: int) -> None:
        self.heard.append(("table", (done, total)))

    def stage_opened(self, stage: Stage, table_seconds: float) -> None:
        assert table_seconds >= 0
        self.heard.append(("opened", stage.stage))

    def pairs(self) -> Iterator[int]:
        return iter(self.feeds[self.opened - 1][self.skipped.get(self.opened, 0) :])

    def step_taken(self, report: StepReport) -> None:
        self.reports.append(report)
        self.heard.append(("step", report.step))

    def decide(self, make_batches: Callable[[], None]) -> Decision:
        return self.decisions.get(self.reports[-1].step, Decision())

    def checkpoint_saved(self, path: str, step: int, weights_sha256: str) -> None:
        self.checkpoints.append((path, step, weights_sha256))

    def training_saved(self, path: str, step: int) -> None:
        self.saved.append((path, step))

    def stage_closed(self, stage: int, steps: int, unused_pairs: Sequence[int]) -> None:
        self.closed.append((stage, steps, list(unused_pairs)))
        self.heard.append(("closed", stage))
