"""Factors to arms, arms to trials, trials to programs."""

from __future__ import annotations

import math
import shutil
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import catalog, datasets, design
from harness.card import Card
from harness.errors import StudyError
from harness.spec import Study

LEVELS = st.lists(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    min_size=1,
    max_size=4,
    unique_by=lambda level: (type(level), str(level)),
)
REGRESSION = Card(
    locator="line.npz", digest="d" * 64, task="regression", shape=(3,), cases=80, tests=20,
    outputs=2,
)  # fmt: skip
ARGUMENTS = {**catalog.SETTINGS, **catalog.TEMPLATES["cnn"].arguments}
DEFAULTS = {
    name: argument.default for name, argument in ARGUMENTS.items() if argument.default is not None
} | {"learning_rate": 0.001, "loss": "sparse_categorical_crossentropy"}


def trial(study, card, phase="confirm", replicate=0, **hyperparameters):
    """A trial of the first arm."""
    plan = design.plan(study, card, [])
    return plan.trial(plan.arms[0], hyperparameters, phase, replicate)


# -- arms --------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=4), LEVELS, min_size=1, max_size=4))
def test_arms_are_the_full_factorial(factors):
    """As many as the product of the numbers of levels, each once, in the order of the table."""
    study = Study(name="a", template="mlp", factors=factors, replicates=3)
    arms = list(design.arms(study))
    assert len(arms) == math.prod(len(levels) for levels in factors.values())
    assert design.count(study) == 3 * len(arms)
    assert [arm.index for arm in arms] == list(range(len(arms)))
    assert [tuple(arm.levels.values()) for arm in arms] == list(product(*factors.values()))
    assert len({str(arm.levels) for arm in arms}) == len(arms)


def test_the_baseline_is_an_arm(ask):
    """Factors that are left out take their first level."""
    study = ask(factors={"activation": ["relu", "tanh"], "dropout": [0.0, 0.5]})
    assert design.baseline(study).index == 0
    other = study.model_copy(update={"baseline": {"dropout": 0.5}})
    assert design.baseline(other).levels == {"activation": "relu", "dropout": 0.5}


def test_sizes(ask, card):
    """What is searched and what is confirmed; ``count`` knows it without building anything."""
    tune = {"trials": 5, "replicates": 2, "space": {"learning_rate": {"min": 0.01, "max": 0.1}}}
    study = ask(tune=tune, replicates=7)
    sizes = design.plan(study, card, []).sizes()
    assert sizes == {"tune": 2 * 5 * 2, "confirm": 2 * 7, "reference": 0}
    assert design.count(study) == sum(sizes.values())


def test_studies_that_are_too_large(ask):
    """More than 100,000 trials have to be meant; they are counted without being built."""
    design.check_size(ask(replicates=50_000), yes=False)
    large = ask(factors={name: list(range(100)) for name in "abcdefgh"})
    design.check_size(large, yes=True)
    with pytest.raises(StudyError) as caught:
        design.check_size(large, yes=False)
    assert str(caught.value) == (
        "[factors]: expected at most 100,000 trials. Received: 100,000,000,000,000,000. "
        "If that is meant, add --yes."
    )
    with pytest.raises(StudyError, match=r"Received: 100,002\."):
        design.check_size(ask(replicates=50_001), yes=False)


def test_changes_are_named(ask):
    """Keys that differ, in the words of the study file."""
    assert design.changed_keys(ask(), ask()) == []
    other = ask(seed=2, factors={"activation": ["relu"]}, schema=1)
    assert design.changed_keys(ask(), other) == ["factors", "seed"]


# -- identity of trials ------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.permutations(sorted(DEFAULTS)), st.integers(0, len(DEFAULTS)))
def test_stating_a_default_changes_nothing(card, order, stated):
    """Which defaults a study states, and in which order, does not enter a trial's key."""
    plain = Study(name="a", template="cnn", factors={"epochs": [3]})
    fixed = {name: DEFAULTS[name] for name in order[:stated] if name != "epochs"}
    spelled = Study(name="a", template="cnn", factors={"epochs": [3]}, fixed=fixed)
    assert trial(spelled, card).key == trial(plain, card).key


