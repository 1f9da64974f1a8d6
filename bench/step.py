"""Seconds, memory and exactness of an SCPO step beside TRL's DPO step: `npm run bench:step -- [--shape A B C]`.

On the same rows: (i) stock DPO on the doubled batch, the same four sequences of every pair; (ii) stock DPO on its two;
(iii) SCPO written naively: four sequences of the policy and four of a live reference, every saving off; (iv) ours with
each saving added. One round times every variant once, so that what else the machine does falls on all; medians over the
rounds. What a stage costs before its first step (the reference's table, the tower's features) is timed apart and spread
over the steps of its epochs; how much of it the making of batches took (decoding, processor), which no step's time
counts, is told besides ("computed": without it).

`--device cuda` takes larger shapes in bfloat16 on a GPU, one variant after the other, since two do not fit beside each
other, and adds FlexAttention.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from attention_flops import CPU_ATTENTION
from step_limit import Limit, PartsClock
from step_shapes import SHAPES, Shape, make_model, make_pairs, make_processor, shapes_of, stock_rows
from torch.utils.flop_counter import FlopCounterMode
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from scpo_trl import SCPOConfig, SCPOTrainer
from scpo_trl.trainer.forward.forward import quad_logps
from scpo_trl.trainer.forward.forward_path import PLAIN, SAVINGS, choose_path
from scpo_trl.trainer.forward.tower_features import tower_features
from scpo_trl.trainer.rows.collator import QuadCollator

STOCK_FOUR, STOCK_TWO, NAIVE = "stock DPO, the same four", "stock DPO, its two", "naive"
FLEX = "all, FlexAttention"
STEPS_OF_OURS = ("table", "trim_logits", "encode_once", "shared_prefix", "causal_kernel", "cached_features")


def variants(shape: Shape, device: str) -> list[str]:
    """Names of what is timed, ours with one saving more each."""
    names = [STOCK_FOUR, STOCK_TWO, NAIVE, *(f"+ {saving}" for saving in savings_of(shape))]
    # FlexAttention has no backward pass on a CPU.
    return [*names, FLEX] if device == "cuda" else names


def savings_of(shape: Shape) -> tuple[str, ...]:
    """Ours, one after the other; a tower that is trained has no features to keep."""
    return STEPS_OF_OURS if shape.tower_frozen else STEPS_OF_OURS[:-1]


class Clock(TrainerCallback):
    """Seconds of every optimiser step: forward passes, backward pass, optimiser; not the making of batches."""

    def __init__(self, device: str) -> None:
        self.seconds: list[float] = []
        self._device = device
        self._started = 0.0

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self._finish()
        self._started = time.perf_counter()

    def _finish(self) -> None:
        """A GPU works on after the call that told it to has returned."""
        if self._device == "cuda":
            torch.cuda.synchronize()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self._finish()
        self.seconds.append(time.perf_counter() - self._started)


class Variant:
    """A trainer that can take steps again and again, and what they cost.

    Args:
        name: See `variants`.
        shape: Sizes.
        steps: Steps a round, after one that is not counted.
        out: Folder for the trainer.
        device: `cpu` or `cuda`.
    """

    def __init__(self, name: str, shape: Shape, steps: int, out: str, device: str) -> None:
        self.name, self.shape, self.device = name, shape, device
        self.clock = Clock(device)
        self.table_seconds: list[float] = []
        self.table_batches_seconds: list[float] = []
        self.processor = make_processor(shape)
        self.pairs = make_pairs(shape, shape.batch * (steps + 1))
        common: dict[str, Any] = {
            "output_dir": out,
            "max_length": None,
            "bf16": device == "cuda",
            "gradient_checkpointing": False,
            "use_cpu": device == "cpu",
            "report_to": "none",
            "save_strategy": "no",
            "logging_strategy": "no",
            "disable_tqdm": True,
            "learning_rate": 1e-6,
            "num_train_epochs": 1,
        }
        self.model = make_model(shape, device)
        if name == FLEX:
            self.model.set_attn_implementation({"text_config": "flex_attention"})
        prefixes = ["model.vision_tower"] if shape.tower_frozen else []
        if name in (STOCK_FOUR, STOCK_TWO):
            doubled = name == STOCK_FOUR
            reference = make_model(shape, device)
            if shape.tower_frozen:
                self.model.model.vision_tower.requires_grad_(False)
            self.trainer: Any = DPOTrainer(
                model=self.model,
                ref_model=reference,
                args=DPOConfig(per_device_train_batch_size=shape.batch * (2 if doubled else 1), **common),
                train_dataset=stock_rows(self.pairs, doubled),
                processing_class=self.processor,
                callbacks=[self.clock],
            )
            self.trainer.remove_callback(PrinterCallback)
            return
        on = savings_of(shape) if name == FLEX else ()
        if name.startswith("+ "):
            on = STEPS_OF_OURS[: STEPS_OF_OURS.index(name.removeprefix("+ ")) + 1]
        self.trainer = SCPOTrainer(
            model=self.model,
            args=SCPOConfig(
                per_device_train_batch_size=shape.batch,
                frozen_prefixes=prefixes,
                savings_off=[saving for saving in SAVINGS if saving not in on],
                reference_mode="table" if "table" in on else "live",
                reference_update="fixed" if "table" not in on else "stage",
                **common,
            ),
            train_dataset=self.pairs,
            processing_class=self.processor,
            callbacks=[self.clock],
        )
        opened = self.trainer._director.stage_opened

        making = 0.0
        batches = self.trainer._shared_batches

        def timed_batches(*args: Any) -> Any:
            nonlocal making
            made = batches(*args)
            while True:
                started = time.perf_counter()
                batch = next(made, None)
                making += time.perf_counter() - started
                if batch is None:
                    return
                yield batch

        def note(stage: Any, seconds: float) -> None:
            nonlocal making
            self.table_seconds.append(seconds)
            self.table_batches_seconds.append(making)
            making = 0.0
            opened(stage, seconds)

        self.trainer._shared_batches = timed_batches
        self.trainer._director.stage_opened = note
        self.trainer.remove_callback(PrinterCallback)

    def round(self) -> None:
        """Trains once over the rows; the first step, which warms up, is not counted."""
        if isinstance(self.trainer, SCPOTrainer):
            # Every round is the first of its training: with its table, and with nothing in the cache.
            self.trainer._director._position = -1
            reference = self.trainer._reference
            reference.initial = reference.current = None
            reference.policy_is_initial = True
            self.trainer._tower = tower_features(self.model, self.trainer.forward_path, self.trainer._settings)
        counted = len(self.clock.seconds)
        self.trainer.train()
        del self.clock.seconds[counted]

    def warm_up(self) -> float:
        """A round that does not count, in which kernels are loaded, chosen and compiled; seconds."""
        started = time.perf_counter()
        self.round()
        for seconds in (self.clock.seconds, self.table_seconds, self.table_batches_seconds):
            seconds.clear()
        return time.perf_counter() - started

    def table_a_step(self, batches_only: bool = False) -> float:
        """Seconds of the reference's table and the features for the pairs of one step, or of making its batches."""
        if self.name in (STOCK_FOUR, STOCK_TWO, NAIVE):
            return 0.0
        seconds = self.table_batches_seconds if batches_only else self.table_seconds
        return statistics.median(seconds) * self.shape.batch / len(self.pairs)


