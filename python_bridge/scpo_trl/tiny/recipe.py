"""Training of the embedded model: `python -m scpo_trl.tiny.recipe --base base.parquet --validation ... --out DIR`.

First the tower learns to name the objects of a picture (a linear head on its patches, thrown away afterwards). Then,
with the tower frozen and its features computed once, projector and language model learn, by plain cross-entropy on the
answer tokens, the captions of the base set, habit included, and its truthful yes/no answers. A picture's caption and
questions share one row: every segment sees the picture and itself, so the image tokens are computed once a picture.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import LlavaForConditionalGeneration, LlavaProcessor
from transformers.utils import logging as transformers_logging

from scpo_trl.errors import UserError
from scpo_trl.tiny.evaluate import Figures, evaluate, render
from scpo_trl.tiny.model import DESCRIBE_PROMPT, Sizes, build_model, build_processor
from scpo_trl.tiny.scenes import Scenes, object_names, read_scenes, to_pixel_values

IGNORED = -100


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
        questions: Yes/no questions of a scene that are drawn each time it is seen.
        habitual_share: Share of the objects, drawn at random, whose habit is learnt, 0 to 1. At 1 all base scenes are
            learnt from, and greedy decoding adds a companion to most captions; below 1 the scenes in which other
            objects call an absent companion are left out.
        threads: CPU threads.
    """

    seed: int = 0
    tower_steps: int = 700
    steps: int = 1800
    minutes: float | None = None
    tower_batch_size: int = 128
    batch_size: int = 64
    tower_learning_rate: float = 1e-3
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    questions: int = 2
    habitual_share: float = 1.0
    threads: int = 1


def callers(caption: str, objects: Sequence[str], names: Collection[str]) -> list[str]:
    """Give the objects of a caption that called an absent one: those named right before it.

    Args:
        caption: A caption of the base set.
        objects: Objects in the picture.
        names: All words that count as an object.

    Returns:
        One caller for each absent object named; an absent object that opens the caption has none.
    """
    mentions = [word for word in re.findall(r"\w+", caption) if word in names]
    return [before for before, word in pairwise(mentions) if word not in objects]


def habitual_scenes(base: Scenes, names: Sequence[str], share: float, generator: torch.Generator) -> list[int]:
    """Leave out the scenes whose caption adds the companion of an object without habit.

    Args:
        base: Scenes with captions.
        names: All words that count as an object.
        share: Share of the names, drawn at random, that have the habit, 0 to 1.
        generator: Draws them.

    Returns:
        Indices of the scenes to learn captions from, in order.
    """
    if share == 1:
        return list(range(len(base)))
    drawn = torch.randperm(len(names), generator=generator)[: round(share * len(names))].tolist()
    habitual = {names[index] for index in drawn}
    known = set(names)
    return [
        index
        for index, (caption, objects) in enumerate(zip(base.captions, base.objects, strict=True))
        if habitual.issuperset(callers(caption, objects, known))
    ]


