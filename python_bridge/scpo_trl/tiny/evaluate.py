"""Figures of a tiny model on scenes with known contents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from transformers import LlavaForConditionalGeneration, LlavaProcessor

from scpo_trl.tiny.model import DESCRIBE_PROMPT
from scpo_trl.tiny.scenes import Scenes, to_pixel_values

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Figures:
    """What captions and yes/no answers are worth, each from 0 to 1.

    Attributes:
        coverage: Present objects that are named / present objects.
        chair_s: Share of captions that name an absent object (CHAIRs, arXiv 1809.02156).
        chair_i: Absent objects named / objects named (CHAIRi).
        yes_no: Share of questions answered right.
        by_kind: The same by what is asked for, where a world asks for more than presence.
    """

    coverage: float
    chair_s: float
    chair_i: float
    yes_no: float
    by_kind: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds = "".join(f"  {kind} {share:.3f}" for kind, share in self.by_kind.items())
        return (
            f"coverage {self.coverage:.3f}  CHAIRs {self.chair_s:.3f}  "
            f"CHAIRi {self.chair_i:.3f}  yes/no {self.yes_no:.3f}{kinds}"
        )


def _named(word: str, names: set[str]) -> str | None:
    """Find the object that a word names in singular or plural ("dogs", "butterflies", "snowmen", "cacti")."""
    endings = (("", ""), ("s", ""), ("es", ""), ("ies", "y"), ("men", "man"), ("i", "us"))
    singulars = (word.removesuffix(plural) + one for plural, one in endings if word.endswith(plural))
    return next((name for name in singulars if name in names), None)


def score(
    captions: Sequence[str],
    objects: Sequence[Sequence[str]],
    names: Iterable[str],
    right: Sequence[bool],
    kinds: Sequence[str] = (),
) -> Figures:
    """Compare captions with what the images hold.

    Args:
        captions: One caption a scene.
        objects: Objects present in each scene.
        names: All words that count as an object.
        right: For each yes/no question whether it was answered right.
        kinds: What each of these questions asks for, or nothing.

    Returns:
        The figures; a ratio without cases is 0.
    """
    known = set(names)
    present = found = mentions = absent = with_absent = 0
    for caption, truth in zip(captions, objects, strict=True):
        named = {name for word in _WORD.findall(caption) if (name := _named(word, known))}
        here = set(truth)
        present += len(here)
        found += len(here & named)
        mentions += len(named)
        absent += len(named - here)
        with_absent += bool(named - here)
    by_kind: dict[str, list[bool]] = {}
    for kind, is_right in zip(kinds, right, strict=bool(kinds)):
        by_kind.setdefault(kind, []).append(is_right)
    return Figures(
        coverage=found / max(present, 1),
        chair_s=with_absent / max(len(captions), 1),
        chair_i=absent / max(mentions, 1),
        yes_no=sum(right) / max(len(right), 1),
        by_kind={kind: sum(each) / len(each) for kind, each in sorted(by_kind.items())},
    )


def render(processor: LlavaProcessor, question: str) -> str:
    """Render one image and a question as a prompt that ends where the answer starts."""
    message = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}
    return str(processor.apply_chat_template([message], add_generation_prompt=True, tokenize=False))


def _prompts(processor: LlavaProcessor, questions: Sequence[str], image_tokens: int) -> dict[str, torch.Tensor]:
    tokenizer: Any = processor.tokenizer
    image = processor.image_token
    texts = [render(processor, question).replace(image, image * image_tokens) for question in questions]
    encoded = tokenizer(texts, padding=True, padding_side="left", return_tensors="pt")
    return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}


@torch.inference_mode()
def caption_scenes(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, images: torch.Tensor, batch_size: int = 250
) -> list[str]:
    """Describe images by greedy decoding.

    Args:
        model: The model, in evaluation mode.
        processor: Its processor.
        images: uint8, shape (scenes, 3, side, side).
        batch_size: Images decoded at a time.

    Returns:
        One caption an image.
    """
    captions: list[str] = []
    for part in images.split(batch_size):
        inputs = _prompts(processor, [DESCRIBE_PROMPT] * len(part), model.config.image_seq_length)
        tokens = cast(Any, model).generate(
            **inputs, pixel_values=to_pixel_values(part), do_sample=False, max_new_tokens=32
        )
        captions += processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return captions


@torch.inference_mode()
def answer_questions(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, scenes: Scenes, batch_size: int = 250
) -> list[bool]:
    """Ask the scenes' yes/no questions and compare the likelier of "Yes" and "No" with the truth.

    Returns:
        Whether each question was answered right, scene by scene.
    """
    tokenizer: Any = processor.tokenizer
    yes, no = tokenizer.convert_tokens_to_ids("Yes"), tokenizer.convert_tokens_to_ids("No")
    asked = [
        (index, question, answer.startswith("Yes"))
        for index, (questions, answers) in enumerate(zip(scenes.questions, scenes.answers, strict=True))
        for question, answer in zip(questions, answers, strict=True)
    ]
    right: list[bool] = []
    for start in range(0, len(asked), batch_size):
        part = asked[start : start + batch_size]
        inputs = _prompts(processor, [question for _, question, _ in part], model.config.image_seq_length)
        pixel_values = to_pixel_values(scenes.images[[index for index, _, _ in part]])
        logits = model(**inputs, pixel_values=pixel_values, logits_to_keep=1).logits[:, -1]
        says_yes = (logits[:, yes] > logits[:, no]).tolist()
        right += [said == truth for said, (_, _, truth) in zip(says_yes, part, strict=True)]
    return right


def evaluate(
    model: LlavaForConditionalGeneration, processor: LlavaProcessor, scenes: Scenes, names: Iterable[str]
) -> Figures:
    """Caption every scene, ask its questions and score both.

    Args:
        model: The model; it is put in evaluation mode and back.
        processor: Its processor.
        scenes: Scenes with objects, questions and answers.
        names: All words that count as an object.

    Returns:
        The figures over all scenes.
    """
    training = model.training
    model.eval()
    captions = caption_scenes(model, processor, scenes.images)
    right = answer_questions(model, processor, scenes)
    model.train(training)
    return score(captions, scenes.objects, names, right, [kind for row in scenes.kinds for kind in row])