@pytest.mark.parametrize("name", sorted(DEFAULTS.keys() - {"loss"}))
def test_every_setting_enters_the_key(card, name):
    """A setting other than its default makes another trial (a class label has one loss only)."""
    other = {
        "epochs": 11, "batch_size": 33, "validation": 0.3, "optimizer": "sgd",
        "learning_rate": 0.002, "filters": [16], "kernel_size": 5, "units": [65],
        "activation": "tanh", "initializer": "zeros", "regularizer": "l2",
        "normalization": "batch", "dropout": 0.1, "schedule": "cosine", "clip": "norm",
        "class_weight": "balanced", "label_smoothing": 0.1,
        "bias_regularizer": "l2", "activity_regularizer": "l2", "constraint": "unit_norm",
        "normalization_order": "after", "dropout_kind": "alpha", "input_dropout": 0.1,
        "noise": 0.1, "block": "vgg", "downsampling": "stride", "pool": "mean", "head": "mean",
        "block_dropout": 0.1, "flip": 0.5, "shift": 1,
        "coordinates": True, "batch_order": "fixed", "last_batch": "drop",
    }  # fmt: skip
    assert set(other) == DEFAULTS.keys() - {"loss"}
    factor = "units" if name == "epochs" else "epochs"
    study = Study(name="a", template="cnn", factors={factor: [DEFAULTS[factor]]})
    changed = study.model_copy(update={"fixed": {name: other[name]}})
    assert trial(changed, card).key != trial(study, card).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"optimizer": "adam"}, {"optimizer": {"name": "adam"}}),
        ({"optimizer": {"name": "adam", "learning_rate": 0.1}}, {"learning_rate": 0.1}),
        ({"initializer": "he"}, {"initializer": "he_normal"}),
        ({"learning_rate": 1}, {"learning_rate": 1.0}),
        ({"dropout": 0}, {}),
        ({"regularizer": "l2"}, {"regularizer": {"l2": 0.01, "name": "l2"}}),
    ],
)
def test_spellings_of_one_trial(ask, card, one, other):
    """A setting has one canonical form, wherever and however it is written."""
    assert trial(ask(fixed=one), card).key == trial(ask(fixed=other), card).key


def test_where_a_setting_stands_does_not_matter(ask, card):
    """A level, a fixed setting and a chosen hyperparameter are one thing to a trial."""
    level = ask(factors={"learning_rate": [0.1], "epochs": [3]})
    fixed = ask(factors={"epochs": [3]}, fixed={"learning_rate": 0.1})
    tune = {"space": {"learning_rate": {"min": 0.01, "max": 1}}}
    tuned = ask(factors={"epochs": [3]}, tune=tune)
    key = trial(level, card).key
    assert key == trial(fixed, card).key == trial(tuned, card, learning_rate=0.1).key


def test_trials_of_a_study_are_distinct(ask, card):
    """One key for each arm, candidate, phase and replicate."""
    study = ask(
        factors={"activation": ["relu", "tanh", "elu"], "dropout": [0.0, 0.5]},
        tune={"space": {"learning_rate": {"min": 0.01, "max": 1}}},
    )
    plan = design.plan(study, card, [])
    cases = [*product(plan.arms, (0.01, 0.02), ("tune", "confirm"), range(3))]
    keys = {
        plan.trial(arm, {"learning_rate": rate}, phase, replicate).key
        for arm, rate, phase, replicate in cases
    }
    assert len(keys) == len(cases) == 72


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"question": "Why?"},
        {"replicates": 99},
        {"confidence": 0.9},
        {"margin": 0.1},
        {"metric": "val/loss@last"},
        {"baseline": {"activation": "tanh"}},
        {"factors": {"activation": ["relu", "elu", "gelu"]}},
        {"tune": {"space": {"learning_rate": {"min": 0.01, "max": 1}}}},
    ],
)
def test_what_is_asked_does_not_enter_the_key(ask, card, changes):
    """Growing, renaming or rewording a study keeps its results."""
    assert trial(ask(**changes), card).key == trial(ask(), card).key


