"""The page on objectives says what the code does."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from scpo_trl.losses import get_loss, registry
from scpo_trl.trainer.stock_options import SAME_NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0].strip(): part for part in PAGE.split("\n## ")[1:]}
PRESETS = ("scpo", "dpo", "mdpo", "s-vco", "symmpo", "rdpo", "chip", "sft")


@pytest.mark.parametrize("name", PRESETS)
def test_every_parameter_stands_there_with_its_default(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| .+ \| .+ \|$", SECTIONS[name], flags=re.MULTILINE)
    documented = {parameter: float(default) for parameter, default in rows}
    assert documented == {field.name: field.default for field in fields(get_loss(name).parameters)}


@pytest.mark.parametrize("name", sorted(SAME_NAMES - {"sft"}))
def test_parameters_of_trls_losses_stand_there_with_their_defaults(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| ([\d.]+)\b.* \| .+ \|$", SECTIONS["Losses of TRL"], flags=re.MULTILINE)
    documented = {parameter: float(default) for parameter, of, default in rows if of == "all" or f"`{name}`" in of}
    assert documented == {field.name: field.default for field in fields(get_loss(name).parameters)}


@pytest.mark.parametrize("name", [*PRESETS, *sorted(SAME_NAMES - {"sft"})])
def test_the_source_in_the_code_is_the_one_on_the_page(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| .*$", PAGE, flags=re.MULTILINE)
    papers = re.findall(r"arXiv (\d{4}\.\d{5})", row.group(0) if row else "")
    function = get_loss(name).function
    assert "Source:" in (function.__doc__ or "")
    for paper in papers:
        assert paper in (function.__doc__ or "")
    assert papers or name == "sft"


def test_the_worked_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    others = {name: loss for name, loss in registry._LOSSES.items() if name != "visual-hinge"}
    monkeypatch.setattr(registry, "_LOSSES", others)
    blocks = re.findall(r"```python\n(.*?)```", SECTIONS["Adding a loss: three files"], flags=re.DOTALL)
    modules = [ModuleType("visual_hinge"), ModuleType("test_losses_visual_hinge")]
    for module, code in zip(modules, blocks, strict=True):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(code, f"docs/objectives.md: {module.__name__}", "exec"), module.__dict__)
    assert get_loss("visual-hinge").function.__module__ == "visual_hinge"
    modules[1].test_by_hand()
