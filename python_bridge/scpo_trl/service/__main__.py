"""`python -m scpo_trl.service`: the trainer service as a process of its own."""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import signal
import sys

from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.process import configure_logging, die_with_parent, prepare_environment, settle
from scpo_trl.service.roots import Roots


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal or a Shutdown call.

    Prints one JSON line `{"address", "pid"}` to standard output once the service is ready; logs go to standard error.

    Args:
        arguments: Command line without the program's name; None: the process's own.

    Returns:
        Exit status: 0, or 2 for a user's mistake.
    """
    parser = argparse.ArgumentParser(prog="python -m scpo_trl.service", description="Serve a trainer over gRPC.")
    parser.add_argument("--listen", required=True, help="unix:///absolute/path, or 127.0.0.1:PORT (0: any free port)")
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
        check_address(given.listen)
        Roots(given.roots)
        from scpo_trl.service.server import ServerOptions, create_server

        running = create_server(
            ServerOptions(listen=given.listen, roots=given.roots, threads=given.threads, device=given.device)
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: running.stop_soon())
    settle()
    print(json.dumps({"address": running.address, "pid": os.getpid()}), flush=True)
    running.wait()
    if not running.work_ended(timeout=1.0):
        # Threads deep in a forward pass cannot be interrupted, and the interpreter would wait for them.
        sys.stderr.flush()
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