@pytest.mark.parametrize("changes", [{"seed": 2}, {"best": "val/accuracy"}, {"threads": 2}])
def test_what_is_trained_enters_the_key(ask, card, changes):
    """What a curve depends on cannot change under a key."""
    assert trial(ask(**changes), card).key != trial(ask(), card).key


def test_data_is_known_by_its_content(ask, tmp_path):
    """A moved file gives the same trials, a changed one gives others."""
    generator = np.random.default_rng(0)
    x, y = generator.random((40, 3)), np.arange(40) % 2
    np.savez(tmp_path / "one.npz", x=x, y=y)
    shutil.copy(tmp_path / "one.npz", tmp_path / "two.npz")
    np.savez(tmp_path / "three.npz", x=x + 1, y=y)
    keys = []
    for name in ("one.npz", "two.npz", "three.npz"):
        study = ask(dataset=name, fixed={"batch_size": 8})
        keys.append(trial(study, datasets.describe(name, [tmp_path])).key)
    assert keys[0] == keys[1] != keys[2]


# -- programs ----------------------------------------------------------------------------------


def program(ask, card, phase="confirm", replicate=0, **fixed):
    """The program key of a trial with these settings, in the first template that takes them."""
    template = next(
        name
        for name in ("cnn", *catalog.TEMPLATES)
        if fixed.keys() <= {**catalog.SETTINGS, **catalog.TEMPLATES[name].arguments}.keys()
    )
    key = next(
        key for key in ("kernel_size", "embedding") if key in catalog.TEMPLATES[template].arguments
    )
    study = ask(factors={key: [3]}, template=template, fixed=fixed)
    return design.program_key(trial(study, card, phase, replicate), card)


def named(family):
    """The argument that takes entries of a family."""
    return {"gate_bias": "forget_bias"}.get(family, family)


ENTRIES = [
    (family, name)
    for family, entries in catalog.FAMILIES.items()
    for name in entries
    if family not in {"initializer", "reference"}
]
NUMBERS = [
    (family, name, key)
    for family, name in ENTRIES
    for key in catalog.FAMILIES[family][name].numbers
]
FLAGS = [
    (family, name, key) for family, name in ENTRIES for key in catalog.FAMILIES[family][name].flags
]


@pytest.mark.parametrize(("family", "name", "key"), NUMBERS)
def test_values_share_a_program_and_structure_does_not(ask, card, family, name, key):
    """For every number of the catalogue: a value is an input, anything else is compiled."""
    number = catalog.FAMILIES[family][name].numbers[key]
    step = 1 if number.whole else 0.05
    changed = number.default + step if number.default + step <= number.high else number.high / 2
    plain = program(ask, card, **{named(family): name})
    other = program(ask, card, **{named(family): {"name": name, key: changed}})
    assert (plain == other) == number.value


@pytest.mark.parametrize(("family", "name", "key"), FLAGS)
def test_flags_are_structure(ask, card, family, name, key):
    """For every flag of the catalogue."""
    default = catalog.FAMILIES[family][name].flags[key]
    plain = program(ask, card, **{family: name})
    assert plain != program(ask, card, **{family: {"name": name, key: not default}})


@pytest.mark.parametrize(
    "family", sorted(set(catalog.FAMILIES) - {"initializer", "gate_bias", "schedule", "reference"})
)
def test_entries_are_structure(ask, card, family):
    """Every entry of a family is another program."""
    entries = catalog.FAMILIES[family]
    assert len({program(ask, card, **{family: name}) for name in entries}) == len(entries)


