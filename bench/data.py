"""Memory of every process of a training by the number of its rows: `npm run bench:data -- [--rows N ...] [--bytes B]`.

Pairs of pictures that all differ are written to Parquet; then `trl-scpo` and `scpo train` train a few steps on them,
whose rows are drawn from all over the file. For each process the peaks of its memory: `own`, what it alone holds
(anonymous), and `resident`, which also counts files' pages that it looked at (the libraries' code among them).
"""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image
import psutil
import pyarrow
import pyarrow.parquet

from scpo_trl.tiny import embedded_model_path

HERE = Path(__file__).resolve().parents[1]
_GROUP_ROWS = 500
_SIDE = 32
_WORDS = ("a dog", "a cat", "a car", "two dogs", "an apple", "a red car", "a boat", "three cats")
_PIXELS = 1_400
"""Bytes of a picture without its comment."""


@dataclass
class Measured:
    """One training.

    Attributes:
        door: The command.
        rows: Rows of the file.
        file_bytes: Its size.
        seconds: To the end of the steps.
        peaks: By process, in megabytes.
    """

    door: str
    rows: int
    file_bytes: int
    seconds: float
    peaks: dict[str, dict[str, int]] = field(default_factory=dict)


def write_pairs(path: Path, rows: int, picture_bytes: int) -> None:
    """A file of pairs, no two of whose pictures are the same bytes."""
    draw = random.Random(1)
    noise = np.random.default_rng(1)
    plain = PIL.Image.fromarray(noise.integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8))

    def picture() -> dict[str, bytes | None]:
        encoded = io.BytesIO()
        plain.save(encoded, "JPEG", quality=50, comment=draw.randbytes(max(16, picture_bytes - _PIXELS)))
        return {"bytes": encoded.getvalue(), "path": None}

    image = pyarrow.list_(pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]))
    text, number = pyarrow.string(), pyarrow.float64()
    schema = pyarrow.schema(
        [("id", text), ("images", image), ("rejected_images", image)]
        + [(name, text) for name in ("prompt", "chosen", "rejected")]
        + [("difficulty", number)]
    )
    with pyarrow.parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, rows, _GROUP_ROWS):
            group = [
                {
                    "id": f"pair-{row}",
                    "images": [picture()],
                    "rejected_images": [picture()],
                    "prompt": "What is in the picture?",
                    **dict(zip(("chosen", "rejected"), draw.sample(_WORDS, 2), strict=True)),
                    "difficulty": draw.random(),
                }
                for row in range(start, min(start + _GROUP_ROWS, rows))
            ]
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


