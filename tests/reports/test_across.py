"""Several studies side by side."""

from __future__ import annotations

import pytest
from synthetic import ENVIRONMENT, Script

from reports import across, frames, verdicts


def told(folder):
    """A study with its verdicts, called by its name."""
    results = frames.read(folder)
    judged = verdicts.judge(results)
    return across.Told(name=results.study.name, results=results, judged=judged)


PLAIN = {"replicates": 10, "factors": {"activation": ["relu", "tanh"]}}
OTHER = PLAIN | {"name": "other", "factors": {"activation": ["gelu", "elu"]}}


def test_pairs_across_studies_are_one_family(make):
    """Every arm against the first study's baseline, at a level that all comparisons share."""
    table = across.compared([told(make(**PLAIN)), told(make(**OTHER))])
    against = "Against activations: relu"
    assert table["Study"].tolist() == ["activations"] * 2 + ["other"] * 2
    assert table[against].tolist() == ["baseline", "better", "no difference observed", "better"]
    assert table["In its study"].tolist() == ["baseline", "better", "baseline", "better"]
    joint = across._joint([told(make(**PLAIN)), told(make(**OTHER))])
    assert joint.rule.family == 3


@pytest.mark.parametrize(
    ("changes", "script", "why"),
    [
        ({"seed": 2}, {}, "another seed"),
        ({"replicates": 12}, {}, "another number of replicates"),
        ({"fixed": {"validation": 0.3}}, {}, "another split"),
        ({"best": "val/accuracy"}, {}, "another best epoch"),
        ({"metric": "test/loss@best"}, {}, "another metric"),
        ({}, {"card": {"digest": "e" * 64}}, "other data"),
        (
            {},
            {"environment": lambda *_: ENVIRONMENT.model_copy(update={"versions": {"keras": "4"}})},
            "other versions",
        ),
        (
            {},
            {"status": lambda a, p, c, r: None if p == "confirm" and r == 3 else "completed"},
            "other is not finished",
        ),
    ],
)
def test_what_is_not_paired_gets_no_verdict(make, changes, script, why):
    """Means and their intervals stand there, and why there is no more."""
    studies = [told(make(**PLAIN)), told(make(Script(**script), **(OTHER | changes)))]
    table = across.compared(studies)
    assert table["Against activations: relu"].tolist()[2:] == [across.UNPAIRED] * 2
    assert all(table["Mean"])
    assert all(table["95 % interval of the mean"])
    assert why in " ".join(across.notes(studies))


def test_an_unfinished_first_study(make):
    """It decides nothing, and nothing is decided by it."""
    script = Script(status=lambda a, p, c, r: None if p == "confirm" and r == 3 else "completed")
    table = across.compared([told(make(script, **PLAIN)), told(make(**OTHER))])
    assert table.iloc[:, -1].tolist() == ["baseline", "no verdict", *[across.UNPAIRED] * 2]


def test_settings_that_differ_are_all_told(make):
    """By dotted key, also those that only one of them has; equal ones are not."""
    one, other = told(make(**PLAIN)), told(make(**(OTHER | {"margin": 0.01})))
    rows = across.settings(one.results, other.results).set_index("Setting")
    assert rows.loc["factors.activation"].tolist() == ["relu; tanh", "gelu; elu"]
    assert rows.loc["margin"].tolist() == ["not set", "0.01"]
    assert set(rows.index) == {"name", "factors.activation", "margin"}
    assert "margin" in " ".join(across.notes([one, other]))


def test_verdicts_that_differ_are_all_told(make):
    """By arm; an arm of one of them only is said to be."""
    one = told(make(**PLAIN))
    other = told(make(Script(value=lambda a, r: 0.9 - 0.1 * a + 0.001 * r), **PLAIN))
    assert across.changed_verdicts(one.judged, one.judged).empty
    assert across.changed_verdicts(one.judged, other.judged).to_numpy().tolist() == [
        ["tanh", "better", "worse"]
    ]
    third = told(make(**OTHER))
    arms = across.changed_verdicts(one.judged, third.judged).set_index("Arm")
    assert arms.loc["gelu"].tolist() == ["no such arm", "baseline"]
