"""Some classes of a data set as a data set of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.datasets import load_digits

from harness import datasets, design, studyfile
from harness.datasets import known
from harness.errors import StudyError
from harness.spec import Arrays, Part, Study
from harness.train import Trainer

ASKED = {"name": "a", "template": "mlp", "factors": {"units": [[4]]}, "fixed": {"epochs": 1}}


def _card(source, seed=1):
    study = Study(**ASKED, dataset=source, seed=seed)
    return design.plan(study, datasets.describe(source, []), []).card


@pytest.mark.parametrize("name", ["digits", "digits@500"])
def test_the_cases_of_the_classes_are_numbered_anew(name):
    """The same inputs in the same order, labelled 0 to 2, as the card counts them."""
    whole = datasets.load(datasets.describe(name, []))
    card = _card(Part(name=name, classes=[7, 2, 4]))
    data = datasets.load(card)
    for x, y, all_x, all_y in (
        (data.x, data.y, whole.x, whole.y),
        (data.x_test, data.y_test, whole.x_test, whole.y_test),
    ):
        kept = np.isin(all_y, [2, 4, 7])
        np.testing.assert_array_equal(x[:], all_x[:][kept])
        np.testing.assert_array_equal(np.array([2, 4, 7])[y], all_y[kept])
    assert card.counts == tuple(np.bincount(data.y))
    assert card.test_counts == tuple(np.bincount(data.y_test))
    assert (card.cases, card.tests, card.outputs) == (len(data.y), len(data.y_test), 3)
    assert (card.classes, card.label) == (("2", "4", "7"), f"{name} (2, 4, 7)")


@pytest.mark.parametrize("name", sorted(known.KNOWN))
def test_known_data_sets_count_their_test_cases(name):
    """By class, so that a part can be planned without loading anything."""
    card = known.KNOWN[name].card
    assert sum(card.test_counts) == (card.tests if card.counts else 0)
    assert len(card.test_counts) == len(card.counts)
    if datasets.is_here(name) and card.counts:
        assert tuple(np.bincount(datasets.load(card).y_test)) == card.test_counts


def test_each_part_has_an_identity_of_its_own():
    """It goes by which classes these are, not by how they are named; the whole keeps its own."""
    whole = datasets.describe("iris", [])
    by_name = _card(Part(name="iris", classes=["virginica", "setosa"]))
    by_number = _card(Part(name="iris", classes=[0, 2]))
    other = _card(Part(name="iris", classes=[0, 1]))
    assert by_name == by_number
    assert len({card.digest for card in (whole, by_name, other)}) == 3
    assert _card("iris") == whole


@given(some.integers(2, 40), some.integers(0, 2**31), some.integers(0, 9))
def test_halves_of_one_draw_are_complements(count, seed, draw):
    """Every class is in one of them; they are as large, or nearly so."""
    first, second = design.halves(count, seed, draw)
    assert sorted((*first, *second)) == list(range(count))
    assert len(first) - len(second) == count % 2
    assert design.halves(count, seed, draw) == (first, second)


def test_a_half_depends_on_study_seed_and_draw():
    """Other seeds and other draws divide the classes differently."""
    splits = {design.halves(10, seed, draw) for seed in range(5) for draw in range(5)}
    assert len(splits) > 20
    a, b = (_card(Part(name="digits", half=half, draw=3), seed=8) for half in "ab")
    assert (tuple(a.part["classes"]), tuple(b.part["classes"])) == design.halves(10, 8, 3)
    assert a.cases + b.cases == datasets.describe("digits", []).cases
    named = _card(Part(name="digits", classes=a.part["classes"]))
    assert named.digest == a.digest


def test_a_part_of_a_users_own_data_is_trained_on(tmp_path):
    """From a file, with groups that stay whole, to the end."""
    generator = np.random.default_rng(0)
    y = np.repeat(["owl", "kiwi", "emu"], 60)
    x = generator.normal(size=(180, 5)).astype(np.float32)
    np.savez(tmp_path / "birds.npz", x=x, y=y, groups=np.arange(180) // 3)
    source = Part(name={"file": str(tmp_path / "birds.npz"), "standardize": True}, classes=["owl"])
    assert isinstance(source.name, Arrays)
    study = Study(**ASKED | {"fixed": {"epochs": 1, "batch_size": 4}}, dataset=source)
    whole = datasets.describe(source, [])
    with pytest.raises(StudyError, match="at least 2 classes"):
        design.plan(study, whole, [])
    wider = source.model_copy(update={"classes": ("owl", "emu")})
    laid = design.plan(study.model_copy(update={"dataset": wider}), whole, [])
    data = datasets.load(laid.card)
    assert data.groups is not None
    assert len(data.groups) == len(data.y) == laid.card.cases
    found = Trainer(laid.card, []).run(laid.trial(laid.arms[0], {}, "confirm", 0))
    assert found.status == "completed"


def test_a_part_whose_data_has_changed_is_not_loaded():
    """The content that was planned is checked through the part."""
    card = _card(Part(name="digits", classes=[0, 1]))
    with pytest.raises(Exception, match="has changed since"):
        datasets.load(replace(card, part={"classes": [0, 2]}))


def test_normal_classes_of_a_part():
    """Anomalies are then the other classes of the part alone."""
    study = Study(
        **ASKED | {"template": "autoencoder", "factors": {"code": [2]}},
        dataset=Part(name="digits", classes=[3, 5, 8]),
        normal=[5],
    )
    card = design.plan(study, datasets.describe(study.dataset, []), []).card
    data = datasets.load(card)
    assert len(data.y) == card.cases == 146
    assert card.normal == (1,)
    assert data.y_test.sum() == card.test_counts[0] + card.test_counts[2]


def test_a_study_file_of_it_reads_back():
    """Also with a table for the data set itself."""
    for source in (
        Part(name="cifar10@5000", half="b", draw=2),
        Part(name={"folder": "birds", "size": [8, 8]}, classes=["owl", 1]),
    ):
        study = Study(**ASKED, dataset=source)
        assert studyfile.parse(studyfile.dump(study)) == study


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"name": "iris", "classes": ["setosa", "versicolour"]}, "mean 'versicolor'"),
        ({"name": "digits", "classes": [3, 10]}, "one of the classes 0 to 9"),
        ({"name": "digits", "classes": [3, 3]}, "at least 2 classes"),
        ({"name": "diabetes", "half": "a"}, "regression data"),
        ({"name": "digits"}, "Received: nothing"),
        ({"name": "digits", "half": "a", "classes": [1, 2]}, "Received: both"),
        ({"name": "digits", "classes": [1, 2], "draw": 3}, "draw only beside half"),
        ({"name": "digits", "half": "c"}, r"\[dataset.half\]: expected '', 'a' or 'b'"),
        ({"name": "digits", "half": "a", "draw": -1}, "draw"),
    ],
)
def test_what_cannot_be_is_refused(source, message):
    """When the study is planned, with the nearest class."""
    with pytest.raises(StudyError, match=message):
        _card(Study(**ASKED, dataset=source).dataset)


def test_every_replicate_may_have_halves_of_its_own():
    """The same ones in all arms; those of the source are the others."""
    half = {"name": "digits", "draw": "replicate"}
    study = Study(
        name="a",
        template="mlp",
        dataset={**half, "half": "a"},
        sources={"other": {"dataset": {**half, "half": "b"}}},
        factors={"source": ["other", "none"]},
        replicates=3,
        tune={"space": {"learning_rate": {"min": 0.01, "max": 0.1}}},
    )
    laid = design.plan(study, datasets.describe_all(study, []), [])
    whole = {*range(10)}
    seen = []
    for phase, replicate in [("confirm", 0), ("confirm", 1), ("confirm", 2), ("tune", 0)]:
        first, second = (
            laid.trial(arm, {"learning_rate": 0.1}, phase, replicate) for arm in laid.arms
        )
        assert first.data == second.data
        own, other = (
            laid.card.of(one.data, one.task).part["classes"] for one in (first, *first.needs)
        )
        assert {*own} | {*other} == whole
        assert len(own) == len(other) == 5
        seen.append(tuple(own))
    assert len({*seen}) == 4
    assert datasets.load(laid.card.of(second.data, second.task)).y.max() == 4
    assert "other ones in each replicate" in laid.card.lines()["classes"]


def test_test_cases_that_another_data_set_trains_on_are_counted(tmp_path):
    pictures, labels = load_digits(return_X_y=True)
    np.savez(tmp_path / "same.npz", x=pictures.reshape(-1, 8, 8) / 16, y=labels % 2)
    np.savez(tmp_path / "others.npz", x=1 + pictures.reshape(-1, 8, 8) / 16, y=labels % 2)
    study = Study(
        name="a",
        template="mlp",
        dataset="digits",
        sources={name: {"dataset": str(tmp_path / f"{name}.npz")} for name in ("same", "others")},
        factors={"source": ["same", "others"]},
    )
    card = design.plan(study, datasets.describe_all(study, []), []).card
    (note,) = datasets.shared_cases(card)
    assert "source 'same'" in note
    trained, tests = datasets.load(card.sources["same"]), datasets.load(card)
    known = {row.tobytes() for row in trained.x[:]}
    count = sum(row.tobytes() in known for row in tests.x_test[:])
    assert note.startswith(f"{count} of the 359 test cases")
