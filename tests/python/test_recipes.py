"""The recipes, against the models they are for at their real size, and in a training of tiny models."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from accelerate import FullyShardedDataParallelPlugin
from folder_models import save_family
from peft import get_peft_model
from published_models import MODELS, PublishedModel
from tiny_models import FAMILIES
from torch.distributed.fsdp.wrap import transformer_auto_wrap_policy
from trl import get_peft_config

from scpo_trl import command
from scpo_trl.trainer.model.freezing import freeze
from scpo_trl.trainer.model.sharded_layers import name_sharded_layers

RECIPES = Path(__file__).parents[2] / "recipes"
LORA = ("lora-24gb", "lora-80gb")


def full_recipe(name: str) -> str:
    return f"full-8x80gb-{'qwen' if name.startswith('qwen') else 'llava'}"


@pytest.fixture(scope="module", params=list(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def published(name: str) -> PublishedModel:
    return MODELS[name]


@pytest.fixture
def model(published: PublishedModel) -> Any:
    return published.build()


def count(model: Any, trained: bool = False) -> int:
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad or not trained)


def read(recipe: str, *words: str) -> command.RunArguments:
    return command.read_arguments(
        ["--config", str(RECIPES / f"{recipe}.yaml"), "--output_dir", "unused", "--use_cpu", *words]
    )


def test_the_models_have_their_published_size(model: Any, published: PublishedModel) -> None:
    assert count(model) == published.parameters


@pytest.mark.parametrize("recipe", LORA)
def test_the_adapter_is_on_every_linear_layer_of_the_language_model(
    recipe: str, model: Any, published: PublishedModel
) -> None:
    settings = read(recipe).model
    with torch.device("meta"):
        adapted = get_peft_model(model, get_peft_config(settings))  # type: ignore[arg-type]
    places = {name.split(".lora_")[0] for name, _ in adapted.named_parameters() if ".lora_" in name}
    text = published.text
    layers, rank = text["num_hidden_layers"], settings.lora_r
    assert len(places) == 7 * layers
    assert all(".language_model.layers." in place for place in places)
    # By hand: a layer of a x b weights gets an adapter of rank (a + b).
    hidden, inner = text["hidden_size"], text["intermediate_size"]
    head = text.get("head_dim", hidden // text["num_attention_heads"])
    queries, keys = text["num_attention_heads"] * head, text["num_key_value_heads"] * head
    attention = 2 * (hidden + queries) + 2 * (hidden + keys)
    assert count(adapted, trained=True) == layers * rank * (attention + 3 * (hidden + inner))
    assert settings.lora_alpha == 2 * settings.lora_r


def tower_weights(name: str, tower: dict[str, Any]) -> int:
    """Weights of what the recipe for all weights freezes, by hand."""
    hidden, inner = tower["hidden_size"], tower["intermediate_size"]
    attention = 4 * (hidden * hidden + hidden)
    if name.startswith("llava"):
        patches = (tower["image_size"] // tower["patch_size"]) ** 2
        layer = attention + 2 * hidden * inner + inner + hidden + 4 * hidden
        embeddings = 3 * tower["patch_size"] ** 2 * hidden + hidden + (patches + 1) * hidden
        return tower["num_hidden_layers"] * layer + embeddings + 4 * hidden
    merged, out = 4 * hidden, tower["out_hidden_size"]
    patch = 3 * tower["temporal_patch_size"] * tower["patch_size"] ** 2 * hidden
    merger = merged * merged + merged + merged * out + out
    if name.startswith("qwen2.5"):
        # RMS norms, and a gated layer with biases.
        layer = attention + 3 * hidden * inner + 2 * inner + hidden + 2 * hidden
        return tower["depth"] * layer + patch + merger + hidden
    layer = attention + 2 * hidden * inner + inner + hidden + 4 * hidden
    deep = len(tower["deepstack_visual_indexes"]) * (merger + 2 * merged)
    positions = tower["num_position_embeddings"] * hidden
    return tower["depth"] * layer + patch + hidden + positions + merger + 2 * hidden + deep


def test_all_weights_but_the_towers_are_trained(name: str, model: Any, published: PublishedModel) -> None:
    whole = count(model)
    settings = read(full_recipe(name))
    freeze(model, settings.training.frozen_prefixes)
    assert count(model, trained=True) == whole - tower_weights(name, published.tower)
    trained = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert {"lm_head.weight", "model.language_model.embed_tokens.weight"} <= trained
    # The projector of LLaVA learns.
    assert ("model.multi_modal_projector.linear_1.weight" in trained) == name.startswith("llava")
    assert not settings.model.use_peft


def test_fsdp_shards_every_layer_of_the_language_model(model: Any, published: PublishedModel) -> None:
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="transformer_based_wrap")
    assert plugin.auto_wrap_policy is transformer_auto_wrap_policy
    name_sharded_layers(model, plugin)
    plugin.set_auto_wrap_policy(model)
    policy: Any = plugin.auto_wrap_policy
    classes = policy.keywords["transformer_layer_cls"]
    in_text = [module for module in model.model.language_model.layers if isinstance(module, tuple(classes))]
    assert len(in_text) == published.text["num_hidden_layers"]
    assert not any(isinstance(module, tuple(classes)) for name, module in model.named_modules() if ".vis" in name)


def test_layers_that_the_user_names_stay(model: Any) -> None:
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, auto_wrap_policy="transformer_based_wrap", transformer_cls_names_to_wrap=["Linear"]
    )
    name_sharded_layers(model, plugin)
    assert plugin.transformer_cls_names_to_wrap == ["Linear"]


def test_an_optimiser_step_has_32_pairs() -> None:
    for recipe, cards in (*((recipe, 1) for recipe in LORA), ("full-8x80gb-llava", 8), ("full-8x80gb-qwen", 8)):
        training = read(recipe).training
        assert training.per_device_train_batch_size * training.gradient_accumulation_steps * cards == 32


def test_every_value_but_switches_has_a_source() -> None:
    switches = {"loss_type", "use_peft", "dtype", "bf16", "gradient_checkpointing", "gradient_checkpointing_kwargs"}
    for path in RECIPES.glob("*.yaml"):
        lines = path.read_text().splitlines()
        for at, line in enumerate(lines):
            setting = line.split(":")[0]
            if not line or line.startswith("#") or setting in switches:
                continue
            assert " # " in line or lines[at - 1].startswith("#"), f"{path.name}: {line}"


# On a CPU bitsandbytes computes with layers of at least 64 columns; these have 32.
CAN_QUANTISE = importlib.util.find_spec("bitsandbytes") is not None and torch.cuda.is_available()


@pytest.mark.parametrize("family", sorted({published.family for published in MODELS.values()}))
@pytest.mark.parametrize("kind", ["lora-24gb", "lora-80gb", "full"])
def test_a_tiny_model_of_the_family_trains(family: str, kind: str, tmp_path: Path, make_pairs: Any) -> None:
    recipe = full_recipe(family) if kind == "full" else kind
    save_family(family, tmp_path / "model")
    make_pairs(6).to_parquet(tmp_path / "pairs.parquet")
    shrunk = ["--gradient_accumulation_steps", "1", "--max_steps", "2"]
    if kind == "lora-24gb" and not CAN_QUANTISE:
        shrunk += ["--load_in_4bit", "false"]
    local = ["--logging_steps", "1", "--report_to", "none", "--save_strategy", "no", "--disable_tqdm", "true"]
    files = ["--model_name_or_path", str(tmp_path / "model"), "--dataset_name", str(tmp_path / "pairs.parquet")]
    arguments = read(recipe, *files, *shrunk, *local)
    arguments.training.output_dir = str(tmp_path / "out")
    trainer = command.train(arguments)
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    trained = {name for name, weights in trainer.policy.named_parameters() if weights.requires_grad}
    if kind == "full":
        prefixes = tuple(yaml.safe_load((RECIPES / f"{recipe}.yaml").read_text())["frozen_prefixes"])
        assert trained == {name for name, _ in trainer.policy.named_parameters() if not name.startswith(prefixes)}
    else:
        # Two layers of seven matrices, with two factors each.
        assert len(trained) == 28
        assert all(".language_model." in name for name in trained)


def test_every_family_has_its_tiny_build() -> None:
    assert {published.family for published in MODELS.values()} <= set(FAMILIES)
