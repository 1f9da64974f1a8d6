"""Loss and gradients of whole trainings against float64, written from the definitions, for each family of models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tiny_models import FAMILIES
from torch import Tensor
from transformers import TrainerCallback
from unpadded import contrast_rows, unpadded_logp

from scpo_trl import SCPOTrainer

BETA = 0.7
STEPS = 2
COMBINATIONS = ("ww", "lw", "wl", "ll")


def dpo(d: dict[str, Tensor]) -> Tensor:
    return preferred(BETA * (d["ww"] - d["lw"]))


def scpo(d: dict[str, Tensor]) -> Tensor:
    preferences = (("ww", "lw"), ("ww", "wl"), ("ll", "lw"), ("ll", "wl"))
    anchors = preferred(BETA * d["ww"]) + preferred(BETA * d["ll"])
    return sum((preferred(BETA * (d[more] - d[less])) for more, less in preferences), 0.5 * anchors)


def preferred(reward: Tensor) -> Tensor:
    return torch.log1p(torch.exp(-reward))


LOSSES: dict[str, tuple[Callable[[dict[str, Tensor]], Tensor], dict[str, float]]] = {
    "dpo": (dpo, {}),
    "scpo": (scpo, {"beta": BETA, "beta_mirror": BETA, "anchor": 0.5}),
}
LORA = {"target_modules": ["q_proj", "v_proj"], "r": 4, "lora_alpha": 8, "init_lora_weights": False}


class Recording(TrainerCallback):
    """Weights and gradients before each step of the optimiser."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.gradients: list[dict[str, Tensor]] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self.weights.append({name: value.detach().clone() for name, value in model.state_dict().items()})
        self.gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("adapter", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_those_of_the_definition(family: str, adapter: bool, loss: str, make_config) -> None:
    def build() -> Any:
        model = FAMILIES[family]().model
        with torch.random.fork_rng():
            torch.manual_seed(4)
            return get_peft_model(model, LoraConfig(**LORA)) if adapter else model

    rows, processor = contrast_rows(), FAMILIES[family]().processor
    of_definition, parameters = LOSSES[loss]
    recording = Recording()
    trainer = SCPOTrainer(
        model=build(),
        args=make_config(
            loss_type=[loss],
            loss_parameters=parameters,
            beta=BETA,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=2,
            num_train_epochs=STEPS,
            optim="sgd",
            learning_rate=0.02,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            logging_steps=1,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
        callbacks=[recording],
    )
    trainer.train()
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(logged) == len(recording.gradients) == STEPS

    def exact(step: int) -> Any:
        model = build().double().eval()
        model.load_state_dict({name: value.double() for name, value in recording.weights[step].items()})
        return model

    start = exact(0)
    with torch.no_grad():
        reference = [{c: unpadded_logp(start, processor, row, c) for c in COMBINATIONS} for row in rows]
    for step in range(STEPS):
        model = exact(step)
        losses = [
            of_definition({c: unpadded_logp(model, processor, row, c) - known[c] for c in COMBINATIONS})
            for row, known in zip(rows, reference, strict=True)
        ]
        expected = torch.stack(losses).mean()
        expected.backward()
        assert logged[step] == pytest.approx(expected.item(), rel=2e-5)
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        largest = max(gradient.abs().max().item() for gradient in gradients.values())
        assert largest > 1e-3
        for name, gradient in gradients.items():
            # The trainer leaves out what got no gradient at all.
            found = recording.gradients[step].get(name, torch.zeros_like(gradient))
            assert (found.double() - gradient).abs().max().item() < 2e-5 * largest, (step, name)
        assert set(recording.gradients[step]) <= set(gradients)
    # The second step is no longer at the reference.
    assert abs(logged[1] - logged[0]) > 1e-3
