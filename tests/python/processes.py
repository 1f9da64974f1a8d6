"""A training in one or several processes: `accelerate launch processes.py SETTINGS.json RESULT.json`."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any

import conftest
import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from peft import LoraConfig

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.trainer.evaluation.scored_pairs import ScoredPairs
from scpo_trl.trainer.model.model_folder import weights_sha256


def offer_fsdp_without_an_accelerator() -> None:
    """accelerate looks for FSDP only where there are accelerators, though gloo would do."""
    create = PartialState.__init__

    def patched(self: PartialState, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        if self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.MULTI_GPU

    PartialState.__init__ = patched  # type: ignore[method-assign]


def offer_deepspeed_without_an_accelerator() -> None:
    """DeepSpeed compiles a memory of its own for processes on a CPU, which gloo does not need."""
    importlib.import_module("deepspeed.comm.torch").build_shm_op = lambda: None  # type: ignore[attr-defined]


def held_out_figures(scored: ScoredPairs) -> dict[str, float]:
    return {**scored.mean_margins(), "pairs": len(scored.pairs), "loss": scored.losses.mean().item()}


def main(settings_path: str, result_path: str) -> None:
    settings: dict[str, Any] = json.loads(Path(settings_path).read_text())
    resume, lora, evaluate = (settings.pop(name, None) for name in ("resume", "lora", "evaluate"))
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        offer_fsdp_without_an_accelerator()
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        offer_deepspeed_without_an_accelerator()
    processor = inspect.unwrap(conftest.processor)()
    make_pairs = inspect.unwrap(conftest.make_pairs)()
    torch.manual_seed(11)
    trainer = SCPOTrainer(
        model=inspect.unwrap(conftest.make_model)()(),
        args=SCPOConfig(**settings),
        train_dataset=make_pairs(),
        eval_dataset=make_pairs(5, seed=1) if evaluate else None,
        processing_class=processor,
        peft_config=LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"]) if lora else None,
    )
    trainer.train(resume_from_checkpoint=resume)
    metrics = trainer.evaluate() if evaluate else {}
    held_out = trainer.evaluate_pairs(trainer.evaluation_rows, ("ww", "lw", "wl", "ll")) if evaluate else None
    trainer.save_model(str(Path(result_path).parent / "model"))
    if trainer.is_world_process_zero():
        result = {
            "processes": trainer.accelerator.num_processes,
            "kind": str(trainer.accelerator.distributed_type),
            "log": [entry for entry in trainer.state.log_history if "loss" in entry],
            "evaluation": metrics,
            "held_out": None if held_out is None else held_out_figures(held_out),
            "weights": None if trainer._is_sharded else weights_sha256(trainer.policy),
        }
        Path(result_path).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
    if torch.distributed.is_initialized():
        # All is written. Threads of a group can abort a busy process while Python takes itself apart.
        torch.distributed.barrier()
        sys.stdout.flush()
        os._exit(0)
