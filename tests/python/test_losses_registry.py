from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import pytest

from scpo_trl.errors import UserError
from scpo_trl.losses import WeightedLoss, build_objective, get_loss, loss_names, register_loss


@dataclass(frozen=True)
class NoParameters:
    pass


def test_known_losses() -> None:
    assert {"chip", "dpo", "mdpo", "rdpo", "s-vco", "scpo", "sft", "symmpo"} <= set(loss_names())
    assert loss_names() == sorted(loss_names())
    assert get_loss("scpo").needs_reference and not get_loss("sft").needs_reference


def test_the_parameters_by_name() -> None:
    expected = {
        "chip": ["beta", "gamma"],
        "dpo": ["beta", "both_directions"],
        "mdpo": ["beta", "visual", "anchor", "anchor_delta"],
        "rdpo": ["beta", "visual"],
        "s-vco": ["beta", "attend", "reject", "attend_mirror", "reject_mirror"],
        "scpo": [
            *("beta", "beta_mirror", "mirror_weight", "textual", "visual", "visual_mirror", "textual_mirror"),
            *("anchor", "anchor_delta", "one_sigmoid", "gamma"),
        ],
        "sft": ["both_directions", "per_token"],
        "symmpo": ["beta", "pair", "anchor", "consistency"],
    }
    assert {name: get_loss(name).parameter_names() for name in expected} == expected


def defaults_of(name: str) -> dict[str, float]:
    return asdict(build_objective(WeightedLoss(name)).losses[0].parameters)


def test_defaults_are_those_of_the_public_code() -> None:
    ones = ("textual", "visual", "visual_mirror", "textual_mirror", "mirror_weight", "gamma")
    assert defaults_of("scpo") == dict.fromkeys(ones, 1.0) | {
        **{"beta": 0.1, "beta_mirror": 0.1, "anchor": 0.0, "anchor_delta": 0.0, "one_sigmoid": 0.0}
    }
    assert defaults_of("mdpo") == {"beta": 0.1, "visual": 1.0, "anchor": 1.0, "anchor_delta": 0.0}
    assert defaults_of("symmpo") == {"beta": 0.1, "pair": 0.5, "anchor": 1.0, "consistency": 1e-4}
    assert defaults_of("s-vco") == {
        **{"beta": 0.1, "attend": 1.0, "reject": 1.0, "attend_mirror": 1.0, "reject_mirror": 1.0}
    }
    assert defaults_of("rdpo") == {"beta": 0.1, "visual": 1.0}
    assert defaults_of("chip") == {"beta": 0.1, "gamma": 1.0}


def test_a_name_taken_twice_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match=r"'dpo' is already registered by scpo_trl\.losses\.dpo"):
        register_loss("dpo", parameters=NoParameters, combinations=("ww",))(lambda batch, parameters: None)  # type: ignore[arg-type]
    assert get_loss("dpo").parameters is not NoParameters


def test_an_unknown_combination_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="unknown combination 'wx': expected some of ww, lw, wl, ll, w0, l0"):
        register_loss("new", parameters=NoParameters, combinations=("ww", "wx"))
    assert "new" not in loss_names()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("spco", {}, f"unknown loss 'spco': expected one of {', '.join(loss_names())}"),
        ("dpo", {"bta": 1}, "unknown parameter 'bta' of loss 'dpo': expected one of beta, both_directions"),
        ("sft", {"beta": 1}, "unknown parameter 'beta' of loss 'sft': expected one of both_directions, per_token"),
        ("scpo", {"beta": 0}, "parameter 'beta' of loss 'scpo' is 0: expected a number greater than 0"),
        ("scpo", {"beta": math.nan}, "parameter 'beta' of loss 'scpo' is nan: expected a finite number"),
        ("scpo", {"visual": -1}, "parameter 'visual' of loss 'scpo' is -1: expected 0 or more"),
        (
            "scpo",
            {"one_sigmoid": 0.5},
            r"parameter 'one_sigmoid' of loss 'scpo' is 0.5: expected 0 \(off\) or 1 \(on\)",
        ),
        ("sft", {"per_token": 2}, "parameter 'per_token' of loss 'sft' is 2"),
        ("mdpo", {"anchor": -1}, "parameter 'anchor' of loss 'mdpo' is -1: expected 0 or more"),
        ("symmpo", {"consistency": "1"}, "parameter 'consistency' of loss 'symmpo' is '1': expected a finite number"),
        (
            "s-vco",
            {"attend": 0, "reject": 0, "attend_mirror": 0, "reject_mirror": 0},
            "loss 's-vco' has no term switched on",
        ),
        ("scpo", {"textual": 0, "visual": 0, "mirror_weight": 0}, "loss 'scpo' has no term switched on"),
        ("scpo", {"one_sigmoid": 1, "gamma": 0, "textual": 0, "mirror_weight": 0}, "no term switched on"),
    ],
)
def test_mistakes_are_named(name: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_objective(WeightedLoss(name, parameters))
