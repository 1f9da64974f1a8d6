"""The forms that a row may take, from its columns to the tokens."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, List, Value
from datasets import Image as ImageColumn
from PIL import Image
from stock_rows import rows_of
from tiny_models import llava

from scpo_trl.errors import UserError
from scpo_trl.trainer.rows.collator import QuadCollator
from scpo_trl.trainer.rows.contrast import Contrast
from scpo_trl.trainer.rows.images import decode_image, image_size
from scpo_trl.trainer.rows.pair_columns import require_pairs
from scpo_trl.trainer.rows.pair_text import PairRenderer


def encoded(picture: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) if isinstance(first[name], torch.Tensor) else first[name] == second[name]
        for name in first
    )


def messages(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        **row,
        "prompt": [{"role": "user", "content": row["prompt"]}],
        "chosen": [{"role": "assistant", "content": row["chosen"]}],
        "rejected": [{"role": "assistant", "content": row["rejected"]}],
        **changes,
    }


@pytest.mark.parametrize("form", ["bytes", "path", "struct of bytes", "struct of a path", "singular"])
def test_an_image_in_any_form_is_the_same_image(processor, make_pairs, tmp_path: Path, form: str) -> None:
    rows = rows_of(make_pairs(), 2)

    def turned(picture: Image.Image, name: str) -> Any:
        path = tmp_path / f"{name}.png"
        path.write_bytes(encoded(picture))
        return {
            "bytes": path.read_bytes(),
            "path": str(path),
            "struct of bytes": {"bytes": path.read_bytes(), "path": None},
            "struct of a path": {"bytes": None, "path": str(path)},
            "singular": picture,
        }[form]

    others = []
    for i, row in enumerate(rows):
        images = {side: turned(row.pop(side)[0], f"{i}{side}") for side in ("images", "rejected_images")}
        plural = {side: [image] for side, image in images.items()}
        single = {side.removesuffix("s"): image for side, image in images.items()}
        others.append({**row, **(single if form == "singular" else plural)})
    assert same(QuadCollator(processor)(others), QuadCollator(processor)(rows_of(make_pairs(), 2)))


def test_a_picture_stands_as_datasets_would_turn_it() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(picture, exif=exif)
    expected = ImageColumn().decode_example({"bytes": data, "path": None})
    assert expected.size == (4, 6) == image_size(data, "it")
    assert np.array_equal(np.asarray(decode_image(data, "it")), np.asarray(expected))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    assert decode_image(Image.new(mode, (3, 2)), "it").mode == "RGB"


def test_pictures_that_cannot_be_read_are_named(processor, make_pairs) -> None:
    row = {**make_pairs()[0], "pair_indices": 8}
    for image, message in (
        ("/nowhere/a.png", "pair 8, images: no file at /nowhere/a.png"),
        (b"no picture", "pair 8, images: found 10 bytes that are no picture"),
        (7, "pair 8, images: found int: expected a PIL image"),
        (encoded(Image.new("RGB", (40, 40), "red"))[:60], "pair 8, images: the picture cannot be"),
    ):
        with pytest.raises(UserError, match=message):
            QuadCollator(processor)([{**row, "images": [image]}])
    with pytest.raises(UserError, match="pair 8 has no images: expected at least one"):
        QuadCollator(processor)([{**row, "images": None, "rejected_images": None}])


def test_a_prompt_may_be_implied_by_messages(processor, make_pairs) -> None:
    rows = [messages(row) for row in rows_of(make_pairs(), 3)]
    implied = [
        {**row, "prompt": None, "chosen": row["prompt"] + row["chosen"], "rejected": row["prompt"] + row["rejected"]}
        for row in rows
    ]
    assert same(QuadCollator(processor)(implied), QuadCollator(processor)(rows))
    alone = {**implied[0], "chosen": rows[0]["chosen"], "pair_indices": 2}
    with pytest.raises(UserError, match="pair 2 has no prompt, and the messages of chosen and rejected do not begin"):
        QuadCollator(processor)([alone])


def test_messages_in_parts_survive_a_data_set(processor, make_pairs) -> None:
    """A column of parts gives every part every key; the empty ones must not count as images."""
    row = make_pairs()[0]
    parts = messages(
        row, prompt=[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": row["prompt"]}]}]
    )
    texts = {name: [parts[name]] for name in ("prompt", "chosen", "rejected")}
    part = {"type": Value("string"), "text": Value("string"), "image": Value("string")}
    features = Features(
        {
            "prompt": List({"role": Value("string"), "content": List(part)}),
            "chosen": List({"role": Value("string"), "content": Value("string")}),
            "rejected": List({"role": Value("string"), "content": Value("string")}),
        }
    )
    stored = Dataset.from_dict(texts, features=features)[0]
    assert "image" in stored["prompt"][0]["content"][1]
    assert same(QuadCollator(processor)([{**row, **stored}]), QuadCollator(processor)([messages(row)]))


def test_both_forms_end_alike(make_pairs) -> None:
    """LLaVA-1.5's chat template does not end an answer: the end must be learned all the same, once."""
    processor = llava().processor
    row = make_pairs()[0]
    prompt = "USER: <image>\nDescribe the picture . ASSISTANT: "
    plain = {**row, "prompt": prompt}
    ended = {**row, "prompt": prompt, "chosen": row["chosen"] + "</s>"}
    spoken = QuadCollator(processor)([messages(row)])
    for batch in (spoken, QuadCollator(processor)([plain]), QuadCollator(processor)([ended])):
        ids = batch["input_ids"][0][batch["completion_mask"][0].bool()]
        assert processor.tokenizer.decode(ids) == f"{row['chosen']} </s>"
    assert same(spoken, QuadCollator(processor)([plain]))


