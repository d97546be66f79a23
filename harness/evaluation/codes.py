"""Metrics of the code that an autoencoder has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.generic]
    Scores = NDArray[np.floating]


NEIGHBOURS, NEIGHBOURHOODS = 10, 1000
"""Of trustworthiness: neighbours of a case, and how many of the first test cases are compared."""


RIDGE = 1e-3
"""Of the linear probe, relative to the mean square of a code."""


def probe_accuracy(codes: Scores, labels: Labels, test_codes: Scores, test_labels: Labels) -> float:
    """Accuracy of a ridge classifier of the code: least squares to one target per class.

    Reference:
        Alain & Bengio, "Understanding intermediate layers using linear classifier probes", 2017.
    """
    count = int(labels.max()) + 1
    mean = codes.mean(axis=0)
    spread = codes.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    known, unknown = ((part - mean) / scale for part in (codes, test_codes))
    targets = np.eye(count)[labels] - 1 / count
    square = known.T @ known / len(known) + RIDGE * np.eye(known.shape[1])
    weights = np.linalg.solve(square, known.T @ targets / len(known))
    chosen = (unknown @ weights + targets.mean(axis=0)).argmax(axis=1)
    return float(np.mean(chosen == test_labels))


def trustworthiness(inputs: Labels, codes: Scores) -> float:
    """Degree to which neighbours in the code are neighbours in the inputs, 1 at best.

    Reference:
        Venna & Kaski, "Neighborhood preservation in nonlinear projection methods", 2001.
    """
    from sklearn.manifold import trustworthiness as measure

    some = min(len(codes), NEIGHBOURHOODS)
    near = min(NEIGHBOURS, (some - 1) // 2)
    if near < 1:
        return 1.0
    return float(measure(np.reshape(inputs[:some], (some, -1)), codes[:some], n_neighbors=near))
