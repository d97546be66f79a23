"""Weights out of pickles, which are read without running what they name.

A pickle is a program that may call anything that can be imported. Here it can call the few
functions that put an array together, and any other name ends the reading.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Names = Mapping[tuple[str, str], Any]

BROKEN = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""Errors of a pickle that is truncated, altered, or of another form than expected."""

_NUMPY: Names = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""Opening numbers of PyTorch's file format before version 1.6."""


def arrays(raw: bytes, name: str) -> Any:
    """The content of a pickle of NumPy arrays in dictionaries, lists and tuples.

    Args:
        raw: the file's bytes.
        name: of the file, for messages.

    Raises:
        DataError: if it names anything but the parts of an array, or is no whole pickle.

    Example:
        >>> arrays(pickle.dumps({"bias": np.zeros(2)}), "weights.pkl")
        {'bias': array([0., 0.])}
    """
    return _read(lambda: _Admitting(io.BytesIO(raw), _NUMPY).load(), name)


def state(raw: bytes, name: str) -> dict[str, NDArray[np.generic]]:
    """Tensors of a PyTorch state dictionary, by name, in the old (not zipped) format.

    Five pickles (a magic number, the protocol, sizes of types, the dictionary, the order of
    storages), then for each storage its length as int64 and its bytes. A tensor is a view of a
    storage, often with permuted strides, which are honoured.

    Args:
        raw: the file's bytes.
        name: of the file, for messages.

    Raises:
        DataError: if it names anything but tensors, or is no such file.
    """
    found: dict[str, NDArray[np.generic]] = _read(lambda: _state(raw), name)
    return found


class _Admitting(pickle.Unpickler):
    """Reader of pickles that finds the given names only."""

    def __init__(self, stream: io.BytesIO, names: Names) -> None:
        super().__init__(stream)
        self.names = names

    def find_class(self, module: str, name: str) -> Any:
        """The object that stands for a name."""
        try:
            return self.names[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which is no part of an array, so it was not read"
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a tensor refers to."""
        kind, dtype, key, _, length, _ = pid
        if kind != "storage":
            raise pickle.UnpicklingError(f"it refers to a {kind}, not to a storage")
        return _Storage(key, dtype, length)


@dataclass(frozen=True, slots=True)
class _Storage:
    """Place of numbers further down in the file."""

    key: str
    dtype: np.dtype[np.generic]
    length: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage; strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, flat: NDArray[np.generic]) -> NDArray[np.generic]:
        """The tensor, of the numbers of its storage."""
        steps = [(side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True)]
        if min((self.offset, *self.strides)) < 0 or self.offset + sum(steps) >= len(flat):
            raise ValueError("a tensor reaches beyond its numbers")
        width = flat.dtype.itemsize
        view = np.lib.stride_tricks.as_strided(
            flat[self.offset :], self.shape, [stride * width for stride in self.strides]
        )
        return np.ascontiguousarray(view)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_TORCH: Names = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


def _state(raw: bytes) -> dict[str, NDArray[np.generic]]:
    stream = io.BytesIO(raw)
    magic, protocol, sizes, tensors, keys = (_Admitting(stream, _TORCH).load() for _ in range(5))
    if (magic, protocol, sizes["little_endian"]) != (_MAGIC, _PROTOCOL, True):
        raise ValueError("it is of another format")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    flat = {key: _numbers(stream, storages[key]) for key in keys}
    return {name: tensor.array(flat[tensor.storage.key]) for name, tensor in tensors.items()}


def _numbers(stream: io.BytesIO, storage: _Storage) -> NDArray[np.generic]:
    length = int.from_bytes(stream.read(8), "little")
    if length != storage.length:
        raise ValueError(f"a storage has {length} numbers instead of {storage.length}")
    return np.frombuffer(stream.read(length * storage.dtype.itemsize), storage.dtype, length)


def _read(read: Callable[[], Any], name: str) -> Any:
    try:
        return read()
    except BROKEN as error:
        raise DataError(f"{name} cannot be read as weights: {error or 'it is cut off'}.") from None
