"""Chat templates of models, which are programs of others: rendered where they can be ended."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from transformers import processing_utils, tokenization_utils_base
from transformers.utils import chat_template_utils

from scpo_trl.errors import UserError
from scpo_trl.tiny.model import CHAT_TEMPLATE

SECONDS = 10
"""For one rendering; real templates take a millisecond."""

LARGEST_TEXT = 4_000_000
"""Characters that a template may give."""

_WORKER = Path(__file__).with_name("template_worker.py")
_MODULES = (processing_utils, tokenization_utils_base)
_in_process: Any = chat_template_utils.render_jinja_template  # its own annotation is wrong
_variables_in_process = chat_template_utils._get_template_variables


class TemplateProcess:
    """Renders in another process, which is started when it is needed and again after it had to be ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def render(self, **arguments: Any) -> tuple[list[str], list[Any]]:
        """Do what `render_jinja_template` of transformers does.

        Raises:
            UserError: The template fails, or takes too long or too much memory.
        """
        reply = self._answer(arguments, variables=False)
        return reply["rendered"], reply["indices"]

    def variables(self, chat_template: str) -> frozenset[str]:
        """Give the names that a template reads; it is compiled for that, which can take as much as a rendering."""
        return frozenset(self._answer({"chat_template": chat_template}, variables=True)["variables"])

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answer(self, arguments: dict[str, Any], *, variables: bool) -> dict[str, Any]:
        request = {"arguments": arguments, "variables": variables, "seconds": SECONDS, "largest": LARGEST_TEXT}
        line = json.dumps(request, default=_plain)
        with self._lock:
            reply = self._ask(line)
        if "error" in reply:
            raise UserError(f"the model's chat template cannot be rendered: {reply['error']}; correct the template")
        return reply

    def _ask(self, line: str) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        if answer:
            return json.loads(answer)
        self.close()
        return {"error": f"it does not end within {SECONDS} s, or takes too much memory"}

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        # -P: no module beside the worker, or in the current folder, stands for a library's.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self.close()
            raise RuntimeError(f"{sys.executable} {_WORKER} does not start, expected a process that renders templates")
        return self._process


def _plain(value: Any) -> str:
    """What stands for a value that JSON does not know: templates ask for an entry's type, not for its image."""
    return str(value) if isinstance(value, AddedToken) else f"<{type(value).__name__}>"


_templates = TemplateProcess()
atexit.register(_templates.close)


def render_elsewhere() -> None:
    """Have transformers render every template but the embedded model's own in a `TemplateProcess`, from now on."""

    def render(*, chat_template: str | None = None, **arguments: Any) -> tuple[list[str], list[Any]]:
        if chat_template == CHAT_TEMPLATE:
            return _in_process(chat_template=chat_template, **arguments)
        return _templates.render(chat_template=chat_template, **arguments)

    @functools.lru_cache(maxsize=16)
    def variables(chat_template: str | None) -> frozenset[str]:
        if chat_template is None or chat_template == CHAT_TEMPLATE:
            return _variables_in_process(chat_template)
        return _templates.variables(chat_template)

    for module in _MODULES:
        setattr(module, "render_jinja_template", render)  # noqa: B010
    processing_utils._get_template_variables = variables
