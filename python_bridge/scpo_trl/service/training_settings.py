"""The settings of a directed training: what the client set, what the director says, what the service decides."""

from __future__ import annotations

import torch

from scpo.v1 import trainer_pb2
from scpo_trl.errors import UserError
from scpo_trl.settings.decided import CLIENTS
from scpo_trl.settings.parsing import OF_ADAPTERS, TrainingSettings
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.model.precision import Precision, autocast_dtype

FIELD = "start.settings"

_LARGEST_SEED = 2**32 - 1


_OF_LOADING = ("model_init_kwargs", "trust_remote_code")


def require_clients_values(settings: TrainingSettings, field: str) -> None:
    """Refuses what only somebody may set who could run code here anyway.

    Args:
        settings: Of a request.
        field: Its field, for messages.

    Raises:
        UserError: A setting has code run, reaches other services or reads files.
    """
    for name, value in {**settings.training, **settings.model}.items():
        allowed = CLIENTS.get(name)
        if allowed is None or value in allowed or value == [] or (isinstance(value, list) and set(value) <= {*allowed}):
            continue
        raise UserError(
            f"{field}.{name}: found {value!r}, but this service listens on a TCP address and takes only "
            f"{', '.join(map(repr, allowed))} there; start it with --allow-remote-code if you trust every client"
        )


def require_as_loaded(settings: TrainingSettings, loaded: TrainingSettings) -> None:
    """Refuses settings of the model that the loaded model does not have, or that this training leaves out.

    Args:
        settings: Of the training.
        loaded: Those that the model was loaded with.

    Raises:
        UserError: Names the setting and both values.
    """
    of_adapters = {"use_peft", *OF_ADAPTERS}
    for name in {**settings.model, **loaded.model}:
        asked, had = settings.model.get(name), loaded.model.get(name)
        # A new adapter is made by the training; what else is said of the model was done when it was loaded.
        one_sided = name not in loaded.model if name in of_adapters else name not in settings.model
        if asked != had and not one_sided:
            raise UserError(
                f"{FIELD}.{name}: found {asked!r}, but the model was loaded with {had!r}: give LoadModel and Train the "
                "same settings"
            )


def check_numbers(start: trainer_pb2.StartTraining) -> None:
    """Raises `UserError` at a number of the request that no training takes."""
    for name in ("batch_size", "gradient_accumulation_steps"):
        if getattr(start, name) < 1:
            raise UserError(f"start.{name}: found 0, expected at least 1")
    if start.seed > _LARGEST_SEED:
        raise UserError(f"start.seed: found {start.seed}, expected at most {_LARGEST_SEED}")


def training_config(
    start: trainer_pb2.StartTraining,
    settings: TrainingSettings,
    autocast: torch.dtype | None,
    directory: str,
    processes: int,
    device: torch.device,
) -> SCPOConfig:
    """The configuration of the trainer.

    Args:
        start: What the training begins with.
        settings: Its settings, see `parse_training`.
        autocast: What the passes compute in, see `passes_dtype`.
        directory: Where checkpoints go.
        processes: How many processes train together.
        device: Where this one computes.

    Raises:
        UserError: a value is out of its range, or settings exclude each other.
    """
    batch_size, accumulation = shared_out(start.batch_size, start.gradient_accumulation_steps, processes)
    on_cpu = device.type == "cpu"
    # The model is there already.
    given = {name: value for name, value in settings.training.items() if name not in _OF_LOADING}
    left_out = {
        "max_length": None,
        # Each stage brings its own losses; what reads least lets any contrast begin.
        "loss_type": ["dpo"],
        "gradient_checkpointing": not on_cpu,
        "dataloader_pin_memory": not on_cpu,
        # Otherwise the trainer writes use_cache=false into the model's config, and checkpoints generate slowly.
        "use_cache": True,
    }
    # The director decides about stages, steps, rates and checkpoints: what remains is what holds for all of them.
    decided = {
        "output_dir": directory,
        "per_device_train_batch_size": batch_size,
        "gradient_accumulation_steps": accumulation,
        "seed": start.seed,
        "use_cpu": on_cpu,
        "bf16": autocast == torch.bfloat16,
        "fp16": autocast == torch.float16,
        "save_strategy": "no",
        # The trackers that report_to names get every step's figures.
        "logging_strategy": "steps" if _trackers(settings) else "no",
        "logging_steps": 1,
        "eval_strategy": "no",
        "disable_tqdm": True,
    }
    try:
        return SCPOConfig(**{**left_out, **given, **decided})
    except (UserError, ValueError, TypeError, ImportError) as error:
        raise UserError(f"{FIELD}: {' '.join(str(error).split())}") from error


def _trackers(settings: TrainingSettings) -> bool:
    return settings.training.get("report_to", "none") not in ("none", None, [], ["none"])


def passes_dtype(settings: TrainingSettings, stored: torch.dtype, device: torch.device) -> torch.dtype | None:
    """What the passes compute in where that is not the type of the weights.

    Args:
        settings: Of the training.
        stored: What the weights were stored in.
        device: Where the training computes.

    Raises:
        UserError: the device cannot compute so, or two types are asked for.
    """
    bf16, fp16 = settings.training.get("bf16"), settings.training.get("fp16", False)
    if bf16 and fp16:
        raise UserError(f"{FIELD}.fp16: found true beside bf16, expected one of the two")
    precision: Precision = "fp16" if fp16 else "bf16" if bf16 else "auto" if bf16 is None else "float32"
    return autocast_dtype(precision, stored, device, f"{FIELD}.{precision if fp16 or bf16 else 'bf16'}")


def shared_out(batch_size: int, accumulation: int, processes: int) -> tuple[int, int]:
    """Share the pairs of an optimiser step out over the processes.

    Args:
        batch_size: Pairs of a forward pass in all processes together.
        accumulation: Forward passes of an optimiser step.
        processes: Number of processes.

    Returns:
        Pairs of a forward pass in one process, and its forward passes of an optimiser step.

    Raises:
        UserError: Neither number can be divided by the processes.
    """
    if batch_size % processes == 0:
        return batch_size // processes, accumulation
    if accumulation % processes == 0:
        return batch_size, accumulation // processes
    raise UserError(
        f"start.batch_size: found {batch_size} pairs and {accumulation} accumulation steps for {processes} processes, "
        f"expected a multiple of {processes} in one of the two"
    )
