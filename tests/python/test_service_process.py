"""Addresses, and the service as a process: from the command line and booted through JSON."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from scpo.v1 import trainer_pb2, trainer_pb2_grpc
from scpo_trl.dialogue.one_line import MAX_COST
from scpo_trl.errors import UserError
from scpo_trl.service.addresses import check_address
from scpo_trl.service.bootstrap import _answering_json
from scpo_trl.service.errors import NotReadyError, status_of
from scpo_trl.service.server import ServerOptions, create_server

BRIDGE = Path(__file__).parents[2] / "python_bridge"
WAIT = 60.0

BOOTED = """
import json, os, sys
from scpo_trl.service import bootstrap
assert "torch" not in sys.modules
channel = os.fdopen(int(os.environ["NODE_CHANNEL_FD"]), "w")
print("before", flush=True)
answer = bootstrap.boot(os.environ["SETTINGS"])
print("printed by Python", flush=True)
os.system("echo printed by a child")
print("complained", file=sys.stderr, flush=True)
second = bootstrap.boot(os.environ["SETTINGS"])
print(json.dumps([answer, second]), file=channel, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="scpo-") as directory:
        yield Path(directory)


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(BRIDGE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def describe(address: str) -> trainer_pb2.DescribeResponse:
    with grpc.insecure_channel(address) as channel:
        stub = trainer_pb2_grpc.TrainerServiceStub(channel)
        return stub.Describe(trainer_pb2.DescribeRequest(), timeout=10)


class TestAddresses:
    @pytest.mark.parametrize(
        "listen",
        ["0.0.0.0:0", "[::]:0", "192.168.1.5:50051", "example.org:80", "50051", "127.0.0.1", "unix:relative", ":0", ""],
    )
    def test_refuses_what_others_could_reach(self, listen: str) -> None:
        with pytest.raises(UserError, match=r"expected unix:///absolute/path or (127\.0\.0\.1|HOST):PORT"):
            check_address(listen)

    @pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:50051", "localhost:1", "127.0.0.9:65535"])
    def test_takes_loopback(self, listen: str) -> None:
        assert check_address(listen) == listen

    def test_makes_a_private_folder_for_a_socket(self, folder: Path) -> None:
        check_address(f"unix://{folder}/new/trainer.sock")
        assert (folder / "new").stat().st_mode & 0o777 == 0o700

    def test_refuses_a_folder_that_others_may_enter(self, folder: Path) -> None:
        folder.chmod(0o755)
        with pytest.raises(UserError, match="mode 0700"):
            check_address(f"unix://{folder}/trainer.sock")

    def test_refuses_long_paths_and_missing_folders(self, folder: Path) -> None:
        with pytest.raises(UserError, match="at most 100"):
            check_address(f"unix://{folder}/{'x' * 100}.sock")
        with pytest.raises(UserError, match="no such folder"):
            check_address(f"unix://{folder}/a/b/trainer.sock")

    def test_replaces_a_dead_socket_but_not_a_living_one(self, folder: Path) -> None:
        path = folder / "trainer.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            with pytest.raises(UserError, match="another service listens"):
                check_address(f"unix://{path}")
        assert path.exists()
        check_address(f"unix://{path}")
        assert not path.exists()

    def test_serves_on_a_free_port_and_refuses_a_taken_one(self, folder: Path) -> None:
        server = create_server(ServerOptions(listen="127.0.0.1:0", roots=[folder], threads=1))
        try:
            assert describe(server.address).process_id == os.getpid()
            with pytest.raises(UserError, match="cannot listen"):
                create_server(ServerOptions(listen=server.address, roots=[folder], threads=1))
        finally:
            server.stop()
            server.stop()

    def test_refuses_senseless_options(self, folder: Path) -> None:
        for fields, message in (
            ({"roots": []}, "expected at least one folder"),
            ({"roots": [folder / "none"]}, "no such folder"),
            ({"threads": 0}, "threads: found 0"),
        ):
            options = {"listen": "127.0.0.1:0", "roots": [folder], "threads": 1, **fields}
            with pytest.raises(UserError, match=message):
                create_server(ServerOptions(**options))


class TestErrors:
    def test_statuses_of_exceptions(self) -> None:
        assert status_of(UserError("a\nb")) == (grpc.StatusCode.INVALID_ARGUMENT, "a b")
        assert status_of(NotReadyError("busy")) == (grpc.StatusCode.FAILED_PRECONDITION, "busy")
        assert status_of(KeyError("x")) == (grpc.StatusCode.INTERNAL, "KeyError: 'x'")
        assert len(status_of(ValueError("x" * 9999))[1]) == MAX_COST

    def test_answers_are_json_whatever_happens(self) -> None:
        def answer(function: Callable[[Any], Any], settings: str = "{}") -> dict[str, Any]:
            return json.loads(_answering_json(function)(settings))

        assert answer(lambda settings: {"n": 1.5}) == {"ok": {"n": 1.5}}
        assert answer(lambda settings: {"n": float("nan")})["error"]["type"] == "ValueError"
        assert answer(lambda settings: {"n": object()})["error"]["type"] == "TypeError"
        assert answer(lambda settings: settings, "no json")["error"]["type"] == "JSONDecodeError"
        failure = answer(lambda settings: {}["key"])["error"]
        assert (failure["type"], failure["message"]) == ("KeyError", "'key'")
        assert "Traceback" in failure["traceback"]


class TestCommandLine:
    def test_serves_until_a_signal_and_leaves_nothing_behind(self, folder: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "scpo_trl.service", "--threads", "1", "--root", str(folder)]
        process = subprocess.Popen(
            [*command, "--listen", f"unix://{folder}/s/trainer.sock"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready == {"address": f"unix://{folder}/s/trainer.sock", "pid": process.pid}
            assert describe(ready["address"]).process_id == process.pid
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.communicate()
        assert not (folder / "s" / "trainer.sock").exists()
        assert list((folder / "home").rglob("*")) == []

    def test_mistakes_are_one_line(self, folder: Path, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "scpo_trl.service", "--root", str(folder), "--listen", "0.0.0.0:1"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT)
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("listen: found '0.0.0.0:1'")


class TestBoot:
    @pytest.fixture
    def booted(self, folder: Path, environment: dict[str, str]) -> Iterator[tuple[Any, Any, Any]]:
        settings = {
            "socket": str(folder / "trainer.sock"),
            "roots": [str(folder)],
            "threads": 1,
            "log_path": str(folder / "trainer.log"),
        }
        read, write = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-c", BOOTED],
            env={**environment, "NODE_CHANNEL_FD": str(write), "SETTINGS": json.dumps(settings)},
            pass_fds=[write],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(write)
        with os.fdopen(read) as channel:
            yield process, channel, settings
        process.kill()
        process.communicate()

    def test_boots_serves_and_shuts_down(self, booted: tuple[Any, Any, Any]) -> None:
        process, channel, settings = booted
        first, second = (json.loads(answer) for answer in json.loads(channel.readline()))
        assert first == {"ok": {"pid": process.pid, "address": f"unix://{settings['socket']}"}}
        assert "runs already" in second["error"]["message"]
        described = describe(first["ok"]["address"])
        assert (described.process_id, described.threads) == (process.pid, 1)
        process.send_signal(signal.SIGINT)
        with grpc.insecure_channel(first["ok"]["address"]) as client:
            trainer_pb2_grpc.TrainerServiceStub(client).Shutdown(trainer_pb2.ShutdownRequest(), timeout=10)
        began = time.monotonic()
        while Path(settings["socket"]).exists() and time.monotonic() - began < 20:
            time.sleep(0.02)
        assert not Path(settings["socket"]).exists()
        printed, complained = process.communicate(timeout=60)
        assert process.returncode == 0
        assert (printed, complained) == ("before\n", "")
        log = Path(settings["log_path"]).read_text()
        for line in ("printed by Python", "printed by a child", "complained", "serving on"):
            assert line in log

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="parent-death signals are Linux's")
    def test_dies_with_its_parent(self, folder: Path, environment: dict[str, str]) -> None:
        settings = {
            "socket": str(folder / "trainer.sock"),
            "roots": [str(folder)],
            "threads": 1,
            "log_path": str(folder / "trainer.log"),
        }
        parent = (
            "import subprocess, sys, os, time\n"
            "child = subprocess.Popen([sys.executable, '-c', os.environ['BOOTED']],"
            " stdout=subprocess.DEVNULL, pass_fds=[int(os.environ['NODE_CHANNEL_FD'])])\n"
            "time.sleep(600)\n"
        )
        read, write = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-c", parent],
            env={
                **environment,
                "NODE_CHANNEL_FD": str(write),
                "SETTINGS": json.dumps(settings),
                "BOOTED": BOOTED,
            },
            pass_fds=[write],
            stdin=subprocess.PIPE,
        )
        os.close(write)
        with os.fdopen(read) as channel:
            assert "ok" in json.loads(json.loads(channel.readline())[0])
            process.kill()
            process.wait()
            # The pipe ends when the last process that holds it is gone.
            assert channel.read() == ""

    def test_refuses_incomplete_settings(self) -> None:
        from scpo_trl.service import bootstrap

        answer = json.loads(bootstrap.boot('{"socket": "/tmp/x", "roots": "no list"}'))
        assert answer["error"]["type"] == "UserError"
        assert answer["error"]["message"] == "boot: roots: found 'no list', expected list"
