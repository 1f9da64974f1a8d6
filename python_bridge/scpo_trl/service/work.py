"""One heavy piece of work at a time, in a thread of its own, cancelled when its client goes away."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import grpc

from scpo_trl.dialogue.job import Job
from scpo_trl.service.errors import NotReadyError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

WAIT_FOR_CANCELLED = 30.0
"""Seconds that new work waits for cancelled work to wind down before it is refused."""

BUFFERED = 8
"""Responses that work may be ahead of a slow client."""

_POLL = 0.2
_WIND_DOWN = 1.0


class Workbench:
    """Where the heavy work of a service happens: one job at a time."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._current: Job | None = None
        self._closed = False

    @contextmanager
    def occupied(self, name: str, context: grpc.ServicerContext) -> Iterator[Job]:
        """Do heavy work in the calling thread.

        Args:
            name: What is in progress, such as "a training"; told to whom comes second.
            context: The call; when its client goes away whoever comes next waits for the rest of the work.

        Raises:
            NotReadyError: Other work is in progress, or the service is shutting down.
        """
        job = self._begin(name)
        context.add_callback(lambda: job.cancel("the client went away"))
        try:
            yield job
        finally:
            self._finish(job)

    def stream(
        self, name: str, context: grpc.ServicerContext, work: Callable[[Job, Emit[Item]], None]
    ) -> Iterator[Item]:
        """Do heavy work in a thread of its own and give what it emits.

        The thread, not the consumer, ends the job: a client that goes away cannot leave the service busy.

        Args:
            name: What is in progress.
            context: The call; when it ends the job is cancelled.
            work: Called with the job and a function that hands one response to the client and blocks while the client
                is `BUFFERED` responses behind.

        Returns:
            An iterator over the responses; raises what `work` raised, after `work` has ended.
        """
        job = self._begin(name)
        emit: Emit[Item] = Emit(job)

        def run() -> None:
            error: BaseException | None = None
            try:
                work(job, emit)
            except BaseException as raised:
                error = raised
            finally:
                self._finish(job)
                emit.end(error)

        if not context.add_callback(lambda: job.cancel("the client went away")):
            job.cancel("the client went away")
        threading.Thread(target=run, name=f"scpo-{name.split()[-1]}", daemon=True).start()
        return emit.responses()

    def cancel(self, reason: str) -> None:
        """Cancel the work in progress, if any."""
        with self._condition:
            job = self._current
        if job is not None:
            job.cancel(reason)

    def close(self, reason: str) -> None:
        """Refuse new work from now on and cancel the work in progress."""
        with self._condition:
            self._closed = True
        self.cancel(reason)

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no work is in progress; whether that is so."""
        with self._condition:
            return self._condition.wait_for(lambda: self._current is None, timeout)

    def _begin(self, name: str) -> Job:
        deadline = time.monotonic() + WAIT_FOR_CANCELLED
        with self._condition:
            while self._current is not None and self._current.cancelled and time.monotonic() < deadline:
                self._condition.wait(_POLL)
            if self._closed:
                raise NotReadyError("the service is shutting down")
            if self._current is not None:
                raise NotReadyError(f"busy: {self._current.name} is in progress")
            self._current = Job(name)
            return self._current

    def _finish(self, job: Job) -> None:
        with self._condition:
            self._current = None
            self._condition.notify_all()
        job.ended.set()


class Emit(Generic[Item]):
    """Hands responses from the working thread to the thread that serves the client."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._queue: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue()
        self._room = threading.Semaphore(BUFFERED)

    def __call__(self, item: Item) -> None:
        """Hand over one response; raises `CancelledWork` when nobody takes it any more."""
        while not self._room.acquire(timeout=_POLL):
            self._job.check()
        self._job.check()
        self._queue.put((item, None))

    def end(self, error: BaseException | None) -> None:
        """Say that no more responses follow."""
        self._queue.put((None, error))

    def responses(self) -> Iterator[Item]:
        """Give the responses in order, then raise what the work raised."""
        cancelled_at: float | None = None
        while True:
            try:
                item, error = self._queue.get(timeout=_POLL)
            except queue.Empty:
                # A cancelled client waits for nobody; a long forward pass must not hold up the server's shutdown.
                if self._job.cancelled:
                    cancelled_at = cancelled_at or time.monotonic()
                    if time.monotonic() - cancelled_at > _WIND_DOWN:
                        self._job.check()
                continue
            if error is not None:
                raise error
            if item is None:
                return
            self._room.release()
            yield item
