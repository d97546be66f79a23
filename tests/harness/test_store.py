"""The store: all or nothing, one writer, nothing lost, nothing torn."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.errors import BusyError, DiskError, HarnessError, StoreError
from harness.records import FINAL, Definition, Environment, Epoch, Member, Outcome
from harness.spec import Study, Trial
from harness.store import (
    FILE,
    SCHEMA,
    Store,
    counts,
    definition,
    exists,
    problems,
    reading,
    schema,
    writer,
)  # fmt: skip

STUDY = Study(name="small", template="mlp", factors={"activation": ["relu", "tanh"]})
CARD = {"locator": "digits", "digest": "d" * 64, "shape": [8, 8], "cases": 10, "tests": 2}
HERE = Environment(harness="0.1.0", versions={"python": "3.11"}, processor="x", flags={})
TABLES = ("event", "study", "environment", "proposal", "trial", "need", "member", "attempt",
          "wanted", "note", "fact", "artifact", "metric")  # fmt: skip


def made(replicate, phase="confirm", arm=0):
    """A trial and its place."""
    trial = Trial(
        template="mlp",
        settings={"arm": arm},
        dataset="digits",
        data="d" * 64,
        task="classification",
        seed=1,
        phase=phase,
        replicate=replicate,
        best="val/loss",
        threads=1,
    )
    member = Member(
        arm=arm, phase=phase, candidate=0, replicate=replicate, hyperparameters={}, trial=trial.key
    )
    return member, trial


def outcome(status="completed", epochs=3):
    """How a training could have ended."""
    tested = {"test/accuracy": 0.9} if status == "completed" else {}
    curve = tuple(
        Epoch(epoch=n, quantities={"val/loss": 1 / (n + 1)} | (tested if n == 0 else {}))
        for n in range(epochs)
    )
    return Outcome(status=status, reason="so it was", curve=curve, best_epoch=0)


def fill(folder, trials=4, ended=2):
    """A store with some finished trials; the keys of all."""
    members = [made(replicate) for replicate in range(trials)]
    with Store(folder) as store:
        store.enrol(store.revise(STUDY, "test/accuracy@best", CARD), 0, "confirm", members)
        here = store.remember(HERE)
        store.propose("token", [{"learning_rate": 0.1}])
        for _, trial in members[:ended]:
            store.end(trial.key, store.begin(trial.key, 1), outcome(), here)
    return [trial.key for _, trial in members]


def content(folder):
    """All rows of all tables."""
    with reading(folder) as db:
        return {
            table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES
        }


def use(folder):
    """Read all of a store as a report does, then go on writing as a run does."""
    definition(folder)
    counts(folder)
    content(folder)
    with Store(folder) as store:
        store.environments()
        store.open_attempts()
        store.statuses(0, "confirm", 1)
        store.results(1, 0, "confirm", 1)
        store.proposals("token")
        store.note("looked at", {})


@pytest.fixture
def folder(tmp_path):
    """Where a store can be."""
    return tmp_path / "results" / "small"


# -- what is written ---------------------------------------------------------------------------


def test_a_result_is_read_back(folder):
    """Status, metrics and number of epochs, for each candidate its replicates."""
    fill(folder)
    with Store(folder) as store:
        ((first, second, third, _),) = store.results(1, 0, "confirm", 1)
    assert first == second
    assert (first.status, first.metrics, first.epochs) == (
        "completed",
        {"test/accuracy@best": 0.9, "val/loss@best": 1.0, "val/loss@last": 1 / 3},
        3,
    )
    assert (third.status, third.metrics, third.epochs) == ("pending", {}, 0)


def test_a_number_that_no_reader_takes_is_a_divergence(folder):
    """What is written can be read: epochs before it are kept, the trial has diverged."""
    key = fill(folder, ended=0)[0]
    curve = [Epoch(epoch=n, quantities={"val/loss": 10.0 ** (38 * n)}) for n in range(3)]
    with Store(folder) as store:
        told = Outcome(status="completed", curve=tuple(curve), best_epoch=0)
        store.end(key, store.begin(key, 1), told)
        assert store.status(key) == "diverged"
    rows = content(folder)
    assert [row[5] for row in rows["fact"]] == [1.0, 1e38]
    assert rows["attempt"][0][5] == "val/loss is 1e+76 in epoch 2"


def test_readers_know_the_study(folder):
    """Definition and counts, without opening the store for writing."""
    assert not exists(folder)
    fill(folder)
    assert exists(folder)
    assert definition(folder) == Definition(study=STUDY, data="d" * 64, code="")
    assert counts(folder) == {("confirm", "completed"): 2, ("confirm", "pending"): 2}


def test_a_definition_that_is_current_keeps_its_revision(folder):
    """A changed study or changed data is a new revision; going back to an old one too."""
    other = STUDY.model_copy(update={"replicates": 3})
    with Store(folder) as store:
        found = [
            store.revise(study, "val/loss@best", card)
            for study, card in [
                (STUDY, CARD), (STUDY, CARD), (other, CARD), (other, CARD | {"digest": "e" * 64}),
                (STUDY, CARD),
            ]
        ]  # fmt: skip
    assert found == [1, 1, 2, 3, 4]
    assert definition(folder).study == STUDY


def test_more_said_of_the_same_data_is_no_revision(folder):
    """A newer version describes data at greater length; the question is the same."""
    fill(folder)
    with Store(folder) as store:
        assert store.revise(STUDY, "test/accuracy@best", CARD | {"modes": 3}) == 1
    rows = content(folder)
    assert [json.loads(row[4])["modes"] for row in rows["study"]] == [3]
    assert problems(folder) == []


def test_enrolling_again_replaces_places_and_keeps_trials(folder):
    """Members are what the last enrolment said; results stay."""
    keys = fill(folder, trials=3, ended=3)
    with Store(folder) as store:
        store.enrol(1, 0, "confirm", [made(0), made(7)])
        assert store.statuses(0, "confirm", 1) == {keys[0]: "completed", made(7)[1].key: "pending"}
    rows = content(folder)
    assert len(rows["trial"]) == 4
    assert len({row[0] for row in rows["metric"]}) == 3


def test_enrolment_is_all_or_nothing(folder):
    """Two trials in one place are refused together, and the places before them stay."""
    fill(folder)
    before = content(folder)
    twice = [made(5), (made(5)[0], made(6)[1])]
    with Store(folder) as store, pytest.raises(sqlite3.IntegrityError):
        store.enrol(1, 0, "confirm", twice)
    assert content(folder) == before


def test_only_environments_that_led_to_results_count(folder):
    """What was observed but trained nothing is not compared with later runs."""
    fill(folder, trials=2, ended=1)
    with Store(folder) as store:
        store.remember(HERE.model_copy(update={"processor": "never used"}))
        assert store.environments() == [HERE]


def test_proposals_are_kept(folder):
    """What was proposed once is never proposed differently."""
    fill(folder)
    with Store(folder) as store:
        assert store.proposals("token") == [{"learning_rate": 0.1}]
        assert store.proposals("other") is None
        with pytest.raises(sqlite3.IntegrityError):
            store.propose("token", [])


# -- attempts ----------------------------------------------------------------------------------


def test_a_late_report_is_refused_and_noted(folder):
    """The number of an attempt is a fencing token."""
    key = fill(folder, ended=0)[0]
    with Store(folder) as store:
        stalled, current = store.begin(key, 1), store.begin(key, 1)
        assert (stalled, current) == (1, 2)
        assert not store.end(key, stalled, outcome())
        assert not content(folder)["metric"]
        assert store.end(key, current, outcome(epochs=2))
        assert not store.end(key, current, outcome())
        assert not store.end("unknown", 1, outcome())
    rows = content(folder)
    noted = [row[3:5] for row in rows["event"] if row[2] == "late report refused"]
    assert noted == [(key, 1), (key, 2), ("unknown", 1)]
    assert {row[2] for row in rows["fact"]} == {0, 1}


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_finished_trial_is_never_begun_again(folder, status):
    """Completed and diverged are results."""
    key = fill(folder, ended=0)[0]
    with Store(folder) as store:
        store.end(key, store.begin(key, 1), outcome(status))
        before = content(folder)
        for wrong in (key, "unknown"):
            with pytest.raises(StoreError, match="expected a trial that waits for a result"):
                store.begin(wrong, 1)
    assert content(folder) == before


@pytest.mark.parametrize("status", ["failed", "lost", "interrupted"])
def test_what_failed_may_be_tried_again(folder, status):
    """Only its brief outcome is kept: no epochs, no metrics."""
    key = fill(folder, ended=0)[0]
    with Store(folder) as store:
        store.end(key, store.begin(key, 1), outcome(status))
        assert not content(folder)["fact"]
        assert store.begin(key, 1) == 2
        assert store.open_attempts() == [(key, 2)]


class Failing:
    """A connection whose n-th statement the disk refuses."""

    def __init__(self, db, moment, error):
        """Count down from the n-th."""
        self._db, self._left, self._error = db, moment, error

    def __getattr__(self, name):
        return getattr(self._db, name)

    def _count(self):
        self._left -= 1
        if self._left == 0:
            raise self._error

    def execute(self, *arguments):
        """Refuse, or pass on."""
        if arguments[0] != "ROLLBACK":
            self._count()
        return self._db.execute(*arguments)

    def executemany(self, statement, rows):
        """Refuse halfway through the rows, or pass on."""
        for row in rows:
            self._count()
            self._db.execute(statement, row)


def full():
    """SQLite's error of a full disk."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (full(), DiskError),
        (OSError(5, "Input/output error"), DiskError),
        (sqlite3.DatabaseError("database disk image is malformed"), StoreError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
@pytest.mark.parametrize("act", ["end", "begin", "enrol", "revise", "propose"])
def test_a_write_is_all_or_nothing(folder, act, error, expected):
    """Whichever statement fails, nothing of the write is there, and the store goes on."""
    keys = fill(folder, ended=1)
    with Store(folder) as store:
        number = store.begin(keys[1], 1)
        writes = {
            "end": lambda: store.end(keys[1], number, outcome()),
            "begin": lambda: store.begin(keys[2], 1),
            "enrol": lambda: store.enrol(1, 0, "confirm", [made(0), made(8)]),
            "revise": lambda: store.revise(STUDY.model_copy(update={"seed": 2}), "m", CARD),
            "propose": lambda: store.propose("new", [{}]),
        }
        before = content(folder)
        whole, moment = store._db, 1
        while True:
            store._db = Failing(whole, moment, error)
            try:
                writes[act]()
            except expected:
                assert content(folder) == before
                moment += 1
            else:
                break
        store._db = whole
        assert content(folder) != before
        assert moment > 3
        store.note("goes on", {})


def test_a_failure_in_the_middle_of_a_result(folder, monkeypatch):
    """A trial is there with all its epochs and metrics, or not at all."""
    key = fill(folder, ended=0)[0]
    results = Store._results

    def half(self, *arguments):
        results(self, *arguments)
        raise RuntimeError("in the middle")

    with Store(folder) as store:
        number = store.begin(key, 1)
        before = content(folder)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_results", half)
            with pytest.raises(RuntimeError, match="in the middle"):
                store.end(key, number, outcome())
        assert content(folder) == before
        assert store.end(key, number, outcome())
    assert len(content(folder)["fact"]) == 4


STATUSES = ["completed", "diverged", "failed", "lost", "interrupted"]


class Life(RuleBasedStateMachine):
    """Any sequence of enrolments, attempts, reports, failures and restarts."""

    def __init__(self):
        """A folder, and what should be in it."""
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="store-"))
        self.status, self.attempts, self.events = {}, {}, []

    @initialize()
    def open(self):
        """A fresh store."""
        self.store = Store(self.folder)
        self.revision = self.store.revise(STUDY, "test/accuracy@best", CARD)
        self.here = self.store.remember(HERE)

    @rule(arm=st.integers(0, 2), replicates=st.integers(0, 3))
    def enrol(self, arm, replicates):
        """New trials wait, known ones stay what they are."""
        members = [made(replicate, arm=arm) for replicate in range(replicates)]
        self.store.enrol(self.revision, arm, "confirm", members)
        for _, trial in members:
            self.status.setdefault(trial.key, "pending")
        found = self.store.statuses(arm, "confirm", self.revision)
        assert found == {trial.key: self.status[trial.key] for _, trial in members}

    @precondition(lambda self: self.status)
    @rule(data=st.data())
    def begin(self, data):
        """Attempts are numbered without gaps; finished trials have no more of them."""
        key = data.draw(st.sampled_from(sorted(self.status)))
        if self.status[key] in FINAL:
            with pytest.raises(StoreError):
                self.store.begin(key, 1)
            return
        self.attempts[key] = self.attempts.get(key, 0) + 1
        assert self.store.begin(key, 1) == self.attempts[key]
        self.status[key] = "running"

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), back=st.integers(0, 2), status=st.sampled_from(STATUSES))
    def end(self, data, back, status):
        """The current attempt of a running trial is accepted, any other is not."""
        key = data.draw(st.sampled_from(sorted(self.attempts)))
        accepted = back == 0 and self.status[key] == "running"
        assert self.store.end(key, self.attempts[key] - back, outcome(status)) == accepted
        if accepted:
            self.status[key] = status

    @precondition(lambda self: self.attempts)
    @rule(data=st.data(), moment=st.integers(1, 9))
    def fail(self, data, moment):
        """The disk refuses a report somewhere: it is all there or not there."""
        key = data.draw(st.sampled_from(sorted(self.attempts)))
        whole, self.store._db = self.store._db, Failing(self.store._db, moment, full())
        try:
            if self.store.end(key, self.attempts[key], outcome()):
                self.status[key] = "completed"
        except DiskError:
            pass
        finally:
            self.store._db = whole

    @rule()
    def restart(self):
        """Closing and opening changes nothing."""
        before = content(self.folder)
        self.store.close()
        self.store = Store(self.folder)
        assert content(self.folder) == before

    @invariant()
    def consistent(self):
        """Statuses are those of the model, results belong to finished trials, events only grow."""
        if not hasattr(self, "store"):
            return
        rows = content(self.folder)
        assert {row[0]: row[2] for row in rows["trial"]} == self.status
        running = [key for key, status in self.status.items() if status == "running"]
        assert sorted(self.store.open_attempts()) == sorted(
            (key, self.attempts[key]) for key in running
        )
        finished = {key for key, status in self.status.items() if status in FINAL}
        completed = {key for key, status in self.status.items() if status == "completed"}
        assert {row[0] for row in rows["fact"]} == finished
        assert len(rows["fact"]) == 3 * len(finished) + len(completed)
        assert {row[0] for row in rows["metric"]} == completed
        assert rows["event"][: len(self.events)] == self.events
        self.events = rows["event"]

    def teardown(self):
        """Leave nothing behind."""
        if hasattr(self, "store"):
            self.store.close()
        shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


