"""SCPO inside a TRL script, on the embedded model: `python examples/train_trl.py OUT [PAIRS.parquet]`.

Without a file it draws its own pairs. Those of a finished `npm start` lie in runs/demo/data; the graded file has the
columns difficulty and stage.
"""

import sys

from datasets import load_dataset
from tiny_pairs import drawn_pairs

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.tiny import embedded_model_path

if len(sys.argv) not in (2, 3):
    sys.exit("usage: python examples/train_trl.py OUT [PAIRS.parquet]")
out, *files = sys.argv[1:]
pairs = load_dataset("parquet", data_files=files, split="train") if files else drawn_pairs()
trainer = SCPOTrainer(
    model=str(embedded_model_path()),
    args=SCPOConfig(
        output_dir=out,
        loss_type=["scpo"],
        loss_parameters={"anchor": 1.0},
        learning_rate=2e-4,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,
        per_device_train_batch_size=4,
        frozen_prefixes=["model.vision_tower"],
        bf16=False,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=pairs,
)
trainer.train()
trainer.save_model(out)
