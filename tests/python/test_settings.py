"""The settings of a directed training: a schema of what `trl-scpo` can be told, and who decides about the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from trl import ModelConfig

from scpo_trl import SCPOConfig, UserError
from scpo_trl.command import parser, read_arguments
from scpo_trl.settings.check import require_settings, setting_problems
from scpo_trl.settings.decided import CLIENTS, ELSEWHERE, FOLDERS, NARROWED, elsewhere
from scpo_trl.settings.parsing import parse_training
from scpo_trl.settings.schema import training_schema
from scpo_trl.settings.types import type_schema

ROOT = Path(__file__).parents[2]


def options() -> set[str]:
    return {action.dest for action in parser()._actions} - {"help"}


def test_every_option_is_a_setting_or_decided_elsewhere() -> None:
    properties = training_schema()["properties"]
    assert options() - properties.keys() == set()
    settings = {name for name, schema in properties.items() if "not" not in schema}
    assert settings & elsewhere().keys() == set()
    # What is a setting is an option, so that trl-scpo takes the same file.
    assert settings - options() == set()


def test_tables_name_options_only() -> None:
    former = {"warmup_ratio"}
    assert ELSEWHERE.keys() - former - options() == set()
    settings = options() - elsewhere().keys()
    assert (NARROWED.keys() | FOLDERS | CLIENTS.keys()) - settings == set()


def test_what_clients_may_give_holds_the_default() -> None:
    properties = training_schema()["properties"]
    assert [name for name, values in CLIENTS.items() if properties[name].get("default") not in values] == []


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Newer(SCPOConfig):
    """As a newer TRL may have it."""

    sparkle: float | None = field(default=0.5, metadata={"help": "How much it\n sparkles, 10 %% or more."})
    colour: Colour | str = field(default="blue", metadata={"help": "Its colour."})


def test_an_option_of_a_newer_trl_appears_by_itself() -> None:
    properties = training_schema((Newer, ModelConfig))["properties"]
    assert properties["sparkle"] == {
        "type": ["number", "null"],
        "default": 0.5,
        "description": "How much it sparkles, 10 % or more.",
    }
    assert properties["colour"] == {"enum": ["red", "blue"], "default": "blue", "description": "Its colour."}
    assert "sparkle" not in training_schema()["properties"]
    assert setting_problems({"sparkle": 1.0}) == {"sparkle": "the installed TRL has no such setting"}
    assert setting_problems({"sparkle": 1.0}, (Newer, ModelConfig)) == {}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (float, {"type": "number"}),
        (bool | None, {"type": ["boolean", "null"]}),
        (None | list[int], {"type": ["array", "null"], "items": {"type": "integer"}}),
        (dict[str, Any] | str | None, {"type": ["object", "string", "null"]}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (Colour | str, {"enum": ["red", "blue"]}),
        (Colour | None, {"anyOf": [{"enum": ["red", "blue"]}, {"type": "null"}]}),
        (complex | None, {}),
    ],
)
def test_types(annotation: Any, schema: dict[str, Any]) -> None:
    assert type_schema(annotation) == schema


def test_defaults_are_those_of_the_dataclasses() -> None:
    properties = training_schema()["properties"]
    for name in ("learning_rate", "loss_type", "lora_r", "seed", "beta"):
        source = next(one for one in (SCPOConfig, ModelConfig) if name in {f.name for f in fields(one)})
        made = source(output_dir="out", use_cpu=True, bf16=False) if source is SCPOConfig else source()
        assert properties[name]["default"] == getattr(made, name)


def test_wrong_names_are_refused_with_what_to_do() -> None:
    with pytest.raises(UserError) as caught:
        require_settings({"learning_rat": 1, "max_steps": 3, "lora_r": 4, "truncation_mode": "keep_end"}, "training")
    assert str(caught.value) == (
        "training.learning_rat: the installed TRL has no such setting; did you mean learning_rate?; "
        "training.max_steps: is not set here: curriculum.epochs says how much is trained; "
        "training.truncation_mode: is not set here: it has no effect in SCPOTrainer"
    )
    require_settings({"lora_r": 4, "beta": 0.2})


def test_the_schema_does_not_depend_on_the_process() -> None:
    def printed(**environment: str) -> str:
        command = [sys.executable, "-W", "ignore", "-m", "scpo_trl.settings", "schema"]
        env = {"PYTHONPATH": str(ROOT / "python_bridge"), "PATH": "/usr/bin:/bin", **environment}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    other = printed(PYTHONHASHSEED="7", CUDA_VISIBLE_DEVICES="", ACCELERATE_MIXED_PRECISION="bf16", WANDB_PROJECT="x")
    assert json.loads(other) == training_schema()
    assert list(json.loads(other)["properties"]) == list(training_schema()["properties"])


BLOCK = """
learning_rate: 1.0e-5
lr_scheduler_type: cosine
warmup_steps: 0.1
optim: adamw_torch
per_device_train_batch_size: 2
loss_type: [scpo, sft]
loss_weights: [1, 0.5]
loss_parameters: {scpo: {anchor: 1}}
beta: 0.2
bf16: false
max_length: null
frozen_prefixes: [model.vision_tower]
gradient_checkpointing_kwargs: {use_reentrant: false}
savings_off: [shared_prefix]
use_peft: true
lora_r: 4
lora_target_modules: all-linear
dtype: bfloat16
"""


def test_one_block_is_the_same_training_for_both_parsers(tmp_path: Path) -> None:
    path = tmp_path / "block.yaml"
    path.write_text(BLOCK)
    local = {"output_dir": str(tmp_path / "out"), "use_cpu": True}
    words = [word for name, value in local.items() for word in (f"--{name}", str(value))]
    read = read_arguments(["--config", str(path), *words])
    parsed = parse_training(json.dumps(yaml.safe_load(BLOCK)))
    directed = SCPOConfig(**{**parsed.training, **local})
    # The time of the start is in the name of a folder for logs.
    same = [option.name for option in fields(SCPOConfig) if option.name != "logging_dir"]
    assert {name: getattr(read.training, name) for name in same} == {name: getattr(directed, name) for name in same}
    assert read.training.losses() == directed.losses()
    assert read.model == parsed.model_config()
    assert (read.training.beta, read.model.lora_r, read.model.dtype) == (0.2, 4, "bfloat16")
