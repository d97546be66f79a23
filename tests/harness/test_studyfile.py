"""Study files: what is written is read back, and errors name the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import datasets, design, studyfile
from harness.errors import StudyError
from harness.spec import NAME, Study

MINIMAL = 'name = "a"\ntemplate = "mlp"\nfactors.activation = ["relu"]\n'
WORDS = st.text(max_size=8)  # any character but surrogates, which UTF-8 has not
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e-7, 1e22, -0.0])
SCALARS = st.booleans() | st.integers() | NUMBERS | WORDS
LEVELS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
RANGES = (
    st.tuples(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.sampled_from(["linear", "log"]))
    .filter(lambda part: part[0] < part[1])
    .map(lambda part: dict(zip(("min", "max", "scale"), part, strict=True)))
)
CHOICES = st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"values": values})
TUNES = st.fixed_dictionaries(
    {"space": st.dictionaries(WORDS, RANGES | CHOICES, min_size=1, max_size=3)},
    optional={
        "trials": st.integers(1, 99),
        "replicates": st.integers(1, 9),
        "objective": st.sampled_from(["val/loss@last", "val/accuracy@best"]),
    },
)
STUDIES = st.fixed_dictionaries(
    {
        "name": st.from_regex(NAME, fullmatch=True).map(lambda name: f"s{name}"[:64]),
        "template": WORDS,
        "factors": st.dictionaries(
            WORDS, st.lists(LEVELS, min_size=1, max_size=3), min_size=1, max_size=3
        ),
    },
    optional={
        "question": st.text(max_size=40),
        "dataset": WORDS,
        "fixed": st.dictionaries(WORDS, LEVELS, max_size=3),
        "baseline": st.dictionaries(WORDS, LEVELS, max_size=2),
        "tune": TUNES,
        "metric": st.sampled_from(["test/accuracy@best", "val/loss@last"]),
        "best": st.sampled_from(["val/loss", "val/accuracy"]),
        "replicates": st.integers(1, 10**6),
        "seed": st.integers(),
        "confidence": st.floats(0.5, 1, exclude_min=True, exclude_max=True),
        "margin": st.floats(1e-12, 1e12),
        "threads": st.integers(1, 64),
    },
).map(lambda content: Study(**content))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(STUDIES)
def test_a_study_survives_its_file(study):
    """Whatever a study holds, writing and reading it gives the same study, kinds included."""
    again = studyfile.parse(studyfile.dump(study))
    assert again == study
    assert again.digest() == study.digest()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(STUDIES)
def test_a_study_survives_the_disk(tmp_path_factory, study):
    """The text is UTF-8, and line ends inside of strings are kept."""
    file = tmp_path_factory.mktemp("file") / "study.toml"
    file.write_bytes(studyfile.dump(study).encode())
    assert studyfile.load(file) == study


def test_defaults_are_not_written():
    """A dumped study is as short as it was."""
    text = studyfile.dump(studyfile.parse(MINIMAL))
    lines = ["schema = 1", 'name = "a"', 'template = "mlp"', "", "[factors]"]
    assert text.splitlines() == [*lines, 'activation = ["relu"]']


@pytest.mark.parametrize("name", sorted(studyfile.built_in()))
def test_built_in_studies_can_be_planned(name):
    """They load, name a baseline, ask a question, and fit their data."""
    study = studyfile.load(studyfile.find(name))
    assert study.name == name
    assert set(study.baseline) == set(study.factors)
    assert study.question.endswith("?")
    plan = design.plan(study, datasets.describe_all(study, []), [])
    assert design.baseline(study) in plan.arms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = ", "expected TOML."),
        ("a = 1\na = 2", "expected TOML."),
        ("seed = " + "9" * 5000, "expected TOML."),
        ("a = " + "[" * 5000, "expected TOML."),
        (MINIMAL + "schema = 2", "[schema]: expected schema = 1. Received: 2. A newer"),
        (MINIMAL + "[fixd]", ("[fixd]: expected a known key. Received: 'fixd'. "
                             "Did you mean 'fixed'?")),
        (MINIMAL + "self = 1", "[self]: expected a known key. Received: 'self'."),
        (MINIMAL + "margin = nan", "[margin]: expected a finite number. Received: nan."),
        (MINIMAL + "factors.rate = [inf]", "[factors.rate.0]: expected text, a finite number"),
        (MINIMAL + "fixed.day = 1979-05-27", "[fixed.day]: expected text, a finite number"),
        ("", "[name]: expected this key. Received: nothing."),
    ],
)  # fmt: skip
def test_bad_files_are_refused_by_name(tmp_path, text, expected):
    """File, key, expectation and what was received stand in one line."""
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(StudyError) as caught:
        studyfile.load(file)
    assert str(caught.value).startswith(str(file))
    assert expected in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"name = '\xe9'"])
def test_bytes_that_are_no_text(tmp_path, content):
    """A file in another encoding is refused by name."""
    file = tmp_path / "study.toml"
    file.write_bytes(content)
    with pytest.raises(StudyError, match=r"study\.toml: cannot be read: 'utf-8'"):
        studyfile.load(file)


def test_a_folder_is_no_study(tmp_path):
    """It is told as an error of the study."""
    with pytest.raises(StudyError, match="expected a plain file"):
        studyfile.load(tmp_path)


def test_a_path_or_a_name_finds_a_study(tmp_path):
    """Built-in studies need no path."""
    file = tmp_path / "own.toml"
    file.write_text(MINIMAL)
    assert studyfile.find(str(file)) == file
    assert studyfile.find("quickstart").name == "quickstart.toml"


def test_a_users_folder_hides_no_built_in_study(tmp_path, monkeypatch):
    """``studies/quickstart.toml`` in the current directory is not what the name means."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "quickstart.toml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    assert studyfile.load(studyfile.find("quickstart")).name == "quickstart"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quickstar", "Did you mean 'quickstart'?"),
        ("", "expected the path of a study file (.toml) or the name of a built-in study."),
        ("gone.toml", "expected a study file. Received: 'gone.toml', which does not exist."),
        ("../quickstart", "expected the path of a study file"),
    ],
)
def test_unknown_studies_are_refused(tmp_path, monkeypatch, name, expected):
    """The nearest built-in study is named."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as caught:
        studyfile.find(name)
    assert expected in str(caught.value)


def test_groups_of_columns_are_read_back():
    """Names that need quotes among them."""
    inputs = {"image": ["a", "b c"], "the rest": ['"d"']}
    dataset = {"file": "t.csv", "target": ["y", "z"], "inputs": inputs}
    study = Study(name="a", template="b:c", factors={"d": [1]}, dataset=dataset)
    assert studyfile.parse(studyfile.dump(study)) == study
    assert study.dataset.named == ("a", "b c", '"d"')


TOML = st.recursive(
    SCALARS | st.sampled_from([float("inf"), float("nan"), 10**400, -(10**20)]) | st.dates()
    | st.times() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PLANTED = st.sampled_from([
    *Study.model_fields, "schema", "factors.a", "fixed.a", "fixed.class_weight", "tune.space",
    "tune.space.a", "tune.space.a.min", "tune.trials", "tune.objective", "tune.newer", "baseline.a",
    "dataset.file", "dataset.name", "dataset.inputs", "dataset.target", "sources.a",
    "sources.a.dataset", "sources.a.fixed", "diagnostics.layers", "diagnostics.newer",
    "published.paper", "published.claims", "published.values", "published.scales",
    "published.scales.quick", "references", "normal", "denoise.name",
])  # fmt: skip


def _written(value):
    """A value as TOML has it; dates and times as they stand."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict):
        parts = [f"{studyfile._text(key)} = {_written(one)}" for key, one in value.items()]
        return "{ " + ", ".join(parts) + " }"
    return value.isoformat() if hasattr(value, "isoformat") else studyfile._inline(value)


