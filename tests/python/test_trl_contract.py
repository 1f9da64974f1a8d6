"""What the plugin takes for granted about TRL, checked against the TRL that is installed.

Each check says in a line which seam moved and who leans on it. Most of the list is read from the plugin's own source,
so that it cannot fall behind.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import trl
from trl import DPOConfig, DPOTrainer, ModelConfig, ScriptArguments, TrlParser

from scpo_trl import SCPOConfig, SCPOTrainer, UserError, trl_range
from scpo_trl.trainer import stock_options

BRIDGE = Path(__file__).parents[2] / "python_bridge"
PACKAGE = BRIDGE / "scpo_trl"
TRAINER = PACKAGE / "trainer" / "scpo_trainer.py"

CONFIG_FIELDS = (
    *("beta", "loss_type", "loss_weights", "max_length", "model_init_kwargs", "precompute_ref_batch_size"),
    *("sync_ref_model", "ref_model_sync_steps", "ref_model_mixup_alpha"),
)
SCRIPT_FIELDS = (
    *("dataset_name", "dataset_config", "dataset_train_split", "dataset_test_split", "dataset_streaming"),
    "ignore_bias_buffers",
)
MODEL_FIELDS = ("model_name_or_path", "model_revision", "attn_implementation", "dtype", "use_peft")
STOCK_METRICS = (
    *("rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins"),
    *("logps/chosen", "logps/rejected"),
)


def imports_that_fail(source: str, where: str) -> list[str]:
    """A line for each import from TRL in a source file that TRL does not offer."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "trl":
            for alias in node.names:
                try:
                    found = hasattr(importlib.import_module(node.module or ""), alias.name)
                except ImportError:
                    found = False
                if not found:
                    lines.append(f"TRL {trl.__version__} has no {node.module}.{alias.name}, which {where} imports")
    return lines


def parents_that_are_gone(source: str, where: str, parent: type) -> list[str]:
    """A line for each `super().name` of a source file that the parent class lacks."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "super"
            and not hasattr(parent, node.attr)
        ):
            lines.append(f"TRL {trl.__version__}: {parent.__name__} has no {node.attr}, which {where} calls")
    return lines


def overrides_that_do_not_fit(child: type, parent: type) -> list[str]:
    """A line for each method that takes less than the method it stands in for."""
    lines = []
    for name, method in vars(child).items():
        stock = getattr(parent, name, None)
        if name == "__init__" or not inspect.isfunction(method) or not inspect.isfunction(stock):
            continue
        ours = inspect.signature(method).parameters
        kinds = {parameter.kind for parameter in ours.values()}
        for parameter in inspect.signature(stock).parameters.values():
            variable = parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            if not variable and parameter.name not in ours and inspect.Parameter.VAR_KEYWORD not in kinds:
                lines.append(
                    f"TRL {trl.__version__}: {parent.__name__}.{name} takes {parameter.name}, which "
                    f"{child.__name__}.{name} does not"
                )
    return lines


def attributes_that_are_gone(source: str, where: str, instance: Any) -> list[str]:
    """A line for each `self.name` that a source file reads and an instance lacks."""
    names = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    return [
        f"TRL {trl.__version__}: {type(instance).__name__} has no {name}, which {where} reads"
        for name in sorted(names)
        if not hasattr(instance, name)
    ]


def fields_that_are_gone(kind: type, names: tuple[str, ...]) -> list[str]:
    """A line for each field that a dataclass of TRL's lacks."""
    found = {field.name for field in fields(kind)}
    return [f"TRL {trl.__version__}: {kind.__name__} has no field {name}" for name in names if name not in found]


def holds(lines: list[str]) -> None:
    assert not lines, "\n" + "\n".join(lines)


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.read_text(), str(path.relative_to(BRIDGE))


def test_every_import_from_trl_is_there() -> None:
    holds([line for source, where in sources() for line in imports_that_fail(source, where)])


def test_every_parents_method_is_there() -> None:
    holds(parents_that_are_gone(TRAINER.read_text(), "SCPOTrainer", DPOTrainer))


def test_methods_fit_those_they_stand_in_for() -> None:
    holds(overrides_that_do_not_fit(SCPOTrainer, DPOTrainer))


def test_the_constructors_begin_alike() -> None:
    stock = list(inspect.signature(DPOTrainer.__init__).parameters)
    ours = list(inspect.signature(SCPOTrainer.__init__).parameters)
    missing = [name for name in stock if name not in ours]
    holds([f"TRL {trl.__version__}: DPOTrainer takes {name}, which SCPOTrainer does not" for name in missing])


