"""Too little memory is known by what torch, CUDA, oneDNN and the allocators say of it."""

from __future__ import annotations

import errno

import pyarrow
import pytest
import torch

from scpo_trl.trainer.out_of_memory import is_out_of_memory

SAID = [
    "could not execute a primitive",
    "could not create a primitive",
    "could not create a memory object",
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "4096 bytes. Error code 12 (Cannot allocate memory)",
    "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes.",
    "CUDA error: out of memory",
    "CUDA out of memory. Tried to allocate 2.00 GiB",
    "MPS backend out of memory (MPS allocated: 9.00 GB)",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "std::bad_alloc",
    "HIP error: hipErrorOutOfMemory",
]
OTHERWISE = [
    "could not create a primitive descriptor for the convolution forward propagation primitive. Run workload with "
    "environment variable ONEDNN_VERBOSE=all to get additional diagnostic information.",
    "could not create a memory descriptor from blob",
    "CUDA error: device-side assert triggered",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
]


@pytest.mark.parametrize("text", SAID)
def test_what_libraries_say(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    wrapped = ValueError("the processor failed")
    wrapped.__cause__ = RuntimeError(text)
    assert is_out_of_memory(wrapped)


@pytest.mark.parametrize("text", OTHERWISE)
def test_other_failures(text: str) -> None:
    assert not is_out_of_memory(RuntimeError(text))


def test_by_type() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(pyarrow.ArrowMemoryError("malloc of size 64 failed"))
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))


def test_torch_itself() -> None:
    with pytest.raises(RuntimeError) as told:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(told.value)
