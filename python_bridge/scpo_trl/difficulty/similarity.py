"""Similarity of two images as the model sees them (the method's s_CLIP)."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_patch_similarity(features: Tensor, other: Tensor) -> Tensor:
    """Give the cosine between the mean patch features of two images.

    LLaVA drops the tower's CLS token, which nothing trained then; the mean over patches stands in for it.

    Args:
        features: Patch features of the first images, shape (B, P, H).
        other: Patch features of the second images, shape (B, Q, H).

    Returns:
        Cosine, shape (B,), float32; -1 to 1, and 0 where a mean vanishes.

    Source: the paper names a semantic proximity s_CLIP; mean patch features are our reconstruction.
    """
    mean, other_mean = features.float().mean(dim=1), other.float().mean(dim=1)
    return torch.nn.functional.cosine_similarity(mean, other_mean, dim=-1)
