"""Where a director listens whom a training dials, and who dials it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from scpo_trl.errors import UserError
from scpo_trl.trainer.director.offer import OfferedDirector

WAIT_SECONDS = 60.0
"""How long a training waits for a director that does not listen yet."""

_DIALLING = "scpo_trl.dialogue.dialled"
"""By its name, since gRPC is wanted only where there is an address."""

_EXTRA = ("grpc", "google", "scpo")


@dataclass(frozen=True)
class DirectorAddress:
    """A director to dial: `scpo direct run.yaml --listen ADDRESS` listens there.

    An address of this machine (loopback or a Unix socket) needs neither token nor TLS, any other one both.

    Attributes:
        address: `host:port`, or `unix:///absolute/path`.
        token_file: File with the token, which only its owner may read; None: the environment's SCPO_TOKEN, if set.
        authority: PEM file of the authority that signed the director's certificate; None: those that the system trusts.
            Given, TLS is used on this machine too.
        server_name: Name in the director's certificate where it differs from the address.
        wait_seconds: How long to wait for a director that does not listen yet.
    """

    address: str
    token_file: str | None = None
    authority: str | None = None
    server_name: str | None = None
    wait_seconds: float = field(default=WAIT_SECONDS)


def director_at(address: str | DirectorAddress, pairs_per_step: int) -> OfferedDirector:
    """The director at an address; nothing is dialled before its `begin`. Every process of the training calls this.

    Args:
        address: Where it listens.
        pairs_per_step: Pairs of an optimiser step in all processes together.

    Raises:
        UserError: the address, the token or the authority does not serve, or gRPC is not installed.
    """
    try:
        dialling: Any = import_module(_DIALLING)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _EXTRA:
            raise
        raise UserError(
            f"director: the package {error.name} is missing, which dials it: pip install 'scpo-trl[service]'"
        ) from error
    given = DirectorAddress(address) if isinstance(address, str) else address
    return dialling.DialledDirector(given, pairs_per_step)