@settings(deadline=5000, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(PLANTED, TOML, min_size=1, max_size=3), st.booleans())
def test_any_toml_is_a_study_or_told(planted, whole):
    """Whatever stands at a key, it is read, or refused by an error of the study."""
    base = {"name": '"a"', "template": '"mlp"', "factors.activation": '["relu"]'} if whole else {}
    lines = base | {key: _written(value) for key, value in planted.items()}
    text = "\n".join(f"{key} = {value}" for key, value in lines.items())
    try:
        study = studyfile.parse(text)
    except StudyError as error:
        assert str(error)  # noqa: PT017, some are studies
    else:
        assert studyfile.parse(studyfile.dump(study)) == study


MANY = {
    "factors = { " + ", ".join(f"f{one} = [1]" for one in range(50_000)) + " }": (
        "[factors]: expected at most 100 factors. Received: 50,000."
    ),
    f"factors.a = {[*range(110_000)]}": "[factors]: expected at most 100,000 arms. Received: 110,0",
    "\n".join(f"factors.f{one} = [1, 2]" for one in range(60)): "expected at most 100,000 arms",
    f"question = '{'a' * 1_000_000}'": "expected at most 1,000,000 characters. Received: more",
    "fixed.a = " + "[" * 90 + "]" * 90: "expected at most 64 lists and tables in one another",
}


@pytest.mark.parametrize("text", MANY, ids=lambda text: text[:16])
def test_a_study_has_an_end(text):
    """Limits are told before anything is made of what is beyond them."""
    with pytest.raises(StudyError) as caught:
        studyfile.parse('name = "a"\ntemplate = "mlp"\n' + text)
    assert MANY[text] in str(caught.value)


def test_a_file_without_an_end(tmp_path):
    """A pipe is not waited for, and an endless device is not read."""
    os.mkfifo(tmp_path / "pipe.toml")
    for file in (tmp_path / "pipe.toml", Path("/dev/zero")):
        with pytest.raises(StudyError, match="expected a plain file"):
            studyfile.load(file)
