"""Where the service may listen: this machine, or the network where it is protected."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from pathlib import Path

from scpo_trl.errors import UserError

LONGEST_SOCKET_PATH = 100
"""Bytes; systems allow 104 or 108 with the final zero byte."""

_TCP = re.compile(r"(?P<host>\[[^\]]+\]|[^:/]+):(?P<port>\d{1,5})")


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
    match = _TCP.fullmatch(listen)
    if match is None or int(match["port"]) > 65535:
        raise UserError(f"listen: found {listen!r}, expected unix:///absolute/path or 127.0.0.1:PORT")
    if not protected and not is_loopback(match["host"].strip("[]")):
        raise UserError(
            f"listen: found {listen!r}, expected unix:///absolute/path or 127.0.0.1:PORT: other machines may reach the "
            "service only with --tls-certificate, --tls-key, and --token-file or --tls-client-authority"
        )
    return listen


def is_loopback(host: str) -> bool:
    """Whether a name or an address stands for this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _prepare_socket(path: Path) -> None:
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise UserError(
            f"listen: {path} has {len(os.fsencode(path))} bytes, expected at most {LONGEST_SOCKET_PATH}: "
            "systems limit the paths of sockets"
        )
    directory = path.parent
    if not directory.exists():
        if not directory.parent.is_dir():
            raise UserError(f"listen: no such folder: {directory.parent}; create it first")
        directory.mkdir(mode=0o700)
    status = directory.stat()
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise UserError(
            f"listen: {directory} is open to other users, expected a folder of your own with mode 0700, "
            "since whoever reaches the socket commands the trainer; use a new folder"
        )
    if path.exists() or path.is_symlink():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink()
            else:
                raise UserError(f"listen: another service listens on {path}; stop it or choose another path")