# -- one writer --------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from harness.store import Store
with Store(Path(sys.argv[1])) as store:
    store.note("held", {})
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(folder):
    """Another process that holds the store."""
    fill(folder)
    command = [sys.executable, "-c", HOLD, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_until_the_first_is_killed(folder, holder):
    """The error names the holder; the kernel frees the lock, however the holder ends."""
    before = content(folder)
    for _ in range(2):
        with pytest.raises(BusyError) as caught:
            Store(folder)
        assert f"is in use by process {holder.pid} on {os.uname().nodename}" in str(caught.value)
    assert content(folder) == before
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with Store(folder) as store:
        store.note("goes on", {})
    assert [row[2] for row in content(folder)["event"]][-2:] == ["held", "goes on"]


def test_reading_beside_a_writer(folder, holder):
    """A report can be made while a study runs in another process."""
    assert holder.poll() is None
    use_without_writing = (definition(folder), counts(folder), content(folder))
    assert use_without_writing[0].study == STUDY
    with reading(folder) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM event")


def test_readers_see_whole_transactions(folder):
    """Half of a write is never seen, not even by a reader that looks during it."""
    keys = fill(folder, ended=0)
    with Store(folder) as store:
        number = store.begin(keys[0], 1)
        with reading(folder) as db:
            sql = "SELECT count(*) FROM fact"
            db.execute("BEGIN")
            assert db.execute(sql).fetchone() == (0,)
            store.end(keys[0], number, outcome())
            assert db.execute(sql).fetchone() == (0,)
            db.execute("COMMIT")
            assert db.execute(sql).fetchone() == (4,)


def test_the_lock_is_released_when_opening_fails(folder):
    """A file that is no store does not keep the folder locked."""
    folder.mkdir(parents=True)
    (folder / FILE).write_text("no database" * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="file is not a database"):
            Store(folder)
    (folder / FILE).unlink()
    Store(folder).close()


# -- files that are not as they should be ------------------------------------------------------


def test_a_newer_store_is_refused_unchanged(folder):
    """Neither reading nor writing touches a byte of it."""
    fill(folder)
    db = sqlite3.connect(folder / FILE)
    db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.commit()
    db.close()
    before = (folder / FILE).read_bytes()
    with pytest.raises(StoreError) as caught:
        Store(folder)
    assert sorted(file.name for file in folder.iterdir()) == ["lock", FILE]
    for act in (Store, counts, definition, content):
        with pytest.raises(StoreError) as caught:
            act(folder)
        assert f"schema {SCHEMA} or older" in str(caught.value)
        assert f"Received: schema {SCHEMA + 1}, written by a newer keras-harness" in str(
            caught.value
        )
    assert (folder / FILE).read_bytes() == before
    log = folder / f"{FILE}-wal"  # a reader may not remove the log that it has looked for
    assert not log.exists() or log.stat().st_size == 0


def test_another_database_is_refused_unchanged(folder):
    """A file of some other program is left alone."""
    folder.mkdir(parents=True)
    db = sqlite3.connect(folder / FILE)
    db.execute("CREATE TABLE other (x)")
    db.commit()
    db.close()
    before = (folder / FILE).read_bytes()
    for act in (Store, counts, definition):
        with pytest.raises(StoreError, match="is no store of keras-harness"):
            act(folder)
    assert (folder / FILE).read_bytes() == before


@pytest.mark.parametrize("act", [counts, definition, content])
def test_no_store(folder, act):
    """A folder without one is named; nothing is made by looking."""
    with pytest.raises(StoreError, match=r"expected a folder with a study's results \(study\.db\)"):
        act(folder)
    assert not folder.exists()


def test_a_store_without_a_study(folder):
    """A run that ended before it began left nothing to report."""
    Store(folder).close()
    assert counts(folder) == {}
    assert definition(folder) is None


def test_a_file_that_vanishes(folder, monkeypatch):
    """Between looking and opening, too, the error is one sentence."""
    monkeypatch.setattr("harness.store.reader.exists", lambda _: True)
    with pytest.raises(StoreError, match="cannot be read: unable to open database file"):
        counts(folder)


def test_a_folder_in_the_place_of_the_file(folder):
    """It cannot be opened, and is told so."""
    (folder / FILE).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened: unable to open database file"):
        Store(folder)


def _damaged(folder, raws):
    """How often a store with each content was refused; any other exception is passed on."""
    refused = 0
    for raw in raws:
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / FILE).write_bytes(raw)
        try:
            use(folder)
        except HarnessError as error:
            assert isinstance(error, StoreError)  # noqa: PT017, some are readable
            refused += 1
    return refused


