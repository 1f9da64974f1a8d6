"""The Python side of `npm run bench:overhead`: builds model and pairs, and trains with the plugin alone.

`overhead.py build FOLDER '{"20 ms": STEPS, ...}'` writes `SIZE/model/` and `SIZE/pairs.parquet`; `overhead.py train`
reads lines of JSON (`{"folder": ..., "out": ...}`) and answers each with the steps of one training.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from datasets import Dataset, Features, Image, List, Value, load_dataset
from PIL import Image as Picture
from transformers import AutoProcessor, LlavaForConditionalGeneration, PrinterCallback

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.tiny.model import DESCRIBE_PROMPT, Sizes, build_model, build_processor
from scpo_trl.trainer.director.director import StepReport

BATCH, STAGES, SEED, LEARNING_RATE = 2, 2, 7, 1e-4
SIZES = {
    "20 ms": Sizes(image=32, vision_hidden=64, vision_layers=1, text_hidden=64, text_layers=1),
    "100 ms": Sizes(text_hidden=256, text_layers=4, text_intermediate=688),
    "500 ms": Sizes(text_hidden=640, text_layers=6, text_intermediate=1720),
}
"""By the milliseconds that a step takes on about one core of a virtual machine."""
WORDS = [f"word{number}" for number in range(60)]


def build(folder: Path, size: str, steps: int) -> None:
    """Writes a model of a size, and the pairs of `STAGES` stages of `steps` optimiser steps each."""
    sizes, rng = SIZES[size], np.random.default_rng(0)
    processor = build_processor([DESCRIBE_PROMPT, " ".join(WORDS)], sizes)
    torch.manual_seed(0)
    build_model(processor, sizes).save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")

    def picture() -> dict[str, Any]:
        buffer = io.BytesIO()
        pixels = rng.integers(0, 256, (sizes.image, sizes.image, 3), dtype=np.uint8)
        Picture.fromarray(pixels).save(buffer, format="PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    def text() -> str:
        return " ".join(rng.choice(WORDS, 20)) + "."

    count = STAGES * steps * BATCH
    columns = {
        "id": [str(row) for row in range(count)],
        "images": [[picture()] for _ in range(count)],
        "rejected_images": [[picture()] for _ in range(count)],
        "prompt": [DESCRIBE_PROMPT] * count,
        "chosen": [text() for _ in range(count)],
        "rejected": [text() for _ in range(count)],
        "difficulty": [row / count for row in range(count)],
        "stage": [row // (steps * BATCH) for row in range(count)],
    }
    string, image = Value("string"), List(Image())
    texts = dict.fromkeys(("id", "prompt", "chosen", "rejected"), string)
    numbers = {"difficulty": Value("float64"), "stage": Value("int32")}
    features = Features({**texts, "images": image, "rejected_images": image, **numbers})
    Dataset.from_dict(columns, features=features).to_parquet(folder / "pairs.parquet")


def train(folder: Path, out: str) -> list[dict[str, float]]:
    """One training with the plugin alone; of each step when it ended, its own seconds and its loss."""
    trainer = SCPOTrainer(
        model=LlavaForConditionalGeneration.from_pretrained(folder / "model"),
        args=SCPOConfig(
            output_dir=out,
            per_device_train_batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            num_train_epochs=1,
            shuffle_within_stage=False,
            seed=SEED,
            weight_decay=0.0,
            max_grad_norm=1.0,
            max_length=None,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=load_dataset("parquet", data_files=str(folder / "pairs.parquet"), split="train"),
        processing_class=AutoProcessor.from_pretrained(folder / "model"),
    )
    trainer.remove_callback(PrinterCallback)
    steps: list[dict[str, float]] = []
    step_taken = trainer._director.step_taken

    def noting(report: StepReport) -> None:
        ended = time.perf_counter()
        steps.append({"ended": ended, "seconds": report.seconds, "loss": report.loss, "inStage": report.step_in_stage})
        step_taken(report)

    trainer._director.step_taken = noting
    trainer.train()
    return steps


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1] == "build":
        for size, steps in json.loads(sys.argv[3]).items():
            build(Path(sys.argv[2]) / size, size, steps)
        return
    answers = sys.stdout
    # What libraries print must not come between the answers.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(train(Path(asked["folder"]), asked["out"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
