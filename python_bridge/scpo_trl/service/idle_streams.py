"""Streams of clients that fall silent: they end after a while, and hold nobody up meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc

from scpo_trl.service.errors import IdleStreamError

IDLE_SECONDS = 60.0
"""Silence after which a client's stream ends."""

_AHEAD = 4
_POLL = 0.5

Request = TypeVar("Request")


def within(requests: Iterator[Request], what: str, seconds: float | None = None) -> Iterator[Request]:
    """Give a stream's requests as long as each comes in time.

    Args:
        requests: Of a call; when the call ends they raise, which ends the thread that reads them.
        what: What is waited for, for messages.
        seconds: Longest wait for one; None: `IDLE_SECONDS`.

    Raises:
        IdleStreamError: The next one does not come in time.
    """
    seconds = IDLE_SECONDS if seconds is None else seconds
    received: queue.Queue[tuple[Request | None, BaseException | None]] = queue.Queue(_AHEAD)
    ended = threading.Event()

    def put(item: tuple[Request | None, BaseException | None]) -> None:
        while not ended.is_set():
            try:
                received.put(item, timeout=_POLL)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for request in requests:
                put((request, None))
                if ended.is_set():
                    return
            put((None, None))
        except BaseException as error:
            put((None, error))

    threading.Thread(target=read, name="scpo-stream", daemon=True).start()
    try:
        while True:
            try:
                request, error = received.get(timeout=seconds)
            except queue.Empty:
                raise IdleStreamError(f"{what}: found nothing for {seconds:g} s; call again") from None
            if error is not None:
                raise error
            if request is None:
                return
            yield request
    finally:
        ended.set()


def first_within(requests: Iterator[Request], what: str, seconds: float | None = None) -> Request | None:
    """Give a stream's first request and leave the others in it; None when there is none; see `within`."""
    received: queue.Queue[tuple[Request | None, BaseException | None]] = queue.Queue(1)

    def read() -> None:
        try:
            received.put((next(requests, None), None))
        except BaseException as error:
            received.put((None, error))

    threading.Thread(target=read, name="scpo-stream", daemon=True).start()
    seconds = IDLE_SECONDS if seconds is None else seconds
    try:
        request, error = received.get(timeout=seconds)
    except queue.Empty:
        raise IdleStreamError(f"{what}: found nothing for {seconds:g} s; call again") from None
    if error is not None:
        raise error
    return request


@contextmanager
def taken_within(context: grpc.ServicerContext, seconds: float | None = None) -> Iterator[None]:
    """Cancel a call whose client does not take a response in time."""
    timer = threading.Timer(IDLE_SECONDS if seconds is None else seconds, context.cancel)  # type: ignore[attr-defined]
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def serve_apart(servicer: Any, names: tuple[str, ...], threads: int, name: str) -> None:
    """Serve some calls in threads of their own, so that they neither hold others up nor are held up.

    Args:
        servicer: Before it is added to a server.
        names: Of the calls.
        threads: How many are served at once.
        name: Of the threads.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    for call in names:
        setattr(servicer, call, _in_pool(getattr(servicer, call), pool))


def _in_pool(handler: Callable[[Any, Any], Any], pool: ThreadPoolExecutor) -> Callable[[Any, Any], Any]:
    def served(request: Any, context: grpc.ServicerContext) -> Any:
        return handler(request, context)

    # grpc looks here for the threads of a handler.
    served.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return served
