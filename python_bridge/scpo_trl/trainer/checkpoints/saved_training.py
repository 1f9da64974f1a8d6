"""The whole training as a folder, between two optimiser steps: complete, sealed, or not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from accelerate import Accelerator

from scpo_trl.errors import UserError
from scpo_trl.trainer.model.sealed_folder import put_in_place, require_nothing_foreign, seal_folder, writing_failed

# Pickled settings with this machine's paths; nobody reads them again.
_LEFT_OUT = "training_args.bin"


def save_training(accelerator: Accelerator, write: Callable[[Path], Path], folder: Path) -> None:
    """Saves what `SCPOTrainer.train(resume_from_checkpoint=folder)` resumes from; all processes take part.

    Args:
        accelerator: Of a trainer that is between two optimiser steps.
        write: Writes the trainer's checkpoint into a folder within the one that it is given, and returns it.
        folder: Where to; replaced if it exists.

    Raises:
        UserError: it cannot be written; an earlier folder stays as it was.
    """
    # The same name in every process.
    temporary = folder.with_name(f".{folder.name}.writing")
    try:
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        accelerator.wait_for_everyone()
        written = write(temporary)
        if accelerator.is_main_process:
            (written / _LEFT_OUT).unlink(missing_ok=True)
            seal_folder(written)
            require_nothing_foreign(folder, written)
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
