"""`python -m scpo_trl.service`: the trainer service as a process of its own."""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from scpo_trl.dialogue.access import TOKEN_VARIABLE
from scpo_trl.dialogue.one_line import one_line
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.process import configure_logging, die_with_parent, prepare_environment, settle
from scpo_trl.service.roots import Roots
from scpo_trl.service.security import read_security

if TYPE_CHECKING:
    from scpo_trl.service.processes import Processes
    from scpo_trl.service.server import ServerOptions


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal or a Shutdown call.

    Prints one JSON line `{"address", "pid"}` to standard output once the service is ready; logs go to standard error.

    Args:
        arguments: Command line without the program's name; None: the process's own.

    Returns:
        Exit status: 0, or 2 for a user's mistake.
    """
    parser = argparse.ArgumentParser(prog="python -m scpo_trl.service", description="Serve a trainer over gRPC.")
    parser.add_argument("--listen", required=True, help="unix:///absolute/path, or HOST:PORT (0: any free port)")
    parser.add_argument(
        "--root",
        required=True,
        action="append",
        dest="roots",
        metavar="DIR",
        help="folder to read and write; repeatable",
    )
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="threads of torch (default: all cores)"
    )
    parser.add_argument("--device", default="", help="torch device (default: the GPU if there is one)")
    parser.add_argument("--tls-certificate", default="", metavar="PEM", help="certificate that the service shows")
    parser.add_argument("--tls-key", default="", metavar="PEM", help="its private key")
    parser.add_argument(
        "--tls-client-authority",
        default="",
        metavar="PEM",
        help="serve only clients whose certificate this authority signed (mutual TLS)",
    )
    parser.add_argument(
        "--token-file", default="", metavar="FILE", help="token that every call must bear (else: $SCPO_TOKEN, if set)"
    )
    parser.add_argument(
        "--upload-limit", type=float, default=512, metavar="GIB", help="most that uploads take together (default: 512)"
    )
    parser.add_argument(
        "--allow-remote-code",
        action="store_true",
        help="let clients over TCP, those of this machine too, have the Python code of a model run here, and settings "
        "that run code, read files or send figures away",
    )
    parser.add_argument(
        "--allow-hub", action="store_true", help="let clients over TCP have models fetched from the Hugging Face hub"
    )
    parser.add_argument(
        "--die-with-parent", action="store_true", help="end when the process that started this one dies (Linux)"
    )
    given = parser.parse_args(arguments)
    if given.die_with_parent:
        die_with_parent()
    prepare_environment(given.threads)
    configure_logging()
    faulthandler.enable()

    try:
        # Before the imports that take seconds.
        security = read_security(
            given.tls_certificate,
            given.tls_key,
            given.tls_client_authority,
            given.token_file,
            os.environ.pop(TOKEN_VARIABLE, ""),
        )
        check_address(given.listen, protected=security.protects)
        Roots(given.roots).require_outside(given.tls_key, given.token_file)
        from scpo_trl.service.processes import Processes
        from scpo_trl.service.server import ServerOptions, create_server

        options = ServerOptions(
            listen=given.listen,
            roots=given.roots,
            threads=given.threads,
            device=given.device,
            security=security,
            allow_remote_code=given.allow_remote_code,
            allow_hub=given.allow_hub,
            upload_limit=round(given.upload_limit * 1024**3),
        )
        processes = Processes.join(given.device)
        if not processes.first:
            return follow_first(processes, options)
        running = create_server(options, processes)
    except UserError as error:
        print(one_line(str(error)), file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: running.stop_soon())
    settle()
    print(json.dumps({"address": running.address, "pid": os.getpid()}), flush=True)
    running.wait()
    if not running.end():
        # The interpreter would wait for threads that cannot be interrupted; the launcher ends the other processes.
        sys.stderr.flush()
        os._exit(1 if running.failed or processes.size > 1 else 0)
    return 0


def follow_first(processes: Processes, options: ServerOptions) -> int:
    """Do what the first of several processes says, until it ends."""
    from scpo_trl.service.following import follow
    from scpo_trl.service.processes import OutOfStepError
    from scpo_trl.service.server import compute_device, prepare_libraries, roots_of

    prepare_libraries(options.threads)
    try:
        follow(processes, roots_of(options), compute_device(options.device))
    except OutOfStepError as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
