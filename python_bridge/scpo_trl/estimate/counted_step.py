"""One forward and backward pass of a training, counted: the code of the training itself, on shapes without values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from accelerate.utils import convert_outputs_to_fp32
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from scpo_trl.estimate.counting_mode import CountingMode
from scpo_trl.losses import Objective
from scpo_trl.losses.batch import LossInput
from scpo_trl.losses.quad import QuadLogps
from scpo_trl.trainer.forward.forward import completion_tokens, quad_logps
from scpo_trl.trainer.forward.forward_path import ForwardPath, vision_tower
from scpo_trl.trainer.forward.tower_features import TowerFeatures

WEIGHTS, GRADIENTS = "weights", "gradients"


@dataclass(frozen=True)
class CountedStep:
    """What one forward and backward pass takes.

    Attributes:
        at_peak: Bytes by part when most are alive.
        flops: Floating-point operations of both passes.
        forward_flops: Those of a pass that scores alone.
        tower_flops: Those of them that a frozen vision tower takes.
        feature_bytes: What an image's features take in the cache; 0: none are kept.
    """

    at_peak: Mapping[str, int]
    flops: int
    forward_flops: int
    tower_flops: int
    feature_bytes: int


class StepCounter:
    """Counts passes of a fake model.

    Args:
        model: In training mode, with adapters, frozen and checkpointed as it will be trained.
        fake: Mode of its weights.
        path: Savings of the forward pass.
        autocast: What the passes compute in where that is not the type of the weights.
    """

    def __init__(self, model: Any, fake: FakeTensorMode, path: ForwardPath, autocast: torch.dtype | None) -> None:
        self._model = model
        self._fake = fake
        self._path = path
        self._autocast = autocast
        self._tower = TowerFeatures(model) if path.encode_once or path.cached_features else None
        if autocast is not None:
            # As accelerate wraps it.
            model.forward = convert_outputs_to_fp32(torch.autocast("cpu", dtype=autocast)(model.forward))

    def count(self, batch: Mapping[str, Any], objective: Objective, accumulates: bool, scores: bool) -> CountedStep:
        """Counts the passes over a batch.

        Args:
            batch: From `QuadCollator`.
            objective: What is minimised.
            accumulates: Whether gradients of a pass before are there already.
            scores: Whether a pass that scores alone is counted too.
        """
        vocabulary = self._model.config.get_text_config().vocab_size
        mode = CountingMode(self._fake, vocabulary)
        trained = [parameter for parameter in self._model.parameters() if parameter.requires_grad]
        with ExitStack() as stack:
            for parameter in trained:
                hook = parameter.register_post_accumulate_grad_hook(lambda weight: _claim_gradient(mode, weight))
                stack.callback(hook.remove)
            stack.enter_context(self._fake)
            stack.enter_context(mode)
            mode.claim([*self._model.parameters(), *self._model.buffers()], WEIGHTS)
            inputs = {name: self._without_value(value) for name, value in batch.items()}
            tower_flops, feature_bytes = self._count_tower(mode, inputs)
            forward_flops = 0
            if scores:
                with torch.no_grad():
                    mode.forget_peak()
                    quad_logps(self._model, inputs, self._path, self._tower)
                    forward_flops = mode.flops
            if accumulates:
                for parameter in trained:
                    parameter.grad = torch.zeros_like(parameter)
                    _claim_gradient(mode, parameter)
            mode.forget_peak()
            policy = quad_logps(self._model, inputs, self._path, self._tower)
            reference = QuadLogps(*(torch.zeros_like(logps) for logps in policy))
            loss = objective(LossInput(policy, reference, *completion_tokens(inputs))).losses.mean()
            loss.backward()
            for parameter in trained:
                parameter.grad = None
        return CountedStep(mode.at_peak, mode.flops, forward_flops, tower_flops, feature_bytes)

    def _without_value(self, value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return self._fake.from_tensor(value)
        return value

    def _count_tower(self, mode: CountingMode, inputs: Mapping[str, Any]) -> tuple[int, int]:
        """Operations of a frozen tower over the distinct images of a batch, and the bytes of the features of one."""
        pixels = inputs.get("pixel_values")
        if self._tower is None or pixels is None or not self._path.cached_features:
            return 0, 0
        layers = self._model.config.vision_feature_layer
        layers = [layers] if isinstance(layers, int) else list(layers)
        with torch.no_grad(), torch.autocast("cpu", dtype=self._autocast, enabled=self._autocast is not None):
            mode.forget_peak()
            tower: nn.Module = vision_tower(self._model)
            hidden = tower(pixels[:1], output_hidden_states=True).hidden_states
        kept = sum(hidden[layer].numel() * hidden[layer].element_size() for layer in layers)
        shown = [block[1] for block in inputs["combinations"] if block[1] != "0"]
        distinct = len(pixels) // len(shown) * len(set(shown)) if self._path.encode_once else len(pixels)
        return mode.flops * distinct, kept


def _claim_gradient(mode: CountingMode, parameter: Tensor) -> None:
    if parameter.grad is not None:
        mode.claim([parameter.grad], GRADIENTS)