def test_the_image_left_out_leaves_no_trace(processor, make_pairs) -> None:
    row = {**make_pairs()[0], "combinations": ("w0", "ww", "l0")}
    template = "<s> USER : {}Describe the picture . ASSISTANT : "
    parts = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": row["prompt"]}]}]
    forms = [
        row,
        messages(row),
        messages(row, prompt=parts),
        {**row, "prompt": template.format("<image> ")},
        {**row, "prompt": template.format("<image>\n")},
        {**row, "prompt": template.format("<|vision_start|><image><|vision_end|>")},
    ]
    for form in forms:
        batch = QuadCollator(processor)([form])
        assert batch["combinations"] == ("ww", "w0", "l0")
        assert batch["pixel_values"].shape[0] == 1
        texts = [
            processor.tokenizer.decode(ids[mask.bool()])
            for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
        ]
        assert texts[1:] == [f"{template.format('')}{row[name]} </s>" for name in ("chosen", "rejected")]


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("USER: <image>\nHow many?", "USER: How many?"),
        ("<|vision_start|><image><|vision_end|>How many?\n", "How many?\n"),
        ("<image>\n<image>\nHow\nmany?", "How\nmany?"),
    ],
)
def test_a_plain_prompt_without_its_images(processor, prompt: str, left: str) -> None:
    row = {"prompt": prompt, "chosen": "Two", "rejected": "Three"}
    assert PairRenderer(processor).render(row, 0, "it") == (left, "Two</s>", "Three</s>")


@pytest.mark.parametrize("asked", [("ww", "lw"), ("wl", "ww", "lw"), ("ll",), ("ww", "ll", "wl"), ("l0", "wl")])
def test_any_combinations_are_the_same_rows_as_all(processor, make_pairs, asked: tuple[str, ...]) -> None:
    rows = rows_of(make_pairs(), 3)
    whole = QuadCollator(processor)([{**row, "combinations": ("ww", "lw", "wl", "ll", "w0", "l0")} for row in rows])
    some = QuadCollator(processor)([{**row, "combinations": asked} for row in rows])
    assert set(some["combinations"]) == set(asked)
    for name in ("input_ids", "completion_mask"):
        blocks = dict(zip(whole["combinations"], whole[name].chunk(6), strict=True))
        width = some[name].shape[1]
        for block, values in zip(some["combinations"], some[name].chunk(len(asked)), strict=True):
            assert torch.equal(values, blocks[block][:, :width]), (name, block)
    pictures = dict(zip("wl", whole["pixel_values"][:6].chunk(2), strict=True))
    shown = [block[1] for block in some["combinations"] if block[1] != "0"]
    assert torch.equal(some["pixel_values"], torch.cat([pictures[letter] for letter in shown]))
    with pytest.raises(UserError, match="unknown combination 'xx'"):
        QuadCollator(processor)([{**rows[0], "combinations": ("xx",)}])


