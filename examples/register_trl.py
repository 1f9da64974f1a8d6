"""SCPO under TRL's own names, on the embedded model: `python examples/register_trl.py OUT`.

After `register()` a script keeps DPOConfig and DPOTrainer; loss_type decides. Here the sum of SCPO and half of plain
fine-tuning on the chosen texts.
"""

import sys

from tiny_pairs import drawn_pairs
from trl import DPOConfig, DPOTrainer

import scpo_trl
from scpo_trl.tiny import embedded_model_path

if len(sys.argv) != 2:
    sys.exit("usage: python examples/register_trl.py OUT")
scpo_trl.register(reference_update="fixed", frozen_prefixes=["model.vision_tower"])
trainer = DPOTrainer(
    model=str(embedded_model_path()),
    args=DPOConfig(
        output_dir=sys.argv[1],
        loss_type=["scpo", "sft"],
        loss_weights=[1.0, 0.5],
        num_train_epochs=1,
        learning_rate=2e-4,
        lr_scheduler_type="constant",
        per_device_train_batch_size=4,
        bf16=False,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=drawn_pairs(),
)
trainer.train()
trainer.save_model()
