"""Rows with several pictures, contrast pictures that are made, and trackers, through the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from folder_models import FAMILIES, save_family
from PIL import Image
from played_trainings import MIXTURE, answers, load, logps, play, trl_door
from service_fixtures import Dialogue, World, feed, objective, open_stage, refused, serve, start

from scpo.v1 import trainer_pb2
from scpo_trl import SCPOTrainer

pytest_plugins = ["service_fixtures"]

COUNTS = [2, 1, 3, 1, 1, 2]
"""Pictures a side, by row."""

EXACT: dict[str, Any] = {"bf16": False, "gradient_checkpointing": False, "optim": "adamw_torch"}


def pictures(count: int, seed: int) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.fixture(scope="module")
def rows(make_pairs: Callable[..., Dataset]) -> Dataset:
    """Pairs with one, two or three pictures a side."""
    sides = {
        "images": [pictures(count, row) for row, count in enumerate(COUNTS)],
        "rejected_images": [pictures(count, 100 + row) for row, count in enumerate(COUNTS)],
    }
    return make_pairs(len(COUNTS), **sides).remove_columns("stage")


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, model_folder: Path, make_pairs: Callable[..., Any], rows: Dataset
) -> Iterator[World]:
    """One service for this file; its root holds the families' folders and `several.parquet`."""
    root = tmp_path_factory.mktemp("served")
    with serve(root, model_folder, make_pairs) as world:
        rows.to_parquet(root / "several.parquet")
        for name in FAMILIES:
            save_family(name, root / name)
        yield world


def direct(family: str, rows: Dataset, folder: Path, **settings: Any) -> SCPOTrainer:
    """The TRL door on the same model and rows, in their order."""
    model, processor = FAMILIES[family]()
    config = trl_door(folder, **{**EXACT, "max_length": None, **settings}, max_steps=2)
    return SCPOTrainer(model=model, args=config, train_dataset=rows, processing_class=processor)


