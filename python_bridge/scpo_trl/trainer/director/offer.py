"""What a training tells a director who is to direct it, before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from scpo_trl.trainer.director.director import Director, ReferenceMode


@dataclass(frozen=True)
class Offer:
    """A training before it begins; mirrors `TrainingOffer` of the contract.

    Attributes:
        name: For people.
        rows: Rows of the data set.
        rows_sha256: Hash of these rows in their order.
        difficulties: The column `difficulty`, NaN for a row without one; None: there is no such column.
        stages: The column `stage`; None: there is none.
        batch_size: Pairs of a forward pass in all processes together.
        gradient_accumulation_steps: Forward passes of an optimiser step.
        processes: How many train together.
        seed: Of the training.
        settings: What else the training learns by, under the names of `SCPOConfig`.
        output_dir: Absolute path of the folder that receives the checkpoints.
        saved_trainings: Names of the whole trainings in it.
        weights_sha256: Hash of the model's weights; with adapters of those beneath them.
        reference_mode: How the training keeps its reference, which is its own affair and told to nobody.
    """

    name: str
    rows: int
    rows_sha256: str
    difficulties: Sequence[float] | None
    stages: Sequence[int] | None
    batch_size: int
    gradient_accumulation_steps: int
    processes: int
    seed: int
    settings: Mapping[str, Any]
    output_dir: str
    saved_trainings: Sequence[str]
    weights_sha256: str
    reference_mode: ReferenceMode


@dataclass(frozen=True)
class Beginning:
    """What a training is that begins; mirrors `TrainingStarted` of the contract.

    Attributes:
        trainable_parameters: How many numbers are trained.
        stored_dtype: What the model was given in.
        weights_dtype: What it is trained and saved in.
        autocast_dtype: What the passes compute in; empty: as the weights.
    """

    trainable_parameters: int
    stored_dtype: str
    weights_dtype: str
    autocast_dtype: str


@runtime_checkable
class OfferedDirector(Director, Protocol):
    """A director to whom a training is offered before it begins."""

    def begin(self, offer: Callable[[], Offer]) -> str:
        """Offers the training and waits until it is to begin; every process calls this.

        Args:
            offer: Makes the offer; called in the first process only.

        Returns:
            Name of the saved training in `output_dir` to go on from; empty: from the model as it is.

        Raises:
            UserError: nobody answers at the address, or the director refuses the training.
        """
        ...

    def begun(self, beginning: Beginning) -> None:
        """Hears that the training begins."""
        ...

    def ended(self, steps: int) -> None:
        """Hears that the training ended as decided, after `steps` optimiser steps."""
        ...

    def failed(self, error: BaseException, steps: int) -> None:
        """Hears that the training failed after `steps` optimiser steps; every process in which it did calls this."""
        ...
