"""Tells too little memory from other failures."""

from __future__ import annotations

import torch

# What torch's allocator for the CPU, and libraries below it, say in a plain RuntimeError. The last is all that oneDNN
# says when an operation finds no room.
_CPU_ALLOCATOR = ("DefaultCPUAllocator", "Cannot allocate memory", "could not create a primitive")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of an accelerator or of this machine, did not suffice; smaller batches may."""
    found: BaseException | None = error
    # Processors wrap numpy's MemoryError in an exception of their own.
    while found is not None:
        if isinstance(found, (torch.OutOfMemoryError, MemoryError)):
            return True
        if isinstance(found, RuntimeError) and any(words in str(found) for words in _CPU_ALLOCATOR):
            return True
        found = found.__cause__ or found.__context__
    return False
