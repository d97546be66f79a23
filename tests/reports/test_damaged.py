"""Stores that are damaged, foreign or of a newer version: one sentence, or a good reading."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from synthetic import Maker, Script

from harness import cli, limits
from harness.errors import NothingToReportError, StoreError
from harness.store import FILE
from reports import frames

if TYPE_CHECKING:
    from pathlib import Path

DEEP = '{"name":' + "[" * 100_000 + "]" * 100_000 + "}"
NESTED = "[" * 200 + "]" * 200
FACTORS = json.dumps({f"f{one}": ["a"] for one in range(100_000)})
LEVELS = json.dumps({"a": list(range(1_000_000))})
PRODUCT = json.dumps({f"f{one}": list(range(10)) for one in range(90)})

EDITS = {
    "UPDATE study SET definition = '[]'": ("study", "1: expected a table"),
    "UPDATE study SET definition = '3'": ("study", "1: expected a table"),
    f"UPDATE study SET definition = '{DEEP}'": ("study", "1: lists or tables without end"),
    f"UPDATE study SET definition = json_set(definition, '$.fixed.a', json('{NESTED}'))": (
        "study",
        "1: expected at most 64 lists and tables in one another",
    ),
    "UPDATE study SET definition = json_set(definition, '$.newer', 1)": (
        "study",
        "[newer]: expected a known key",
    ),
    """UPDATE study SET definition = json_set(definition, '$.question', json('"\\ud800"'))""": (
        "study",
        "surrogates not allowed",
    ),
    "UPDATE study SET definition = '{\"a\": 1e999}'": ("study", "expected a finite number"),
    f"UPDATE study SET definition = json_set(definition, '$.factors', json('{FACTORS}'))": (
        "study",
        "expected at most 100 factors. Received: 100,000",
    ),
    f"UPDATE study SET definition = json_set(definition, '$.factors', json('{LEVELS}'))": (
        "study",
        "expected at most 100,000 arms. Received: 1,000,000 levels of 1 factors",
    ),
    f"UPDATE study SET definition = json_set(definition, '$.factors', json('{PRODUCT}'))": (
        "study",
        "expected at most 100,000 arms",
    ),
    "UPDATE study SET metric = 'x y z/'": ("study", "expected split/metric@epoch"),
    "UPDATE study SET card = '[]'": ("study", "1: expected a table"),
    f"UPDATE study SET card = '{DEEP}'": ("study", "1: lists or tables without end"),
    "UPDATE study SET card = json_set(card, '$.newer', 1)": ("study", "'newer'"),
    "UPDATE study SET card = json_set(card, '$.cases', 'x')": ("study", "cases: "),
    "UPDATE study SET card = json_set(card, '$.classes', 3)": ("study", "classes: "),
    "UPDATE environment SET content = json_set(content, '$.newer', 1)": (
        "environment",
        "newer: ",
    ),
    "UPDATE member SET phase = 'dream' WHERE rowid = 1": ("member", "phase 'dream'"),
    "UPDATE member SET replicate = 2000000000 WHERE rowid = 1": ("member", "replicate 2000000000"),
    "UPDATE member SET replicate = 30000000 WHERE rowid = 1": ("member", "replicate 30000000"),
    "UPDATE member SET replicate = 999999 WHERE rowid = 1": ("member", "replicate 999999"),
    "UPDATE member SET replicate = -1 WHERE rowid = 1": ("member", "replicate -1"),
    "UPDATE member SET hyperparameters = '[]'": ("member", "expected a table"),
    "UPDATE member SET hyperparameters = '{\"a\": [1]}'": ("member", "a = [1]"),
    "UPDATE trial SET status = 'dreamt' WHERE rowid = 1": ("trial", "status 'dreamt'"),
    "UPDATE trial SET attempt = -3 WHERE rowid = 1": ("trial", "attempt -3"),
    "UPDATE trial SET definition = '{'": ("trial", "definition '{'"),
    "UPDATE trial SET definition = '[]'": ("trial", "expected a table"),
    "UPDATE trial SET definition = json_set(definition, '$.engine', 'x')": ("trial", "engine x"),
    "UPDATE trial SET definition = json_set(definition, '$.seed', 5)": ("trial", "of this key"),
    "UPDATE attempt SET status = 'dreamt' WHERE rowid = 1": ("attempt", "status 'dreamt'"),
    "UPDATE attempt SET epochs = 1000000000 WHERE rowid = 1": ("attempt", "epochs 1000000000"),
    "UPDATE attempt SET best_epoch = -1 WHERE rowid = 1": ("attempt", "best_epoch -1"),
    "UPDATE attempt SET train = 1e308 WHERE rowid = 1": ("attempt", "train 1"),
    "UPDATE attempt SET route = 'newer' WHERE rowid = 1": ("attempt", "route 'newer'"),
    "UPDATE fact SET value = 1e308 WHERE quantity = 'test/accuracy'": ("fact", "value 1"),
    "UPDATE fact SET value = -9e999 WHERE quantity = 'test/accuracy'": ("fact", "value -"),
    "UPDATE fact SET quantity = 'epoch' WHERE quantity = 'val/loss'": ("fact", "quantity 'epoch'"),
    "INSERT INTO artifact SELECT key, '', 0, 'seen', '../../x' FROM trial": (
        "artifact",
        "digest '../../x'",
    ),
    "UPDATE event SET payload = '[]'": ("event", "1: expected a table"),
    "UPDATE event SET at = 'noon'": ("event", "noon"),
}
"""Edits of a store, the table that is named for each and a part of what is said of its row."""


def edit(folder: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    """Change a store behind its back."""
    with closing(sqlite3.connect(folder / FILE)) as db:
        db.execute(statement, values)
        db.commit()


@pytest.mark.parametrize("statement", EDITS, ids=lambda text: text[7:60])
def test_a_row_that_cannot_be_read_is_named(make: Maker, statement: str) -> None:
    """Table, row and what stands there, before anything is made of it."""
    folder = make(tune=None, replicates=2)
    edit(folder, statement)
    table, said = EDITS[statement]
    with pytest.raises(StoreError) as caught:
        frames.read(folder)
    text = str(caught.value)
    assert f"expected a row of table {table!r} as this version writes it. Received" in text
    assert said in text
    assert len(text) < 800


def test_half_a_pair_of_surrogates(make: Maker) -> None:
    """Bytes that are no text."""
    folder = make(tune=None, replicates=2)
    edit(folder, "UPDATE attempt SET reason = CAST(x'eda080' AS TEXT)")
    with pytest.raises(StoreError, match="Could not decode to UTF-8 column 'reason'"):
        frames.read(folder)


def test_the_command_line_tells_it_in_one_sentence(make: Maker, monkeypatch, capsys) -> None:
    """Exit code 4, and no traceback; ``run`` could not use the store either."""
    folder = make(tune=None, replicates=2)
    edit(folder, "UPDATE member SET replicate = 2000000000 WHERE rowid = 1")
    for verb in ("report", "status", "verify"):
        monkeypatch.setattr("sys.argv", ["keras-harness", verb, str(folder)])
        assert cli.main() == 4
        told = capsys.readouterr()
        assert told.err.count("expected a row of table 'member'") == 1
        assert "Traceback" not in told.err


@pytest.mark.parametrize("number", [limits.NUMBER, -limits.NUMBER, 3.4e38, 1e-320])
def test_numbers_within_the_limit_are_laid_out(make: Maker, number: float) -> None:
    """The limit is low enough for sums of squares."""
    from reports import page

    folder = make(Script(value=lambda arm, _: number if arm else 0.5), tune=None, replicates=6)
    page.render(folder)


COLUMNS = {
    "study": ("definition", "metric", "card", "code", "revision"),
    "environment": ("digest", "content"),
    "trial": ("key", "definition", "status", "attempt"),
    "member": ("revision", "arm", "phase", "candidate", "replicate", "hyperparameters", "trial"),
    "attempt": ("trial", "number", "status", "workers", "environment", "reason", "epochs",
                "best_epoch", "parameters", "route", "xla", "reused", "build", "train"),
    "fact": ("trial", "stage", "epoch", "layer", "quantity", "value"),
    "event": ("at", "kind", "trial", "payload"),
}  # fmt: skip
PLACES = st.sampled_from([(table, name) for table, names in COLUMNS.items() for name in names])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
NUMBERS = st.integers(-3, 9) | st.integers(-(2**63), 2**63 - 1)
VALUES = NUMBERS | st.floats(allow_nan=False) | st.text(max_size=9) | JSON.map(json.dumps)


def _changed(text: object, replaced: object, at: float) -> object:
    """A JSON text with one of its values, or one of its characters, replaced."""
    try:
        content = json.loads(str(text))
        keys = sorted(content)
        content[keys[int(at * len(keys))]] = replaced
        return json.dumps(content)
    except (ValueError, TypeError, LookupError):
        place = int(at * len(str(text)))
        return str(text)[:place] + str(replaced)[:1] + str(text)[place + 1 :]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with tuning, of two arms."""
    return Maker(tmp_path_factory.mktemp("small"))(
        factors={"activation": ["relu", "tanh"]}, replicates=3
    )


@settings(
    deadline=5000,
    max_examples=250,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(PLACES, VALUES, JSON, st.floats(0, 1, exclude_max=True), st.booleans()),
        min_size=1,
        max_size=3,
    )
)
def test_any_edit_is_told_or_read(small: Path, tmp_path: Path, edits) -> None:
    """Whatever stands in its rows, a store ends in one kind of error, or is read, in seconds."""
    folder = tmp_path / "edited"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(small, folder)
    with closing(sqlite3.connect(folder / FILE)) as db:
        for (table, name), value, inner, at, whole in edits:
            rows = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            nth = f"LIMIT 1 OFFSET {int(at * rows)}"
            (old,) = db.execute(f"SELECT {name} FROM {table} {nth}").fetchone()
            given = value if whole else _changed(old, inner, at)
            try:
                db.execute(f"UPDATE {table} SET {name} = ? WHERE {name} IS ?", (given, old))
            except (sqlite3.DatabaseError, UnicodeEncodeError):
                assume(False)
        db.commit()
    try:
        frames.read(folder)
    except (StoreError, NothingToReportError):
        return
