"""Starts and stops the trainer service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import torch
import transformers
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from scpo.v1 import trainer_pb2, trainer_pb2_grpc
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.roots import Roots
from scpo_trl.service.trainer_service import TrainerService, embedded_path

logger = logging.getLogger(__name__)

SERVICE = trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"].full_name
MESSAGE_BYTES = 64 * 1024 * 1024
HANDLERS = 16
"""Calls served at once; heavy work is limited elsewhere."""
GRACE = 1.0
"""Seconds that calls under way get when the server stops."""

_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    # Clients may ping every ten seconds, also while a long call is silent.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(frozen=True)
class ServerOptions:
    """How the service is started.

    Attributes:
        listen: `unix:///absolute/path`, or a loopback address with a port (0: any free one).
        roots: Folders that requests' paths must lie under.
        threads: Threads that torch computes with.
        device: Torch device; empty: the GPU if there is one, else the CPU.
    """

    listen: str
    roots: Sequence[str | Path]
    threads: int
    device: str = ""


@dataclass
class RunningServer:
    """A started service.

    Attributes:
        address: What a client dials: `unix:///absolute/path` or `host:port`.
    """

    address: str
    _server: grpc.Server
    _health: health.HealthServicer
    _service: TrainerService
    _stopping: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Cancel the work in progress and end the service within two seconds; safe to call twice."""
        if not self._stopping.acquire(blocking=False):
            self._stopped.wait()
            return
        self._health.enter_graceful_shutdown()
        self._service.workbench.close("the service is shutting down")
        self._server.stop(GRACE).wait(GRACE + 0.5)
        if self.address.startswith("unix://"):
            Path(self.address.removeprefix("unix://")).unlink(missing_ok=True)
        self._stopped.set()

    def stop_soon(self) -> None:
        """Begin to `stop` without waiting."""
        threading.Thread(target=self.stop, name="scpo-stop", daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the service has stopped; whether it has."""
        return self._stopped.wait(timeout)

    def work_ended(self, timeout: float) -> bool:
        """Wait for cancelled work to wind down; whether it has."""
        return self._service.workbench.wait_idle(timeout)


def create_server(options: ServerOptions) -> RunningServer:
    """Start the service.

    Args:
        options: How.

    Returns:
        The started service, healthy and ready for calls.

    Raises:
        UserError: An address that is not local or is taken, or a root that does not exist.
    """
    if options.threads < 1:
        raise UserError(f"threads: found {options.threads}, expected at least 1")
    torch.set_num_threads(options.threads)
    transformers.logging.disable_progress_bar()
    embedded = embedded_path()
    roots = Roots(options.roots, readable=[embedded] if embedded else [])
    address = check_address(options.listen)
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=HANDLERS, thread_name_prefix="scpo-call"), options=_OPTIONS
    )
    running: list[RunningServer] = []
    service = TrainerService(roots, _device(options.device), lambda: running[0].stop_soon())
    healthy = health.HealthServicer()
    trainer_pb2_grpc.add_TrainerServiceServicer_to_server(service, server)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise UserError(f"listen: cannot listen on {options.listen}: the address is taken or not allowed") from error
    if not address.startswith("unix:"):
        address = f"{address.rpartition(':')[0]}:{port}"
    running.append(RunningServer(address=address, _server=server, _health=healthy, _service=service))
    server.start()
    for name in ("", SERVICE):
        healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
    logger.info("serving on %s with %d threads", address, options.threads)
    return running[0]


def _device(name: str) -> torch.device:
    if name:
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
