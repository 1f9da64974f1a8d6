"""The program `trl-scpo`: trains here, or through `accelerate launch` where several processes are asked for."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from scpo_trl import command
from scpo_trl.errors import UserError

CONFIG_PACKAGES = ("scpo_trl.accelerate_configs", "trl.accelerate_configs")
"""Where a configuration is looked up by its name, the first that has it."""


def main(words: Sequence[str] | None = None) -> int:
    """Reads a command line as `trl dpo` does, options of `accelerate launch` among it, and trains.

    Args:
        words: The command line without the program's name; None: that of the process.

    Returns:
        0; 2 after one line about a mistake of the user's; otherwise what the launched processes returned.
    """
    words = list(sys.argv[1:] if words is None else words)
    try:
        launching, training = split_words(words)
    except UserError as error:
        print(f"{command.PROGRAM}: {error}", file=sys.stderr)
        return 2
    if not launching and _one_process():
        return command.main(training)
    return _launch(launching, training)


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Parts a command line into the options of the launcher and those of the training.

    Args:
        words: Both, the first also in the file of `--config`.

    Returns:
        Words for `accelerate launch`, with `--accelerate_config` resolved to a file, and words for the training.

    Raises:
        UserError: an option is known to neither, a value is wrong, or there is no such configuration.
    """
    parser, rest = command.parser(), list(words)
    # Not read into settings here: these would set up this process's devices, which the launched ones need.
    from_file = parser.set_defaults_with_config(**_configuration(rest))
    from_line = parser.parse_known_args(rest)[1]
    launching = [*from_file, *from_line]
    command.refuse(command.unknown_options(launching))
    waiting = deque(from_line)
    training: list[str] = []
    for word in words:
        if waiting and waiting[0] == word:
            waiting.popleft()
        else:
            training.append(word)
    return _resolved(launching), training


def _configuration(words: list[str]) -> dict[str, Any]:
    """Takes `--config` and its value out of the words, and reads that file, environment variables left out."""
    if "--config" not in words:
        return {}
    place = words.index("--config")
    if place + 1 == len(words):
        raise UserError("--config: expected a YAML file")
    del words[place]
    path = words.pop(place)
    try:
        read = yaml.safe_load(Path(path).read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"--config {path}: {error}") from error
    if not isinstance(read, dict):
        raise UserError(f"--config {path}: expected settings as 'name: value', found {type(read).__name__}")
    return {str(name): value for name, value in read.items() if name != "env"}


def configuration_file(name: str) -> Path:
    """The file of a launcher's configuration.

    Args:
        name: A path, or a name such as ddp, fsdp or zero3.

    Raises:
        UserError: there is neither such a file nor such a name.
    """
    if Path(name).is_file():
        return Path(name)
    for package in CONFIG_PACKAGES:
        candidate = resources.files(package).joinpath(f"{name}.yaml")
        if candidate.is_file():
            return Path(str(candidate))
    names = {
        Path(file.name).stem
        for package in CONFIG_PACKAGES
        for file in resources.files(package).iterdir()
        if file.name.endswith(".yaml")
    }
    raise UserError(f"{command.ACCELERATE_CONFIG} {name}: expected a file or one of {', '.join(sorted(names))}")


def _resolved(launching: list[str]) -> list[str]:
    option = command.ACCELERATE_CONFIG
    if option not in launching:
        return launching
    place = launching.index(option)
    if place + 1 == len(launching):
        raise UserError(f"{option}: expected a value, such as zero3")
    file = configuration_file(launching[place + 1])
    # First, so that an option after it overrides the file.
    return ["--config_file", str(file), *launching[:place], *launching[place + 2 :]]


def _one_process() -> bool:
    """Whether `accelerate launch` without options would start a single process here."""
    import torch
    from accelerate.commands.config.config_args import default_config_file

    return torch.cuda.device_count() <= 1 and not Path(default_config_file).is_file()


def _launch(launching: Sequence[str], training: Sequence[str]) -> int:
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        launch_command(launch_command_parser().parse_args([*launching, "--module", "scpo_trl", *training]))
    except subprocess.CalledProcessError as error:
        return error.returncode
    except ChildFailedError as error:
        # The process that failed has said why.
        return error.get_first_failure()[1].exitcode
    return 0
