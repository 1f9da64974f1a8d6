"""Settings of a training without a remote director."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from transformers.utils import is_torch_bf16_gpu_available, is_torch_xla_available
from trl import DPOConfig

from scpo_trl.errors import UserError
from scpo_trl.losses import WeightedLoss, build_objective, get_loss
from scpo_trl.trainer.forward.forward_path import SAVINGS
from scpo_trl.trainer.rows.combinations import available_combinations
from scpo_trl.trainer.rows.contrast import Contrast
from scpo_trl.trainer.rows.curriculum import CURRICULA
from scpo_trl.trainer.stock_options import OTHER_NAMES, require_effect

DTYPES = ("auto", "bfloat16", "float16", "float32")
REFERENCE_UPDATES = ("stage", "fixed", "steps")
REFERENCE_MODES = ("table", "live")


@dataclass
class SCPOConfig(DPOConfig):
    """Settings of `SCPOTrainer`: those of TRL's `DPOConfig`, and what follows.

    `learning_rate`, `lr_scheduler_type` (constant, linear or cosine) and `warmup_steps` hold for every stage anew;
    `num_train_epochs` counts passes over each stage's pairs before the next stage begins; `max_steps` limits the whole
    training. With your own director, the director decides about all of these and about losses, stages and the
    reference; `contrast`, `frozen_prefixes`, `all_combinations` and the savings hold all the same.
    """

    num_train_epochs: float = field(
        default=1.0, metadata={"help": "Passes over each stage's pairs before the next stage begins; a whole number."}
    )
    loss_type: list[str] = field(
        default_factory=lambda: ["scpo"],
        metadata={"help": "Registered names of the losses; several are added up, see loss_weights."},
    )
    loss_parameters: dict[str, Any] | str | None = field(
        default=None,
        metadata={
            "help": "Parameters of the loss by name; with several losses, by the loss's name first. beta and "
            "beta_mirror default to the setting beta."
        },
    )
    contrast: str | None = field(
        default=None,
        metadata={
            "help": "What stands in for the column rejected_images: crop, mask or noise of images, or none. Default: "
            "the column is there.",
        },
    )
    contrast_strength: float | None = field(
        default=None, metadata={"help": "Strength of crop, mask or noise, more than 0 and at most 1."}
    )
    stages: int | None = field(
        default=None,
        metadata={"help": "Number of stages to cut the column difficulty into. Default: the column stage decides."},
    )
    curriculum: str = field(
        default="easy-to-hard",
        metadata={
            "help": "Order of the stages; shuffled draws stages of the same sizes from all pairs.",
            "choices": list(CURRICULA),
        },
    )
    stage_epochs: list[int] | None = field(
        default=None, metadata={"help": "Passes over each stage, in the order of training. Default: num_train_epochs."}
    )
    stage_learning_rates: list[float] | None = field(
        default=None,
        metadata={"help": "Peak learning rate of each stage, in the order of training. Default: learning_rate."},
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
    reference_mode: str = field(
        default="table",
        metadata={
            "help": "table: the reference's log-probabilities are computed when a stage opens and when the reference "
            "moves. live: a copy of the trainable weights scores every batch.",
            "choices": list(REFERENCE_MODES),
        },
    )
    drift_share: float = field(
        default=1.0,
        metadata={
            "help": "Share of the later stages' pairs that the initial model is asked about, for kl/initial; less "
            "saves up to one forward pass over the data. Less than 1 needs reference_update=stage."
        },
    )
    frozen_prefixes: list[str] = field(
        default_factory=list,
        metadata={"help": "Parameters whose names start with one of these stay frozen, e.g. model.vision_tower."},
    )
    all_combinations: bool = field(
        default=True,
        metadata={
            "help": "Score both texts on both images even where the loss reads fewer, so that the metrics are whole."
        },
    )
    savings_off: list[str] = field(
        default_factory=list,
        metadata={
            "help": f"Savings of the forward pass not to use, of {', '.join(SAVINGS)}. Default: all that are safe."
        },
    )
    feature_cache_gb: float = field(
        default=2.0, metadata={"help": "Most gigabytes of a frozen vision tower's features to keep in memory."}
    )
    feature_cache_dir: str | None = field(
        default=None, metadata={"help": "Folder for features that memory has no room for. Default: none."}
    )
    feature_cache_dir_gb: float = field(default=50.0, metadata={"help": "Most gigabytes of features in that folder."})

    _VALID_DICT_FIELDS: ClassVar[list[str]] = [*DPOConfig._VALID_DICT_FIELDS, "loss_parameters"]

    def __post_init__(self) -> None:
        if isinstance(self.loss_type, str):
            self.loss_type = [self.loss_type]
        self.loss_type = [OTHER_NAMES.get(name, name) for name in self.loss_type]
        if self.loss_weights is not None and len(self.loss_weights) != len(self.loss_type):
            raise UserError(
                f"loss_weights has {len(self.loss_weights)} entries for {len(self.loss_type)} losses: expected one for "
                "each"
            )
        try:
            with self.stock_losses():
                super().__post_init__()
        except ValueError as error:
            raise UserError(self._mistake(error)) from error
        self._name_dtype()
        require_effect(self)
        _one_of("reference_update", self.reference_update, REFERENCE_UPDATES)
        _one_of("reference_mode", self.reference_mode, REFERENCE_MODES)
        _one_of("curriculum", self.curriculum, CURRICULA)
        _at_least_1("reference_update_steps", self.reference_update_steps)
        _at_least_1("stages", self.stages)
        for epochs in self.stage_epochs or []:
            _at_least_1("stage_epochs", epochs)
        if not 0 < self.reference_alpha <= 1:
            raise UserError(f"reference_alpha is {self.reference_alpha}: expected more than 0 and at most 1")
        if self.reference_alpha < 1 and self.reference_update != "steps":
            raise UserError(
                f"reference_alpha={self.reference_alpha} needs reference_update='steps', found "
                f"{self.reference_update!r}: a reference that is reset at stages moves hard"
            )
        if self.num_train_epochs < 1 or int(self.num_train_epochs) != self.num_train_epochs:
            raise UserError(
                f"num_train_epochs is {self.num_train_epochs}: expected a whole number of passes over each stage"
            )
        if not 0 <= self.drift_share <= 1:
            raise UserError(f"drift_share is {self.drift_share}: expected a share from 0 to 1")
        if self.drift_share < 1 and self.reference_update != "stage":
            raise UserError(
                f"drift_share={self.drift_share} needs reference_update='stage', found {self.reference_update!r}: such "
                "a reference is asked about every pair anyway"
            )
        for saving in self.savings_off:
            _one_of("savings_off", saving, SAVINGS)
        for rate in (self.learning_rate, *(self.stage_learning_rates or [])):
            if not rate > 0:
                raise UserError(f"learning_rate is {rate}: expected more than 0")
        if self.contrast_strength is not None and self.contrast in (None, "none"):
            raise UserError(
                f"contrast_strength={self.contrast_strength} needs contrast='crop', 'mask' or 'noise', found "
                f"{self.contrast!r}"
            )
        self._check_losses()

    @contextmanager
    def stock_losses(self) -> Iterator[None]:
        """Names a loss that the stock classes take while they look at the settings: they refuse some of ours."""
        ours, self.loss_type = self.loss_type, ["sigmoid"] * len(self.loss_type)
        try:
            yield
        finally:
            self.loss_type = ours

    def _mistake(self, error: ValueError) -> str:
        """What the stock classes object to, in one line."""
        on_gpu = not self.use_cpu and not is_torch_xla_available()
        if on_gpu and (self.bf16 or self.bf16_full_eval) and not is_torch_bf16_gpu_available():
            return (
                "bf16 is on, as it is by default, and there is no GPU here that computes in bfloat16: set bf16=False, "
                "or use_cpu=True to compute in bfloat16 on the CPU"
            )
        return " ".join(str(error).split())

    def _name_dtype(self) -> None:
        """Takes the former name of `dtype` in `model_init_kwargs`, which TRL passes over, for what it is."""
        loading = self.model_init_kwargs
        if not isinstance(loading, Mapping):
            return
        loading = dict(loading)
        former = loading.pop("torch_dtype", None)
        if former is not None and loading.setdefault("dtype", former) != former:
            raise UserError(
                f"model_init_kwargs holds torch_dtype {former!r} and dtype {loading['dtype']!r}: leave out "
                "torch_dtype, which is the former name"
            )
        if isinstance(loading.get("dtype"), str) and loading["dtype"] not in DTYPES:
            raise UserError(f"model_init_kwargs: dtype is {loading['dtype']!r}: expected one of {', '.join(DTYPES)}")
        self.model_init_kwargs = loading

    def losses(self) -> list[WeightedLoss]:
        """The losses with their weights and parameters."""
        weights = self.loss_weights or [1.0] * len(self.loss_type)
        assert not isinstance(self.loss_parameters, str)
        given = {OTHER_NAMES.get(name, name): value for name, value in (self.loss_parameters or {}).items()}
        by_loss: Mapping[str, Any] = given
        if len(self.loss_type) == 1 and not isinstance(given.get(self.loss_type[0]), Mapping):
            by_loss = {self.loss_type[0]: given}
        for name, parameters in by_loss.items():
            if name not in self.loss_type or not isinstance(parameters, Mapping):
                raise UserError(
                    f"loss_parameters holds {name!r}: with loss_type {', '.join(self.loss_type)} expected the "
                    "parameters by the loss's name, such as {'scpo': {'anchor': 1.0}}"
                )
        named = zip(self.loss_type, weights, strict=True)
        return filled_in([WeightedLoss(name, by_loss.get(name, {}), weight) for name, weight in named], self.beta)

    def contrast_image(self) -> Contrast | None:
        """What stands in for the column `rejected_images`, or None where the rows have it."""
        return None if self.contrast is None else Contrast(self.contrast, self.contrast_strength)  # type: ignore[arg-type]

    def _check_losses(self) -> None:
        objective = build_objective(self.losses())
        contrast = self.contrast_image()
        if contrast is None:
            return
        missing = [name for name in objective.combinations if name not in available_combinations(contrast)]
        if missing:
            raise UserError(
                f"contrast={self.contrast!r} leaves {', '.join(missing)} without an image that fits, which loss "
                f"{', '.join(self.loss_type)} reads: {_mend(self.contrast, self.loss_type)}"
            )


def filled_in(losses: Sequence[WeightedLoss], beta: float) -> list[WeightedLoss]:
    """The losses with the parameters that a configuration gives them where they leave them out.

    Args:
        losses: All that are added up.
        beta: For `beta` and `beta_mirror`.
    """
    return [replace(loss, parameters={**_defaults(loss.name, len(losses), beta), **loss.parameters}) for loss in losses]


def _defaults(name: str, losses: int, beta: float) -> dict[str, float]:
    known = get_loss(name).parameter_names()
    defaults = {parameter: beta for parameter in ("beta", "beta_mirror") if parameter in known}
    if name == "sft" and losses > 1:
        # In a mixture the name means what it means in TRL: the mean over tokens.
        defaults["per_token"] = 1.0
    return defaults


def _mend(contrast: str | None, losses: list[str]) -> str:
    if contrast == "none":
        return "use a loss of texts alone such as dpo, or give the rows rejected_images"
    if losses == ["scpo"]:
        return "set loss_parameters={'mirror_weight': 0}, use mdpo, or give the rows rejected_images"
    return "use mdpo, rdpo or chip, or give the rows rejected_images"


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{name} is {value!r}: expected one of {', '.join(known)}")


def _at_least_1(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise UserError(f"{name} is {value}: expected 1 or more")


def scpo_config_from(args: DPOConfig, **settings: Any) -> SCPOConfig:
    """An `SCPOConfig` with the settings of a stock configuration.

    TRL's `sync_ref_model`, `ref_model_sync_steps` and `ref_model_mixup_alpha` become `reference_update="steps"` with
    its steps and alpha.

    Args:
        args: The stock configuration.
        **settings: Fields of `SCPOConfig` to set besides.

    Raises:
        UserError: a setting has no effect in `SCPOTrainer`.
    """
    stock = {one.name: getattr(args, one.name) for one in fields(args) if one.init}
    ours = {one.name for one in fields(SCPOConfig)}
    carried = {name: value for name, value in stock.items() if name in ours}
    if carried.get("sync_ref_model"):
        carried["sync_ref_model"] = False
        carried["reference_update"] = "steps"
        carried["reference_update_steps"] = args.ref_model_sync_steps
        carried["reference_alpha"] = args.ref_model_mixup_alpha
    for name in settings:
        if name not in ours:
            raise UserError(f"unknown setting {name!r}: expected a field of SCPOConfig")
    return SCPOConfig(**{**carried, **settings})
