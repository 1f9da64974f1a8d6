"""The four log-probabilities of a contrast quadruple."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class QuadLogps(NamedTuple):
    """One value for each combination of text and image; the text's letter first, the image's second.

    `w` is the chosen text or `images`, `l` the rejected text or `rejected_images`, so `ww` and `ll` are the matched
    combinations. Every tensor has shape (B,): log-probabilities in nats summed over the completion's tokens, or, where
    a name says so, rewards (beta times a difference of such log-probabilities).
    """

    ww: Tensor
    """chosen given images."""
    lw: Tensor
    """rejected given images."""
    wl: Tensor
    """chosen given rejected_images."""
    ll: Tensor
    """rejected given rejected_images."""

    def detach(self) -> QuadLogps:
        """The same values, cut from the graph."""
        return QuadLogps(*(value.detach() for value in self))

    def minus(self, other: QuadLogps) -> QuadLogps:
        """The elementwise difference to `other`: with the reference as `other`, D(y|v) of every combination."""
        return QuadLogps(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def scaled(self, factor: float) -> QuadLogps:
        """Every value times `factor`."""
        return QuadLogps(*(factor * value for value in self))
