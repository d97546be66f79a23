"""Reads the environment that a training would run in, without importing what it names."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.records import Environment

PACKAGES = ("keras", "tensorflow", "numpy", "keras-tuner")
FLAGS = ("TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "CUDA_VISIBLE_DEVICES")


def observe() -> Environment:
    """The environment of this process and of the workers it starts."""
    return Environment(
        harness=_version("keras-harness"),
        versions={
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
        processor=_processor(),
        flags={name: os.environ[name] for name in FLAGS if name in os.environ},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


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
