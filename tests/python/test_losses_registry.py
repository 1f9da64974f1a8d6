from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from scpo_trl.errors import UserError
from scpo_trl.losses import build_objective, get_loss, loss_names, register_loss


@dataclass(frozen=True)
class NoParameters:
    pass


def test_known_losses() -> None:
    assert loss_names() == ["dpo", "scpo", "sft"]
    assert [get_loss(name).needs_reference for name in loss_names()] == [True, True, False]


def test_the_parameters_of_the_contract() -> None:
    assert get_loss("scpo").parameter_names() == [
        *("beta", "beta_mirror", "mirror_weight", "textual", "visual", "visual_mirror", "textual_mirror"),
        *("anchor", "anchor_delta", "one_sigmoid", "gamma"),
    ]
    assert get_loss("dpo").parameter_names() == ["beta", "both_directions"]
    assert get_loss("sft").parameter_names() == ["both_directions"]


def test_defaults() -> None:
    parameters = build_objective("scpo").parameters
    assert (parameters.beta, parameters.beta_mirror, parameters.mirror_weight) == (0.1, 0.1, 1.0)
    assert (parameters.anchor, parameters.one_sigmoid) == (0.0, 0.0)


def test_a_name_taken_twice_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match=r"'dpo' is already registered by scpo_trl\.losses\.dpo"):
        register_loss("dpo", parameters=NoParameters)(lambda policy, reference, parameters: None)  # type: ignore[arg-type]
    assert get_loss("dpo").parameters is not NoParameters


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("spco", {}, "unknown loss 'spco': expected one of dpo, scpo, sft"),
        ("dpo", {"bta": 1}, "unknown parameter 'bta' of loss 'dpo': expected one of beta, both_directions"),
        ("sft", {"beta": 1}, "unknown parameter 'beta' of loss 'sft': expected one of both_directions"),
        ("scpo", {"beta": 0}, "parameter 'beta' of loss 'scpo' is 0: expected a number greater than 0"),
        ("scpo", {"beta": math.nan}, "parameter 'beta' of loss 'scpo' is nan: expected a finite number"),
        ("scpo", {"visual": -1}, "parameter 'visual' of loss 'scpo' is -1: expected 0 or more"),
        (
            "scpo",
            {"one_sigmoid": 0.5},
            r"parameter 'one_sigmoid' of loss 'scpo' is 0.5: expected 0 \(off\) or 1 \(on\)",
        ),
        ("scpo", {"textual": 0, "visual": 0, "mirror_weight": 0}, "loss 'scpo' has no term switched on"),
        ("scpo", {"one_sigmoid": 1, "gamma": 0, "textual": 0, "mirror_weight": 0}, "no term switched on"),
    ],
)
def test_mistakes_are_named(name: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_objective(name, parameters)
