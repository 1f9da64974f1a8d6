"""One training from a command line or a YAML file, with TRL's options and this package's.

`main` trains in the process that calls it; `scpo_trl.launch` starts it in as many processes as asked for.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, TrlParser

from scpo_trl.errors import UserError
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.address import DirectorAddress
from scpo_trl.trainer.library_mistakes import first_line, library_mistakes
from scpo_trl.trainer.model.adapter_config import adapter_config

if TYPE_CHECKING:
    from scpo_trl.trainer.scpo_trainer import SCPOTrainer

PROGRAM = "trl-scpo"
MERGED_FOLDER = "merged"
"""Folder in output_dir for the whole model that --merge_adapter saves."""

ACCELERATE_CONFIG = "--accelerate_config"
"""Names one of the configurations that come with this package or with TRL, or your own file."""

_BUILDERS = {".parquet": "parquet", ".json": "json", ".jsonl": "json", ".arrow": "arrow"}


@dataclass
class SCPOScriptArguments(ScriptArguments):
    """TRL's script arguments, and what follows."""

    dataset_test_name: str | None = field(
        default=None,
        metadata={
            "help": "Path or name of a second data set, to evaluate on where dataset_name has no split "
            "dataset_test_split."
        },
    )
    merge_adapter: bool = field(
        default=False,
        metadata={"help": f"With --use_peft: also save the whole model, adapter merged, in {MERGED_FOLDER}."},
    )
    director: str | None = field(
        default=None,
        metadata={
            "help": "HOST:PORT or unix:///absolute/path where `scpo direct run.yaml --listen` decides about this "
            "training."
        },
    )
    director_token_file: str | None = field(
        default=None, metadata={"help": "File with the director's token, mode 0600; else the variable SCPO_TOKEN."}
    )
    director_authority: str | None = field(
        default=None, metadata={"help": "PEM file of the authority that signed the director's certificate."}
    )


@dataclass(frozen=True)
class RunArguments:
    """What a command line asks for.

    Attributes:
        script: The data and what happens after the training.
        training: Settings of the trainer.
        model: The model and its adapter.
        mixture: Several data sets in place of one.
    """

    script: SCPOScriptArguments
    training: SCPOConfig
    model: ModelConfig
    mixture: DatasetMixtureConfig


def parser() -> TrlParser:
    """A parser of TRL's script, model and mixture arguments and of `SCPOConfig`."""
    kinds: Any = (SCPOScriptArguments, SCPOConfig, ModelConfig, DatasetMixtureConfig)
    return TrlParser(kinds, prog=PROGRAM)


def read_arguments(words: Sequence[str]) -> RunArguments:
    """Reads a command line, and the YAML file that its `--config` names.

    Args:
        words: Without the program's name.

    Raises:
        UserError: the file cannot be read, an argument is unknown, or a value is not one that its option takes.
    """
    try:
        script, training, model, mixture, from_file, from_line = parser().parse_args_and_config(
            list(words), return_remaining_strings=True, separate_remaining_strings=True
        )
    except (OSError, ValueError) as error:
        raise error if isinstance(error, UserError) else UserError(first_line(error)) from error
    # A file that was also given to the launcher holds the launcher's options, a command line here does not.
    refuse([*from_line, *unknown_options(from_file)])
    return RunArguments(script, training, model, mixture)  # type: ignore[arg-type]