def test_initializers_share_a_program(ask, card):
    """Only the numbers that are drawn differ, so all of them are inputs."""
    barred = catalog.TEMPLATES["cnn"].arguments["initializer"].without
    names = [*sorted(catalog.INITIALIZERS.keys() - barred), {"name": "constant", "value": 0.5}]
    assert len({program(ask, card, initializer=name) for name in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"learning_rate": 0.1}, {"learning_rate": 0.2}),
        ({"learning_rate": 0.1}, {}),
        ({"optimizer": {"name": "adam", "learning_rate": 0.5}}, {}),
        ({"epochs": 1}, {"epochs": 100}),
        ({"dropout": 0.1}, {"dropout": 0.9}),
        ({"loss": "sparse_categorical_crossentropy"}, {}),
        ({"phase": "tune"}, {"phase": "confirm"}),
        ({"replicate": 0}, {"replicate": 1}),
    ],
)
def test_one_program(ask, card, one, other):
    """Rates, lengths, shares that are dropped and random draws are never compiled."""
    assert program(ask, card, **one) == program(ask, card, **other)


@pytest.mark.parametrize(
    "fixed",
    [
        {"units": [65]},
        {"filters": [16]},
        {"batch_size": 16},
        {"validation": 0.3},
        {"dropout": 0.1},
        {"activation": "tanh"},
    ],
)
def test_another_program(ask, card, fixed):
    """Sizes and the presence of a layer are compiled."""
    assert program(ask, card, **fixed) != program(ask, card)


def test_the_shape_of_the_data_is_structure(ask):
    """Another number of cases is another program."""
    study = ask(factors={"activation": ["relu"]})
    larger = Card(**{name: getattr(REGRESSION, name) for name in Card.__slots__} | {"cases": 81})
    found = trial(study, REGRESSION)
    assert design.program_key(found, REGRESSION) != design.program_key(found, larger)


def test_values_are_named_by_their_place(ask, card):
    """Each with its number, defaults included; nothing of the rate is left in the optimizer."""
    fixed = {
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "regularizer": {"name": "l1l2", "l1": 0.1},
        "dropout": 0.25,
    }
    structure, values = design.split(trial(ask(fixed=fixed), card))
    assert values == {
        "learning_rate": 0.01,
        "optimizer.momentum": 0.9,
        "regularizer.l1": 0.1,
        "regularizer.l2": 0.01,
        "dropout": 0.25,
    }
    assert structure["optimizer"] == {"name": "sgd", "nesterov": False}
    assert structure["initializer"] is True


# -- refusals ----------------------------------------------------------------------------------

SPACE = {"learning_rate": {"min": 0.01, "max": 0.1}}


