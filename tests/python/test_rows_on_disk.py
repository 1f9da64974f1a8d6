"""Rows of Parquet files are read as they are needed: from one file or several, the same, in bounded memory."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow
import pyarrow.parquet
import pytest
import torch
from datasets import Dataset

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.errors import UserError
from scpo_trl.service.opened_file import OpenedFile
from scpo_trl.service.pair_files import PairFiles
from scpo_trl.service.roots import Roots
from scpo_trl.service.row_copies import copies_folder, row_copy
from scpo_trl.trainer.model.model_folder import weights_sha256
from scpo_trl.trainer.rows.curriculum import stage_groups
from scpo_trl.trainer.rows.mapped_pages import KEPT_BYTES

ROWS = 12
CUTS = (0, 5, 6, 12)


@pytest.fixture(autouse=True)
def own_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of copies, of this test alone."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    return copies_folder()


@pytest.fixture
def whole(tmp_path: Path, make_pairs: Callable[..., Dataset]) -> Path:
    path = tmp_path / "pairs.parquet"
    make_pairs(ROWS).to_parquet(path)
    return path


@pytest.fixture
def parts(tmp_path: Path, whole: Path) -> Path:
    """The rows of `whole` in three files."""
    folder = tmp_path / "parts"
    folder.mkdir()
    table = pyarrow.parquet.read_table(whole)
    for number, (start, end) in enumerate(itertools.pairwise(CUTS)):
        pyarrow.parquet.write_table(table.slice(start, end - start), folder / f"part-{number}.parquet")
    (folder / "README.md").write_text("not a part")
    return folder


def opened(path: Path, pattern: str = "") -> OpenedFile:
    return PairFiles(Roots([path.parent])).open_pairs(str(path / pattern) if pattern else str(path), "")


def contents(file: OpenedFile) -> list[Any]:
    return file.dataset.data.to_pylist()


class TestSeveralFiles:
    def test_are_the_rows_of_one(self, whole: Path, parts: Path) -> None:
        expected = pyarrow.parquet.read_table(whole).drop_columns(["stage"]).to_pylist()
        assert contents(opened(whole)) == expected
        assert contents(opened(parts)) == expected
        assert contents(opened(parts, "part-*.parquet")) == expected
        assert contents(opened(parts, "part-1*")) == expected[5:6]

    def test_have_the_digest_that_sha256sum_gives(self, whole: Path, parts: Path) -> None:
        names = sorted(path.name for path in parts.glob("*.parquet"))
        lines = subprocess.run(["sha256sum", *names], cwd=parts, capture_output=True, check=True).stdout
        assert opened(parts).sha256 == hashlib.sha256(lines).hexdigest()
        assert opened(whole).sha256 == hashlib.sha256(whole.read_bytes()).hexdigest()

    def test_are_named_with_their_own_rows(self, parts: Path) -> None:
        path = parts / "part-2.parquet"
        table = pyarrow.parquet.read_table(path)
        texts = table["chosen"].to_pylist()
        texts[3] = ""
        pyarrow.parquet.write_table(table.set_column(3, "chosen", pyarrow.array(texts)), path)
        with pytest.raises(UserError, match=r"part-2\.parquet: row 3, column chosen: found no text"):
            opened(parts)

    def test_with_other_columns_are_refused(self, parts: Path) -> None:
        path = parts / "part-1.parquet"
        table = pyarrow.parquet.read_table(path)
        pyarrow.parquet.write_table(table.set_column(2, "prompt", pyarrow.array([1.5])), path)
        with pytest.raises(UserError, match=r"part-1\.parquet: column prompt: found double, expected string"):
            opened(parts)

    def test_that_are_none_are_refused(self, parts: Path) -> None:
        with pytest.raises(UserError, match=r"nothing-\*: found no file that nothing-\* fits"):
            opened(parts, "nothing-*")


class TestCopies:
    def test_go_with_who_uses_them(self, whole: Path, own_copies: Path) -> None:
        files = PairFiles(Roots([whole.parent]))
        held = files.open_pairs(str(whole), "")
        assert [path.suffix for path in own_copies.iterdir()] == [".arrow"]
        before = contents(held)
        del files
        held.copy.close()
        assert list(own_copies.iterdir()) == []
        assert contents(held) == before

    def test_are_shared_while_in_use_and_made_anew_after(self, own_copies: Path) -> None:
        written: list[Path] = []

        def write(path: Path) -> None:
            written.append(path)
            path.write_bytes(b"rows")

        first, second = row_copy("the same", write), row_copy("the same", write)
        assert first.path == second.path
        assert len(written) == 1
        first.close()
        assert second.path.exists()
        second.close()
        assert not second.path.exists()
        # As a process leaves it that was killed, perhaps half on the disk.
        first.path.write_bytes(b"ro")
        third = row_copy("the same", write)
        assert third.path.read_bytes() == b"rows"
        assert len(written) == 2

    def test_of_a_killed_process_are_swept(self, whole: Path, own_copies: Path) -> None:
        code = (
            "import os, sys; from scpo_trl.service.pair_files import PairFiles; "
            "from scpo_trl.service.roots import Roots; "
            "files = PairFiles(Roots([sys.argv[1]])); files.open_pairs(sys.argv[2], ''); os.kill(os.getpid(), 9)"
        )
        ended = subprocess.run([sys.executable, "-c", code, str(whole.parent), str(whole)], check=False)
        assert ended.returncode == -9
        assert len(list(own_copies.glob("*.arrow"))) == 1
        row_copy("another", lambda path: path.write_bytes(b"")).close()
        assert list(own_copies.iterdir()) == []

    def test_that_fail_leave_nothing(self, own_copies: Path) -> None:
        def fail(path: Path) -> None:
            path.write_bytes(b"ro")
            raise UserError("the disk is full")

        with pytest.raises(UserError, match="the disk is full"):
            row_copy("rows", fail)
        assert list(own_copies.iterdir()) == []

    def test_lie_in_a_folder_of_this_user_alone(self, own_copies: Path) -> None:
        own_copies.chmod(0o755)
        with pytest.raises(UserError, match="only this user may enter"):
            copies_folder()

    def test_need_room(self, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10})())
        with pytest.raises(UserError, match="where 10 are free: make room, or set TMPDIR"):
            opened(whole)


class TestTraining:
    @pytest.fixture
    def trained(self, make_model: Callable[..., Any], processor: Any, tmp_path: Path) -> Callable[[Any], Any]:
        def train(rows: Any) -> tuple[list[float], str]:
            torch.manual_seed(11)
            settings = SCPOConfig(
                output_dir=str(tmp_path / "out"), per_device_train_batch_size=2, stages=1, logging_steps=1, use_cpu=True
            )
            trainer = SCPOTrainer(model=make_model(), args=settings, train_dataset=rows, processing_class=processor)
            trainer.train()
            losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
            return losses, weights_sha256(trainer.policy)

        return train

    def test_is_the_same_to_the_bit_from_memory_and_from_files(
        self, trained: Callable[[Any], Any], whole: Path, parts: Path, make_pairs: Callable[..., Dataset]
    ) -> None:
        from_memory = trained(make_pairs(ROWS).remove_columns("stage"))
        assert len(from_memory[0]) >= ROWS // 2
        assert trained(opened(whole).dataset) == from_memory
        assert trained(opened(parts).dataset) == from_memory


def write_pairs(path: Path, rows: int, picture_bytes: int) -> None:
    """Pairs whose pictures are small and whose files are not, none like another."""
    draw = random.Random(1)
    plain = PIL.Image.new("RGB", (32, 32), "red")

    def picture() -> dict[str, Any]:
        encoded = io.BytesIO()
        plain.save(encoded, "JPEG", comment=draw.randbytes(picture_bytes))
        return {"bytes": encoded.getvalue(), "path": None}

    image = pyarrow.list_(pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]))
    columns: list[Any] = [("images", image), ("rejected_images", image)]
    schema = pyarrow.schema([*columns, *((name, pyarrow.string()) for name in ("prompt", "chosen", "rejected"))])
    # All rows in one group, the most that a reader by group would hold.
    with pyarrow.parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        texts = {"prompt": "What is it?", "chosen": "a dog", "rejected": "a cat"}
        pairs = [{"images": [picture()], "rejected_images": [picture()], **texts} for _ in range(rows)]
        writer.write_table(pyarrow.Table.from_pylist(pairs, schema), row_group_size=rows)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is told by /proc")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    for path, rows in ((small, 1000), (large, 8000)):
        write_pairs(path, rows, 20_000)
    ours, theirs = peaks(small), peaks(large)
    # More than seven times as much: 290 MB. What is added is a page of the one group.
    assert theirs["own"] - ours["own"] < 100_000
    assert theirs["resident"] - ours["resident"] < 100_000 + KEPT_BYTES // 1024


def peaks(path: Path) -> dict[str, int]:
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("memory_of_rows.py")), str(path)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return json.loads(printed.splitlines()[-1])


class TestColumnsOfStages:
    @pytest.mark.parametrize("kind", [list, np.asarray])
    def test_a_row_without_a_number_is_named(self, kind: Callable[[Any], Any]) -> None:
        with pytest.raises(UserError, match="row 1 has no stage while others have one"):
            stage_groups(kind([0.0, np.nan, 1.0]), None, None, 3)
        with pytest.raises(UserError, match="row 2 has no difficulty"):
            stage_groups(None, kind([0.0, 0.5, np.inf]), 2, 3)
