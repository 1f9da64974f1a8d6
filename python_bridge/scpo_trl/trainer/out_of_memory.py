"""Tells too little memory from other failures."""

from __future__ import annotations

import errno
import re

import torch

# How torch's allocators and the libraries below it say so in a plain RuntimeError. oneDNN says no more than that a
# primitive could not be created or executed; one whose descriptor could not be made is a shape that it does not know.
_SAID = re.compile(
    "|".join(
        (
            r"out of memory",
            r"not enough memory",
            r"DefaultCPUAllocator",
            r"can(no|')t allocate memory",
            r"bad_alloc",
            r"could not (create|execute) a primitive(?! descriptor)",
            r"could not create a memory( object)?$",
            r"_STATUS_ALLOC_FAILED",
            r"DEVICE_ALLOCATION_FAILED",
            r"OutOfMemory",
        )
    ),
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of an accelerator or of this machine, did not suffice; smaller batches may."""
    found: BaseException | None = error
    # Processors wrap numpy's MemoryError in an exception of their own.
    while found is not None:
        if isinstance(found, (torch.OutOfMemoryError, MemoryError)):
            return True
        if isinstance(found, OSError) and found.errno == errno.ENOMEM:
            return True
        if isinstance(found, RuntimeError) and _SAID.search(str(found)):
            return True
        found = found.__cause__ or found.__context__
    return False
