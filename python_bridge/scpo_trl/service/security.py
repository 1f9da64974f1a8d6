"""Who may call the service: certificates and a token, read from files, never from the command line."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc

from scpo_trl.dialogue.access import read_file, read_token
from scpo_trl.errors import UserError
from scpo_trl.service.errors import rich_status

_OPEN_TO_ALL = "/grpc.health.v1.Health/Check"


@dataclass(frozen=True)
class Security:
    """What callers must show.

    Attributes:
        credentials: For TLS; None: calls are not encrypted.
        token: What every call must bear; None: nothing.
        mutual: Whether callers must have a certificate.
    """

    credentials: grpc.ServerCredentials | None = None
    token: str | None = field(default=None, repr=False)
    mutual: bool = False

    @property
    def protects(self) -> bool:
        """Whether calls are encrypted and their callers known."""
        return self.credentials is not None and (self.token is not None or self.mutual)

    def interceptors(self) -> list[grpc.ServerInterceptor]:
        """What looks at every call before it is served."""
        return [] if self.token is None else [TokenCheck(self.token)]


def read_security(
    certificate: str = "", key: str = "", client_authority: str = "", token_file: str = "", token: str = ""
) -> Security:
    """Read certificates and token.

    Args:
        certificate: PEM file of the server's certificate, with its chain; empty: no TLS.
        key: PEM file of its private key.
        client_authority: PEM file of the authority that signed the clients' certificates; empty: none are asked for.
        token_file: File with the token; empty: `token` counts.
        token: From the environment; empty: none.

    Raises:
        UserError: A file is missing, open to other users, or not what it should be.
    """
    if bool(certificate) != bool(key):
        raise UserError("tls: --tls-certificate and --tls-key belong together: give both or neither")
    if client_authority and not certificate:
        raise UserError("tls: --tls-client-authority asks for certificates: give --tls-certificate and --tls-key too")
    credentials = None
    if certificate:
        authority = read_file(client_authority, "--tls-client-authority") if client_authority else None
        pair = (read_file(key, "--tls-key", secret=True), read_file(certificate, "--tls-certificate"))
        for content, path in ((pair[0], key), (pair[1], certificate), (authority or b"-----BEGIN", client_authority)):
            if b"-----BEGIN" not in content:
                raise UserError(f"tls: {path}: found no PEM text, expected '-----BEGIN ...'")
        credentials = grpc.ssl_server_credentials(
            [pair], root_certificates=authority, require_client_auth=bool(client_authority)
        )
    return Security(credentials, read_token(token_file, token), bool(client_authority))


class TokenCheck(grpc.ServerInterceptor):
    """Refuses every call but a health check whose `authorization` is not `Bearer TOKEN`; compares in constant time."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Serve the call, or refuse it before its handler sees it."""
        details: Any = handler_call_details
        if details.method == _OPEN_TO_ALL or self._is_known(details.invocation_metadata):
            return continuation(handler_call_details)
        return grpc.stream_stream_rpc_method_handler(_refuse)

    def _is_known(self, metadata: Any) -> bool:
        given = [value for name, value in metadata or () if name == "authorization"]
        shown = given[0] if len(given) == 1 else ""
        return hmac.compare_digest(shown.encode() if isinstance(shown, str) else shown, self._expected)


def _refuse(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
    message = "token: the call bears no token or a wrong one, expected `authorization: Bearer TOKEN`"
    context.abort_with_status(rich_status(grpc.StatusCode.UNAUTHENTICATED, message))
    yield from ()
