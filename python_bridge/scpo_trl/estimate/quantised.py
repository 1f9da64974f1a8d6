"""Linear layers in 4 or 8 bits, with the shapes and the copies that bitsandbytes gives them and without its kernels."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

Bits = Literal[4, 8]

_BLOCK = 64
"""Weights of one scale in 4 bits."""
_NESTED_BLOCK = 256
"""Scales of one scale of scales."""


def quantise(model: Any, bits: Bits, nested: bool, compute: torch.dtype) -> None:
    """Replaces every linear layer but that of the logits.

    Args:
        model: A fake one, within its mode.
        bits: Of a weight.
        nested: Whether the scales of 4 bits are quantised too.
        compute: What layers of 4 bits compute in.
    """
    logits = model.get_output_embeddings()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear and child is not logits:
                setattr(module, name, _QuantisedLinear(child, bits, nested, compute))
    for parameter in model.parameters():
        parameter.requires_grad_(False)


class _QuantisedLinear(nn.Linear):
    """A frozen layer; its weight is made whole for each product and dropped again."""

    def __init__(self, layer: nn.Linear, bits: Bits, nested: bool, compute: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.compute = compute
        count = layer.weight.numel()
        stored = torch.empty(count * bits // 8, 1, dtype=torch.uint8)
        self.weight = nn.Parameter(stored, requires_grad=False)
        if bits == 8:
            scales = torch.empty(self.out_features * 4, dtype=torch.uint8)
        else:
            blocks = -(-count // _BLOCK)
            scales = torch.empty(blocks + 4 * -(-blocks // _NESTED_BLOCK) if nested else 4 * blocks, dtype=torch.uint8)
        self.register_buffer("scales", scales)
        self.bias = layer.bias

    def forward(self, input: Tensor) -> Tensor:
        product: Any = _Product.apply(input.to(self.compute), self.out_features)
        return (product if self.bias is None else product + self.bias.to(self.compute)).to(input.dtype)


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, width: int) -> Tensor:
        ctx.shape = width, values.shape[-1]
        return values @ values.new_empty(ctx.shape).t()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return gradient @ gradient.new_empty(ctx.shape), None
