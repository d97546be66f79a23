"""Classes by name or number: which one is meant, and that this is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness import datasets, design
from harness.card import Card
from harness.design import classes
from harness.errors import StudyError
from harness.spec import Study, label

NAMED = Card(
    locator="a",
    digest="",
    task="classification",
    shape=(2,),
    cases=9,
    tests=3,
    outputs=3,
    counts=(5, 3, 1),
    classes=("ok", "worn", "broken"),
)
NUMERALS = replace(NAMED, classes=("1", "2", "3"))
NAMELESS = replace(NAMED, classes=())


@pytest.mark.parametrize(
    ("card", "named", "expected"),
    [
        (NAMED, "worn", 1),
        (NAMED, 1, 1),
        (NAMED, "1", 1),
        (NUMERALS, 1, 0),
        (NUMERALS, "3", 2),
        (NAMELESS, 2, 2),
        (NAMELESS, "2", 2),
    ],
)
def test_which_class_is_meant(card, named, expected):
    """A name goes before a number: of the classes 1, 2 and 3, 1 is the first."""
    assert classes.number(card, named) == expected


@pytest.mark.parametrize(
    ("card", "named", "expected"),
    [
        (NAMED, "borken", "Did you mean 'broken'?"),
        (NAMED, 3, "Valid: broken, ok, worn"),
        (NUMERALS, 0, "Valid: 1, 2, 3"),
        (NAMELESS, 3, "one of the classes 0 to 2, by number. Received: 3."),
        (NAMELESS, "ok", "by number. Received: 'ok'."),
    ],
)
def test_unknown_classes_are_refused(card, named, expected):
    """With those that there are."""
    with pytest.raises(StudyError) as caught:
        classes.number(card, named)
    assert expected in str(caught.value)


def test_weights_of_classes():
    """In the order of their numbers, one where none is given."""
    assert classes.weights(NAMED, {"broken": 4.0}) == [1.0, 1.0, 4.0]
    with pytest.raises(StudyError, match="two for broken"):
        classes.weights(NAMED, {"broken": 4.0, "2": 1.0})


def framed(normal, dataset="iris"):
    """The card of a study that tells anomalies."""
    study = Study(
        name="a",
        template="autoencoder",
        dataset=dataset,
        normal=normal,
        factors={"learning_rate": [0.1]},
        fixed={"batch_size": 8},
    )
    return design.plan(study, datasets.describe(dataset, []), []).card


def test_normal_classes_by_name():
    """The same trials as by number; the mapping is shown, and a minority warned of."""
    card = framed(["setosa"])
    assert card == framed([0])
    assert card.normal == (0,)
    assert card.lines()["normal"] == (
        "0 (setosa); anomalies, in the test split alone: 1 (versicolor), 2 (virginica)"
    )
    assert "the normal classes have 40 of 120 cases, a minority" in card.notes[-1]
    assert framed(["setosa", "virginica"]).notes == ()
    assert framed([0, 1], "digits").lines()["normal"].startswith("0, 1; anomalies")
    with pytest.raises(StudyError, match="Did you mean 'setosa'"):
        framed(["setos"])


@pytest.mark.parametrize("wrong", [True, -1, "", 1.5])
def test_what_names_no_class(wrong):
    """In ``normal``."""
    with pytest.raises(StudyError, match="the name or the number of a class"):
        framed([wrong])


def test_names_change_no_key():
    """Names are for people; digests of known data are as they were."""
    assert datasets.describe("iris", []).classes == ("setosa", "versicolor", "virginica")
    assert label({"yes": 5.0, "no": 0.5}) == "(yes=5, no=0.5)"
    for known in datasets.KNOWN.values():
        assert len(known.card.classes) in {0, known.card.outputs}
