"""Every objective beside its formula, written out once more over plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch

from scpo_trl.losses import COMBINATIONS, LossInput, QuadLogps, WeightedLoss, build_objective

D = Mapping[str, float]
"""log pi - log ref of one pair, by text letter and image letter; 0 is no image."""


def mls(x: float) -> float:
    """-log sigmoid(x), without overflow."""
    return math.log1p(math.exp(-abs(x))) + max(-x, 0.0)


def dpo(d: D, b: float) -> float:
    return mls(b * (d["ww"] - d["lw"]))


def visual(d: D, b: float) -> float:
    return mls(b * (d["ww"] - d["wl"]))


def mdpo(d: D, b: float, delta: float = 0.0) -> float:
    return dpo(d, b) + visual(d, b) + mls(b * d["ww"] - delta)


def s_vco(d: D, b: float) -> float:
    return (
        mls(b * (d["ww"] - d["w0"]))
        + mls(b * (d["w0"] - d["wl"]))
        + mls(b * (d["ll"] - d["l0"]))
        + mls(b * (d["l0"] - d["lw"]))
    )


def symmpo(d: D, b: float, pair: float = 0.5, consistency: float = 1e-4) -> float:
    a = d["ww"] - d["lw"]
    m = d["ll"] - d["wl"]
    anchors = mls(b * d["ww"]) + mls(b * d["ll"])
    return dpo(d, b) + pair * (mls(b * a) + mls(b * m)) + anchors + consistency * (a - m) ** 2


def rdpo(d: D, b: float) -> float:
    return dpo(d, b) + visual(d, b)


def chip(d: D, b: float, gamma: float = 1.0) -> float:
    return mls(b * ((d["ww"] - d["lw"]) + gamma * (d["ww"] - d["wl"])))


def scpo(d: D, b: float, b_mirror: float, weight: float) -> float:
    complementary = dpo(d, b) + visual(d, b)
    symmetry = mls(b_mirror * (d["ll"] - d["lw"])) + mls(b_mirror * (d["ll"] - d["wl"]))
    return complementary + weight * symmetry


def random_batch(pairs: int, seed: int, dtype: torch.dtype) -> LossInput:
    """Log-probabilities as of texts of some ten tokens, policy and reference a few nats apart."""
    generator = torch.Generator().manual_seed(seed)

    def draw(scale: float) -> list[torch.Tensor]:
        return [scale * torch.randn(pairs, generator=generator, dtype=dtype) for _ in COMBINATIONS]

    reference = [-20 + part for part in draw(5.0)]
    policy = [part + moved for part, moved in zip(reference, draw(4.0), strict=True)]
    tokens = torch.randint(1, 9, (2, pairs), generator=generator)
    return LossInput(QuadLogps(*policy), QuadLogps(*reference), *tokens)


def differences(batch: LossInput) -> list[D]:
    columns = [
        [mine - theirs for mine, theirs in zip(policy.tolist(), reference.tolist(), strict=True)]
        for policy, reference in zip(batch.policy, batch.reference, strict=True)
    ]
    return [dict(zip(COMBINATIONS, row, strict=True)) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("name", "parameters", "formula"),
    [
        ("dpo", {}, lambda d: dpo(d, 0.1)),
        ("mdpo", {}, lambda d: mdpo(d, 0.1)),
        ("mdpo", {"beta": 0.5, "anchor_delta": 0.4}, lambda d: mdpo(d, 0.5, 0.4)),
        ("s-vco", {}, lambda d: s_vco(d, 0.1)),
        ("s-vco", {"beta": 0.3}, lambda d: s_vco(d, 0.3)),
        ("symmpo", {}, lambda d: symmpo(d, 0.1)),
        ("symmpo", {"beta": 0.2, "pair": 0.7, "consistency": 0.01}, lambda d: symmpo(d, 0.2, 0.7, 0.01)),
        ("rdpo", {}, lambda d: rdpo(d, 0.1)),
        ("chip", {}, lambda d: chip(d, 0.1)),
        ("chip", {"beta": 0.4, "gamma": 0.3}, lambda d: chip(d, 0.4, 0.3)),
        ("scpo", {}, lambda d: scpo(d, 0.1, 0.1, 1.0)),
        ("scpo", {"beta": 0.2, "beta_mirror": 0.5, "mirror_weight": 0.1}, lambda d: scpo(d, 0.2, 0.5, 0.1)),
    ],
)
def test_agrees_with_the_published_formula(
    name: str, parameters: dict[str, float], formula: Callable[[D], float], dtype: torch.dtype
) -> None:
    batch = random_batch(64, seed=7, dtype=dtype)
    ours = build_objective(WeightedLoss(name, parameters))(batch).losses
    expected = [formula(d) for d in differences(batch)]
    assert ours.tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("dpo", {}, ("ww", "lw")),
        ("dpo", {"both_directions": 1}, ("ww", "lw", "wl", "ll")),
        ("sft", {}, ("ww",)),
        ("sft", {"both_directions": 1}, ("ww", "ll")),
        ("sft", {"per_token": 1}, ("ww",)),
        ("scpo", {}, ("ww", "lw", "wl", "ll")),
        ("scpo", {"mirror_weight": 0}, ("ww", "lw", "wl")),
        ("scpo", {"mirror_weight": 0, "visual": 0}, ("ww", "lw")),
        ("scpo", {"mirror_weight": 0, "anchor": 1}, ("ww", "lw", "wl", "ll")),
        ("scpo", {"textual": 0, "textual_mirror": 0}, ("ww", "lw", "wl", "ll")),
        ("scpo", {"textual": 0, "visual": 0, "textual_mirror": 0}, ("lw", "ll")),
        ("scpo", {"one_sigmoid": 1, "gamma": 0, "mirror_weight": 0}, ("ww", "lw")),
        ("scpo", {"one_sigmoid": 1, "textual": 0, "textual_mirror": 0}, ("ww", "lw", "wl", "ll")),
        ("mdpo", {}, ("ww", "lw", "wl")),
        ("mdpo", {"visual": 0}, ("ww", "lw")),
        ("rdpo", {}, ("ww", "lw", "wl")),
        ("rdpo", {"visual": 0}, ("ww", "lw")),
        ("chip", {}, ("ww", "lw", "wl")),
        ("chip", {"gamma": 0}, ("ww", "lw")),
        ("symmpo", {}, ("ww", "lw", "wl", "ll")),
        ("symmpo", {"pair": 0, "consistency": 0}, ("ww", "lw", "ll")),
        ("symmpo", {"pair": 0, "consistency": 0, "anchor": 0}, ("ww", "lw")),
        ("symmpo", {"anchor": 0}, ("ww", "lw", "wl", "ll")),
        ("s-vco", {}, COMBINATIONS),
        ("s-vco", {"attend_mirror": 0, "reject_mirror": 0}, ("ww", "wl", "w0")),
        ("s-vco", {"reject": 0, "reject_mirror": 0}, ("ww", "ll", "w0", "l0")),
    ],
)
def test_reads_these_combinations_and_no_others(
    name: str, parameters: dict[str, float], expected: tuple[str, ...]
) -> None:
    """Each has a gradient; the others may hold NaN, which reaches neither the loss nor a gradient."""
    objective = build_objective(WeightedLoss(name, parameters))
    assert objective.combinations == expected
    whole = random_batch(5, seed=3, dtype=torch.float64)
    policy = {key: getattr(whole.policy, key).requires_grad_() for key in expected}
    reference = {key: getattr(whole.reference, key) for key in expected}
    partial = whole._replace(policy=QuadLogps.of(policy), reference=QuadLogps.of(reference))
    losses = objective(partial).losses
    assert torch.equal(losses, objective(whole).losses)
    losses.sum().backward()
    for key, values in policy.items():
        assert values.grad is not None and values.grad.abs().min() > 0, key


def test_rewards_and_margins_of_what_was_not_computed_are_nan() -> None:
    whole = random_batch(5, seed=3, dtype=torch.float64)
    policy, reference = (QuadLogps.of({"ww": part.ww, "lw": part.lw}) for part in (whole.policy, whole.reference))
    output = build_objective(WeightedLoss("dpo"))(whole._replace(policy=policy, reference=reference))
    assert torch.isfinite(output.margins["textual"]).all()
    assert torch.isnan(output.margins["visual"]).all()
    assert torch.isnan(output.rewards.ll).all()


def test_the_terms_of_symmpo_by_hand() -> None:
    """D = 2, -1, 1, 3 on ww, lw, wl, ll: a = 3, m = 2, so the squared difference is 1."""
    policy = QuadLogps(*(torch.tensor([value]) for value in (2.0, -1.0, 1.0, 3.0)))
    nothing, tokens = policy.minus(policy), torch.ones(1)
    terms = build_objective(WeightedLoss("symmpo", {"beta": 1}))(LossInput(policy, nothing, tokens, tokens)).terms
    assert {name: value.item() for name, value in terms.items()} == pytest.approx(
        {"textual": mls(3), "pair": mls(3) + mls(2), "anchor": mls(2) + mls(3), "consistency": 1.0}
    )


def test_the_margins_of_s_vco_by_hand() -> None:
    values = {"ww": 2.0, "lw": -1.0, "wl": 1.0, "ll": 3.0, "w0": 1.5, "l0": -0.5}
    policy = QuadLogps.of({name: torch.tensor([value]) for name, value in values.items()})
    nothing, tokens = policy.minus(policy), torch.ones(1)
    margins = build_objective(WeightedLoss("s-vco", {"beta": 2}))(LossInput(policy, nothing, tokens, tokens)).margins
    # Times beta: ww - w0, w0 - wl, ll - l0, l0 - lw.
    own = {"attend": 1.0, "reject": 1.0, "attend_mirror": 7.0, "reject_mirror": 1.0}
    usual = {"textual": 6.0, "visual": 2.0, "visual_mirror": 8.0, "textual_mirror": 4.0}
    assert {name: value.item() for name, value in margins.items()} == own | usual


def test_presets_are_special_cases_of_scpo() -> None:
    batch = random_batch(16, seed=11, dtype=torch.float64)

    def losses(name: str, **parameters: float) -> torch.Tensor:
        return build_objective(WeightedLoss(name, parameters))(batch).losses

    torch.testing.assert_close(losses("rdpo"), losses("scpo", mirror_weight=0))
    torch.testing.assert_close(losses("dpo"), losses("scpo", mirror_weight=0, visual=0))
    torch.testing.assert_close(losses("chip"), losses("scpo", mirror_weight=0, one_sigmoid=1))
