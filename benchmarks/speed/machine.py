"""The machine that was measured: its processor and memory, never its name or its user."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

LIBRARIES = [
    "ecgcam",
    "torch",
    "numpy",
    "wfdb",
    "lightning",
    "ecgmentations",
    "captum",
    "torch_ecg",
]


def machine() -> dict[str, Any]:
    """Return processor, cores, memory_bytes, system, and bf16 (whether the CPU multiplies it)."""
    about = _processor()
    return {
        "processor": about.get("model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "bf16": cpu_has_bf16(),
    }


def cpu_has_bf16() -> bool:
    """Return whether the CPU has bf16 instructions; without them bf16 is slower than float32."""
    features = torch.cpu.get_capabilities()
    return any(map(features.get, ("amx_bf16", "avx512_bf16", "bf16")))


def _processor() -> dict[str, str]:
    """Return Linux's description of the first core; {} on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
