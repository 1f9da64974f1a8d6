"""SCPO behind TRL's own names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from conftest import QUIET
from stock_rows import doubled
from trl import DPOConfig, DPOTrainer

from scpo_trl import SCPOConfig, SCPOTrainer, UserError, register, registered, unregister


@pytest.fixture(autouse=True)
def leaves_nothing_registered() -> Iterator[None]:
    stock = DPOTrainer.__init__
    yield
    unregister()
    assert DPOTrainer.__init__ is stock


@pytest.fixture
def stock_config(tmp_path):
    def build(**settings) -> DPOConfig:
        return DPOConfig(
            **{
                **QUIET,
                "output_dir": str(tmp_path / "out"),
                "num_train_epochs": 1,
                **settings,
            }
        )

    return build


def losses_of(trainer) -> list[float]:
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_the_stock_names_give_what_ours_give(make_model, make_config, make_pairs, stock_config, processor) -> None:
    ours = SCPOTrainer(model=make_model(), args=make_config(), train_dataset=make_pairs(), processing_class=processor)
    expected = losses_of(ours)
    register()
    trainer = DPOTrainer(
        make_model(), args=stock_config(loss_type=["scpo"]), train_dataset=make_pairs(), processing_class=processor
    )
    assert type(trainer) is SCPOTrainer
    assert losses_of(trainer) == expected


def test_positions_of_the_stock_constructor_hold(make_model, make_pairs, stock_config, processor) -> None:
    with registered():
        trainer = DPOTrainer(
            make_model(), None, stock_config(loss_type="scpo"), None, make_pairs(), processing_class=processor
        )
    assert isinstance(trainer, SCPOTrainer)
    assert isinstance(trainer.args, SCPOConfig)


def test_a_mixture_with_weights(make_model, make_pairs, stock_config, processor) -> None:
    mixture = stock_config(loss_type=["scpo", "sft"], loss_weights=[1.0, 0.5])
    with registered():
        trainer = DPOTrainer(make_model(), args=mixture, train_dataset=make_pairs(), processing_class=processor)
    trainer.train()
    first = trainer.state.log_history[0]
    names = [name for name in first if name.startswith("terms/")]
    assert any(name.startswith("terms/scpo/") for name in names)
    assert any(name.startswith("terms/sft/") for name in names)


def test_settings_of_ours_reach_the_trainer(make_model, make_pairs, stock_config, processor) -> None:
    with registered(reference_update="fixed", loss_parameters={"anchor": 1.0}):
        trainer = DPOTrainer(
            make_model(), args=stock_config(loss_type=["scpo"]), train_dataset=make_pairs(), processing_class=processor
        )
    settings: Any = trainer.args
    assert settings.reference_update == "fixed"
    assert dict(settings.losses()[0].parameters)["anchor"] == 1.0


def test_without_our_losses_the_stock_result_is_the_same_to_the_bit(
    make_model, make_pairs, stock_config, processor
) -> None:
    rows = doubled([make_pairs(4)[i] for i in range(4)])

    def weights() -> dict[str, torch.Tensor]:
        from datasets import Dataset

        model = make_model()
        trainer = DPOTrainer(
            model,
            ref_model=make_model(),
            args=stock_config(loss_type=["sigmoid", "sft"]),
            train_dataset=Dataset.from_list(rows),
            processing_class=processor,
        )
        assert type(trainer) is DPOTrainer
        trainer.train()
        return model.state_dict()

    expected = weights()
    with registered():
        found = weights()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert any(not torch.equal(value, make_model().state_dict()[name]) for name, value in expected.items())


def test_unregister_gives_the_stock_constructor_back() -> None:
    stock = DPOTrainer.__init__
    register()
    register(stages=2)
    assert DPOTrainer.__init__ is not stock
    unregister()
    assert DPOTrainer.__init__ is stock
    unregister()
    assert DPOTrainer.__init__ is stock


def test_blocks_nest_and_restore(make_model, make_pairs, stock_config, processor) -> None:
    def update() -> str:
        trainer: Any = DPOTrainer(
            make_model(), args=stock_config(loss_type=["scpo"]), train_dataset=make_pairs(), processing_class=processor
        )
        return trainer.args.reference_update

    with registered(reference_update="fixed"):
        with registered(reference_update="stage"):
            assert update() == "stage"
        assert update() == "fixed"
        with pytest.raises(ZeroDivisionError), registered():
            raise ZeroDivisionError
        assert update() == "fixed"


def test_wrong_settings_are_refused_at_once() -> None:
    with pytest.raises(UserError, match="set beta in DPOConfig"):
        register(beta=0.2)
    with pytest.raises(UserError, match="expected one of all_combinations, contrast"):
        register(contrats="crop")


def test_a_class_of_ones_own_is_told_what_to_derive_from(make_model, make_pairs, stock_config, processor) -> None:
    class Mine(DPOTrainer):
        pass

    with registered(), pytest.raises(UserError, match=r"Mine is derived from DPOTrainer.*scpo_trl\.SCPOTrainer"):
        Mine(
            make_model(), args=stock_config(loss_type=["scpo"]), train_dataset=make_pairs(), processing_class=processor
        )
