"""A model stored in sixteen bits is trained through the service as its float32 twin is: on float32 weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from service_fixtures import Dialogue, World, decision, feed, open_stage, start

from scpo.v1 import trainer_pb2

pytest_plugins = ["service_fixtures"]

RATE = 1e-6
SIXTEEN_BITS = [torch.bfloat16, torch.float16]


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@pytest.fixture
def store(world: World, make_model: Callable[..., Any]) -> Callable[..., None]:
    """Puts the model in the served folder, its weights rounded to `rounded` and stored as `stored`."""

    def stored_as(rounded: torch.dtype, stored: torch.dtype) -> None:
        make_model().to(rounded).to(stored).save_pretrained(world.model)

    return stored_as


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for file in folder.glob("*.safetensors") for name, value in load_file(file).items()}


def trained(world: World, name: str, steps: int = 3, **fields: Any) -> tuple[Any, Path, str]:
    """The first answer of a training of some steps, the folder of the model that it leaves, and its hash."""
    world.load()
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world, checkpoint_directory=str(world.root / name), **fields))
    started = dialogue.expect("started")
    pairs = range(2 * steps)
    dialogue.send(open_stage(0, pairs, steps=steps, learning_rate=RATE), feed(pairs, last=True))
    dialogue.expect("stage_opened")
    for step in range(1, steps + 1):
        dialogue.expect("step_report")
        dialogue.send(decision(step, checkpoint="end" if step == steps else "", end_stage=step == steps))
    saved = dialogue.expect("checkpoint_saved")
    dialogue.expect("stage_closed")
    dialogue.close()
    dialogue.expect("ended")
    return started, Path(saved.path), saved.weights_sha256


def moves(world: World, folder: Path) -> torch.Tensor:
    """How far each weight is from where it began."""
    before, after = weights_in(world.model), weights_in(folder)
    assert before.keys() == after.keys()
    return torch.cat([(after[name].double() - before[name].double()).abs().flatten() for name in before])


@pytest.mark.parametrize("dtype", SIXTEEN_BITS, ids=name_of)
def test_as_many_weights_move_as_far_as_in_float32(
    world: World, store: Callable[..., None], dtype: torch.dtype
) -> None:
    store(dtype, torch.float32)
    _, folder, _ = trained(world, "twin", steps=1)
    twin = moves(world, folder)
    store(dtype, dtype)
    started, folder, sha256 = trained(world, "sixteen", steps=1)
    found = moves(world, folder)
    assert (found > 0).double().mean().item() == pytest.approx((twin > 0).double().mean().item(), abs=0.02)
    # The first step of Adam moves a weight by the learning rate, up or down; a float32 weight of 1 is exact to 6e-8.
    assert found.max().item() == pytest.approx(RATE, rel=0.1)
    assert found[found > 0].median().item() == pytest.approx(RATE, rel=0.05)
    assert (started.stored_dtype, started.weights_dtype, started.autocast_dtype) == (
        name_of(dtype),
        "float32",
        "bfloat16",
    )
    assert {value.dtype for value in weights_in(folder).values()} == {torch.float32}
    # Whoever starts from the checkpoint finds the same weights, not rounded ones.
    loaded = world.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(folder)))
    assert loaded.weights_sha256 == sha256


def test_the_policy_computes_in_bfloat16_on_float32_weights(world: World, store: Callable[..., None]) -> None:
    # Equal weights, so that only the arithmetic can differ.
    store(torch.bfloat16, torch.float32)
    hashes = {
        name: trained(world, name, settings=settings)[2]
        for name, settings in (
            ("auto", {}),
            ("float32", {"bf16": False}),
            ("bf16", {"bf16": True}),
        )
    }
    store(torch.bfloat16, torch.bfloat16)
    hashes["stored"] = trained(world, "stored")[2]
    hashes["stored-float32"] = trained(world, "stored-float32", settings={"bf16": False})[2]
    assert hashes["auto"] == hashes["float32"] == hashes["stored-float32"]
    assert hashes["bf16"] == hashes["stored"] != hashes["float32"]


def test_a_model_stored_in_float32_is_trained_in_float32_after_another_was_not(
    world: World, store: Callable[..., None]
) -> None:
    store(torch.float32, torch.float32)
    started, _, before = trained(world, "before")
    assert (started.stored_dtype, started.weights_dtype, started.autocast_dtype) == ("float32", "float32", "")
    trained(world, "between", settings={"bf16": True})
    assert trained(world, "after")[2] == before


def test_a_second_training_of_the_loaded_model_is_as_the_first(world: World, store: Callable[..., None]) -> None:
    store(torch.bfloat16, torch.bfloat16)
    world.load()
    for _ in range(2):
        dialogue = Dialogue(world.stub)
        dialogue.send(start(world))
        started = dialogue.expect("started")
        assert (started.stored_dtype, started.autocast_dtype) == ("bfloat16", "bfloat16")
        dialogue.close()
        dialogue.expect("ended")


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_fp16_without_a_gpu_is_refused(world: World) -> None:
    world.load()
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world, settings={"fp16": True}))
    dialogue.refused("start.settings.fp16", "fp16", "CUDA", "bf16")


def test_two_types_at_once_are_refused(world: World) -> None:
    world.load()
    dialogue = Dialogue(world.stub)
    dialogue.send(start(world, settings={"bf16": True, "fp16": True}))
    dialogue.refused("start.settings.fp16", "one of the two")
