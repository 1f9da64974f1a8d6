"""What both languages can decide, held to the same cases as the TypeScript side: tests/shared-cases."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scpo_trl.errors import UserError
from scpo_trl.trainer.director.director import QuadMeans, StepReport
from scpo_trl.trainer.director.local_director import LocalDirector
from scpo_trl.trainer.rows.curriculum import cut_stages, order_groups, stage_feed, stage_groups

CASES = Path(__file__).parent.parent / "shared-cases"
CURRICULUM = json.loads((CASES / "curriculum.json").read_text())
REFERENCE = json.loads((CASES / "reference.json").read_text())["cases"]

REPORT = StepReport(
    step=1,
    stage=0,
    step_in_stage=1,
    loss=1.0,
    terms={},
    accuracies={},
    rewards=QuadMeans(0, 0, 0, 0),
    kl_reference=0.0,
    kl_initial=0.0,
    learning_rate=1e-3,
    grad_norm=1.0,
    seconds=0.1,
    tokens=10,
    memory_bytes=1,
    pairs=[],
)


def named(cases: list[dict[str, Any]]) -> dict[str, Any]:
    return {"argvalues": cases, "ids": [case["name"] for case in cases]}


@pytest.mark.parametrize("case", **named(CURRICULUM["cut"]))
def test_cutting_stages(case: dict[str, Any]) -> None:
    assert cut_stages(case["difficulties"], case["stages"]) == case["expected"]


@pytest.mark.parametrize("case", **named(CURRICULUM["stages"]))
def test_stages_and_their_order(case: dict[str, Any]) -> None:
    rows = len(case["stage"] or case["difficulty"])
    groups = stage_groups(case["stage"], case["difficulty"], case["stages"], rows)
    assert [rows for _, rows in order_groups(groups, case["order"], seed=3)] == case["expected"]


@pytest.mark.parametrize("case", **named(CURRICULUM["filling"]))
def test_filling_up_the_last_step(case: dict[str, Any]) -> None:
    feed = stage_feed(range(case["pairs"]), case["epochs"], case["per_step"], random.Random(1))
    assert len(feed) == case["length"]
    assert feed[len(feed) - case["filled"] :] == feed[: case["filled"]] or case["filled"] == 0
    used = feed[: len(feed) - case["filled"]]
    assert sorted(used) == sorted(list(range(case["pairs"])) * case["epochs"])


@pytest.mark.parametrize("case", **named(REFERENCE))
def test_references(case: dict[str, Any], make_config, make_pairs) -> None:
    given = case["settings"]
    steps = {"reference_update_steps": given["steps"], "reference_alpha": given["alpha"]} if "steps" in given else {}
    pairs = make_pairs(6, stage=[row % len(case["opens"]) for row in range(6)])
    director = LocalDirector(make_config(reference_update=given["update"], **steps), pairs)
    opened = [stage.reference for stage in director.stages]
    assert opened == case["opens"]
    decided = []
    for stage, step in case["steps"]:
        director.step_taken(replace(REPORT, stage=stage, step=step))
        decided.append(director.decide(lambda: None).move_reference_alpha)
    assert decided == case["moves"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 8), st.integers(0, 5))
def test_the_shuffled_control_keeps_the_sizes(difficulties: list[float], stages: int, seed: int) -> None:
    stages = min(stages, len(difficulties))
    groups = stage_groups(None, difficulties, stages, len(difficulties))
    mixed = order_groups(groups, "shuffled", seed)
    assert [len(rows) for _, rows in mixed] == [len(rows) for rows in groups.values()]
    assert sorted(row for _, rows in mixed for row in rows) == list(range(len(difficulties)))
    assert mixed == order_groups(groups, "shuffled", seed)


def test_rows_without_a_difficulty_are_named() -> None:
    with pytest.raises(UserError, match="row 1 has no difficulty"):
        stage_groups(None, [0.5, None], 2, 2)
    with pytest.raises(UserError, match="stages is 3: expected a whole number from 1 to the number of rows, 2"):
        stage_groups(None, [0.5, 0.1], 3, 2)
