"""Adapters on a base in 4 and 8 bits, through the service, on this machine's CPU."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from folder_models import save_family
from played_trainings import ADAPTER, load, logps, play
from safetensors.torch import load_file
from service_fixtures import World, serve

from scpo.v1 import trainer_pb2

pytest.importorskip("bitsandbytes", reason="pip install bitsandbytes runs these")
pytest_plugins = ["service_fixtures"]

TRAINING: dict[str, Any] = {"bf16": False, "gradient_checkpointing": True, "optim": "adamw_torch", "max_length": 64}
WIDE = {"hidden_size": 64, "intermediate_size": 128}
BITS = ["load_in_4bit", "load_in_8bit"]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, make_pairs: Callable[..., Any]
) -> Iterator[World]:
    root = tmp_path_factory.mktemp("quantised")
    with serve(root, model_folder, make_pairs) as world, pytest.MonkeyPatch.context() as patch:
        for sizes in (tiny_models._TEXT, tiny_models._TOWER):
            for name, value in WIDE.items():
                patch.setitem(sizes, name, value)
        save_family("llava-1.5", root / "wide")
        yield world


@pytest.mark.parametrize("bits", BITS)
def test_an_adapter_learns_on_a_base_that_stays(served: World, bits: str) -> None:
    base, out = served.root / "wide", served.root / bits
    settings = {**ADAPTER, bits: True}
    load(served, base)
    exact = logps(served)
    load(served, base, settings)
    before = logps(served)
    # It is quantised, and still the same model.
    assert not torch.equal(before, exact)
    torch.testing.assert_close(before, exact, atol=8.0, rtol=0.3)
    played = play(served, {**TRAINING, **settings}, directory=out)
    assert all(torch.isfinite(torch.tensor(report.loss)) for report in played.reports.values())
    assert len({report.loss for report in played.reports.values()}) == 3
    trained = logps(served)
    assert (trained - before).abs().max() > 0.1

    # A base that moved with it would not give the same again when it is read anew.
    saved = Path(played.models["end"].path)
    load(served, saved, settings)
    torch.testing.assert_close(logps(served), trained, atol=1e-4, rtol=1e-5)
    adapter = load_file(saved / "adapter_model.safetensors")
    assert all("lora_" in name for name in adapter)
    assert {value.dtype for value in adapter.values()} == {torch.float32}
    assert any(bool(value.any()) for name, value in adapter.items() if "lora_B" in name)


@pytest.mark.parametrize("bits", BITS)
def test_merged_it_is_the_whole_base_and_the_adapter_alone(served: World, bits: str) -> None:
    base, merged, alone = (served.root / name for name in ("wide", f"{bits}-merged", f"{bits}-alone"))
    settings = {**ADAPTER, bits: True}
    load(served, base, settings)
    play(served, {**TRAINING, **settings})
    served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(merged)))
    served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(alone), adapter=True))
    adapter = load_file(alone / "adapter_model.safetensors")
    scale = ADAPTER["lora_alpha"] / ADAPTER["lora_r"]
    whole, found = load_file(base / "model.safetensors"), load_file(merged / "model.safetensors")
    assert found.keys() == whole.keys()
    moved = 0
    for name, weight in whole.items():
        path = f"base_model.model.{name.removesuffix('.weight')}"
        delta = torch.zeros_like(weight)
        key = next((key for key in adapter if key.endswith(".lora_A.weight") and _same(key, path)), None)
        if key is not None:
            delta = scale * adapter[key.replace("lora_A", "lora_B")] @ adapter[key]
            moved += 1
        torch.testing.assert_close(found[name], weight + delta, atol=1e-6, rtol=1e-6)
    assert moved == len(adapter) // 2 > 0
    assert "quantization_config" not in json.loads((merged / "config.json").read_text())


def _same(key: str, path: str) -> bool:
    """Whether an adapter's weight is for a layer, whose file may leave out or add the wrapping `model`."""
    layer = key.removesuffix(".lora_A.weight").replace("model.", "")
    return layer == path.replace("model.", "")
