"""The embedded model: processor, recipe, shipped weights."""

from __future__ import annotations

import io
import math
import random
import re
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, LlamaConfig, LlavaForConditionalGeneration, LlavaProcessor
from trl.data_utils import apply_chat_template

from scpo_trl.errors import UserError
from scpo_trl.tiny import embedded_model_path
from scpo_trl.tiny.evaluate import caption_scenes, render, score
from scpo_trl.tiny.model import DESCRIBE_PROMPT, Sizes, build_model, build_processor
from scpo_trl.tiny.packed_texts import pack_texts, row_loss
from scpo_trl.tiny.recipe import Recipe, main, train
from scpo_trl.tiny.scenes import read_scenes, to_pixel_values
from scpo_trl.tiny.tower import TowerReader, cell_labels, tower_features

COLOURS = {"apple": (220, 30, 30), "bus": (240, 200, 20), "cup": (20, 60, 220), "tree": (20, 150, 40)}
TEXTS = [
    "a dog, an apple and a tree.",
    "a dog and a car.",
    "Is there a dog in the picture?",
    "Is there an apple in the picture?",
    "Yes.",
    "No.",
    DESCRIBE_PROMPT,
]
WORLD = Path(__file__).parents[2] / "src" / "scenes" / "objects.ts"


def article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def draw(names: list[str], cells: list[int]) -> Image.Image:
    picture = Image.new("RGB", (64, 64), (245, 240, 225))
    for name, cell in zip(names, cells, strict=True):
        left, top = 4 + 32 * (cell % 2), 4 + 32 * (cell // 2)
        picture.paste(COLOURS[name], (left, top, left + 24, top + 24))
    return picture


def write_scenes(path: Path, count: int, seed: int, captions: bool) -> Path:
    source = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for index in range(count):
        objects = source.sample(sorted(COLOURS), source.choice([1, 2]))
        cells = sorted(source.sample(range(4), len(objects)))
        data = io.BytesIO()
        draw(objects, cells).save(data, "PNG")
        absent = source.choice([name for name in COLOURS if name not in objects])
        row: dict[str, Any] = {
            "id": str(index),
            "image": {"bytes": data.getvalue(), "path": None},
            "objects": objects,
            "questions": [f"Is there {article(name)} in the picture?" for name in (objects[0], absent)],
            "answers": ["Yes.", "No."],
            "kinds": ["presence", "count"],
        }
        if captions:
            row["caption"] = " and ".join(article(name) for name in objects) + "."
            placed = dict(zip(cells, objects, strict=True))
            row["cells"] = [placed.get(cell, "") for cell in range(4)]
            row["tiles"] = ["red" if cell == 3 else "" for cell in range(4)]
        rows.append(row)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture(scope="module", name="base_file")
def make_base_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes") / "base.parquet", 200, 1, True)


@pytest.fixture(scope="module", name="processor")
def make_processor() -> LlavaProcessor:
    return build_processor(TEXTS)


@pytest.fixture(scope="module", name="shipped")
def load_shipped() -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    folder = embedded_model_path()
    return LlavaForConditionalGeneration.from_pretrained(folder), AutoProcessor.from_pretrained(folder)


@pytest.mark.parametrize("text", [*TEXTS, "a dog", "dog car", "Yes. No.", "dog, dog ,dog?"])
def test_decoding_gives_the_text_back(processor: LlavaProcessor, text: str) -> None:
    tokenizer: Any = processor.tokenizer
    tokens = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in tokens
    assert tokenizer.decode(tokens) == text
    assert processor.batch_decode([[*tokens, tokenizer.eos_token_id]], skip_special_tokens=True) == [text]


def test_an_unknown_word_is_unknown(processor: LlavaProcessor) -> None:
    tokenizer: Any = processor.tokenizer
    assert tokenizer("a zebra")["input_ids"][-1] == tokenizer.unk_token_id


def test_template_puts_one_picture_before_the_text_and_ends_with_eos(processor: LlavaProcessor) -> None:
    prompt = [{"role": "user", "content": [{"type": "text", "text": DESCRIBE_PROMPT}, {"type": "image"}]}]
    answer = {"role": "assistant", "content": [{"type": "text", "text": "a dog."}]}
    asked = processor.apply_chat_template(prompt, add_generation_prompt=True)
    assert asked == "<|user|><image>Describe the picture.<|assistant|>"
    assert processor.apply_chat_template([*prompt, answer]) == f"{asked}a dog.</s>"


def test_template_names_a_role_it_does_not_know(processor: LlavaProcessor) -> None:
    with pytest.raises(Exception, match="role: found 'system'"):
        processor.apply_chat_template([{"role": "system", "content": "be brief"}])


@pytest.mark.parametrize(("patch", "tokens"), [(16, 16), (8, 64)])
def test_a_picture_of_any_size_becomes_the_models_image_tokens(patch: int, tokens: int) -> None:
    processor = build_processor(TEXTS, Sizes(patch=patch))
    inputs = cast(Any, processor)(
        images=[Image.new("RGB", (100, 100))], text=[render(processor, DESCRIBE_PROMPT)], return_tensors="pt"
    )
    model = build_model(processor, Sizes(patch=patch))
    assert (inputs["input_ids"] == model.config.image_token_index).sum() == tokens
    assert inputs["pixel_values"].shape == (1, 3, 64, 64)
    assert model(**inputs).logits.shape[-1] == len(processor.tokenizer)


def test_trl_splits_prompt_chosen_and_rejected(processor: LlavaProcessor) -> None:
    row: dict[str, Any] = {
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": DESCRIBE_PROMPT}]}],
        "chosen": [{"role": "assistant", "content": [{"type": "text", "text": "a dog."}]}],
        "rejected": [{"role": "assistant", "content": [{"type": "text", "text": "a dog and a car."}]}],
    }
    split = apply_chat_template(row, processor)
    assert split == {
        "prompt": render(processor, DESCRIBE_PROMPT),
        "chosen": "a dog.</s>",
        "rejected": "a dog and a car.</s>",
    }
    # Tokens of the parts must be the tokens of the whole, or log-probs would be of another text.
    tokenizer: Any = processor.tokenizer
    whole = tokenizer(split["prompt"] + split["rejected"])["input_ids"]
    assert tokenizer(split["prompt"])["input_ids"] + tokenizer(split["rejected"])["input_ids"] == whole


def test_fast_pixels_equal_the_processors(processor: LlavaProcessor) -> None:
    picture = draw(["apple", "tree"], [0, 3])
    image_processor: Any = processor.image_processor
    expected = image_processor(picture, return_tensors="pt")["pixel_values"]
    raw = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(1, 64, 64, 3).permute(0, 3, 1, 2)
    torch.testing.assert_close(to_pixel_values(raw), expected)


def test_shared_rows_cost_what_separate_rows_cost(base_file: Path) -> None:
    scenes = read_scenes(base_file, 64, captions=True, limit=3)
    processor = build_processor(
        [DESCRIBE_PROMPT, *scenes.captions, *(text for row in scenes.questions + scenes.answers for text in row)]
    )
    torch.manual_seed(0)
    model = build_model(processor).eval()
    packed = pack_texts(processor, scenes, 16, 2)
    input_ids, labels = packed.rows(torch.arange(3), 2, torch.Generator().manual_seed(0))
    shared = row_loss(model, packed, input_ids, labels, tower_features(model, scenes.images))

    total, count = torch.zeros(()), 0
    for index in range(3):
        pairs = [(DESCRIBE_PROMPT, scenes.captions[index])]
        pairs += list(zip(scenes.questions[index], scenes.answers[index], strict=True))
        for question, answer in pairs:
            answered = len(processor.tokenizer(answer + "</s>")["input_ids"])
            picture = Image.fromarray(scenes.images[index].permute(1, 2, 0).numpy())
            inputs = cast(Any, processor)(
                images=[picture], text=[render(processor, question) + answer + "</s>"], return_tensors="pt"
            )
            logps = model(**inputs).logits[0, :-1].log_softmax(-1)
            targets = inputs["input_ids"][0, 1:]
            total = total - logps.gather(1, targets[:, None])[-answered:].sum()
            count += answered
    torch.testing.assert_close(shared, total / count, rtol=1e-4, atol=1e-5)


def test_figures_by_hand() -> None:
    figures = score(
        ["a dog and a cat.", "a car.", "a dog, a dog and a tree."],
        [["dog"], ["car", "tree"], ["dog", "tree"]],
        ["dog", "cat", "car", "tree"],
        [True, True, False, True],
    )
    # Present 5, named of them 4; mentions 2 + 1 + 2, absent 1 in 1 of 3 captions.
    assert figures.coverage == pytest.approx(4 / 5)
    assert figures.chair_s == pytest.approx(1 / 3)
    assert figures.chair_i == pytest.approx(1 / 5)
    assert figures.yes_no == pytest.approx(3 / 4)
    assert figures.by_kind == {}


def test_figures_by_kind_by_hand() -> None:
    figures = score(["a dog."], [["dog"]], ["dog"], [True, True, False], ["count", "presence", "count"])
    assert figures.by_kind == pytest.approx({"count": 1 / 2, "presence": 1})
    assert str(figures).endswith("yes/no 0.667  count 0.500  presence 1.000")


def test_a_plural_names_its_object() -> None:
    names = {"dog", "butterfly", "bus", "snowman", "cactus", "fish"}
    for caption in ("two dogs", "three butterflies", "two buses", "two snowmen", "three cacti", "two fish"):
        assert score([caption], [[]], names, []).chair_i == 1, caption
    assert score(["two carts"], [[]], names, []).chair_i == 0


def test_the_reader_lets_each_cell_speak_for_itself() -> None:
    reader = TowerReader(4, 3, 2)
    patches = torch.randn(2, 16, 4, requires_grad=True)
    logits = reader(patches)
    assert logits.shape == (2, 4, 3)
    # Patches of the upper right cell in a 4x4 grid: rows 0 and 1, columns 2 and 3.
    logits[0, 1].sum().backward()
    assert patches.grad is not None
    assert patches.grad[0].abs().sum(1).nonzero().flatten().tolist() == [2, 3, 6, 7]
    assert not patches.grad[1].any()
    torch.testing.assert_close(logits[0, 1], reader.linear(patches[0, [2, 3, 6, 7]]).exp().sum(0).log())


def test_the_readers_loss_by_hand() -> None:
    reader = TowerReader(5, 3, 2)
    for parameter in reader.parameters():
        torch.nn.init.zeros_(parameter)
    holds = torch.zeros(2, 4, 3)
    holds[0, 1, 2] = 1
    # Four silent patches of a cell say log 4, so a label that is not there costs log 5 and one that is log 5/4.
    held = (23 * math.log(5) + math.log(5 / 4)) / 2
    assert reader.loss(torch.randn(2, 16, 5), holds).item() == pytest.approx(held + math.log(4), rel=1e-6)
    # Patch 6 of a 4x4 grid lies in cell 1; one that tells its place costs nothing.
    torch.nn.init.eye_(reader.place.weight)
    rows = torch.arange(16)
    patches = torch.nn.functional.one_hot(rows // 8 * 2 + rows % 4 // 2, 5).float().expand(2, -1, -1) * 50
    assert reader.loss(patches, holds).item() == pytest.approx(held, rel=1e-6)


def test_the_tower_learns_what_each_cell_holds(tmp_path: Path) -> None:
    scenes = read_scenes(write_scenes(tmp_path / "facts.parquet", 30, 4, True), 64, captions=True)
    names = sorted(COLOURS)
    holds = cell_labels(scenes, names)
    assert holds.shape == (30, 4, len(names) + 1)
    for scene, cells in enumerate(scenes.cells):
        assert [[names[label] for label in cell[:-1].nonzero().flatten()] for cell in holds[scene]] == [
            [name] if name else [] for name in cells
        ]
    assert holds[:, :, -1].sum(0).tolist() == [0, 0, 0, 30]
    assert scenes.pick([3, 1]).cells == [scenes.cells[3], scenes.cells[1]]


def test_recipe_learns_and_repeats_itself(base_file: Path) -> None:
    scenes = read_scenes(base_file, 64, captions=True)
    sizes = Sizes(
        vision_hidden=64, vision_layers=2, vision_intermediate=96, text_hidden=64, text_layers=2, text_intermediate=96
    )
    lines: list[str] = []

    def run(steps: int) -> tuple[LlavaForConditionalGeneration, list[float]]:
        recipe = Recipe(tower_steps=4, steps=steps, tower_batch_size=16, batch_size=16)
        model, _, losses = train(scenes, scenes.head(20), recipe, sizes, lines.append)
        return model, losses

    model, losses = run(30)
    assert len(losses) == 30
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])
    assert not model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    # The learning rate follows the share of the steps done, so only the first step of a shorter run is the same.
    assert run(1)[1][0] == pytest.approx(losses[0], rel=1e-5)
    assert "4 objects, 200 base scenes" in lines[0]


