"""TRL's own losses beside TRL's own trainer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from datasets import Dataset
from stock_rows import doubled, rows_of
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForVisionPreference

from scpo_trl import SCPOConfig, SCPOTrainer, UserError, registered
from scpo_trl.losses import LossInput, QuadLogps, WeightedLoss, build_objective, get_loss, loss_names
from scpo_trl.trainer.forward.forward import quad_logps
from scpo_trl.trainer.forward.forward_path import PLAIN
from scpo_trl.trainer.rows.collator import QuadCollator
from scpo_trl.trainer.stock_options import SAME_NAMES

OPTIONS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "hinge": ({}, {}),
    "ipo": ({}, {}),
    "sigmoid_norm": ({}, {}),
    "robust": ({"label_smoothing": 0.2}, {"label_smoothing": 0.2}),
    "exo_pair": ({"label_smoothing": 0.01}, {"label_smoothing": 0.01}),
    "discopop": ({"discopop_tau": 0.3}, {"tau": 0.3}),
    "nca_pair": ({}, {}),
    "bco_pair": ({}, {}),
    "sppo_hard": ({}, {}),
    "apo_zero": ({}, {}),
    "apo_down": ({}, {}),
    "aot": ({"label_smoothing": 0.2}, {"label_smoothing": 0.2}),
    "aot_unpaired": ({"label_smoothing": 0.2}, {"label_smoothing": 0.2}),
}
"""TRL's options of each loss, and the parameters that they are here."""

TEXTS = ["a dog", "an cat and a tree", "ball", "the cup and the car and a dog"]
"""Of different lengths: what is divided by them shows."""


def test_every_loss_that_trl_has_is_here() -> None:
    assert set(OPTIONS) | {"sft"} == SAME_NAMES
    assert set(loss_names()) > SAME_NAMES
    ours = {name for name in loss_names() if ".trl_" in get_loss(name).function.__module__}
    assert ours == set(OPTIONS)


@pytest.fixture
def rows(make_pairs) -> list[dict[str, Any]]:
    pairs = rows_of(make_pairs(), 4)
    return [
        {**row, "chosen": chosen, "rejected": rejected}
        for row, chosen, rejected in zip(pairs, TEXTS, TEXTS[::-1], strict=True)
    ]


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_loss_and_gradient_equal_the_stock_trainers(
    name: str, rows: list[dict[str, Any]], make_model, processor, tmp_path
) -> None:
    model, reference = make_model(0), make_model(1)
    of_trl, parameters = OPTIONS[name]
    stock_rows = doubled(rows)[: len(rows)]
    stock = DPOTrainer(
        model=model,
        ref_model=reference,
        args=DPOConfig(
            output_dir=str(tmp_path),
            beta=0.3,
            loss_type=[name, "sigmoid"],
            loss_weights=[0.75, 0.5],
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=True,
            report_to="none",
            **of_trl,  # type: ignore[arg-type]
        ),
        train_dataset=Dataset.from_list(stock_rows),
        processing_class=processor,
    )
    expected = stock.compute_loss(model, DataCollatorForVisionPreference(processor)(stock_rows))
    expected.backward()
    gradient = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()

    batch = QuadCollator(processor)(rows)
    with torch.no_grad():
        reference_logps = quad_logps(reference, batch, PLAIN)
    inputs = LossInput(quad_logps(model, batch, PLAIN), reference_logps, *batch_tokens(processor, rows))
    objective = build_objective(
        [WeightedLoss(name, {"beta": 0.3, **parameters}, 0.75), WeightedLoss("dpo", {"beta": 0.3}, 0.5)]
    )
    output = objective(inputs)
    output.losses.mean().backward()
    torch.testing.assert_close(output.losses.mean(), expected, rtol=1e-5, atol=1e-5)
    for parameter_name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, gradient[parameter_name], rtol=1e-4, atol=1e-5)


def batch_tokens(processor, rows: list[dict[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of the texts with the end token, counted apart from the collator."""

    def count(side: str) -> torch.Tensor:
        return torch.tensor([len(processor.tokenizer(f"{row[side]} </s>")["input_ids"]) for row in rows])

    return count("chosen"), count("rejected")


def test_the_trainer_takes_all_in_one_mixture(make_model, make_config, make_pairs, processor) -> None:
    names = sorted(OPTIONS)
    settings = make_config(loss_type=names, loss_weights=[0.1] * len(names), contrast="none", max_steps=2)
    model, before = make_model(), make_model().state_dict()
    trainer = SCPOTrainer(model=model, args=settings, train_dataset=make_pairs(), processing_class=processor)
    trainer.train()
    assert {f"terms/{name}/{name}" for name in names} <= set(trainer.state.log_history[0])
    assert any(not torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_alone_and_after_register_the_name_stays_trls(make_model, make_pairs, processor, tmp_path) -> None:
    rows = Dataset.from_list(doubled(rows_of(make_pairs(), 4)))
    args = DPOConfig(output_dir=str(tmp_path), loss_type=["hinge"], bf16=False, use_cpu=True, report_to="none")
    with registered():
        trainer = DPOTrainer(
            make_model(), ref_model=make_model(), args=args, train_dataset=rows, processing_class=processor
        )
    assert type(trainer) is DPOTrainer


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("hinge", {"beta": 0.0}, "parameter 'beta' of loss 'hinge' is 0: expected a number greater than 0"),
        ("robust", {"label_smoothing": 0.5}, "'label_smoothing' of loss 'robust' is 0.5: expected a share from 0 to"),
        ("aot", {"label_smoothing": -0.1}, "'label_smoothing' of loss 'aot' is -0.1: expected a share from 0 to"),
        ("exo_pair", {"label_smoothing": 0.0}, "'label_smoothing' of loss 'exo_pair' is 0: expected more than 0"),
        ("discopop", {"tau": 0.0}, "parameter 'tau' of loss 'discopop' is 0: expected a number greater than 0"),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_objective(WeightedLoss(name, parameters))


def test_trls_own_options_are_refused_with_the_parameter(tmp_path) -> None:
    with pytest.raises(UserError, match=r"label_smoothing=0.1 .* a parameter of robust, .* set it in loss_parameters"):
        SCPOConfig(output_dir=str(tmp_path), loss_type=["robust"], label_smoothing=0.1, bf16=False, use_cpu=True)


def test_the_aot_losses_of_a_pair_are_those_of_its_own_log_ratio() -> None:
    """Three pairs by hand: log-ratios 3, -1, 1 under the policy and 0, 4, 2 under the reference."""
    zeros = torch.zeros(3)
    policy = QuadLogps.of({"ww": torch.tensor([3.0, -1.0, 1.0]), "lw": zeros})
    reference = QuadLogps.of({"ww": torch.tensor([0.0, 4.0, 2.0]), "lw": zeros})
    losses = build_objective(WeightedLoss("aot", {"beta": 1.0}))(LossInput(policy, reference, zeros, zeros)).losses
    # By rank: 3 - 4, -1 - 0, 1 - 2.
    torch.testing.assert_close(losses, torch.nn.functional.softplus(torch.tensor([1.0, 1.0, 1.0])))
