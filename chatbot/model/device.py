"""The device and the dtype in which a model runs."""

import contextlib
import ctypes
import gc
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import torch

from chatbot.errors import ConfigError
from chatbot.model.host import available_host_memory
from chatbot.settings.schema import RuntimeConfig

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

_IMPORTS_BYTES = 450_000_000  # torch, transformers, peft
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def choose_device(setting: str, local_rank: int | None = None) -> torch.device:
    """Resolve `runtime.device`: auto takes CUDA, then Apple's GPU, then the CPU.

    `local_rank`: index of this process's GPU, if the setting names none.
    """
    name = setting
    if name == "auto":
        if torch.cuda.is_available():
            name = "cuda"
        else:
            name = "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type == "cuda" and device.index is None and local_rank is not None:
            device = torch.device("cuda", local_rank)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"`runtime.device` {name!r} is unavailable", hint="set `runtime.device` to auto"
        ) from error
    return device


def choose_dtype(settings: RuntimeConfig, device: torch.device) -> torch.dtype:
    """Resolve `runtime.dtype`: bf16 where hardware supports it, else fp16 on CUDA, else fp32."""
    if settings.dtype != "auto":
        return _DTYPES[settings.dtype]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
    if device.type == "cpu" and _cpu_multiplies_bf16():
        return torch.bfloat16
    return torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name of a dtype without "torch.".

    >>> dtype_name(torch.bfloat16)
    'bfloat16'
    """
    return str(dtype).removeprefix("torch.")


@cache
def _cpu_multiplies_bf16() -> bool:
    """Without these instructions bf16 on a CPU is slower than fp32 (pytorch #118499)."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return False
    flags = next((li for li in cpuinfo.read_text().splitlines() if li.startswith("flags")), "")
    return "avx512_bf16" in flags or "amx_bf16" in flags


def free_memory(device: torch.device) -> int | None:
    """Return the free bytes of a GPU; None if unknown (a CPU, Apple's GPU)."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + kept  # memory that torch has cached is free as well


def release_memory() -> None:
    """Release the cached memory of a finished stage."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def available_memory(device: torch.device) -> int | None:
    """Return the free bytes of a GPU, or of a Linux machine for a CPU; None if unknown."""
    return available_host_memory() if device.type == "cpu" else free_memory(device)


def used_memory(device: torch.device) -> int:
    """Return the bytes that this process uses now: of a GPU its tensors, else of the machine."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else resident_memory()


def resident_memory() -> int:
    """Return the bytes that this process uses now; if unknown, what imports use."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return _IMPORTS_BYTES
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Return the context in which forward passes run in `dtype`."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def computing_dtype(device: torch.device, otherwise: torch.dtype) -> torch.dtype:
    """Return the dtype of matrix products under autocast; `otherwise` if it is off."""
    if not torch.is_autocast_enabled(device.type):
        return otherwise
    return torch.get_autocast_dtype(device.type)


def keep_freed_memory() -> None:
    """Make the C library reuse freed memory instead of requesting new pages.

    A step allocates and frees the same large tensors again and again: on a CPU, clearing new pages
    took a sixth of its time. Has no effect without glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the maximum
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def map_tensors() -> None:
    """Make the C library map every tensor separately, and return it to the system once freed.

    In glibc's heap a freed aligned block is rarely reused for the next of its size: a step of 2,048
    tokens on a base took 1.1 GB more than its tensors. Has no effect without glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 256 << 10)
