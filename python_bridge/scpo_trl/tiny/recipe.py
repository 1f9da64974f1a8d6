"""Training of the embedded model: `python -m scpo_trl.tiny.recipe --base base.parquet --validation ... --out DIR`.

First the tower learns to name the objects of an image (a linear head on its patches, thrown away afterwards). Then,
with the tower frozen and its features computed once, projector and language model learn, by plain cross-entropy on the
answer tokens, the captions of the base set, habit included, and its truthful yes/no answers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import LlavaForConditionalGeneration, LlavaProcessor
from transformers.utils import logging as transformers_logging

from scpo_trl.errors import UserError
from scpo_trl.tiny.evaluate import evaluate
from scpo_trl.tiny.model import DESCRIBE_PROMPT, Sizes, build_model, build_processor
from scpo_trl.tiny.model_folder import readme, save
from scpo_trl.tiny.packed_texts import pack_texts, row_loss
from scpo_trl.tiny.scenes import Scenes, object_names, read_scenes
from scpo_trl.tiny.tower import tower_features, train_tower
from scpo_trl.tiny.training_part import Clock, build_optimizer, run_part

TOWER_SHARE = 0.2
"""The tower's share of the time where the clock ends the training."""


@dataclass(frozen=True)
class Recipe:
    """Settings of the training; the defaults made the shipped weights.

    Attributes:
        seed: Seed of the weights and of the order of the scenes.
        tower_steps: Optimiser steps of the tower alone.
        steps: Optimiser steps of the whole model.
        minutes: Stop the clock of the whole training after this many minutes instead of counting `steps`.
        tower_batch_size, batch_size: Scenes a step.
        tower_learning_rate: Peak learning rate of the first part.
        learning_rate: Peak learning rate of the second part.
        weight_decay: AdamW's weight decay on matrices.
        questions: Questions of a scene that are drawn each time it is seen.
        threads: CPU threads.
    """

    seed: int = 0
    tower_steps: int = 900
    steps: int = 3000
    minutes: float | None = None
    tower_batch_size: int = 128
    batch_size: int = 64
    tower_learning_rate: float = 1e-3
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    questions: int = 5
    threads: int = 1


def train(
    base: Scenes,
    validation: Scenes,
    recipe: Recipe,
    sizes: Sizes | None = None,
    report: Callable[[str], None] = print,
) -> tuple[LlavaForConditionalGeneration, LlavaProcessor, list[float]]:
    """Train the tiny LLaVA.

    Args:
        base: Scenes with captions and questions.
        validation: Scenes for the progress lines; nothing is learned from them.
        recipe: Settings.
        sizes: Sizes of the model.
        report: Takes each progress line.

    Returns:
        The model in evaluation mode, its processor, and the second part's losses, one a step.
    """
    sizes = sizes or Sizes()
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    names = object_names([base, validation])
    texts = [DESCRIBE_PROMPT]
    for scenes in (base, validation):
        texts += [*scenes.captions, *(text for row in [*scenes.questions, *scenes.answers] for text in row)]
    processor = build_processor(texts, sizes)
    model = build_model(processor, sizes)
    packed = pack_texts(processor, base, sizes.image_tokens, recipe.questions)
    report(
        f"model: {sum(p.numel() for p in model.parameters()):,} parameters, {len(processor.tokenizer)} tokens, "
        f"{len(names)} objects, {len(base):,} base scenes"
    )

    order = torch.empty(0, dtype=torch.long)

    def draw(count: int) -> torch.Tensor:
        nonlocal order
        while len(order) < count:
            order = torch.cat([order, torch.randperm(len(base), generator=generator)])
        drawn, order = order[:count], order[count:]
        return drawn

    seconds = None if recipe.minutes is None else recipe.minutes * 60
    model.train()
    train_tower(
        model,
        base,
        names,
        lambda: draw(recipe.tower_batch_size),
        Clock(recipe.tower_steps, None if seconds is None else seconds * TOWER_SHARE),
        recipe.tower_learning_rate,
        recipe.weight_decay,
        report,
    )

    features = tower_features(model, base.images)

    def answer_loss() -> torch.Tensor:
        scenes = draw(recipe.batch_size)
        input_ids, labels = packed.rows(scenes, recipe.questions, generator)
        return row_loss(model, packed, input_ids, labels, features[scenes])

    losses = run_part(
        "llava",
        Clock(recipe.steps, None if seconds is None else seconds * (1 - TOWER_SHARE)),
        build_optimizer(
            [model.model.multi_modal_projector, model.model.language_model, model.lm_head],
            recipe.learning_rate,
            recipe.weight_decay,
        ),
        answer_loss,
        report,
        lambda: evaluate(model, processor, validation.head(250), names),
    )
    model.eval()
    return model, processor, losses


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m scpo_trl.tiny.recipe", description="Train the embedded tiny LLaVA."
    )
    parser.add_argument("--base", type=Path, required=True, help="base.parquet: scenes with captions and questions")
    parser.add_argument("--validation", type=Path, required=True, help="validation.parquet: scenes for progress lines")
    parser.add_argument("--test", type=Path, help="test.parquet: scored once at the end")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--tower-steps", type=int, default=defaults.tower_steps, help="steps of the tower alone")
    parser.add_argument("--steps", type=int, default=defaults.steps, help="steps of the whole model")
    parser.add_argument("--minutes", type=float, help="train this long instead of counting steps (not reproducible)")
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--tower-learning-rate", type=float, default=defaults.tower_learning_rate)
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--questions", type=int, default=defaults.questions, help="questions of a scene at a time")
    parser.add_argument("--threads", type=int, default=defaults.threads)
    parser.add_argument("--limit", type=int, help="use only this many base scenes")
    arguments = parser.parse_args(argv)
    for flag in ("tower_steps", "steps", "batch_size", "questions", "threads", "limit", "minutes"):
        value = getattr(arguments, flag)
        if value is not None and value <= 0:
            raise UserError(f"--{flag.replace('_', '-')}: found {value}, expected a number above 0")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run the recipe from the command line and give the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    transformers_logging.disable_progress_bar()
    try:
        arguments = _arguments(words)
        recipe = Recipe(
            seed=arguments.seed,
            tower_steps=arguments.tower_steps,
            steps=arguments.steps,
            minutes=arguments.minutes,
            batch_size=arguments.batch_size,
            tower_learning_rate=arguments.tower_learning_rate,
            learning_rate=arguments.learning_rate,
            questions=arguments.questions,
            threads=arguments.threads,
        )
        sizes = Sizes()
        base = read_scenes(arguments.base, sizes.image, captions=True, limit=arguments.limit)
        scored = {"validation": read_scenes(arguments.validation, sizes.image, captions=False)}
        if arguments.test is not None:
            scored["test"] = read_scenes(arguments.test, sizes.image, captions=False)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    def report(line: str) -> None:
        print(line, flush=True)

    started = time.monotonic()
    model, processor, _ = train(base, scored["validation"], recipe, sizes, report)
    report(f"trained in {time.monotonic() - started:.0f} s")
    names = object_names([base, *scored.values()])
    figures = {name: evaluate(model, processor, scenes, names) for name, scenes in scored.items()}
    for name, row in figures.items():
        report(f"{name}: {row}")
    parameters = sum(p.numel() for p in model.parameters())
    command = [Path(word).name if "/" in word else word for word in words]
    text = readme(command, recipe.seed, recipe.batch_size, recipe.threads, parameters, figures)
    save(model, processor, arguments.out, text)
    report(f"saved {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
