"""Puts SCPO behind TRL's own names, for scripts that keep `DPOConfig` and `DPOTrainer`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from trl import DPOConfig, DPOTrainer

from scpo_trl.errors import UserError
from scpo_trl.losses import loss_names
from scpo_trl.trainer.config import SCPOConfig, scpo_config_from
from scpo_trl.trainer.scpo_trainer import SCPOTrainer
from scpo_trl.trainer.stock_options import SAME_NAMES

_stock_init: Callable[..., None] | None = None
_settings: dict[str, Any] = {}


def register(**settings: Any) -> None:
    """Makes `trl.DPOTrainer` train with `SCPOTrainer` wherever `loss_type` names one of this package's losses.

    Every other use of `DPOTrainer` is TRL's own, to the bit. Registering again replaces the settings.

    Args:
        **settings: Fields that `SCPOConfig` has and `DPOConfig` has not, such as `contrast` or `stages`.

    Raises:
        UserError: `SCPOConfig` has no such field, or `DPOConfig` has it too.

    Example:
        >>> register()
        >>> trainer = DPOTrainer(model, args=DPOConfig(loss_type=["scpo"], output_dir="out"), train_dataset=pairs)
    """
    stock = {field.name for field in fields(DPOConfig)}
    ours = [field.name for field in fields(SCPOConfig) if field.init and field.name not in stock]
    for name in settings:
        if name in stock:
            raise UserError(f"register({name}=...): set {name} in DPOConfig, which has it")
        if name not in ours:
            raise UserError(f"register({name}=...): expected one of {', '.join(sorted(ours))}")
    global _stock_init, _settings
    _settings = dict(settings)
    if _stock_init is None:
        _stock_init = DPOTrainer.__init__
        DPOTrainer.__init__ = _switching(_stock_init)


def unregister() -> None:
    """Gives `trl.DPOTrainer` back as it was; nothing happens if it was not registered."""
    global _stock_init, _settings
    if _stock_init is not None:
        DPOTrainer.__init__ = _stock_init
        _stock_init = None
    _settings = {}


@contextmanager
def registered(**settings: Any) -> Iterator[None]:
    """Registers within a `with` block, and leaves what was before it as it was.

    Args:
        **settings: As for `register`.
    """
    before = None if _stock_init is None else dict(_settings)
    register(**settings)
    try:
        yield
    finally:
        if before is None:
            unregister()
        else:
            register(**before)


def _switching(stock_init: Callable[..., None]) -> Callable[..., None]:
    """The stock constructor, which turns a stock trainer into an `SCPOTrainer` where the loss asks for it."""
    signature = inspect.signature(stock_init)

    @functools.wraps(stock_init)
    def construct(self: DPOTrainer, *args: Any, **kwargs: Any) -> None:
        # SCPOTrainer itself comes through here too, when it calls its parent's constructor.
        given = {} if isinstance(self, SCPOTrainer) else signature.bind(self, *args, **kwargs).arguments
        settings = given.get("args")
        ours = _our_losses(settings)
        if settings is None or not ours:
            stock_init(self, *args, **kwargs)
            return
        if type(self) is not DPOTrainer:
            raise UserError(
                f"{type(self).__name__} is derived from DPOTrainer and loss_type names {', '.join(ours)}: "
                "derive it from scpo_trl.SCPOTrainer"
            )
        trainer_arguments = {name: value for name, value in given.items() if name != "self"}
        if not isinstance(settings, SCPOConfig):
            trainer_arguments["args"] = scpo_config_from(settings, **_settings)
        self.__class__ = SCPOTrainer
        self.__init__(**trainer_arguments)

    return construct


def _our_losses(settings: Any) -> list[str]:
    """The losses among the settings' that only this package has; alone the others stay TRL's."""
    if not isinstance(settings, DPOConfig):
        return []
    return [name for name in settings.loss_type if name in loss_names() and name not in SAME_NAMES]
