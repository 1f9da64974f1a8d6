"""The versions of TRL with which the plugin is tested; pyproject.toml states the same range."""

from __future__ import annotations

from importlib.metadata import version

from packaging.version import Version

from scpo_trl.errors import UserError

OLDEST = "1.0"
FIRST_UNSUPPORTED = "2"


def require_supported_trl() -> None:
    """Refuses a TRL outside of the range, before it fails somewhere within.

    Raises:
        UserError: the installed TRL is too old or too new.
    """
    found = version("trl")
    if not Version(OLDEST) <= Version(found) < Version(FIRST_UNSUPPORTED):
        raise UserError(
            f"found TRL {found}: expected {OLDEST} or newer and older than {FIRST_UNSUPPORTED}; "
            f"pip install 'trl>={OLDEST},<{FIRST_UNSUPPORTED}'"
        )
