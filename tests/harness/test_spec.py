"""Study, Trial and their parts: what they accept, and how they refuse."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.errors import StudyError
from harness.spec import Arm, Choices, Metric, Range, Study, Trial, Tune, label

RATE = {"learning_rate": {"min": 0.01, "max": 0.1}}
TRIAL = Trial(
    template="mlp",
    settings={"units": [4], "dropout": 0.5},
    dataset="digits",
    data="d" * 64,
    task="classification",
    seed=1,
    phase="tune",
    replicate=0,
    best="val/loss",
    threads=1,
)
OTHERWISE = {
    "template": "cnn",
    "settings": {"units": [4], "dropout": 0.25},
    "dataset": "/elsewhere/digits.npz",
    "data": "e" * 64,
    "task": "regression",
    "code": "c" * 64,
    "seed": 2,
    "phase": "confirm",
    "replicate": 1,
    "best": "val/accuracy",
    "threads": 2,
    "engine": 10**6,
    "backend": "jax",
    "precision": "bfloat16",
    "xla": "never",
    "deterministic": True,
    "needs": (TRIAL.model_copy(update={"replicate": 5}),),
}


def test_the_table_of_changes_is_complete():
    """A new field of Trial has to say here whether it belongs to the identity."""
    assert set(OTHERWISE) == set(Trial.model_fields)


@pytest.mark.parametrize("field", sorted(OTHERWISE))
def test_identity_of_a_trial(field):
    """Everything that a result depends on enters the key; the place of the data does not."""
    other = TRIAL.model_copy(update={field: OTHERWISE[field]})
    assert (other.key == TRIAL.key) == (field == "dataset")


def test_keys_do_not_depend_on_the_order_of_settings():
    """Two spellings of the same settings are one trial."""
    turned = dict(reversed(TRIAL.settings.items()))
    assert TRIAL.model_copy(update={"settings": turned}).key == TRIAL.key


def test_keys_survive_a_trip_through_json():
    """A worker that reads a trial computes the key that the coordinator has."""
    assert Trial.model_validate_json(TRIAL.model_dump_json()).key == TRIAL.key
    assert Trial(**TRIAL.model_dump(mode="json")).key == TRIAL.key


def test_a_study_cannot_be_changed(ask):
    """The question is frozen."""
    with pytest.raises(ValidationError, match="frozen"):
        ask().seed = 2


def test_the_digest_of_a_study_does_not_depend_on_the_order_of_keys(ask):
    """The same question written in another order is the same, but for the order of its arms."""
    factors = {"activation": ["relu", "tanh"], "dropout": [0.0, 0.5]}
    fixed = {"epochs": 2, "units": [4]}
    one = ask(factors=factors, fixed=fixed)
    other = ask(fixed=fixed, factors=dict(reversed(factors.items())))
    assert one.digest() == ask(factors=factors, fixed=dict(reversed(fixed.items()))).digest()
    assert one.digest() != other.digest(), "the order of factors is the order of arms"
    assert one.digest() != ask(factors=factors, fixed=fixed, seed=2).digest()


@pytest.mark.parametrize("kind", [True, 1, 1.0, "1"])
def test_levels_keep_their_kind(ask, kind):
    """Nothing is converted silently: a truth value stays one, so does a number."""
    (level,) = ask(factors={"a": [kind]}).factors["a"]
    assert type(level) is type(kind)


@given(
    st.sampled_from(["train", "val", "test"]),
    st.from_regex(r"[a-z0-9_]+", fullmatch=True),
    st.sampled_from(["best", "last"]),
)
def test_metrics_are_read_back_as_they_are_written(split, name, epoch):
    """``Metric.parse`` and ``str`` undo each other."""
    metric = Metric(split=split, name=name, epoch=epoch)
    assert Metric.parse(str(metric)) == metric


@pytest.mark.parametrize(
    "text", ["", "test/", "@best", "dev/loss@best", "val/loss@first", "val/loss@best\n"]
)
def test_other_metrics_are_refused(text):
    """The error shows the form that is wanted."""
    with pytest.raises(StudyError, match=r"split/metric@epoch, such as 'test/accuracy@best'"):
        Metric.parse(text)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_ranges_are_ordered(low, high):
    """A range exists if and only if its ends are in order."""
    if low < high:
        assert Range(min=low, max=high).scale == "linear"
    else:
        with pytest.raises(StudyError, match="expected min below max"):
            Range(min=low, max=high)


def test_a_space_is_a_range_or_a_set(ask):
    """Which of the two is told by the key ``values``."""
    space = {"learning_rate": {"min": 0.1, "max": 1, "scale": "log"}, "units": {"values": [1, 2]}}
    found = ask(tune={"space": space}).tune.space
    assert found["learning_rate"] == Range(min=0.1, max=1.0, scale="log")
    assert found["units"] == Choices(values=(1, 2))


def test_parts_may_be_given_as_objects(ask):
    """From Python, parts are values of their own."""
    tune = Tune(space={"learning_rate": Range(min=0.1, max=1.0)})
    assert ask(tune=tune) == ask(tune={"space": {"learning_rate": {"min": 0.1, "max": 1.0}}})


LEVEL = "expected text, a finite number, a truth value or a list. Received: "
NAME = "expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # unknown keys, at every level
        ({"replicate": 3}, ("[replicate]: expected a known key. Received: 'replicate'. "
                           "Did you mean 'replicates'?")),
        ({"self": 3}, "[self]: expected a known key. Received: 'self'. "),
        ({"tune": {"space": RATE, "trails": 3}},
         "[tune.trails]: expected a known key. Received: 'trails'. Did you mean 'trials'?"),
        ({"tune": {"space": {"learning_rate": {"min": 1, "max": 2, "scal": "log"}}}},
         ("[tune.space.learning_rate.scal]: expected a known key. Received: 'scal'. "
         "Did you mean 'scale'?")),
        ({"tune": {"space": {"units": {"values": [1], "min": 1}}}},
         "[tune.space.units.min]: expected a known key. Received: 'min'. Valid: values."),
        # kinds
        ({"name": 5}, "[name]: expected a valid string. Received: 5."),
        ({"factors": []}, "[factors]: expected a valid dictionary. Received: []."),
        ({"factors": {"activation": "relu"}},
         "[factors.activation]: expected a valid list. Received: 'relu'."),
        ({"factors": {"activation": ["relu", None]}}, f"[factors.activation.1]: {LEVEL}None."),
        ({"factors": {"int": [None]}}, f": {LEVEL}None."),
        ({"fixed": {"dropout": None}}, f"[fixed.dropout]: {LEVEL}None."),
        ({"fixed": 3}, "[fixed]: expected a valid dictionary. Received: 3."),
        ({"tune": 5}, "[tune]: expected a valid dictionary"),
        ({"tune": {"space": {"learning_rate": 5}}},
         "[tune.space.learning_rate]: expected a valid dictionary"),
        ({"tune": {"space": {"units": {"values": [[3]]}}}},
         f"[tune.space.units.values.0]: {LEVEL}[3]."),
        ({"replicates": "10"}, "[replicates]: expected a number. Received: '10'."),
        ({"replicates": True}, "[replicates]: expected a number. Received: True."),
        ({"replicates": 1.5}, "[replicates]: expected a valid integer"),
        ({"seed": "1"}, "[seed]: expected a number. Received: '1'."),
        ({"threads": None}, "[threads]: expected a valid integer. Received: None."),
        ({"confidence": "high"}, "[confidence]: expected a number. Received: 'high'."),
        # ranges of numbers
        ({"replicates": 0}, "[replicates]: expected greater than 0. Received: 0."),
        ({"threads": -1}, "[threads]: expected greater than 0. Received: -1."),
        ({"confidence": 0.5}, "[confidence]: expected greater than 0.5. Received: 0.5."),
        ({"confidence": 1}, "[confidence]: expected less than 1. Received: 1."),
        ({"margin": 0}, "[margin]: expected greater than 0. Received: 0."),
        ({"margin": math.nan}, "[margin]: expected a finite number. Received: nan."),
        ({"schema": 2}, "[schema]: expected 1. Received: 2."),
        # numbers that are not finite, however deep
        ({"fixed": {"learning_rate": math.nan}}, f"[fixed.learning_rate]: {LEVEL}nan."),
        ({"fixed": {"learning_rate": math.inf}}, f"[fixed.learning_rate]: {LEVEL}inf."),
        ({"fixed": {"optimizer": {"name": "adam", "epsilon": math.nan}}},
         (f"[fixed.optimizer]: {LEVEL}" "{'name': 'adam', 'epsilon': nan}.")),
        ({"factors": {"units": [[1, [-math.inf]]]}}, f"[factors.units.0]: {LEVEL}[1, [-inf]]."),
        ({"baseline": {"dropout": math.nan}}, f"[baseline.dropout]: {LEVEL}nan."),
        ({"tune": {"space": {"a": {"values": [math.nan]}}}},
         f"[tune.space.a.values.0]: {LEVEL}nan."),
        ({"tune": {"space": {"learning_rate": {"min": math.nan, "max": 1}}}},
         "[tune.space.learning_rate.min]: expected a finite number. Received: nan."),
        # what is empty
        ({"factors": {}}, "[factors]: expected at least one entry. Received: none."),
        ({"factors": {"activation": []}},
         "[factors.activation]: expected at least one entry. Received: none."),
        ({"tune": {"space": {}}}, "[tune.space]: expected at least one entry. Received: none."),
        ({"tune": {"space": {"units": {"values": []}}}},
         "[tune.space.units.values]: expected at least one entry. Received: none."),
        ({"tune": {}}, "[tune.space]: expected this key. Received: nothing."),
        # names that are folders elsewhere, or nowhere
        ({"name": ""}, f"[name]: {NAME}"),
        ({"name": "../up"}, f"[name]: {NAME}"),
        ({"name": "a/b"}, f"[name]: {NAME}"),
        ({"name": "a\\b"}, f"[name]: {NAME}"),
        ({"name": "a\n"}, f"[name]: {NAME}"),
        ({"name": "a\0"}, f"[name]: {NAME}"),
        ({"name": ".hidden"}, f"[name]: {NAME}"),
        ({"name": "-option"}, f"[name]: {NAME}"),
        ({"name": "größe"}, f"[name]: {NAME}"),
        ({"name": "a" * 65}, f"[name]: {NAME}"),
        ({"name": "NUL"}, "and no name that Windows reserves. Received: 'NUL'."),
        ({"name": "com1.txt"}, "and no name that Windows reserves. Received: 'com1.txt'."),
        # the search
        ({"tune": {"space": {"learning_rate": {"min": 1, "max": 0.1}}}},
         "[tune.space.learning_rate]: expected min below max. Received: min = 1.0, max = 0.1."),
        ({"tune": {"space": {"learning_rate": {"min": 1, "max": 1}}}},
         "[tune.space.learning_rate]: expected min below max"),
        ({"tune": {"space": {"learning_rate": {"min": 0, "max": 1, "scale": "log"}}}},
         "[tune.space.learning_rate]: expected min above 0 on a log scale. Received: min = 0.0."),
        ({"tune": {"space": {"learning_rate": {"min": "x", "max": 1}}}},
         "[tune.space.learning_rate.min]: expected a number. Received: 'x'."),
        ({"tune": {"space": {"learning_rate": {"min": 1, "max": 2, "scale": "cubic"}}}},
         "[tune.space.learning_rate.scale]: expected 'linear' or 'log'. Received: 'cubic'."),
        ({"tune": {"space": RATE, "objective": "test/loss@best"}},
         ("[tune.objective]: expected a validation metric, such as 'val/loss@best'. Received: "
         "'test/loss@best'; the test split is for confirm trials only.")),
        ({"tune": {"space": RATE, "objective": "train/loss@best"}},
         "[tune.objective]: expected a validation metric"),
        ({"tune": {"space": RATE, "objective": "loss/val"}},
         "[tune.objective]: expected split/metric@epoch"),
        ({"tune": {"space": RATE, "oracle": "grid"}},
         "[tune.oracle]: expected 'random'. Received: 'grid'."),
        ({"tune": {"space": RATE, "trials": 0}},
         "[tune.trials]: expected greater than 0. Received: 0."),
        # quantities
        ({"metric": "accuracy!"}, "[metric]: expected split/metric@epoch"),
        ({"best": "test/loss"},
         "[best]: expected a validation quantity, such as 'val/loss'. Received: 'test/loss'."),
        ({"best": "val/loss@best"}, "[best]: expected a validation quantity"),
    ],
)  # fmt: skip
def test_bad_studies_are_refused(ask, changes, expected):
    """One error, which names key, expectation and what was received."""
    with pytest.raises(StudyError) as caught:
        ask(**changes)
    assert expected in str(caught.value)


@pytest.mark.parametrize("key", ["name", "template", "factors"])
def test_missing_keys_are_named(key):
    """Without a name, a template or factors there is no question."""
    whole = {"name": "a", "template": "mlp", "factors": {"activation": ["relu"]}}
    del whole[key]
    with pytest.raises(StudyError, match=rf"^\[{key}\]: expected this key. Received: nothing.$"):
        Study(**whole)


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "9", "console", "com", "nully", "a" * 64])
def test_names_that_are_folders(ask, name):
    """Ordinary names pass."""
    assert ask(name=name).name == name


@pytest.mark.parametrize("seed", [0, -1, 2**70])
def test_any_whole_number_is_a_seed(ask, seed):
    """Zero is a seed like any other."""
    assert ask(seed=seed).seed == seed


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("relu", "relu"),
        ({"name": "sgd"}, "sgd"),
        ({"name": "sgd", "momentum": 0.9, "nesterov": True}, "sgd(momentum=0.9, nesterov=true)"),
        ({"name": "a", "inner": {"name": "b", "x": [1, 2]}}, "a(inner=b(x=[1, 2]))"),
        (True, "true"),
        (1e-7, "1e-07"),
        (3, "3"),
        ([16, 32], "[16, 32]"),
    ],
)
def test_labels(level, text):
    """Tables show a level as one would say it."""
    assert label(level) == text


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_numbers_that_differ_have_labels_that_differ(one, other):
    """Two arms of a study never share a name because their levels are near each other."""
    assert (label(one) == label(other)) == (one == other and str(one) == str(other))
    assert float(label(one)) == one


def test_label_of_an_arm():
    """Levels in the order of the factors; what is no name is told by its factor."""
    levels = {"b": "relu", "a": 0.5, "o": {"name": "sgd", "momentum": 0.9}, "d": True, "f": [4]}
    assert Arm(index=0, levels=levels).label == "relu, a=0.5, sgd(momentum=0.9), d=true, f=[4]"
