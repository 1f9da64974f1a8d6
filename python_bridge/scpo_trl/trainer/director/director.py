"""The seam between the trainer, which computes, and whoever decides what it computes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from scpo_trl.losses import WeightedLoss

Schedule = Literal["constant", "linear", "cosine"]
ReferenceAtOpen = Literal["policy", "keep", "initial"]
ReferenceMode = Literal["table", "live"]


@dataclass(frozen=True)
class Stage:
    """One stage as the director opens it; mirrors `OpenStage` of the contract.

    Attributes:
        stage: Number of the stage, for reports.
        pairs: Rows of the data set that the stage may draw; drawing another is an error.
        steps: Planned optimiser steps: the length of the learning-rate schedule, not a limit.
        losses: What the stage trains on: one loss, or several whose weighted sum is taken.
        learning_rate: Peak learning rate.
        schedule: How the learning rate goes from its peak after the warm-up; restarts at every stage.
        warmup_steps: Optimiser steps of linear warm-up.
        reference: `policy`: the policy as it is now. `keep`: the reference in force before (the initial model in the
            first stage). `initial`: the model as it was when training started.
        keep_reference_weights: Keep a copy of the reference's weights, so that a decision can move it softly.
        reference_mode: `table`: the log-probabilities of the stage's pairs are computed once. `live`: a copy of the
            trainable weights scores every batch.
        held_out_pairs: Rows that the stage never draws; `Decision.evaluate_held_out` scores them.
    """

    stage: int
    pairs: Sequence[int]
    steps: int
    losses: Sequence[WeightedLoss] = (WeightedLoss("scpo"),)
    learning_rate: float = 1e-6
    schedule: Schedule = "cosine"
    warmup_steps: int = 0
    reference: ReferenceAtOpen = "policy"
    keep_reference_weights: bool = False
    reference_mode: ReferenceMode = "table"
    held_out_pairs: Sequence[int] = ()


@dataclass(frozen=True)
class QuadMeans:
    """Four numbers, one for each combination of text and image (text letter first), means over pairs; NaN for one that
    was not computed."""

    ww: float
    lw: float
    wl: float
    ll: float


@dataclass(frozen=True)
class PairReport:
    """Reward margins of one pair in the step just taken; mirrors `PairReport` of the contract.

    Attributes:
        pair: Row of the pair in the data set.
        margins: By name; those whose combinations were computed. A loss of one's own may have others than these:
            `textual`, rewards on `images`, chosen minus rejected; `visual`, rewards of `chosen`, images minus
            rejected_images; `textual_mirror`, rewards on `rejected_images`, rejected minus chosen; `visual_mirror`,
            rewards of `rejected`, rejected_images minus images.
    """

    pair: int
    margins: Mapping[str, float]


@dataclass(frozen=True)
class HeldOutReport:
    """The stage's held-out pairs under the policy as it is after a step; mirrors `HeldOutReport` of the contract.

    Attributes:
        pairs: How many were scored.
        loss: Mean loss over them.
        terms: Mean of each term of the loss over them, by the term's name, before weighting.
        accuracies: Share of them with a positive margin, by the margin's name; those whose combinations were computed.
        margins: Mean reward margin over them, by the margin's name; the same ones.
        kl_reference: As in `StepReport`.
        seconds: Wall-clock time of the evaluation.
    """

    pairs: int
    loss: float
    terms: Mapping[str, float]
    accuracies: Mapping[str, float]
    margins: Mapping[str, float]
    kl_reference: float
    seconds: float


@dataclass(frozen=True)
class StepReport:
    """What one optimiser step did; mirrors `StepReport` of the contract.

    Attributes:
        step: Optimiser steps since training started; the first is 1.
        stage: Number of the open stage.
        step_in_stage: Optimiser steps since the stage opened; the first is 1.
        loss: Mean loss over the step's pairs.
        terms: Mean of each term of the loss over the pairs, by the term's name, before weighting.
        accuracies: Share of pairs with a positive margin, by the margin's name; those whose combinations were computed.
        rewards: Mean implicit rewards over the pairs.
        kl_reference: k2 estimate in nats a sequence over the matched texts: mean of (log pi - log ref)^2 / 2.
        kl_initial: The same against the model as it was when training started.
        learning_rate: Rate with which the step was taken.
        grad_norm: Norm of the gradient before clipping.
        seconds: Wall-clock time of the step without waiting for the director.
        tokens: Tokens of the step's forward passes, padding left out.
        memory_bytes: Peak memory of the process or its accelerator.
        pairs: Margins by pair, in the order of training.
        held_out: The evaluation that the decision before asked for; otherwise None.
    """

    step: int
    stage: int
    step_in_stage: int
    loss: float
    terms: Mapping[str, float]
    accuracies: Mapping[str, float]
    rewards: QuadMeans
    kl_reference: float
    kl_initial: float
    learning_rate: float
    grad_norm: float
    seconds: float
    tokens: int
    memory_bytes: int
    pairs: Sequence[PairReport]
    held_out: HeldOutReport | None = None


@dataclass(frozen=True)
class Decision:
    """The director's answer to one step's report; mirrors `Decision` of the contract.

    Attributes:
        reason: Why, in a few words; logged.
        move_reference_alpha: Moves the reference, ref <- alpha * policy + (1 - alpha) * ref; 1 is a hard move. None:
            the reference stays.
        checkpoint: Name of a checkpoint to save; empty: none.
        end_stage: No further step in this stage.
        stop: Ends the stage and the training.
        evaluate_held_out: The next step's report shall hold an evaluation of the stage's held-out pairs.
        save_training: Name of a folder that receives the whole training; empty: none.
        pause: Ends the training but not the stage, in which a resumed one goes on.
    """

    reason: str = ""
    move_reference_alpha: float | None = None
    checkpoint: str = ""
    end_stage: bool = False
    stop: bool = False
    evaluate_held_out: bool = False
    save_training: str = ""
    pause: bool = False


class Director(Protocol):
    """Decides which stages, pairs and actions a training consists of.

    The trainer calls `open_stage`, then `table_progress` any number of times, `stage_opened`, `pairs` (iterated ahead
    of training), `step_taken` and then `decide` once after every optimiser step, and `stage_closed`; then `open_stage`
    again.
    """

    def resume(self, stages_before: int, pairs: int) -> None:
        """Hears, before anything else, that the training goes on where a checkpoint left it.

        The next `open_stage` must give the stage with this number of stages before it, and its `pairs` must begin after
        the given number of pairs.

        Raises:
            UserError: this director cannot go on in the middle.
        """
        ...

    def open_stage(self) -> Stage | None:
        """The next stage, or None when there are no more; blocks until known."""
        ...

    def table_progress(self, done: int, total: int) -> None:
        """Hears that the reference log-probabilities of `done` of `total` pairs are computed."""
        ...

    def stage_opened(self, stage: Stage, table_seconds: float) -> None:
        """Hears that training on `stage` begins and that its reference table took `table_seconds`."""
        ...

    def pairs(self) -> Iterator[int]:
        """Rows of the open stage in training order; blocks until fed and ends after the last."""
        ...

    def step_taken(self, report: StepReport) -> None:
        """Hears what an optimiser step did; does not wait for the decision, so that the trainer can work meanwhile."""
        ...

    def decide(self, make_batches: Callable[[], None]) -> Decision:
        """The answer to the last report; blocks until given.

        Args:
            make_batches: Makes the batches of the next step. For a director that has to wait: it may call it meanwhile,
                if the pairs of the next step are known.
        """
        ...

    def checkpoint_saved(self, path: str, step: int, weights_sha256: str) -> None:
        """Hears that the checkpoint asked for after `step` lies complete in the folder `path`."""
        ...

    def training_saved(self, path: str, step: int) -> None:
        """Hears that the whole training after `step` lies complete in the folder `path`."""
        ...

    def stage_closed(self, stage: int, steps: int, unused_pairs: Sequence[int]) -> None:
        """Hears that `stage` took `steps` optimiser steps and which pairs it was given but did not train on."""
        ...
