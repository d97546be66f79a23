"""Metrics of reconstructions: how near outputs are to the inputs that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.generic]
    Scores = NDArray[np.floating]


def psnr(inputs: Labels, outputs: Scores) -> float:
    r"""Peak signal-to-noise ratio, :math:`10 \log_{10} (r^2 / MSE)` with the range r of inputs."""
    found = errors(inputs, outputs)
    exact = np.asarray(inputs, np.float64)
    peak = float(np.nanmax(exact) - np.nanmin(exact)) or 1.0
    return float(np.mean(10 * np.log10(peak**2 / np.maximum(found, np.finfo(np.float32).tiny))))


def explained(inputs: Labels, outputs: Scores) -> float:
    r"""Share of the total variance that is kept, :math:`1 - \sum e^2 / \sum (x - \bar x)^2`."""
    exact = np.asarray(inputs, np.float64)
    total = np.nansum(np.square(exact - np.nanmean(exact, axis=0)))
    return float(1 - np.nansum(np.square(exact - outputs)) / (total or 1.0))


WINDOW = 11
"""Pixels a side of the Gaussian window of SSIM, where the images have as many."""


def ssim(inputs: Labels, outputs: Scores) -> float:
    r"""Structural similarity of images, 1 for equal ones.

    The mean over images and places of

    .. math:: \frac{(2 \mu_x \mu_y + c_1)(2 \sigma_{xy} + c_2)}
        {(\mu_x^2 + \mu_y^2 + c_1)(\sigma_x^2 + \sigma_y^2 + c_2)}

    in a Gaussian window of deviation 1.5, with :math:`c_i = (k_i r)^2`, k = 0.01 and 0.03, and the
    range r of the inputs.

    Args:
        inputs: images of shape ``(cases, height, width)`` or ``(cases, height, width, channels)``.
        outputs: of the same shape.

    Reference:
        Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
        2004.
    """
    import tensorflow as tf

    exact = np.asarray(inputs, np.float32)
    peak, side = float(np.ptp(exact)) or 1.0, min(exact.shape[1:3])
    size = min(WINDOW, side - 1 + side % 2)
    channels = [part[..., None] if exact.ndim == 3 else part for part in (exact, outputs)]
    found = [
        tf.image.ssim(*(part[start : start + 1024] for part in channels), peak, filter_size=size)
        for start in range(0, len(exact), 1024)
    ]
    return float(np.mean(np.concatenate(found)))


def errors(inputs: Labels, outputs: Scores) -> NDArray[np.float64]:
    """Mean squared error of every case, without inputs that are NaN: these do not count."""
    squares = np.square(np.asarray(inputs, np.float64) - outputs)
    within = tuple(range(1, squares.ndim))
    mean = np.nanmean if np.isnan(squares).any() else np.mean
    return np.asarray(mean(squares, axis=within))