def flops(variant: Variant) -> dict[str, float]:
    """Counted floating-point operations of a step's parts."""
    trainer, counter = variant.trainer, FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION)
    rows = [variant.pairs[index] for index in range(variant.shape.batch)]
    if isinstance(trainer, SCPOTrainer):
        batch = on_device(QuadCollator(variant.processor)(rows), variant.model)
        tower = tower_features(variant.model, trainer.forward_path, trainer._settings)
        with torch.no_grad(), counter:
            quad_logps(variant.model, batch, trainer.forward_path, tower)
        table = counter.get_total_flops()
        with counter:
            logps = quad_logps(variant.model, batch, trainer.forward_path, tower)
            torch.stack(logps[:4]).sum().backward()
        variant.model.zero_grad(set_to_none=True)
        step = counter.get_total_flops()
        # Naive asks its reference at every step instead.
        return {"table": 0.0, "step": step + table} if variant.name == NAIVE else {"table": table, "step": step}
    batch = first_batch(variant)
    variant.model.train()
    with counter:
        trainer.compute_loss(variant.model, batch).backward()
    variant.model.zero_grad(set_to_none=True)
    return {"table": 0.0, "step": counter.get_total_flops()}


def first_batch(variant: Variant) -> dict[str, Any]:
    """Stock's first batch."""
    trainer = variant.trainer
    rows = [trainer.train_dataset[index] for index in range(trainer.args.train_batch_size)]
    return on_device(trainer.data_collator(rows), variant.model)