def test_recipe_writes_a_loadable_folder(base_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "models" / "tiny"
    validation = write_scenes(tmp_path / "validation.parquet", 10, 2, False)
    words = ["--base", str(base_file), "--validation", str(validation), "--test", str(validation), "--out", str(out)]
    for _ in range(2):  # the second run replaces the first one's folder
        assert main([*words, "--tower-steps", "1", "--steps", "1", "--batch-size", "8"]) == 0
    assert [entry.name for entry in out.parent.iterdir()] == ["tiny"]
    model = LlavaForConditionalGeneration.from_pretrained(out)
    processor = AutoProcessor.from_pretrained(out)
    assert len(caption_scenes(model, processor, torch.zeros(2, 3, 64, 64, dtype=torch.uint8))) == 2
    readme = (out / "README.md").read_text(encoding="utf-8")
    assert "--base base.parquet" in readme and "Seed: 0" in readme and "| test |" in readme
    assert str(tmp_path) not in readme


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--base": "nowhere.parquet"}, "nowhere.parquet: found no such file"),
        ({"--steps": "0"}, "--steps: found 0, expected a number above 0"),
    ],
)
def test_recipe_tells_a_users_mistake_in_one_line(
    base_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], message: str
) -> None:
    words = {"--base": str(base_file), "--validation": str(base_file), "--out": str(tmp_path / "out"), **change}
    assert main([part for pair in words.items() for part in pair]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_scene_file_without_captions_is_refused(tmp_path: Path) -> None:
    path = write_scenes(tmp_path / "validation.parquet", 2, 3, False)
    with pytest.raises(UserError, match="column 'caption' not found"):
        read_scenes(path, 64, captions=True)


def test_scene_of_another_size_is_refused(base_file: Path) -> None:
    with pytest.raises(UserError, match="row 0: image is 64x64, expected 32x32 pixels"):
        read_scenes(base_file, 32, captions=False)


def test_shipped_model_is_small_and_safe() -> None:
    folder = embedded_model_path()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8_000_000
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".jinja", ".md"}


