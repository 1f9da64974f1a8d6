"""Texts of others in lines of ours: in errors and in the log, where a line break would begin a forged one."""

from __future__ import annotations

import logging
import re

MAX_COST = 2000
"""Bytes that a line takes in a header, where what is not ASCII takes three for one.

A status repeats its message twice in its details, in base64, and clients limit headers to 8 KB.
"""

_CUT = "..."
_DISGUISES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PLAIN = re.compile(r"[ -$&-~]")


def escaped(text: str) -> str:
    """Write control characters, line breaks and what turns the direction of writing as `\\xNN` and `\\uNNNN`."""
    return _DISGUISES.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """Fold white space to single blanks, escape the rest, and cut where a header would be too long."""
    line = escaped(" ".join(text.split()))
    room = MAX_COST - len(_CUT)
    cost = end = 0
    for position, character in enumerate(line):
        cost += 1 if _PLAIN.match(character) else 3 * len(character.encode())
        if cost > MAX_COST:
            return line[:end] + _CUT
        if cost <= room:
            end = position + 1
    return line


class OneLineFormatter(logging.Formatter):
    """A line a record, whatever its message holds; a traceback follows indented, line by line."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Format the record with its message escaped."""
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:
        """Format a traceback so that no line of it can pass for a record."""
        return "\n".join(f"  | {escaped(line)}" for line in super().formatException(ei).splitlines())  # type: ignore[arg-type]
