"""Description of the environment of a training, read without importing the packages in it."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.records import Environment

PACKAGES = ("keras", "tensorflow", "numpy", "keras-tuner")
WORKER = 1_000_000_000
"""Bytes of memory for one worker with TensorFlow loaded and a few programs compiled."""

DEVICES = Path("/dev")
DRIVER = Path("/proc/driver/nvidia/gpus")
FLAGS = ("TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS")


def observe() -> Environment:
    """The environment of this process and of the workers it starts."""
    return Environment(
        harness=_version("keras-harness"),
        versions={
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
        processor=_processor(),
        accelerator=_accelerator(),
        flags={name: os.environ[name] for name in FLAGS if name in os.environ},
    )


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gpus() -> list[str]:
    """Ids of the NVIDIA devices that this process may use, found without a driver's library."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = sorted(file.name.removeprefix("nvidia") for file in DEVICES.glob("nvidia[0-9]*"))
    if wanted is None or not found:
        return found
    named = (part.strip() for part in wanted.split(","))
    return [part for part in named if part and not part.startswith("-")]


def room_for_workers() -> int:
    """Number of workers that fit into the memory free now; a large number if that is unknown."""
    free = _free()
    return sys.maxsize if free is None else free // WORKER


def room_for_data(workers: int) -> int:
    """Bytes of data that one of so many workers may keep; a large number if unknown.

    A quarter of the memory that is free now: twice as much is taken while it is loaded, and
    programs and their activations want some too.
    """
    free = _free()
    return sys.maxsize if free is None else free // 4 // max(1, workers)


def _free() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next(
        (int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _accelerator() -> str:
    """The model of the GPUs in use; empty for a training on the processor."""
    if not gpus():
        return ""
    for file in sorted(DRIVER.glob("*/information")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return "NVIDIA"


def _processor() -> str:
    """The processor's model: its vector units decide the order of sums, so the last digits."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = [line.partition(":") for line in reversed(lines)]
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    parts = ("model name", "cpu family", "model")
    return " ".join(fields[part] for part in parts if part in fields) or platform.machine()
