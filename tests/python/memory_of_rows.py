"""What a training's process takes: `python memory_of_rows.py FILE` trains on it, and prints its peaks."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.roots import Roots
from scpo_trl.tiny import embedded_model_path


def kilobytes(name: str) -> int:
    """A figure of this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


class Peak:
    """The most that this process alone holds, looked at every few milliseconds."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._most = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def kilobytes(self) -> int:
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._most = max(self._most, kilobytes("RssAnon"))


def train(path: Path) -> None:
    """As the service does, on pairs from all over a file."""
    opened = PairFiles(Roots([path.parent])).open_pairs(str(path), "")
    opened.check_headers()
    with tempfile.TemporaryDirectory() as folder:
        settings = SCPOConfig(
            output_dir=folder, max_steps=3, stages=1, loss_type=["sft"], use_cpu=True, bf16=False, report_to="none"
        )
        trainer = SCPOTrainer(model=str(embedded_model_path()), args=settings, train_dataset=opened.dataset)
        trainer.train()
        trainer.save_checkpoint_into(Path(folder))


if __name__ == "__main__":
    with Peak() as peak:
        train(Path(sys.argv[1]))
    print("\n" + json.dumps({"own": peak.kilobytes, "resident": kilobytes("VmHWM")}))
