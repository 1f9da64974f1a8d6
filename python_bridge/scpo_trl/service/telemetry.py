"""Per-pair records over ZeroMQ: for people, so a lost receiver never holds up a training."""

from __future__ import annotations

import logging

import zmq

from scpo.v1 import telemetry_pb2
from scpo.v1.rules import LOOPBACK_HOST, TCP_ADDRESS
from scpo_trl.dialogue.messages import record_message
from scpo_trl.errors import UserError
from scpo_trl.trainer.director.records import PairRecord

logger = logging.getLogger(__name__)

SEND_TIMEOUT_MS = 200
"""Longest wait for a slow receiver, once; after a loss messages are only offered until one is taken again."""

LINGER_MS = 1000
"""Longest wait at the end for messages still under way."""


class TelemetrySender:
    """Sends one `TelemetryBatch` an optimiser step to a PULL socket.

    A message that is not taken is dropped and counted, and its sequence number is spent, so that the receiver sees the
    gap. To be used from one thread.

    Args:
        endpoint: ZeroMQ endpoint that the receiver is bound to: `ipc://` or `tcp://` on this machine.

    Raises:
        UserError: Another kind of endpoint, or one that ZeroMQ refuses.
    """

    def __init__(self, endpoint: str) -> None:
        check_endpoint(endpoint)
        self.dropped = 0
        self._lost = False
        self._sequence = 0
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUSH)
        self._socket.set(zmq.SNDTIMEO, SEND_TIMEOUT_MS)
        self._socket.set(zmq.LINGER, LINGER_MS)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise UserError(f"start.telemetry_endpoint: cannot connect to {endpoint}: {error}") from error

    def record(self, records: list[PairRecord]) -> None:
        """Send the records of one optimiser step."""
        self._send(telemetry_pb2.TelemetryBatch(records=[record_message(record) for record in records]))

    def close(self) -> None:
        """Send the final message and release the socket within about `LINGER_MS`."""
        self._send(telemetry_pb2.TelemetryBatch(last=True))
        if self.dropped:
            logger.warning("telemetry: %d messages were not taken by their receiver and are lost", self.dropped)
        self._context.destroy(linger=LINGER_MS)

    def _send(self, batch: telemetry_pb2.TelemetryBatch) -> None:
        batch.sequence = self._sequence
        self._sequence += 1
        try:
            self._socket.send(batch.SerializeToString(), zmq.NOBLOCK if self._lost else 0)
            self._lost = False
        except zmq.Again:
            self.dropped += 1
            self._lost = True


def check_endpoint(endpoint: str) -> None:
    """Raise `UserError` unless an endpoint is `ipc://PATH` or `tcp://LOOPBACK:PORT`."""
    if endpoint.startswith("ipc://") and len(endpoint) > len("ipc://"):
        return
    scheme, _, address = endpoint.rpartition("://")
    if scheme == "tcp" and TCP_ADDRESS.allows(address) and LOOPBACK_HOST.allows(address.rpartition(":")[0]):
        return
    raise UserError(
        f"start.telemetry_endpoint: found {endpoint!r}, expected ipc://PATH or tcp://127.0.0.1:PORT of a PULL socket"
    )
