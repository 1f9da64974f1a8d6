"""Settings of a training without a remote director."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from trl import DPOConfig

from scpo_trl.errors import UserError

REFERENCE_UPDATES = ("stage", "fixed", "steps")

_STOCK_ONLY: dict[str, Any] = {
    "loss_type": ["sigmoid"],
    "loss_weights": None,
    "ld_alpha": None,
    "f_divergence_type": "reverse_kl",
    "label_smoothing": 0.0,
    "use_weighting": False,
    "sync_ref_model": False,
    "precompute_ref_log_probs": False,
    "padding_free": False,
    "use_liger_kernel": False,
    "pad_to_multiple_of": None,
}
_INSTEAD = {
    "loss_type": "set objective",
    "loss_weights": "set objective_parameters",
    "sync_ref_model": "set reference_update='steps'",
    "precompute_ref_log_probs": "the reference is always a table",
}


@dataclass
class SCPOConfig(DPOConfig):
    """Settings of `SCPOTrainer`: those of TRL's `DPOConfig`, and what follows.

    `learning_rate`, `lr_scheduler_type` (constant, linear or cosine) and `warmup_steps` hold for every stage anew;
    `num_train_epochs` counts passes over each stage's pairs before the next stage begins; `max_steps` limits the whole
    training. With a director of one's own, the director decides about all of these and the fields below are unused,
    except `frozen_prefixes`.
    """

    num_train_epochs: float = field(
        default=1.0, metadata={"help": "Passes over each stage's pairs before the next stage begins; a whole number."}
    )
    objective: str = field(default="scpo", metadata={"help": "Registered name of the loss."})
    objective_parameters: dict[str, Any] | str | None = field(
        default=None,
        metadata={"help": "Parameters of the loss by name. beta and beta_mirror default to the setting beta."},
    )
    stage_order: list[int] | None = field(
        default=None,
        metadata={"help": "Stages in the order of training. Default: the values of the column stage, ascending."},
    )
    stage_learning_rates: list[float] | None = field(
        default=None, metadata={"help": "Peak learning rate of each stage in order. Default: learning_rate."}
    )
    shuffle_within_stage: bool = field(
        default=True, metadata={"help": "Shuffle each stage's pairs; otherwise they keep the data set's order."}
    )
    reference_update: str = field(
        default="stage",
        metadata={
            "help": "When the reference becomes the policy: at every stage's start (stage), never (fixed), or every "
            "reference_update_steps optimiser steps (steps).",
            "choices": list(REFERENCE_UPDATES),
        },
    )
    reference_update_steps: int = field(
        default=512, metadata={"help": "Optimiser steps between moves of the reference, for reference_update=steps."}
    )
    reference_alpha: float = field(
        default=1.0,
        metadata={"help": "Moves with reference_update=steps: ref <- alpha * policy + (1 - alpha) * ref."},
    )
    frozen_prefixes: list[str] = field(
        default_factory=list,
        metadata={"help": "Parameters whose names start with one of these stay frozen, e.g. model.vision_tower."},
    )

    _VALID_DICT_FIELDS: ClassVar[list[str]] = [*DPOConfig._VALID_DICT_FIELDS, "objective_parameters"]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, stock in _STOCK_ONLY.items():
            value = getattr(self, name)
            if value != stock:
                instead = _INSTEAD.get(name, "leave it out")
                raise UserError(f"{name}={value!r} has no effect in SCPOTrainer: {instead}")
        if self.reference_update not in REFERENCE_UPDATES:
            raise UserError(
                f"reference_update is {self.reference_update!r}: expected one of {', '.join(REFERENCE_UPDATES)}"
            )
        if self.reference_update_steps < 1:
            raise UserError(f"reference_update_steps is {self.reference_update_steps}: expected 1 or more")
        if not 0 < self.reference_alpha <= 1:
            raise UserError(f"reference_alpha is {self.reference_alpha}: expected more than 0 and at most 1")
        if self.num_train_epochs < 1 or int(self.num_train_epochs) != self.num_train_epochs:
            raise UserError(
                f"num_train_epochs is {self.num_train_epochs}: expected a whole number of passes over each stage"
            )
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}: expected more than 0")
