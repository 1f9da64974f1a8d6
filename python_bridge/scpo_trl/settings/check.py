"""What the installed versions say about the settings of a directed training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from scpo_trl.errors import UserError
from scpo_trl.settings.decided import elsewhere
from scpo_trl.settings.schema import SOURCES


def names_of(source: type[Any]) -> frozenset[str]:
    """Names of the settings that a dataclass of options has."""
    return frozenset(option.name for option in fields(source) if option.init)


def setting_problems(settings: Mapping[str, Any], sources: Sequence[type[Any]] = SOURCES) -> dict[str, str]:
    """What is wrong with names of settings: who decides instead, or the known name that comes nearest.

    Args:
        settings: Settings of a directed training by name; values are not looked at.
        sources: Dataclasses of options.

    Returns:
        A line by the name of each wrong setting.
    """
    decided = elsewhere()
    known = frozenset[str]().union(*map(names_of, sources)) - decided.keys()
    problems: dict[str, str] = {}
    for name in settings:
        if name in decided:
            problems[name] = f"is not set here: {decided[name]}"
        elif name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            problems[name] = "the installed TRL has no such setting" + (f"; did you mean {near[0]}?" if near else "")
    return problems


def require_settings(settings: Mapping[str, Any], at: str = "settings") -> None:
    """Refuses settings that the installed versions do not know, or that are told elsewhere.

    Args:
        settings: As for `setting_problems`.
        at: What the settings are, in the message.

    Raises:
        UserError: names every such setting, in one line.
    """
    problems = setting_problems(settings)
    if problems:
        raise UserError("; ".join(f"{at}.{name}: {problem}" for name, problem in problems.items()))
