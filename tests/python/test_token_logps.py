"""Log-probabilities of tokens against log-softmax."""

from __future__ import annotations

import pytest
import torch

from scpo_trl.trainer.forward.token_logps import token_logps

POSITIONS = torch.tensor([[0, 1, 2, 0, 3, 4], [1, 1, 0, 2, 4, 3], [0, 1, 2, 3, 4, 4]])


def inputs(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = 4 * torch.randn(3, 6, 11, generator=generator, dtype=torch.float64)
    return logits.to(dtype), torch.randint(11, (3, 6), generator=generator)


def by_log_softmax(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    rows = torch.arange(3)[:, None]
    return logits.log_softmax(-1)[rows, POSITIONS].gather(-1, labels[..., None])[..., 0]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_values_and_gradients_are_those_of_log_softmax(dtype: torch.dtype, tolerance: float) -> None:
    logits, labels = inputs(dtype)
    mine, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found, expected = token_logps(mine, labels, POSITIONS), by_log_softmax(other, labels)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    weights = torch.arange(18.0, dtype=dtype).reshape(3, 6)
    for result in (found, expected):
        (result * weights).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad, rtol=tolerance, atol=10 * tolerance)


def test_half_precision_is_rounded_in_the_logits_alone() -> None:
    logits, labels = inputs(torch.bfloat16)
    logits.requires_grad_()
    found = token_logps(logits, labels, POSITIONS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, by_log_softmax(logits.double(), labels).float(), rtol=1e-6, atol=1e-6)
    found.sum().backward()
    assert logits.grad is not None
    assert logits.grad.dtype == torch.bfloat16


def test_a_position_that_predicts_nothing_gets_no_gradient() -> None:
    logits, labels = inputs(torch.float32)
    logits.requires_grad_()
    token_logps(logits, labels, POSITIONS).sum().backward()
    assert logits.grad is not None
    assert logits.grad[:, 5].abs().max() == 0
