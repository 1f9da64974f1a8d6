"""The policy as a training would have it: its types, adapters, frozen and checkpointed parts, on fake weights."""

from __future__ import annotations

import json
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from scpo.v1 import trainer_pb2
from scpo_trl.errors import UserError
from scpo_trl.estimate.optimiser_states import Trained
from scpo_trl.estimate.quantised import quantise
from scpo_trl.estimate.question import Question
from scpo_trl.estimate.unloaded_model import read_config, unloaded_model, without_values
from scpo_trl.service.adapters import adapted
from scpo_trl.service.model_folder import ADAPTER_SETTINGS
from scpo_trl.service.model_source import ModelSource
from scpo_trl.service.training_settings import training_config
from scpo_trl.settings.parsing import TrainingSettings, parse_training
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.forward.forward_path import ForwardPath, base_model, choose_path
from scpo_trl.trainer.model.freezing import freeze
from scpo_trl.trainer.model.trainable import require_trainable

FIELD = "training"

_ONLY_ELSEWHERE = ("tf32", "report_to", "model_init_kwargs")
"""Settings that say nothing of memory and that a machine without a GPU or a tracker refuses."""


@dataclass(frozen=True)
class FakePolicy:
    """A policy without values.

    Attributes:
        model: In training mode.
        fake: Mode of its weights.
        arguments: Those of its trainer.
        stored: What its weights are stored in.
        autocast: What the passes compute in where that is not the type of the weights.
        path: Savings of the forward pass.
        parameters: Number of weights of the model without adapters.
    """

    model: Any
    fake: FakeTensorMode
    arguments: SCPOConfig
    stored: torch.dtype
    autocast: torch.dtype | None
    path: ForwardPath
    parameters: int

    @property
    def trained(self) -> list[Trained]:
        """What an optimiser is asked to remember."""
        tables = {id(module.weight) for module in self.model.modules() if isinstance(module, nn.Embedding)}
        return [
            Trained(tuple(parameter.shape), parameter.element_size(), id(parameter) in tables)
            for parameter in self.model.parameters()
            if parameter.requires_grad
        ]


def model_folders(question: Question) -> tuple[str, Path | None]:
    """Where a model's configuration is, and the folder of its adapter.

    Raises:
        UserError: An adapter that does not name its base.
    """
    adapter = Path(question.model)
    if not (adapter / ADAPTER_SETTINGS).is_file():
        return question.model, None
    try:
        return str(json.loads((adapter / ADAPTER_SETTINGS).read_text())["base_model_name_or_path"]), adapter
    except (ValueError, KeyError) as error:
        raise UserError(f"model: {adapter / ADAPTER_SETTINGS} names no base_model_name_or_path") from error


def fake_policy(question: Question) -> FakePolicy:
    """The policy that a question is about.

    Raises:
        UserError: A setting that is not taken, a model that cannot be made, an adapter that does not fit.
    """
    given = {name: value for name, value in question.settings.items() if name not in _ONLY_ELSEWHERE}
    settings = parse_training(json.dumps(given), FIELD)
    options = settings.model_config(FIELD)
    base, adapter = model_folders(question)
    config: Any = read_config(base, options.model_revision, bool(settings.training.get("trust_remote_code")))
    stored = _stored(config, settings)
    bits = 4 if options.load_in_4bit else 8 if options.load_in_8bit else None
    carries = adapter is not None or options.use_peft
    if bits is not None and not carries:
        raise UserError(f"{FIELD}.load_in_{bits}bit: a quantised model trains with an adapter alone: set use_peft")
    attention = options.attn_implementation
    savings_off = list(settings.training.get("savings_off") or [])
    if attention not in (None, "eager", "sdpa"):
        # Kernels of a GPU keep what SDPA's keep.
        savings_off += [] if attention == "flex_attention" else ["shared_prefix"]
        attention = "sdpa"
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    # bfloat16 stands for float16 throughout: it is as long, and a CPU mixes it with float32.
    narrow = torch.bfloat16 if stored.itemsize < torch.float32.itemsize else stored
    model = unloaded_model(config, narrow if carries else torch.float32, attention)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    autocast = _autocast(settings, stored)
    arguments = _arguments(question, settings, autocast)
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        if bits is not None:
            quantise(model, bits, bool(options.use_bnb_nested_quant), _quantised_type(config, options))
        if adapter is not None:
            from peft import PeftConfig, get_peft_model

            loaded = PeftConfig.from_pretrained(str(adapter))
            loaded.inference_mode = False
            model = get_peft_model(model, loaded)
        else:
            source = ModelSource(question.model, Path(base), base, None, None, Path(base))
            model = adapted(model, source, settings, 0, FIELD)
        if bits is not None:
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.to(torch.bfloat16)
        freeze(model, arguments.frozen_prefixes)
        require_trainable(model, arguments.frozen_prefixes)
        if arguments.gradient_checkpointing:
            if carries:
                model.enable_input_require_grads()
            base_model(model).gradient_checkpointing_enable(arguments.gradient_checkpointing_kwargs)
    without_values(model, fake)
    path = choose_path(model, savings_off)
    return FakePolicy(model.train(), fake, arguments, stored, autocast, path, parameters)


def _stored(config: Any, settings: TrainingSettings) -> torch.dtype:
    asked = settings.model.get("dtype")
    if asked not in (None, "auto"):
        return getattr(torch, asked)
    return config.dtype or torch.float32


def _quantised_type(config: Any, options: Any) -> torch.dtype:
    name = options.dtype if isinstance(options.dtype, str) and options.dtype != "auto" else None
    return getattr(torch, name) if name is not None else config.dtype or torch.float32


def _autocast(settings: TrainingSettings, stored: torch.dtype) -> torch.dtype | None:
    if settings.training.get("fp16"):
        return torch.bfloat16
    asked = settings.training.get("bf16")
    return torch.bfloat16 if (asked or (asked is None and stored.itemsize < 4)) else None


def _arguments(question: Question, settings: TrainingSettings, autocast: torch.dtype | None) -> SCPOConfig:
    training = {"gradient_checkpointing": question.gpu, **settings.training}
    if training["gradient_checkpointing"] is None:
        training["gradient_checkpointing"] = question.gpu
    start = trainer_pb2.StartTraining(batch_size=question.batch_size, gradient_accumulation_steps=question.accumulation)
    given = TrainingSettings(training, settings.model)
    return training_config(start, given, autocast, tempfile.gettempdir(), 1, torch.device("cpu"))
