"""What this Python has of what the package needs, as one line of JSON: `python -m scpo_trl.service.environment`."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import tomllib
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def packages(pyproject: Path = PYPROJECT) -> list[dict[str, Any]]:
    """Every package that a trainer needs: `name`, `required` (a range), `found` (a version or None), `ok`."""
    from packaging.requirements import Requirement

    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    listed = []
    for line in [*project["dependencies"], *project["optional-dependencies"]["service"]]:
        requirement = Requirement(line)
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            found = None
        ok = found is not None and requirement.specifier.contains(found, prereleases=True)
        listed.append(
            {"name": requirement.name, "required": str(requirement.specifier), "found": found, "ok": ok},
        )
    return listed


def devices() -> list[dict[str, Any]]:
    """GPUs that torch sees: `name`, `free_bytes`, `total_bytes`."""
    import torch

    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        found.append({"name": torch.cuda.get_device_name(index), "free_bytes": free, "total_bytes": total})
    return found


def described() -> dict[str, Any]:
    """Python's version, packages, GPUs; what cannot be found out has the error in its place."""
    answer: dict[str, Any] = {"python": platform.python_version()}
    for name, look in (("packages", packages), ("devices", devices)):
        try:
            answer[name] = look()
        except Exception as error:  # A broken package may raise anything when it is imported.
            answer[f"{name}_error"] = f"{type(error).__name__}: {error}"
    return answer


if __name__ == "__main__":
    print(json.dumps(described()))