def on_device(batch: Any, model: Any) -> dict[str, Any]:
    """The batch where the model is, pixels in the model's precision."""
    parameter = next(model.parameters())
    moved = {name: value.to(parameter.device) if torch.is_tensor(value) else value for name, value in batch.items()}
    return {**moved, "pixel_values": moved["pixel_values"].to(parameter.dtype)}


def differences(shape: Shape, device: str) -> dict[str, float]:
    """Largest differences of a log-probability, nats a sequence, all savings on and all off."""

    def logps(fast: bool, exact: bool, attention: str = "sdpa") -> torch.Tensor:
        model = make_model(shape, device, exact).eval()
        model.set_attn_implementation({"text_config": attention})
        if shape.tower_frozen:
            model.model.vision_tower.requires_grad_(False)
        path = choose_path(model) if fast else PLAIN
        batch = on_device(QuadCollator(make_processor(shape))([make_pairs(shape, 1)[0]]), model)
        with torch.no_grad():
            found = quad_logps(model, batch, path, tower_features(model, path, SCPOConfig("unused", use_cpu=True)))
        return torch.stack(found[:4])

    plain = logps(fast=False, exact=True)
    measured = {"float32": logps(fast=True, exact=True) - plain}
    if device == "cuda":
        measured["float32, FlexAttention"] = logps(fast=True, exact=True, attention="flex_attention") - plain
        measured["bfloat16's own rounding"] = logps(fast=False, exact=False) - plain
        measured["bfloat16"] = logps(fast=True, exact=False) - plain
        measured["bfloat16, FlexAttention"] = logps(fast=True, exact=False, attention="flex_attention") - plain
    return {name: difference.abs().max().item() for name, difference in measured.items()}


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
    """Most bytes of this process in memory so far."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def measure_memory(name: str, shape_name: str) -> int:
    """Peak bytes of a variant's steps above the loaded models, median of five processes."""
    command = [sys.executable, __file__, "--memory-of", name, "--shape", shape_name]
    found = []
    for _ in range(5):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-2000:])
        found.append(int(done.stdout.strip().splitlines()[-1]))
    return statistics.median(found)


