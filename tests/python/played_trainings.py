"""Trainings of one stage, played over the service, and what the loaded model says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from service_fixtures import Dialogue, World, decision, feed, objective, open_stage, start

from scpo.v1 import trainer_pb2
from scpo_trl import SCPOConfig

SEED = 3
RATE = 1e-2
ADAPTER: dict[str, Any] = {
    "use_peft": True,
    "lora_r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.0,
    "lora_target_modules": ["q_proj", "v_proj"],
}
MIXTURE = objective(("scpo", 1.0), ("sft", 0.5))


def load(world: World, path: Path | str, settings: Mapping[str, Any] | None = None) -> Any:
    text = json.dumps(settings) if settings else ""
    return world.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(path), settings=text))


def trl_door(folder: Path, **settings: Any) -> SCPOConfig:
    """Settings with which `SCPOTrainer` alone trains as `play` does with `MIXTURE`."""
    return SCPOConfig(
        **{"loss_type": ["scpo", "sft"], "loss_weights": [1.0, 0.5], **settings},
        output_dir=str(folder),
        seed=SEED,
        use_cpu=True,
        per_device_train_batch_size=2,
        learning_rate=RATE,
        lr_scheduler_type="constant",
        shuffle_within_stage=False,
        reference_update="steps",
        reference_update_steps=1,
        reference_alpha=0.5,
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
    )


@dataclass
class Played:
    """What a training told."""

    started: Any = None
    reports: dict[int, trainer_pb2.StepReport] = field(default_factory=dict)
    models: dict[str, trainer_pb2.CheckpointSaved] = field(default_factory=dict)

    def told(self) -> dict[int, bytes]:
        """The reports without what a clock or the process's memory says."""
        for report in self.reports.values():
            report.seconds = report.memory_bytes = 0
        return {step: report.SerializeToString(deterministic=True) for step, report in self.reports.items()}


def play(
    world: World,
    settings: Mapping[str, Any],
    *,
    steps: int = 3,
    directory: Path | None = None,
    resume_from: int = 0,
    stop_after: int | None = None,
    losses: trainer_pb2.Objective = MIXTURE,
    **fields: Any,
) -> Played:
    """Trains one stage on the loaded model, two pairs a step; with a directory, saves after every step."""
    played = Played()
    dialogue = Dialogue(world.stub)
    name = f"step-{resume_from}" if resume_from else ""
    folder = "" if directory is None else str(directory)
    dialogue.send(start(world, dict(settings), checkpoint_directory=folder, resume_from=name, seed=SEED, **fields))
    played.started = dialogue.expect("started")
    pairs = range(2 * steps)
    dialogue.send(open_stage(1, pairs, steps=steps, objective=losses, learning_rate=RATE, keep_reference_weights=True))
    dialogue.expect("stage_opened")
    dialogue.send(feed(list(pairs)[2 * resume_from :], last=True))
    for step in range(resume_from + 1, steps + 1):
        report = dialogue.expect("step_report")
        played.reports[step] = report
        last = step in (steps, stop_after)
        saving = {} if directory is None else {"save_training": f"step-{step}", "checkpoint": "end" if last else ""}
        move = {"move_reference_alpha": 0.5} if step == 1 else {}
        dialogue.send(decision(step, end_stage=step == steps, pause=step == stop_after, **saving, **move))
        if directory is not None and last:
            played.models["end"] = dialogue.expect("checkpoint_saved")
        if directory is not None:
            assert dialogue.expect("checkpoint_saved").training
        if step == stop_after:
            break
    if stop_after is None:
        dialogue.expect("stage_closed")
        dialogue.close()
    dialogue.expect("ended")
    return played


def logps(world: World, pairs: Path | None = None) -> torch.Tensor:
    """The four log-probabilities of each of the first pairs, under the loaded model."""
    signals = [trainer_pb2.SIGNAL_LOGPS]
    request = trainer_pb2.ScorePairsRequest(dataset=world.dataset(pairs), pairs=range(4), signals=signals)
    quads = [score.logps for response in world.stub.ScorePairs(request) for score in response.scores]
    return torch.tensor([[value for _, value in quad.ListFields()] for quad in quads], dtype=torch.float64)


def answers(world: World, pairs: Path | None = None) -> list[str]:
    """What the loaded model answers about the first rows."""
    prompts = [trainer_pb2.Prompt(row=row, text="Describe the picture .") for row in range(4)]
    request = trainer_pb2.GenerateRequest(
        dataset=world.dataset(pairs), image_column="images", prompts=prompts, max_new_tokens=6
    )
    found = {one.prompt: one.text for response in world.stub.Generate(request) for one in response.answers}
    return [found[row] for row in range(4)]