def train(arguments: RunArguments) -> SCPOTrainer:
    """Trains, saves the model with its card, and merges or uploads it if so asked.

    Raises:
        UserError: the data set or the model is not named or not there, or a setting does not fit.
    """
    from transformers import set_seed
    from trl import get_quantization_config

    from scpo_trl.trainer.scpo_trainer import SCPOTrainer

    script, training, model = arguments.script, arguments.training, arguments.model
    if model.model_name_or_path is None:
        raise UserError("no model: set --model_name_or_path to a folder or a name on the hub")
    if script.merge_adapter and not model.use_peft:
        raise UserError("--merge_adapter has nothing to merge: set --use_peft, or leave it out")
    training.model_init_kwargs = {**_loading(arguments), **(training.model_init_kwargs or {})}  # type: ignore[dict-item]
    datasets = _datasets(arguments)
    # A new adapter is drawn before the trainer seeds itself.
    set_seed(training.seed)
    trainer = SCPOTrainer(
        model=model.model_name_or_path,
        args=training,
        train_dataset=_split(datasets, script.dataset_train_split, "--dataset_train_split"),
        eval_dataset=_evaluation(arguments, datasets),
        quantization_config=get_quantization_config(model),
        peft_config=adapter_config(model),
        director=_director(script),
    )
    if script.ignore_bias_buffers:
        policy: Any = trainer.model
        policy._ddp_params_and_buffers_to_ignore = [
            name for name, buffer in policy.named_buffers() if str(buffer.dtype) == "torch.bool"
        ]
    trainer.train(resume_from_checkpoint=_resuming(training))
    name = _data_name(arguments)
    trainer.save_model(training.output_dir)
    trainer.create_model_card(model_name=Path(training.output_dir or ".").name, dataset_name=name)
    if script.merge_adapter:
        if trainer.is_world_process_zero():
            _merge(trainer, model.model_name_or_path, training)
        trainer.accelerator.wait_for_everyone()
    if training.push_to_hub:
        trainer.push_to_hub(dataset_name=name)
    return trainer


def main(words: Sequence[str] | None = None) -> int:
    """Trains in this process: the entry of `python -m scpo_trl`, alone or under `accelerate launch`.

    Args:
        words: The command line without the program's name; None: that of the process.

    Returns:
        0, or 2 after one line about a mistake of the user's on the standard error output.
    """
    try:
        arguments = read_arguments(sys.argv[1:] if words is None else words)
        with library_mistakes(arguments.model.model_name_or_path):
            train(arguments)
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    _leave_the_others()
    return 0


def _leave_the_others() -> None:
    """Ends the group of processes, whose threads may abort a process that Python takes apart around them.

    A wrapped model holds on to the group, and trainers are freed by the collector alone. After a failure nobody waits
    here for processes that may be stuck in a call.
    """
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        gc.collect()
        distributed.destroy_process_group()


def refuse(unknown: Sequence[str]) -> None:
    """Raises a `UserError` that names arguments which nothing reads, if there are any."""
    if unknown:
        raise UserError(f"unknown arguments {' '.join(unknown)}: {PROGRAM} --help lists the known ones")


def unknown_options(words: Sequence[str]) -> list[str]:
    """The options among `words` that `accelerate launch` does not know either."""
    from accelerate.commands.launch import launch_command_parser

    known = {name for action in launch_command_parser()._actions for name in action.option_strings}
    known.add(ACCELERATE_CONFIG)
    return [word for word in words if word.startswith("--") and word.split("=")[0] not in known]


def _loading(arguments: RunArguments) -> dict[str, Any]:
    model = arguments.model
    # The field moved from the model's to the training's arguments within TRL 1.
    trusting = any(getattr(part, "trust_remote_code", False) for part in (model, arguments.training))
    return {
        "revision": model.model_revision,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
        **({"trust_remote_code": True} if trusting else {}),
    }


def _datasets(arguments: RunArguments) -> Any:
    from trl import get_dataset

    script, mixture = arguments.script, arguments.mixture
    if mixture.datasets:
        if script.dataset_name:
            raise UserError("both datasets and dataset_name are set: leave one out")
        return get_dataset(mixture)
    if not script.dataset_name:
        raise UserError("no data set: set --dataset_name to a name on the hub, a folder or a file, or datasets in YAML")
    return load_pairs(
        script.dataset_name,
        configuration=script.dataset_config,
        streaming=script.dataset_streaming,
        file_split=script.dataset_train_split,
    )


