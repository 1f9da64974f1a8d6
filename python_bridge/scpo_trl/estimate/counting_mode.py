"""Counts what computations take without computing: bytes that are alive at once, and floating-point operations.

Numbers with a fraction have a shape and no value (torch's fake tensors), so that a model of any size costs nothing.
Whole numbers and truth values are real: tokens and masks decide about shapes, and about the way through a model.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

aten: Any = torch.ops.aten

PASS_WEIGHTS = "weights in the type of the passes"
"""Part of the copies that mixed precision keeps while the passes run."""

OTHER = "activations"
"""Part of everything that has no part of its own."""

_FILLED: Mapping[Any, Callable[..., Tensor]] = {
    aten.zeros_like: lambda like, **kinds: torch.zeros(like.shape, **kinds),
    aten.ones_like: lambda like, **kinds: torch.ones(like.shape, **kinds),
    aten.full_like: lambda like, value, **kinds: torch.full(like.shape, value, **kinds),
    aten.empty_like: lambda like, **kinds: torch.zeros(like.shape, **kinds),
    aten.new_zeros: lambda like, size, **kinds: torch.zeros(size, **kinds),
    aten.new_ones: lambda like, size, **kinds: torch.ones(size, **kinds),
    aten.new_full: lambda like, size, value, **kinds: torch.full(size, value, **kinds),
    aten.new_empty: lambda like, size, **kinds: torch.zeros(size, **kinds),
}
"""What makes whole numbers out of the shape of a tensor alone."""


_INDEXED = (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index)


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))


def _attention_backward(gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    return int(sdpa_backward_flop_count(gradient.shape, query.shape, key.shape, value.shape))


_FLOPS: Mapping[Any, Callable[..., int]] = {
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
"""Of operations that torch's own counter leaves out."""


class CountingMode(TorchDispatchMode):
    """Within, tensors with a fraction are fake and every storage that comes into being is counted while it lives.

    Args:
        fake: The mode that the fake tensors belong to.
        vocabulary: A tensor whose last dimension is this belongs to the part `logits`.

    Attributes:
        flops: Floating-point operations so far.
        peak: Most bytes that were alive at once.
        at_peak: These bytes by part.
    """

    def __init__(self, fake: FakeTensorMode, vocabulary: int) -> None:
        super().__init__()
        self._fake = fake
        self._vocabulary = vocabulary
        self._alive: dict[int, tuple[int, str]] = {}
        self._bytes: Counter[str] = Counter()
        self._total = 0
        self.flops = 0
        self.peak = 0
        self.at_peak: dict[str, int] = {}

    def claim(self, tensors: Iterable[Tensor], part: str) -> None:
        """Gives the storages of some tensors to a part; those that were not counted before are from now on."""
        for tensor in tensors:
            self._count(tensor, part, anew=True)

    def forget_peak(self) -> None:
        """Begins a new peak at what is alive now."""
        self.peak, self.at_peak, self.flops = self._total, dict(self._bytes), 0

    def held(self, part: str) -> int:
        """Bytes of a part that are alive now."""
        return self._bytes[part]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        formula = _FLOPS.get(func._overloadpacket) or flop_registry.get(func._overloadpacket)
        result = self._run(func, args, kwargs)
        if formula is not None:
            self.flops += int(formula(*args, **kwargs, **({} if formula in _FLOPS.values() else {"out_val": result})))
        part = _part_of_copy(func, args, self._alive)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf, part or self._part(leaf))
        return result

    def _run(self, func: Any, args: Any, kwargs: Any) -> Any:
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        fakes = [tensor for tensor in tensors if isinstance(tensor, FakeTensor)]
        if func is aten._local_scalar_dense.default and fakes:
            return True if tensors[0].dtype == torch.bool else 1.0 if tensors[0].is_floating_point() else 1
        if func is aten.equal.default and fakes:
            return False
        make = _FILLED.get(func._overloadpacket)
        if make is not None and fakes and not (kwargs.get("dtype") or tensors[0].dtype).is_floating_point:
            with unset_fake_temporarily():
                return make(*args, dtype=kwargs.get("dtype") or tensors[0].dtype)
        if fakes:
            return func(*_with_places(func, args), **kwargs)
        with_fraction = any(tensor.is_floating_point() for tensor in tensors)
        if with_fraction or (not tensors and _makes_fractions(func, args, kwargs)):
            return func(*args, **kwargs)
        with unset_fake_temporarily():
            result = func(*args, **kwargs)
        return tree_map(self._without_value, result)

    def _without_value(self, value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return self._fake.from_tensor(value)
        return value

    def _part(self, tensor: Tensor) -> str:
        return "logits" if tensor.dim() >= 2 and tensor.shape[-1] == self._vocabulary else OTHER

    def _count(self, tensor: Tensor, part: str, anew: bool = False) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        known = self._alive.get(key)
        if known is not None:
            if anew:
                size, was = known
                self._alive[key] = (size, part)
                self._bytes[was] -= size
                self._bytes[part] += size
            return
        size = storage.nbytes()
        self._alive[key] = (size, part)
        weakref.finalize(storage, self._free, key)
        self._bytes[part] += size
        self._total += size
        if self._total > self.peak:
            self.peak, self.at_peak = self._total, dict(self._bytes)

    def _free(self, key: int) -> None:
        size, part = self._alive.pop(key)
        self._bytes[part] -= size
        self._total -= size


def _with_places(func: Any, args: Any) -> Any:
    """The arguments, a mask that picks values as the places that it picks, whose number is known."""
    if func._overloadpacket not in _INDEXED:
        return args
    places: list[Tensor | None] = []
    with unset_fake_temporarily():
        for index in args[1]:
            if index is not None and index.dtype == torch.bool and not isinstance(index, FakeTensor):
                places.extend(index.nonzero().unbind(1))
            else:
                places.append(index)
    return (args[0], places, *args[2:])


def _part_of_copy(func: Any, args: Any, alive: Mapping[int, tuple[int, str]]) -> str | None:
    """What mixed precision keeps of the weights while the passes run."""
    if func is not aten._to_copy.default:
        return None
    source = alive.get(args[0].untyped_storage()._cdata)
    return PASS_WEIGHTS if source is not None and source[1] == "weights" else None


def _makes_fractions(func: Any, args: Any, kwargs: Any) -> bool:
    dtype = kwargs.get("dtype")
    if dtype is not None:
        return bool(dtype.is_floating_point)
    name = func._overloadpacket.__name__
    if name == "arange":
        return any(isinstance(arg, float) for arg in args)
    if name in ("full", "scalar_tensor"):
        return isinstance(args[-1], float)
    return name not in ("randint", "randperm", "tril_indices", "triu_indices")
