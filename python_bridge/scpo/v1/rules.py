"""Generated from proto/rules.json. Do not edit."""

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class TextRule:
    """What a text must be, whole; `expected` in words."""

    pattern: re.Pattern[str]
    expected: str

    def allows(self, text: str) -> bool:
        """Whether the text follows the rule."""
        return self.pattern.fullmatch(text) is not None


@dataclass(frozen=True)
class NumberRule:
    """What a number must be: finite and above a bound; `expected` in words."""

    above: float
    expected: str

    def allows(self, number: float) -> bool:
        """Whether the number follows the rule."""
        return math.isfinite(number) and number > self.above



RUN_ID = TextRule(re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"), "1 to 100 letters, digits, points, hyphens or underscores, a letter or digit first")
"""Names of runs are names of folders."""

CHECKPOINT_NAME = TextRule(re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}"), "1 to 100 letters, digits, points, hyphens or underscores, a letter or digit first")
"""Names of checkpoints are names of folders."""

SHA256 = TextRule(re.compile("[0-9a-f]{64}"), "64 lower-case hexadecimal digits")
"""Hash of a file's content."""

TOKEN = TextRule(re.compile("[\\x21-\\x7e]{32,}"), "32 or more printable ASCII characters without blanks, such as `openssl rand -hex 32` gives")
"""A secret that travels in a header."""

TCP_ADDRESS = TextRule(re.compile("(?:\\[[0-9A-Fa-f:.]+\\]|[^:/\\s\\[\\]]+):(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"), "HOST:PORT such as 127.0.0.1:50051, or [IPv6]:PORT")
"""Where a service listens on the network or is reached."""

LOOPBACK_HOST = TextRule(re.compile("localhost|\\[?::1\\]?|127(?:\\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}"), "localhost, ::1 or an address of 127.0.0.0/8")
"""Hosts that other machines do not reach."""

LARGEST_IMAGE = 64000000
"""Pixels of an image; decoded, it takes up to eight bytes for each."""

LONGEST_STRIP = 200
"""Times that a side of an image may be as long as the other: a processor that scales the shorter side makes a strip huge."""

LONGEST_SOCKET_PATH = 100
"""Bytes of a Unix socket's path; systems allow 104 or 108 with the final zero byte."""

LONGEST_PATH = 4000
"""Bytes of a client's path; what systems take, with room for what is written below."""

LONGEST_PATH_PART = 255
"""Bytes of a name in a client's path."""

MOST_PATH_PARTS = 200
"""Names in a client's path."""

LEARNING_RATE = NumberRule(0, "a number above 0")
"""Peak of a stage's learning rate."""
