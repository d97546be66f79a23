"""Pages of what networks said of test cases: planted answers are found again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import roc_curve
from synthetic import Maker, Script

from harness import objects
from reports import export, figures, frames, page, seen, tables, verdicts
from reports.page import seen as parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]
    Read = tuple[frames.Results, verdicts.Judged]

HOSTILE = "<script>alert(1)</script>"
CLASSES, CASES, HARD = 4, 80, 7


def planted(
    folder: Path, kept: Callable[[int, int], Arrays], places: int = 2, replicates: int = 8
) -> Read:
    """A store that was read, with files of all its trials."""
    results = frames.read(folder)
    digests = {
        (arm, replicate): objects.keep_arrays(folder, kept(arm, replicate)).stem
        for arm in range(places)
        for replicate in range(replicates)
    }
    results = replace(results, seen=digests)
    return results, verdicts.judge(results)


def told(results: frames.Results, judged: verdicts.Judged) -> str:
    """The texts of the sections, captions included."""
    found = [section for part in parts.sections(results, judged) if (section := part())]
    lines = [text for one in found for text in one.texts]
    return "\n".join([*lines, *(plate.caption for one in found for plate in one.figures)])


@pytest.fixture
def two(make: Maker) -> Callable[..., Path]:
    """A maker of stores of two arms."""

    def made(script: Script | None = None, **changes) -> Path:
        given = {"factors": {"activation": ["relu", "tanh"]}, "tune": None, "replicates": 8}
        return make(script, **{**given, **changes})

    return made


def classified(arm: int, replicate: int) -> Arrays:
    """All take case ``HARD``, a 3, for a 1; arm 1 also takes about half of all 2s for a 0."""
    true = np.arange(CASES) % CLASSES
    chosen = true.copy()
    chosen[HARD] = 1
    if arm == 1:
        twos = np.flatnonzero(true == 2)
        chosen[np.random.default_rng(replicate).permutation(twos)[: 9 + replicate % 3]] = 0
    counts = np.bincount(true * CLASSES + chosen, minlength=CLASSES**2)
    return {
        "true": true.astype(np.uint8),
        "predicted": chosen.astype(np.uint8),
        "stride": np.array(1),
        "confusion": counts.reshape(CLASSES, CLASSES).astype(np.uint16),
        "wrong": np.full((1, 5, 5), 128, np.uint8),
        "wrong_cases": np.array([HARD], np.uint32),
        "range": np.array([0, 1], np.float32),
    }


def of_classes(*names: str, **more) -> Script:
    """A script whose data has a few classes."""
    counts = {"counts": [20] * len(names), "test_counts": [20] * len(names)}
    card = {"outputs": len(names), "classes": [*names], "tests": CASES, **counts, **more}
    return Script(card=card)


NAMES = ("zero", "one", HOSTILE, "three")


@pytest.fixture
def classes(two) -> Read:
    """A study of four classes, one of which has a hostile name."""
    return planted(two(of_classes(*NAMES)), classified)


def test_planted_confusions_come_out(classes: Read) -> None:
    """As shares of a class, mean over replicates."""
    table = tables.confusions(classes[0]).set_index(["arm", "class", "taken_for"])["share"]
    assert table["relu", "three", "one"] == pytest.approx(1 / 20)
    expected = np.mean([9 + replicate % 3 for replicate in range(8)]) / 20
    assert table["tanh", HOSTILE, "zero"] == pytest.approx(expected)
    assert ("relu", HOSTILE, "zero") not in table.index
    told = tables.class_accuracies(classes[0])
    assert told["mean"].tolist()[:4] == pytest.approx([1, 1, 1, 0.95])
    assert told["sd"][6] > 0


def test_the_class_on_which_arms_differ_is_found(classes: Read) -> None:
    """By the exact test, corrected for all arms and classes; nothing is claimed of the others."""
    table = tables.class_differences(*classes).set_index("class")
    assert table["verdict"].to_dict() == {
        "zero": "no difference observed",
        "one": "no difference observed",
        HOSTILE: "worse",
        "three": "no difference observed",
    }
    assert table["p_adjusted"][HOSTILE] == pytest.approx(4 * 2 / 2**8)
    assert table["low"][HOSTILE] < table["difference"][HOSTILE] < table["high"][HOSTILE] < 0
    shown = tables.formatted_class_differences(*classes)
    assert shown["Class"].tolist() == [HOSTILE]


def test_nothing_is_decided_while_trials_are_missing(two) -> None:
    """As for the verdicts."""
    script = of_classes(*NAMES)
    script.status = lambda arm, phase, candidate, replicate: (
        None if (arm, replicate) == (1, 7) else "completed"
    )
    results, judged = planted(two(script), classified)
    assert judged.missing
    assert {one.word for one in seen.differences(results, judged)} == {"no verdict"}


def test_a_diverged_training_counts_as_the_worst(two) -> None:
    """It has left nothing, and its pair is not forgotten."""
    script = of_classes(*NAMES)
    script.status = lambda arm, phase, candidate, replicate: (
        "diverged" if (arm, replicate) == (1, 7) else "completed"
    )
    results, judged = planted(two(script), classified)
    del results.seen[1, 7]
    found = {one.number: one.comparison for one in seen.differences(results, judged)}
    assert found[0].diverged == 1
    assert found[0].decided_by == "signed ranks"
    assert "of 4 comparisons" in told(results, judged)


def test_a_case_that_all_get_wrong_is_shown(classes: Read) -> None:
    """With its class, what it was taken for, and a picture."""
    (one, *others) = seen.hardest(classes[0])
    assert (one.case, one.true, one.taken, one.share, one.arms) == (HARD, 3, 1, 1.0, 2)
    assert one.picture == pytest.approx(np.full((5, 5), 128 / 255))
    assert others == []
    (text,) = (text.get_text() for text in figures.hard_cases(*classes).axes[0].texts)
    assert text == "case 7, three\ntaken for one\n100 % wrong"


def test_a_page_of_classes(classes: Read, tmp_path: Path) -> None:
    """Every figure has a caption and its numbers a file; names are text."""
    file = page.lay_out(*classes, tmp_path / "index.html")
    content = file.read_text()
    assert "1 difference from relu can be told from chance, of 4 comparisons" in content
    assert "1 test case is taken for another class" in content
    assert HOSTILE not in content
    assert "alert(1)" in content
    for name in ("confusion", "class_accuracy", "hard_cases"):
        assert (tmp_path / "figures" / f"{name}.svg").is_file()
        assert (tmp_path / f"{name}.csv").is_file()
    assert {"class_differences", "hard_cases"} <= {*export.readable(*classes)}
    assert {"confusion", "class_accuracy", "hard_cases"} <= {*figures.every(*classes)}


def test_a_class_without_test_cases_is_left_out(two) -> None:
    """It is told, and not counted among the comparisons."""
    results, judged = planted(two(of_classes(*NAMES, "none")), wider)
    found = seen.classes(results)
    assert found.absent == ["none"]
    assert len(tables.class_differences(results, judged)) == 4
    content = told(results, judged)
    assert "Without a test case, and left out: none." in content


def wider(arm: int, replicate: int) -> Arrays:
    """The same, of one class more, which no test case has."""
    arrays = dict(classified(arm, replicate))
    arrays["confusion"] = np.pad(arrays["confusion"], (0, 1))
    return arrays


def test_where_nothing_was_kept_the_page_says_so(two) -> None:
    """In an older store, or one whose files are damaged; it never fails."""
    folder = two()
    assert "Not available: these trainings have left no excerpt" in page.render(folder)
    results, judged = planted(two(of_classes(*NAMES)), classified)
    for digest in results.seen.values():
        place = objects.place(results.folder, digest)
        place.write_bytes(place.read_bytes()[:-40])
    assert "Not available" in told(results, judged)
    assert "confusion" not in tables.collect(results, judged)
    assert all(name not in figures.every(results, judged) for name in ("confusion", "roc"))


def test_of_a_damaged_file_the_others_speak(classes: Read) -> None:
    """Seven pairs are left."""
    results, judged = classes
    del results.seen[1, 3]
    results.seen[0, 5] = "0" * 64
    assert {one.comparison.pairs for one in seen.differences(results, judged)} == {6}


@pytest.mark.parametrize(
    "lacking",
    [{"other": np.zeros(3)}, {"confusion": np.zeros((2, 2))}, {"totals": np.zeros(9)}],
    ids=lambda arrays: next(iter(arrays)),
)
def test_arrays_that_do_not_fit_are_left_out(two, lacking: Arrays) -> None:
    """Those of another version, say."""
    results, judged = planted(two(of_classes(*NAMES)), lambda *_: lacking)
    assert seen.classes(results) is None
    assert tables.class_differences(results, judged).empty
    content = told(results, judged)
    assert "Not available" in content


def test_many_classes_and_arms(make: Maker) -> None:
    """Twenty of sixty classes in figures, six of eight arms; the page says what is left out."""
    count = 60
    script = of_classes(*(f"class {one}" for one in range(count)))
    levels = ["relu", "tanh", "sigmoid", "elu", "gelu", "silu", "selu", "mish"]
    folder = make(script, factors={"activation": levels}, tune=None, replicates=3)

    def sparse(arm: int, replicate: int) -> Arrays:
        totals = np.full(count, 10, np.uint16)
        right = totals.copy()
        right[40] = 4
        pairs = np.array([[40, 41, 5]], np.uint16)
        return {"totals": totals, "right": right, "pairs": pairs}

    results, judged = planted(folder, sparse, places=8, replicates=3)
    found = seen.classes(results)
    assert found.partly
    assert found.taken[0, 40, 41] == pytest.approx(0.5)
    assert {40, 41} <= {*found.confused(figures.CLASSES)}
    figure = figures.confusion(results, judged)
    assert len(figure.axes) == figures.CLASS_ARMS
    assert len(figure.axes[0].get_xticks()) == figures.CLASSES
    content = told(results, judged)
    assert "2 others are in the tables" in content
    assert "Of 60 classes the 20 with the most errors are shown" in content
    assert "only the most frequent confusions were kept" in content
    assert "So many comparisons need 15 pairs" in content


def scores(arm: int, replicate: int) -> Arrays:
    """Arm 1 tells all anomalies; arm 0 some of them."""
    generator = np.random.default_rng([arm, replicate])
    anomalous = np.arange(200) % 4 == 0
    found = generator.normal(size=200) + (20 if arm else 1) * anomalous
    ends = np.array([0, 1, 2, 3])
    return {
        "scores": found.astype(np.float16),
        "scale": np.array(2.0),
        "anomalous": np.packbits(anomalous),
        "stride": np.array(1),
        "extreme": np.zeros((4, 6), np.uint8),
        "range": np.array([0, 1], np.float32),
        "extreme_cases": ends,
        "extreme_scores": found[ends],
        "extreme_anomalous": np.array([True, False, False, True]),
    }


@pytest.fixture
def anomalies(two) -> Read:
    """A study of two arms that tell anomalies."""
    card = {"normal": [0], "shape": [6]}
    return planted(two(Script(card=card), task="anomaly", metric="test/auroc@best"), scores)


def test_curves_are_those_of_scikit_learn(anomalies: Read) -> None:
    """Of a single replicate, at every share of false alarms; a perfect one is at the top."""
    results = replace(anomalies[0], seen={(0, 0): anomalies[0].seen[0, 0]})
    (one,) = seen.scored(results)
    kept = scores(0, 0)
    alarms, found, _ = roc_curve(
        np.arange(200) % 4 == 0, kept["scores"].astype(float), drop_intermediate=False
    )
    grid = np.linspace(0, 1, 101)
    highest = [found[alarms <= share + 1e-9].max() for share in grid]
    at_steps = np.isin(np.round(grid, 9), np.round(alarms, 9))
    assert at_steps.sum() > 10
    assert one.curve.median[at_steps] == pytest.approx(np.array(highest)[at_steps], abs=1e-6)
    perfect = seen.scored(anomalies[0])[1]
    assert perfect.curve.low == pytest.approx(np.ones(101))
    assert perfect.replicates == 8
    assert len(perfect.anomalous) == 8 * 50


def test_a_page_of_anomalies(anomalies: Read, tmp_path: Path) -> None:
    """Curves, histograms whose shares add up, and the cases at the ends."""
    file = page.lay_out(*anomalies, tmp_path / "index.html")
    assert "What raises an alarm" in file.read_text()
    shares = tables.score_histograms(anomalies[0]).groupby("arm")[["normal", "anomalous"]].sum()
    assert shares.to_numpy() == pytest.approx(1)
    table = tables.extreme_cases(anomalies[0])
    assert table["end"].tolist() == ["least", "least", "most", "most"] * 2
    bold = [
        text.get_text()
        for axes in figures.extreme_cases(*anomalies).axes[:4]
        for text in axes.texts
        if text.get_weight() == "bold"
    ]
    assert bold == ["anomaly", "normal"]
    for name in ("roc", "score_histograms", "extreme_cases"):
        assert (tmp_path / f"{name}.csv").is_file()
        assert (tmp_path / "figures" / f"{name}.png").is_file()


def test_of_one_kind_of_test_case_there_is_no_curve(two) -> None:
    """Nothing can be told, and nothing fails."""
    folder = two(Script(card={"normal": [0]}), task="anomaly", metric="test/auroc@best")
    alike = {"scores": np.ones(8, np.float16), "anomalous": np.zeros(1, np.uint8)}
    results, judged = planted(folder, lambda *_: alike)
    assert seen.scored(results) == []
    assert figures.roc(results, judged) is None


def rebuilt(arm: int, replicate: int) -> Arrays:
    """Arm 1 and the second reference give everything back."""
    original = np.random.default_rng(replicate).integers(0, 255, (8, 6, 6)).astype(np.uint8)
    original = original[: 6 if arm == 2 else 8]  # there was less room
    exact = arm in {1, 3}
    return {
        "original": original,
        "noisy": original // 2,
        "restored": original if exact else np.zeros_like(original),
        "range": np.array([0, 2], np.float32),
        "code": np.arange(20, dtype=np.float32)[:, None] * np.ones(2 if arm else 1),
        "code_width": np.array(30),
        "code_classes": np.arange(20).astype(np.uint16) % 10,
    }


def test_methods_stand_behind_the_arms_of_their_size(two) -> None:
    """With the error of every case, and codes of one number as of two."""
    folder = two(
        factors={"code": [2, 3]},
        references=["pca"],
        baseline={"code": 2},
        task="reconstruction",
        metric="test/mean_squared_error@best",
        template="autoencoder",
    )
    results, judged = planted(folder, rebuilt, places=4)
    names = ["code=2", "pca(components=2)", "code=3", "pca(components=3)"]
    table = tables.picture_errors(results)
    assert [*dict.fromkeys(table["arm"])] == names
    means = table.groupby("arm")["mean_squared_error"].mean()
    assert means["code=3"] == means["pca(components=3)"] == 0
    assert means["code=2"] > 0.5
    assert [*dict.fromkeys(tables.codes(results)["arm"])] == names
    drawn = figures.restored(results, judged)
    assert len(drawn.axes) == 6 * (2 + 4)
    assert len(figures.code(results, judged).axes) == 4
    assert "two principal axes" in told(results, judged)
    assert {"restored", "code"} <= {*tables.collect(results, judged)}


def test_predicted_and_true(two, tmp_path: Path) -> None:
    """Mean and span over replicates."""
    folder = two(
        Script(card={"outputs": 1, "target": HOSTILE, "shape": [3]}),
        task="regression",
        metric="test/mean_squared_error@best",
    )
    true = np.arange(10, dtype=np.float32)
    results, judged = planted(
        folder,
        lambda arm, replicate: {
            "true": true, "predicted": true + arm + replicate, "stride": np.array(3)
        },
    )  # fmt: skip
    table = tables.predictions(results)
    assert table["case"].tolist()[:3] == [0, 3, 6]
    last = table[table["arm"] == "tanh"]
    assert (last["predicted"] - last["true"]).tolist() == [4.5] * 10
    assert (last["high"] - last["low"]).tolist() == [7] * 10
    content = page.lay_out(results, judged, tmp_path / "index.html").read_text()
    assert "A dot per test case" in content
    assert HOSTILE not in content
    assert len(figures.predictions(results, judged).axes) == 2
