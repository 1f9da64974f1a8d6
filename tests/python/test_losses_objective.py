"""Weighted sums of losses, and what goes into them."""

from __future__ import annotations

import math
import pickle

import pytest
import torch

from scpo_trl.errors import UserError
from scpo_trl.losses import COMBINATIONS, LossInput, QuadLogps, WeightedLoss, build_objective


def batch_of(policy: QuadLogps, tokens: int = 4) -> LossInput:
    lengths = torch.full((len(policy.ww),), tokens)
    return LossInput(policy, QuadLogps(*(torch.zeros_like(part) for part in policy)), lengths, lengths)


POLICY = QuadLogps(*(torch.tensor([value, -value]) for value in (2.0, -1.0, 1.0, 3.0)))
SCPO, SFT = WeightedLoss("scpo", {"beta": 0.5}, 0.8), WeightedLoss("sft", {"per_token": 1}, 0.25)


def test_a_mixture_is_the_weighted_sum() -> None:
    batch = batch_of(POLICY)
    scpo = build_objective(WeightedLoss("scpo", {"beta": 0.5}))(batch)
    # -ww over the mean length of 4 tokens.
    sft = torch.tensor([-2.0 / 4, 2.0 / 4])
    mixed = build_objective([SCPO, SFT])(batch)
    torch.testing.assert_close(mixed.losses, 0.8 * scpo.losses + 0.25 * sft)
    assert list(mixed.terms) == [*(f"scpo/{name}" for name in scpo.terms), "sft/sft"]
    torch.testing.assert_close(mixed.terms["scpo/textual"], scpo.terms["textual"])
    torch.testing.assert_close(mixed.terms["sft/sft"], sft)


def test_rewards_come_from_the_first_loss_that_compares() -> None:
    batch = batch_of(POLICY)
    dpo = WeightedLoss("dpo", {"beta": 3})
    for losses, beta in (([SFT, SCPO, dpo], 0.5), ([dpo, SCPO], 3.0), ([SFT], 0.0)):
        output = build_objective(losses)(batch)
        assert output.rewards.ww.tolist() == [2 * beta, -2 * beta]
        assert output.margins["textual"].tolist() == [3 * beta, -3 * beta]


def test_combinations_and_reference_are_those_of_all_losses() -> None:
    objective = build_objective([SFT, WeightedLoss("dpo")])
    assert (objective.combinations, objective.needs_reference) == (("ww", "lw"), True)
    objective = build_objective([WeightedLoss("s-vco"), WeightedLoss("dpo")])
    assert objective.combinations == COMBINATIONS
    assert not build_objective(SFT).needs_reference
    assert [loss.name for loss in build_objective([SFT, SCPO]).losses] == ["sft", "scpo"]


def test_one_loss_keeps_its_terms_and_takes_its_weight() -> None:
    alone, weighted = (build_objective(WeightedLoss("dpo", {}, weight))(batch_of(POLICY)) for weight in (1.0, 0.5))
    assert list(weighted.terms) == ["textual"]
    torch.testing.assert_close(weighted.losses, 0.5 * alone.losses)


def test_gradients_add_up() -> None:
    policy = [torch.randn(3, dtype=torch.float64).requires_grad_() for _ in COMBINATIONS]
    objective = build_objective([SCPO, SFT, WeightedLoss("s-vco", {}, 0.3)])
    assert torch.autograd.gradcheck(lambda *parts: objective(batch_of(QuadLogps(*parts))).losses, policy)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], "found no loss: expected at least one"),
        ([SCPO, WeightedLoss("scpo")], "loss 'scpo' is named 2 times: expected once, with its weight"),
        ([WeightedLoss("scpo", {}, -1.0)], r"weight of loss 'scpo' is -1.0: expected a finite number, 0 or more"),
        ([SFT, WeightedLoss("dpo", {}, math.inf)], "weight of loss 'dpo' is inf"),
        ([SFT, WeightedLoss("sigmoid")], "unknown loss 'sigmoid': expected one of .*dpo.*scpo"),
    ],
)
def test_mistakes_are_named(losses: list[WeightedLoss], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_objective(losses)


class TestQuadLogps:
    def test_what_was_not_computed_is_nan_without_a_gradient(self) -> None:
        ww = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        some = QuadLogps.of({"l0": ww + 1, "ww": ww})
        assert [name for name in COMBINATIONS if torch.isfinite(getattr(some, name)).all()] == ["ww", "l0"]
        assert some.wl.shape == (3,) and some.wl.dtype == torch.float64 and not some.wl.requires_grad
        assert some.l0.requires_grad

    def test_the_last_two_may_be_left_out(self) -> None:
        four = QuadLogps(ww=torch.zeros(2), lw=torch.ones(2), wl=torch.ones(2), ll=torch.ones(2))
        assert torch.isnan(four.w0).all() and torch.isnan(four.l0).all()
        assert QuadLogps._fields == COMBINATIONS

    def test_arithmetic(self) -> None:
        six = QuadLogps(*(torch.tensor([float(value)]) for value in range(6)))
        assert [value.item() for value in six.minus(six.scaled(3))] == [0, -2, -4, -6, -8, -10]
        assert [value.item() for value in six._replace(w0=torch.tensor([9.0]))] == [0, 1, 2, 3, 9, 5]

    def test_survives_pickling(self) -> None:
        six = QuadLogps(*(torch.tensor([float(value)]) for value in range(6)))
        again = pickle.loads(pickle.dumps(six))
        assert type(again) is QuadLogps and [value.item() for value in again] == [0, 1, 2, 3, 4, 5]

    def test_mistakes_are_named(self) -> None:
        with pytest.raises(UserError, match="unknown combination 'wx': expected some of ww, lw, wl, ll, w0, l0"):
            QuadLogps.of({"wx": torch.zeros(1)})
        with pytest.raises(UserError, match="found no combination"):
            QuadLogps.of({})