def tuned(name, **space):
    """A search over one name."""
    return {"tune": {"space": {name: space}}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # unknown names
        ({"template": "cnnn"},
         ("[template]: expected the name of a template, or of your own function as "
         "module:function. Received: 'cnnn'. Did you mean 'cnn'?")),
        ({"fixed": {"unit": [4]}},
         ("[fixed.unit]: expected an argument of template 'mlp' or a training setting. Received: "
         "'unit'. Did you mean 'units'?")),
        ({"factors": {"activaton": ["relu"]}}, "[factors.activaton]: expected an argument"),
        (tuned("learing_rate", min=0.1, max=1),
         "Received: 'learing_rate'. Did you mean 'learning_rate'?"),
        ({"fixed": {"filters": [4]}}, "[fixed.filters]: expected an argument of template 'mlp'"),
        ({"factors": {"activation": ["relu", "gelo"]}},
         ("[factors.activation]: expected the name of an activation. Received: 'gelo'. "
         "Did you mean 'gelu'?")),
        ({"fixed": {"optimizer": "adm"}},
         ("[fixed.optimizer]: expected the name of an optimizer. Received: 'adm'. "
         "Did you mean 'adam'?")),
        (tuned("optimizer", values=["adam", "sdg"]),
         ("[tune.space.optimizer]: expected the name of an optimizer. Received: 'sdg'. "
         "Did you mean 'sgd'?")),
        ({"fixed": {"optimizer": {"name": "sgd", "beta": 0.9}}},
         "[fixed.optimizer]: expected a number that optimizer 'sgd' takes. Received: 'beta'."),
        ({"metric": "test/acuracy@best"},
         ("[metric]: expected a metric for classification data. Received: 'acuracy'. "
         "Did you mean 'accuracy'?")),
        ({"metric": "test/mean_squared_error@best"},
         "[metric]: expected a metric for classification data."),
        ({"best": "val/los"}, ("[best]: expected a metric for classification data. Received: "
                              "'los'. Did you mean 'loss'?")),
        ({"tune": {"space": SPACE, "objective": "val/hits@best"}},
         "[tune.objective]: expected a metric for classification data. Received: 'hits'."),
        # kinds and ranges
        ({"fixed": {"units": "32"}}, "[fixed.units]: expected a list of whole numbers"),
        ({"fixed": {"batch_size": "32"}},
         "[fixed.batch_size]: expected a whole number of at least 1. Received: '32'."),
        ({"fixed": {"epochs": 0}}, "[fixed.epochs]: expected a whole number of at least 1."),
        ({"fixed": {"learning_rate": 0}},
         "[fixed.learning_rate]: expected a finite number above 0. Received: 0."),
        ({"factors": {"learning_rate": [0.1, -1]}},
         "[factors.learning_rate]: expected a finite number above 0. Received: -1."),
        (tuned("learning_rate", min=-1, max=1),
         "[tune.space.learning_rate]: expected a finite number above 0. Received: -1.0."),
        ({"fixed": {"optimizer": {"name": "adam", "learning_rate": -1}}},
         "expected a number from 1e-12 to inf for 'learning_rate'. Received: -1."),
        (tuned("dropout", min=0.5, max=1),
         "[tune.space.dropout]: expected a number from 0 to below 1. Received: 1.0."),
        ({"fixed": {"loss": ["mean_squared_error"]}},
         "[fixed.loss]: expected the name of a loss. Received: ['mean_squared_error']."),
        (tuned("epochs", min=1, max=5), "[tune.space.epochs]: expected"),
        (tuned("validation", min=0.1, max=0.5),
         "[tune.space.validation]: expected a list of values for 'validation'"),
        # contradictions
        ({"fixed": {"activation": "relu"}},
         ("[factors.activation]: expected each name in one table only. Received: 'activation' "
         "in [fixed] and in [factors].")),
        (tuned("activation", values=["relu"]),
         ("[tune.space.activation]: expected each name in one table only. Received: 'activation' "
         "in [factors] and in [tune.space].")),
        ({"fixed": {"learning_rate": 0.1}, **tuned("learning_rate", min=0.1, max=1)},
         "[tune.space.learning_rate]: expected each name in one table only."),
        ({"fixed": {"optimizer": {"name": "sgd", "learning_rate": 0.1}, "learning_rate": 0.1}},
         ("[fixed.learning_rate]: expected the learning rate in one place only. Received: one "
         "inside an optimizer, and one in [fixed].")),
        ({"factors": {"optimizer": ["adam", {"name": "sgd", "learning_rate": 0.1}]},
          "tune": {"space": SPACE}},
         "[tune.space.learning_rate]: expected the learning rate in one place only."),
        ({"factors": {"activation": ["relu", "relu"]}},
         "[factors.activation]: expected levels that differ. Received: relu twice."),
        ({"factors": {"activation": ["swish", "silu"]}},
         "[factors.activation]: expected levels that differ. Received: silu twice."),
        ({"factors": {"optimizer": ["adam", {"name": "adam", "beta_1": 0.9}]}},
         "[factors.optimizer]: expected levels that differ."),
        ({"factors": {"learning_rate": [1, 1.0]}},
         "[factors.learning_rate]: expected levels that differ. Received: 1 twice."),
        # baseline
        ({"baseline": {"activation": "sigmoid"}},
         ("[baseline.activation]: expected one of the levels of 'activation', written as in "
         "[factors]. Received: 'sigmoid'. Valid: relu, tanh.")),
        ({"baseline": {"activaton": "relu"}},
         "[baseline]: expected the name of a factor. Received: 'activaton'. Did you mean"),
        # data
        ({"fixed": {"batch_size": 1151}},
         ("[fixed.batch_size]: expected a batch no larger than the 1150 training cases of "
         "'digits'. Received: 1151.")),
        ({"fixed": {"batch_size": 1000, "validation": 0.5}},
         "[fixed.batch_size]: expected a batch no larger than the 719 training cases"),
        ({"factors": {"batch_size": [32, 2000]}}, "[factors.batch_size]: expected a batch"),
        (tuned("batch_size", values=[32, 2000]), "[tune.space.batch_size]: expected a batch"),
        ({"fixed": {"loss": "mean_squared_error"}},
         ("[fixed.loss]: expected a loss that fits classification data "
         "(sparse_categorical_crossentropy). Received: 'mean_squared_error'.")),
    ],
)  # fmt: skip
def test_bad_studies_are_refused(ask, card, changes, expected):
    """One error, which names key, expectation, what was received and the nearest valid name."""
    with pytest.raises(StudyError) as caught:
        design.plan(ask(**changes), card, [])
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fixed": {"loss": "sparse_categorical_crossentropy"}},
         ("[fixed.loss]: expected a loss that fits regression data "
         "(mean_squared_error, mean_absolute_error).")),
        ({"metric": "test/accuracy@best"},
         "[metric]: expected a metric for regression data. Received: 'accuracy'."),
        ({"template": "cnn"},
         ("[template]: expected cases with 2 or 3 axes for template 'cnn'. Received: cases of "
         "shape (3,)")),
    ],
)  # fmt: skip
def test_studies_that_do_not_fit_real_labels(ask, changes, expected):
    """Real-valued targets need another loss, another metric; rows need another template."""
    study = ask(**{"dataset": "line.npz", **changes})
    with pytest.raises(StudyError) as caught:
        design.plan(study, REGRESSION, [])
    assert expected in str(caught.value)


