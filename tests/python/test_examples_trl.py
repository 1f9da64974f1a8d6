"""The examples run as they stand."""

from __future__ import annotations

import json
import runpy
import shlex
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from trl import DPOTrainer

from scpo_trl import SCPOConfig, SCPOTrainer, launch, registered, unregister
from scpo_trl.losses import loss_names
from scpo_trl.tiny import embedded_model_path

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def on_the_cpu_and_without_traces(monkeypatch, tmp_path) -> Iterator[None]:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    unregister()


@pytest.fixture
def run(monkeypatch) -> Callable[..., dict]:
    """Runs an example as a program, in this process."""

    def call(name: str, *words: str) -> dict:
        monkeypatch.setattr("sys.argv", [name, *words])
        return runpy.run_path(str(EXAMPLES / name), run_name="__main__")

    return call


def losses(trainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_two_names_replaced(run) -> None:
    trainer = run("train_trl.py", "out")["trainer"]
    assert [stage.stage for stage in trainer._director.stages] == [0, 1, 2]
    assert len(losses(trainer)) == 6
    assert Path("out/model.safetensors").is_file()
    assert "anchor 1" in Path("out/README.md").read_text()


def test_pairs_from_a_file(run) -> None:
    run("tiny_pairs.py", "pairs.parquet", "6")
    assert len(losses(run("train_trl.py", "out", "pairs.parquet")["trainer"])) == 3


def test_the_stock_names(run) -> None:
    trainer = run("register_trl.py", "out")["trainer"]
    assert trainer.args.loss_type == ["scpo", "sft"]
    assert isinstance(trainer, DPOTrainer)
    assert losses(trainer)


def test_a_script_with_trls_parser(run) -> None:
    Path("pairs").mkdir()
    run("tiny_pairs.py", "pairs/train.parquet", "12")
    run("tiny_pairs.py", "pairs/test.parquet", "6")
    arguments = (
        f"--config {EXAMPLES}/trl-scpo.yaml --model_name_or_path {embedded_model_path()} --dataset_name pairs "
        "--output_dir out --use_peft --lora_target_modules q_proj v_proj --eval_strategy steps --eval_steps 2"
    )
    trainer = run("script_trl.py", *shlex.split(arguments))["trainer"]
    assert any("eval_loss" in entry for entry in trainer.state.log_history)
    assert Path("out/adapter_model.safetensors").is_file()


def test_the_command(run) -> None:
    run("tiny_pairs.py", "pairs.parquet", "12")
    arguments = (
        f"--config {EXAMPLES}/trl-scpo.yaml --model_name_or_path {embedded_model_path()} --dataset_name pairs.parquet "
        "--output_dir out --stages 2"
    )
    assert launch.main(shlex.split(arguments)) == 0
    assert Path("out/model.safetensors").is_file()
    assert Path("out/README.md").read_text().count("| 6 |") == 2


def test_every_objective_in_one_table(run, capsys) -> None:
    asked = ("dpo", "s-vco", "scpo")
    assert set(asked) <= set(loss_names())
    run("compare_objectives.py", "out", *asked)
    table = [line.split()[0] for line in capsys.readouterr().out.splitlines()[-4:]]
    assert table == ["objective", *asked]


def test_wrong_calls_say_how(run) -> None:
    for name in ("train_trl.py", "register_trl.py", "compare_objectives.py", "tiny_pairs.py", "directed_trl.py"):
        with pytest.raises(SystemExit, match=f"usage: python examples/{name}"):
            run(name)


def test_every_example_is_listed() -> None:
    listing = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.iterdir():
        assert path.name == "README.md" or path.name.startswith("__") or f"]({path.name})" in listing


@pytest.fixture
def script_of_trl(run) -> tuple[str, list[str]]:
    """The training script in TRL's package, and words for it."""
    source = Path(str(resources.files("trl.scripts").joinpath("dpo.py"))).read_text()
    if "AutoModelForCausalLM" in source:
        pytest.skip("this version's script loads language models only")
    Path("pairs").mkdir()
    run("tiny_pairs.py", "pairs/train.parquet", "6")
    words = (
        f"--model_name_or_path {embedded_model_path()} --dataset_name pairs --output_dir out --bf16 false "
        "--per_device_train_batch_size 2 --num_train_epochs 1 --learning_rate 1e-4 --report_to none --logging_steps 1"
    )
    return source, shlex.split(words)


def logged() -> list[float]:
    (checkpoint,) = Path("out").glob("checkpoint-*")
    history = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in history if "terms/textual_mirror" in entry]


def test_trls_own_script_with_two_names_replaced(script_of_trl, monkeypatch) -> None:
    source, words = script_of_trl
    monkeypatch.setattr("trl.SCPOConfig", SCPOConfig, raising=False)
    monkeypatch.setattr("trl.SCPOTrainer", SCPOTrainer, raising=False)
    monkeypatch.setattr("sys.argv", ["dpo.py", *words])
    replaced = source.replace("DPOConfig", "SCPOConfig").replace("DPOTrainer", "SCPOTrainer")
    Path("dpo.py").write_text(replaced)
    runpy.run_path("dpo.py", run_name="__main__")
    assert len(logged()) == 3


def test_trls_own_script_as_it_is_after_register(script_of_trl, monkeypatch) -> None:
    _, words = script_of_trl
    monkeypatch.setattr("sys.argv", ["dpo.py", *words, "--loss_type", "scpo"])
    with registered():
        runpy.run_module("trl.scripts.dpo", run_name="__main__")
    assert len(logged()) == 3
