"""What the service's process needs before heavy libraries are imported."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys

from scpo_trl.dialogue.one_line import OneLineFormatter

PARENT = "SCPO_PARENT"
"""Environment variable with the process id of whoever starts a process that is to die with it."""

_PR_SET_PDEATHSIG = 1


def prepare_environment(threads: int) -> None:
    """Set the environment of a trainer process; call before torch and transformers are imported.

    Args:
        threads: Threads of the numerical libraries.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    # Models come from local folders only; a lookup in the network would leak names and hang without one.
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # With it set, a forking data loader inside a gRPC process hangs.
    os.environ.pop("GRPC_ENABLE_FORK_SUPPORT", None)


def settle() -> None:
    """Exempt what was imported so far from garbage collection; call once the service is up.

    The libraries' objects never become garbage, but every full collection would look at all of them: half a second at
    the end of every training.
    """
    gc.collect()
    gc.freeze()


def configure_logging() -> None:
    """Log to stderr, one line a record, with time and level; warnings of libraries too."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)


def die_with_parent() -> None:
    """Have Linux end this process when the one that started it dies, even by kill -9; elsewhere do nothing.

    Where `PARENT` is set, a parent that died before this call is noticed too.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = int(os.environ.get(PARENT) or os.getppid())
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the call took effect.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    # What this process starts has this one for a parent.
    os.environ[PARENT] = str(os.getpid())
