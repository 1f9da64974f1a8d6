"""What the processes beside the first one do: load and train with it, and end with it."""

from __future__ import annotations

import logging

import torch

from scpo.v1 import trainer_pb2
from scpo_trl.dialogue.job import CancelledWork
from scpo_trl.errors import UserError
from scpo_trl.service.model_source import ModelSources
from scpo_trl.service.model_store import ModelStore
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.processes import End, LoadModel, Processes, Train
from scpo_trl.service.roots import Roots
from scpo_trl.service.training import follow_training
from scpo_trl.settings.parsing import parse_training

logger = logging.getLogger(__name__)


def follow(processes: Processes, roots: Roots, device: torch.device) -> None:
    """Do what the first process says until it says that the service ends.

    A failure that the first process shares is logged, and the next word awaited.

    Args:
        processes: This process among the others.
        roots: As in the first process.
        device: Where this process computes.

    Raises:
        OutOfStepError: This process failed alone.
        RuntimeError: The first process is gone.
    """
    # What the first process refuses never comes here.
    models, files = ModelStore(ModelSources(roots, hub=True), roots, device), PairFiles(roots)
    while True:
        word = processes.hear()
        if isinstance(word, End):
            return
        done = False
        try:
            if isinstance(word, LoadModel):
                models.load(word.path, word.trust_remote_code, parse_training(word.settings))
            elif isinstance(word, Train):
                start = trainer_pb2.StartTraining.FromString(word.start)
                follow_training(start, models.get(), files, roots, processes)
            done = True
        except (UserError, CancelledWork) as error:
            logger.info("process %d: %s", processes.rank, error)
        except Exception:
            logger.exception("process %d failed", processes.rank)
        processes.meet(word, done)
