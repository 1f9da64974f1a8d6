"""Runs the plugin's tests against several versions of TRL, each in an environment of its own.

    .venv/bin/python scripts/check-trl-versions.py [VERSION ...] [--tests FILE ...]

Without versions: the oldest that python_bridge/pyproject.toml allows, 1.9, 1.13, and the newest on the package index.
An environment lies in .venv-trl/VERSION and sees the packages of the environment that runs this script, so that only
TRL is installed. Prints a line a version, and the output of one that fails.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv-trl"
BRIDGE = ROOT / "python_bridge"
MIDDLE = ("1.9", "1.13")
NOT_THE_PLUGIN = ("test_service", "test_tiny", "test_difficulty")


def supported_range() -> tuple[str, str]:
    """The oldest version of TRL that the package allows, and the first it does not."""
    project = tomllib.loads((BRIDGE / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        found = re.fullmatch(r"trl>=([\d.]+),<([\d.]+)", requirement)
        if found is not None:
            return found[1], found[2]
    raise SystemExit("python_bridge/pyproject.toml: expected a dependency of the form trl>=OLDEST,<FIRST_UNSUPPORTED")


def index_versions() -> list[str]:
    """All versions of TRL on the index, newest first."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", "trl", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Available versions: (.+)", listing.stdout)
    if found is None:
        raise SystemExit(f"the package index did not list TRL's versions: {listing.stderr.strip()[-300:]}")
    return found[1].split(", ")


def as_numbers(version: str) -> tuple[int, ...]:
    """A version as numbers that compare."""
    return tuple(int(part) for part in version.split("."))


def chosen_versions(asked: list[str]) -> list[str]:
    """The versions to test: those asked for, completed to a full version, otherwise the default four."""
    available = index_versions()
    if not asked:
        oldest, first_unsupported = supported_range()
        allowed = [v for v in available if as_numbers(oldest) <= as_numbers(v) < as_numbers(first_unsupported)]
        asked = [allowed[-1], *(v for v in MIDDLE if as_numbers(v) >= as_numbers(oldest)), allowed[0]]
    versions: list[str] = []
    for version in asked:
        matching = [full for full in available if full == version or full.startswith(version + ".")]
        if not matching:
            raise SystemExit(f"TRL {version} is not on the package index")
        if matching[0] not in versions:
            versions.append(matching[0])
    return versions


def environment(version: str) -> Path:
    """The Python of the version's environment, made if need be."""
    folder = ENVIRONMENTS / version
    python = folder / "bin" / "python"
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    if (packages / f"trl-{version}.dist-info").exists():
        return python
    venv.create(folder, clear=True, symlinks=True)
    # Read after the environment's own packages, which therefore win.
    (packages / "base.pth").write_text(f"{sysconfig.get_path('purelib')}\n{BRIDGE}\n")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(packages), f"trl=={version}"], check=True)
    return python


def run_tests(version: str, tests: list[str]) -> bool:
    """Runs the tests in the version's environment and prints a line about them; whether they passed."""
    python = environment(version)
    imported = subprocess.run(
        [python, "-c", "import trl; print(trl.__version__)"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if imported.stdout.strip() != version:
        print(f"trl {version}: cannot be imported here\n{imported.stderr[-2000:]}", flush=True)
        return False
    started = time.perf_counter()
    done = subprocess.run(
        [python, "-m", "pytest", *tests],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(BRIDGE)},
        check=False,
    )
    closing = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "no output")
    print(f"trl {version}: {closing.strip('= ')} ({time.perf_counter() - started:.0f} s)", flush=True)
    if done.returncode != 0:
        print(done.stdout[-20000:] + done.stderr[-5000:], flush=True)
    return done.returncode == 0


def main() -> int:
    """Tests every version; 0 if all passed."""
    parser = argparse.ArgumentParser(description="Runs the plugin's tests against several versions of TRL.")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 1.9 or 1.13.0; default: four of them")
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="test files; default: all of the plugin's")
    asked = parser.parse_args()
    everything = sorted((ROOT / "tests" / "python").glob("test_*.py"))
    plugin = [str(path.relative_to(ROOT)) for path in everything if not path.name.startswith(NOT_THE_PLUGIN)]
    passed = [run_tests(version, asked.tests or plugin) for version in chosen_versions(asked.versions)]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