def test_shipped_model_is_a_plain_llava_in_float32(
    shipped: tuple[LlavaForConditionalGeneration, LlavaProcessor],
) -> None:
    model, processor = shipped
    assert 1_000_000 <= sum(parameter.numel() for parameter in model.parameters()) <= 2_000_000
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert cast(LlamaConfig, model.config.text_config).vocab_size == len(processor.tokenizer)
    assert processor.tokenizer.padding_side == "left"
    assert not model.generation_config.do_sample


def test_shipped_model_speaks_of_the_built_in_world(
    shipped: tuple[LlavaForConditionalGeneration, LlavaProcessor],
) -> None:
    model, processor = shipped
    tokenizer: Any = processor.tokenizer
    names = re.findall(r'^  \["\w+", "(\w+)", "[\w-]+", "\w+"\],$', WORLD.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) >= 40
    for name in names:
        text = f"Is there {article(name)} in the picture?"
        tokens = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in tokens
        assert tokenizer.decode(tokens) == text
    caption = caption_scenes(model, processor, torch.full((1, 3, 64, 64), 230, dtype=torch.uint8))[0]
    thing = rf"an? (?:{'|'.join(names)})"
    assert re.fullmatch(rf"(?:{thing}, )*(?:{thing} and )?{thing}\.", caption)
