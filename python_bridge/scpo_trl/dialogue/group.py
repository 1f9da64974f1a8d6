"""The processes that train together: the first one asks, and tells the others what it hears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

from torch import distributed

from scpo_trl.dialogue.job import CancelledWork

Answer = TypeVar("Answer")

WAIT_FOR_WORD = timedelta(days=20)
"""How long the others wait for the first process: it may be idle, or wait for its director, for days."""


class FirstFailedError(CancelledWork):
    """The first process left the common work, so the others leave it too."""


@dataclass(frozen=True)
class _Failure:
    reason: str


def words_group() -> Any:
    """A process group for words, which must not mix with a training's own collectives and may take days to come."""
    return distributed.new_group(backend="gloo", timeout=WAIT_FOR_WORD)


class Group:
    """This process among those that train together.

    Attributes:
        rank: Its number, from 0.
        size: How many there are.
    """

    def __init__(self, rank: int, size: int, group: Any) -> None:
        self.rank = rank
        self.size = size
        self._group = group

    @property
    def first(self) -> bool:
        """Whether this is the process that asks."""
        return self.rank == 0

    def tell(self, word: Any) -> None:
        """Hand an object to the other processes, which `hear` it."""
        if self.size > 1:
            distributed.broadcast_object_list([word], src=0, group=self._group)

    def hear(self) -> Any:
        """Wait for the next word of the first process.

        Raises:
            FirstFailedError: It left the common work.
        """
        heard: list[Any] = [None]
        distributed.broadcast_object_list(heard, src=0, group=self._group)
        if isinstance(heard[0], _Failure):
            raise FirstFailedError(heard[0].reason)
        return heard[0]

    def share(self, ask: Callable[[], Answer]) -> Answer:
        """Give every process the answer that the first one gets; a failure of the first is one of all.

        Args:
            ask: Called in the first process only.
        """
        if self.size == 1:
            return ask()
        if not self.first:
            return cast(Answer, self.hear())
        try:
            answer = ask()
        except BaseException as error:
            self.tell(_Failure(f"{type(error).__name__}: {error}"))
            raise
        self.tell(answer)
        return answer