def test_several_images_need_as_many_places(processor, make_pairs) -> None:
    first, second = rows_of(make_pairs(), 2)
    two = {
        **first,
        "images": first["images"] + second["images"],
        "rejected_images": first["rejected_images"] + second["rejected_images"],
        "pair_indices": 4,
    }
    batch = QuadCollator(processor)([two])
    assert (batch["input_ids"] == processor.image_token_id).sum(dim=1).tolist() == [8] * 4
    assert batch["pixel_values"].shape[0] == 8
    with pytest.raises(UserError, match="pair 4 has 2 images but 1 times <image> in its prompt"):
        QuadCollator(processor)([{**two, "prompt": "<image> Describe"}])
    parts = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Describe"}]}]
    with pytest.raises(UserError, match="pair 4 cannot be rendered with the chat template"):
        QuadCollator(processor)([messages(two, prompt=parts)])


class TestRequirePairs:
    def test_accepts_every_form(self, make_pairs) -> None:
        pairs = make_pairs()
        require_pairs(pairs)
        require_pairs(pairs.shuffle(seed=1).select(range(5)))
        require_pairs(pairs.remove_columns("rejected_images"), Contrast("crop"))
        spoken = [messages(row) for row in rows_of(pairs)]
        columns = {
            "image": [row["images"][0] for row in spoken],
            "rejected_image": [row["rejected_images"][0] for row in spoken],
            "chosen": [row["prompt"] + row["chosen"] for row in spoken],
            "rejected": [row["prompt"] + row["rejected"] for row in spoken],
        }
        require_pairs(Dataset.from_dict(columns))
        paths = {**columns, "image": ["a.png"] * 4, "rejected_image": [b"..."] * 4}
        require_pairs(Dataset.from_dict(paths))

    def test_names_missing_columns(self, make_pairs) -> None:
        pairs = make_pairs()
        with pytest.raises(
            UserError, match=r"eval_dataset lacks the column rejected_images: .* or set contrast to crop"
        ):
            require_pairs(pairs.remove_columns("rejected_images"), name="eval_dataset")
        with pytest.raises(UserError, match="lacks the columns images, rejected, prompt"):
            require_pairs(pairs.remove_columns(["images", "prompt", "rejected"]), Contrast("none"))
        with pytest.raises(UserError, match="has both images and image"):
            require_pairs(pairs.add_column("image", ["a.png"] * 12))

    def test_lists_rows(self, make_pairs) -> None:
        pairs = make_pairs(4)
        pictures = pairs["images"]
        some = [pictures[0], [], pictures[2], None]
        with pytest.raises(UserError, match=r"2 rows have no images \(row 1, 3\)"):
            require_pairs(make_pairs(4, images=some))
        with pytest.raises(UserError, match=r"2 rows have no rejected_images \(row 1, 3\)"):
            require_pairs(make_pairs(4, rejected_images=some))
        require_pairs(make_pairs(4, rejected_images=some), Contrast("mask"))
        double = [pictures[0] * 2, *pictures[1:]]
        with pytest.raises(UserError, match=r"1 row has different numbers of images and rejected_images \(row 0\)"):
            require_pairs(make_pairs(4, images=double))
        with pytest.raises(UserError, match=r"row 2: chosen and rejected are both 'a dog \."):
            require_pairs(make_pairs(4, chosen=["a", "b", "a dog .", "c"], rejected=["b", "a", "a dog .", "d"]))
        twice = [messages(row, rejected=[{"role": "assistant", "content": row["chosen"]}]) for row in rows_of(pairs, 1)]
        with pytest.raises(UserError, match="row 0: chosen and rejected are both"):
            require_pairs(Dataset.from_list([{**row, "images": ["a"], "rejected_images": ["b"]} for row in twice]))
