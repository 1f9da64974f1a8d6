"""Adapters through the service: trained as by `SCPOTrainer`, saved, resumed, loaded, merged; what is refused."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from folder_models import FAMILIES, save_family
from played_trainings import ADAPTER, SEED, answers, load, logps, play, trl_door
from safetensors.torch import load_file
from service_fixtures import Dialogue, World, objective, open_stage, refused, serve, start
from transformers import set_seed
from trl import ModelConfig, get_peft_config

from scpo.v1 import trainer_pb2
from scpo_trl import SCPOTrainer

pytest_plugins = ["service_fixtures"]

TRAINING: dict[str, Any] = {
    "bf16": False,
    "gradient_checkpointing": True,
    "beta": 0.2,
    "weight_decay": 0.01,
    "optim": "adamw_torch",
    "max_length": 64,
}


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, make_pairs: Callable[..., Any]
) -> Iterator[World]:
    """One service for this file; the families' folders lie under its root."""
    root = tmp_path_factory.mktemp("served")
    with serve(root, model_folder, make_pairs) as world:
        for name in FAMILIES:
            save_family(name, root / name)
        yield world


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return request.param


def test_each_step_is_that_of_the_trl_door(served: World, family: str, make_pairs: Any, tmp_path: Path) -> None:
    """A mixture on LoRA with gradient checkpointing, without and with the reference moving."""
    load(served, served.root / family, ADAPTER)
    found = play(served, {**TRAINING, **ADAPTER})
    model, processor = FAMILIES[family]()
    set_seed(SEED)
    rows = make_pairs().remove_columns("stage").select(range(6))
    trainer = SCPOTrainer(
        model=model,
        args=trl_door(tmp_path, **TRAINING, max_steps=3),
        train_dataset=rows,
        processing_class=processor,
        peft_config=get_peft_config(ModelConfig(**ADAPTER)),
    )
    trainer.train()
    expected = [line for line in trainer.state.log_history if "loss" in line][:2]
    # The service moves the reference after the first step alone, the other one after each.
    for step, line in enumerate(expected, start=1):
        report = found.reports[step]
        assert report.loss == pytest.approx(line["loss"], rel=1e-5), step
        assert report.grad_norm == pytest.approx(line["grad_norm"], rel=1e-4), step
        for name, value in report.terms.items():
            assert value == pytest.approx(line[f"terms/{name}"], rel=1e-5), (step, name)
    assert {name.split("/")[0] for name in found.reports[1].terms} == {"scpo", "sft"}
    assert found.reports[3].loss != found.reports[1].loss
    assert found.started.trainable_parameters == sum(p.numel() for p in trainer.policy.parameters() if p.requires_grad)


def test_stopped_and_resumed_is_as_if_never_stopped(served: World, family: str, tmp_path_factory: Any) -> None:
    settings = {**TRAINING, **ADAPTER}
    whole, parts = (served.root / f"{family}-{name}" for name in ("whole", "parts"))
    load(served, served.root / family, ADAPTER)
    uninterrupted = play(served, settings, directory=whole)
    load(served, served.root / family, ADAPTER)
    first = play(served, settings, directory=parts, stop_after=2)
    load(served, served.root / family, ADAPTER)
    second = play(served, settings, directory=parts, resume_from=2)
    assert {**first.told(), **second.told()} == uninterrupted.told()
    assert second.models["end"].weights_sha256 == uninterrupted.models["end"].weights_sha256


