from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scpo_trl.losses import COMBINATIONS, LossInput, LossOutput, QuadLogps, WeightedLoss, build_objective, loss_names

LN2 = math.log(2)


def quad(*rows: tuple[float, float, float, float]) -> QuadLogps:
    """Quadruples given as rows (ww, lw, wl, ll), in float64."""
    return QuadLogps(*torch.tensor(rows, dtype=torch.float64).unbind(dim=1))


def output_of(
    name: str, parameters: Mapping[str, float], policy: QuadLogps, reference: QuadLogps, tokens: float = 7.0
) -> LossOutput:
    lengths = torch.full_like(policy.ww, tokens)
    return build_objective(WeightedLoss(name, parameters))(LossInput(policy, reference, lengths, lengths))


def loss_of(name: str, parameters: Mapping[str, float], policy: QuadLogps, reference: QuadLogps) -> torch.Tensor:
    return output_of(name, parameters, policy, reference).losses


ZERO = quad((0.0, 0.0, 0.0, 0.0))


class TestByHand:
    """ww = 2, lw = -1, wl = 1, ll = 3 against a reference of zeros: margins 3, 1 and mirrors 4, 2, times beta."""

    policy = quad((2.0, -1.0, 1.0, 3.0))

    def test_margins_and_rewards(self) -> None:
        output = output_of("scpo", {"beta": 0.5, "beta_mirror": 0.25}, self.policy, ZERO)
        assert {name: value.item() for name, value in output.margins.items()} == {
            "textual": 1.5,
            "visual": 0.5,
            "visual_mirror": 1.0,
            "textual_mirror": 0.5,
        }
        assert [value.item() for value in output.rewards[:4]] == [1.0, -0.5, 0.5, 1.5]

    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            # -log sigmoid(x) = log(1 + exp(-x))
            (
                {},
                math.log1p(math.exp(-0.3))
                + math.log1p(math.exp(-0.1))
                + math.log1p(math.exp(-0.4))
                + math.log1p(math.exp(-0.2)),
            ),
            ({"mirror_weight": 0}, math.log1p(math.exp(-0.3)) + math.log1p(math.exp(-0.1))),
            ({"mirror_weight": 0, "visual": 0}, math.log1p(math.exp(-0.3))),
            ({"textual": 0, "visual": 0, "textual_mirror": 0, "mirror_weight": 0.5}, 0.5 * math.log1p(math.exp(-0.4))),
            (
                {"beta": 1, "mirror_weight": 0, "textual": 2, "visual": 3},
                2 * math.log1p(math.exp(-3)) + 3 * math.log1p(math.exp(-1)),
            ),
            (
                {"beta": 1, "textual": 0, "visual": 0, "mirror_weight": 0, "anchor": 1, "anchor_delta": 1},
                math.log1p(math.exp(-1)) + math.log1p(math.exp(-2)),
            ),
            ({"one_sigmoid": 1, "mirror_weight": 0}, math.log1p(math.exp(-0.4))),
            ({"one_sigmoid": 1, "mirror_weight": 0, "gamma": 0.5, "beta": 1}, math.log1p(math.exp(-3.5))),
            ({"one_sigmoid": 1}, math.log1p(math.exp(-0.4)) + math.log1p(math.exp(-0.6))),
        ],
    )
    def test_scpo(self, parameters: dict[str, float], expected: float) -> None:
        assert loss_of("scpo", parameters, self.policy, ZERO).item() == pytest.approx(expected, abs=1e-12)

    def test_dpo(self) -> None:
        one, both = {"beta": 0.5}, {"beta": 0.5, "both_directions": 1}
        assert loss_of("dpo", one, self.policy, ZERO).item() == pytest.approx(math.log1p(math.exp(-1.5)))
        expected = (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-1.0))) / 2
        assert loss_of("dpo", both, self.policy, ZERO).item() == pytest.approx(expected)

    def test_sft(self) -> None:
        output = output_of("sft", {}, quad((-4.0, -9.0, -9.0, -9.0)), ZERO)
        assert output.losses.item() == 4.0
        assert all(value.item() == 0.0 for value in (*output.rewards[:4], *output.margins.values()))
        assert loss_of("sft", {"both_directions": 1}, quad((-4.0, -9.0, -9.0, -7.0)), ZERO).item() == 5.5

    def test_sft_per_token(self) -> None:
        """Two texts of 2 and 6 tokens with 4 and 8 nats: 12 nats over 8 tokens, whatever the texts' own lengths."""
        policy = quad((-4.0, 0.0, 0.0, -6.0), (-8.0, 0.0, 0.0, -14.0))
        batch = LossInput(policy, policy, torch.tensor([2, 6]), torch.tensor([3, 5]))
        losses = build_objective(WeightedLoss("sft", {"per_token": 1}))(batch).losses
        assert losses.tolist() == [1.0, 2.0]
        assert losses.mean().item() == 12 / 8
        both = build_objective(WeightedLoss("sft", {"per_token": 1, "both_directions": 1}))(batch).losses
        assert both.mean().item() == (12 + 20) / (8 + 8)

    def test_sft_per_token_is_the_cross_entropy_over_the_batch(self) -> None:
        generator = torch.Generator().manual_seed(5)
        logits = torch.randn(3, 6, 11, generator=generator, dtype=torch.float64)
        labels = torch.randint(11, (3, 6), generator=generator)
        mask = torch.arange(6) < torch.tensor([[2], [6], [3]])
        texts = logits.log_softmax(dim=-1).gather(2, labels[:, :, None])[:, :, 0].where(mask, 0).sum(dim=1)
        policy = QuadLogps.of({"ww": texts})
        batch = LossInput(policy, policy, mask.sum(dim=1), mask.sum(dim=1))
        ours = build_objective(WeightedLoss("sft", {"per_token": 1}))(batch).losses.mean()
        torch.testing.assert_close(ours, torch.nn.functional.cross_entropy(logits[mask], labels[mask]))

    def test_reference_is_subtracted(self) -> None:
        shifted = quad((-3.0, 4.0, 0.5, 7.0))
        policy = QuadLogps(*(mine + theirs for mine, theirs in zip(self.policy, shifted, strict=True)))
        assert torch.allclose(loss_of("scpo", {}, policy, shifted), loss_of("scpo", {}, self.policy, ZERO))


