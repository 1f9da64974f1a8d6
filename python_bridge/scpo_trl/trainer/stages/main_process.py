"""What one of several processes does for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

Answer = TypeVar("Answer")


def in_main_process(accelerator: Accelerator, act: Callable[[], Answer]) -> Answer:
    """Acts in the main process while the others wait; its answer, or its failure, is that of every process.

    Args:
        accelerator: Of the training; every process calls this at the same place.
        act: Called in the main process only.
    """
    if accelerator.num_processes == 1:
        return act()
    outcome: list[Any] = [None, None]
    if accelerator.is_main_process:
        try:
            outcome[0] = act()
        except Exception as error:
            outcome[1] = error
    broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    return cast(Answer, outcome[0])