def test_an_adapters_folder_is_the_model_again(served: World, family: str) -> None:
    base, out = served.root / family, served.root / f"{family}-adapter"
    load(served, base, ADAPTER)
    before = logps(served)
    saved = play(served, {**TRAINING, **ADAPTER}, directory=out).models["end"]
    trained, told = logps(served), answers(served)
    assert (trained - before).abs().max() > 0.1
    folder = Path(saved.path)
    weights = load_file(folder / "adapter_model.safetensors")
    assert not (folder / "model.safetensors").exists()
    assert all("lora_" in name for name in weights)
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)

    loaded = load(served, folder)
    assert loaded.adapter
    assert loaded.weights_sha256 == saved.weights_sha256
    assert torch.equal(logps(served), trained)
    assert answers(served) == told
    # The settings of the run describe this adapter, and may be given again; those of another are refused.
    load(served, folder, ADAPTER)
    refused(lambda: load(served, folder, {**ADAPTER, "lora_r": 8}), "settings.lora_r: found 8", "adapter with 4")

    # It is trained on: its first step begins where the other training ended.
    load(served, folder)
    again = play(served, TRAINING, losses=objective("dpo"))
    assert again.started.trainable_parameters == sum(value.numel() for value in weights.values())
    assert (logps(served) - trained).abs().max() > 1e-3


def test_exported_it_is_one_model_or_an_adapter(served: World, family: str) -> None:
    load(served, served.root / family, ADAPTER)
    play(served, {**TRAINING, **ADAPTER})
    trained = logps(served)
    merged, adapter = (served.root / f"{family}-{name}" for name in ("merged", "alone"))
    whole = served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(merged)))
    alone = served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(adapter), adapter=True))
    assert torch.equal(logps(served), trained)
    loaded = load(served, merged)
    assert not loaded.adapter
    assert loaded.weights_sha256 == whole.weights_sha256
    torch.testing.assert_close(logps(served), trained, atol=2e-4, rtol=1e-5)
    refused(
        lambda: served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(merged) + "2", adapter=True)),
        "adapter: found true for a model without an adapter",
    )
    loaded = load(served, adapter)
    assert loaded.adapter
    assert loaded.weights_sha256 == alone.weights_sha256
    assert torch.equal(logps(served), trained)


@pytest.mark.parametrize(
    "kind",
    [
        {"use_dora": True},
        {"use_rslora": True},
        {"lora_target_modules": "all-linear"},
        {"lora_target_modules": ["v_proj"]},
    ],
    ids=str,
)
def test_kinds_of_lora_come_back_as_they_were(served: World, kind: dict[str, Any]) -> None:
    out = served.root / next(iter(kind))
    settings = {**ADAPTER, **kind}
    load(served, served.root / "llava-1.5", settings)
    saved = play(served, {**TRAINING, **settings}, directory=out).models["end"]
    trained = logps(served)
    load(served, saved.path, settings)
    torch.testing.assert_close(logps(served), trained, atol=1e-5, rtol=1e-6)
    config = json.loads((Path(saved.path) / "adapter_config.json").read_text())
    assert config.get(next(iter(kind))) is True or set(config["target_modules"]) >= (
        {"o_proj"} if kind["lora_target_modules"] == "all-linear" else {"v_proj"}
    )


def test_a_base_in_sixteen_bits_stays_so_under_float32_adapters(served: World) -> None:
    base = served.root / "sixteen"
    save_family("llava-1.5", base, torch.bfloat16)
    load(served, base, ADAPTER)
    played = play(served, {**ADAPTER, "gradient_checkpointing": False}, directory=served.root / "sixteen-out")
    started = played.started
    assert (started.stored_dtype, started.weights_dtype, started.autocast_dtype) == ("bfloat16", "float32", "bfloat16")
    assert {
        value.dtype for value in load_file(Path(played.models["end"].path) / "adapter_model.safetensors").values()
    } == {torch.float32}
    trained = logps(served)
    load(served, played.models["end"].path)
    assert torch.equal(logps(served), trained)
    # Read in float32, as asked for, it computes more finely.
    load(served, played.models["end"].path, {"dtype": "float32"})
    finer = logps(served)
    assert not torch.equal(finer, trained)
    torch.testing.assert_close(finer, trained, atol=1.0, rtol=0.1)


