"""Objectives side by side on the embedded model: `python examples/compare_objectives.py OUT [OBJECTIVE ...]`.

Each starts from the same weights and sees the same pairs in the same order; the table holds what the log of the last
step says about text and image. A demonstration of how to compare, not a result: 24 drawn pairs decide nothing.
"""

import sys

from tiny_pairs import drawn_pairs

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.losses import loss_names
from scpo_trl.tiny import embedded_model_path

if len(sys.argv) < 2:
    sys.exit("usage: python examples/compare_objectives.py OUT [OBJECTIVE ...]")
out, *asked = sys.argv[1:]
columns = ("loss", "margins/textual", "margins/visual", "kl/initial")
lines = [f"{'objective':<12}" + "".join(f"{name:>18}" for name in columns)]
for objective in asked or loss_names():
    trainer = SCPOTrainer(
        model=str(embedded_model_path()),
        args=SCPOConfig(
            output_dir=f"{out}/{objective}",
            loss_type=[objective],
            learning_rate=2e-4,
            per_device_train_batch_size=4,
            frozen_prefixes=["model.vision_tower"],
            bf16=False,
            logging_steps=1,
            disable_tqdm=True,
            save_strategy="no",
            report_to="none",
        ),
        train_dataset=drawn_pairs(),
    )
    trainer.train()
    last = [entry for entry in trainer.state.log_history if "loss" in entry][-1]
    lines.append(f"{objective:<12}" + "".join(f"{last.get(name, float('nan')):>18.4f}" for name in columns))
print("\n".join(lines))
