"""Train: one training, directed over its stream."""

from __future__ import annotations

import gc
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import extract_model_from_parallel
from transformers import PrinterCallback

from scpo.v1 import trainer_pb2
from scpo_trl.dialogue.job import CancelledWork, Job
from scpo_trl.dialogue.messages import require_checkpoint_name
from scpo_trl.dialogue.one_line import one_line
from scpo_trl.dialogue.remote_director import RemoteDirector
from scpo_trl.dialogue.shared_director import SharedDirector
from scpo_trl.errors import NonFiniteLossError, UserError
from scpo_trl.service.adapters import adapted, has_adapter
from scpo_trl.service.model_folder import check_saved
from scpo_trl.service.model_store import LoadedModel
from scpo_trl.service.opened_file import OpenedFile
from scpo_trl.service.own_folders import prepare_trainings
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.processes import Processes
from scpo_trl.service.roots import Roots
from scpo_trl.service.telemetry import TelemetrySender
from scpo_trl.service.training_settings import FIELD, check_numbers, passes_dtype, require_as_loaded, training_config
from scpo_trl.settings.parsing import TrainingSettings, parse_training
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.director import Director
from scpo_trl.trainer.forward.forward_path import base_model
from scpo_trl.trainer.library_mistakes import library_mistakes
from scpo_trl.trainer.model.precision import dtype_name, widen_weights
from scpo_trl.trainer.model.sealed_folder import folder_damage
from scpo_trl.trainer.out_of_memory import is_out_of_memory
from scpo_trl.trainer.scpo_trainer import SCPOTrainer

logger = logging.getLogger(__name__)


def train_responses(
    start: trainer_pb2.StartTraining,
    settings: TrainingSettings,
    requests: Iterator[trainer_pb2.TrainRequest] | None,
    job: Job,
    emit: Callable[[trainer_pb2.TrainResponse], None],
    loaded: LoadedModel,
    files: PairFiles,
    roots: Roots,
    processes: Processes,
) -> None:
    """Train the loaded model in place, on float32 weights, as the requests direct, and emit what happens.

    A loss that is not finite, too little memory and a damaged training to resume from are emitted as TrainingFailed.

    A training that fails or is cancelled leaves the weights as its last step made them; load the model again to begin
    anew.

    Args:
        start: What the training begins with.
        settings: Those in it.
        requests: The rest of the stream; None in a process that follows the first.
        job: Cancelled when the client goes away.
        emit: Sends one response.
        loaded: The model to train.
        files: Opens the data set.
        roots: Where checkpoints may go.
        processes: Those that train together; `emit` counts in the first only.

    Raises:
        UserError: A field is out of range, the dialogue is broken, the data are damaged, the disk is full.
        CancelledWork: The client went away.
    """
    check_numbers(start)
    require_as_loaded(settings, loaded.settings)
    autocast = passes_dtype(settings, loaded.stored_dtype, loaded.model.device)
    require_checkpoint_name(start.resume_from, "start.resume_from")
    if settings.training.get("feature_cache_dir"):
        roots.target(settings.training["feature_cache_dir"], f"{FIELD}.feature_cache_dir")
    made = settings.training.get("contrast") is not None
    opened = files.open_pairs(start.dataset.path, start.dataset.sha256, "start.dataset", made=made)
    # Training decodes them in a library.
    opened.check_headers()
    began = time.monotonic()
    with ExitStack() as stack:
        if start.checkpoint_directory:
            target = roots.target(start.checkpoint_directory, "start.checkpoint_directory")
            prepare_trainings(roots, target, "start.checkpoint_directory")
            directory = str(target)
        else:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="scpo-training-"))
        recorder = None
        if start.telemetry_endpoint and processes.first:
            sender = TelemetrySender(start.telemetry_endpoint)
            stack.callback(sender.close)
            recorder = sender.record
        resume_from: Path | None = None
        if start.resume_from:
            resume_from = roots.target(str(Path(directory) / start.resume_from), "start.resume_from")
            damage = folder_damage(resume_from)
            if damage is not None:
                emit(_failed(f"{start.resume_from}: {damage}", checkpoint_damaged={"name": start.resume_from}))
                return
            check_saved(resume_from, "start.resume_from")
        director: Director | None = None
        pairs_per_step = start.batch_size * start.gradient_accumulation_steps
        if requests is not None:
            director = remote = RemoteDirector(
                job,
                emit,
                rows=opened.dataset.num_rows,
                pairs_per_step=pairs_per_step,
                checkpoints=bool(start.checkpoint_directory),
                beta=settings.training.get("beta", SCPOConfig.beta),
            )
            threading.Thread(target=remote.read, args=(requests,), name="scpo-requests", daemon=True).start()
        if director is None or processes.size > 1:
            director = SharedDirector(processes, director, pairs_per_step)
        bare = loaded.model
        required: list[tuple[Any, bool]] = []
        failed: trainer_pb2.TrainResponse | None = None
        trainer: SCPOTrainer | None = None
        steps = 0
        try:
            with _naming_damaged_images(opened):
                config = training_config(start, settings, autocast, directory, processes.size, loaded.model.device)
                loaded.model = adapted(loaded.model, loaded.source, settings, start.seed, FIELD)
                required = [(parameter, parameter.requires_grad) for parameter in loaded.model.parameters()]
                trainer = _create_trainer(config, loaded, opened, director, recorder)
                trainable = sum(p.numel() for p in loaded.model.parameters() if p.requires_grad)
                started = trainer_pb2.TrainingStarted(
                    trainable_parameters=trainable,
                    stored_dtype=dtype_name(loaded.stored_dtype),
                    weights_dtype=dtype_name(_trained_dtype(loaded.model)),
                    autocast_dtype=dtype_name(autocast),
                )
                processes.share(lambda: emit(trainer_pb2.TrainResponse(started=started)))
                with library_mistakes():
                    trainer.train(resume_from_checkpoint=None if resume_from is None else str(resume_from))
                steps = trainer.state.global_step
        except NonFiniteLossError as error:
            failed = _failed(
                str(error),
                loss_not_finite={
                    "step": error.step,
                    "stage": error.stage,
                    "pairs": error.pairs,
                    "bad_pairs": error.bad_pairs,
                },
            )
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("out of memory", exc_info=error)
            steps = 0 if trainer is None else trainer.state.global_step
            failed = _failed(one_line(f"{type(error).__name__}: {error}"), out_of_memory={"step": steps})
        finally:
            loaded.model.zero_grad(set_to_none=True)
            for parameter, wanted in required:
                parameter.requires_grad_(wanted)
            loaded.model.eval()
            _unwrap(loaded.model)
            if trainer is None and loaded.model is not bare:
                # Nothing was trained: the next training begins with an adapter of its own.
                loaded.model = loaded.model.unload()
            trainer = None
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    if failed is not None:
        emit(failed)
        return
    seconds = time.monotonic() - began
    emit(trainer_pb2.TrainResponse(ended=trainer_pb2.TrainingEnded(steps=steps, seconds=seconds)))


