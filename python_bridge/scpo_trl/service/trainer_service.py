"""The trainer service's calls; each hands its work to the module that does it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator

import grpc
import torch

import scpo_trl
from scpo.v1 import trainer_pb2, trainer_pb2_grpc
from scpo_trl.dialogue.job import Job
from scpo_trl.dialogue.protocol import PROTOCOL_VERSION
from scpo_trl.errors import UserError
from scpo_trl.losses import loss_names
from scpo_trl.service.adapters import has_adapter
from scpo_trl.service.errors import streaming, unary
from scpo_trl.service.generation import BATCH_SIZE, generate_answers
from scpo_trl.service.idle_streams import first_within
from scpo_trl.service.images import prompts_of
from scpo_trl.service.model_source import ModelSources
from scpo_trl.service.model_store import ModelStore
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.processes import LoadModel, Processes, Train
from scpo_trl.service.roots import Roots
from scpo_trl.service.scoring import score_responses
from scpo_trl.service.training import train_responses
from scpo_trl.service.training_settings import require_clients_values
from scpo_trl.service.work import Emit, Workbench
from scpo_trl.settings.parsing import TrainingSettings, parse_training
from scpo_trl.tiny import embedded_model_path
from scpo_trl.trainer.model.model_folder import weights_sha256

_LIBRARIES = ("torch", "transformers", "trl", "accelerate")


class TrainerService(trainer_pb2_grpc.TrainerServiceServicer):
    """Serves one model to one piece of heavy work at a time.

    Args:
        roots: Folders that requests' paths must lie under.
        device: Where models compute.
        shut_down: Called by the Shutdown call; must not block.
        processes: Those that train together, this one first.
        remote_code: Whether a request can have the Python code that comes with a model run, and such settings.
        hub: Whether a request can have a model fetched from the hub.
    """

    def __init__(
        self,
        roots: Roots,
        device: torch.device,
        shut_down: Callable[[], None],
        processes: Processes,
        *,
        remote_code: bool = True,
        hub: bool = True,
    ) -> None:
        self._processes = processes
        self._remote_code = remote_code
        self.workbench = Workbench()
        self._roots = roots
        self._device = device
        self._models = ModelStore(ModelSources(roots, hub), roots, device)
        self._files = PairFiles(roots)
        self._shut_down = shut_down

    @unary
    def Describe(self, request: trainer_pb2.DescribeRequest, context: grpc.ServicerContext):
        versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
        return trainer_pb2.DescribeResponse(
            package_version=package_version(),
            versions={"python": platform.python_version(), **versions},
            threads=torch.get_num_threads(),
            device=str(self._device),
            embedded_model_path=embedded_path(),
            losses=loss_names(),
            process_id=os.getpid(),
            model_path=self._models.path,
            protocol_version=PROTOCOL_VERSION,
            processes=self._processes.size,
            roots=[str(root) for root in self._roots.writable],
        )

    @unary
    def LoadModel(self, request: trainer_pb2.LoadModelRequest, context: grpc.ServicerContext):
        if not request.path:
            # Most likely Describe's embedded_model_path, which is empty without the weights.
            embedded = embedded_path()
            mend = f"is {embedded}" if embedded else "is missing: run `npx scpo base`"
            raise UserError(f"path: found nothing, expected a folder with a model; the embedded model {mend}")
        settings = self._settings(request.settings, "settings")
        trust_remote_code = request.trust_remote_code or bool(settings.training.get("trust_remote_code"))
        if trust_remote_code and not self._remote_code:
            raise UserError(
                "trust_remote_code: found true, but this service listens on a TCP address and runs no code that comes "
                "with a model; start it with --allow-remote-code if you trust every client"
            )
        word = LoadModel(request.path, trust_remote_code, request.settings)
        with self.workbench.occupied("loading a model", context), self._processes.common_work(word):
            loaded = self._models.load(request.path, trust_remote_code, settings)
            return trainer_pb2.LoadModelResponse(
                architecture=loaded.architecture,
                parameters=loaded.parameters,
                image_tokens=loaded.image_tokens(),
                weights_sha256=weights_sha256(loaded.model),
                adapter=has_adapter(loaded.model),
            )

    @unary
    def ExportModel(self, request: trainer_pb2.ExportModelRequest, context: grpc.ServicerContext):
        with self.workbench.occupied("exporting the model", context):
            return trainer_pb2.ExportModelResponse(weights_sha256=self._models.export(request.path, request.adapter))

    @streaming
    def ScorePairs(
        self, request: trainer_pb2.ScorePairsRequest, context: grpc.ServicerContext
    ) -> Iterator[trainer_pb2.ScorePairsResponse]:
        def work(job: Job, emit: Emit[trainer_pb2.ScorePairsResponse]) -> None:
            for response in score_responses(request, self._models, self._files, self._roots):
                emit(response)

        return self.workbench.stream("scoring", context, work)

    @streaming
    def Generate(
        self, request: trainer_pb2.GenerateRequest, context: grpc.ServicerContext
    ) -> Iterator[trainer_pb2.GenerateResponse]:
        def work(job: Job, emit: Emit[trainer_pb2.GenerateResponse]) -> None:
            loaded = self._models.get()
            prompts, open_image = prompts_of(request, self._files, self._roots)
            done = 0
            for batch in generate_answers(
                loaded.model,
                loaded.processor,
                prompts,
                open_image,
                request.max_new_tokens,
                request.batch_size or BATCH_SIZE,
            ):
                done += len(batch)
                answers = [trainer_pb2.Answer(prompt=position, text=text) for position, text in batch]
                emit(trainer_pb2.GenerateResponse(answers=answers, done=done, total=len(prompts)))

        return self.workbench.stream("generating", context, work)

    @streaming
    def Train(
        self, request_iterator: Iterator[trainer_pb2.TrainRequest], context: grpc.ServicerContext
    ) -> Iterator[trainer_pb2.TrainResponse]:
        # A director may think for days, but begins at once.
        first = first_within(request_iterator, "start")
        if first is None or first.WhichOneof("request") != "start":
            found = "nothing" if first is None else first.WhichOneof("request") or "an empty request"
            raise UserError(f"Train: found {found}, expected StartTraining first")

        settings = self._settings(first.start.settings, "start.settings")

        def work(job: Job, emit: Emit[trainer_pb2.TrainResponse]) -> None:
            with self._processes.common_work(Train(first.start.SerializeToString())):
                loaded = self._models.get()
                train_responses(
                    first.start,
                    settings,
                    request_iterator,
                    job,
                    emit,
                    loaded,
                    self._files,
                    self._roots,
                    self._processes,
                )

        return self.workbench.stream("a training", context, work)

    def _settings(self, text: str, field: str) -> TrainingSettings:
        settings = parse_training(text, field)
        if not self._remote_code:
            require_clients_values(settings, field)
        return settings

    @unary
    def Shutdown(self, request: trainer_pb2.ShutdownRequest, context: grpc.ServicerContext):
        self._shut_down()
        return trainer_pb2.ShutdownResponse()


def package_version() -> str:
    """Version of this package: the installed distribution's, else the one in the source."""
    try:
        return importlib.metadata.version("scpo-trl")
    except importlib.metadata.PackageNotFoundError:
        return getattr(scpo_trl, "__version__", "0+source")


def embedded_path() -> str:
    """Folder of the model that ships with the package; empty when the package came without its weights."""
    try:
        return str(embedded_model_path())
    except UserError:
        return ""
