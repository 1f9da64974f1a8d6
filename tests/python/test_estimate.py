"""Estimated memory against the allocator's own record of real trainings, and against known figures."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.profiler import ProfilerActivity, profile
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

from scpo_trl import SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.estimate.__main__ import answers
from scpo_trl.estimate.answer import Estimator
from scpo_trl.estimate.optimiser_states import Trained, optimiser_states
from scpo_trl.estimate.question import Question
from scpo_trl.estimate.unloaded_model import unloaded_model

CLOSE = 0.1
"""Share by which an estimate may be off; what is promised is 15 %."""
ROWS = 24
LORA = {"use_peft": True, "lora_r": 4, "lora_dropout": 0.0, "lora_target_modules": ["q_proj", "v_proj"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Any], processor: Any) -> Path:
    folder = tmp_path_factory.mktemp("model")
    make_model().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory, make_pairs: Callable[..., Any]) -> tuple[Path, Any]:
    # Of one length, so that every batch of the training is the largest.
    texts = {"chosen": ["a dog and a cat and a cup ."] * ROWS, "rejected": ["a dog and a car and a cup ."] * ROWS}
    rows = make_pairs(ROWS, **texts)
    path = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    rows.to_parquet(path)
    return path, rows


def measured_peak(model: Any, trainer: SCPOTrainer) -> int:
    """Bytes of the model and of what the allocator handed out above it during a training."""
    # What an earlier training left would be freed while this one is recorded.
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        trainer.train()
    held = peak = 0
    events: Any = recorded.profiler
    for event in sorted(
        (event for event in events.kineto_results.events() if event.name() == "[memory]"),
        key=lambda event: event.start_ns(),
    ):
        held += event.nbytes()
        peak = max(peak, held)
    return peak + sum(value.numel() * value.element_size() for value in (*model.parameters(), *model.buffers()))


CASES: dict[str, dict[str, Any]] = {
    "all weights": {},
    "all weights, 1 pair": {"batch": 1},
    "all weights, 1 pair four times": {"batch": 1, "accumulation": 4},
    "all weights, checkpointed": {"settings": {"gradient_checkpointing": True}},
    "all weights, bfloat16": {"settings": {"bf16": True}},
    "all weights, bfloat16, checkpointed": {"settings": {"bf16": True, "gradient_checkpointing": True}},
    "frozen tower": {"settings": {"frozen_prefixes": ["model.vision_tower"]}},
    "no savings": {"settings": {"savings_off": ["trim_logits", "shared_prefix", "encode_once", "causal_kernel"]}},
    "adapter": {"settings": LORA},
    "adapter, 1 pair": {"settings": LORA, "batch": 1},
    "adapter, checkpointed": {"settings": {**LORA, "gradient_checkpointing": True}},
}


@pytest.mark.parametrize("case", CASES)
def test_memory_is_what_the_allocator_records(
    case: str, folder: Path, pairs: tuple[Path, Any], make_model: Any, processor: Any, make_config: Any
) -> None:
    batch, accumulation = CASES[case].get("batch", 4), CASES[case].get("accumulation", 1)
    settings = CASES[case].get("settings", {})
    question = Question(
        str(folder),
        str(pairs[0]),
        settings=settings,
        batch_size=batch,
        accumulation=accumulation,
        gpu=False,
        work=False,
    )
    estimated = Estimator().answer(question)["memory"]

    model = make_model()
    if "use_peft" in settings:
        model = get_peft_model(model, LoraConfig(r=4, target_modules=LORA["lora_target_modules"]))
    given = {name: value for name, value in settings.items() if name not in LORA}
    config = make_config(
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulation,
        max_steps=3,
        feature_cache_gb=0.0,
        **{"gradient_checkpointing": False, **given},
    )
    trainer = SCPOTrainer(model=model, args=config, train_dataset=pairs[1], processing_class=processor)
    measured = measured_peak(model, trainer)
    total = estimated["total"] - estimated["parts"].get("feature cache", 0)
    assert total == pytest.approx(measured, rel=CLOSE), estimated


def test_the_feature_cache_takes_what_it_holds_in_the_end(
    folder: Path, pairs: tuple[Path, Any], make_model: Any, processor: Any, make_config: Any
) -> None:
    settings = {"frozen_prefixes": ["model.vision_tower"]}
    question = Question(str(folder), str(pairs[0]), settings=settings, batch_size=4, gpu=False, work=False)
    estimated = Estimator().answer(question)["memory"]["parts"]["feature cache"]

    trainer = SCPOTrainer(
        model=make_model(), args=make_config(**settings), train_dataset=pairs[1], processing_class=processor
    )
    trainer.train()
    tower: Any = trainer._tower
    assert estimated == tower._cache.held_bytes


def llava_7b() -> LlavaConfig:
    """The published shape of LLaVA-1.5-7B."""
    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=24,
            num_attention_heads=16,
            image_size=336,
            patch_size=14,
            projection_dim=768,
        ),
        text_config=LlamaConfig(vocab_size=32064),
        image_token_index=4,
        vision_feature_layer=-2,
        image_seq_length=576,
        dtype="float16",
    )


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory: pytest.TempPathFactory, processor: Any) -> Path:
    folder = tmp_path_factory.mktemp("large")
    llava_7b().save_pretrained(folder)
    processor.save_pretrained(folder)
    # The small processor's words with the large model's images.
    images: Any = json.loads((folder / "processor_config.json").read_text())
    images["image_processor"].update(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336})
    images["patch_size"] = 14
    (folder / "processor_config.json").write_text(json.dumps(images))
    return folder


def test_a_model_has_the_published_number_of_parameters() -> None:
    # Sum over the shapes in the published files of llava-hf/llava-1.5-7b-hf.
    assert sum(p.numel() for p in unloaded_model(llava_7b(), torch.bfloat16, None).parameters()) == 7_063_427_072


def test_all_weights_of_7_billion_take_16_bytes_each(large_folder: Path, pairs: tuple[Path, Any]) -> None:
    answer = Estimator().answer(Question(str(large_folder), str(pairs[0]), batch_size=1))
    parts = answer["memory"]["parts"]
    assert answer["model"]["parameters"] == answer["model"]["trained"] == 7_063_427_072
    assert answer["model"]["weights_dtype"] == "float32"
    assert answer["model"]["autocast_dtype"] == "bfloat16"
    # Mixed precision: a float32 weight, and AdamW's two means of its gradient.
    assert parts["weights"] == pytest.approx(4 * 7_063_427_072, rel=1e-4)
    assert parts["optimiser"] == 8 * 7_063_427_072
    # A product is two operations a weight and token, and its gradients are two products; checkpointing makes it four.
    tokens = 2 * answer["tokens"]["longest"]
    assert answer["work"]["pass"] == pytest.approx(8 * 6_607e6 * tokens, rel=0.15)


def test_four_bits_take_what_their_paper_says(large_folder: Path, pairs: tuple[Path, Any]) -> None:
    # QLoRA, arXiv 2305.14314, section 3: a scale takes 0.5 bits of a weight, quantised itself 0.127.
    def weights(**settings: Any) -> int:
        asked = {"use_peft": True, "lora_r": 1, "lora_target_modules": ["q_proj", "v_proj"], **settings}
        question = Question(str(large_folder), str(pairs[0]), settings=asked, batch_size=1, work=False)
        return Estimator().answer(question)["memory"]["parts"]["weights"]

    plain, nested = weights(load_in_4bit=True), weights(load_in_4bit=True, use_bnb_nested_quant=True)
    layers = 4096 * (4 * 4096 + 3 * 11008) * 32
    assert (plain - nested) * 8 / layers == pytest.approx(0.5 - 0.127, rel=0.06)
    assert weights() / plain == pytest.approx(16 / 4.5, rel=0.1)


def test_states_of_an_optimiser_follow_its_name() -> None:
    weights = [Trained((1000, 1000), 4)]
    assert optimiser_states("adamw_torch_fused", weights, gpu=True).device == 8_000_000
    assert optimiser_states("sgd", weights, gpu=True).device == 0
    assert optimiser_states("adamw_8bit", weights, gpu=True).device == pytest.approx(2_000_000, rel=0.02)
    assert optimiser_states("adafactor", weights, gpu=True).device == 8_000
    paged = optimiser_states("paged_adamw_32bit", weights, gpu=True)
    assert (paged.device, paged.host) == (0, 8_000_000)
    with pytest.raises(UserError, match="what lomo remembers is not known"):
        optimiser_states("lomo", weights, gpu=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "/nowhere"}, "model: /nowhere has no configuration"),
        ({"pairs": "/nowhere.parquet"}, "data.pairs: /nowhere.parquet cannot be read"),
        ({"settings": {"optim": "lomo"}}, "training.optim: what lomo remembers is not known"),
        ({"settings": {"load_in_4bit": True}}, "a quantised model trains with an adapter alone: set use_peft"),
        ({"settings": {"frozen_prefixes": ["x"]}}, "no parameter's name starts with 'x'"),
        ({"losses": [[{"name": "nothing"}]]}, "nothing"),
    ],
)
def test_what_cannot_be_counted_is_said_in_one_line(
    change: dict[str, Any], words: str, folder: Path, pairs: tuple[Path, Any]
) -> None:
    asked = {"model": str(folder), "pairs": str(pairs[0]), "gpu": False, "work": False, **change}
    (answer,) = answers(json.dumps(asked))
    assert words in answer["error"]
    assert "\n" not in answer["error"]


def test_a_change_is_counted_beside_the_question(folder: Path, pairs: tuple[Path, Any]) -> None:
    changes = [{"settings": {"gradient_checkpointing": True}}, {"settings": {"optim": "lomo"}}, {"batch_size": 1}]
    asked = {"model": str(folder), "pairs": str(pairs[0]), "batch_size": 4, "gpu": False, "changes": changes}
    whole, checkpointed, unknown, single = answers(json.dumps(asked))
    assert checkpointed["memory"]["total"] < whole["memory"]["total"]
    assert single["memory"]["total"] < whole["memory"]["total"]
    assert "lomo" in unknown["error"]


def test_shared_weights_take_their_share(folder: Path, pairs: tuple[Path, Any]) -> None:
    question = Question(str(folder), str(pairs[0]), gpu=False, work=False)
    whole = Estimator().answer(question)["memory"]["parts"]
    shared = Estimator().answer(question.changed({"shards": 4, "processes": 4}))["memory"]["parts"]
    assert shared["optimiser"] == whole["optimiser"] / 4
    assert shared["weights"] == pytest.approx(whole["weights"] / 4, abs=1)
