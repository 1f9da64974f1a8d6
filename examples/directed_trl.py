"""A TRL script whose training is directed from TypeScript: `python examples/directed_trl.py OUT ADDRESS`.

Beside SCPO's two names it has one argument more, `director`. Who decides is examples/direct.ts, or
`scpo direct run.yaml`; either may be started first.
"""

import sys

from tiny_pairs import drawn_pairs

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.tiny import embedded_model_path

if len(sys.argv) != 3:
    sys.exit("usage: python examples/directed_trl.py OUT ADDRESS")
out, address = sys.argv[1:]
trainer = SCPOTrainer(
    model=str(embedded_model_path()),
    args=SCPOConfig(
        output_dir=out,
        per_device_train_batch_size=4,
        frozen_prefixes=["model.vision_tower"],
        bf16=False,
        logging_steps=1,
        report_to="none",
    ),
    train_dataset=drawn_pairs(),
    director=address,
)
trainer.train()
trainer.save_model(out)
