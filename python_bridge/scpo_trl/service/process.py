"""What the service's process needs before heavy libraries are imported."""

from __future__ import annotations

import gc
import logging
import os


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
    """Log to stderr, one line a record, with time and level."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
