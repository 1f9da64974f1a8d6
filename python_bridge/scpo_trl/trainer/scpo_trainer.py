"""TRL's DPO trainer, led through stages by a director and trained on contrast quadruples."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, ProcessorMixin, TrainerCallback
from trl import DPOTrainer

from scpo_trl.errors import UserError
from scpo_trl.losses import Objective
from scpo_trl.trainer.collator import PAIR_KEY, STAGE_KEY, QuadCollator
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director import Director, Stage
from scpo_trl.trainer.forward import accepts_logits_to_keep, quad_logps
from scpo_trl.trainer.freezing import freeze
from scpo_trl.trainer.local_director import LocalDirector
from scpo_trl.trainer.pair_columns import require_pairs
from scpo_trl.trainer.records import PairRecorder
from scpo_trl.trainer.reference import Progress, Reference
from scpo_trl.trainer.sampler import PairRows, StageSampler
from scpo_trl.trainer.schedule import StageSchedule
from scpo_trl.trainer.stage_loop import StageLoop
from scpo_trl.trainer.step import MicroBatch

UNLIMITED_STEPS = sys.maxsize
"""Stands for "until the director stops": the trainer needs a number where its data has no length."""


class SCPOTrainer(DPOTrainer):
    """Trains a vision-language model on contrast quadruples, stage by stage.

    The reference is a table of log-probabilities, so that no second model is in memory. The optimiser's state is kept
    across stages; the learning-rate schedule starts anew with each (both our reconstruction).

    Args:
        model: The policy, or the folder or hub name to load it from.
        args: Settings. With a director, the sizes, seeds and folders in it hold and the stages decide the rest.
        train_dataset: Rows with `images`, `rejected_images`, `prompt`, `chosen`, `rejected`: `chosen` is true of
            `images`, `rejected` of `rejected_images`; optionally `stage`.
        processing_class: The model's processor.
        director: Decides; None: the stages of the data set's column `stage`, see `LocalDirector`.
        record_pairs: Takes a record of every pair after each optimiser step.
        callbacks: Further callbacks of the trainer.
        optimizers: An optimiser to use in place of the one from `args`, and None.

    Raises:
        UserError: a column is missing, a setting has no effect here, a frozen prefix matches nothing.

    Example:
        >>> trainer = SCPOTrainer(model=model, args=SCPOConfig(output_dir="out"), train_dataset=pairs,
        ...                       processing_class=processor)
        >>> trainer.train()
    """

    def __init__(
        self,
        model: str | PreTrainedModel,
        args: SCPOConfig,
        train_dataset: Dataset,
        processing_class: ProcessorMixin | None = None,
        director: Director | None = None,
        record_pairs: PairRecorder | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[torch.optim.Optimizer | None, None] = (None, None),
    ) -> None:
        if not isinstance(args, SCPOConfig):
            raise UserError(f"args is a {type(args).__name__}: SCPOTrainer expects an SCPOConfig")
        require_pairs(train_dataset)
        super().__init__(
            model=model,
            # Stands in for a reference model, which the stock trainer would otherwise load.
            ref_model=cast(PreTrainedModel, nn.Identity()),
            args=args,
            data_collator=None,
            train_dataset=train_dataset,
            processing_class=processing_class,
            callbacks=callbacks,
            optimizers=optimizers,
        )
        self.ref_model = None
        if self.args.world_size > 1:
            raise UserError(
                f"found {self.args.world_size} processes: SCPOTrainer trains in one; start it without torchrun or "
                "accelerate launch"
            )
        self._settings = args
        self.data_collator = QuadCollator(cast(ProcessorMixin, self.processing_class), args.max_length)
        self.checkpoint_directory = Path(args.output_dir or ".")
        self._trim_logits = accepts_logits_to_keep(self.policy)
        freeze(self.policy, args.frozen_prefixes)
        self._rows = PairRows(train_dataset)
        self._schedule = StageSchedule(args.learning_rate)
        self._planned_steps = UNLIMITED_STEPS
        if director is None:
            director = LocalDirector(args, train_dataset)
            self._planned_steps = director.planned_steps
        pairs_per_step = args.per_device_train_batch_size * args.gradient_accumulation_steps
        self._sampler = StageSampler(director, pairs_per_step)
        self._reference = Reference(self.policy, self.score_pairs, len(train_dataset))
        self._loop = StageLoop(self, director, self._reference, self._sampler, self._schedule, record_pairs)
        self.add_callback(self._loop)

    @property
    def policy(self) -> PreTrainedModel:
        """The model under training, without the wrappers of the training."""
        return self.accelerator.unwrap_model(self.model)

    def train(self, resume_from_checkpoint: str | bool | None = None, **kwargs: Any) -> Any:
        """Trains until the director has no more stages or stops.

        Raises:
            UserError: a director's wish cannot be met, a loss is not finite, or resuming is asked for.
        """
        if resume_from_checkpoint:
            raise UserError("SCPOTrainer cannot resume from a checkpoint of the trainer: start from the saved model")
        asked = self.args.max_steps
        self.args.max_steps = asked if asked > 0 else self._planned_steps
        try:
            return super().train(**kwargs)
        finally:
            self.args.max_steps = asked

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of the open stage; not prepared by accelerate, whose loader fetches a batch ahead of its need."""
        return DataLoader(
            self._rows,
            batch_size=self._train_batch_size,
            sampler=self._sampler,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
            prefetch_factor=self.args.dataloader_prefetch_factor,
            # A generator of its own: fetching must not draw from the random numbers of the training.
            generator=torch.Generator().manual_seed(self.args.seed),
        )

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> Any:
        """The micro-batches of one optimiser step; when the stage has no more, its epoch ends."""
        self._loop.begin_step()
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        if not batches:
            self.control.should_epoch_stop = True
        return batches, items

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """A scheduler that follows the open stage."""
        if self.lr_scheduler is None:
            self.lr_scheduler = self._schedule.create(cast(torch.optim.Optimizer, optimizer or self.optimizer))
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """A forward and backward pass; after an optimiser step's last, the gradient's norm is noted."""
        loss = super().training_step(*args, **kwargs)
        if self.accelerator.sync_gradients:
            gradients = [parameter.grad for parameter in self.policy.parameters() if parameter.grad is not None]
            self._loop.set_grad_norm(torch.nn.utils.get_total_norm(gradients).item())
        return loss

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The open stage's loss on a batch of quadruples.

        Args:
            model: The model as wrapped for training.
            inputs: From `QuadCollator`, with `pair_indices`.
            return_outputs: Not supported.
            num_items_in_batch: Ignored: every quadruple counts the same.

        Returns:
            The mean loss over the batch's quadruples.

        Raises:
            UserError: the loss is not finite.
        """
        assert not return_outputs, "SCPOTrainer does not return a model's outputs"
        stage, objective = self._open()
        assert inputs[STAGE_KEY] == stage.stage, "a batch of another stage reached the loss"
        pairs, device = inputs[PAIR_KEY], self.accelerator.device
        policy = quad_logps(model, inputs, trim_logits=self._trim_logits)
        reference = self._reference.lookup(pairs, device) if objective.needs_reference else None
        output = objective(policy, policy.detach() if reference is None else reference)
        loss = output.losses.mean()
        self._require_finite(loss, output.losses, pairs)
        initial = self._reference.lookup_initial(pairs, device) if self._reference.has_initial else None
        part = MicroBatch(
            pairs=pairs.detach().cpu(),
            output=output._replace(losses=output.losses.detach()),
            policy=policy.detach(),
            reference=reference,
            initial=initial,
            tokens=int(inputs["attention_mask"].sum()),
        )
        self._loop.add(part)
        self._log_metrics(part)
        return loss

    @torch.no_grad()
    def score_pairs(self, pairs: Sequence[int], progress: Progress | None = None) -> Tensor:
        """The four log-probabilities of rows of the data set under the model's present weights.

        Args:
            pairs: Rows of the data set.
            progress: Hears the number of rows done and their total.

        Returns:
            (n, 4) on the CPU, nats, in the order of `QuadLogps`: the matched texts' columns are the first and the last.
        """
        model = cast(nn.Module, self.model_wrapped)
        size = self._settings.precompute_ref_batch_size or self._settings.per_device_train_batch_size
        was_training = model.training
        model.eval()
        parts: list[Tensor] = []
        try:
            for start in range(0, len(pairs), size):
                chunk = pairs[start : start + size]
                batch = self._prepare_inputs(self.data_collator([self._rows[0, pair] for pair in chunk]))
                with self.compute_loss_context_manager():
                    logps = quad_logps(model, batch, trim_logits=self._trim_logits)
                parts.append(torch.stack(list(logps), dim=1).float().cpu())
                if progress is not None:
                    progress(start + len(chunk), len(pairs))
        finally:
            model.train(was_training)
        return torch.cat(parts) if parts else torch.zeros(0, 4)

    def _open(self) -> tuple[Stage, Objective]:
        stage, objective = self._loop.stage, self._loop.objective
        if stage is None or objective is None:
            raise UserError("no stage is open: SCPOTrainer computes losses only within train(); evaluate elsewhere")
        return stage, objective

    def _require_finite(self, loss: Tensor, losses: Tensor, pairs: Tensor) -> None:
        if math.isfinite(loss.item()):
            return
        bad = [
            int(pair) for pair, value in zip(pairs.tolist(), losses.tolist(), strict=True) if not math.isfinite(value)
        ]
        raise UserError(
            f"the loss is {loss.item()} in step {self.state.global_step + 1}, in the data set's rows "
            f"{', '.join(map(str, bad))}: expected a finite number; look at these pairs, or lower the learning rate"
        )

    def _log_metrics(self, part: MicroBatch) -> None:
        """Fills in what TRL logs: `chosen` are the matched texts, `rejected` the mismatched, on both images."""
        rewards, logps = part.output.rewards, part.policy
        metrics: dict[str, Tensor] = {
            "rewards/chosen": _mean_of_two(rewards.ww, rewards.ll),
            "rewards/rejected": _mean_of_two(rewards.lw, rewards.wl),
            "rewards/accuracies": _mean_of_two((rewards.ww > rewards.lw).float(), (rewards.ll > rewards.wl).float()),
            "rewards/margins": _mean_of_two(rewards.ww - rewards.lw, rewards.ll - rewards.wl),
            "logps/chosen": _mean_of_two(logps.ww, logps.ll),
            "logps/rejected": _mean_of_two(logps.lw, logps.wl),
        }
        metrics.update({f"terms/{name}": values.mean() for name, values in part.output.terms.items()})
        metrics.update({f"margins/{name}": values.mean() for name, values in part.output.margins.items()})
        for name, value in metrics.items():
            self._metrics["train"][name].append(value.item())


def _mean_of_two(first: Tensor, second: Tensor) -> Tensor:
    return torch.cat((first, second)).mean()
