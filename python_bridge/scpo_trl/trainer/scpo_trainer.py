"""TRL's DPO trainer, led through stages by a director and trained on contrast quadruples."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, ProcessorMixin, Trainer, TrainerCallback
from transformers.integrations import is_deepspeed_zero3_enabled
from transformers.trainer_utils import EvalPrediction
from trl import DPOTrainer

from scpo_trl.errors import NonFiniteLossError, UserError
from scpo_trl.losses import LossInput, Objective, QuadLogps, build_objective
from scpo_trl.losses.quad import COMBINATIONS
from scpo_trl.trainer.checkpoints.resumption import (
    TrainingShape,
    last_complete_checkpoint,
    read_state,
    resume_device,
    write_state,
)
from scpo_trl.trainer.config import SCPOConfig
from scpo_trl.trainer.director.address import DirectorAddress, director_at
from scpo_trl.trainer.director.director import Director, Stage
from scpo_trl.trainer.director.local_director import LocalDirector
from scpo_trl.trainer.director.offer import Offer, OfferedDirector
from scpo_trl.trainer.director.records import PairRecorder
from scpo_trl.trainer.evaluation.eval_dataset import EvaluationRows, ScoredEvaluation, named_datasets
from scpo_trl.trainer.evaluation.scored_pairs import MicroBatch, ScoredPairs, on_the_cpu
from scpo_trl.trainer.forward.forward import completion_tokens, quad_logps
from scpo_trl.trainer.forward.forward_path import choose_path
from scpo_trl.trainer.forward.tower_features import tower_features
from scpo_trl.trainer.library_mistakes import library_mistakes
from scpo_trl.trainer.model.checkpoint_weights import load_checkpoint_weights
from scpo_trl.trainer.model.freezing import freeze
from scpo_trl.trainer.model.model_support import require_processor, require_support
from scpo_trl.trainer.model.processor_fields import complete_processor
from scpo_trl.trainer.model.quantised import keep_adapter_type, keep_differentiable, trainable_weights
from scpo_trl.trainer.model.sharded_layers import name_sharded_layers
from scpo_trl.trainer.model.trainable import check_weight_type, require_trainable
from scpo_trl.trainer.model_card import model_card
from scpo_trl.trainer.offered_training import beginning, require_directable, training_offer
from scpo_trl.trainer.reference.reference import OpenTable, Progress, Reference
from scpo_trl.trainer.requirements import (
    NoReferenceModel,
    require_adapters,
    require_model,
    require_no_router_loss,
    require_one_device_a_process,
    require_stock_parts,
    require_train_dataset,
)
from scpo_trl.trainer.rows.collator import PAIR_KEY, STAGE_KEY, QuadCollator
from scpo_trl.trainer.rows.combinations import combinations_to_score
from scpo_trl.trainer.rows.pair_columns import require_pairs
from scpo_trl.trainer.rows.pair_rows import AskedRows, PairKey, PairRows
from scpo_trl.trainer.rows.token_budget import require_room
from scpo_trl.trainer.stages.sampler import StageSampler, StepShape
from scpo_trl.trainer.stages.schedule import StageSchedule
from scpo_trl.trainer.stages.scored_shares import NO_STAGE, ScoredShares
from scpo_trl.trainer.stages.stage_loop import StageLoop
from scpo_trl.trainer.stages.step_batches import StepBatches

UNLIMITED_STEPS = sys.maxsize
"""Stands for "until the director stops": the trainer needs a number where its data has no length."""


class SCPOTrainer(DPOTrainer):
    """Trains a vision-language model on contrast quadruples, stage by stage.

    It takes what TRL's `DPOTrainer` takes. The reference is a table of log-probabilities by default, so that no second
    model is in memory; with adapters it is the adapters as they were, whatever their number. The optimiser's state is
    kept across stages; the learning-rate schedule restarts with each (both our reconstruction).

    Args:
        model: The policy, or the folder or hub name to load it from; may carry adapters.
        ref_model: Must be None: the reference is the policy as it was.
        args: Settings. With a director, the sizes, seeds and folders in it hold and the stages decide the rest.
        data_collator: Must be None.
        train_dataset: Rows with `images`, `rejected_images`, `prompt`, `chosen`, `rejected`: `chosen` is true of
            `images`, `rejected` of `rejected_images`; optionally `stage` or `difficulty`.
        eval_dataset: Rows of the same kind, or several data sets by name.
        processing_class: The model's processor.
        compute_metrics: Takes an `EvalPrediction` whose `predictions` are the policy's log-probabilities, (n, 6) in the
            order of `scpo_trl.losses.quad.COMBINATIONS`, and whose `label_ids` are the reference's; NaN for what was
            not computed.
        callbacks: Further callbacks of the trainer.
        optimizers: An optimiser to use in place of the one from `args`, and None.
        quantization_config: Of a model that is loaded by name.
        peft_config: Trains a new adapter.
        director: Decides: the address of one in another process, which the training dials when it begins (see
            `DirectorAddress`), or an object. None: the stages of the data set's columns, see `LocalDirector`. With
            several processes each has its own object, and they must decide alike.
        record_pairs: Takes a record of every pair after each optimiser step.

    Raises:
        UserError: a column is missing, a setting has no effect here, a row leaves no room for its text, a frozen prefix
            matches nothing.

    Example:
        >>> trainer = SCPOTrainer(model=model, args=SCPOConfig(output_dir="out"), train_dataset=pairs,
        ...                       processing_class=processor)
        >>> trainer.train()
    """

    def __init__(
        self,
        model: str | PreTrainedModel | Any,
        ref_model: None = None,
        args: SCPOConfig | None = None,
        data_collator: None = None,
        train_dataset: Dataset | None = None,
        eval_dataset: Dataset | Mapping[str, Dataset] | None = None,
        processing_class: ProcessorMixin | None = None,
        compute_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
        callbacks: list[TrainerCallback] | None = None,
        optimizers: tuple[torch.optim.Optimizer | None, None] = (None, None),
        quantization_config: Any = None,
        peft_config: Any = None,
        director: Director | DirectorAddress | str | None = None,
        record_pairs: PairRecorder | None = None,
    ) -> None:
        args = _args(args, model)
        if isinstance(director, (str, DirectorAddress)):
            require_directable(args)
        require_stock_parts(ref_model, data_collator, optimizers)
        require_model(model, processing_class)
        require_adapters(model, peft_config)
        name = model if isinstance(model, str) else None
        if processing_class is not None:
            require_processor(processing_class, name or type(model).__name__)
        train_dataset = require_train_dataset(train_dataset)
        evaluation = named_datasets(eval_dataset)
        self.contrast = args.contrast_image()
        require_pairs(train_dataset, self.contrast)
        for part, dataset in evaluation.items():
            require_pairs(dataset, self.contrast, part)
        further = {
            part: value
            for part, value in (("quantization_config", quantization_config), ("peft_config", peft_config))
            if value is not None
        }
        weights = trainable_weights(model)
        with library_mistakes(name), args.stock_losses():
            super().__init__(
                model=model,
                # Stands in for a reference model, which the stock trainer would otherwise load.
                ref_model=cast(PreTrainedModel, NoReferenceModel()),
                args=args,
                train_dataset=train_dataset,
                eval_dataset=cast(Any, dict(eval_dataset) if isinstance(eval_dataset, Mapping) else eval_dataset),
                processing_class=processing_class,
                compute_metrics=compute_metrics,
                callbacks=callbacks,
                optimizers=optimizers,
                **further,
            )
        keep_adapter_type(self.policy, weights)
        keep_differentiable(self.policy)
        self.ref_model = None
        self._checkpoints_in: Path | None = None
        require_support(self.policy, self.processing_class)
        require_no_router_loss(self.policy.config, args)
        complete_processor(self.processing_class, self.policy.config)
        require_one_device_a_process(self.args.n_gpu)
        name_sharded_layers(self.policy, getattr(self.accelerator.state, "fsdp_plugin", None))
        self._settings = args
        self.scores_all_combinations = args.all_combinations
        self.data_collator = QuadCollator(cast(ProcessorMixin, self.processing_class), args.max_length, self.contrast)
        for part, dataset in {"train_dataset": train_dataset, **evaluation}.items():
            require_room(dataset, self.data_collator, args.max_length, part)
        self.checkpoint_directory = Path(args.output_dir or ".")
        freeze(self.policy, args.frozen_prefixes)
        require_trainable(self.policy, args.frozen_prefixes)
        # FSDP and DeepSpeed keep weights of their own in float32.
        if not self._is_sharded:
            check_weight_type(self.policy, max(args.learning_rate, *(args.stage_learning_rates or [0.0])))
        # ZeRO 3 partitions the tower too: nobody can name its weights, and all processes must run it together.
        unsafe = ["cached_features"] if is_deepspeed_zero3_enabled() else []
        self.forward_path = choose_path(self.policy, [*args.savings_off, *unsafe])
        self._tower = tower_features(
            self.policy, self.forward_path, args, self._anywhere if self.is_fsdp_enabled else bool
        )
        self._rows = PairRows(train_dataset, evaluation)
        self._schedule = StageSchedule(args.learning_rate)
        self._planned_steps = UNLIMITED_STEPS
        shape = self._processes = StepShape(
            args.per_device_train_batch_size,
            args.gradient_accumulation_steps,
            self.accelerator.num_processes,
            self.accelerator.process_index,
        )
        if isinstance(director, (str, DirectorAddress)):
            director = director_at(director, shape.pairs)
        elif director is None:
            director = LocalDirector(args, train_dataset)
            self._planned_steps = director.planned_steps
        self._shape = TrainingShape(shape.pairs, shape.processes, len(self._rows), lambda: self._rows.sha256)
        self._director = director
        self._sampler = StageSampler(director, shape)
        self._reference = Reference(
            lambda: self.policy, self._score, self._score_batch, len(self._rows), args.drift_share
        )
        self._batches = StepBatches(super().get_batch_samples, lambda: self._sampler.waited)
        self._loop = StageLoop(self, director, self._reference, self._sampler, self._schedule, record_pairs)
        self._tokens = 0
        self._begun = False
        self._evaluated = ScoredEvaluation()
        self.add_callback(self._loop)

    @property
    def policy(self) -> Any:
        """The model under training, without the wrappers of the training."""
        return self.accelerator.unwrap_model(self.model)

    @property
    def evaluation_rows(self) -> Sequence[int]:
        """Numbers of the rows of the evaluation's data sets, which follow those of the training."""
        return self._rows.evaluation_rows

    def train(self, resume_from_checkpoint: str | bool | None = None, **kwargs: Any) -> Any:
        """Trains until the director has no more stages or stops.

        Called again, it starts over with the first stage, from the weights and the optimiser's state as they are; what
        the policy then is counts as the initial model.

        Args:
            resume_from_checkpoint: A checkpoint's folder, or True for the newest complete one in `output_dir`: goes on
                there as if nothing had happened. A director at an address says it instead.
            **kwargs: See `transformers.Trainer.train`.

        Raises:
            UserError: a director's wish cannot be met, a loss is not finite, the checkpoint is of no use, or nobody
                answers at the director's address.
        """
        if not isinstance(self._director, OfferedDirector):
            return self._train(resume_from_checkpoint, **kwargs)
        if resume_from_checkpoint:
            raise UserError(
                f"resume_from_checkpoint is {resume_from_checkpoint}, but the director says where the training "
                "goes on: leave it out"
            )
        name = self._director.begin(self._offer)
        try:
            self._director.begun(beginning(self._settings, self.policy))
            result = self._train(str(self.checkpoint_directory / name) if name else None, **kwargs)
        except BaseException as error:
            self._director.failed(error, self.state.global_step)
            raise
        self._director.ended(self.state.global_step)
        return result

    def _offer(self) -> Offer:
        dataset = cast(Dataset, self.train_dataset)
        return training_offer(
            self._settings, dataset, self._rows.sha256, self._processes, self.policy, self.checkpoint_directory
        )

    def _train(self, resume_from_checkpoint: str | bool | None, **kwargs: Any) -> Any:
        folder: Path | None = None
        if self._begun:
            self._forget()
        self._begun = True
        if resume_from_checkpoint:
            given = None if resume_from_checkpoint is True else Path(str(resume_from_checkpoint))
            folder = given or last_complete_checkpoint(str(self.args.output_dir))
            saved = read_state(
                folder, self._reference, self._shape, process=self.accelerator.process_index, sharded=self._is_sharded
            )
            resume_device(self._reference, self.accelerator.device)
            self._tokens = saved.tokens
            self._loop.resume(saved.position)
        asked, skip = self.args.max_steps, self.args.ignore_data_skip
        self.args.max_steps = asked if asked > 0 else self._planned_steps
        # The sampler resumes at the checkpoint by itself.
        self.args.ignore_data_skip = True
        try:
            return super().train(resume_from_checkpoint=None if folder is None else str(folder), **kwargs)
        finally:
            self.args.max_steps, self.args.ignore_data_skip = asked, skip

    def _forget(self) -> None:
        """Forgets the position of an earlier training of this trainer, finished or not."""
        self._loop.begin_again()
        self._reference.forget()
        self._tokens = 0
        self._metrics["train"].clear()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of the open stage; not prepared by accelerate, whose loader fetches a batch ahead of its need."""
        return self._loader(self._sampler, self._train_batch_size)

    def get_eval_dataloader(self, eval_dataset: str | Dataset | None = None) -> DataLoader[Any]:
        """Batches of an evaluation's data set, in order.

        Raises:
            UserError: the data set was not given at construction, so that the reference does not know its rows.
        """
        rows = EvaluationRows(self._rows.ranges, self.eval_dataset, eval_dataset).rows
        objective = self._objective()
        combinations = combinations_to_score(objective, self.contrast, self.scores_all_combinations)
        if objective.needs_reference:
            self._prepare_reference(rows, combinations)
        keys = [PairKey(row, NO_STAGE, combinations) for row in rows]
        loader = self._loader(range(len(keys)), self.args.per_device_eval_batch_size, AskedRows(self._rows, keys))
        return self.accelerator.prepare(loader)

    def get_test_dataloader(self, test_dataset: str | Dataset) -> DataLoader[Any]:
        """As `get_eval_dataloader`, for `predict`."""
        return self.get_eval_dataloader(test_dataset)

    def _loader(self, keys: Any, batch_size: int, rows: AskedRows | None = None) -> DataLoader[Any]:
        # A worker asks for pairs ahead of its need, and a director at an address may not have decided on them.
        ahead = not (keys is self._sampler and isinstance(self._director, OfferedDirector))
        return DataLoader(
            self._rows if rows is None else rows,
            batch_size=batch_size,
            sampler=keys,
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers if ahead else 0,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
            prefetch_factor=self.args.dataloader_prefetch_factor if ahead else None,
            # A generator of its own: fetching must not draw from the random numbers of the training.
            generator=torch.Generator().manual_seed(self.args.seed),
        )

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> Any:
        """The micro-batches of one optimiser step; when the stage has no more, its epoch ends."""
        (batches, items), seconds = self._batches.take(epoch_iterator, num_batches, device)
        self._loop.begin_step(seconds)
        if not batches:
            self.control.should_epoch_stop = True
        return batches, items

    def make_batches_ahead(self) -> None:
        """Makes the micro-batches of the next optimiser step, whose pairs must be known."""
        self._batches.make_ahead()

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
            self._loop.set_grad_norm(self._gradient_norm())
        return loss

    def _gradient_norm(self) -> float:
        if self.is_deepspeed_enabled:
            # The step is taken within the backward pass, and the gradients are gone with it.
            norm = cast(Any, self.model_wrapped).get_global_grad_norm()
            return math.nan if norm is None else float(norm)
        gradients = [parameter.grad for parameter in self.policy.parameters() if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        return self._unscaled(getattr(norm, "full_tensor", lambda: norm)().item())

    def _unscaled(self, norm: float) -> float:
        """A gradient's norm without fp16's scale; NaN in a step that is left out because the scale was too large."""
        scaler = self.accelerator.scaler
        if scaler is None:
            return norm
        return norm / scaler.get_scale() if math.isfinite(norm) else math.nan

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
            return_outputs: Also return the log-probabilities of policy and reference, each `QuadLogps`.
            num_items_in_batch: Ignored: every quadruple counts the same.

        Returns:
            The mean loss over the batch's quadruples.

        Raises:
            UserError: the loss is not finite.
        """
        objective, training = self._objective(), model.training
        stage = self._loop.stage
        assert not training or (stage is not None and inputs[STAGE_KEY] == stage.stage), "a batch of another stage"
        pairs, device = inputs[PAIR_KEY], self.accelerator.device
        # Before the policy's own pass, whose graph must not see other weights.
        reference = self._reference.logps(inputs, device) if objective.needs_reference else None
        policy = quad_logps(model, inputs, self.forward_path, self._tower)
        batch = LossInput(policy, policy.detach() if reference is None else reference, *completion_tokens(inputs))
        output = objective(batch)
        loss = output.losses.mean()
        if training:
            self._require_finite(loss, output.losses, pairs)
        initial = self._reference.initial_logps(pairs, device) if self._reference.has_initial else None
        part = MicroBatch(
            pairs=pairs.detach().cpu(),
            output=on_the_cpu(output),
            policy=on_the_cpu(policy),
            reference=on_the_cpu(reference),
            initial=on_the_cpu(initial),
            tokens=int(inputs["attention_mask"].sum()),
        )
        if training:
            self._loop.add(part)
        else:
            self._evaluated.add(part)
        return (loss, (policy, reference)) if return_outputs else loss

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Loss of a batch, and for `compute_metrics` the log-probabilities of policy and reference, (B, 6) each."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, (policy, reference) = self.compute_loss(model, inputs, return_outputs=True)
        if prediction_loss_only:
            return loss, None, None
        logps = torch.stack(list(policy), dim=1)
        unknown = torch.full_like(logps, torch.nan)
        return loss, logps, unknown if reference is None else torch.stack(list(reference), dim=1).to(logps)

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> Any:
        """Evaluates, and adds the metrics of training, each pair counted once over all processes."""
        self._evaluated.clear()
        output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **kwargs)
        # Under the data set's own name: the stock trainer's metrics of a second data set replace those of the first.
        for name, value in self._evaluated.metrics(self.accelerator).items():
            cast(dict[str, float], output.metrics)[f"{metric_key_prefix}_{name}"] = value
        return output

    def note_metrics(self, metrics: Mapping[str, float], tokens: int) -> None:
        """Takes a step's metrics for the next line of the log."""
        self._tokens += tokens
        for name, value in metrics.items():
            self._metrics["train"][name].append(value)
        self._metrics["train"]["num_tokens"] = [self._tokens]

    def log_stage(self, metrics: dict[str, float]) -> None:
        """Logs a closed stage's means, apart from the line of its last step."""
        Trainer.log(self, metrics)

    @torch.no_grad()
    def score_pairs(self, pairs: Sequence[int], combinations: Sequence[str] = ("ww", "lw", "wl", "ll")) -> Tensor:
        """The log-probabilities of rows of the data set under the model's present weights.

        Args:
            pairs: Rows of the data set.
            combinations: Combinations of text and image.

        Returns:
            (n, 6) on the CPU, nats, in the order of `COMBINATIONS`; NaN for those not asked for.
        """
        return self._score(pairs, combinations, lambda done, total: None)

    @torch.no_grad()
    def _score(self, pairs: Sequence[int], combinations: Sequence[str], progress: Progress) -> Tensor:
        found = torch.empty(len(pairs), len(COMBINATIONS))
        done = 0
        for pairs_of_all, batch in self._shared_batches(pairs, combinations):
            logps = torch.stack(tuple(self._score_batch(batch)), dim=1).float()
            if self._processes.processes > 1:
                logps = cast(Tensor, self.accelerator.gather(logps))
            found[done : done + pairs_of_all] = logps.cpu()[:pairs_of_all]
            done += pairs_of_all
            progress(done, len(pairs))
        return found

    def _shared_batches(self, pairs: Sequence[int], combinations: Sequence[str]) -> Iterator[tuple[int, Any]]:
        """This process's batches of some rows, and of how many pairs of all processes each is a part.

        The batches are made as those of the training are, by `dataloader_num_workers` processes beside this one.
        """
        size = self._settings.precompute_ref_batch_size or self._settings.per_device_train_batch_size
        shares = ScoredShares(pairs, tuple(combinations), size, self._processes)
        # Only the last chunk may be smaller, so that the loader cuts the keys where the chunks end.
        for count, batch in zip(shares.counts(), self._loader(shares, size), strict=True):
            yield count, self._prepare_inputs(batch)

    @torch.no_grad()
    def evaluate_pairs(self, pairs: Sequence[int], combinations: Sequence[str]) -> ScoredPairs:
        """Rows of the data set under the open stage's loss, scored by policy and reference; nothing is trained.

        Args:
            pairs: Rows that the reference knows; at least one.
            combinations: Combinations of text and image.
        """
        model = cast(nn.Module, self.model_wrapped)
        was_training = model.training
        self._evaluated.clear()
        model.eval()
        try:
            for _, batch in self._shared_batches(pairs, combinations):
                with self.compute_loss_context_manager():
                    self.compute_loss(model, batch)
        finally:
            model.train(was_training)
        scored = self._evaluated.scored(self.accelerator)
        assert scored is not None
        return scored

    @torch.no_grad()
    def _score_batch(self, batch: Mapping[str, Any]) -> QuadLogps:
        model = cast(nn.Module, self.model_wrapped)
        was_training = model.training
        model.eval()
        try:
            with self.compute_loss_context_manager():
                return quad_logps(model, batch, self.forward_path, self._tower)
        finally:
            model.train(was_training)

    def _objective(self) -> Objective:
        """The loss of the open stage, or of the last, or of the settings before any."""
        return self._loop.objective or build_objective(self._settings.losses())

    def _prepare_reference(self, rows: Sequence[int], combinations: tuple[str, ...]) -> None:
        """Makes sure that the reference knows rows that are evaluated outside a training's stage."""
        if self._reference.knows(rows, combinations):
            return
        if not self._reference.policy_is_initial:
            raise UserError(
                "the reference does not know these rows, and the policy has moved on: give eval_dataset to SCPOTrainer "
                "when it is made, or set reference_mode='live'"
            )
        stage = Stage(
            stage=0,
            pairs=rows,
            steps=0,
            keep_reference_weights=self._settings.reference_update == "steps",
            reference_mode=cast(Any, self._settings.reference_mode),
        )
        self._reference.open(OpenTable(stage, rows, combinations), lambda done, total: None)

    def create_model_card(
        self, model_name: str | None = None, dataset_name: str | None = None, tags: str | list[str] | None = None
    ) -> None:
        """Writes the model's card into `output_dir`: data, objective, stages, settings, whom to cite.

        Args:
            model_name: What the card calls the model; the folder's name by default.
            dataset_name: Name of the data set on the hub.
            tags: Further tags.
        """
        # A saved training is for resuming, not for people; its folder's neighbours belong to the director.
        if not self.is_world_process_zero() or self._checkpoints_in is not None:
            return
        folder = Path(self.args.output_dir or ".")
        folder.mkdir(parents=True, exist_ok=True)
        base = getattr(self.policy.config, "_name_or_path", "")
        card = model_card(
            self._settings,
            model_name=model_name or folder.name,
            base_model=base if base and not Path(base).is_dir() else None,
            dataset_name=dataset_name,
            rows=len(cast(Dataset, self.train_dataset)),
            stages=self._director.stages if isinstance(self._director, LocalDirector) else (),
            hub_model_id=self.args.hub_model_id,
            tags=[tags] if isinstance(tags, str) else tags or (),
        )
        card.save(folder / "README.md")

    def whole_weights(self) -> Mapping[str, Any] | None:
        """Weights that are shared out over the processes, brought together; None: each process has all of them."""
        return cast(Any, self.accelerator).get_state_dict(self.model_wrapped) if self._is_sharded else None

    def save_checkpoint_into(self, folder: Path) -> Path:
        """Writes a checkpoint to resume from below `folder`, between two optimiser steps; gives its own folder."""
        self._checkpoints_in = folder
        try:
            self._save_checkpoint(cast(nn.Module, self.model), trial=None)
        finally:
            self._checkpoints_in = None
        return folder / f"checkpoint-{self.state.global_step}"

    def _get_output_dir(self, trial: Any) -> str:
        return super()._get_output_dir(trial) if self._checkpoints_in is None else str(self._checkpoints_in)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.args.save_only_model:
            return
        folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
        self.accelerator.wait_for_everyone()
        write_state(
            folder,
            self._loop.position(),
            self._reference,
            self._shape,
            self._tokens,
            process=self.accelerator.process_index,
            sharded=self._is_sharded,
        )
        self.accelerator.wait_for_everyone()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        if self._is_sharded:
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[arg-type]
        else:
            load_checkpoint_weights(
                cast(nn.Module, self.accelerator.unwrap_model(model or self.model)), resume_from_checkpoint
            )

    def _load_best_model(self) -> None:
        best = self.state.best_model_checkpoint
        if self._is_sharded or best is None:
            super()._load_best_model()
        else:
            load_checkpoint_weights(self.policy, best)

    def _anywhere(self, holds: bool) -> bool:
        """Whether something holds in any process; all must ask."""
        return bool(cast(Tensor, self.accelerator.gather(torch.tensor([holds], device=self.accelerator.device))).any())

    @property
    def _is_sharded(self) -> bool:
        return bool(self.is_fsdp_enabled or self.is_deepspeed_enabled)

    def _require_finite(self, loss: Tensor, losses: Tensor, pairs: Tensor) -> None:
        if self.accelerator.num_processes > 1:
            # All processes must end at the same place.
            losses, pairs = cast(tuple[Tensor, Tensor], self.accelerator.gather((losses.detach(), pairs)))
            loss = losses.mean()
        if math.isfinite(loss.item()):
            return
        bad = [
            int(pair) for pair, value in zip(pairs.tolist(), losses.tolist(), strict=True) if not math.isfinite(value)
        ]
        stage = self._loop.stage
        raise NonFiniteLossError(
            loss.item(), self.state.global_step + 1, 0 if stage is None else stage.stage, pairs.tolist(), bad
        )


def _args(args: SCPOConfig | None, model: Any) -> SCPOConfig:
    if args is None:
        name = model if isinstance(model, str) else getattr(model.config, "_name_or_path", "") or "model"
        return SCPOConfig(f"{Path(name).name}-SCPO")
    if not isinstance(args, SCPOConfig):
        raise UserError(f"args is a {type(args).__name__}: SCPOTrainer expects an SCPOConfig")
    return args
