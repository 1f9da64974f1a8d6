"""Starts and stops the trainer service."""

from __future__ import annotations

import logging
import os
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

from scpo.v1 import files_pb2_grpc, trainer_pb2_grpc
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.file_service import FileService
from scpo_trl.service.idle_streams import serve_apart
from scpo_trl.service.processes import End, Processes
from scpo_trl.service.roots import Roots
from scpo_trl.service.security import Security
from scpo_trl.service.templates import render_elsewhere
from scpo_trl.service.trainer_service import TrainerService, embedded_path
from scpo_trl.service.undecodable import ReadingAll
from scpo_trl.service.uploads import LARGEST_TOTAL, Uploads

logger = logging.getLogger(__name__)

SERVICES = ("scpo.v1.TrainerService", "scpo.v1.FileService")
MESSAGE_BYTES = 64 * 1024 * 1024
HANDLERS = 16
"""Calls served at once; heavy work is limited elsewhere."""
HEALTH_CHECKS = 2
TRANSFERS = 8
"""Uploads, and downloads, served at once."""

GRACE = 1.0
"""Seconds that calls under way get when the server stops."""

ANSWER_BEFORE_END = 0.5
"""Seconds for the last answer of a service that fails."""
STREAMS = 64
"""Calls under way on one connection."""
KEEPALIVE = 30.0
"""Seconds of silence after which a client is asked whether it is there; a training of a lost one is cancelled."""
KEEPALIVE_ANSWER = 20.0
"""Seconds that it has for its answer."""

_OPTIONS = (
    ("grpc.max_concurrent_streams", STREAMS),
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    # Clients may ping every ten seconds, also while a long call is silent.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A training that waits for its director sends no data, and is asked after all the same.
    ("grpc.http2.max_pings_without_data", 0),
)


@dataclass(frozen=True)
class ServerOptions:
    """How the service is started.

    Attributes:
        listen: `unix:///absolute/path`, or a loopback address with a port (0: any free one).
        roots: Folders that requests' paths must lie under.
        threads: Threads that torch computes with.
        device: Torch device; empty: the GPU if there is one, else the CPU.
        security: What callers must show.
        allow_remote_code: Whether callers over TCP, from this machine too, can have a model's own code run, and name
            trackers that figures are sent to.
        allow_hub: Whether callers over TCP can have models fetched from the Hugging Face hub.
        upload_limit: Bytes of all uploads together.
        keepalive: Seconds of silence after which a client is asked whether it is there.
        keepalive_answer: Seconds that it has for its answer.
    """

    listen: str
    roots: Sequence[str | Path]
    threads: int
    device: str = ""
    security: Security = field(default_factory=Security)
    allow_remote_code: bool = False
    allow_hub: bool = False
    upload_limit: int = LARGEST_TOTAL
    keepalive: float = KEEPALIVE
    keepalive_answer: float = KEEPALIVE_ANSWER


