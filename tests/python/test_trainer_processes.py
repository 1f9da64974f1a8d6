"""Two processes do what one does: DDP and FSDP over gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import QUIET

SCRIPT = Path(__file__).with_name("processes.py")
SETTINGS = {**QUIET, "lr_scheduler_type": "cosine", "frozen_prefixes": ["model.vision_tower"]}


def start(
    folder: Path, processes: int, variables: dict[str, str] | None = None, **settings: Any
) -> subprocess.CompletedProcess[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({**SETTINGS, "output_dir": str(folder / "out"), **settings}))
    script = [str(SCRIPT), str(folder / "settings.json"), str(folder / "result.json")]
    command = [sys.executable, *script]
    if processes > 1:
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node",
            str(processes),
            *script,
        ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", **(variables or {})}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


def run(folder: Path, processes: int, variables: dict[str, str] | None = None, **settings: Any) -> dict[str, Any]:
    done = start(folder, processes, variables, **settings)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return json.loads((folder / "result.json").read_text())


def same_log(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert len(one["log"]) == len(two["log"]) > 0
    for mine, other in zip(one["log"], two["log"], strict=True):
        assert set(mine) == set(other)
        for name, value in mine.items():
            # Two processes pad their batches differently, so the last digits differ.
            assert other[name] == pytest.approx(value, abs=2e-4, rel=1e-4), (mine["step"], name)


def test_two_processes_equal_one(tmp_path: Path) -> None:
    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "evaluate": True}
    one = run(tmp_path / "one", 1, **{**settings, "per_device_train_batch_size": 4}, per_device_eval_batch_size=4)
    two = run(tmp_path / "two", 2, **settings, per_device_eval_batch_size=2)
    assert (one["processes"], two["processes"]) == (1, 2)
    same_log(one, two)
    for name, value in one["evaluation"].items():
        if not any(word in name for word in ("runtime", "per_second")):
            assert two["evaluation"][name] == pytest.approx(value, abs=2e-4, rel=1e-4), name
    assert one["held_out"]["pairs"] == 5
    assert two["held_out"] == pytest.approx(one["held_out"], abs=2e-4, rel=1e-4)


def test_two_processes_with_a_live_reference_resume(tmp_path: Path) -> None:
    settings = {
        "per_device_train_batch_size": 1,
        "lora": True,
        "reference_mode": "live",
        "reference_update": "steps",
        "reference_update_steps": 2,
        "reference_alpha": 0.6,
        "save_strategy": "steps",
        "save_steps": 3,
        "learning_rate": 5e-2,
        "frozen_prefixes": [],
    }
    whole = run(tmp_path / "whole", 2, **settings)
    resumed = run(tmp_path / "resumed", 2, **settings, resume=str(tmp_path / "whole" / "out" / "checkpoint-3"))
    assert [entry["loss"] for entry in resumed["log"]] == [entry["loss"] for entry in whole["log"]]
    assert resumed["weights"] == whole["weights"]


# What `accelerate launch --use_fsdp` sets; it does not offer FSDP without an accelerator.
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT",
}


@pytest.mark.parametrize(
    ("reference", "layers"),
    [
        # The tower's layers too: all processes must run them together, whichever of them has an image's features.
        ({}, {"FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer,CLIPEncoderLayer"}),
        (
            {
                "reference_mode": "live",
                "reference_update": "steps",
                "reference_update_steps": 2,
                "reference_alpha": 0.6,
            },
            {},
        ),
    ],
    ids=["table", "live"],
)
def test_fsdp_on_two_processes(tmp_path: Path, reference: dict[str, Any], layers: dict[str, str]) -> None:
    fsdp = {**FSDP, **layers}
    settings = {"per_device_train_batch_size": 1, "save_strategy": "steps", "save_steps": 3, **reference}
    one = run(tmp_path / "one", 1, **{**settings, "per_device_train_batch_size": 2})
    sharded = run(tmp_path / "sharded", 2, fsdp, **settings)
    assert "FSDP" in sharded["kind"]
    same_log(one, sharded)
    resumed = run(tmp_path / "resumed", 2, fsdp, **settings, resume=str(tmp_path / "sharded" / "out" / "checkpoint-3"))
    assert [entry["loss"] for entry in resumed["log"]] == [entry["loss"] for entry in sharded["log"]]


def deepspeed(folder: Path, stage: int) -> dict[str, str]:
    """What `accelerate launch --use_deepspeed` sets; with ACCELERATE_USE_CPU accelerate takes plain DDP instead."""
    sizes = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    zero: dict[str, Any] = {"stage": stage}
    if stage == 3:
        # Parameters as small as these tests' stay whole by default.
        zero |= {"stage3_param_persistence_threshold": 0, "stage3_gather_16bit_weights_on_model_save": True}
    config = folder / "deepspeed.json"
    config.write_text(
        json.dumps({**dict.fromkeys(sizes, "auto"), "zero_optimization": zero, "zero_allow_untested_optimizer": True})
    )
    return {
        "ACCELERATE_USE_DEEPSPEED": "true",
        "ACCELERATE_DEEPSPEED_CONFIG_FILE": str(config),
        "ACCELERATE_TORCH_DEVICE": "cpu",
        "ACCELERATE_USE_CPU": "false",
        "DS_ACCELERATOR": "cpu",
    }


# accelerate knows the processes of a CPU by their backend alone.
ON_GLOO = {"use_cpu": False, "ddp_backend": "gloo"}
SOFTLY = {"reference_mode": "live", "reference_update": "steps", "reference_update_steps": 2, "reference_alpha": 0.6}
needs_deepspeed = pytest.mark.skipif(find_spec("deepspeed") is None, reason="pip install 'scpo-trl[deepspeed]'")


@needs_deepspeed
@pytest.mark.parametrize(
    ("stage", "reference"), [(2, {}), (2, SOFTLY), (3, {})], ids=["zero-2", "zero-2-live", "zero-3"]
)
def test_deepspeed_on_two_processes(tmp_path: Path, stage: int, reference: dict[str, Any]) -> None:
    settings = {"per_device_train_batch_size": 1, "save_strategy": "steps", "save_steps": 3, **reference}
    one = run(tmp_path / "one", 1, **{**settings, "per_device_train_batch_size": 2})
    sharded = run(tmp_path / "sharded", 2, deepspeed(tmp_path, stage), **settings, **ON_GLOO)
    assert "DEEPSPEED" in sharded["kind"]
    same_log(one, sharded)
    checkpoint = str(tmp_path / "sharded" / "out" / "checkpoint-3")
    resumed = run(tmp_path / "resumed", 2, deepspeed(tmp_path, stage), **settings, **ON_GLOO, resume=checkpoint)
    assert [entry["loss"] for entry in resumed["log"]] == [entry["loss"] for entry in sharded["log"]]


@needs_deepspeed
def test_zero_3_says_that_it_keeps_no_reference_weights(tmp_path: Path) -> None:
    refused = start(tmp_path, 2, deepspeed(tmp_path, 3), per_device_train_batch_size=1, **SOFTLY, **ON_GLOO)
    assert refused.returncode != 0
    assert "cannot be kept under DeepSpeed ZeRO-3" in refused.stderr