def same_steps(found: Any, trainer: SCPOTrainer, steps: int = 2) -> None:
    """The first steps' losses, terms and norms; the service's reference moves after the first step alone."""
    trainer.train()
    lines = [line for line in trainer.state.log_history if "loss" in line]
    for step, line in enumerate(lines[:steps], start=1):
        report = found.reports[step]
        assert report.loss == pytest.approx(line["loss"], rel=1e-5), step
        assert report.grad_norm == pytest.approx(line["grad_norm"], rel=1e-4), step
        for name, value in report.terms.items():
            assert value == pytest.approx(line[f"terms/{name}"], rel=1e-5), (step, name)
        for name in report.pairs[0].margins:
            mean = sum(pair.margins[name] for pair in report.pairs) / len(report.pairs)
            assert mean == pytest.approx(line[f"margins/{name}"], abs=1e-5), (step, name)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_several_pictures_a_side_train_and_score_as_by_the_trl_door(
    served: World, family: str, rows: Dataset, tmp_path: Path
) -> None:
    path = served.root / "several.parquet"
    load(served, served.root / family)
    trainer = direct(family, rows, tmp_path)
    expected = trainer.score_pairs(range(4))[:, :4].double()
    # The contract's order is ww, lw, wl, ll, as the trainer's is.
    torch.testing.assert_close(logps(served, path), expected, atol=1e-4, rtol=1e-5)
    same_steps(play(served, EXACT, dataset=served.dataset(path)), trainer)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_an_answer_is_about_all_of_a_rows_pictures(served: World, family: str, rows: Dataset) -> None:
    path = served.root / "several.parquet"
    load(served, served.root / family)
    told = answers(served, path)
    model, processor = FAMILIES[family]()
    model.eval()
    for row in range(4):
        content = [*[{"type": "image"}] * COUNTS[row], {"type": "text", "text": "Describe the picture ."}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        inputs = processor(images=[rows[row]["images"]], text=[text], return_tensors="pt", add_special_tokens=False)
        with torch.inference_mode():
            tokens = model.generate(**inputs, max_new_tokens=6, do_sample=False, pad_token_id=1)
        answer = processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert told[row] == answer[0].strip(), row


def test_sides_with_different_numbers_are_refused(served: World, rows: Dataset) -> None:
    load(served, served.root / "llava-1.5")
    path = served.root / "unequal.parquet"
    changed = [pictures(1 if row == 2 else count, 200 + row) for row, count in enumerate(COUNTS)]
    uneven = Dataset.from_dict({**rows[:], "rejected_images": changed}, features=rows.features)
    uneven.to_parquet(path)
    dialogue = Dialogue(served.stub)
    dialogue.send(start(served, dataset=served.dataset(path)))
    dialogue.refused("row 2, column rejected_images", "as many pictures as in images")


def test_a_picture_of_several_without_bytes_is_named_by_its_row(served: World, rows: Dataset) -> None:
    load(served, served.root / "llava-1.5")
    path = served.root / "bare.parquet"
    table: dict[str, Any] = rows.data.to_pydict()
    table["images"][2][1] = {"bytes": None, "path": "/etc/hostname"}
    Dataset.from_dict(table, features=rows.features).to_parquet(path)
    dialogue = Dialogue(served.stub)
    dialogue.send(start(served, dataset=served.dataset(path)))
    dialogue.refused("row 2, column images", "no picture bytes")


def test_two_pictures_are_compared_where_there_is_one_a_side(served: World) -> None:
    load(served, served.root / "llava-1.5")
    request = trainer_pb2.ScorePairsRequest(
        dataset=served.dataset(served.root / "several.parquet"), signals=[trainer_pb2.SIGNAL_IMAGE_SIMILARITY]
    )
    refused(lambda: served.stub.ScorePairs(request), "one whole picture a text")


class TestContrastPicturesThatAreMade:
    @pytest.fixture(scope="class")
    def alone(self, served: World, make_pairs: Callable[..., Any]) -> Path:
        path = served.root / "alone.parquet"
        make_pairs().remove_columns(["rejected_images", "stage"]).to_parquet(path)
        return path

    def test_train_as_by_the_trl_door(self, served: World, alone: Path, make_pairs: Any, tmp_path: Path) -> None:
        load(served, served.root / "llava-1.5")
        settings = {**EXACT, "contrast": "crop"}
        found = play(served, settings, losses=objective("mdpo"), dataset=served.dataset(alone))
        rows = make_pairs().remove_columns(["rejected_images", "stage"]).select(range(6))
        trained = {"contrast": "crop", "loss_type": ["mdpo"], "loss_weights": None}
        same_steps(found, direct("llava-1.5", rows, tmp_path, **trained))

    def test_fit_the_loss(self, served: World, alone: Path) -> None:
        load(served, served.root / "llava-1.5")
        dialogue = Dialogue(served.stub)
        dialogue.send(start(served, {"contrast": "crop"}, dataset=served.dataset(alone)))
        dialogue.expect("started")
        dialogue.send(open_stage(0, range(2)), feed([0, 1], last=True))
        dialogue.refused("the loss reads ll", "contrast='crop'")

    def test_are_asked_for(self, served: World, alone: Path) -> None:
        load(served, served.root / "llava-1.5")
        dialogue = Dialogue(served.stub)
        dialogue.send(start(served, dataset=served.dataset(alone)))
        dialogue.refused("column rejected_images: not found")


def test_trackers_get_every_steps_figures(served: World) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    load(served, served.root / "llava-1.5")
    out = served.root / "tracked"
    played = play(served, {**EXACT, "report_to": ["tensorboard"], "run_name": "mine"}, losses=MIXTURE, directory=out)
    (folder,) = {path.parent for path in (out / "runs").rglob("events.out.tfevents.*")}
    events = accumulator.EventAccumulator(str(folder)).Reload()
    logged = {event.step: event.value for event in events.Scalars("train/loss")}
    assert logged == {step: pytest.approx(report.loss, rel=1e-5) for step, report in played.reports.items()}
    assert "train/margins/textual" in events.Tags()["scalars"]


def test_loaders_of_their_own_change_nothing(served: World) -> None:
    load(served, served.root / "llava-1.5")
    alone = play(served, EXACT).told()
    load(served, served.root / "llava-1.5")
    assert play(served, {**EXACT, "dataloader_num_workers": 1}).told() == alone


def test_each_setting_of_the_optimiser_is_that_of_the_trl_door(served: World, make_pairs: Any, tmp_path: Path) -> None:
    load(served, served.root / "llava-1.5")
    settings = {
        "optim": "adafactor",
        "weight_decay": 0.1,
        "max_grad_norm": 0.5,
        "beta": 0.3,
        "savings_off": ["encode_once"],
    }
    found = play(served, {**EXACT, **settings})
    rows = make_pairs().remove_columns("stage").select(range(6))
    same_steps(found, direct("llava-1.5", rows, tmp_path, **settings))
