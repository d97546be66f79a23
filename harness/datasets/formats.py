"""File formats that data sets come in: IDX, UCR's TSV, image rows, gzip."""

from __future__ import annotations

import gzip
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IDX_UNSIGNED_BYTE = 8


def idx(raw: bytes, name: str) -> NDArray[np.uint8]:
    """An array in the IDX format of MNIST, gzipped or not.

    Two zero bytes, the type (8: unsigned byte), the number of axes, one big-endian 32-bit length
    per axis, then the numbers in row-major order.

    Raises:
        DataError: if it is something else, or truncated.
    """
    if raw[:2] == b"\x1f\x8b":
        raw = _gunzip(raw, name)
    if len(raw) < 4 or raw[:3] != bytes((0, 0, _IDX_UNSIGNED_BYTE)):
        raise DataError(f"expected unsigned bytes in IDX format. Received: {name}, which is not.")
    axes = raw[3]
    start = 4 + 4 * axes
    shape = tuple(np.frombuffer(raw[4:start], ">u4").tolist())
    expected = start + math.prod(shape)
    if len(shape) != axes or len(raw) != expected:
        raise DataError(f"expected {expected} bytes in {name}. Received: {len(raw)}.")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def ucr(raw: bytes, name: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Series and labels of a UCR problem: one case per line, its label first, tabs between.

    Raises:
        DataError: if a line has another length, or a field is no number.
    """
    try:
        table = np.loadtxt(io.BytesIO(raw), delimiter="\t", ndmin=2)
    except ValueError as error:
        raise DataError(f"{name} cannot be read as a table of series: {error}.") from None
    return table[:, 1:].astype(np.float32), table[:, 0]


def image_rows(raw: bytes, shape: tuple[int, int, int], name: str) -> NDArray[np.uint8]:
    """Images that are the rows of one PNG, each in row-major order with its channels last.

    Raises:
        DataError: if the picture has another width or other channels.
    """
    from PIL import Image

    height, width, channels = shape
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # long, but not a bomb
    try:
        pixels = np.asarray(Image.open(io.BytesIO(raw), formats=("PNG",)))
    except OSError as error:
        raise DataError(f"{name} cannot be read as a picture: {error}.") from None
    finally:
        Image.MAX_IMAGE_PIXELS = most
    if pixels.shape[1:] != (height * width, channels):
        raise DataError(
            f"expected rows of {height * width} pixels with {channels} channels in {name}. "
            f"Received: {pixels.shape}."
        )
    return pixels.reshape(-1, *shape)


def table(raw: bytes, name: str) -> tuple[list[str], NDArray[np.float64]]:
    """Column names and numbers of a CSV with a header, gzipped or not.

    Raises:
        DataError: if a field is no number.
    """
    if raw[:2] == b"\x1f\x8b":
        raw = _gunzip(raw, name)
    header, _, body = raw.partition(b"\n")
    try:
        numbers = np.loadtxt(io.BytesIO(body), delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataError(f"{name} cannot be read as a table of numbers: {error}.") from None
    return header.decode().strip().split(","), numbers


def _gunzip(raw: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise DataError(f"{name} is truncated or altered: {error}.") from None
