"""The page about the plugin says of every option what the code says."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from trl import DPOConfig

from scpo_trl import SCPOConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "trl.md").read_text()


def options() -> dict[str, str]:
    """Defaults by option, as the page's first table of options has them."""
    section = PAGE.split("## Options")[1].split("Options of `DPOConfig`")[0]
    return dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section, re.MULTILINE))


def test_every_option_stands_there_with_its_default() -> None:
    stock = {field.name: field.default for field in fields(DPOConfig)}
    expected = {}
    for field in fields(SCPOConfig):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if field.init and (field.name not in stock or field.name in ("loss_type", "loss_weights")):
            expected[field.name] = repr(default).replace("'", '"')
    assert options() == expected


def test_what_differs_from_the_stock_default_is_said() -> None:
    stock = {field.name: field.default for field in fields(DPOConfig)}
    changed = {field.name for field in fields(SCPOConfig) if stock.get(field.name, field.default) != field.default}
    assert changed == {"num_train_epochs"}
    assert "| `num_train_epochs` | `1` |" in PAGE


@pytest.mark.parametrize("page", ["docs/trl.md", "examples/README.md", "python_bridge/README.md"])
def test_links_lead_somewhere(page) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target
