"""Tests of what else differs between arms, and of when a study was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from synthetic import CARD, Maker, Script, study

from harness.store import Store
from reports import frames, page, tables, verdicts

if TYPE_CHECKING:
    from pathlib import Path

RATES = {0: 0.01, 1: 0.001}
TWO = {"factors": {"optimizer": ["sgd", "adam"]}, "tune": None}


def told(folder: Path) -> str:
    """The answer."""
    results = frames.read(folder)
    return "\n".join(verdicts.headline(results, verdicts.judge(results)))


def rates(arm: int) -> dict[str, object]:
    """A default that follows from the optimizer."""
    return {"learning_rate": RATES[arm], "epochs": 5}


def test_a_default_that_follows_from_a_level_is_named(make: Maker) -> None:
    """In the answer and on the page, with both values."""
    folder = make(Script(settings=rates), **TWO)
    expected = "learning rate is 0.01 with sgd, and 0.001 with adam"
    assert expected in told(folder)
    assert expected in page.render(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"tune": {"trials": 2, "space": {"learning_rate": {"min": 0.001, "max": 0.1}}}},
        {"fixed": {"learning_rate": 0.01}},
        {
            "factors": {
                "optimizer": [
                    {"name": "sgd", "learning_rate": 0.01},
                    {"name": "adam", "learning_rate": 0.001},
                ]
            }
        },
    ],
)
def test_what_a_study_declares_is_no_confound(make: Maker, changes) -> None:
    """Tuned, fixed, or said by every level."""
    assert "a setting that is no factor" not in told(
        make(Script(settings=rates), **(TWO | changes))
    )


def test_one_level_that_says_it_declares_it_for_no_other(make: Maker) -> None:
    """The default of the other one still follows from its name."""
    levels = {"optimizer": [{"name": "sgd", "learning_rate": 0.01}, "adam"]}
    assert "learning rate is 0.01" in told(
        make(Script(settings=rates), **(TWO | {"factors": levels}))
    )


def test_equal_settings_are_not_mentioned(make: Maker) -> None:
    """Arms that differ in their levels alone."""
    assert "a setting that is no factor" not in told(make())


def test_a_plan_that_was_kept_has_a_digest_and_a_time(make: Maker) -> None:
    """Stored before the first training; nothing is said of changes."""
    folder = make()
    results = frames.read(folder)
    items = tables.provenance(results, verdicts.judge(results)).set_index("item")["value"]
    (only,) = results.revisions
    assert items["definition"] == (
        f"{study().digest()[:8]}, stored {only.time}, before the first training"
    )
    assert "Changes of the plan" not in page.render(folder)
    assert "was changed when" not in told(folder)


def test_changes_after_results_are_listed(make: Maker) -> None:
    """Which keys, when, and how many trials had a result by then."""
    folder = make(**TWO, replicates=6)
    asked = study(**TWO, replicates=6)
    later = asked.model_copy(update={"replicates": 5, "margin": 0.01})
    with Store(folder) as store:
        before = frames.read(folder)
        revision = store.revise(later, str(before.metric), CARD)
        rows = store._rows("SELECT * FROM member")
        for row in rows:
            if row[4] < 5:
                store._db.execute(
                    "INSERT INTO member VALUES (?, ?, ?, ?, ?, ?, ?)", (revision, *row[1:])
                )
    results = frames.read(folder)
    first, second = results.revisions
    assert (first.changed, first.finished) == ((), 0)
    assert (set(second.changed), second.finished) == ({"replicates", "margin"}, 12)
    assert "The study was changed when 12 trials had finished (replicates and margin)" in (
        told(folder).replace("margin and replicates", "replicates and margin")
    )
    shown = tables.formatted_history(results)
    assert shown["Digest"].tolist() == [asked.digest()[:8], later.digest()[:8]]
    assert shown["Trials finished by then"].tolist() == ["0", "12"]
    assert "Changes of the plan" in page.render(folder)
