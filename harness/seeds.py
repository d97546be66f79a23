"""Random streams that depend on the purpose of a draw, never on who draws it or when.

A stream is named by (study seed, phase, replicate, purpose). Neither the arm nor the
worker nor the order of execution enters, so all arms of one replicate see the same split,
the same batch order and the same underlying initial draws: comparisons are paired.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.spec import Trial


def stream(seed: int, phase: str, replicate: int, *purpose: str | int) -> np.random.Generator:
    """The generator of one purpose, the same in every process.

    Args:
        seed: the study's seed.
        phase: ``"tune"`` or ``"confirm"``; the two never share a draw.
        replicate: index of the replicate, from 0.
        purpose: what is drawn, such as ``"order"`` or ``"init", "64x10", 0``.

    Returns:
        A counter-based generator (Philox), keyed by a hash of the arguments.

    Example:
        >>> a, b = (stream(1, "confirm", 0, "order").random() for _ in range(2))
        >>> bool(a == b)
        True
    """
    text = "\x1f".join(map(str, ("keras-harness", seed, phase, replicate, *purpose)))
    key = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def salted(trial: Trial, *purpose: str | int) -> np.random.Generator:
    """Generator of one purpose in a training, which depends on the trial's salt.

    Splits, and the noise on what a trial is judged by, are not salted.

    Args:
        trial: gives seed, phase, replicate and perhaps a salt.
        purpose: what is drawn, as in ``stream``.
    """
    salt = trial.settings.get("salt")
    named = purpose if salt is None else (*purpose, "salt", str(salt))
    return stream(trial.seed, trial.phase, trial.replicate, *named)


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Standard normal numbers, from raw uniforms only, which NumPy keeps stable over versions."""
    from scipy.special import ndtri

    drawn: NDArray[np.float64] = ndtri(np.maximum(generator.random(shape), 2.0**-54))
    return drawn


def permutation(generator: np.random.Generator, size: int) -> NDArray[np.intp]:
    """A random order of ``range(size)``, from raw uniforms only.

    NumPy keeps the raw doubles of a bit generator stable over versions, its shuffling
    algorithms not.
    """
    return np.argsort(generator.random(size), kind="stable")
