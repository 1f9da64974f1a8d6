"""Prompts begin as transformers' own chat template begins them: in training, in the token budget and in answers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from PIL import Image
from stock_rows import rows_of
from tokenizers.processors import TemplateProcessing
from transformers import AutoProcessor, LlavaProcessor

from scpo_trl.errors import UserError
from scpo_trl.service.generation import generate_answers
from scpo_trl.service.images import ImagePrompt
from scpo_trl.tiny import embedded_model_path
from scpo_trl.trainer.rows.collator import QuadCollator
from scpo_trl.trainer.rows.sequence_start import SequenceStart
from scpo_trl.trainer.rows.token_budget import require_room

QUESTIONS = ["Describe the picture .", "Describe the picture . and a cat ."]


def beginning(processor: LlavaProcessor, ending: str = "", template: str | None = None) -> Any:
    """A copy whose tokenizer adds `<s>` and whose template does not, as those of the llava-hf models."""
    own: Any = copy.deepcopy(processor)
    tokenizer = own.tokenizer
    specials = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"<s> $A {ending}".rstrip(), special_tokens=specials
    )
    own.chat_template = template or own.chat_template.replace("{{ '<s> ' }}", "")
    assert tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    return own


def expected(processor: Any, question: str, picture: Image.Image | None) -> list[int]:
    """The tokens of transformers' own chat template."""
    content = [{"type": "image", "image": picture}] if picture else []
    message = {"role": "user", "content": [*content, {"type": "text", "text": question}]}
    return processor.apply_chat_template(
        [message], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )["input_ids"][0].tolist()


def prompts_of(batch: dict[str, Any]) -> list[list[int]]:
    in_prompt = batch["attention_mask"].bool() & ~batch["completion_mask"].bool()
    return [ids[mask].tolist() for ids, mask in zip(batch["input_ids"], in_prompt, strict=True)]


@pytest.mark.parametrize("adds", ["by the tokenizer", "by the template"])
def test_collated_prompts_equal_the_processors_own(processor, make_pairs, adds: str) -> None:
    own = beginning(processor) if adds == "by the tokenizer" else processor
    rows = [
        {**row, "combinations": ("ww", "ll", "lw", "wl", "w0", "l0")}
        for row in rows_of(make_pairs(2, prompt=QUESTIONS), 2)
    ]
    found = prompts_of(QuadCollator(own)(rows))
    pictured = [expected(own, row["prompt"], row["images"][0]) for row in rows]
    blank = [expected(own, row["prompt"], None) for row in rows]
    assert found == [*pictured * 4, *blank * 2]
    assert all(ids.count(own.tokenizer.bos_token_id) == 1 for ids in found)


def test_a_batch_may_hold_prompts_of_both_kinds(processor, make_pairs) -> None:
    own = beginning(processor)
    written = ["USER : <image> Describe the picture . ASSISTANT : ", "<s> USER : <image> a cat . ASSISTANT : "]
    rows = rows_of(make_pairs(2, prompt=written), 2)
    together = prompts_of(QuadCollator(own)(rows))
    apart = [prompts_of(QuadCollator(own)([row])) for row in rows]
    assert together == [ids for pair in zip(*apart, strict=True) for ids in pair]
    begin = own.tokenizer.bos_token_id
    assert [(ids[0], ids.count(begin)) for ids in together] == [(begin, 1)] * 8
    for ids, text in zip(together, written, strict=False):
        assert (
            ids
            == own(text=text, images=rows[0]["images"], add_special_tokens=not text.startswith("<s>"))["input_ids"][0]
        )


def test_what_a_tokenizer_adds_after_a_text_does_not_part_prompt_and_completion(processor, make_pairs) -> None:
    rows = rows_of(make_pairs(2), 2)
    plain, ended = QuadCollator(beginning(processor))(rows), QuadCollator(beginning(processor, "</s>"))(rows)
    assert torch.equal(plain["input_ids"], ended["input_ids"])


def test_the_budget_counts_it(processor, make_pairs) -> None:
    own, pairs = beginning(processor), make_pairs(2, prompt=QUESTIONS)
    needed = max(len(expected(own, question, pairs[0]["images"][0])) for question in QUESTIONS)
    with pytest.raises(UserError, match=rf"row 1 \({needed} tokens\); set max_length to more than {needed} "):
        require_room(pairs, QuadCollator(own), needed)


def test_answers_begin_alike(processor, make_model, make_pairs) -> None:
    own, model = beginning(processor), make_model().eval()
    picture = make_pairs(1)[0]["images"][0]
    asked: list[Any] = []
    generate = model.generate

    def noting(**inputs: Any) -> Any:
        asked.append(inputs)
        return generate(**inputs)

    model.generate = noting
    prompts = [ImagePrompt("picture", question) for question in QUESTIONS]
    list(generate_answers(model, own, prompts, lambda name: [picture], max_new_tokens=2))
    (inputs,) = asked
    found = [ids[mask.bool()].tolist() for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)]
    assert found == [expected(own, question, picture) for question in QUESTIONS]


def test_the_embedded_model_begins_with_its_turn() -> None:
    """Its tokenizer adds nothing, so that its figures are those of the texts it was trained on."""
    tokenizer = AutoProcessor.from_pretrained(embedded_model_path()).tokenizer
    assert SequenceStart(tokenizer).tokens("Is there a circle?") == []
    assert tokenizer("Is there a circle?") == tokenizer("Is there a circle?", add_special_tokens=False)
