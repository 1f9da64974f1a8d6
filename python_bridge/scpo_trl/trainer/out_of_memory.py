"""Tells too little memory from other failures."""

from __future__ import annotations

import torch

# What torch's allocator for the CPU says in a plain RuntimeError; the second is the operating system's own text.
_CPU_ALLOCATOR = ("DefaultCPUAllocator", "Cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of an accelerator or of this machine, did not suffice; smaller batches may."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _CPU_ALLOCATOR)
