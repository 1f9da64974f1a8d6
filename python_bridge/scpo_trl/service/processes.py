"""The processes that train together: the first one serves and tells the others what it does."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from torch import distributed

from scpo_trl.dialogue.group import Group, words_group
from scpo_trl.errors import UserError

logger = logging.getLogger(__name__)

WAIT_AFTER_LOADING = timedelta(minutes=30)
WAIT_AFTER_TRAINING = timedelta(seconds=60)
WAIT_AFTER_FAILURE = timedelta(seconds=20)
"""How long processes wait for each other at the end of their common work."""


class OutOfStepError(RuntimeError):
    """The processes are no longer at the same place of their common work: they can only be started again."""


@dataclass(frozen=True)
class LoadModel:
    """Word to the others: load this model; `settings` are the request's."""

    path: str
    trust_remote_code: bool
    settings: str


@dataclass(frozen=True)
class Train:
    """Word to the others: take part in a training; `start` is a serialised StartTraining."""

    start: bytes


@dataclass(frozen=True)
class End:
    """Word to the others: the service ends."""


class Processes(Group):
    """The processes of a service: the first one serves.

    Attributes:
        rank: Number of this one, from 0.
        size: How many there are.
    """

    def __init__(self, rank: int, size: int, group: Any) -> None:
        super().__init__(rank, size, group)
        self._on_broken: Callable[[], None] = lambda: None

    @classmethod
    def alone(cls) -> Processes:
        """One process, which hands its words to nobody."""
        return cls(0, 1, None)

    @classmethod
    def join(cls, device: str = "") -> Processes:
        """Meet the other processes that torchrun or accelerate launch started; alone when neither did.

        Args:
            device: Torch device that was asked for; empty: the GPU if there is one.

        Raises:
            UserError: The processes were told to share the model's weights out, which the service cannot.
        """
        if os.environ.get("WORLD_SIZE", "1") == "1":
            return cls.alone()
        for name in ("FSDP", "DEEPSPEED", "MEGATRON_LM"):
            if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() in ("true", "1"):
                raise UserError(
                    f"accelerate: found {name}, expected plain data-parallel processes (MULTI_GPU): the service trains "
                    "whole copies of the model; for weights that are shared out use `trl-scpo`"
                )
        state = PartialState(cpu=device == "cpu" or not torch.cuda.is_available())
        return cls(state.process_index, state.num_processes, words_group())

    def on_broken(self, act: Callable[[], None]) -> None:
        """Have `act` called when the processes are out of step."""
        self._on_broken = act

    @contextmanager
    def common_work(self, word: LoadModel | Train) -> Iterator[None]:
        """Do work that the other processes take part in; in the first process."""
        self.tell(word)
        done = False
        try:
            yield
            done = True
        finally:
            try:
                self.meet(word, done)
            except OutOfStepError as error:
                logger.error("%s; the service ends", error)
                self._on_broken()

    def meet(self, word: LoadModel | Train, done: bool) -> None:
        """Wait until every process has finished the common work.

        Args:
            word: What it was.
            done: Whether it ended well here.

        Raises:
            OutOfStepError: Another process does not come.
        """
        if self.size == 1:
            return
        after = WAIT_AFTER_LOADING if isinstance(word, LoadModel) else WAIT_AFTER_TRAINING
        wait = after if done else WAIT_AFTER_FAILURE
        try:
            distributed.monitored_barrier(self._group, timeout=wait)
        except RuntimeError as error:
            why = " ".join(str(error).split())
            raise OutOfStepError(
                f"process {self.rank} waited {wait.total_seconds():.0f} s for the others: {why}"
            ) from error
