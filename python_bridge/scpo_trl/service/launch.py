"""`python -m scpo_trl.service.launch`: the trainer service in several processes, through torchrun or accelerate launch.

python -m scpo_trl.service.launch torchrun --processes 2 [OPTIONS OF TORCHRUN] -- --listen ... --root ...
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from scpo_trl.service.process import die_with_parent, prepare_environment

SERVICE = "scpo_trl.service"


def main(words: Sequence[str] | None = None) -> int:
    """Start the processes and wait for their end; the first one serves, the others train with it.

    Args:
        words: Command line without the program's name; None: the process's own.

    Returns:
        0; else the exit status of the process that failed first, which is named on standard error; 1 where a signal
        ended it.
    """
    words = list(sys.argv[1:] if words is None else words)
    place = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(
        prog=f"python -m {SERVICE}.launch",
        usage="%(prog)s LAUNCHER [OPTIONS] -- OPTIONS OF THE SERVICE",
        allow_abbrev=False,
    )
    parser.add_argument("launcher", choices=("torchrun", "accelerate"))
    parser.add_argument("--processes", type=int, default=1)
    given, options = parser.parse_known_args(words[:place])
    service = words[place + 1 :]
    if "--die-with-parent" in service:
        die_with_parent()
    # The workers take it over; their number of threads is in their own command line.
    prepare_environment(1)
    launch = _torchrun if given.launcher == "torchrun" else _accelerate
    return launch(given.processes, options, service)


def _torchrun(processes: int, options: Sequence[str], service: Sequence[str]) -> int:
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    single_node = [] if any(option.startswith(("--nnodes", "--rdzv")) for option in options) else ["--standalone"]
    words = [*single_node, "--nproc-per-node", str(processes), *options, "-m", SERVICE, *service]
    try:
        run.run(run.parse_args(words))
    except ChildFailedError as error:
        return _name_failure(error)
    except SignalException as error:
        return 128 + error.sigval
    return 0


def _accelerate(processes: int, options: Sequence[str], service: Sequence[str]) -> int:
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    several = ["--multi_gpu"] if processes > 1 and "--config_file" not in options else []
    words = ["--num_processes", str(processes), *several, *options, "--module", SERVICE, *service]
    try:
        launch_command(launch_command_parser().parse_args(words))
    except subprocess.CalledProcessError as error:
        return error.returncode if error.returncode > 0 else 1
    except ChildFailedError as error:
        return _name_failure(error)
    except SignalException as error:
        return 128 + error.sigval
    return 0


def _name_failure(error: object) -> int:
    rank, failure = error.get_first_failure()  # type: ignore[attr-defined]
    how = f"exit code {failure.exitcode}" if failure.exitcode >= 0 else failure.signal_name()
    print(
        f"process {rank} of the training (pid {failure.pid}) ended first, with {how}; the others were ended with it",
        file=sys.stderr,
        flush=True,
    )
    return failure.exitcode if failure.exitcode > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
