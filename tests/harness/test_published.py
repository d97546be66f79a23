"""The published part of a study: read, checked, and no part of what is trained."""

from __future__ import annotations

from copy import deepcopy

import pytest

from harness import datasets, design, studyfile
from harness.errors import StudyError
from harness.spec import Look, Study, measurable

RELU, TANH = {"activation": "relu"}, {"activation": "tanh"}
CLAIM = {
    "id": "first",
    "sentence": "Rectified units are better.",
    "tag": "V1",
    "kind": "better",
    "quantity": "test/accuracy@best",
    "a": RELU,
    "b": TANH,
}
VALUE = {
    "name": "accuracy of rectified units",
    "quantity": "test/accuracy@best",
    "arm": RELU,
    "value": 0.97,
    "spread": 0.01,
    "n": 5,
    "place": "Table 1",
    "tag": "V1",
}
PUBLISHED = {
    "citation": {"title": "Units", "authors": ["A. Author"], "year": 2010, "place": "AISTATS"},
    "family": "activations",
    "values": [VALUE],
    "claims": [CLAIM],
    "deviations": ["Digits are smaller than those of the paper."],
    "scales": {"quick": {"minutes": 1, "replicates": 6, "fixed": {"epochs": 2}}},
}


def asked(published=PUBLISHED, **changes):
    """A study of two arms that repeats something."""
    given = {
        "name": "units",
        "template": "mlp",
        "dataset": "digits",
        "factors": {"activation": ["relu", "tanh"]},
        "fixed": {"epochs": 5, "units": [16]},
        "published": published,
    }
    return Study(**given | changes)


def test_a_file_gives_back_the_study():
    study = asked()
    assert studyfile.parse(studyfile.dump(study)) == study
    assert study.published.claims[0].kind == "better"
    assert str(study.published.citation) == 'A. Author, "Units", AISTATS, 2010'


def test_nothing_of_it_changes_a_trial():
    """Claims enter the study's own digest, and no key of a training."""
    with_it, without = asked(), asked(None)
    assert with_it.digest() != without.digest()
    card = datasets.describe("digits", [])
    keys = [
        [trial.key for trial, _ in design.programs(design.plan(one, card, [])).values()]
        for one in (with_it, without)
    ]
    assert keys[0] == keys[1]


def test_a_scale_changes_what_it_names():
    study = asked().scaled("quick")
    assert (study.name, study.replicates) == ("units-quick", 6)
    assert study.fixed == {"epochs": 2, "units": [16]}
    assert study.published == asked().published


def test_arms_named_once_are_the_same_study():
    ordering = {
        **{name: CLAIM[name] for name in ("sentence", "tag", "quantity")},
        "id": "second",
        "kind": "ordering",
        "order": [TANH, RELU],
    }
    plain = {**PUBLISHED, "claims": [CLAIM, ordering], "values": [{**VALUE, "minus": TANH}]}
    named = {
        **PUBLISHED,
        "arms": {"rectified": RELU, "tangent": TANH},
        "claims": [
            {**CLAIM, "a": "rectified", "b": "tangent"},
            {**ordering, "order": ["tangent", "rectified"]},
        ],
        "values": [{**VALUE, "arm": "rectified", "minus": "tangent"}],
    }
    assert asked(named) == asked(plain)
    assert asked(named).digest() == asked(plain).digest()


def test_a_name_of_no_arm_is_refused():
    named = {**PUBLISHED, "arms": {"rectified": RELU, "tangent": TANH}}
    with pytest.raises(StudyError, match=r"published.claims.0.b.*Did you mean 'tangent'"):
        asked({**named, "claims": [{**CLAIM, "b": "tangant"}]})


@pytest.mark.parametrize("text", ["test/accuracy@best", "inside/dead[hidden_1]@end"])
def test_a_quantity_is_written_as_it_is_read(text):
    assert str(measurable(text)) == text


