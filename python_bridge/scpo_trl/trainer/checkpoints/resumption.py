"""What a checkpoint of the trainer holds besides transformers' own files, so that a resumed training loses nothing.

`scpo_state.json` is written last: a checkpoint without it was cut off while it was written.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from scpo_trl.errors import UserError
from scpo_trl.trainer.reference.reference import Reference, ReferenceState
from scpo_trl.trainer.reference.reference_table import ReferenceTable

STATE_FILE = "scpo_state.json"
FORMAT = 1
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_WEIGHTS = ("initial", "current")
_COUNTS = ("pairs_per_step", "processes", "rows")


@dataclass(frozen=True)
class Position:
    """The position of a training between two optimiser steps.

    Attributes:
        stages_before: Stages before the one that is open, or that opens next.
        within: Whether a stage is open.
        steps: Optimiser steps taken in the open stage.
        opened_at: Optimiser steps of the training when it opened.
        over: Whether it was told to end.
        summary: Sums of its metrics so far, see `StageSummary`.
        evaluate_next: Whether the next step is to be reported with an evaluation of the held-out pairs.
    """

    stages_before: int
    within: bool
    steps: int
    opened_at: int
    over: bool
    summary: dict[str, Any] = field(default_factory=dict)
    evaluate_next: bool = False


@dataclass(frozen=True)
class TrainingShape:
    """What must be the same when a training resumes.

    Attributes:
        pairs_per_step: Pairs of an optimiser step in all processes together.
        processes: Number of processes.
        rows: Rows of all data sets together.
        rows_sha256: Hash of these rows in their order; made when asked for, since a large set takes its time.
    """

    pairs_per_step: int
    processes: int
    rows: int
    rows_sha256: Callable[[], str]


@dataclass(frozen=True)
class SavedTraining:
    """What `read_state` finds in a checkpoint."""

    position: Position
    tokens: int


def write_state(
    folder: Path,
    position: Position,
    reference: Reference,
    shape: TrainingShape,
    tokens: int,
    *,
    process: int,
    sharded: bool,
) -> None:
    """Adds to a checkpoint the training's position and its reference, table and weights.

    Args:
        folder: The checkpoint, with transformers' files in place.
        position: The training's position.
        reference: The reference in force.
        shape: What must be the same when the training resumes.
        tokens: Tokens trained on so far.
        process: Number of this process.
        sharded: Whether the weights are spread over the processes, so that each writes its own.
    """
    if process == 0 or sharded:
        for name in _WEIGHTS:
            state: ReferenceState | None = getattr(reference, name)
            if state is not None and state.weights is not None and not _is_shared_with_initial(reference, name):
                _save(folder / _weights_file(name, process), state.weights)
    if process != 0:
        return
    tables = {name: state.table.values for name, state in _tables(reference).items() if state.table is not None}
    if tables:
        _save(folder / "scpo_reference_tables.safetensors", tables)
    content = {
        "format": FORMAT,
        "position": asdict(position),
        "tokens": tokens,
        "shape": {name: getattr(shape, name) for name in _COUNTS},
        "rows_sha256": shape.rows_sha256(),
        "policy_is_initial": reference.policy_is_initial,
        "reference": {
            name: None
            if getattr(reference, name) is None
            else {
                "table": getattr(reference, name).table is not None,
                "weights": getattr(reference, name).weights is not None,
            }
            for name in _WEIGHTS
        },
        "current_table_is_initial": _same_table(reference),
        "current_weights_are_initial": _is_shared_with_initial(reference, "current"),
    }
    temporary = folder / f".{STATE_FILE}.{uuid.uuid4().hex[:8]}"
    temporary.write_text(json.dumps(content, indent=2))
    temporary.replace(folder / STATE_FILE)


def read_state(
    folder: Path, reference: Reference, shape: TrainingShape, *, process: int, sharded: bool
) -> SavedTraining:
    """Puts the reference of a checkpoint in force.

    Returns:
        The training's position.

    Raises:
        UserError: the checkpoint is incomplete, damaged, or belongs to a training of another shape.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        raise UserError(
            f"{folder} has no {STATE_FILE}: it was cut off while it was written, or is not a checkpoint of "
            "SCPOTrainer; resume from an earlier one"
        )
    try:
        content = json.loads(path.read_text())
        if content["format"] != FORMAT:
            raise UserError(f"{path}: format {content['format']}, expected {FORMAT}: written by another version")
        _require_shape(path, content["shape"], shape)
        # Checkpoints of older versions have none.
        if content.get("rows_sha256", shape.rows_sha256()) != shape.rows_sha256():
            raise UserError(
                f"{path}: the checkpoint was written with other rows, or with these in another order: resume with the "
                "same rows in the same order, or start over"
            )
        tables = _load(folder / "scpo_reference_tables.safetensors") if _has_tables(content) else {}
        states: dict[str, ReferenceState | None] = {}
        for name in _WEIGHTS:
            kept = content["reference"][name]
            own = (
                kept is not None
                and kept["weights"]
                and not (name == "current" and content["current_weights_are_initial"])
            )
            weights = _load(folder / _weights_file(name, process if sharded else 0)) if own else None
            states[name] = None if kept is None else ReferenceState(_table(tables.get(name)), weights)
        initial, current = states["initial"], states["current"]
        if initial is not None and current is not None:
            if content["current_table_is_initial"]:
                current.table = initial.table
            if content["current_weights_are_initial"]:
                current.weights = initial.weights
        position, tokens = Position(**content["position"]), int(content["tokens"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read ({error}): resume from an earlier checkpoint") from error
    reference.initial, reference.current = initial, current
    reference.policy_is_initial = content["policy_is_initial"]
    return SavedTraining(position, tokens)


def last_complete_checkpoint(output_dir: str) -> Path:
    """The newest checkpoint that was written to its end.

    Raises:
        UserError: there is none.
    """
    root = Path(output_dir)
    complete = [
        (int(match[1]), folder)
        for folder in (root.iterdir() if root.is_dir() else [])
        if (match := _CHECKPOINT.fullmatch(folder.name)) and (folder / STATE_FILE).is_file()
    ]
    if not complete:
        raise UserError(
            f"{output_dir} holds no complete checkpoint to resume from: train with save_strategy='steps' or 'epoch', "
            "or leave resume_from_checkpoint out"
        )
    return max(complete)[1]


def _table(values: Tensor | None) -> ReferenceTable | None:
    if values is None:
        return None
    table = ReferenceTable(len(values))
    table.values = values
    return table


def _tables(reference: Reference) -> dict[str, ReferenceState]:
    states = {"initial": reference.initial, "current": None if _same_table(reference) else reference.current}
    return {name: state for name, state in states.items() if state is not None}


def _has_tables(content: Mapping[str, Any]) -> bool:
    return any(kept is not None and kept["table"] for kept in content["reference"].values())


def _same_table(reference: Reference) -> bool:
    initial, current = reference.initial, reference.current
    return initial is not None and current is not None and current.table is initial.table


def _is_shared_with_initial(reference: Reference, name: str) -> bool:
    initial, current = reference.initial, reference.current
    return name == "current" and initial is not None and current is not None and current.weights is initial.weights


def _weights_file(name: str, process: int) -> str:
    return f"scpo_reference_{name}-{process:05d}.safetensors"


def _save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    # Clones: safetensors refuses tensors that share memory.
    save_file({name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}, temporary)
    temporary.replace(path)


def _load(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as error:
        raise UserError(f"{path}: cannot be read ({error}): resume from an earlier checkpoint") from error


def _require_shape(path: Path, saved: Mapping[str, int], shape: TrainingShape) -> None:
    for name in _COUNTS:
        value = getattr(shape, name)
        if saved[name] != value:
            raise UserError(
                f"{path}: the checkpoint was written with {name} {saved[name]}, this training has {value}: resume with "
                "the same data, processes, batch size and accumulation"
            )


def resume_device(reference: Reference, device: torch.device) -> None:
    """Moves the weights of a live reference to where the policy is."""
    for state in (reference.initial, reference.current):
        if state is not None and state.weights is not None and state.table is None:
            state.weights = {name: value.to(device) for name, value in state.weights.items()}
