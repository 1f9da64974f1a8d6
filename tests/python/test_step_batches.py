"""Batches of a step that are made while the director decides, and the director that has them made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from service_fixtures import decision, feed, open_stage
from test_shared_cases import REPORT

from scpo_trl.dialogue.job import Job
from scpo_trl.dialogue.remote_director import RemoteDirector
from scpo_trl.trainer.stages.step_batches import StepBatches


def fetch(iterator: Iterator[Any], count: int) -> list[Any]:
    batches = list(islice(iterator, count))
    if "broken" in batches:
        raise ValueError("broken")
    return batches


@pytest.fixture
def batches() -> StepBatches:
    return StepBatches(fetch, lambda: 0.0)


class TestStepBatches:
    def test_come_in_the_same_order_whether_made_ahead_or_not(self, batches: StepBatches) -> None:
        rows = iter(range(6))
        taken = [batches.take(rows, 1).batches]
        batches.make_ahead()
        batches.make_ahead()
        taken += [batches.take(rows, 1).batches, batches.take(rows, 1).batches]
        batches.make_ahead()
        taken.append(batches.take(rows, 1).batches)
        assert taken == [[0], [1], [2], [3]]

    def test_made_ahead_for_a_stage_that_ended_are_dropped(self, batches: StepBatches) -> None:
        batches.take(iter("abc"), 1)
        batches.make_ahead()
        assert batches.take(iter("xyz"), 1).batches == ["x"]

    def test_a_failure_is_that_of_its_step(self, batches: StepBatches) -> None:
        rows = iter(["whole", "broken", "whole"])
        batches.take(rows, 1)
        batches.make_ahead()
        with pytest.raises(ValueError, match="broken"):
            batches.take(rows, 1)

    def test_a_failure_of_a_step_that_is_never_taken_is_none(self, batches: StepBatches) -> None:
        batches.take(iter(["whole", "broken"]), 1)
        batches.make_ahead()
        assert batches.take(iter(["next"]), 1).batches == ["next"]

    def test_count_the_seconds_of_their_making_without_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([10.0, 13.0, 20.0, 25.0])
        waited = iter([0.0, 1.0, 1.0, 1.5])
        batches = StepBatches(fetch, lambda: next(waited))
        monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
        rows = iter("ab")
        assert batches.take(rows, 1).seconds == 2.0
        batches.make_ahead()
        assert batches.take(rows, 1).seconds == 4.5


class TestRemoteDirector:
    @pytest.fixture
    def director(self) -> RemoteDirector:
        return RemoteDirector(
            Job("a training"), lambda response: None, rows=12, pairs_per_step=2, checkpoints=False, beta=0.1
        )

    def test_has_them_made_before_the_decision_comes(self, director: RemoteDirector) -> None:
        director.read(iter([open_stage(0, range(12)), feed([0, 1])]))
        director.step_taken(REPORT)
        # The decision comes after they are made, or never.
        director.decide(lambda: director.read(iter([decision(REPORT.step)])))

    @pytest.mark.parametrize("fed", [[], [0]])
    def test_does_not_wait_for_pairs_that_the_decision_brings(self, director: RemoteDirector, fed: list[int]) -> None:
        director.read(iter([open_stage(0, range(12)), feed(fed)]))
        director.step_taken(REPORT)
        director.read(iter([decision(REPORT.step)]))
        director.decide(lambda: pytest.fail("there are no pairs for a batch"))
