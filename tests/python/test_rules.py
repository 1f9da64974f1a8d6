"""Every place that holds a value to a rule of both languages, fed the values of proto/rules.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from service_fixtures import open_stage

from scpo_trl.dialogue.messages import require_checkpoint_name, stage_of
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.security import read_security
from scpo_trl.service.telemetry import check_endpoint
from scpo_trl.service.uploads import Uploads

TABLE = json.loads((Path(__file__).parents[2] / "proto" / "rules.json").read_text())
RULES: dict[str, Any] = TABLE["patterns"] | TABLE["ranges"]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


PLACES: dict[str, list[Callable[[Any], object]]] = {
    "checkpoint_name": [lambda name: require_checkpoint_name(name, "decision.checkpoint")],
    "sha256": [Uploads(Path("nowhere")).find],
    "token": [lambda token: read_security(token=token)],
    "tcp_address": [lambda address: check_address(address, protected=True)],
    "loopback_host": [
        lambda host: check_address(f"{_bracketed(host)}:1"),
        lambda host: check_endpoint(f"tcp://{_bracketed(host)}:1"),
    ],
    "learning_rate": [lambda rate: stage_of(open_stage(0, [0], learning_rate=rate).open_stage, rows=1, beta=0.1)],
}
TYPESCRIPT_ALONE = {"run_id"}
"""Runs have no names on this side."""


def test_every_rule_is_held_here_or_there_alone() -> None:
    assert set(PLACES) | TYPESCRIPT_ALONE == set(RULES)


@pytest.mark.parametrize(("name", "hold"), [(name, hold) for name, holds in PLACES.items() for hold in holds])
def test_takes_and_refuses_what_typescript_does(name: str, hold: Callable[[Any], object]) -> None:
    for value in RULES[name]["accepted"]:
        hold(value)
    for value in RULES[name]["refused"]:
        with pytest.raises(UserError):
            hold(value)