def test_every_attribute_of_the_trainer_is_there(make_model, make_config, make_pairs, processor) -> None:
    trainer = SCPOTrainer(
        model=make_model(), args=make_config(), train_dataset=make_pairs(), processing_class=processor
    )
    trainer.create_optimizer()
    holds(attributes_that_are_gone(TRAINER.read_text(), "SCPOTrainer", trainer))


def test_every_field_of_the_configurations_is_there() -> None:
    holds(fields_that_are_gone(DPOConfig, CONFIG_FIELDS))
    holds(fields_that_are_gone(ScriptArguments, SCRIPT_FIELDS))
    holds(fields_that_are_gone(ModelConfig, MODEL_FIELDS))


def test_what_has_no_effect_is_off_by_default(tmp_path) -> None:
    """A stock default that changes would make every SCPOConfig refuse itself."""
    stock = DPOConfig(output_dir=str(tmp_path), bf16=False)
    found = {name: getattr(stock, name, off) for name, off in stock_options._STOCK_ONLY.items()}
    changed = {name: value for name, value in found.items() if value != stock_options._STOCK_ONLY[name]}
    holds([f"TRL {trl.__version__}: DPOConfig.{name} is {value!r} by default" for name, value in changed.items()])


def test_the_parser_tells_what_it_did_not_read(tmp_path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("num_processes: 2\n")
    kinds: Any = (ScriptArguments, ModelConfig)
    *_, from_file, from_line = TrlParser(kinds).parse_args_and_config(
        ["--config", str(file), "--num_machines", "1"], return_remaining_strings=True, separate_remaining_strings=True
    )
    assert (from_file, from_line) == (["--num_processes", "2"], ["--num_machines", "1"])
    assert TrlParser(kinds).set_defaults_with_config(num_processes=2) == ["--num_processes", "2"]


def test_trl_logs_the_names_that_we_fill(make_model, make_pairs, processor, tmp_path) -> None:
    from datasets import Dataset
    from stock_rows import doubled, rows_of

    stock: Any = DPOTrainer(
        model=make_model(),
        ref_model=make_model(1),
        args=DPOConfig(
            output_dir=str(tmp_path), bf16=False, gradient_checkpointing=False, use_cpu=True, report_to="none"
        ),
        train_dataset=Dataset.from_list(doubled(rows_of(make_pairs(), 2))),
        processing_class=processor,
    )
    stock.compute_loss(stock.model, stock.data_collator(list(stock.train_dataset)))
    logged = stock._metrics["train"]
    holds([f"TRL {trl.__version__} no longer logs {name}" for name in STOCK_METRICS if not logged[name]])


def test_a_moved_seam_is_named_in_a_line() -> None:
    class Stock:
        def compute_loss(self, model, inputs, chunk_size) -> None: ...

    class Ours(Stock):
        def compute_loss(self, model, inputs) -> None: ...

    version = f"TRL {trl.__version__}"
    assert imports_that_fail("from trl.trainer.utils import gone, pad", "scpo_trl/trainer/x.py") == [
        f"{version} has no trl.trainer.utils.gone, which scpo_trl/trainer/x.py imports"
    ]
    assert imports_that_fail("from trl.nowhere import it", "x.py") == [
        f"{version} has no trl.nowhere.it, which x.py imports"
    ]
    assert parents_that_are_gone("super().dpo_loss()", "Ours", Stock) == [
        f"{version}: Stock has no dpo_loss, which Ours calls"
    ]
    assert overrides_that_do_not_fit(Ours, Stock) == [
        f"{version}: Stock.compute_loss takes chunk_size, which Ours.compute_loss does not"
    ]
    assert attributes_that_are_gone("self._metrics", "Ours", Ours()) == [
        f"{version}: Ours has no _metrics, which Ours reads"
    ]
    assert fields_that_are_gone(DPOConfig, ("beta", "gone")) == [f"{version}: DPOConfig has no field gone"]


def test_the_range_is_stated_once() -> None:
    dependencies = tomllib.loads((BRIDGE / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"trl>={trl_range.OLDEST},<{trl_range.FIRST_UNSUPPORTED}" in dependencies


@pytest.mark.parametrize(("found", "accepted"), [("0.29.1", False), ("1.0.0", True), ("1.99.0", True), ("2.0", False)])
def test_versions_outside_the_range_are_refused(found, accepted, monkeypatch) -> None:
    monkeypatch.setattr(trl_range, "version", lambda name: found)
    if accepted:
        trl_range.require_supported_trl()
    else:
        with pytest.raises(UserError, match=rf"found TRL {found}: expected 1\.0 or newer and older than 2"):
            trl_range.require_supported_trl()


def test_a_default_configuration_is_accepted(tmp_path) -> None:
    assert SCPOConfig(output_dir=str(tmp_path), bf16=False).loss_type == ["scpo"]
