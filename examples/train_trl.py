"""SCPO inside a TRL script, on the embedded model: `.venv/bin/python examples/train_trl.py PAIRS.parquet OUT`.

The pairs of a finished `npm start` lie in runs/demo/data; the graded file has the column `stage`.
"""

import sys

from datasets import load_dataset
from transformers import AutoModelForImageTextToText, AutoProcessor

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.tiny import embedded_model_path

if len(sys.argv) != 3:
    print("usage: python examples/train_trl.py PAIRS.parquet OUT", file=sys.stderr)
    sys.exit(2)
pairs_path, out = sys.argv[1:]
model_path = embedded_model_path()
trainer = SCPOTrainer(
    model=AutoModelForImageTextToText.from_pretrained(model_path),
    args=SCPOConfig(
        output_dir=out,
        objective="scpo",
        objective_parameters={"anchor": 1.0},
        learning_rate=2e-4,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,
        per_device_train_batch_size=16,
        frozen_prefixes=["model.vision_tower"],
        logging_steps=10,
        use_cpu=True,
        report_to="none",
    ),
    train_dataset=load_dataset("parquet", data_files=pairs_path, split="train"),
    processing_class=AutoProcessor.from_pretrained(model_path),
)
trainer.train()
trainer.save_model(out)
