"""From a question about a training to memory by part and work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoProcessor

from scpo_trl.errors import UserError
from scpo_trl.estimate.counted_step import GRADIENTS, WEIGHTS, CountedStep, StepCounter
from scpo_trl.estimate.counting_mode import PASS_WEIGHTS
from scpo_trl.estimate.fake_policy import FakePolicy, fake_policy, model_folders
from scpo_trl.estimate.optimiser_states import optimiser_states
from scpo_trl.estimate.question import Question
from scpo_trl.estimate.sampled_rows import SampledRows, sampled_rows
from scpo_trl.losses import Objective, WeightedLoss, build_objective
from scpo_trl.losses.quad import COMBINATIONS
from scpo_trl.trainer.config import SCPOConfig, filled_in
from scpo_trl.trainer.forward.forward_path import base_model
from scpo_trl.trainer.library_mistakes import first_line
from scpo_trl.trainer.model.precision import dtype_name
from scpo_trl.trainer.model.processor_fields import complete_processor
from scpo_trl.trainer.rows.collator import COMBINATIONS_KEY, QuadCollator
from scpo_trl.trainer.rows.combinations import combinations_to_score

_GIBIBYTE = 1024**3
_OF_TABLE = 4
"""Bytes of a log-probability."""


class Estimator:
    """Answers questions about trainings of one model on one file of pairs."""

    def __init__(self) -> None:
        self._processor: Any = None
        self._rows: dict[tuple[Any, ...], SampledRows] = {}

    def answer(self, question: Question) -> dict[str, Any]:
        """Memory, by part, and work of a training.

        Args:
            question: What is asked.

        Returns:
            A JSON object: `model`, `memory` (bytes of one GPU by part, their sum, and the moment), `host` (bytes in the
            host's memory by part), `work` (floating-point operations) and `tokens`.

        Raises:
            UserError: See `fake_policy`; data that cannot be read; an optimiser that is not known here.
        """
        policy = fake_policy(question)
        arguments = policy.arguments
        processor = self._load_processor(question, policy)
        contrast = arguments.contrast_image()
        collator = QuadCollator(processor, arguments.max_length, contrast)
        objectives = _objectives(question, arguments)
        rows = self._sample(question, collator, (arguments.max_length, arguments.contrast))
        counter = StepCounter(policy.model, policy.fake, policy.path, policy.autocast)

        def count(batch: Sequence[Mapping[str, Any]], objective: Objective, scores: bool) -> CountedStep:
            blocks = combinations_to_score(objective, contrast, arguments.all_combinations)
            inputs = collator([{**row, COMBINATIONS_KEY: blocks} for row in batch])
            return counter.count(inputs, objective, question.accumulation > 1, scores)

        largest = max(
            (count(rows.largest_batch(question.batch_size), objective, False) for objective in objectives),
            key=lambda step: sum(step.at_peak.values()),
        )
        images = (question.rows or rows.total) * (1 if contrast is not None and contrast.kind == "none" else 2)
        features = min(images * largest.feature_bytes, int(arguments.feature_cache_gb * _GIBIBYTE))
        kept = 0 < features == images * largest.feature_bytes
        tokens = sorted(rows.tokens.values())
        work = {}
        if question.work:
            usual = max(
                (count(rows.usual_batch(question.batch_size), objective, True) for objective in objectives),
                key=lambda step: step.flops,
            )
            tower = usual.tower_flops if kept else 0
            work = {"work": {"pass": usual.flops - tower, "score": usual.forward_flops}}
        return {
            "model": _model(policy),
            "memory": _memory(policy, question, largest, features),
            "host": _host(policy, question, rows.total),
            **work,
            "tokens": {"longest": tokens[-1], "looked_at": len(tokens), "rows": rows.total},
        }

    def _load_processor(self, question: Question, policy: FakePolicy) -> Any:
        if self._processor is None:
            base, _ = model_folders(question)
            trusted = bool(question.settings.get("trust_remote_code"))
            try:
                self._processor = AutoProcessor.from_pretrained(base, trust_remote_code=trusted)
            except Exception as error:
                # Damaged files raise almost anything.
                raise UserError(
                    f"model: {base} has no processor that can be read ({type(error).__name__}: {first_line(error)})"
                ) from error
        complete_processor(self._processor, policy.model.config)
        return self._processor

    def _sample(self, question: Question, collator: QuadCollator, key: tuple[Any, ...]) -> SampledRows:
        if key not in self._rows:
            self._rows[key] = sampled_rows(Path(question.pairs), collator, question.batch_size)
        return self._rows[key]


def _objectives(question: Question, arguments: SCPOConfig) -> list[Objective]:
    stages: Sequence[Sequence[Mapping[str, Any]]] = question.losses or [[{"name": "scpo"}]]
    objectives = []
    for losses in stages:
        named = [WeightedLoss(one["name"], one.get("parameters", {}), one.get("weight", 1.0)) for one in losses]
        objectives.append(build_objective(filled_in(named, arguments.beta)))
    return objectives


def _model(policy: FakePolicy) -> dict[str, Any]:
    base = base_model(policy.model)
    trained = sum(tensor.count for tensor in policy.trained)
    weights = next(parameter.dtype for parameter in policy.model.parameters() if parameter.requires_grad)
    return {
        "architecture": type(base).__name__,
        "parameters": policy.parameters,
        "trained": trained,
        "stored_dtype": dtype_name(policy.stored),
        "weights_dtype": dtype_name(weights),
        "autocast_dtype": dtype_name(policy.autocast),
        "gradient_checkpointing": bool(policy.arguments.gradient_checkpointing),
        "savings": policy.path.named(),
    }


def _memory(policy: FakePolicy, question: Question, step: CountedStep, features: int) -> dict[str, Any]:
    states = optimiser_states(_optimiser(policy), policy.trained, question.gpu)
    gradients = sum(tensor.count * tensor.itemsize for tensor in policy.trained)
    lasting = {"optimiser": states.device, "feature cache": features}
    if question.processes > 1 and question.shards == 1:
        lasting["gradient buckets"] = gradients
    weights = step.at_peak.get(WEIGHTS, 0)
    passes = {**step.at_peak, **lasting}
    stepping = {WEIGHTS: weights, GRADIENTS: gradients, **lasting, "optimiser": states.device + states.stepping}
    if question.shards > 1:
        passes, stepping = (_sharded(policy, question.shards, parts) for parts in (passes, stepping))
    moment, parts = max(
        (("forward and backward pass", passes), ("step of the optimiser", stepping)),
        key=lambda named: sum(named[1].values()),
    )
    return {
        "parts": {name: size for name, size in parts.items() if size},
        "total": sum(parts.values()),
        "moment": moment,
    }


def _optimiser(policy: FakePolicy) -> str:
    return str(getattr(policy.arguments.optim, "value", policy.arguments.optim))


def _sharded(policy: FakePolicy, shards: int, parts: Mapping[str, int]) -> dict[str, int]:
    """A process's part where weights, gradients and states are shared out.

    The block under way and the one after it are whole, and what belongs to no block all the time.
    """
    itemsize = (policy.autocast or torch.float32).itemsize
    whole = 0
    blocks: list[int] = []
    seen: set[int] = set()
    for module in policy.model.modules():
        if isinstance(module, nn.ModuleList) and len(module) > 1:
            for block in module:
                own = [parameter for parameter in block.parameters() if id(parameter) not in seen]
                seen.update(map(id, own))
                blocks.append(sum(parameter.numel() for parameter in own))
    whole = sum(parameter.numel() for parameter in policy.model.parameters() if id(parameter) not in seen)
    gathered = itemsize * (whole + 2 * max(blocks, default=0))
    shared = {name: -(-parts.get(name, 0) // shards) for name in (WEIGHTS, GRADIENTS, "optimiser")}
    return {**{name: size for name, size in parts.items() if name != PASS_WEIGHTS}, **shared, PASS_WEIGHTS: gathered}


def _host(policy: FakePolicy, question: Question, rows: int) -> dict[str, int]:
    states = optimiser_states(_optimiser(policy), policy.trained, question.gpu)
    table = rows * len(COMBINATIONS) * _OF_TABLE
    # A second table remembers the initial model.
    return {"tables of reference log-probs": 2 * table, **({"paged optimiser": states.host} if states.host else {})}
