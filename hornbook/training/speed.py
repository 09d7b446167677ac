"""What makes a step faster without changing what it computes by more than rounding: compiling, and keeping memory."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import torch

COMPILED_SPEEDUP = 1.2  # measured on two CPU cores, width 128, over this package's own eager step
COMPILE_SECONDS = 45.0  # measured 36 s on two idle cores with an empty cache; seconds with a full one
FEWEST_PASSES = 50  # below it not even measuring pays


def worth_compiling(seconds_per_pass: float, passes_left: int, device: torch.device) -> tuple[bool, str]:
    """Whether torch.compile should save more time than it costs, and why, in one line.

    >>> worth_compiling(0.15, 1000, torch.device("cuda"))
    (False, 'compiling would save 25 s of 150 s and cost about 45 s')
    """
    if device.type == "cpu" and not has_compiler():
        return False, "no C++ compiler (g++, clang++ or $CXX), which torch.compile needs on a CPU"
    left = seconds_per_pass * passes_left
    saved = left * (1 - 1 / COMPILED_SPEEDUP)
    reason = f"compiling would save {saved:.0f} s of {left:.0f} s and cost about {COMPILE_SECONDS:.0f} s"
    return saved > COMPILE_SECONDS, reason


def has_compiler() -> bool:
    """Whether torch.compile would find a C++ compiler."""
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++"))


@contextmanager
def keep_freed_memory(device: torch.device) -> Iterator[None]:
    """Inside, freed memory stays with the process instead of going back to the system and coming back zeroed.

    Every step frees and asks for the same tens of MiB; with glibc's defaults their page faults cost about a fifth of a
    small model's step on a CPU. Nothing happens on a GPU or without glibc.
    """
    trim_threshold, top_pad, mmap_threshold, most_mmaps = -1, -2, -3, -4  # malloc.h: M_TRIM_THRESHOLD and so on
    if device.type != "cpu" or not _has_glibc():
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(most_mmaps, 0)
    libc.mallopt(trim_threshold, 2**31 - 1)
    libc.mallopt(top_pad, 2**26)
    try:
        yield
    finally:  # the values that glibc reaches by itself in a process with large tensors
        libc.mallopt(most_mmaps, 65_536)
        libc.mallopt(mmap_threshold, 2**25)
        libc.mallopt(trim_threshold, 2**26)
        libc.mallopt(top_pad, 2**17)
        libc.malloc_trim(0)


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError):  # no confstr on this system, or it does not know the name
        return False
