"""What is trained: something, and in a type that can hold a step of the learning rate."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from scpo_trl import SCPOTrainer, UserError

LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["o_proj"]}


@pytest.fixture
def make_trainer(make_model, make_pairs, make_config, processor):
    def build(model: Any = None, peft_config: Any = None, **settings: Any) -> SCPOTrainer:
        return SCPOTrainer(
            model=make_model() if model is None else model,
            args=make_config(**settings),
            train_dataset=make_pairs(6),
            processing_class=processor,
            peft_config=peft_config,
        )

    return build


@pytest.fixture
def model_folder(tmp_path, make_model, processor) -> str:
    make_model().save_pretrained(tmp_path / "model")
    processor.save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_an_adapter_that_was_loaded_for_answering_is_refused(make_trainer, make_model, tmp_path) -> None:
    get_peft_model(make_model(), LoraConfig(**LORA)).save_pretrained(tmp_path / "adapter")
    model = PeftModel.from_pretrained(make_model(), tmp_path / "adapter")
    with pytest.raises(UserError, match="is_trainable=True"):
        make_trainer(model)
    make_trainer(PeftModel.from_pretrained(make_model(), tmp_path / "adapter", is_trainable=True))


def test_prefixes_that_freeze_everything_are_refused(make_trainer) -> None:
    with pytest.raises(UserError, match=r"frozen_prefixes.*every parameter is frozen"):
        make_trainer(frozen_prefixes=["model", "lm_head"])


def test_a_model_whose_parameters_were_frozen_is_refused(make_trainer, make_model) -> None:
    with pytest.raises(UserError, match="requires_grad"):
        make_trainer(make_model().requires_grad_(False))


def test_bfloat16_weights_under_a_small_rate_are_warned_of_with_the_share_that_cannot_move(
    make_trainer, make_model
) -> None:
    model = make_model().to(torch.bfloat16)
    # Independent of the code: a step is lost below half the distance to the neighbouring numbers of 8 bits.
    weights = torch.cat([value.detach().double().flatten().abs() for value in model.parameters()])
    spacing = torch.exp2(torch.floor(torch.log2(weights)) - 7)
    # Below a power of 2 the numbers lie twice as close.
    room = torch.where(weights == torch.exp2(torch.floor(torch.log2(weights))), spacing / 4, spacing / 2)
    lost = (weights > 0) & (room > 1e-6)
    with pytest.warns(UserWarning, match="bfloat16") as told:
        make_trainer(model, learning_rate=1e-6)
    text = next(str(one.message) for one in told if "bfloat16" in str(one.message))
    assert f"{100 * lost.double().mean().item():.1f} %" in text
    assert "float32" in text and "bf16" in text and "\n" not in text


@pytest.mark.parametrize("bits", ["float32", "adapter"])
def test_weights_that_can_hold_a_step_are_not_warned_of(make_trainer, make_model, bits: str) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if bits == "adapter":
            make_trainer(make_model().to(torch.bfloat16), LoraConfig(**LORA), learning_rate=1e-6)
        else:
            make_trainer(learning_rate=1e-6, bf16=True)
    assert not [one for one in told if "round" in str(one.message)]


def test_float16_weights_are_refused(make_trainer, make_model) -> None:
    with pytest.raises(UserError, match=r"float16.*float32"):
        make_trainer(make_model().to(torch.float16))


@pytest.mark.parametrize("value", ["bfloat16", torch.bfloat16])
def test_the_former_name_of_dtype_is_heard(make_trainer, make_config, model_folder: str, value: Any) -> None:
    with pytest.warns(UserWarning, match="bfloat16"):
        trainer = make_trainer(model_folder, model_init_kwargs={"torch_dtype": value}, learning_rate=1e-6)
    assert trainer.policy.dtype == torch.bfloat16
    with pytest.raises(UserError, match=r"torch_dtype.*dtype"):
        make_config(model_init_kwargs={"torch_dtype": "bfloat16", "dtype": "float32"})
    with pytest.raises(UserError, match=r"dtype.*'bf16'.*bfloat16"):
        make_config(model_init_kwargs={"dtype": "bf16"})
