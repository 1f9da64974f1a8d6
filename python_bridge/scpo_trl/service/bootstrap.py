"""Boots the trainer service inside a Python process that Node started through pythonia.

Functions take and return JSON texts: `{"ok": ...}` or `{"error": {"type", "message", "traceback"}}`. Nothing heavy is
imported at the top, so that importing this module is quick and cannot fail.
"""

from __future__ import annotations

import faulthandler
import functools
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scpo_trl.service.server import RunningServer

_running: RunningServer | None = None


def _answering_json(function: Callable[[Any], Any]) -> Callable[[str], str]:
    @functools.wraps(function)
    def answer(settings: str = "{}") -> str:
        try:
            # NaN in an answer would kill Node: allow_nan=False turns it into an error before it gets there.
            return json.dumps({"ok": function(json.loads(settings))}, allow_nan=False)
        except Exception as error:
            failure = {"type": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            return json.dumps({"error": failure})

    return answer


@_answering_json
def boot(settings: dict[str, Any]) -> dict[str, Any]:
    """Start the service on a Unix socket.

    Args:
        settings: JSON with `socket` (absolute path; its directory must be private), `roots` (folders), `threads`, and
            `log_path` (file that receives everything printed; created or appended to).

    Returns:
        JSON with `pid` and `address`, once the service is ready for calls; an error's JSON otherwise.
    """
    global _running
    from scpo_trl.errors import UserError
    from scpo_trl.service.process import configure_logging, die_with_parent, prepare_environment, settle

    socket, roots = _field(settings, "socket", str), _field(settings, "roots", list)
    threads, log_path = _field(settings, "threads", int), _field(settings, "log_path", str)
    if _running is not None:
        raise UserError("boot: the service runs already, expected one boot a process")
    redirect_output(log_path)
    faulthandler.enable(sys.__stderr__ or sys.stderr)
    die_with_parent()
    # Ctrl-C reaches the whole process group; Node decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_environment(threads)
    configure_logging()
    from scpo_trl.service.server import ServerOptions, create_server

    _running = create_server(ServerOptions(listen=f"unix://{socket}", roots=roots, threads=threads))
    settle()
    return {"pid": os.getpid(), "address": _running.address}


def redirect_output(log_path: str) -> None:
    """Send what this process prints, from Python and from libraries, to the end of a file.

    pythonia talks over the descriptor in NODE_CHANNEL_FD, which stays as it is. Where there is none it talks over
    standard error, and only standard output is redirected.
    """
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        streams = [sys.stdout] if "NODE_CHANNEL_FD" not in os.environ else [sys.stdout, sys.stderr]
        for stream, descriptor in zip(streams, (1, 2), strict=False):
            stream.flush()
            os.dup2(log, descriptor)
    finally:
        os.close(log)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)


def _field(settings: dict[str, Any], name: str, kind: type) -> Any:
    from scpo_trl.errors import UserError

    value = settings.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"boot: {name}: found {value!r}, expected {kind.__name__}")
    return value
