"""The reference in its modes: tabled or live, for the whole model, for adapters, for several adapters."""

from __future__ import annotations

import math
import os
from typing import Any, cast

import pytest
import torch
from peft import LoraConfig, get_peft_model

from scpo_trl import SCPOTrainer
from scpo_trl.trainer.model.weights import blend_weights, copy_weights, weights_swapped

LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]}


def lora_model(model: Any, adapters: int = 1, *, trained: bool = False) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = get_peft_model(model, LoraConfig(**LORA, init_lora_weights=not trained))
        for number in range(1, adapters):
            model.add_adapter(f"further-{number}", LoraConfig(**LORA, init_lora_weights=False))
    return model


@pytest.fixture
def train(make_model, make_config, make_pairs, processor):
    def run(kind: str = "full", **settings: Any) -> SCPOTrainer:
        model: Any = make_model()
        further: dict[str, Any] = {}
        if kind == "new adapter":
            further["peft_config"] = LoraConfig(**LORA)
        elif kind == "trained adapter":
            model = lora_model(model, trained=True)
        elif kind == "several adapters":
            model = lora_model(model, adapters=3, trained=True)
        with torch.random.fork_rng():
            torch.manual_seed(11)
            trainer = SCPOTrainer(
                model=model,
                args=make_config(**{"learning_rate": 1e-2 if kind == "full" else 5e-2, **settings}),
                train_dataset=make_pairs(),
                processing_class=processor,
                **further,
            )
        trainer.train()
        return trainer

    return run


def logged(trainer: SCPOTrainer, name: str) -> list[float]:
    return [entry[name] for entry in trainer.state.log_history if "loss" in entry]


KINDS = ["full", "new adapter", "trained adapter", "several adapters"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [
        {"reference_update": "stage"},
        {"reference_update": "fixed"},
        {"reference_update": "steps", "reference_update_steps": 2, "reference_alpha": 0.6},
        {"reference_update": "steps", "reference_update_steps": 3},
    ],
    ids=["stage", "fixed", "soft", "hard"],
)
def test_a_live_reference_says_what_the_table_says(train, kind: str, settings: dict[str, Any]) -> None:
    table, live = train(kind, **settings), train(kind, reference_mode="live", **settings)
    assert logged(live, "loss") == pytest.approx(logged(table, "loss"), abs=2e-5)
    assert logged(live, "kl/reference") == pytest.approx(logged(table, "kl/reference"), abs=1e-3)
    # Drift from the initial model is known however the reference moves.
    assert all(drift > 1e-6 for drift in logged(live, "kl/initial")[1:])
    assert logged(live, "kl/initial")[0] == pytest.approx(0, abs=1e-9)
    moved = {"stage": [2, 4], "fixed": [], "steps": [3] if settings.get("reference_alpha", 1) == 1 else []}
    for step in moved[settings["reference_update"]]:
        assert logged(table, "kl/reference")[step] == pytest.approx(0, abs=1e-9)
        assert logged(live, "loss")[step] == pytest.approx(4 * math.log(2), abs=1e-5)


def test_the_reference_of_a_new_adapter_is_the_model_without_it(train, make_pairs) -> None:
    trainer = train("new adapter", reference_update="fixed")
    assert trainer.ref_model is None
    assert list(trainer.policy.peft_config) == ["default"]
    pairs = list(range(12))
    initial = trainer._reference.initial
    assert initial is not None
    assert initial.table is not None
    with trainer.policy.disable_adapter():
        plain = trainer.score_pairs(pairs)
    torch.testing.assert_close(initial.table.values[:, :4], plain[:, :4], rtol=0, atol=1e-4)
    assert not torch.allclose(trainer.score_pairs(pairs)[:, :4], plain[:, :4], atol=1e-3)


def test_only_the_adapter_in_use_is_copied(make_model) -> None:
    model = lora_model(make_model(), adapters=2)
    names = list(copy_weights(model))
    assert names
    assert all(".default." in name for name in names)


def test_gradients_are_the_same_after_a_live_reference(make_model, make_config, make_pairs, processor) -> None:
    """The weights that were put aside for the reference's pass are those that the gradient belongs to."""
    gradients = []
    for mode in ("table", "live"):
        trainer = SCPOTrainer(
            model=make_model(),
            args=make_config(reference_mode=mode, reference_update="fixed", max_steps=2, max_grad_norm=0.0),
            train_dataset=make_pairs(),
            processing_class=processor,
        )
        trainer.train()
        gradients.append([entry["grad_norm"] for entry in trainer.state.log_history if "grad_norm" in entry])
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-4)


def test_swapped_weights_come_back_after_an_error(make_model) -> None:
    model = make_model(0)
    before, other = copy_weights(model), copy_weights(make_model(1))
    with pytest.raises(RuntimeError), weights_swapped(model, other):
        raise RuntimeError
    assert all(torch.equal(value, before[name]) for name, value in copy_weights(model).items())


def test_blending_by_hand() -> None:
    blended = blend_weights({"a": torch.tensor([4.0, 0.0])}, {"a": torch.tensor([0.0, 2.0])}, 0.25)
    assert blended["a"].tolist() == [1.0, 1.5]


def test_the_tables_batches_are_made_as_those_of_the_training(make_model, make_config, make_pairs, processor) -> None:
    """By the loader's processes, with the same numbers; the last batch may be smaller."""
    tables = []
    for workers in (0, 1):
        trainer = SCPOTrainer(
            model=make_model(),
            args=make_config(dataloader_num_workers=workers, precompute_ref_batch_size=5),
            train_dataset=make_pairs(),
            processing_class=processor,
        )
        tables.append(trainer.score_pairs([*range(11, -1, -1)])[:, :4])
        collate = trainer.data_collator
        cast(Any, trainer).data_collator = lambda rows, collate=collate: {**collate(rows), "made_by": os.getpid()}
        batches = list(trainer._shared_batches(range(12), ("ww",)))
        assert [count for count, _ in batches] == [5, 5, 2]
        assert all((batch["made_by"] == os.getpid()) == (workers == 0) for _, batch in batches)
    assert torch.equal(*tables)