def test_a_ratio_of_layers_is_a_quantity():
    found = measurable("inside/activation_spread[hidden_5/hidden_1]@start")
    assert found == Look(name="activation_spread", layer="hidden_5", over="hidden_1")


BOUND = {"kind": "bound", "arm": RELU, "quantity": "test/accuracy@best"}
KEPT = {key: CLAIM[key] for key in ("id", "sentence", "tag")}


LINEAR = {"reference": {"name": "least_squares", "l2": 1.0}}
ERROR = {"kind": "bound", "arm": LINEAR, "quantity": "test/mean_squared_error@last", "high": 1.0}


def test_a_reference_stands_in_place_of_an_arm():
    """As the study writes it, beside levels of its factors or alone."""
    references = (LINEAR["reference"], "pca")
    pca = {"reference": "pca", "activation": "tanh"}
    claims = [KEPT | ERROR, KEPT | ERROR | {"id": "second", "arm": pca}]
    study = asked(PUBLISHED | {"claims": claims}, references=references)
    assert studyfile.parse(studyfile.dump(study)) == study
    with pytest.raises(StudyError, match=r"one of its references.*Valid: pca"):
        asked(PUBLISHED | {"claims": claims}, references=["pca"])
    inside = KEPT | ERROR | {"quantity": "train/mean_squared_error@last"}
    with pytest.raises(StudyError, match=r"claims.0\]: expected a metric of the test split"):
        asked(PUBLISHED | {"claims": [inside]}, references=references)


@pytest.mark.parametrize(
    ("part", "entry", "message"),
    [
        ("claims", CLAIM | {"tag": "M"}, r"claims.0.tag\]: expected 'V1', 'V2' or 'C'.*'M'"),
        (
            "claims",
            CLAIM | {"kind": "bettr"},
            r"claims.0.kind\]: expected one of 'better'.*'bettr'",
        ),
        ("claims", CLAIM | {"a": {"activation": "gelu"}}, r"claims.0\]: .*'gelu'.*relu, tanh"),
        ("claims", CLAIM | {"a": {"units": "gelu"}}, r"claims.0\]: .*Valid: activation"),
        ("claims", CLAIM | {"quantity": "inside/dead@start"}, "which has a better side"),
        ("claims", CLAIM | {"quantity": "inside/dead"}, r"quantity\]: expected inside/quantity@st"),
        ("claims", KEPT | BOUND, "'low', 'high' or both. Received: neither"),
        ("claims", KEPT | BOUND | {"low": 2, "high": 1}, "low below high. Received: 2"),
        ("claims", KEPT | BOUND | {"low": 1, "quantity": "inside/dead@end"}, r"\[diagnostics\]"),
        ("claims", KEPT | BOUND | {"kind": "threshold", "share": 0.5}, "'above' and 'below'"),
        ("values", VALUE | {"value": "0.97"}, r"values.0.value\]: expected a number"),
        ("values", VALUE | {"tag": "X"}, r"values.0.tag\]: expected 'V1', 'V2', 'C' or 'M'"),
    ],
)
def test_a_mistake_is_named(part, entry, message):
    with pytest.raises(StudyError, match=message):
        asked(PUBLISHED | {part: [entry]})


def test_claims_are_told_apart():
    with pytest.raises(StudyError, match=r"every id once\. Received: 'first' twice"):
        asked(PUBLISHED | {"claims": [CLAIM, deepcopy(CLAIM)]})


def test_a_scale_that_leaves_out_a_claimed_arm_is_refused():
    scales = {"quick": {"minutes": 1, "factors": {"activation": ["relu"]}}}
    with pytest.raises(StudyError, match="'tanh'"):
        asked(PUBLISHED | {"scales": scales}).scaled("quick")


def test_a_scale_that_is_not_there_is_refused():
    with pytest.raises(StudyError, match=r"quick.*Received: 'full'"):
        asked().scaled("full")
