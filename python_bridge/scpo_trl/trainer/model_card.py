"""The card of a trained model: on what, with which objective, in which stages, and whom to cite."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from huggingface_hub import ModelCard, ModelCardData

from scpo_trl.losses import get_loss
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.director import Stage

TAGS = ("generated_from_trainer", "trl", "dpo", "scpo")

_VERSIONS = {"scpo-trl": "scpo-trl", "TRL": "trl", "Transformers": "transformers", "PyTorch": "torch"}

_SCPO_ENTRY = """\
@misc{li2025scpo,
  title         = {Mitigating Visual Hallucinations via Semantic Curriculum Preference Optimization in {MLLMs}},
  author        = {Yuanshuai Li and Yuping Yan and Junfeng Tang and Yunxuan Li and Zeqi Zheng and Yaochu Jin},
  year          = {2025},
  eprint        = {2509.24491},
  archivePrefix = {arXiv}
}"""

_RECONSTRUCTED = (
    "The names and the structure of this objective are the paper's; its formulas and default weights were "
    "reconstructed from the closest published methods, because the paper's full text was not at hand."
)


def model_card(
    settings: SCPOConfig,
    *,
    model_name: str,
    base_model: str | None = None,
    dataset_name: str | None = None,
    rows: int | None = None,
    stages: Sequence[Stage] = (),
    hub_model_id: str | None = None,
    tags: Iterable[str] = (),
) -> ModelCard:
    """Writes the card.

    Args:
        settings: What the model was trained with.
        model_name: What the card calls the model.
        base_model: Name of the base model on the hub, or None.
        dataset_name: Name of the data set on the hub, or None.
        rows: Number of pairs in the data set.
        stages: The stages in the order of training; empty if something else than the settings decided about them.
        hub_model_id: The model's name on the hub.
        tags: Further tags.

    Returns:
        The card with its metadata; `save` writes it to a file.
    """
    data = ModelCardData(
        base_model=base_model,
        datasets=None if dataset_name is None else dataset_name.split(", "),
        library_name="transformers",
        model_name=model_name,
        pipeline_tag="image-text-to-text",
        tags=sorted({*TAGS, *tags}),
    )
    parts = [
        f"# {model_name}",
        _opening(base_model, hub_model_id or model_name),
        "## Data",
        _data(settings, dataset_name, rows),
        "## Objective",
        *_objective(settings, stages),
        "## Stages",
        _stages(settings, stages),
        "## Settings",
        _settings(settings),
        "## Versions",
        "\n".join(f"- {name} {version(package)}" for name, package in _VERSIONS.items()),
        "## Citation",
        *_citations(settings, stages),
    ]
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n")


def _opening(base_model: str | None, model_id: str) -> str:
    base = "" if base_model is None else f" from [{base_model}](https://huggingface.co/{base_model})"
    return (
        f"A vision-language model, trained{base} to prefer what is in a picture over what is not, with "
        "[TRL](https://github.com/huggingface/trl) and its plugin scpo-trl.\n\n"
        "```python\n"
        "from transformers import pipeline\n\n"
        f'describe = pipeline("image-text-to-text", model="{model_id}")\n'
        'message = {"role": "user", "content": [{"type": "image", "url": "picture.png"}, '
        '{"type": "text", "text": "Describe the picture."}]}\n'
        "print(describe(text=[message], max_new_tokens=64))\n"
        "```"
    )


def _data(settings: SCPOConfig, dataset_name: str | None, rows: int | None) -> str:
    source = "a local data set" if dataset_name is None else " and ".join(map(_data_link, dataset_name.split(", ")))
    count = "" if rows is None else f" with {rows} pairs"
    contrast = {
        None: "Each pair has its own contrast image (`rejected_images`).",
        "none": "The pairs have no contrast image.",
    }.get(
        settings.contrast,
        f"The contrast image of each pair was made from its image: {settings.contrast}, strength "
        f"{settings.contrast_strength if settings.contrast_strength is not None else 'as by default'}.",
    )
    return f"Trained on {source}{count}. {contrast}"


def _data_link(name: str) -> str:
    return f"[{name}](https://huggingface.co/datasets/{name})"


def _objective(settings: SCPOConfig, stages: Sequence[Stage]) -> list[str]:
    losses = stages[0].losses if stages else settings.losses()
    lines = ["| loss | weight | parameters | source |", "|---|---|---|---|"]
    for loss in losses:
        parameters = get_loss(loss.name).parameters(**loss.parameters)
        values = ", ".join(f"{name} {value:g}" for name, value in vars(parameters).items())
        lines.append(f"| `{loss.name}` | {loss.weight:g} | {values} | {_source(loss.name)} |")
    table = "\n".join(lines)
    return [table, _RECONSTRUCTED] if any(loss.name == "scpo" for loss in losses) else [table]


def _source(name: str) -> str:
    """The line `Source:` of the loss's own documentation."""
    text = inspect.getdoc(get_loss(name).function) or ""
    found = re.search(r"^Source: (.+?)(?:\n\s*\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return "" if found is None else " ".join(found[1].split()).replace("|", "\\|")


def _stages(settings: SCPOConfig, stages: Sequence[Stage]) -> str:
    if not stages:
        return "A director outside the trainer decided about stages and reference."
    lines = ["| stage | pairs | optimiser steps | peak learning rate |", "|---|---|---|---|"]
    lines += [f"| {one.stage} | {len(one.pairs)} | {one.steps} | {one.learning_rate:g} |" for one in stages]
    every = f"every {settings.reference_update_steps} optimiser steps"
    moves = {
        "stage": "became the policy at the start of every stage",
        "fixed": "was the initial model throughout",
        "steps": f"moved {every} with alpha {settings.reference_alpha:g}",
    }[settings.reference_update]
    order = f"Order: {settings.curriculum}. " if len(stages) > 1 else ""
    return "\n".join(lines) + f"\n\n{order}The learning-rate schedule restarted with each stage. The reference {moves}."


def _settings(settings: SCPOConfig) -> str:
    schedule = getattr(settings.lr_scheduler_type, "value", settings.lr_scheduler_type)
    optimiser = getattr(settings.optim, "value", settings.optim)
    pairs = settings.per_device_train_batch_size * settings.gradient_accumulation_steps * settings.world_size
    lines = [
        f"- learning rate {settings.learning_rate:g}, {schedule}",
        f"- {pairs} pairs an optimiser step ({settings.per_device_train_batch_size} a device, "
        f"{settings.gradient_accumulation_steps} accumulated, {settings.world_size} processes)",
        f"- optimiser {optimiser}, seed {settings.seed}",
    ]
    if settings.frozen_prefixes:
        lines.append(f"- frozen: {', '.join(f'`{prefix}`' for prefix in settings.frozen_prefixes)}")
    return "\n".join(lines)


def _citations(settings: SCPOConfig, stages: Sequence[Stage]) -> list[str]:
    names = [loss.name for loss in (stages[0].losses if stages else settings.losses())]
    papers = [number for name in names for number in re.findall(r"\b\d{4}\.\d{5}\b", _source(name))]
    others = sorted(set(papers) - {"2509.24491"})
    parts = [f"```bibtex\n{_SCPO_ENTRY}\n```"]
    if others:
        parts.append("Objectives: " + ", ".join(f"[arXiv {one}](https://arxiv.org/abs/{one})" for one in others) + ".")
    return [*parts, "TRL: [its own citation](https://github.com/huggingface/trl#citation)."]
