"""Mistakes that a library below finds first, said in one line that names the setting."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from scpo_trl.errors import UserError
from scpo_trl.trainer.out_of_memory import is_out_of_memory


class _Place(NamedTuple):
    """Code of a library that fails where a setting is wrong or the machine lacks what it asks for."""

    module: str
    """The module, or the package around it."""
    functions: tuple[str, ...]
    """Names of its functions; none: all."""
    setting: str
    mend: str


_PLACES = (
    _Place(
        "transformers.integrations.integration_utils",
        (),
        "report_to",
        "install what it names and log in there, or set report_to to none",
    ),
    _Place(
        "transformers",
        ("init_hf_repo", "push_to_hub", "_push_from_checkpoint"),
        "push_to_hub",
        "log in with `hf auth login` where the hub can be reached, or leave push_to_hub out; what was saved in "
        "output_dir stays there",
    ),
    _Place(
        "peft",
        (),
        "peft_config",
        "name modules of the model in target_modules (--lora_target_modules), such as q_proj v_proj",
    ),
    _Place("transformers.quantizers", (), "quantization_config", "install what it names, or leave it out"),
    _Place(
        "transformers",
        ("get_optimizer_cls_and_kwargs", "create_optimizer"),
        "optim",
        "install what it names, or choose another, such as adamw_torch",
    ),
    _Place(
        "transformers.modeling_utils",
        ("_check_and_adjust_attn_implementation", "get_correct_attn_implementation"),
        "attn_implementation",
        "install it, or set sdpa",
    ),
    _Place("transformers.models.auto.processing_auto", (), "processing_class", "give the model's processor"),
    _Place(
        "transformers.models.auto",
        (),
        "model",
        "give a folder with config.json and weights, or a name on the hub where it can be reached",
    ),
    _Place("transformers.modeling_utils", ("from_pretrained",), "model", "give a folder or a name whose weights fit"),
    _Place("datasets", ("load_dataset", "load_from_disk"), "data set", "give a file, a folder or a name on the hub"),
)
"""The first that a traceback passes through counts."""

_OF_A_PROGRAM = (TypeError, AttributeError, NameError, LookupError, AssertionError)
"""What a fault of a program raises rather than a user's mistake; its traceback is wanted."""


@contextmanager
def library_mistakes(model: str | None = None) -> Iterator[None]:
    """Turns what libraries raise at a wrong setting, a missing package or an unreachable hub into a `UserError`.

    Everything else is raised as it is: it may be a fault of a program, of which the traceback tells more.

    Args:
        model: The name or folder that the model is loaded from.

    Raises:
        UserError: Names the setting, what the library said of it and what to set.
    """
    try:
        yield
    except Exception as error:
        place = None if isinstance(error, (UserError, *_OF_A_PROGRAM)) or is_out_of_memory(error) else _place(error)
        if place is None:
            raise
        setting = f"{place.setting} {model}" if place.setting == "model" and model else place.setting
        raise UserError(f"{setting}: {first_line(error).rstrip('.:')}: {place.mend}") from error


def first_line(error: BaseException) -> str:
    """What an error says first, on one line; its type's name where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)


def _place(error: BaseException) -> _Place | None:
    passed = [
        (str(frame.f_globals.get("__name__", "")), frame.f_code.co_name)
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    return next((place for place in _PLACES if any(_is_in(place, *frame) for frame in passed)), None)


def _is_in(place: _Place, module: str, function: str) -> bool:
    within = module == place.module or module.startswith(f"{place.module}.")
    return within and (not place.functions or function in place.functions)
