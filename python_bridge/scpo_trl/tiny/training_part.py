"""One part of the recipe: optimiser steps under one learning-rate schedule, with progress lines."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from scpo_trl.tiny.evaluate import Figures


def build_optimizer(module_list: Sequence[nn.Module], learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Give AdamW over all parameters of some modules; only matrices decay."""
    parameters = [parameter for module in module_list for parameter in module.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)


@dataclass
class Clock:
    """Progress of one part from 0 to 1, counted in steps or, with `seconds`, in time."""

    steps: int
    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def progress(self, step: int) -> float:
        """Share of the part that is over before `step` (counted from 0)."""
        if self.seconds is None:
            return step / self.steps
        return min((time.monotonic() - self.started) / self.seconds, 1.0)


def learning_rate_factor(progress: float, warmup: float = 0.05) -> float:
    """Give the factor of the peak learning rate: linear warm-up, then half a cosine down to 2 %."""
    if progress < warmup:
        return (progress + 0.002) / (warmup + 0.002)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def run_part(
    name: str,
    clock: Clock,
    optimizer: torch.optim.AdamW,
    loss_of: Callable[[], torch.Tensor],
    report: Callable[[str], None],
    check: Callable[[], Figures] | None = None,
) -> list[float]:
    """Take optimiser steps until the part is over.

    Args:
        name: Name of the part in its progress lines.
        clock: Tells when it is over.
        optimizer: Its learning rates are the peaks of the schedule.
        loss_of: Draws a batch and gives its loss, a scalar.
        report: Takes a progress line every ten seconds.
        check: Gives figures for a line every minute.

    Returns:
        The losses, one a step.
    """
    peak = [float(group["lr"]) for group in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    losses: list[float] = []
    told = checked = time.monotonic()
    told_step = 0
    while (progress := clock.progress(len(losses))) < 1:
        for group, rate in zip(optimizer.param_groups, peak, strict=True):
            group["lr"] = rate * learning_rate_factor(progress)
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
        now = time.monotonic()
        if now - told >= 10:
            step = len(losses)
            pace = (step - told_step) / (now - told)
            done = clock.progress(step)
            left = (now - clock.started) * (1 - done) / max(done, 1e-6)
            recent = losses[told_step:]
            report(f"{name}: step {step}, loss {sum(recent) / len(recent):.4f}, {pace:.2f} it/s, ETA {left:.0f} s")
            told, told_step = now, step
            if check is not None and now - checked >= 60:
                report(f"{name}: step {step}, validation {check()}")
                checked = told = time.monotonic()
    return losses