@dataclass
class RunningServer:
    """A started service.

    Attributes:
        address: What a client dials: `unix:///absolute/path` or `host:port`.
        failed: Whether the service ends because its processes are out of step.
    """

    address: str
    _server: grpc.Server
    _health: health.HealthServicer
    _service: TrainerService
    _processes: Processes
    failed: bool = False
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
            path = Path(self.address.removeprefix("unix://"))
            if path.is_socket():
                path.unlink(missing_ok=True)
        self._stopped.set()

    def stop_soon(self) -> None:
        """Begin to `stop` without waiting."""
        threading.Thread(target=self.stop, name="scpo-stop", daemon=True).start()

    def fail_soon(self) -> None:
        """Begin to `stop` because the processes are out of step, once the client has its answer."""
        self.failed = True
        threading.Timer(ANSWER_BEFORE_END, self.stop).start()

    def end(self) -> bool:
        """Have the other processes end, after `stop`; whether work and processes ended as they should."""
        # Threads deep in a forward pass cannot be interrupted.
        idle = self.work_ended(timeout=1.0)
        if idle and not self.failed:
            self._processes.tell(End())
        return idle and not self.failed

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the service has stopped; whether it has."""
        return self._stopped.wait(timeout)

    def work_ended(self, timeout: float) -> bool:
        """Wait for cancelled work to wind down; whether it has."""
        return self._service.workbench.wait_idle(timeout)


def create_server(options: ServerOptions, processes: Processes | None = None) -> RunningServer:
    """Start the service.

    Args:
        options: How.
        processes: Those that train together, this one first; None: this one alone.

    Returns:
        The started service, healthy and ready for calls.

    Raises:
        UserError: An address that is taken or that others reach without protection, or a root that does not exist.
    """
    if options.threads < 1:
        raise UserError(f"threads: found {options.threads}, expected at least 1")
    prepare_libraries(options.threads)
    roots = roots_of(options)
    security = options.security
    address = check_address(options.listen, protected=security.protects)
    keepalive = (
        ("grpc.keepalive_time_ms", round(1000 * options.keepalive)),
        ("grpc.keepalive_timeout_ms", round(1000 * options.keepalive_answer)),
        # The answer to a ping has a time of its own, a minute unless told otherwise.
        ("grpc.http2.ping_timeout_ms", round(1000 * options.keepalive_answer)),
    )
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=HANDLERS, thread_name_prefix="scpo-call"),
        interceptors=[*security.interceptors(), ReadingAll()],
        options=(*_OPTIONS, *keepalive),
    )
    running: list[RunningServer] = []
    # Who reaches the socket is this user, and could run code anyway; whoever reaches a port need not be.
    own = address.startswith("unix:")
    remote_code, hub = options.allow_remote_code or own, options.allow_hub or own
    processes = processes or Processes.alone()
    service = TrainerService(
        roots,
        compute_device(options.device),
        lambda: running[0].stop_soon(),
        processes,
        remote_code=remote_code,
        hub=hub,
    )
    healthy = health.HealthServicer()
    serve_apart(healthy, ("Check",), HEALTH_CHECKS, "scpo-health")
    trainer_pb2_grpc.add_TrainerServiceServicer_to_server(service, server)
    uploads = Uploads(roots.writable[0], options.upload_limit)
    files = FileService(roots, uploads)
    serve_apart(files, ("UploadFile",), TRANSFERS, "scpo-upload")
    serve_apart(files, ("DownloadFile", "ListFolder"), TRANSFERS, "scpo-download")
    files_pb2_grpc.add_FileServiceServicer_to_server(files, server)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        if security.credentials is None or address.startswith("unix:"):
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, security.credentials)
    except RuntimeError as error:
        raise UserError(f"listen: cannot listen on {options.listen}: the address is taken or not allowed") from error
    if not address.startswith("unix:"):
        address = f"{address.rpartition(':')[0]}:{port}"
    running.append(
        RunningServer(address=address, _server=server, _health=healthy, _service=service, _processes=processes)
    )
    processes.on_broken(running[0].fail_soon)
    server.start()
    for name in ("", *SERVICES):
        healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
    logger.info("serving on %s with %d threads", address, options.threads)
    return running[0]


def prepare_libraries(threads: int) -> None:
    """Set what holds for every process of the service."""
    torch.set_num_threads(threads)
    transformers.logging.disable_progress_bar()
    # Its lines go where ours do, and are escaped as ours are.
    transformers.logging.disable_default_handler()
    transformers.logging.enable_propagation()
    render_elsewhere()


def roots_of(options: ServerOptions) -> Roots:
    """The folders that requests' paths must lie under; the embedded model may be read too."""
    embedded = embedded_path()
    return Roots(options.roots, readable=[embedded] if embedded else [])


def compute_device(name: str) -> torch.device:
    """Where this process computes: as named, else a GPU of its own if there are any, else the CPU."""
    if name:
        return torch.device(name)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return (
        torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if "LOCAL_RANK" in os.environ
        else torch.device("cuda")
    )
