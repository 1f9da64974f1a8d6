"""Scored pairs of several forward passes, and the metrics that follow from them.

Shape legend: B pairs of a micro-batch, N pairs together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scpo_trl.losses import LossOutput, QuadLogps


@dataclass(frozen=True)
class MicroBatch:
    """One forward pass with its loss; tensors (B,), detached, on the CPU.

    Attributes:
        pairs: Rows of the pairs.
        output: What the loss returned.
        policy: Log-probabilities under the policy.
        reference: Under the reference, or None when the loss needs none.
        initial: Under the initial model, or None when they are not known.
        tokens: Tokens of the forward pass without padding.
    """

    pairs: Tensor
    output: LossOutput
    policy: QuadLogps
    reference: QuadLogps | None
    initial: QuadLogps | None
    tokens: int


def on_the_cpu(value: Any) -> Any:
    """The same value with every tensor in it detached, on the CPU; float64 where it was a float."""
    if isinstance(value, Tensor):
        moved = value.detach().cpu()
        return moved.double() if moved.is_floating_point() else moved
    if isinstance(value, dict):
        return {name: on_the_cpu(part) for name, part in value.items()}
    if isinstance(value, QuadLogps):
        return QuadLogps(*(on_the_cpu(part) for part in value))
    if isinstance(value, LossOutput):
        return LossOutput(*(on_the_cpu(part) for part in value))
    return value


class ScoredPairs:
    """N pairs with their log-probabilities, rewards, margins and terms; every tensor (N,), float64 on the CPU.

    Args:
        parts: At least one forward pass.
    """

    def __init__(self, parts: Sequence[MicroBatch]) -> None:
        outputs = [part.output for part in parts]
        self.pairs: list[int] = [pair for part in parts for pair in part.pairs.tolist()]
        self.losses = torch.cat([output.losses for output in outputs])
        self.policy = _joined([part.policy for part in parts])
        self.reference = _joined_if_known([part.reference for part in parts])
        self.initial = _joined_if_known([part.initial for part in parts])
        self.rewards = _joined([output.rewards for output in outputs])
        self.margins = {name: torch.cat([output.margins[name] for output in outputs]) for name in outputs[0].margins}
        self.terms = {name: torch.cat([output.terms[name] for output in outputs]) for name in outputs[0].terms}
        self.tokens = sum(part.tokens for part in parts)

    def mean_terms(self) -> dict[str, float]:
        """Mean of each term by name."""
        return {name: values.mean().item() for name, values in self.terms.items()}

    def accuracies(self) -> dict[str, float]:
        """Share of pairs with a positive margin, by the margin's name; only margins that were computed."""
        return {name: (values > 0).double().mean().item() for name, values in self._known_margins().items()}

    def mean_margins(self) -> dict[str, float]:
        """Mean of each margin by its name; only margins that were computed."""
        return {name: values.mean().item() for name, values in self._known_margins().items()}

    def _known_margins(self) -> dict[str, Tensor]:
        return {name: values for name, values in self.margins.items() if not values.isnan().any()}

    def kl_reference(self) -> float:
        """k2 estimate of the KL to the reference over the matched texts, nats a sequence; NaN without one."""
        return k2(self.policy, self.reference)

    def kl_initial(self) -> float:
        """The same to the model as it was when training started."""
        return k2(self.policy, self.initial)

    def metrics(self) -> dict[str, float]:
        """Means under TRL's names and ours; what was not computed is left out.

        `chosen` are the matched texts and `rejected` the mismatched, on both images where both were scored. Margins and
        accuracies are logged once for texts and images together, under TRL's names, and once for each.
        """
        rewards, logps = self.rewards, self.policy
        known = {
            "rewards/chosen": _known(rewards.ww, rewards.ll),
            "rewards/rejected": _known(rewards.lw, rewards.wl),
            "rewards/accuracies": _known(_above(rewards.ww, rewards.lw), _above(rewards.ll, rewards.wl)),
            "rewards/margins": _known(rewards.ww - rewards.lw, rewards.ll - rewards.wl),
            "logps/chosen": _known(logps.ww, logps.ll),
            "logps/rejected": _known(logps.lw, logps.wl),
            **{f"terms/{name}": values for name, values in self.terms.items()},
            **{f"margins/{name}": _known(values) for name, values in self.margins.items()},
        }
        metrics = {name: values.mean().item() for name, values in known.items() if len(values)}
        metrics.update({f"accuracies/{name}": value for name, value in self.accuracies().items()})
        for name, value in (("kl/reference", self.kl_reference()), ("kl/initial", self.kl_initial())):
            if not math.isnan(value):
                metrics[name] = value
        return metrics


def k2(policy: QuadLogps, other: QuadLogps | None) -> float:
    """Mean of (log pi - log other)^2 / 2 over the matched texts that both know, nats a sequence; NaN without any."""
    if other is None:
        return math.nan
    difference = policy.minus(other)
    return (_known(difference.ww, difference.ll).square() / 2).mean().item()


def _above(first: Tensor, second: Tensor) -> Tensor:
    return torch.where((first - second).isnan(), torch.nan, (first > second).double())


def _known(*parts: Tensor) -> Tensor:
    values = torch.cat(parts)
    return values[~values.isnan()]


def _joined(parts: Sequence[QuadLogps]) -> QuadLogps:
    return QuadLogps(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _joined_if_known(parts: Sequence[QuadLogps | None]) -> QuadLogps | None:
    known = [part for part in parts if part is not None]
    return _joined(known) if len(known) == len(parts) else None
