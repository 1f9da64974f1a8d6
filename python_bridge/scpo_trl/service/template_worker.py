"""Renders chat templates in a process of its own, which ends itself; started by path, see `templates.py`.

One JSON line a rendering comes in, one goes out. Nothing of this package is imported.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

from transformers.utils import chat_template_utils

MEMORY = 512 * 1024**2


def limit_memory() -> None:
    """Let this process take `MEMORY` more than it has; where the system does not say how much that is, not at all."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def answer(request: dict) -> dict:
    """Render what a request asks for; an error is an answer too."""
    try:
        if request["variables"]:
            return {"variables": sorted(chat_template_utils._get_template_variables(**request["arguments"]))}
        rendered, indices = chat_template_utils.render_jinja_template(**request["arguments"])
        if sum(map(len, rendered)) > request["largest"]:
            return {"error": f"it gives more than {request['largest']} characters"}
        return {"rendered": rendered, "indices": indices}
    except MemoryError:
        return {"error": f"it takes more than {MEMORY} bytes of memory"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:1000]}


def main() -> None:
    """Answer until the input ends; a rendering beyond its seconds of computing ends the process."""
    limit_memory()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        reply = answer(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