def test_a_training_that_never_began_leaves_no_adapter(served: World) -> None:
    load(served, served.root / "llava-1.5")
    before = logps(served)
    dialogue = Dialogue(served.stub)
    dialogue.send(start(served, {**ADAPTER, "frozen_prefixes": ["nothing"]}))
    dialogue.refused("frozen_prefixes", "'nothing'")
    refused(
        lambda: served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(served.root / "no"), adapter=True)),
        "without an adapter",
    )
    assert torch.equal(logps(served), before)


class TestNamesOnTheHub:
    """Nothing is fetched: the hub's cache on this machine holds what it would."""

    @pytest.fixture
    def cached(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
        folder = tmp_path / "models--tiny--llava" / "snapshots" / "0123abc"
        save_family("llava-1.5", folder)
        (tmp_path / "models--tiny--llava" / "refs").mkdir()
        (tmp_path / "models--tiny--llava" / "refs" / "main").write_text("0123abc")
        return folder

    def test_are_models_like_folders_and_bases_of_adapters(self, served: World, cached: Path) -> None:
        by_name = load(served, "tiny/llava", ADAPTER)
        assert by_name.weights_sha256 == load(served, served.root / "llava-1.5").weights_sha256
        load(served, "tiny/llava", {**ADAPTER, "model_revision": "main"})
        saved = play(served, {**TRAINING, **ADAPTER, "model_revision": "main"}, directory=served.root / "hub").models[
            "end"
        ]
        config = json.loads((Path(saved.path) / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "tiny/llava"
        assert load(served, saved.path).weights_sha256 == saved.weights_sha256
        assert served.stub.Describe(trainer_pb2.DescribeRequest()).model_path == saved.path

    def test_that_cannot_be_reached_are_refused_in_a_line(self, served: World, cached: Path) -> None:
        refused(lambda: load(served, "tiny/other"), "path: tiny/other cannot be fetched from the hub")
        refused(lambda: load(served, "tiny/llava", {"model_revision": "v2"}), "tiny/llava cannot be fetched")

    def test_are_for_the_operator_to_allow_on_a_port(
        self, tmp_path: Path, cached: Path, model_folder: Path, make_pairs: Any
    ) -> None:
        port = {"listen": "127.0.0.1:0"}
        for number, (options, allowed) in enumerate([({}, False), ({"allow_hub": True}, True)]):
            root = tmp_path / f"root-{number}"
            root.mkdir()
            with serve(root, model_folder, make_pairs, **port, **options) as world:
                if allowed:
                    assert load(world, "tiny/llava").parameters > 0
                else:
                    refused(lambda: load(world, "tiny/llava"), "path: found the name tiny/llava", "--allow-hub")
                # A name with a slash would be a kernel that is fetched and run.
                kernel = {"attn_implementation": "somebody/kernel"}
                refused(lambda: load(world, world.model, kernel), "settings.attn_implementation", "--allow-remote-code")  # noqa: B023


class TestRefusedAdapters:
    @pytest.fixture
    def adapter(self, served: World, tmp_path_factory: Any) -> Path:
        """A sound one; a copy that each test spoils."""
        folder = served.root / tmp_path_factory.mktemp("adapter").name
        load(served, served.root / "llava-1.5", ADAPTER)
        play(served, {**TRAINING, **ADAPTER}, steps=1)
        served.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(folder), adapter=True))
        return folder

    def change(self, adapter: Path, **fields: Any) -> None:
        path = adapter / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    def test_name_their_base_within_the_roots(self, served: World, adapter: Path, tmp_path: Path) -> None:
        save_family("llava-1.5", tmp_path / "outside")
        for base, part in (
            (str(tmp_path / "outside"), "roots"),
            (str(served.root / "gone"), "no such folder"),
            ("../llava-1.5", "absolute"),
            (None, "found None"),
            (str(adapter), "holds an adapter itself"),
        ):
            self.change(adapter, base_model_name_or_path=base)
            refused(lambda: load(served, adapter), "base_model_name_or_path", part)
        self.change(adapter, base_model_name_or_path=str(served.root / "qwen2.5-vl"))
        refused(lambda: load(served, adapter), "not those of an adapter of")

    def test_have_weights_in_one_safe_file(self, served: World, adapter: Path) -> None:
        self.change(adapter, megatron_config={}, megatron_core="somewhere.else")
        refused(lambda: load(served, adapter), "megatron_config")
        self.change(adapter, megatron_config=None)
        (adapter / "adapter_model.safetensors").rename(adapter / "other.safetensors")
        (adapter / "adapter_model.bin").write_bytes(b"a pickle")
        refused(lambda: load(served, adapter), "adapter_model.safetensors")


class TestRefusedSettings:
    @pytest.mark.parametrize(
        ("settings", "parts"),
        [
            ({"lora_rank": 4}, ["settings.lora_rank", "did you mean lora_r"]),
            ({"use_peft": "yes"}, ['settings.use_peft: found "yes"', "true or false"]),
            ({"lora_r": 8}, ["settings.lora_r", "no effect without use_peft"]),
            ({"bnb_4bit_quant_type": "nf4"}, ["settings.bnb_4bit_quant_type", "load_in_4bit"]),
            ({"learning_rate": -1}, ["settings.learning_rate: found -1", "above 0"]),
            ({"num_train_epochs": 2}, ["settings.num_train_epochs", "curriculum.epochs"]),
            ({"dtype": "float8"}, ['settings.dtype: found "float8"', "bfloat16"]),
            ({"load_in_4bit": True, "load_in_8bit": True}, ["settings", "8 bit and 4 bit"]),
            ({"model_revision": "v2"}, ["settings.model_revision", "'v2'", "folder"]),
            ({"model_init_kwargs": {"device_map": "auto"}}, ["settings.model_init_kwargs.device_map"]),
            ({"attn_implementation": "nope"}, ["nope"]),
        ],
        ids=str,
    )
    def test_when_a_model_is_loaded(self, served: World, settings: dict[str, Any], parts: list[str]) -> None:
        refused(lambda: load(served, served.root / "llava-1.5", settings), *parts)

    @pytest.mark.parametrize("text", ["[]", "{", '{"beta": NaN}', '{"beta": 1, "beta": 2}', "1"])
    def test_what_is_no_object(self, served: World, text: str) -> None:
        request = trainer_pb2.LoadModelRequest(path=str(served.model), settings=text)
        refused(lambda: served.stub.LoadModel(request), "settings", "expected one object")

    @pytest.mark.parametrize("name", ["load_in_4bit", "load_in_8bit"])
    def test_quantised_without_the_package(self, served: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda found: None)
        refused(lambda: load(served, served.model, {name: True}), f"settings.{name}", "pip install bitsandbytes")

    @pytest.mark.parametrize(
        ("settings", "parts"),
        [
            (
                {"lora_target_modules": ["nothing"], "use_peft": True},
                ["start.settings.use_peft", "lora_target_modules"],
            ),
            ({"dtype": "bfloat16"}, ["start.settings.dtype", "'bfloat16'", "None", "same settings"]),
            ({"deepspeed": "zero3.json"}, ["start.settings.deepspeed", "scpo direct"]),
            ({"optim": "adam"}, ["start.settings.optim", "adamw_torch"]),
            ({"optim": "apollo_adamw"}, ["optim", "adamw_torch"]),
            ({"report_to": "mlflow"}, ["report_to", "mlflow"]),
            ({"max_length": 3}, ["max_length"]),
            ({"feature_cache_dir": "/etc/cache"}, ["start.settings.feature_cache_dir", "roots"]),
        ],
        ids=str,
    )
    def test_when_a_training_begins(self, served: World, settings: dict[str, Any], parts: list[str]) -> None:
        load(served, served.root / "llava-1.5")
        dialogue = Dialogue(served.stub)
        dialogue.send(start(served, settings), open_stage(0, range(2)))
        refused(lambda: [response for response in dialogue.call], *parts)
        assert "started" not in dialogue.seen