def _failed(message: str, **cause: Any) -> trainer_pb2.TrainResponse:
    return trainer_pb2.TrainResponse(failed=trainer_pb2.TrainingFailed(message=message, **cause))


def follow_training(
    start: trainer_pb2.StartTraining, loaded: LoadedModel, files: PairFiles, roots: Roots, processes: Processes
) -> None:
    """Take part in the training that the first process is directed in; errors as `train_responses`."""
    settings = parse_training(start.settings, FIELD)
    train_responses(start, settings, None, Job("a training"), lambda response: None, loaded, files, roots, processes)


def _create_trainer(
    config: SCPOConfig,
    loaded: LoadedModel,
    opened: OpenedFile,
    director: Director,
    recorder: Callable[..., None] | None,
) -> SCPOTrainer:
    # An adapter's own weights are float32 already; its base stays as it was loaded.
    if not has_adapter(loaded.model):
        widen_weights(loaded.model)
    trainer = SCPOTrainer(
        model=loaded.model,
        args=config,
        train_dataset=opened.dataset,
        processing_class=loaded.processor,
        director=director,
        record_pairs=recorder,
    )
    # Standard output belongs to whoever started the service.
    trainer.remove_callback(PrinterCallback)
    return trainer


def _trained_dtype(model: Any) -> torch.dtype | None:
    return next((parameter.dtype for parameter in model.parameters() if parameter.requires_grad), None)


def _unwrap(model: Any) -> None:
    """Undo what a training leaves on a model: mixed precision's forward, gradient checkpointing and its hooks."""
    extract_model_from_parallel(model, keep_fp32_wrapper=False)
    base_model(model).disable_input_require_grads()
    if getattr(model, "is_gradient_checkpointing", False):
        model.gradient_checkpointing_disable()


class _naming_damaged_images:
    """Turns a failure into a line that names file, row and column when a damaged image is behind it.

    Only a failed training pays for decoding every image.
    """

    def __init__(self, opened: OpenedFile) -> None:
        self._opened = opened

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        expected = isinstance(error, (UserError, CancelledWork))
        if isinstance(error, Exception) and not expected and not is_out_of_memory(error):
            self._opened.check_images(range(self._opened.dataset.num_rows))
