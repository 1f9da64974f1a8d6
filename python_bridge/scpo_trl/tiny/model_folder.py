"""The trained model's folder, written as a whole, and its README.md."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from transformers import LlavaForConditionalGeneration, LlavaProcessor

from scpo_trl.tiny.evaluate import Figures


def save(model: LlavaForConditionalGeneration, processor: LlavaProcessor, folder: Path, readme: str) -> None:
    """Write a model folder as a whole: nobody ever reads half of it.

    Args:
        model: The model.
        processor: Its processor.
        folder: Folder to make or replace.
        readme: Text of README.md: where the weights come from.
    """
    fresh = folder.with_name(f"{folder.name}.writing-{os.getpid()}")
    stale = folder.with_name(f"{folder.name}.replaced-{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(fresh)
    processor.save_pretrained(fresh)
    for path in fresh.iterdir():
        path.chmod(0o644)  # safetensors writes files that only their owner can read
    (fresh / "README.md").write_text(readme, encoding="utf-8")
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    shutil.rmtree(stale, ignore_errors=True)


def readme(
    arguments: Sequence[str],
    seed: int,
    batch_size: int,
    threads: int,
    parameters: int,
    figures: Mapping[str, Figures],
) -> str:
    """Write where the weights come from: command, seed, sizes and figures."""
    lines = [
        "# The embedded tiny LLaVA",
        "",
        f"A `LlavaForConditionalGeneration` with {parameters:,} parameters (float32) over drawn 64x64 scenes.",
        "Trained from random weights on the base set of the built-in world, habit of adding companions included.",
        "",
        f"Command: `python -m scpo_trl.tiny.recipe {shlex.join(arguments)}`",
        f"Seed: {seed}. Batch: {batch_size} scenes. CPU threads: {threads}.",
        "",
        "| scenes | coverage | CHAIRs | CHAIRi | yes/no accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, row in figures.items():
        lines.append(f"| {name} | {row.coverage:.3f} | {row.chair_s:.3f} | {row.chair_i:.3f} | {row.yes_no:.3f} |")
    by_kind = [(name, kind, share) for name, row in figures.items() for kind, share in row.by_kind.items()]
    if by_kind:
        lines += ["", "| scenes | questions for | accuracy |", "|---|---|---|"]
        lines += [f"| {name} | {kind} | {share:.3f} |" for name, kind, share in by_kind]
    return "\n".join([*lines, ""])