def numpy_scpo(policy: np.ndarray, reference: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    """The objective written once more, over arrays (B, 4) with columns ww, lw, wl, ll."""

    def minus_log_sigmoid(x: np.ndarray) -> np.ndarray:
        return np.logaddexp(0.0, -x)

    difference = policy - reference
    chosen_images, rejected_images = difference[:, [0, 1]], difference[:, [3, 2]]
    chosen_text, rejected_text = difference[:, [0, 2]], difference[:, [3, 1]]

    def gap(better_and_worse: np.ndarray) -> np.ndarray:
        return better_and_worse[:, 0] - better_and_worse[:, 1]

    b, mirror = p["beta"], p["beta_mirror"]
    if p["one_sigmoid"]:
        side = p["textual"] * gap(chosen_images) + p["gamma"] * p["visual"] * gap(chosen_text)
        other = p["textual_mirror"] * gap(rejected_images) + p["gamma"] * p["visual_mirror"] * gap(rejected_text)
        loss = minus_log_sigmoid(b * side) + p["mirror_weight"] * minus_log_sigmoid(mirror * other)
    else:
        loss = p["textual"] * minus_log_sigmoid(b * gap(chosen_images))
        loss = loss + p["visual"] * minus_log_sigmoid(b * gap(chosen_text))
        loss = loss + p["mirror_weight"] * p["textual_mirror"] * minus_log_sigmoid(mirror * gap(rejected_images))
        loss = loss + p["mirror_weight"] * p["visual_mirror"] * minus_log_sigmoid(mirror * gap(rejected_text))
    for column in (0, 3):
        loss = loss + p["anchor"] * minus_log_sigmoid(b * difference[:, column] - p["anchor_delta"])
    return loss


positive = st.floats(0.01, 2.0)
logps = st.lists(st.tuples(*[st.floats(-60.0, 0.0)] * 4), min_size=3, max_size=3)
scpo_parameters = st.fixed_dictionaries(
    {
        name: positive
        for name in (
            *("beta", "beta_mirror", "mirror_weight", "gamma", "anchor"),
            *("textual", "visual", "visual_mirror", "textual_mirror"),
        )
    }
    | {"anchor_delta": st.floats(-1.0, 1.0), "one_sigmoid": st.sampled_from([0.0, 1.0])}
)


@given(logps, logps, scpo_parameters)
def test_scpo_equals_an_independent_implementation(policy, reference, parameters) -> None:
    ours = loss_of("scpo", parameters, quad(*policy), quad(*reference)).numpy()
    np.testing.assert_allclose(ours, numpy_scpo(np.array(policy), np.array(reference), parameters), rtol=1e-10)


@given(logps, logps, st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.7]))
def test_exchanging_the_pair_changes_nothing(policy, reference, one_sigmoid, anchor) -> None:
    def exchanged(rows):
        return [(ll, wl, lw, ww) for ww, lw, wl, ll in rows]

    parameters = {"beta": 0.3, "beta_mirror": 0.3, "one_sigmoid": one_sigmoid, "anchor": anchor}
    there = loss_of("scpo", parameters, quad(*policy), quad(*reference))
    back = loss_of("scpo", parameters, quad(*exchanged(policy)), quad(*exchanged(reference)))
    torch.testing.assert_close(there, back, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("parameters", [{"mirror_weight": 0.5}, {"beta_mirror": 0.5}, {"visual_mirror": 0.0}])
def test_exchanging_the_pair_matters_once_the_mirrors_count_differently(parameters: dict[str, float]) -> None:
    there = loss_of("scpo", parameters, quad((2.0, -1.0, 1.0, 3.0)), ZERO)
    back = loss_of("scpo", parameters, quad((3.0, 1.0, -1.0, 2.0)), ZERO)
    assert abs((there - back).item()) > 1e-2


@pytest.mark.parametrize(
    ("name", "parameters", "logarithms_of_two"),
    [
        ("scpo", {}, 4),
        ("scpo", {"mirror_weight": 0}, 2),
        ("scpo", {"visual_mirror": 0}, 3),
        ("scpo", {"anchor": 1}, 6),
        ("scpo", {"one_sigmoid": 1}, 2),
        ("dpo", {}, 1),
        ("dpo", {"both_directions": 1}, 1),
        ("mdpo", {}, 3),
        ("mdpo", {"anchor": 0}, 2),
        ("rdpo", {}, 2),
        ("chip", {}, 1),
        ("symmpo", {}, 4),
        ("s-vco", {}, 4),
    ],
)
def test_every_sigmoid_is_ln_2_where_policy_equals_reference(name, parameters, logarithms_of_two) -> None:
    same = quad((-3.0, -8.0, -9.5, -1.25), (-30.0, -1.0, -2.0, -77.0))
    same = same._replace(w0=same.wl - 1, l0=same.lw + 1)
    output = output_of(name, parameters, same, same)
    # SymMPO: 1 for the textual term, 0.5 times 2 for the pair, 2 for the anchors, nothing for equal margins.
    sigmoids = {"consistency": 0, "pair": 2, "anchor": 1 if name == "mdpo" else 2}
    for term, value in output.terms.items():
        assert value.tolist() == pytest.approx([sigmoids.get(term, 1) * LN2] * 2), term
    assert output.losses.tolist() == pytest.approx([logarithms_of_two * LN2] * 2)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("scpo", {}),
        ("scpo", {"anchor": 0.5, "anchor_delta": 0.2}),
        ("scpo", {"one_sigmoid": 1, "gamma": 0.4}),
        ("dpo", {}),
        ("dpo", {"both_directions": 1}),
        ("sft", {}),
        ("sft", {"per_token": 1}),
        ("mdpo", {"anchor_delta": 0.3}),
        ("rdpo", {}),
        ("chip", {"gamma": 0.6}),
        ("symmpo", {"consistency": 0.1}),
        ("s-vco", {}),
    ],
)
def test_gradients(name: str, parameters: dict[str, float]) -> None:
    generator = torch.Generator().manual_seed(0)

    def draw() -> list[torch.Tensor]:
        return [torch.randn(3, dtype=torch.float64, generator=generator) for _ in COMBINATIONS]

    policy, reference = [values.requires_grad_() for values in draw()], QuadLogps(*draw())
    assert torch.autograd.gradcheck(lambda *parts: loss_of(name, parameters, QuadLogps(*parts), reference), policy)


