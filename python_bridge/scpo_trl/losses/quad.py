"""The log-probabilities of a contrast quadruple: two texts, each on two images or on none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from scpo_trl.errors import UserError

COMBINATIONS = ("ww", "lw", "wl", "ll", "w0", "l0")
"""Text letter, then image letter: `w` is the chosen text or `images`, `l` the rejected text or `rejected_images`, `0`
the prompt with its images left out."""


class _SixValues(NamedTuple):
    ww: Tensor
    """chosen given images."""
    lw: Tensor
    """rejected given images."""
    wl: Tensor
    """chosen given rejected_images."""
    ll: Tensor
    """rejected given rejected_images."""
    w0: Tensor
    """chosen given the prompt alone."""
    l0: Tensor
    """rejected given the prompt alone."""


class QuadLogps(_SixValues):
    """One value for each combination of text and image, in the order of `COMBINATIONS`.

    `ww` and `ll` are the matched combinations. Every tensor has shape (B,): log-probabilities in nats summed over the
    completion's tokens, or, where a name says so, rewards (beta times a difference of such log-probabilities). A
    combination that was not computed holds NaN and has no gradient.

    Args:
        ww: chosen given images.
        lw: rejected given images.
        wl: chosen given rejected_images.
        ll: rejected given rejected_images.
        w0: chosen given the prompt alone; None: not computed.
        l0: rejected given the prompt alone; None: not computed.
    """

    __slots__ = ()

    def __new__(
        cls, ww: Tensor, lw: Tensor, wl: Tensor, ll: Tensor, w0: Tensor | None = None, l0: Tensor | None = None
    ) -> QuadLogps:
        return super().__new__(cls, ww, lw, wl, ll, _or_nan(w0, ww), _or_nan(l0, ww))

    @classmethod
    def of(cls, values: Mapping[str, Tensor]) -> QuadLogps:
        """The given combinations, by name, and NaN for the rest.

        Args:
            values: At least one combination of `COMBINATIONS`, each (B,).

        Raises:
            UserError: a name is no combination, or none is given.
        """
        for name in values:
            if name not in COMBINATIONS:
                raise UserError(f"unknown combination {name!r}: expected some of {', '.join(COMBINATIONS)}")
        if not values:
            raise UserError(f"found no combination of text and image: expected some of {', '.join(COMBINATIONS)}")
        like = next(iter(values.values()))
        return cls(*(_or_nan(values.get(name), like) for name in COMBINATIONS))

    def detach(self) -> QuadLogps:
        """The same values, cut from the graph."""
        return QuadLogps(*(value.detach() for value in self))

    def minus(self, other: QuadLogps) -> QuadLogps:
        """The elementwise difference to `other`: with the reference as `other`, D(y|v) of every combination."""
        return QuadLogps(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def scaled(self, factor: float) -> QuadLogps:
        """Every value times `factor`."""
        return QuadLogps(*(factor * value for value in self))


def _or_nan(value: Tensor | None, like: Tensor) -> Tensor:
    return torch.full_like(like.detach(), torch.nan) if value is None else value
