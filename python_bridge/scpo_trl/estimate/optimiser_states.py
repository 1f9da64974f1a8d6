"""Bytes of what an optimiser remembers of the weights, by the name that `optim` has for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from scpo_trl.errors import UserError

_SMALLEST = 4096
"""Weights of a tensor from which on bitsandbytes keeps it in 8 bits."""
_BLOCK = 256
"""Weights of one scale in 8 bits."""
_BLOCK_OF_4_BITS = 128


@dataclass(frozen=True)
class Trained:
    """A tensor of weights under training.

    Attributes:
        shape: Of the tensor.
        itemsize: Bytes of a weight.
        embedding: Whether it is a table of embeddings, which bitsandbytes keeps in 32 bits.
    """

    shape: tuple[int, ...]
    itemsize: int
    embedding: bool = False

    @property
    def count(self) -> int:
        """Number of weights."""
        return prod(self.shape)


def _whole(states: int) -> Callable[[Trained], float]:
    return lambda tensor: states * tensor.count * tensor.itemsize


def _of_8_bits(states: int) -> Callable[[Trained], float]:
    """bitsandbytes: a byte a weight with a scale a block; small tensors and embeddings in 32 bits."""
    return lambda tensor: (
        states * tensor.count * (4 if tensor.embedding or tensor.count < _SMALLEST else 1 + 4 / _BLOCK)
    )


def _factored(tensor: Trained) -> float:
    """Adafactor without momentum: a row and a column for every matrix."""
    if len(tensor.shape) < 2:
        return 4 * tensor.count
    *others, rows, columns = tensor.shape
    return 4 * prod(others) * (rows + columns)


_BYTES: Mapping[str, Callable[[Trained], float]] = {
    **dict.fromkeys(("adamw_torch", "adamw_torch_fused", "stable_adamw", "grokadamw"), _whole(2)),
    **dict.fromkeys(("schedule_free_adamw", "schedule_free_radam"), _whole(2)),
    **dict.fromkeys(("adamw_bnb_8bit", "adamw_8bit"), _of_8_bits(2)),
    "adamw_torch_8bit": lambda tensor: 2 * tensor.count * (1 + 4 / _BLOCK),
    "adamw_torch_4bit": lambda tensor: 2 * tensor.count * (0.5 + 4 / _BLOCK_OF_4_BITS),
    "adafactor": _factored,
    "sgd": lambda tensor: 0.0,
    "schedule_free_sgd": _whole(1),
    "adagrad": _whole(1),
    "rmsprop": _whole(1),
    **dict.fromkeys(("rmsprop_bnb", "rmsprop_bnb_32bit", "lion_32bit"), lambda tensor: 4 * tensor.count),
    **dict.fromkeys(("rmsprop_bnb_8bit", "lion_8bit"), _of_8_bits(1)),
    "ademamix": lambda tensor: 12 * tensor.count,
    "ademamix_8bit": _of_8_bits(3),
}

_PAGED = "paged_"
_PAGED_NAMES = {"adamw_32bit": "adamw_torch", "adamw_8bit": "adamw_8bit"}
_COPYING = frozenset({"adamw_torch"})
"""Those that make a copy of all that is trained while they step on a GPU."""


@dataclass(frozen=True)
class OptimiserStates:
    """What an optimiser takes.

    Attributes:
        device: Bytes beside the weights.
        host: Bytes in the host's memory, to which paged states give way.
        stepping: Further bytes beside the weights while it steps.
    """

    device: int
    host: int
    stepping: int


def optimiser_states(name: str, trained: Sequence[Trained], gpu: bool) -> OptimiserStates:
    """What an optimiser takes for some weights.

    Args:
        name: As `optim` says it.
        trained: The weights.
        gpu: Whether they are on a GPU, where optimisers of torch treat all tensors at once.

    Raises:
        UserError: Its states are not known here.
    """
    paged = name.startswith(_PAGED)
    bare = name.removeprefix(_PAGED)
    known = _BYTES.get(_PAGED_NAMES.get(bare, bare) if paged else name)
    if known is None:
        raise UserError(
            f"training.optim: what {name} remembers is not known here, so that nothing can be estimated: take one of "
            f"{', '.join(sorted(_BYTES))}, or paged_ before those of 8 bits"
        )
    total = round(sum(map(known, trained)))
    stepping = 0
    if name in _COPYING:
        sizes = [tensor.count * tensor.itemsize for tensor in trained]
        stepping = sum(sizes) if gpu else 2 * max(sizes, default=0)
    return OptimiserStates(0 if paged else total, total if paged else 0, stepping)
