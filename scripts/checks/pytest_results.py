"""pytest's side of results.js: a plugin that writes every test as a line of JSON to $SCPO_TEST_RESULTS.

The process that runs a test writes what it cost, with the processes it started; the one that collects the reports
writes how it ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest


def _write(**entry: Any) -> None:
    with Path(os.environ["SCPO_TEST_RESULTS"]).open("a") as results:
        results.write(json.dumps(entry) + "\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Write what the test cost, with its fixtures."""
    before = sum(os.times()[:4])
    try:
        return (yield)
    finally:
        _write(file=item.nodeid.split("::")[0], cpu=sum(os.times()[:4]) - before)


class Outcomes:
    """Puts the reports of a test's three phases together."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._ended: dict[str, tuple[str, str | None]] = {}
        self._written: set[str] = set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported, or is skipped whole, is told as one test."""
        if report.outcome != "passed":
            file = report.nodeid.split("::")[0]
            _write(test="(collection)", file=file, outcome=report.outcome, seconds=0, why=str(report.longrepr)[-2000:])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect one phase; the last writes the test."""
        name = report.nodeid
        self._seconds[name] = self._seconds.get(name, 0) + report.duration
        outcome, why = self._ended.get(name, ("passed", None))
        if report.failed:
            outcome, why = "failed", report.longreprtext[-2000:]
        elif report.skipped and outcome == "passed":
            outcome = "skipped"
        self._ended[name] = (outcome, why)
        # A worker that dies has its test reported without phases.
        if report.when in ("teardown", "???"):
            self._write_test(name)

    def pytest_sessionfinish(self) -> None:
        """Write the tests whose last phase never came."""
        for name in list(self._ended):
            self._write_test(name)

    def _write_test(self, name: str) -> None:
        outcome, why = self._ended.pop(name)
        seconds = self._seconds.pop(name)
        # pytest-xdist gives a test whose worker died to the next worker.
        if name in self._written:
            return
        self._written.add(name)
        file, _, test = name.partition("::")
        _write(test=test, file=file, outcome=outcome, seconds=round(seconds, 3), why=why)


def pytest_configure(config: pytest.Config) -> None:
    """Reports reach the process that was started; a worker of pytest-xdist passes its own on."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes())
