"""From Python exceptions to gRPC statuses with one clear line."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import grpc

from scpo_trl.errors import UserError

logger = logging.getLogger(__name__)

MAX_DETAIL = 2000
"""Characters of a status message: it travels in a header, and clients limit headers to 8 KB."""

Response = TypeVar("Response")


class NotReadyError(UserError):
    """The request is right but the service's state does not allow it now: busy, or no model is loaded."""


class CancelledWork(Exception):
    """The work ended because its client went away or the service shuts down."""


def status_of(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """Give the gRPC status for an exception.

    Args:
        error: What a handler raised.

    Returns:
        Status code and a message of one line, at most `MAX_DETAIL` characters.
    """
    if isinstance(error, CancelledWork):
        return grpc.StatusCode.CANCELLED, one_line(str(error) or "cancelled")
    if isinstance(error, NotReadyError):
        return grpc.StatusCode.FAILED_PRECONDITION, one_line(str(error))
    if isinstance(error, UserError):
        return grpc.StatusCode.INVALID_ARGUMENT, one_line(str(error))
    return grpc.StatusCode.INTERNAL, one_line(f"{type(error).__name__}: {error}")


def one_line(text: str) -> str:
    """Fold white space to single blanks and cut at `MAX_DETAIL` characters."""
    folded = " ".join(text.split())
    return folded if len(folded) <= MAX_DETAIL else folded[: MAX_DETAIL - 3] + "..."


def abort(context: grpc.ServicerContext, error: BaseException) -> NoReturn:
    """End the call with the status of `error`; the traceback of an unexpected one goes to the log only."""
    code, details = status_of(error)
    if code is grpc.StatusCode.INTERNAL:
        logger.error("%s", details, exc_info=error)
    context.abort(code, details)
    raise AssertionError("context.abort returned")


def unary(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Wrap a unary handler `(self, request, context)` so that its exceptions become statuses."""

    @functools.wraps(handler)
    def wrapped(self: Any, request: Any, context: grpc.ServicerContext) -> Response:
        try:
            return handler(self, request, context)
        except Exception as error:
            abort(context, error)

    return wrapped


def streaming(handler: Callable[..., Iterator[Response]]) -> Callable[..., Iterator[Response]]:
    """Wrap a response-streaming handler `(self, request(s), context)` so that its exceptions become statuses."""

    @functools.wraps(handler)
    def wrapped(self: Any, request: Any, context: grpc.ServicerContext) -> Iterator[Response]:
        try:
            yield from handler(self, request, context)
        except Exception as error:
            abort(context, error)

    return wrapped
