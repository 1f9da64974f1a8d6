"""Requests whose bytes are no message of the contract: refused in one line, not failures of the service."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from scpo_trl.errors import UserError
from scpo_trl.service.errors import abort


class _Undecodable:
    """Stands for a request that cannot be read."""

    def __init__(self, error: DecodeError) -> None:
        self.error = UserError(f"request: found no message of the contract, expected one ({error})")


class _Requests:
    """A client's stream whose undecodable requests raise `UserError`."""

    def __init__(self, requests: Iterator[Any]) -> None:
        self._requests = requests

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        request = next(self._requests)
        if isinstance(request, _Undecodable):
            raise request.error
        return request


class ReadingAll(grpc.ServerInterceptor):
    """Has requests that cannot be read refused as INVALID_ARGUMENT; gRPC makes INTERNAL of them, and a traceback."""

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Serve the call with a reader that has no errors."""
        handler = continuation(handler_call_details)
        if handler is None or handler.request_deserializer is None:
            return handler
        sending, answering = handler.request_streaming, handler.response_streaming
        name = f"{'stream' if sending else 'unary'}_{'stream' if answering else 'unary'}"
        make = getattr(grpc, f"{name}_rpc_method_handler")
        served = (_of_stream if sending else _of_one)(getattr(handler, name))
        return make(served, _reader(handler.request_deserializer), handler.response_serializer)


def _reader(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(message: bytes) -> Any:
        try:
            return decode(message)
        except DecodeError as error:
            return _Undecodable(error)

    return read


# `wraps` keeps the threads that a handler is served in.


def _of_one(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @functools.wraps(handler)
    def served(request: Any, context: grpc.ServicerContext) -> Any:
        if isinstance(request, _Undecodable):
            abort(context, request.error)
        return handler(request, context)

    return served


def _of_stream(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @functools.wraps(handler)
    def served(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        answer = handler(_Requests(requests), context)
        return _answers(answer, context) if isinstance(answer, Iterator) else answer

    return served


def _answers(answers: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    """The answers of a library's service, such as reflection, which knows nothing of `UserError`."""
    try:
        yield from answers
    except UserError as error:
        abort(context, error)