def test_regression_has_defaults_of_its_own(ask):
    """Loss and metric follow from the kind of the labels."""
    study = ask(dataset="line.npz")
    plan = design.plan(study, REGRESSION, [])
    assert str(plan.metric) == "test/mean_squared_error@best"
    assert plan.study.best == "val/mean_squared_error"
    assert trial(study, REGRESSION).settings["loss"] == "mean_squared_error"


def test_penalties_do_not_judge_regularizers(ask):
    """The training loss holds each arm's own penalty, so it cannot compare them."""
    study = ask(dataset="line.npz", factors={"regularizer": ["none", "l2"]})
    assert str(design.plan(study, REGRESSION, []).metric) == "test/mean_squared_error@best"
    wrong = study.model_copy(update={"metric": "test/loss@best"})
    with pytest.raises(StudyError, match=r"\[metric\].*Use 'test/mean_squared_error@best'"):
        design.plan(wrong, REGRESSION, [])


def test_a_schedule_must_fit_into_a_training(ask, card):
    """Warm-up and steps that never come to an end are refused."""
    for schedule in ({"name": "cosine", "warmup": 3}, {"name": "step", "every": 7}):
        study = ask(factors={"epochs": [3, 9]}, fixed={"schedule": schedule})
        with pytest.raises(StudyError, match=r"\[fixed.schedule\].*less than the 3 epochs"):
            design.plan(study, card, [])


def test_the_largest_batch_is_all_training_cases(ask, card):
    """The limit itself is allowed."""
    assert design.plan(ask(fixed={"batch_size": 1150}), card, []).arms


# -- user functions ----------------------------------------------------------------------------

NETS = "def build(shape, outputs, *, width, act='relu'): ...\ndef open(shape, outputs, **r): ...\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with a module of two functions."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "broken.py").write_text("def build(shape, outputs:")
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"factors": {"act": ["relu"]}},
         ("[fixed.width]: expected a value for 'width', because nets:build has no default for it. "
         "Received: none.")),
        ({"factors": {"widht": [4]}},
         ("[factors.widht]: expected an argument of template 'nets:build' or a training setting. "
         "Received: 'widht'. Did you mean 'width'?")),
        ({"template": "net:build"},
         "[template]: expected a Python module for 'net:build'. Received: 'net', found in none"),
        ({"template": "nets:biuld"},
         "nets.py. Received: 'biuld'. Did you mean 'build'?"),
        ({"template": "broken:build"}, "broken.py is not valid Python: "),
        ({"template": "nets:"}, "[template]: expected the name of a template, or of your own"),
        ({"factors": {"width": [4, 4]}}, "[factors.width]: expected levels that differ."),
    ],
)  # fmt: skip
def test_bad_studies_of_a_users_function_are_refused(ask, card, folder, changes, expected):
    """The same care for functions as for built-in templates, without running them."""
    with pytest.raises(StudyError) as caught:
        design.plan(ask(**{"template": "nets:build", **changes}), card, [folder])
    assert expected in str(caught.value)
    assert str(caught.value).startswith("[")


