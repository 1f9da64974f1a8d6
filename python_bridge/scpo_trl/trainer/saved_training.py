"""The whole training as a folder, between two optimiser steps: complete, sealed, or not there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from scpo_trl.errors import UserError
from scpo_trl.trainer.sealed_folder import put_in_place, seal_folder, writing_failed

if TYPE_CHECKING:
    from scpo_trl.trainer.scpo_trainer import SCPOTrainer

# Pickled settings with this machine's paths; nobody reads them again.
_LEFT_OUT = "training_args.bin"


def save_training(trainer: SCPOTrainer, folder: Path) -> None:
    """Saves what `SCPOTrainer.train(resume_from_checkpoint=folder)` goes on from; all processes take part.

    Args:
        trainer: Between two optimiser steps.
        folder: Where to; replaced if it exists.

    Raises:
        UserError: it cannot be written; an earlier folder stays as it was.
    """
    accelerator = trainer.accelerator
    # The same name in every process.
    temporary = folder.with_name(f".{folder.name}.writing")
    try:
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        accelerator.wait_for_everyone()
        written = trainer.save_checkpoint_into(temporary)
        if accelerator.is_main_process:
            (written / _LEFT_OUT).unlink(missing_ok=True)
            seal_folder(written)
            put_in_place(written, folder)
            temporary.rmdir()
        accelerator.wait_for_everyone()
    except Exception as error:
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, UserError):
            raise
        # Writers raise almost anything at a full disk: OSError, RuntimeError, an exception of safetensors.
        raise writing_failed(folder, error) from error
