"""From Python exceptions to gRPC statuses with one clear line."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from scpo_trl.dialogue.job import CancelledWork
from scpo_trl.dialogue.one_line import one_line
from scpo_trl.errors import UserError

logger = logging.getLogger(__name__)

DOMAIN = "scpo"
"""Whose reasons the `ErrorInfo` of a status holds."""

REASONS = {
    grpc.StatusCode.CANCELLED: "CANCELLED",
    grpc.StatusCode.DEADLINE_EXCEEDED: "IDLE",
    grpc.StatusCode.FAILED_PRECONDITION: "NOT_READY",
    grpc.StatusCode.INVALID_ARGUMENT: "INVALID_REQUEST",
    grpc.StatusCode.UNAUTHENTICATED: "TOKEN_REFUSED",
    grpc.StatusCode.INTERNAL: "INTERNAL",
}

_FIELD = re.compile(r"(?P<field>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*|\[[^\]\s]+\])*): (?P<description>.+)", re.DOTALL)

Response = TypeVar("Response")


class NotReadyError(UserError):
    """The request is right but the service's state does not allow it now: busy, or no model is loaded."""


class IdleStreamError(UserError):
    """The client's stream fell silent."""


def status_of(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """Give the gRPC status for an exception.

    Args:
        error: What a handler raised.

    Returns:
        Status code and a message of one line that fits into a header.
    """
    if isinstance(error, CancelledWork):
        return grpc.StatusCode.CANCELLED, one_line(str(error) or "cancelled")
    if isinstance(error, NotReadyError):
        return grpc.StatusCode.FAILED_PRECONDITION, one_line(str(error))
    if isinstance(error, IdleStreamError):
        return grpc.StatusCode.DEADLINE_EXCEEDED, one_line(str(error))
    if isinstance(error, UserError):
        return grpc.StatusCode.INVALID_ARGUMENT, one_line(str(error))
    return grpc.StatusCode.INTERNAL, one_line(f"{type(error).__name__}: {error}")


def rich_status(code: grpc.StatusCode, message: str, **metadata: str) -> grpc.Status:
    """Give a status with machine-readable details: an `ErrorInfo`, and for a wrong field a `BadRequest`.

    Args:
        code: Status code.
        message: One line; the field that a user's mistake begins with, as in "start.seed: found ...", is told apart.
        metadata: Of the `ErrorInfo`.
    """
    details: list[Any] = [error_details_pb2.ErrorInfo(reason=REASONS[code], domain=DOMAIN, metadata=metadata)]
    named = _FIELD.fullmatch(message) if code is grpc.StatusCode.INVALID_ARGUMENT else None
    if named is not None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=named["field"], description=named["description"])
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    packed = [any_pb2.Any() for _ in details]
    for holder, detail in zip(packed, details, strict=True):
        holder.Pack(detail)
    return rpc_status.to_status(status_pb2.Status(code=code.value[0], message=message, details=packed))


def abort(context: grpc.ServicerContext, error: BaseException) -> NoReturn:
    """End the call with the status of `error`; the traceback of an unexpected one goes to the log only."""
    code, details = status_of(error)
    metadata = {}
    if code is grpc.StatusCode.INTERNAL:
        logger.error("%s", details, exc_info=error)
        metadata["type"] = type(error).__name__
    context.abort_with_status(rich_status(code, details, **metadata))
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