def test_a_users_function_is_a_template(ask, card, folder):
    """Its arguments are settings; its source is part of every key."""
    study = ask(template="nets:build", factors={"width": [4, 4.0]})
    plan = design.plan(study, card, [folder])
    keys = [plan.trial(arm, {}, "tune", 0).key for arm in plan.arms]
    assert len(set(keys)) == 2
    (folder / "nets.py").write_text(NETS + "changed = True\n")
    changed = design.plan(study, card, [folder])
    assert changed.trial(changed.arms[0], {}, "tune", 0).key != keys[0]


def test_a_users_arguments_are_structure(ask, card, folder):
    """What a function does with its arguments is unknown, so each is compiled in."""
    plan = design.plan(ask(template="nets:build", factors={"width": [4, 8]}), card, [folder])
    trials = [plan.trial(arm, {}, "tune", 0) for arm in plan.arms]
    assert len({design.program_key(one, card) for one in trials}) == 2
    rates = [plan.trial(plan.arms[0], {"learning_rate": rate}, "tune", 0) for rate in (0.1, 0.2)]
    assert len({design.program_key(one, card) for one in rates}) == 1


def test_an_open_function_takes_any_argument(ask, card, folder):
    """Names are checked only where a function lists them."""
    assert design.plan(ask(template="nets:open", factors={"x": [1]}), card, [folder]).arms


def test_weight_decay_has_one_place(ask, card):
    """That of the optimizer, where it has one of its own; the setting otherwise."""

    def decays(**fixed):
        given = trial(ask(fixed=fixed), card).settings
        return given["optimizer"].get("weight_decay"), given["weight_decay"]

    assert decays(optimizer="adam") == (None, None)
    assert decays(optimizer="adam", weight_decay=0.1) == (None, 0.1)
    assert decays(optimizer="adamw") == (0.004, None)
    assert decays(optimizer="adamw", weight_decay=0.1) == (0.1, None)
    inside = {"name": "adamw", "weight_decay": 0.2}
    assert decays(optimizer=inside) == (0.2, None)
    with pytest.raises(StudyError, match="expected the weight decay in one place only"):
        decays(optimizer=inside, weight_decay=0.1)


def test_smoothed_labels_need_classes(ask, tmp_path):
    """A regression has nothing to smooth."""
    file = tmp_path / "line.npz"
    np.savez(file, x=np.ones((50, 2)), y=np.linspace(0, 1, 50))
    line = datasets.describe(str(file), [])
    study = ask(dataset=str(file), fixed={"label_smoothing": 0.1})
    with pytest.raises(StudyError, match=r"fixed.label_smoothing.*expected data with classes"):
        design.plan(study, line, [])


@pytest.mark.parametrize("factor", ["activity_regularizer", "label_smoothing"])
def test_a_loss_that_differs_between_arms_decides_nothing(ask, card, factor):
    """What is part of the loss in one arm only makes losses incomparable."""
    levels = ["none", "l2"] if factor == "activity_regularizer" else [0.0, 0.1]
    study = ask(factors={factor: levels}, metric="test/loss@best")
    with pytest.raises(StudyError, match=f"because {factor} differs between arms"):
        design.plan(study, card, [])


def test_an_area_needs_two_classes_in_the_test_split(plan, tmp_path):
    """Where all test cases are of one class nothing can be told apart: said before training."""
    file = tmp_path / "one.npz"
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    np.savez(file, x_train=x, y_train=y, x_test=x[:8] + 1, y_test=np.zeros(8, int))
    with pytest.raises(StudyError, match="test cases are all of one class"):
        plan(data=file, metric="test/auroc@best")
    assert plan(data=file, metric="test/accuracy@best").arms
