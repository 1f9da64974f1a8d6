"""Files that say who may talk with whom: certificates, keys, tokens."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scpo.v1.rules import TOKEN
from scpo_trl.errors import UserError

TOKEN_VARIABLE = "SCPO_TOKEN"
"""Environment variable with the token, where no file is named."""


def read_token(token_file: str, token: str, option: str = "--token-file") -> str | None:
    """Read a token.

    Args:
        token_file: File with the token; empty: `token` counts.
        token: From the environment; empty: none.
        option: What named the file, for the message.

    Returns:
        None where there is none.

    Raises:
        UserError: The file cannot be read or is open to other users, or the token is too short to be a secret.
    """
    if token_file:
        token = read_file(token_file, option, secret=True).decode("utf-8", errors="replace").strip()
    if (token_file or token) and not TOKEN.allows(token):
        place = token_file or f"${TOKEN_VARIABLE}"
        raise UserError(f"token: {place}: found another text of {len(token)} characters, expected {TOKEN.expected}")
    return token or None


def read_file(path: str, option: str, *, secret: bool = False) -> bytes:
    """Read a certificate, a key or a token.

    Args:
        path: The file.
        option: What named it, for the message.
        secret: Whether other users may not read it.

    Raises:
        UserError: It cannot be read, or is open to other users.
    """
    try:
        status = Path(path).stat()
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{option}: cannot read {path} ({error.strerror}): expected a file") from error
    if secret and (status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)) and status.st_uid == os.geteuid():
        raise UserError(f"{option}: {path} is open to other users, expected mode 0600: chmod 600 {path}")
    return content
