"""Weights that one trial hands on to others, as files named by their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import objects
from harness.errors import StoreError
from harness.records import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from harness.program import Network, Program

KIND = "weights"


def keep(program: Program, epoch: int, folder: Path) -> Artifact:
    """Store the weights of the best epoch, which the network has afterwards.

    Args:
        program: has just been trained.
        epoch: index of that epoch.
        folder: of the store.
    """
    arrays = {str(place): array for place, array in enumerate(program.keep_best())}
    file = objects.keep_arrays(folder, arrays)
    return Artifact(kind=KIND, epoch=epoch, digest=file.stem)


def take(network: Network, folder: Path | None, digest: str = "") -> None:
    """Fill a network with weights that ``keep`` has stored.

    Args:
        network: of the same structure.
        folder: of the store; ``None``: there is none.
        digest: of the file; empty: nobody has named one.

    Raises:
        StoreError: if the file is gone, damaged, or of another network, or not named.
    """
    if not (folder and digest):
        raise StoreError(
            "expected the weights of the trial that this one needs. Received: none. Train that one "
            "first, with hands_on, and give the hash of its file."
        )
    arrays = objects.read_arrays(folder, digest)
    shapes = [tuple(weight.variable.shape) for weight in network.weights]
    found = arrays and [arrays[str(place)].shape for place in range(len(arrays))]
    if arrays is None or found != shapes:
        raise StoreError(
            f"expected the weights of a source in {objects.place(folder, digest)}. Received: "
            f"{'no such file, or a damaged one' if arrays is None else 'those of another network'}."
            " `keras-harness run` trains the source again."
        )
    for place, weight in enumerate(network.weights):
        weight.variable.assign(arrays[str(place)])
