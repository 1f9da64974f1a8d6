"""Where the service may listen: this machine, or the network where it is protected."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from scpo.v1.rules import LONGEST_SOCKET_PATH, LOOPBACK_HOST, TCP_ADDRESS
from scpo_trl.errors import UserError

ANSWER_SECONDS = 0.2
"""That whoever listens on a socket has to take a connection; one that does not is alive all the same."""


def check_address(listen: str, *, protected: bool = False) -> str:
    """Check an address to listen on, and make a Unix socket's directory private.

    Args:
        listen: `unix:///absolute/path` or `host:port`.
        protected: Whether calls are encrypted and their callers known, so that other machines may call.

    Returns:
        The address as gRPC takes it.

    Raises:
        UserError: Neither a Unix socket nor host and port; an address that other machines reach, without protection; a
            socket's directory that others may enter; a socket that is in use.
    """
    if listen.startswith("unix:///"):
        _prepare_socket(Path(listen.removeprefix("unix://")))
        return listen
    if not TCP_ADDRESS.allows(listen):
        raise UserError(f"listen: found {listen!r}, expected unix:///absolute/path or {TCP_ADDRESS.expected}")
    if not protected and not LOOPBACK_HOST.allows(listen.rpartition(":")[0]):
        raise UserError(
            f"listen: found {listen!r}, expected unix:///absolute/path or 127.0.0.1:PORT: other machines may reach the "
            "service only with --tls-certificate, --tls-key, and --token-file or --tls-client-authority"
        )
    return listen


def _prepare_socket(path: Path) -> None:
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise UserError(
            f"listen: {path} has {len(os.fsencode(path))} bytes, expected at most {LONGEST_SOCKET_PATH}: "
            "systems limit the paths of sockets"
        )
    directory = path.parent
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise UserError(f"listen: no such folder: {directory.parent}; create it first") from None
    except OSError as error:
        raise UserError(f"listen: cannot make the folder {directory} ({error.strerror}); create it first") from error
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise UserError(
            f"listen: {directory} is open to other users, expected a folder of your own with mode 0700, "
            "since whoever reaches the socket commands the trainer; use a new folder"
        )
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise UserError(f"listen: {path} is no socket; choose another path")
    if not _is_dead(path):
        raise UserError(f"listen: another service listens on {path}; stop it or choose another path")
    path.unlink(missing_ok=True)


def _is_dead(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            # Too busy to answer is alive.
            return False
    return False
