"""The tables of everything sweepable, and what a study may write of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness import catalog, cli, datasets, design
from harness.catalog import ARGUMENTS, FAMILIES, Argument, check_argument, choice
from harness.errors import StudyError

ENTRIES = [(family, name) for family, entries in FAMILIES.items() for name in entries]
NUMBERS = [
    (family, name, key) for family, name in ENTRIES for key in FAMILIES[family][name].numbers
]
OPTIONS = [
    (family, name, key) for family, name in ENTRIES for key in FAMILIES[family][name].options
]
FLAGS = [(family, name, key) for family, name in ENTRIES for key in FAMILIES[family][name].flags]


@pytest.mark.parametrize(("family", "name"), ENTRIES)
def test_every_entry_is_chosen_by_name(family, name):
    """Its name alone, its name in a table and its canonical form are one choice."""
    chosen = choice(family, name)
    assert chosen.name == name
    assert choice(family, {"name": name}) == chosen
    assert choice(family, chosen.setting()) == chosen


@pytest.mark.parametrize(("family", "name"), ENTRIES)
def test_aliases_are_the_same_choice(family, name):
    """Another name leads to the same entry, and is no name of another one."""
    for alias in FAMILIES[family][name].aliases:
        assert alias not in FAMILIES[family]
        assert choice(family, alias) == choice(family, name)
        assert choice(family, alias).setting()["name"] == name


def test_no_alias_is_used_twice():
    """A name means one thing within its family."""
    for entries in FAMILIES.values():
        aliases = [alias for entry in entries.values() for alias in entry.aliases]
        assert len(aliases) == len(set(aliases))


@pytest.mark.parametrize(("family", "name"), ENTRIES)
def test_structure_and_values_are_all_of_a_choice(family, name):
    """Every number is in exactly one part; flags and the name are structure."""
    chosen = choice(family, name)
    assert not chosen.structure().keys() & chosen.values().keys()
    assert chosen.structure() | chosen.values() == chosen.setting()
    assert {"name", *chosen.flags} <= chosen.structure().keys()


@pytest.mark.parametrize(("family", "name", "key"), NUMBERS)
def test_numbers_are_bounded(family, name, key):
    """The default is admissible; what is below, not finite, or no number is refused."""
    number = FAMILIES[family][name].numbers[key]
    assert number.low <= number.default <= number.high
    wrong = [math.nan, math.inf, -math.inf, 10**400, -(10**400), "1", True, None, [1], {"a": 1}]
    beyond = [end for end in (number.low - 1, number.high + 1) if math.isfinite(end)]
    for raw in (*wrong, *beyond):
        with pytest.raises(StudyError, match=f"expected a (whole )?number from .* for '{key}'"):
            choice(family, {"name": name, key: raw})


@pytest.mark.parametrize(("family", "name", "key"), NUMBERS)
def test_whole_numbers_become_real(family, name, key):
    """1 and 1.0 are one setting."""
    number = FAMILIES[family][name].numbers[key]
    whole = next(one for one in (0, 1, None) if one is None or number.low <= one <= number.high)
    if whole is None:
        return
    one, other = (choice(family, {"name": name, key: kind(whole)}) for kind in (int, float))
    kind = int if FAMILIES[family][name].numbers[key].whole else float
    assert type(one.numbers[key]) is type(other.numbers[key]) is kind


@pytest.mark.parametrize(("family", "name", "key"), FLAGS)
def test_flags_are_truth_values(family, name, key):
    """Numbers and words are no truth values."""
    default = FAMILIES[family][name].flags[key]
    assert choice(family, {"name": name, key: not default}).flags[key] is not default
    for raw in (0, 1, "true", None):
        with pytest.raises(StudyError, match=f"expected true or false for '{key}'. Received: "):
            choice(family, {"name": name, key: raw})


@pytest.mark.parametrize(("family", "name", "key"), OPTIONS)
def test_options_are_words_of_a_list(family, name, key):
    """The first is the default; others are refused with the nearest one."""
    words = FAMILIES[family][name].options[key]
    assert choice(family, name).words[key] == words[0]
    for word in words:
        assert choice(family, {"name": name, key: word}).structure()[key] == word
    for raw in ("", words[0] + "x", 1, None, [words[0]]):
        with pytest.raises(StudyError, match=f"expected one of {words[0]}.* for '{key}'. Received"):
            choice(family, {"name": name, key: raw})


@pytest.mark.parametrize(
    ("family", "raw", "expected"),
    [
        ("activation", "gelo", ("expected the name of an activation. Received: 'gelo'. "
                               "Did you mean 'gelu'?")),
        ("activation", "ReLUU", "Did you mean 'relu'?"),
        ("optimizer", "adm", ("expected the name of an optimizer. Received: 'adm'. "
                             "Did you mean 'adam'?")),
        ("regularizer", "l3", "expected the name of a regularizer. Received: 'l3'."),
        ("initializer", None, "expected the name of an initializer. Received: None."),
        ("initializer", 3, "expected the name of an initializer. Received: 3."),
        ("initializer", ["zeros"], "Received: ['zeros']."),
        ("initializer", {}, "Received: None."),
        ("initializer", {"name": ["zeros"]}, "Received: ['zeros']."),
        ("initializer", {"name": "zeros", "gain": 1}, "Received: 'gain'. It takes none."),
        ("optimizer", {"name": "sgd", "momentun": 0.9},
         ("expected a number that optimizer 'sgd' takes. Received: 'momentun'. "
         "Did you mean 'momentum'?")),
    ],
)  # fmt: skip
def test_unknown_names_are_refused(family, raw, expected):
    """The nearest valid name is offered."""
    with pytest.raises(StudyError) as caught:
        choice(family, raw)
    assert expected in str(caught.value)


ACCEPTED = {
    "count": [(1, 1), (10**6, 10**6)],
    "counts": [(3, [3]), ([16, 32], [16, 32]), ((8,), [8]), ([], [])],
    "number": [(1, 1.0), (1e-300, 1e-300), (None, None)],
    "fraction": [(0, 0.0), (0.999, 0.999)],
    "share": [(0.2, 0.2)],
    "amount": [(0, 0.0), (3, 3.0), (None, None)],
}
REFUSED = {
    "count": [0, -1, 1.0, "3", True, None, [3], math.nan],
    "counts": [0, -3, True, "12", [0], [1.5], [True], ["3"], [[3]], None, {"a": 1}],
    "number": [0, -1, math.nan, math.inf, -math.inf, 10**400, "0.1", True, [0.1]],
    "fraction": [1, -0.1, math.nan, math.inf, "0.1", True, None],
    "amount": [-1, math.nan, math.inf, 10**400, "0.1", True, [0.1]],
    "share": [0, 0.0, 1, -0.1, math.nan, math.inf, "0.1", True, False, None],
}


@pytest.mark.parametrize(
    ("kind", "raw", "form"), [(kind, *pair) for kind in ACCEPTED for pair in ACCEPTED[kind]]
)
def test_arguments_have_one_form(kind, raw, form):
    """Equal settings are written equally, so that trials have equal keys."""
    found = check_argument(Argument(kind=kind), raw)
    assert found == form
    assert type(found) is type(form)


@pytest.mark.parametrize(
    ("kind", "raw"), [(kind, raw) for kind in REFUSED for raw in REFUSED[kind]]
)
def test_arguments_of_the_wrong_kind_are_refused(kind, raw):
    """What was expected, and what was received."""
    with pytest.raises(StudyError, match=r"expected .*Received: "):
        check_argument(Argument(kind=kind), raw)


@pytest.mark.parametrize("raw", ["vgg", "plain"])
def test_options_have_one_form(raw):
    """Words of a list, as they are; others are refused with the nearest one."""
    argument = catalog.TEMPLATES["cnn"].arguments["block"]
    assert check_argument(argument, raw) == raw
    for wrong in (raw + "x", None, 1, True):
        with pytest.raises(StudyError, match=r"expected one of plain, vgg, residual\. Received"):
            check_argument(argument, wrong)


def test_counted_numbers_are_whole():
    """Groups of a normalization."""
    assert choice("normalization", {"name": "group", "groups": 4.0}).numbers["groups"] == 4
    with pytest.raises(StudyError, match=r"expected a whole number from 1 to inf for 'groups'"):
        choice("normalization", {"name": "group", "groups": 2.5})


@pytest.mark.parametrize("raw", ["mle", 3, ["mean_squared_error"], {"name": "x"}, ""])
def test_unknown_losses_are_refused(raw):
    """Whatever kind of thing stands in the place of a loss."""
    with pytest.raises(StudyError, match=r"expected the name of a loss\. Received: "):
        check_argument(catalog.SETTINGS["loss"], raw)


@pytest.mark.parametrize(
    "form",
    [
        lambda zero: check_argument(catalog.SETTINGS["label_smoothing"], zero),
        lambda zero: check_argument(catalog.SETTINGS["weight_decay"], zero),
        lambda zero: check_argument(catalog.TEMPLATES["rnn"].arguments["forget_bias"], zero),
        lambda zero: choice("regularizer", {"name": "l2", "l2": zero}).numbers["l2"],
    ],
)
def test_there_is_one_zero(form):
    """Minus zero is the same number, and so the same trial."""
    assert math.copysign(1, form(-0.0)) == math.copysign(1, form(0)) == 1


def _arguments():
    yield from catalog.SETTINGS.items()
    for template in catalog.TEMPLATES.values():
        yield from template.arguments.items()


@pytest.mark.parametrize(("name", "argument"), list(_arguments()))
def test_defaults_are_valid(name, argument):
    """Every default passes the check of its own argument, and its form is final."""
    # By optimizer, by labels, by the model, never, all, by the data, 1 for an LSTM.
    if name in {
        *catalog.TRANSFER,  # from scratch
        "cases",
        "cases_per_class",
        "label_noise",
        "learning_rate",
        "loss",
        "outputs",
        "patience",
        "salt",
        "weight_decay",
        "vocabulary",
        "padding",
        "forget_bias",
        "output_regularizer",
        "step_width",
        "size",  # the trunk's
    }:
        assert argument.default is None
        return
    form = check_argument(argument, argument.default)
    assert check_argument(argument, form) == form


def test_template_arguments_hide_no_setting():
    """A name is an argument of the template or a setting of the training, never both."""
    for template in catalog.TEMPLATES.values():
        assert not template.arguments.keys() & catalog.SETTINGS.keys()


def test_every_task_has_losses_and_metrics():
    """The default loss of a task fits it, and its metrics exist; players have no loss in common."""
    for task, entry in catalog.TASKS.items():
        assert task in catalog.LOSSES[entry.loss].tasks
        assert task in catalog.METRICS[entry.fit].tasks & catalog.METRICS[entry.decides].tasks
        assert ("loss" in catalog.TASK_METRICS[task]) != entry.generates
        assert not entry.otherwise or task in catalog.METRICS[entry.otherwise].tasks
    for metric in catalog.METRICS.values():
        assert metric.tasks <= catalog.TASKS.keys()


@pytest.mark.parametrize("template", sorted(catalog.TEMPLATES))
def test_what_a_template_cannot_use_is_refused(template):
    """The error names what it can use."""
    for argument in catalog.TEMPLATES[template].arguments.values():
        for name in argument.without:
            with pytest.raises(StudyError, match=f"this template can use here: .*'{name}'"):
                check_argument(argument, name)


ROWS = {(row.family, row.name): row for row in catalog.rows()}
LEVELS = {
    "units": ([4], [8]),
    "filters": ([4], [8]),
    "kernel_size": (3, 5),
    "activation": ("relu", "tanh"),
    "initializer": ("zeros", {"name": "constant", "value": 0.5}),
    "regularizer": ("none", "l2"),
    "normalization": ("none", "batch"),
    "dropout": (0.1, 0.2),
    "epochs": (10, 20),
    "batch_size": (16, 32),
    "batch_order": ("fixed", "given"),
    "last_batch": ("keep", "drop"),
    "output_constraint": ("none", "max_norm"),
    "validation": (0.2, 0.3),
    "cases_per_class": (5, 10),
    "cases": (32, 40),
    "label_noise": (0.1, 0.2),
    "output_regularizer": ("l1", "l2"),
    "optimizer": ("adam", "sgd"),
    "learning_rate": (0.1, 0.2),
    "schedule": ("constant", {"name": "cosine", "floor": 0.5}),
    "clip": ("none", "norm"),
    "class_weight": ("none", "balanced"),
    "patience": (3, 5),
    "salt": (1, 2),
    "cell": ("lstm", "gru"),
    "bidirectional": (False, True),
    "pooling": ("max", "mean"),
    "pool": ("max", "mean"),
    "residual": (False, True),
    "bias_regularizer": ("none", "l1"),
    "activity_regularizer": ("none", "l1"),
    "constraint": ("none", "max_norm"),
    "normalization_order": ("before", "after"),
    "dropout_kind": ("standard", "alpha"),
    "input_dropout": (0.1, 0.2),
    "noise": (0.1, 0.2),
    "block": ("plain", "residual"),
    "downsampling": ("pool", "none"),
    "head": ("flatten", "mean"),
    "coordinates": (False, True),
    "block_dropout": (0.1, 0.2),
    "flip": (0.1, 0.5),
    "shift": (1, 2),
    "weight_decay": (0.1, 0.2),
    "label_smoothing": (0.1, 0.2),
    "vocabulary": (10, 20),
    "embedding": (4, 8),
    "step_width": (1, 2),
    "padding": (0, -1),
    "recurrent_initializer": ("zeros", "orthogonal"),
    "forget_bias": (0.0, 2.0),
    "recurrent_regularizer": ("none", "l2"),
    "recurrent_constraint": ("none", "unit_norm"),
    "recurrent_dropout": (0.1, 0.2),
    "code": (4, 8),
    "bottleneck": ("plain", "sparse_l1"),
    "corruption": ("none", "gaussian"),
    "tied": (False, True),
    "code_activation": ("linear", "tanh"),
    "output_activation": ("linear", "sigmoid"),
    "latent": (4, 8),
    "latent_kind": ("normal", "ones"),
    "bias": (True, False),
    "adversarial_loss": ("hinge", "wasserstein"),
    "penalty": ("none", "r1"),
    "weight_limit": (0.1, 0.2),
    "packing": (1, 2),
    "critic_steps": (1, 2),
    "turns": ("alternating", "simultaneous"),
    "average": (0.5, 0.9),
    "transposed_fan": ("keras", "received"),
    "critic_activation": ("relu", "tanh"),
    "critic_initializer": ("zeros", {"name": "constant", "value": 0.5}),
    "critic_regularizer": ("none", "l2"),
    "critic_normalization": ("none", "spectral"),
    "critic_dropout": (0.1, 0.2),
    "trunk": ("squeezenet", "vgg16"),
    "size": (64, 96),
    "weights": ("trained", "drawn"),
}

OF_CLASSES = {"class_weight", "label_smoothing"}
"""Settings that need classes."""


@pytest.mark.parametrize(("family", "name"), ENTRIES)
def test_the_listing_marks_what_a_choice_is_compiled_for(family, name):
    """All that an entry takes is in one part; a choice that is an input has no structure."""
    row, chosen = ROWS[family, name], choice(family, name)
    assert {*row.takes} == chosen.arguments.keys()
    assert sorted((*row.values, *row.structure)) in (sorted(chosen.setting()), sorted(row.takes))
    if row.structure:
        assert {*row.values} == chosen.values().keys()
        assert {*row.structure} == chosen.structure().keys()
    assert bool(row.structure) == (family not in {"initializer", "schedule", "gate_bias"})


@pytest.mark.parametrize(
    ("template", "family", "name"),
    [
        (template, family, name)
        for template in catalog.TEMPLATES
        for family in (template, "setting")
        for name in ARGUMENTS[family]
        if name in LEVELS
        and (name not in OF_CLASSES or template not in {"autoencoder", "gan", "quadratic"})
        and (name, template) != ("cases_per_class", "quadratic")
        and (name != "label_noise" or template not in {"autoencoder", "gan"})
    ],
)
def test_the_listing_marks_what_a_program_is_compiled_for(ask, card, template, family, name):
    """Two levels of an argument are two programs if and only if it is marked."""
    if template == "quadratic":
        card = datasets.describe("quadratic-100", [])
    laid = design.plan(ask(template=template, factors={name: LEVELS[name]}), card, [])
    trials = [laid.trial(arm, {}, "tune", 0) for arm in laid.arms]
    keys = {design.program_key(trial, card) for trial in trials}
    row = ROWS[family, name]
    assert len(keys) == 1 + (name in row.structure)
    assert (name in ROWS["template", template].structure) == (
        family == template and name in row.structure
    )
    assert not {*row.values} & {*row.structure}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (template, name)
        for template, entry in catalog.TEMPLATES.items()
        for name, argument in entry.arguments.items()
        if argument.later and argument.default is not None  # none at all cannot be stated
    ],
)
def test_a_later_argument_changes_no_key_that_was_kept(ask, card, template, name):
    """Whoever states its default has the trial of those who say nothing."""
    default = catalog.TEMPLATES[template].arguments[name].default
    given = ({"epochs": [10]}, {"epochs": [10], name: [default]})
    plans = [design.plan(ask(template=template, factors=one), card, []) for one in given]
    unsaid, said = (laid.trial(laid.arms[0], {}, "tune", 0) for laid in plans)
    assert name not in said.settings
    assert said.key == unsaid.key


def test_the_page_is_the_table(capsys, monkeypatch):
    """``make docs`` writes it anew."""
    monkeypatch.setattr("sys.argv", ["keras-harness", "catalog", "--markdown"])
    assert cli.main() == 0
    page = Path(__file__).parents[2] / "docs" / "catalog.md"
    assert page.read_text(encoding="utf-8") == capsys.readouterr().out


def test_every_argument_is_listed():
    """Those that the test above has no two levels for are told apart here."""
    listed = {name for arguments in ARGUMENTS.values() for name in arguments}
    # What a start from another training is compiled for is looked at in test_sources.
    assert listed - LEVELS.keys() - catalog.TRANSFER.keys() == {"loss", "outputs"}
    for name in ("loss", "outputs"):
        assert ROWS["setting", name].structure == (name,)


def test_a_row_has_marks_for_people():
    """Stock Keras branches on both momenta; one of them is an input here."""
    family, _, sgd, note = ROWS["optimizer", "sgd"].cells()
    _, _, rmsprop, _ = ROWS["optimizer", "rmsprop"].cells()
    assert family == "optimizer*"
    assert sgd == "learning_rate=0.01, momentum=0, nesterov=false*"
    assert "where momentum is compiled in" in note
    assert "rho=0.9, momentum=0*, " in rmsprop
    assert ROWS["initializer", "orthogonal"].cells()[:3] == ("initializer", "orthogonal", "gain=1")
