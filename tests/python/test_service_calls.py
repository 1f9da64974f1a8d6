"""Describe, health, LoadModel, ExportModel, ScorePairs, Generate and Shutdown over a Unix socket."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import PIL.Image
import pyarrow
import pyarrow.parquet
import pytest
import torch
from datasets import Dataset
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from safetensors.torch import load_file, save_file
from service_fixtures import Dialogue, World, refused, start

import scpo_trl.tiny
from scpo.v1 import pair_pb2, trainer_pb2
from scpo_trl.losses import loss_names
from scpo_trl.trainer.forward.forward import quad_logps
from scpo_trl.trainer.forward.forward_path import PLAIN
from scpo_trl.trainer.model.model_folder import weights_sha256
from scpo_trl.trainer.rows.collator import QuadCollator

pytest_plugins = ["service_fixtures"]

FAILED = grpc.StatusCode.FAILED_PRECONDITION


def score(world: World, **fields: Any) -> list[pair_pb2.PairScore]:
    request = trainer_pb2.ScorePairsRequest(**{"dataset": world.dataset(), **fields})
    return [score for response in world.stub.ScorePairs(request) for score in response.scores]


def generate(world: World, prompts: list[tuple[int, str]], **fields: Any) -> dict[int, str]:
    request = trainer_pb2.GenerateRequest(
        **{
            "dataset": world.dataset(),
            "image_column": "images",
            "prompts": [trainer_pb2.Prompt(row=row, text=text) for row, text in prompts],
            "max_new_tokens": 5,
            **fields,
        }
    )
    answers = [answer for response in world.stub.Generate(request) for answer in response.answers]
    assert len(answers) == len({answer.prompt for answer in answers})
    return {answer.prompt: answer.text for answer in answers}


def generate_from_files(world: World, prompts: list[tuple[Path | str, str]]) -> dict[int, str]:
    asked = [trainer_pb2.Prompt(image_path=str(path), text=text) for path, text in prompts]
    request = trainer_pb2.GenerateRequest(prompts=asked, max_new_tokens=5)
    return {answer.prompt: answer.text for response in world.stub.Generate(request) for answer in response.answers}


class TestDescribe:
    def test_tells_versions_losses_and_the_loaded_model(self, world: World) -> None:
        described = world.stub.Describe(trainer_pb2.DescribeRequest())
        assert set(described.versions) == {"python", "torch", "transformers", "trl", "accelerate"}
        assert described.versions["torch"] == torch.__version__
        assert list(described.losses) == loss_names()
        assert described.threads == 1
        assert described.model_path == ""
        world.load()
        assert world.stub.Describe(trainer_pb2.DescribeRequest()).model_path == str(world.model)

    def test_is_healthy_and_lists_its_services(self, world: World) -> None:
        health: Any = health_pb2_grpc.HealthStub(world.channel)
        for name in ("", "scpo.v1.TrainerService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(world.channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        listed = next(iter(reflection.ServerReflectionInfo(asked))).list_services_response.service
        assert "scpo.v1.TrainerService" in {service.name for service in listed}


class TestLoadModel:
    def test_gives_the_models_figures(self, world: World, make_model: Callable[..., Any]) -> None:
        model = make_model()
        loaded = world.load()
        assert loaded.architecture == "LlavaForConditionalGeneration"
        assert loaded.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert loaded.image_tokens == 4
        assert loaded.weights_sha256 == weights_sha256(model)

    def test_refuses_what_is_no_model_folder(self, world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
        outside = tmp_path_factory.mktemp("outside")
        link = world.root / "link"
        link.symlink_to(outside)
        empty = world.root / "empty"
        empty.mkdir()
        for path, part in (
            (outside, "outside the trainer's roots"),
            (link, "outside the trainer's roots"),
            (world.root / ".." / outside.name, "outside the trainer's roots"),
            (world.root / "none", "no such folder"),
            (empty, "has no config.json"),
            ("model", "expected an absolute path"),
            ("", "path: found nothing, expected a folder with a model; the embedded model is /"),
        ):
            refused(lambda path=path: world.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(path))), part)

    def test_tells_how_to_make_missing_embedded_weights(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        # A folder without weights stands in for the package's own.
        monkeypatch.setattr(scpo_trl.tiny, "__file__", str(world.root / "__init__.py"))
        path = world.stub.Describe(trainer_pb2.DescribeRequest()).embedded_model_path
        assert path == ""
        refused(
            lambda: world.stub.LoadModel(trainer_pb2.LoadModelRequest(path=path)),
            "path: found nothing, expected a folder with a model; the embedded model is missing: run `npx scpo base`",
        )

    def test_refuses_missing_superfluous_and_mismatching_weights(self, world: World) -> None:
        file = world.model / "model.safetensors"
        weights = load_file(file)
        name = next(name for name in sorted(weights) if "multi_modal_projector" in name)
        less = {key: value for key, value in weights.items() if key != name}
        wrong = {**weights, name: torch.zeros(3, 5)}
        nan = {**weights, name: torch.full_like(weights[name], float("nan"))}
        for content, part in (
            (less, "weights are missing"),
            ({**weights, "tail.weight": torch.zeros(2)}, "no weights named tail.weight"),
            (wrong, "has shape [3, 5]"),
            (nan, "holds NaN"),
        ):
            save_file(content, file, metadata={"format": "pt"})
            refused(world.load, part)
        file.write_bytes(file.read_bytes()[:100])
        refused(world.load, "cannot be loaded")
        file.rename(world.model / "pytorch_model.bin")
        refused(world.load, "has no .safetensors file")

    def test_refuses_a_folder_without_processor(self, world: World) -> None:
        for file in world.model.iterdir():
            if file.name not in {"config.json", "generation_config.json", "model.safetensors"}:
                file.unlink()
        refused(world.load, "processor")

    def test_a_failed_load_leaves_no_model(self, world: World) -> None:
        world.load()
        (world.model / "model.safetensors").write_bytes(b"damaged")
        refused(world.load)
        refused(lambda: score(world), "no model is loaded", code=FAILED)


class TestExportModel:
    def test_writes_what_loads_again(self, world: World) -> None:
        loaded = world.load()
        target = world.root / "exported"
        exported = world.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(target)))
        assert exported.weights_sha256 == loaded.weights_sha256
        again = world.stub.LoadModel(trainer_pb2.LoadModelRequest(path=str(target)))
        assert again.weights_sha256 == loaded.weights_sha256
        assert [path.name for path in world.root.iterdir() if path.name.startswith(".")] == []

    def test_refuses_taken_and_foreign_paths(self, world: World) -> None:
        export = lambda path: world.stub.ExportModel(trainer_pb2.ExportModelRequest(path=str(path)))  # noqa: E731
        refused(lambda: export(world.root / "exported"), "no model is loaded", code=FAILED)
        world.load()
        refused(lambda: export(world.model), "exists already")
        refused(lambda: export(world.root), "expected a path below it")
        refused(lambda: export("/nowhere/else"), "outside the trainer's roots")
        refused(lambda: export(world.root / "a" / "b"), "no such folder")


class TestScorePairs:
    def test_agrees_with_the_trainers_log_probabilities(
        self, world: World, make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
    ) -> None:
        world.load()
        scores = score(world, pairs=[7, 2, 11], batch_size=2)
        assert [one.pair for one in scores] == [7, 2, 11]
        rows = make_pairs()
        with torch.no_grad():
            batch = QuadCollator(processor)([rows[7], rows[2], rows[11]])
            expected = quad_logps(make_model().eval(), batch, PLAIN)
        for position, one in enumerate(scores):
            assert one.logps.chosen_given_images == pytest.approx(expected.ww[position].item(), abs=1e-4)
            assert one.logps.rejected_given_images == pytest.approx(expected.lw[position].item(), abs=1e-4)
            assert one.logps.chosen_given_rejected_images == pytest.approx(expected.wl[position].item(), abs=1e-4)
            assert one.logps.rejected_given_rejected_images == pytest.approx(expected.ll[position].item(), abs=1e-4)
            assert 0 < one.entropy < 4
            assert -1 <= one.image_similarity <= 1
            assert 0 <= one.transport_distance <= 2

    def test_scores_all_pairs_with_progress_and_only_what_is_asked_for(self, world: World) -> None:
        world.load()
        whole = {one.pair: one for one in score(world)}
        request = trainer_pb2.ScorePairsRequest(
            dataset=world.dataset(), signals=[trainer_pb2.SIGNAL_ENTROPY], batch_size=5
        )
        responses = list(world.stub.ScorePairs(request))
        assert [(response.done, response.total) for response in responses] == [(5, 12), (10, 12), (12, 12)]
        scores = [one for response in responses for one in response.scores]
        assert [one.pair for one in scores] == list(range(12))
        for one in scores:
            assert not one.HasField("logps")
            assert not one.HasField("image_similarity")
            assert one.entropy == pytest.approx(whole[one.pair].entropy, abs=1e-5)

    def test_equal_pictures_are_similar_and_near(self, world: World, make_pairs: Callable[..., Dataset]) -> None:
        world.load()
        rows = make_pairs(count=3)
        path = world.root / "equal.parquet"
        columns = {name: rows["images" if name == "rejected_images" else name] for name in rows.column_names}
        Dataset.from_dict(columns, features=rows.features).to_parquet(path)
        for one, other in zip(score(world, dataset=world.dataset(path)), score(world), strict=False):
            assert one.image_similarity == pytest.approx(1, abs=1e-5)
            assert one.transport_distance < other.transport_distance

    def test_refuses_rows_beyond_the_file_and_unknown_signals(self, world: World) -> None:
        world.load()
        refused(lambda: score(world, pairs=[0, 12]), "row 12", "12 rows")
        refused(lambda: score(world, signals=[9]), "signals: found 9")


class TestDamagedFiles:
    def test_names_file_row_and_column(self, world: World) -> None:
        world.load()
        table = pyarrow.parquet.read_table(world.pairs)
        rows = table.to_pylist()

        def written(change: Callable[[list[dict[str, Any]]], None]) -> Path:
            changed = [dict(row) for row in rows]
            change(changed)
            path = world.root / "changed.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(changed, schema=table.schema), path)
            return path

        whole = rows[3]["images"][0]["bytes"]
        for change, parts in (
            (lambda rows: rows[3].update(images=[{"bytes": b"no picture", "path": None}]), ("row 3", "column images")),
            (lambda rows: rows[3].update(images=[{"bytes": whole[:-40], "path": None}]), ("row 3", "decoded")),
            (lambda rows: rows[4].update(rejected_images=[]), ("row 4", "column rejected_images", "one picture")),
            (lambda rows: rows[5].update(chosen=None), ("row 5", "column chosen")),
            (lambda rows: rows[5].update(rejected=""), ("row 5", "column rejected")),
            (
                lambda rows: rows[2].update(rejected=rows[2]["chosen"]),
                ("row 2", "column rejected", "text of chosen again"),
            ),
            (lambda rows: rows[6].update(images=[{"bytes": None, "path": "/etc/hostname"}]), ("row 6", "embedded")),
        ):
            path = written(change)
            refused(lambda path=path: score(world, dataset=world.dataset(path)), str(path), *parts)

    def test_refuses_truncated_missing_foreign_and_changed_files(
        self, world: World, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        world.load()
        truncated = world.root / "truncated.parquet"
        truncated.write_bytes(world.pairs.read_bytes()[:-30])
        refused(lambda: score(world, dataset=world.dataset(truncated)), str(truncated), "not a readable Parquet file")
        outside = tmp_path_factory.mktemp("outside") / "pairs.parquet"
        outside.write_bytes(world.pairs.read_bytes())
        refused(lambda: score(world, dataset=world.dataset(outside)), "outside the trainer's roots")
        link = world.root / "link.parquet"
        link.symlink_to(outside)
        refused(lambda: score(world, dataset=world.dataset(link)), "outside the trainer's roots")
        missing = pair_pb2.Dataset(path=str(world.root / "none.parquet"))
        refused(lambda: score(world, dataset=missing), "no such file")
        changed = pair_pb2.Dataset(path=str(world.pairs), sha256="0" * 64)
        refused(lambda: score(world, dataset=changed), "dataset.sha256", "expected " + "0" * 64)
        lacking = world.root / "lacking.parquet"
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(world.pairs).drop_columns(["rejected_images"]), lacking)
        refused(lambda: score(world, dataset=world.dataset(lacking)), "column rejected_images: not found")

    def test_reads_pictures_of_a_writer_without_huggingface_metadata(self, world: World) -> None:
        world.load()
        plain = world.root / "plain.parquet"
        table = pyarrow.parquet.read_table(world.pairs)
        pyarrow.parquet.write_table(table.replace_schema_metadata(None), plain)
        assert score(world, dataset=world.dataset(plain), pairs=[1]) == score(world, pairs=[1])

    def test_sees_a_file_that_was_replaced(self, world: World, make_pairs: Callable[..., Dataset]) -> None:
        world.load()
        before = score(world, pairs=[0])
        time.sleep(0.01)
        make_pairs(seed=1).to_parquet(world.pairs)
        assert score(world, pairs=[0]) != before


class TestGenerate:
    def test_answers_do_not_depend_on_batches_or_order(self, world: World) -> None:
        world.load()
        prompts = [(row, text) for row in range(4) for text in ("Describe the picture .", "a dog and a cat .")]
        alone = [generate(world, [prompt])[0] for prompt in prompts]
        assert len(set(alone)) > 1
        assert generate(world, prompts) == dict(enumerate(alone))
        assert generate(world, prompts, batch_size=3) == dict(enumerate(alone))

    def test_agrees_with_step_by_step_argmax(
        self, world: World, make_model: Callable[..., Any], make_pairs: Callable[..., Dataset], processor: Any
    ) -> None:
        world.load()
        model, row = make_model().eval(), make_pairs()[5]
        text = "<s> USER : <image> Describe the picture . ASSISTANT :"
        inputs = processor(images=row["images"], text=[text], return_tensors="pt", add_special_tokens=False)
        tokens = inputs["input_ids"]
        for _ in range(5):
            with torch.no_grad():
                logits = model(input_ids=tokens, pixel_values=inputs["pixel_values"]).logits
            tokens = torch.cat((tokens, logits[:, -1:].argmax(-1)), dim=1)
            if tokens[0, -1] == 2:
                break
        expected = processor.tokenizer.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        assert generate(world, [(5, "Describe the picture .")]) == {0: expected.strip()}

    def test_takes_a_column_of_single_pictures(self, world: World) -> None:
        world.load()
        encoded = io.BytesIO()
        PIL.Image.new("RGB", (16, 16), (200, 30, 60)).save(encoded, "PNG")
        table = pyarrow.table({"image": [{"bytes": encoded.getvalue(), "path": None}], "id": ["one"]})
        path = world.root / "scenes.parquet"
        pyarrow.parquet.write_table(table, path)
        fields = {"dataset": world.dataset(path), "image_column": "image"}
        assert list(generate(world, [(0, "Describe the picture .")], **fields)) == [0]
        refused(lambda: generate(world, [(0, "a")], **{**fields, "image_column": "id"}), "column id", "expected struct")
        refused(lambda: generate(world, [(0, "a")], **{**fields, "image_column": "none"}), "column none", "not found")

    def test_answers_about_picture_files_as_about_rows(self, world: World, make_pairs: Callable[..., Dataset]) -> None:
        world.load()
        texts = ("Describe the picture .", "a dog and a cat .")
        prompts = [(row, text) for row in range(4) for text in texts]
        folder = world.root / "images"
        folder.mkdir()
        rows = make_pairs()
        paths = [folder / f"{row}.png" for row in range(4)]
        for row, path in enumerate(paths):
            rows[row]["images"][0].save(path)
        expected = generate(world, prompts)
        assert len(set(expected.values())) > 1
        assert generate_from_files(world, [(paths[row], text) for row, text in prompts]) == expected

    def test_answers_without_a_picture_beside_prompts_with_one(self, world: World) -> None:
        world.load()
        path = world.root / "red.png"
        PIL.Image.new("RGB", (16, 16), (200, 30, 60)).save(path)
        text = "a dog and a cat ."
        alone = generate_from_files(world, [("", text)])[0]
        pictured = generate_from_files(world, [(path, text)])[0]
        mixed = [(path, text), ("", text), (path, text), ("", text)]
        assert generate_from_files(world, mixed) == {0: pictured, 1: alone, 2: pictured, 3: alone}
        refused(lambda: generate_from_files(world, [("", "what is <image> ?")]), "without a picture")

    def test_refuses_picture_files_that_are_foreign_missing_or_damaged(
        self, world: World, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        world.load()
        outside = tmp_path_factory.mktemp("outside") / "picture.png"
        PIL.Image.new("RGB", (16, 16)).save(outside)
        link = world.root / "link.png"
        link.symlink_to(outside)
        for path in (outside, link, f"{world.root}/../{outside.parent.name}/picture.png"):
            refused(lambda path=path: generate_from_files(world, [(path, "a dog")]), "[0].image_path", "outside")
        refused(lambda: generate_from_files(world, [("picture.png", "a dog")]), "expected an absolute path")
        refused(lambda: generate_from_files(world, [(world.root / "none.png", "a dog")]), "no such file")
        damaged = world.root / "damaged.png"
        damaged.write_bytes(outside.read_bytes()[:40])
        refused(lambda: generate_from_files(world, [(damaged, "a dog")]), str(damaged), "get the file again")
        damaged.write_bytes(b"no picture")
        refused(lambda: generate_from_files(world, [(damaged, "a dog")]), str(damaged), "10 bytes that are no picture")
        # Rows and files are two ways to ask; a request takes one.
        both = trainer_pb2.Prompt(row=1, text="a dog", image_path=str(damaged))
        request = trainer_pb2.GenerateRequest(dataset=world.dataset(), image_column="images", prompts=[both])
        refused(lambda: world.stub.Generate(request), "beside a data set")
        request = trainer_pb2.GenerateRequest(prompts=[trainer_pb2.Prompt(row=1, text="a dog")])
        refused(lambda: world.stub.Generate(request), "prompts[0].row", "no data set")
        request = trainer_pb2.GenerateRequest(image_column="images", prompts=[trainer_pb2.Prompt(text="a dog")])
        refused(lambda: world.stub.Generate(request), "dataset.path: found nothing")

    def test_refuses_what_cannot_be_answered(self, world: World) -> None:
        world.load()
        refused(lambda: generate(world, []), "prompts: found none")
        refused(lambda: generate(world, [(12, "a dog")]), "row 12")
        refused(lambda: generate(world, [(0, "a dog")], max_new_tokens=0), "max_new_tokens")


class TestShutdown:
    def test_answers_then_stops_even_while_training(self, world: World) -> None:
        world.load()
        dialogue = Dialogue(world.stub)
        dialogue.send(start(world))
        dialogue.expect("started")
        world.stub.Shutdown(trainer_pb2.ShutdownRequest())
        assert world.server.wait(timeout=20)
        dialogue.refused(code=grpc.StatusCode.CANCELLED)
        assert not Path(world.server.address.removeprefix("unix://")).exists()