@dataclass(frozen=True)
class PackedTexts:
    """Token rows in which a scene's caption and questions follow one picture.

    Attributes:
        prefix: Tokens up to the end of the picture, shape (prefix,).
        captions: Caption segments, shape (scenes, caption length), padded at the end.
        questions: Question segments, shape (all questions, question length), padded at the end.
        first_question: Index of each scene's first question, shape (scenes,).
        question_count: Number of each scene's questions, shape (scenes,).
        caption_labels, question_labels: Same shapes; IGNORED where nothing is to be learnt.
        mask: What a token may look at, bool, shape (1, 1, row, row); True means visible.
        positions: Position of each token, shape (1, row); every segment starts anew after the picture.
    """

    prefix: torch.Tensor
    captions: torch.Tensor
    questions: torch.Tensor
    first_question: torch.Tensor
    question_count: torch.Tensor
    caption_labels: torch.Tensor
    question_labels: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor

    def rows(
        self, scenes: torch.Tensor, questions: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Lay out the rows of some scenes with freshly drawn questions.

        Args:
            scenes: Indices, shape (batch,).
            questions: Questions a scene; drawn without repetition where it has enough.
            generator: Draws the questions.

        Returns:
            Token identifiers and labels, both of shape (batch, row).
        """
        counts = self.question_count[scenes]
        offset = torch.randint(0, 1 << 20, scenes.shape, generator=generator)
        input_ids = [self.prefix.expand(len(scenes), -1), self.captions[scenes]]
        labels = [torch.full_like(input_ids[0], IGNORED), self.caption_labels[scenes]]
        for drawn in range(questions):
            chosen = self.first_question[scenes] + (offset + drawn) % counts
            input_ids.append(self.questions[chosen])
            labels.append(self.question_labels[chosen])
        return torch.cat(input_ids, dim=1), torch.cat(labels, dim=1)


def pack_texts(processor: LlavaProcessor, scenes: Scenes, image_tokens: int, questions: int) -> PackedTexts:
    """Tokenise captions and questions of the scenes for shared rows.

    Args:
        processor: Gives template and tokenizer.
        scenes: Scenes with captions, questions and answers.
        image_tokens: Image tokens a picture takes.
        questions: Question segments a row.

    Returns:
        The tokens, the labels, and the mask that keeps the segments apart.
    """
    tokenizer: Any = processor.tokenizer
    image = processor.image_token
    start = render(processor, "").split(image)[0] + image * image_tokens

    def segment(question: str, answer: str) -> tuple[list[int], list[int]]:
        asked = tokenizer.encode(render(processor, question).split(image, 1)[1], add_special_tokens=False)
        answered = tokenizer.encode(answer + tokenizer.eos_token, add_special_tokens=False)
        return asked + answered, [IGNORED] * len(asked) + answered

    def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        width = max(len(row) for row in rows)
        return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])

    captions = [segment(DESCRIBE_PROMPT, caption) for caption in scenes.captions]
    asked = [
        segment(question, answer)
        for pair in zip(scenes.questions, scenes.answers, strict=True)
        for question, answer in zip(*pair, strict=True)
    ]
    count = torch.tensor([len(row) for row in scenes.questions])
    prefix = torch.tensor(tokenizer.encode(start, add_special_tokens=False))
    caption_ids = padded([ids for ids, _ in captions], tokenizer.pad_token_id)
    question_ids = padded([ids for ids, _ in asked], tokenizer.pad_token_id)
    widths = [len(prefix), caption_ids.shape[1], *[question_ids.shape[1]] * questions]
    part = torch.cat([torch.full((width,), index) for index, width in enumerate(widths)])
    positions = torch.cat(
        [torch.arange(len(prefix)), *[torch.arange(width) + len(prefix) for width in widths[1:]]],
    )
    mask = ((part[None, :] == part[:, None]) | (part[None, :] == 0)).tril()
    return PackedTexts(
        prefix=prefix,
        captions=caption_ids,
        questions=question_ids,
        first_question=count.cumsum(0) - count,
        question_count=count,
        caption_labels=padded([labels for _, labels in captions], IGNORED),
        question_labels=padded([labels for _, labels in asked], IGNORED),
        mask=mask[None, None],
        positions=positions[None],
    )


def row_loss(
    model: LlavaForConditionalGeneration,
    packed: PackedTexts,
    input_ids: torch.Tensor,
    labels: torch.Tensor,
    features: torch.Tensor,
) -> torch.Tensor:
    """Cross-entropy in nats a token, averaged over the answer tokens of packed rows.

    Args:
        model: The LLaVA.
        packed: Mask and positions of the rows.
        input_ids: Shape (batch, row).
        labels: Shape (batch, row), IGNORED outside the answers.
        features: The tower's patches without its class token, shape (batch, image tokens, vision hidden).

    Returns:
        The loss, a scalar.
    """
    embeddings = model.get_input_embeddings()(input_ids)
    first = len(packed.prefix) - features.shape[1]
    projected = model.model.multi_modal_projector(features)
    embeddings = torch.cat([embeddings[:, :first], projected, embeddings[:, len(packed.prefix) :]], dim=1)
    hidden = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=packed.mask.expand(len(input_ids), -1, -1, -1),
        position_ids=packed.positions.expand(len(input_ids), -1),
        use_cache=False,
    ).last_hidden_state
    # Only positions whose next token is part of an answer need logits.
    targets = labels[:, 1:]
    learnt = targets != IGNORED
    logits = model.lm_head(hidden[:, :-1][learnt])
    return nn.functional.cross_entropy(logits, targets[learnt])


@torch.no_grad()
def tower_features(model: LlavaForConditionalGeneration, images: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """Compute what the projector gets of each picture: the tower's patches without its class token.

    Args:
        model: The LLaVA.
        images: uint8, shape (scenes, 3, side, side).
        batch_size: Pictures at a time.

    Returns:
        float32, shape (scenes, image tokens, vision hidden).
    """
    tower = model.model.vision_tower
    parts = [tower(to_pixel_values(part)).last_hidden_state[:, 1:] for part in images.split(batch_size)]
    return torch.cat(parts)


class TowerReader(nn.Module):
    """Linear head that tells, from the tower's patches, which objects a picture holds."""

    def __init__(self, hidden: int, objects: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, objects)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Map patch features (batch, patches, hidden) to logits (batch, objects): the likeliest patch speaks."""
        return torch.logsumexp(self.linear(patches), dim=1)


def _optimizer(module_list: Sequence[nn.Module], learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    parameters = [parameter for module in module_list for parameter in module.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.98), fused=True)


@dataclass
class Clock:
    """Progress of one part from 0 to 1, counted in steps or, with `seconds`, in time."""

    steps: int
    seconds: float | None
    started: float

    def progress(self, step: int) -> float:
        """Share of the part that is over before `step` (counted from 0)."""
        if self.seconds is None:
            return step / self.steps
        return min((time.monotonic() - self.started) / self.seconds, 1.0)


def learning_rate_factor(progress: float, warmup: float = 0.05) -> float:
    """Give the factor of the peak learning rate: linear warm-up, then half a cosine down to 2 %."""
    if progress < warmup:
        return (progress + 0.002) / (warmup + 0.002)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def _run_part(
    name: str,
    clock: Clock,
    optimizer: torch.optim.AdamW,
    loss_of: Callable[[], torch.Tensor],
    report: Callable[[str], None],
    check: Callable[[], Figures] | None = None,
) -> list[float]:
    peak = [float(group["lr"]) for group in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    losses: list[float] = []
    told = checked = time.monotonic()
    told_step = 0
    while (progress := clock.progress(len(losses))) < 1:
        for group, rate in zip(optimizer.param_groups, peak, strict=True):
            group["lr"] = rate * learning_rate_factor(progress)
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
        now = time.monotonic()
        if now - told >= 10:
            step = len(losses)
            pace = (step - told_step) / (now - told)
            done = clock.progress(step)
            left = (now - clock.started) * (1 - done) / max(done, 1e-6)
            recent = losses[told_step:]
            report(f"{name}: step {step}, loss {sum(recent) / len(recent):.4f}, {pace:.2f} it/s, ETA {left:.0f} s")
            told, told_step = now, step
            if check is not None and now - checked >= 60:
                report(f"{name}: step {step}, validation {check()}")
                checked = told = time.monotonic()
    return losses


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
        validation: Scenes for the progress lines; nothing is learnt from them.
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
    total = len(base)
    base = base.pick(habitual_scenes(base, names, recipe.habitual_share, generator))
    packed = pack_texts(processor, base, sizes.image_tokens, recipe.questions)
    report(
        f"model: {sum(p.numel() for p in model.parameters()):,} parameters, {len(processor.tokenizer)} tokens, "
        f"{len(names)} objects, {len(base):,} of {total:,} base scenes"
    )

    order = torch.empty(0, dtype=torch.long)

    def draw(count: int) -> torch.Tensor:
        nonlocal order
        while len(order) < count:
            order = torch.cat([order, torch.randperm(len(base), generator=generator)])
        drawn, order = order[:count], order[count:]
        return drawn

    seconds = None if recipe.minutes is None else recipe.minutes * 60
    tower_share = 0.2
    holds = torch.zeros(len(base), len(names))
    for index, objects in enumerate(base.objects):
        holds[index, [names.index(name) for name in objects]] = 1
    tower = model.model.vision_tower
    reader = TowerReader(sizes.vision_hidden, len(names))
    nn.init.constant_(reader.linear.bias, -math.log(len(names) * sizes.image_tokens))

    def tower_loss() -> torch.Tensor:
        scenes = draw(recipe.tower_batch_size)
        patches = tower(to_pixel_values(base.images[scenes])).last_hidden_state[:, 1:]
        # Summed over the objects: as a mean the loss of 40 mostly absent objects is all but zero.
        loss = nn.functional.binary_cross_entropy_with_logits(reader(patches), holds[scenes], reduction="sum")
        return loss / len(scenes)

    model.train()
    _run_part(
        "tower",
        Clock(recipe.tower_steps, None if seconds is None else seconds * tower_share, time.monotonic()),
        _optimizer([tower, reader], recipe.tower_learning_rate, recipe.weight_decay),
        tower_loss,
        report,
    )

    features = tower_features(model, base.images)

    def answer_loss() -> torch.Tensor:
        scenes = draw(recipe.batch_size)
        input_ids, labels = packed.rows(scenes, recipe.questions, generator)
        return row_loss(model, packed, input_ids, labels, features[scenes])

    losses = _run_part(
        "llava",
        Clock(recipe.steps, None if seconds is None else seconds * (1 - tower_share), time.monotonic()),
        _optimizer(
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


def readme(arguments: Sequence[str], recipe: Recipe, parameters: int, figures: dict[str, Figures]) -> str:
    """Write where the weights come from: command, seed, sizes and figures."""
    lines = [
        "# The embedded tiny LLaVA",
        "",
        f"A `LlavaForConditionalGeneration` with {parameters:,} parameters (float32) over drawn 64x64 scenes.",
        "Trained from random weights on the base set of the built-in world, habit of adding companions included.",
        "",
        f"Command: `python -m scpo_trl.tiny.recipe {shlex.join(arguments)}`",
        f"Seed: {recipe.seed}. Batch: {recipe.batch_size} scenes. CPU threads: {recipe.threads}.",
        "",
        "| scenes | coverage | CHAIRs | CHAIRi | yes/no accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, row in figures.items():
        lines.append(f"| {name} | {row.coverage:.3f} | {row.chair_s:.3f} | {row.chair_i:.3f} | {row.yes_no:.3f} |")
    return "\n".join([*lines, ""])


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
    parser.add_argument(
        "--habitual-share", type=float, default=defaults.habitual_share, help="share of the objects with the habit"
    )
    parser.add_argument("--threads", type=int, default=defaults.threads)
    parser.add_argument("--limit", type=int, help="use only this many base scenes")
    arguments = parser.parse_args(argv)
    for flag in ("tower_steps", "steps", "batch_size", "threads", "limit", "minutes"):
        value = getattr(arguments, flag)
        if value is not None and value <= 0:
            raise UserError(f"--{flag.replace('_', '-')}: found {value}, expected a number above 0")
    if not 0 <= arguments.habitual_share <= 1:
        raise UserError(f"--habitual-share: found {arguments.habitual_share}, expected a number from 0 to 1")
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
            habitual_share=arguments.habitual_share,
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
    save(model, processor, arguments.out, readme(command, recipe, parameters, figures))
    report(f"saved {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