def test_a_truncated_store(folder):
    """Cut off anywhere it is refused in one sentence, or still read: never a traceback."""
    fill(folder, trials=40, ended=40)
    raw = (folder / FILE).read_bytes()
    cuts = [len(raw) * part // 200 for part in range(200)]
    assert _damaged(folder, (raw[:cut] for cut in cuts)) > 190


def test_zeroed_pages(folder):
    """What a lost disk block leaves is refused, or was not needed."""
    fill(folder, trials=40, ended=40)
    raw = (folder / FILE).read_bytes()
    page = 4096
    starts = range(0, len(raw), page)
    assert _damaged(folder, (raw[:at] + bytes(page) + raw[at + page :] for at in starts)) > 5


def test_a_damaged_definition(folder):
    """A study that cannot be read back is the store's fault."""
    fill(folder)
    db = sqlite3.connect(folder / FILE)
    db.execute("UPDATE study SET definition = '{\"name\": '")
    db.commit()
    db.close()
    with pytest.raises(StoreError, match=r"expected a row of table 'study'.* damaged"):
        definition(folder)


FULL = """
import json, resource, sys
from pathlib import Path
from harness.errors import DiskError
from harness.store import Store
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
report = []
for size in json.loads(sys.argv[2]):
    folder = Path(sys.argv[1]) / str(size)
    acknowledged, refused = 0, ""
    limit(size)
    try:
        with Store(folder) as store:
            for number in range(2000):
                store.note("x" * 1000, {"number": number})
                acknowledged += 1
    except DiskError as error:
        refused = str(error)
    limit(hard)
    report.append([size, acknowledged, refused])
print(json.dumps(report))
"""


def test_a_full_disk(tmp_path):
    """A write that the disk refuses is a DiskError; all acknowledged ones are there afterwards."""
    sizes = [0, 100, 5_000, 40_000, 70_000, 200_000, 700_000]
    command = [sys.executable, "-c", FULL, tmp_path, json.dumps(sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for size, acknowledged, refused in json.loads(done.stdout):
        folder = tmp_path / str(size)
        assert f"the disk refused to write in '{folder}'" in refused
        assert "All finished trials are kept; run again when there is room." in refused
        with Store(folder) as store:
            assert store._rows("PRAGMA integrity_check") == [("ok",)]
            store.note("room again", {})
        numbers = [json.loads(row[5]).get("number") for row in content(folder)["event"]]
        assert numbers == [*range(acknowledged), None]
    assert acknowledged > 20


def test_the_folder_is_private(folder):
    """Results are for the user who made them."""
    Store(folder).close()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_writes_survive_a_power_cut(folder):
    """As far as SQLite promises it: a write-ahead log, flushed at every commit."""
    with Store(folder) as store:
        assert store._rows("PRAGMA journal_mode") == [("wal",)]
        assert store._rows("PRAGMA synchronous") == [(2,)]
        assert store._rows("PRAGMA foreign_keys") == [(1,)]


def test_the_writer_is_the_only_module_that_writes():
    """Whatever else opens the file opens it read-only."""
    package = Path(writer.__file__).parent.parent
    users = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if "sqlite3.connect(" in file.read_text(encoding="utf-8")
    }
    assert users == {"store/reader.py", "store/upgrade.py", "store/writer.py"}


def test_the_page_on_the_store_is_true():
    """It names every table, and its query is one that runs."""
    text = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
    db = sqlite3.connect(":memory:")
    db.executescript(schema.TABLES)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert {*re.findall(r"^\| `(\w+)` \| ", text, re.MULTILINE)} - {"objects", "attempts"} == {
        table for table in tables if not table.startswith("sqlite_")
    }
    (query,) = re.findall(r'execute\("""(.*?)"""', text, re.DOTALL)
    assert db.execute(query).fetchall() == []
    assert f"schema {SCHEMA}" in text
