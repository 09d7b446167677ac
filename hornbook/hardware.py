"""Devices and their speeds: GPUs by name, and this machine as it is measured."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hardware:
    """A device: dense peak speeds (matrix units at 16 bits, vector units at 32) and memory, as its maker gives them."""

    name: str
    tflops_16bit: float
    tflops_fp32: float
    memory_gb: float

    def tflops(self, precision: str) -> float:
        """Peak speed at a recipe's precision."""
        return self.tflops_fp32 if precision == "fp32" else self.tflops_16bit


HARDWARE = (
    Hardware("A100-80GB", 312, 19.5, 80),
    Hardware("H100 SXM", 989, 67, 80),
    Hardware("H200", 989, 67, 141),
    Hardware("B200", 2250, 75, 180),
    Hardware("L40S", 362, 91.6, 48),
    Hardware("RTX 4090", 165, 82.6, 24),
)
"""GPUs by name; figures without sparsity from NVIDIA's data sheets."""


def measure_machine(size: int = 1024, repeats: int = 5) -> Hardware:
    """This machine as a device: the best of a few matrix products, on its first GPU or else its CPU.

    Takes well under a second on most machines. The 16-bit product is bf16.
    """
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = size * 8 if device.type == "cuda" else size
    speeds = {}
    for dtype in (torch.bfloat16, torch.float32):
        left, right = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(2))
        best = math.inf
        for _ in range(repeats + 1):
            started_at = time.perf_counter()
            product = left @ right
            product[0, 0].item()  # waits for a GPU
            best = min(best, time.perf_counter() - started_at)
        speeds[dtype] = 2 * size**3 / best / 1e12
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(0)
        name, memory = f"this machine's {properties.name}", properties.total_memory
    else:
        name, memory = f"this machine ({torch.get_num_threads()} threads)", memory_bytes()[0]
    return Hardware(name, speeds[torch.bfloat16], speeds[torch.float32], memory / 1e9)


def memory_bytes() -> tuple[int, int]:
    """Memory of this machine, or of the container this process is in: all of it, and what is free."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * page
    lines = (line.partition(":") for line in read("/proc/meminfo").splitlines())
    free = next((int(value.split()[0]) * 1024 for key, _, value in lines if key == "MemAvailable"), total)
    limit, used = cgroup_number("memory.max"), cgroup_number("memory.current")
    if limit is not None and limit < total:
        total, free = int(limit), min(free, int(limit - (used or 0)))
    return total, free


def cgroup_number(name: str) -> float | None:
    """A limit of this process's control group (`cpu.max` in cores, else bytes), or None where there is none."""
    values = read(f"/sys/fs/cgroup/{name}").split()
    if not values or values[0] == "max":
        return None
    return int(values[0]) / int(values[1]) if len(values) == 2 else float(values[0])


def read(path: str) -> str:
    """A small file's text; empty where this system has no such file."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
