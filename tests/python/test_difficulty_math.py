"""Entropy, similarity and transport against hand maths and exhaustive search."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scpo_trl.difficulty.entropy import mean_answer_entropy, pair_entropy, token_entropy
from scpo_trl.difficulty.similarity import mean_patch_similarity
from scpo_trl.difficulty.transport import cosine_cost, patch_transport, sinkhorn_distance


class TestEntropy:
    def test_uniform_certain_and_half(self) -> None:
        logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [90.0, 0.0, 0.0, 0.0], [5.0, 5.0, -math.inf, -math.inf]])
        expected = torch.tensor([math.log(4), 0.0, math.log(2)])
        torch.testing.assert_close(token_entropy(logits), expected)

    def test_against_the_definition(self) -> None:
        probabilities = [0.7, 0.2, 0.1]
        expected = -sum(p * math.log(p) for p in probabilities)
        logits = torch.tensor([math.log(p) + 3 for p in probabilities])
        assert token_entropy(logits).item() == pytest.approx(expected, abs=1e-6)

    def test_mean_ignores_what_is_no_answer(self) -> None:
        uniform, certain = [0.0, 0.0], [90.0, 0.0]
        logits = torch.tensor([[uniform, certain, uniform], [certain, certain, uniform]])
        mask = torch.tensor([[True, True, False], [True, True, True]])
        expected = torch.tensor([math.log(2) / 2, math.log(2) / 3])
        torch.testing.assert_close(mean_answer_entropy(logits, mask), expected)

    def test_refuses_an_answer_without_tokens(self) -> None:
        with pytest.raises(ValueError, match="answer 1: has no token"):
            mean_answer_entropy(torch.zeros(2, 3, 4), torch.tensor([[True] * 3, [False] * 3]))

    def test_both_texts_weigh_the_same(self) -> None:
        torch.testing.assert_close(pair_entropy(torch.tensor([1.0]), torch.tensor([2.0])), torch.tensor([1.5]))


class TestSimilarity:
    def test_cosine_of_means_by_hand(self) -> None:
        features = torch.tensor([[[2.0, 0.0], [0.0, 2.0]]])
        other = torch.tensor([[[3.0, 0.0], [1.0, 0.0]]])
        assert mean_patch_similarity(features, other).item() == pytest.approx(1 / math.sqrt(2))
        assert mean_patch_similarity(features, -features).item() == pytest.approx(-1)

    def test_order_and_scale_do_not_matter(self) -> None:
        features = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(mean_patch_similarity(features, 7 * features.flip(1)), torch.ones(2))


def exact_cost(cost: torch.Tensor) -> float:
    """Optimal transport between uniform marginals of equal size: the best assignment (Birkhoff), by exhaustion."""
    size = len(cost)
    return min(sum(cost[i, p[i]].item() for i in range(size)) for p in permutations(range(size))) / size


class TestTransport:
    @settings(max_examples=12, deadline=None)
    @given(st.integers(3, 4), st.integers(0, 10_000))
    def test_meets_the_best_assignment_from_above(self, size: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        cost = 2 * torch.rand(1, size, size, generator=generator, dtype=torch.float64)
        exact = exact_cost(cost[0])
        for epsilon in (0.2, 0.02):
            found = sinkhorn_distance(cost, epsilon=epsilon, iterations=1500).item()
            assert exact - 1e-3 <= found <= exact + epsilon * math.log(size) + 1e-3

    def test_two_points_in_closed_form(self) -> None:
        # Cost 0 on the diagonal, 1 off it: the plan's off-diagonal mass is 1 / (1 + exp(1 / epsilon)).
        cost = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]], dtype=torch.float64)
        for epsilon in (0.1, 0.5, 2.0):
            assert sinkhorn_distance(cost, epsilon=epsilon).item() == pytest.approx(1 / (1 + math.exp(1 / epsilon)))

    def test_a_single_patch_has_no_choice(self) -> None:
        features, other = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]])
        torch.testing.assert_close(cosine_cost(features, other), torch.tensor([[[0.0, 1.0, 2.0]]]))
        assert patch_transport(features, other).item() == pytest.approx(1.0)

    def test_batches_and_order_of_patches_do_not_matter(self) -> None:
        generator = torch.Generator().manual_seed(1)
        features, other = torch.randn(3, 4, 6, generator=generator), torch.randn(3, 5, 6, generator=generator)
        together = patch_transport(features, other)
        alone = torch.cat([patch_transport(features[i : i + 1], other[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(together, alone)
        torch.testing.assert_close(patch_transport(features.flip(1), other), together)
        torch.testing.assert_close(patch_transport(other, features), together, atol=1e-3, rtol=0)

    def test_the_same_patches_in_another_order_are_nearer_than_others(self) -> None:
        features = torch.eye(4)[None]
        assert patch_transport(features, features.flip(1)).item() < 1e-6
        assert patch_transport(features, torch.eye(8)[None, 4:, 4:].flip(2) * -1).item() > 0.5

    def test_refuses_senseless_settings(self) -> None:
        for epsilon, iterations in ((0.0, 10), (math.nan, 10), (0.1, 0)):
            with pytest.raises(ValueError, match="expected positive numbers"):
                sinkhorn_distance(torch.zeros(1, 2, 2), epsilon, iterations)
