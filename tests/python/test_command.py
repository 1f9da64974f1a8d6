"""The command: reading, training, merging, launching."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from transformers import AutoModelForImageTextToText

from scpo_trl import UserError, command, launch

BRIDGE = Path(__file__).parents[2] / "python_bridge"


@pytest.fixture
def model_folder(tmp_path, make_model, processor) -> Path:
    folder = tmp_path / "model"
    make_model().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def pairs_file(tmp_path, make_pairs) -> Path:
    path = tmp_path / "pairs.parquet"
    make_pairs(6).to_parquet(path)
    return path


@pytest.fixture
def words(tmp_path, model_folder, pairs_file) -> list[str]:
    """A command line that trains quietly on the CPU."""
    return [
        *("--model_name_or_path", str(model_folder)),
        *("--dataset_name", str(pairs_file)),
        *("--output_dir", str(tmp_path / "out")),
        *("--per_device_train_batch_size", "2"),
        *("--learning_rate", "1e-2"),
        *("--bf16", "false"),
        *("--gradient_checkpointing", "false"),
        *("--report_to", "none"),
        *("--save_strategy", "no"),
        *("--logging_steps", "1"),
        "--use_cpu",
        "--disable_tqdm",
        "true",
    ]


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    return AutoModelForImageTextToText.from_pretrained(folder).state_dict()


def test_a_file_and_a_line_are_one_configuration_and_the_line_wins(tmp_path) -> None:
    file = tmp_path / "run.yaml"
    settings = {
        "output_dir": str(tmp_path / "out"),
        "loss_type": ["scpo", "sft"],
        "loss_weights": [1.0, 0.5],
        "loss_parameters": {"scpo": {"anchor": 1.0}},
        "stages": 3,
        "learning_rate": 5e-7,
        "use_peft": True,
        "bf16": False,
        # The launcher's, which the same file may hold.
        "num_processes": 2,
    }
    file.write_text(yaml.safe_dump(settings))
    read = command.read_arguments(["--config", str(file), "--learning_rate", "1e-6", "--stage_epochs", "1", "2", "1"])
    assert read.training.loss_type == ["scpo", "sft"]
    assert read.training.loss_weights == [1.0, 0.5]
    assert read.training.loss_parameters == {"scpo": {"anchor": 1.0}}
    assert read.training.stages == 3
    assert read.training.stage_epochs == [1, 2, 1]
    assert read.training.learning_rate == 1e-6
    assert read.model.use_peft


def test_parameters_of_losses_on_the_line_are_json(tmp_path) -> None:
    read = command.read_arguments(
        ["--output_dir", str(tmp_path), "--bf16", "false", "--loss_parameters", json.dumps({"anchor": 0.5})]
    )
    assert read.training.loss_parameters == {"anchor": 0.5}


def test_it_trains_and_leaves_a_model_a_processor_and_a_card(words, tmp_path, model_folder) -> None:
    assert command.main([*words, "--loss_type", "scpo", "--loss_parameters", '{"anchor": 1.0}']) == 0
    out = tmp_path / "out"
    trained, before = state_of(out), state_of(model_folder)
    assert any(not torch.equal(value, before[name]) for name, value in trained.items())
    assert (out / "processor_config.json").is_file()
    card = ModelCard.load(out / "README.md")
    assert {"scpo", "trl"} <= set(card.data.to_dict()["tags"])
    text = card.text
    assert "anchor 1" in text
    assert "2509.24491" in text
    assert "reconstructed" in text
    assert "6 pairs" in text
    assert str(tmp_path) not in card.content


def test_an_adapter_is_merged_into_a_whole_model(words, tmp_path, model_folder) -> None:
    peft = [
        "--use_peft",
        "--merge_adapter",
        "--lora_r",
        "4",
        "--lora_alpha",
        "8",
        "--lora_target_modules",
        "o_proj",
        "down_proj",
    ]
    assert command.main([*words, *peft]) == 0
    out = tmp_path / "out"
    assert (out / "adapter_model.safetensors").is_file()
    merged, base = state_of(out / command.MERGED_FOLDER), state_of(model_folder)
    changed = [name for name, value in merged.items() if not torch.equal(value, base[name])]
    assert changed
    assert {name.split(".")[-2] for name in changed} == {"o_proj", "down_proj"}
    # By hand: W + (alpha / r) B A.
    from safetensors.torch import load_file

    adapter = load_file(out / "adapter_model.safetensors")
    for name in changed:
        stem = name.removesuffix(".weight")
        part = next(key for key in adapter if key.endswith(".lora_A.weight") and stem in key)
        low, high = adapter[part], adapter[part.replace("lora_A", "lora_B")]
        torch.testing.assert_close(merged[name], base[name] + 8 / 4 * high @ low, rtol=1e-5, atol=1e-6)


def test_a_second_data_set_is_evaluated_on(words, tmp_path, make_pairs) -> None:
    held_out = tmp_path / "held-out.parquet"
    make_pairs(4, seed=5).to_parquet(held_out)
    evaluating = ["--eval_strategy", "steps", "--eval_steps", "2", "--dataset_test_name", str(held_out)]
    trainer = command.train(command.read_arguments([*words, *evaluating]))
    assert any("eval_loss" in entry for entry in trainer.state.log_history)


@pytest.mark.parametrize("form", ["parquet", "jsonl", "saved", "splits"])
def test_data_sets_by_path(form, tmp_path, make_pairs) -> None:
    from datasets import DatasetDict

    pairs = make_pairs(3)
    if form == "parquet":
        path = tmp_path / "pairs.parquet"
        pairs.to_parquet(path)
    elif form == "jsonl":
        path = tmp_path / "pairs.jsonl"
        pairs.remove_columns(["images", "rejected_images"]).to_json(path)
    elif form == "saved":
        path = tmp_path / "pairs"
        pairs.save_to_disk(path)
    else:
        path = tmp_path / "pairs"
        DatasetDict({"train": pairs, "test": pairs}).save_to_disk(path)
    loaded = command.load_pairs(str(path))
    assert list(loaded["train"]["chosen"]) == list(pairs["chosen"])
    assert ("test" in loaded) == (form == "splits")


def said_by(words: list[str], capsys) -> str:
    """The one line on the standard error output of a command that must fail."""
    assert launch.main(words) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trl-scpo: ")]
    assert len(lines) == 1
    return lines[0]


def test_mistakes_get_one_line(words, tmp_path, capsys) -> None:
    assert "--learning-rat" in said_by([*words, "--learning-rats", "1"], capsys)
    assert "--merge_adapter" in said_by([*words, "--merge_adapter"], capsys)
    evaluating = ["--eval_strategy", "steps", "--eval_steps", "1"]
    assert "'validation'" in said_by([*words, *evaluating, "--dataset_test_split", "validation"], capsys)
    assert "no data set" in said_by([*words[:2], *words[4:]], capsys)
    assert "nothing.yaml" in said_by(["--config", str(tmp_path / "nothing.yaml")], capsys)
    assert "unknown loss 'spco'" in said_by([*words, "--loss_type", "spco"], capsys)
    assert "expected a file or one of ddp" in said_by([*words, "--accelerate_config", "zero9"], capsys)
    file = tmp_path / "run.yaml"
    file.write_text("lerning_rate: 1\n")
    assert "--lerning_rate" in said_by([*words, "--config", str(file)], capsys)


def test_the_launchers_options_are_parted_from_the_trainings(tmp_path, words) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("num_processes: 2\nmain_process_port: 29511\n")
    launching, training = launch.split_words(
        ["--config", str(file), *words, "--accelerate_config", "zero3", "--num_machines", "1"]
    )
    assert training == ["--config", str(file), *words]
    configuration = launching[launching.index("--config_file") + 1]
    assert Path(configuration) == BRIDGE / "scpo_trl" / "accelerate_configs" / "zero3.yaml"
    rest = [word for word in launching if word not in ("--config_file", configuration)]
    assert rest == ["--num_processes", "2", "--main_process_port", "29511", "--num_machines", "1"]


@pytest.mark.parametrize(("name", "kind"), [("ddp", "MULTI_GPU"), ("fsdp", "FSDP"), ("zero3", "DEEPSPEED")])
def test_shipped_configurations_are_ones_that_accelerate_reads(name, kind) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read: Any = load_config_from_file(str(launch.configuration_file(name)))
    assert getattr(read.distributed_type, "value", read.distributed_type) == kind
    assert read.num_processes == 8


def test_trls_own_configurations_stay_available() -> None:
    assert launch.configuration_file("zero2").is_file()


def test_several_processes_go_through_accelerate(monkeypatch, words) -> None:
    launched = []
    monkeypatch.setattr("accelerate.commands.launch.launch_command", launched.append)
    assert launch.main([*words, "--num_processes", "2"]) == 0
    (arguments,) = launched
    assert arguments.module
    assert arguments.training_script == "scpo_trl"
    assert arguments.num_processes == 2
    assert arguments.training_script_args == words


def test_the_program_is_installed_under_its_name() -> None:
    scripts = tomllib.loads((BRIDGE / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"trl-scpo": "scpo_trl.launch:main"}
    module, function = scripts["trl-scpo"].split(":")
    assert callable(getattr(sys.modules[module], function))


def test_no_model_is_a_mistake(words) -> None:
    without = words[2:]
    with pytest.raises(UserError, match="set --model_name_or_path"):
        command.train(command.read_arguments(without))


def test_two_processes_train_through_the_shipped_configuration(words, tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.setenv("PYTHONPATH", str(BRIDGE))
    launching = ["--accelerate_config", "ddp", "--num_processes", "2", "--main_process_port", "0"]
    assert launch.main([*words, *launching]) == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert "2 processes" in card
    # The same mistake in every process is one line.
    assert launch.main([*words, *launching, "--loss_type", "spco"]) == 2
    assert capfd.readouterr().err.count("trl-scpo: unknown loss 'spco'") == 1


def test_a_training_goes_on_from_a_checkpoint(words, tmp_path) -> None:
    def losses(*further: str) -> list[float]:
        saving = ["--save_strategy", "steps", "--save_steps", "1"]
        trainer = command.train(command.read_arguments([*words, *saving, *further]))
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]

    whole = losses()
    assert len(whole) == 3
    for later in (2, 3):
        shutil.rmtree(tmp_path / "out" / f"checkpoint-{later}")
    assert losses("--resume_from_checkpoint", "true") == whole
    assert losses("--resume_from_checkpoint", str(tmp_path / "out" / "checkpoint-1")) == whole