@dataclass(frozen=True)
class Measured:
    """What a variant took.

    Attributes:
        name: See `variants`.
        seconds: Of every timed step.
        table: Seconds of the reference's table and the features for the pairs of one step.
        table_batches: Those of them in which images are decoded and processed, which no step's time counts.
        flops: See `flops`.
        peak: Most bytes above the loaded models.
        warm_up: Seconds of the round that did not count; None where there was none.
    """

    name: str
    seconds: list[float]
    table: float
    table_batches: float
    flops: dict[str, float]
    peak: int | None
    warm_up: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def interleaved(name: str, shape: Shape, rounds: int, steps: int, memory: bool) -> tuple[list[Measured], Limit]:
    """Every variant, and the parts of stock's step, once a round, so that what else the machine does falls on all."""
    with tempfile.TemporaryDirectory() as out:
        timed = [Variant(variant, shape, steps, out, "cpu") for variant in variants(shape, "cpu")]
        two = next(variant for variant in timed if variant.name == STOCK_TWO)
        parts = PartsClock(two.model, first_batch(two), shape)
        for number in range(rounds):
            for variant in timed:
                variant.round()
                gc.collect()
            for _ in range(steps):
                parts.round()
            print(f"shape {name}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        counted = [flops(variant) for variant in timed]
    measured = [
        Measured(
            variant.name,
            variant.clock.seconds,
            variant.table_a_step(),
            variant.table_a_step(batches_only=True),
            count,
            measure_memory(variant.name, name) if memory else None,
        )
        for variant, count in zip(timed, counted, strict=True)
    ]
    return measured, parts.limit()


def one_by_one(name: str, shape: Shape, rounds: int, steps: int) -> list[Measured]:
    """All rounds of a variant, then the next, each with the GPU's memory to itself."""
    found = []
    for each in variants(shape, "cuda"):
        with tempfile.TemporaryDirectory() as out:
            variant = Variant(each, shape, steps, out, "cuda")
            gc.collect()
            torch.cuda.empty_cache()
            loaded = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            warm_up = variant.warm_up()
            for _ in range(rounds):
                variant.round()
            peak = torch.cuda.max_memory_allocated() - loaded
            # The counter knows nothing of FlexAttention, whose work is at most that of the mask that it stands for.
            count = found[-1].flops if each == FLEX else flops(variant)
            table, batches = variant.table_a_step(), variant.table_a_step(batches_only=True)
            found.append(Measured(each, variant.clock.seconds, table, batches, count, peak, warm_up))
            del variant
        gc.collect()
        torch.cuda.empty_cache()
        print(f"shape {name}: {each}: {found[-1].median:.3f} s", file=sys.stderr, flush=True)
    return found


def run_shape(name: str, device: str, rounds: int, steps: int, memory: bool) -> dict[str, Any]:
    shape = shapes_of(device)[name]
    limit = None
    if device == "cuda":
        timed = one_by_one(name, shape, rounds, steps)
    else:
        timed, limit = interleaved(name, shape, rounds, steps, memory)
    difference = differences(shape, device)
    seconds = {variant.name: variant.median for variant in timed}
    counted = {variant.name: variant.flops for variant in timed}
    tokens = 4 * shape.batch * (shape.patches**2 + shape.prompt + shape.answer)
    rows = []
    for variant in timed:
        row: dict[str, Any] = {
            "variant": variant.name,
            "seconds": seconds[variant.name],
            "spread": [min(variant.seconds), max(variant.seconds)],
            "table_seconds": variant.table,
            "table_batches_seconds": variant.table_batches,
        }
        for epochs in (1, 3):
            whole = seconds[variant.name] + variant.table / epochs
            computed = whole - variant.table_batches / epochs
            count = counted[variant.name]["step"] + counted[variant.name]["table"] / epochs
            row[f"epochs_{epochs}"] = {
                "seconds": whole,
                "to_stock_four": whole / seconds[STOCK_FOUR],
                "to_stock_two": whole / seconds[STOCK_TWO],
                "computed_to_stock_four": computed / seconds[STOCK_FOUR],
                "computed_to_stock_two": computed / seconds[STOCK_TWO],
                "tokens_per_second": tokens / whole / (2 if variant.name == STOCK_TWO else 1),
                "flops_to_stock_four": count / counted[STOCK_FOUR]["step"],
                "flops_to_stock_two": count / counted[STOCK_TWO]["step"],
            }
        if variant.peak is not None:
            row["peak_bytes_above_model"] = variant.peak
        if variant.warm_up is not None:
            row["warm_up_seconds"] = variant.warm_up
        rows.append(row)
    limits: dict[str, Any] = {}
    for epochs in (1, 3) if limit is not None else ():
        whole = limit.seconds(shape, epochs)
        limits[f"epochs_{epochs}"] = {
            "seconds": whole,
            "to_stock_four": whole / seconds[STOCK_FOUR],
            "to_stock_two": whole / seconds[STOCK_TWO],
        }
    return {
        "shape": name,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "precision": "bfloat16" if device == "cuda" else "float32",
        **asdict(shape),
        "rounds": rounds,
        "steps_a_round": steps,
        "threads": torch.get_num_threads(),
        "logp_differences_to_naive": difference,
        "head_share_of_body": shape.vocabulary / (shape.layers * (4 * shape.hidden + 3 * shape.intermediate)),
        "parts_of_stock_two_seconds": None if limit is None else asdict(limit),
        "limit_by_parts": limits,
        "variants": rows,
    }


def table(result: dict[str, Any]) -> str:
    """The result as text."""
    close = ", ".join(f"{name} {value:.1e}" for name, value in result["logp_differences_to_naive"].items())
    lines = [
        f"shape {result['shape']}: {result['about']}; {result['batch']} pairs a step, {result['device']}, "
        f"{result['precision']}, medians of {result['rounds'] * result['steps_a_round']} steps; "
        f"log-probs differ from naive: {close}",
        f"{'variant':26} {'s/step':>7} {'table':>6} {'of it batches':>13} {'1 epoch: /four':>15} {'computed':>8} "
        f"{'/two':>6} {'count':>6} {'3 epochs: /four':>16} {'computed':>8} {'/two':>6} {'count':>6} {'tokens/s':>9} "
        f"{'peak MB':>8}",
    ]
    for row in result["variants"]:
        one, three = row["epochs_1"], row["epochs_3"]
        memory = f"{row['peak_bytes_above_model'] / 1e6:8.0f}" if "peak_bytes_above_model" in row else ""
        lines.append(
            f"{row['variant']:26} {row['seconds']:7.3f} {row['table_seconds']:6.3f} "
            f"{row['table_batches_seconds']:13.3f} "
            f"{one['to_stock_four']:15.3f} {one['computed_to_stock_four']:8.3f} {one['to_stock_two']:6.3f} "
            f"{one['flops_to_stock_four']:6.3f} {three['to_stock_four']:16.3f} {three['computed_to_stock_four']:8.3f} "
            f"{three['to_stock_two']:6.3f} {three['flops_to_stock_four']:6.3f} {one['tokens_per_second']:9.0f} {memory}"
        )
    if result["limit_by_parts"]:
        one, three = (result["limit_by_parts"][f"epochs_{epochs}"] for epochs in (1, 3))
        lines.append(
            "with every part as fast as in stock's two: "
            f"1 epoch {one['to_stock_four']:.3f} of four, {one['to_stock_two']:.3f} of two; "
            f"3 epochs {three['to_stock_four']:.3f}, {three['to_stock_two']:.3f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2, help="timed steps a round")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--out", type=Path, help="default: docs/results/bench-step.json, or bench-step-cuda.json")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory_of is not None:
        with tempfile.TemporaryDirectory() as out:
            variant = Variant(options.memory_of, SHAPES[options.shape[0]], 1, out, "cpu")
            gc.collect()
            loaded = resident()
            variant.round()
            print(peak() - loaded)
        return
    results = []
    for name in options.shape:
        results.append(run_shape(name, options.device, options.rounds, options.steps, not options.no_memory))
        print(table(results[-1]), flush=True)
    if options.out is None:
        options.out = Path("docs/results") / ("bench-step.json" if options.device == "cpu" else "bench-step-cuda.json")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = options.out.with_suffix(".writing")
    temporary.write_text(json.dumps({"results": results}, indent=2) + "\n")
    temporary.replace(options.out)
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