def watch(command: list[str], is_over: Callable[[], bool]) -> tuple[dict[str, dict[str, int]], float]:
    """Peaks of a command's processes until it ends, or until the training has gone far enough and it is stopped."""
    peaks: dict[str, dict[str, int]] = {}
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=HERE, stdout=output, stderr=subprocess.STDOUT)
        stopped_at: float | None = None
        seconds = 0.0
        while process.poll() is None:
            for pid, name, own, resident in _memory(process.pid):
                seen = peaks.setdefault(f"{name} {pid}", {"own": 0, "resident": 0})
                seen["own"], seen["resident"] = max(seen["own"], own), max(seen["resident"], resident)
            if stopped_at is None and is_over():
                stopped_at, seconds = time.monotonic(), time.monotonic() - began
                process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        if stopped_at is None:
            seconds = time.monotonic() - began
            if process.returncode != 0:
                output.seek(0)
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{output.read().decode()}")
    named: dict[str, dict[str, int]] = {}
    for key, seen in peaks.items():
        name = key.split()[0]
        most = named.setdefault(name, {"own": 0, "resident": 0})
        for kind, value in seen.items():
            most[kind] = max(most[kind], value // 2**20)
    return named, round(seconds, 1)


def _memory(pid: int) -> Iterator[tuple[int, str, int, int]]:
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue
        values = {line.split(":")[0]: line.split(":")[1].split() for line in status.splitlines() if ":" in line}
        if "RssAnon" in values:
            own, resident = (int(values[name][0]) * 1024 for name in ("RssAnon", "VmHWM"))
            # A process that is being started still shows the one that starts it.
            name = values["Name"][0]
            yield process.pid, "node" if name in ("node", "MainThread", "node-MainThread") else name, own, resident


def of_command(pairs: Path, rows: int, steps: int, folder: Path) -> Measured:
    """`trl-scpo` on the file, fine-tuning on the chosen texts, so that no table comes before the first step."""
    words = {
        "--model_name_or_path": str(embedded_model_path()),
        "--dataset_name": str(pairs),
        "--output_dir": str(folder / "out"),
        "--loss_type": "sft",
        "--max_steps": str(steps),
        "--per_device_train_batch_size": "16",
        "--stages": "1",
        "--bf16": "false",
        "--report_to": "none",
        "--save_strategy": "no",
    }
    command = [sys.executable, "-m", "scpo_trl", *(word for pair in words.items() for word in pair)]
    peaks, seconds = watch(command, lambda: False)
    return Measured("trl-scpo", rows, pairs.stat().st_size, seconds, peaks)


def of_run(pairs: Path, rows: int, steps: int, folder: Path) -> Measured:
    """`scpo train` on the file: the director in Node, the trainer embedded or launched."""
    settings = folder / "run.yaml"
    run = folder / "rows"
    settings.write_text(
        json.dumps(
            {
                "id": "rows",
                "model": "embedded",
                "data": {"pairs": str(pairs)},
                "training": {"loss_type": "sft", "per_device_train_batch_size": 16, "learning_rate": 1e-5},
                "curriculum": {"policy": "staged", "stages": 1},
                "reporting": {"page": False},
            }
        )
    )
    log = run / "log.jsonl"

    def is_over() -> bool:
        return log.is_file() and sum('"type":"step"' in line[:200] for line in _lines(log)) >= steps

    command = ["node", "bin/scpo.js", "train", str(settings), "--runs", str(folder)]
    peaks, seconds = watch(command, is_over)
    return Measured("scpo train", rows, pairs.stat().st_size, seconds, peaks)


def _lines(path: Path) -> Iterator[str]:
    with path.open() as file:
        yield from file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000, 20_000], help="numbers of rows")
    parser.add_argument("--bytes", type=int, default=20_000, help="bytes of a picture; a row has two")
    parser.add_argument("--steps", type=int, default=20, help="optimiser steps of 16 pairs")
    parser.add_argument("--door", nargs="+", choices=["trl-scpo", "train"], default=["trl-scpo", "train"])
    parser.add_argument("--folder", type=Path, help="where files are written; left out: the system's")
    parser.add_argument("--out", type=Path, default=HERE / "docs/results/bench-data.json")
    options = parser.parse_args()
    results: list[Measured] = []
    for rows in options.rows:
        folder = Path(tempfile.mkdtemp(prefix="scpo-bench-data-", dir=options.folder))
        try:
            pairs = folder / "pairs.parquet"
            write_pairs(pairs, rows, options.bytes)
            for name, measure in (("trl-scpo", of_command), ("train", of_run)):
                if name in options.door:
                    results.append(measure(pairs, rows, options.steps, folder))
                    _show(results[-1])
        finally:
            shutil.rmtree(folder)
    options.out.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


def _show(result: Measured) -> None:
    peaks = "; ".join(
        f"{name}: own {most['own']} MB, resident {most['resident']} MB" for name, most in sorted(result.peaks.items())
    )
    size = f"{result.rows} rows, {result.file_bytes / 1e6:.0f} MB"
    print(f"{result.door}, {size}: {result.seconds} s; {peaks}", flush=True)


if __name__ == "__main__":
    main()