def test_a_step_of_descent_raises_the_matched_and_lowers_the_mismatched() -> None:
    policy = [torch.zeros(1, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    loss_of("scpo", {}, QuadLogps(*policy), ZERO).sum().backward()
    ww, lw, wl, ll = (float(part.grad) for part in policy if part.grad is not None)
    # At 0 every sigmoid has slope beta / 2, and every combination stands in two terms.
    assert (ww, lw, wl, ll) == pytest.approx((-0.1, 0.1, 0.1, -0.1))


def test_only_the_losses_carry_a_gradient() -> None:
    policy = QuadLogps(*(torch.zeros(2, requires_grad=True) for _ in COMBINATIONS))
    reference = QuadLogps(*(torch.zeros(2) for _ in COMBINATIONS))
    for name in loss_names():
        output = output_of(name, {}, policy, reference)
        assert output.losses.requires_grad
        assert not any(v.requires_grad for v in (*output.rewards, *output.margins.values(), *output.terms.values()))


def test_large_margins_stay_finite() -> None:
    policy = QuadLogps(*(torch.tensor([-1e6, 1e6]) * sign for sign in (1, -1, -1, 1, 0, 0)))
    reference = QuadLogps(*(torch.zeros(2) for _ in COMBINATIONS))
    for name in loss_names():
        assert torch.isfinite(loss_of(name, {}, policy, reference)).all(), name