def load_pairs(
    name: str, *, configuration: str | None = None, streaming: bool = False, file_split: str = "train"
) -> Any:
    """A data set by its name or path.

    Args:
        name: Name on the hub, folder that `datasets` wrote or can read, or a .parquet, .json, .jsonl or .arrow file.
        configuration: The data set's configuration on the hub.
        streaming: Read it while training.
        file_split: What the only split of a file is called.

    Returns:
        The splits by name.

    Raises:
        UserError: there is no such data set.
    """
    from datasets import Dataset, load_dataset, load_from_disk

    path = Path(name)
    try:
        if path.is_file():
            builder = _BUILDERS.get(path.suffix)
            if builder is None:
                raise UserError(f"data set {name}: expected a file ending in {', '.join(_BUILDERS)}")
            reading = _parquet_reading() if builder == "parquet" else {}
            return load_dataset(builder, data_files={file_split: str(path)}, streaming=streaming, **reading)
        if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            loaded = load_from_disk(name)
            return {file_split: loaded} if isinstance(loaded, Dataset) else loaded
        return load_dataset(name, name=configuration, streaming=streaming)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"data set {name}: {first_line(error)}") from error


def _parquet_reading() -> dict[str, Any]:
    """What keeps `datasets` from holding a whole file while it copies it to its cache on the disk."""
    from pyarrow.dataset import ParquetFragmentScanOptions

    options: Any = ParquetFragmentScanOptions
    return {
        "batch_size": 64,
        "fragment_scan_options": options(use_buffered_stream=True, buffer_size=1024**2, pre_buffer=False),
    }


def _split(datasets: Any, split: str, option: str) -> Any:
    if split not in datasets:
        raise UserError(f"{option} is {split!r}: the data set has {', '.join(map(repr, datasets))}")
    return datasets[split]


def _evaluation(arguments: RunArguments, datasets: Any) -> Any:
    script = arguments.script
    strategy = arguments.training.eval_strategy
    if getattr(strategy, "value", strategy) == "no":
        return None
    if script.dataset_test_name is not None:
        datasets = load_pairs(script.dataset_test_name, file_split=script.dataset_test_split)
    return _split(datasets, script.dataset_test_split, "--dataset_test_split")


def _resuming(training: SCPOConfig) -> str | bool | None:
    asked = training.resume_from_checkpoint
    return {"true": True, "false": None}.get(str(asked).lower(), asked)


def _director(script: SCPOScriptArguments) -> DirectorAddress | None:
    if script.director is not None:
        return DirectorAddress(script.director, script.director_token_file, script.director_authority)
    for name in ("director_token_file", "director_authority"):
        if getattr(script, name) is not None:
            raise UserError(f"--{name} is {getattr(script, name)} without a director: set --director, or leave it out")
    return None


def _data_name(arguments: RunArguments) -> str | None:
    """The data set's name for the card; a path of this machine would tell a reader nothing."""
    names = [data.path for data in arguments.mixture.datasets] or [arguments.script.dataset_name or ""]
    on_hub = [name for name in names if name and not Path(name).exists()]
    return ", ".join(on_hub) or None


def _merge(trainer: SCPOTrainer, base: str, training: SCPOConfig) -> None:
    """Saves base model and adapter as one model, read from disk so that shards and quantised weights play no part."""
    from peft import PeftModel
    from trl.trainer.utils import create_model_from_path

    loading = {name: value for name, value in (training.model_init_kwargs or {}).items() if name != "device_map"}  # type: ignore[union-attr]
    folder = Path(training.output_dir or ".")
    whole = create_model_from_path(base, device_map=None, **loading)
    merged = PeftModel.from_pretrained(whole, folder).merge_and_unload()
    merged.save_pretrained(folder / MERGED_FOLDER)
    if trainer.processing_class is not None:
        trainer.processing_class.save_pretrained(folder / MERGED_FOLDER)  # type: ignore[union-attr]
